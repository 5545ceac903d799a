"""A deep belief network that classifies, and generates examples of a class."""

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from flambeau.errors import DataError
from flambeau.estimators.boltzmann import (
    dense,
    fresh_bias,
    held_label,
    how_many,
    shown,
    visible_rows,
)
from flambeau.estimators.common import (
    check_number,
    checked_data,
    class_indices,
    labels_of,
    outputs,
    row_weights,
    seed_of,
)
from flambeau.estimators.dbn import MOST, check_deep, generated, top_rows, visible_unit
from flambeau.estimators.deep import (
    Settings,
    backprop,
    feed_forward,
    greedy,
    in_order,
    joined_history,
    rows_of_labels,
    scores,
    up_down,
)
from flambeau.foundation.precision import dtype
from flambeau.foundation.rows import by_rows
from flambeau.networks import DeepBeliefNetwork, dbn
from flambeau.training import optimiser

__all__ = ["DBNClassifier"]

UNLABELLED = -1


class DBNClassifier(ClassNamePrefixFeaturesOutMixin, ClassifierMixin, TransformerMixin, BaseEstimator):
    r"""A deep belief network with a label beside its penultimate layer: it classifies, generates, uses unlabelled rows.

    Layers are trained greedily on all rows, labelled or not; the top machine sees the label too. ``fine_tune`` says how
    the whole is then taught:

    * ``"backprop"``: the recognition stack becomes a feed-forward network with a softmax layer, taught by
      back-propagation on the labelled rows (``network_``); the generative network stays in ``dbn_``.
    * ``"up_down"``: contrastive wake-sleep over all layers; classes are read off the top's free energy. With a
      ``generative_weight`` the top learns log P(y | the layer below) too, times one, beside that many times the
      generative gradient (:class:`~flambeau.rules.Hybrid`); it learns ``top_rate`` times as fast as the rest.
    * ``None``: greedy training only; classes are read off the top's free energy.

    Parameters
    ----------
    hidden_layer_sizes, visible, algorithm, k, centered, binarize, optimizer, learning_rate, batch_size, epochs, ... :
        as for :class:`~flambeau.DBN`.
    fine_tune_epochs, fine_tune_learning_rate, fine_tune_k : of fine-tuning;
        ``fine_tune_optimizer``, ``fine_tune_l2``, ``dropout`` (share of every hidden layer silenced),
        ``input_dropout`` and ``warm_up_epochs`` (output layer alone) for back-propagation.

    Attributes
    ----------
    ``classes_``, ``network_``, ``dbn_``, ``history_``, ``runs_``, ``n_iter_``, ``n_features_in_``.

    A label of -1 marks a row without one, as in scikit-learn's semi-supervised estimators (unless the labels are -1 and
    one other: then it is a class).

    >>> import flambeau as fb
    >>> digits = fb.problems.load("digits")
    >>> y = np.where(np.arange(1797) < 300, digits.target, -1)  # the other rows without labels
    >>> model = fb.DBNClassifier((64, 64), random_state=0).fit(digits.data, y)
    >>> bool(model.score(digits.data[300:], digits.target[300:]) > 0.8), model.sample(2, label=3, n_steps=20).shape
    (True, (2, 64))

    *Limits.* Pre-training pays where labels are few; with many, modern activations and dropout do
    as well without it. Source: Hinton, Osindero, Teh 2006; Hinton and Salakhutdinov 2006. Lecture: 深度信念网络.
    """

    def __init__(
        self,
        hidden_layer_sizes: Any = (500, 500, 2000),
        fine_tune: Any = "backprop",
        *,
        visible: Any = "bernoulli",
        algorithm: Any = "cd",
        k: Any = 1,
        centered: Any = False,
        n_chains: Any = None,
        n_temperatures: Any = 10,
        n_categories: Any = None,
        binarize: Any = None,
        optimizer: Any = "momentum",
        learning_rate: Any = 0.05,
        l1: Any = 0.0,
        l2: Any = 2e-4,
        weight_decay: Any = 0.0,
        max_norm: Any = None,
        clip_norm: Any = None,
        batch_size: Any = 20,
        epochs: Any = 20,
        fine_tune_k: Any = None,
        fine_tune_epochs: Any = 30,
        fine_tune_learning_rate: Any = 0.003,
        fine_tune_optimizer: Any = "adam",
        fine_tune_l2: Any = 0.0,
        dropout: Any = 0.0,
        input_dropout: Any = 0.0,
        generative_weight: Any = None,
        top_rate: Any = 1.0,
        warm_up_epochs: Any = 2,
        shuffle: Any = True,
        random_state: Any = None,
        verbose: Any = False,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.fine_tune = fine_tune
        self.visible = visible
        self.algorithm = algorithm
        self.k = k
        self.centered = centered
        self.n_chains = n_chains
        self.n_temperatures = n_temperatures
        self.n_categories = n_categories
        self.binarize = binarize
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.l1 = l1
        self.l2 = l2
        self.weight_decay = weight_decay
        self.max_norm = max_norm
        self.clip_norm = clip_norm
        self.batch_size = batch_size
        self.epochs = epochs
        self.fine_tune_k = fine_tune_k
        self.fine_tune_epochs = fine_tune_epochs
        self.fine_tune_learning_rate = fine_tune_learning_rate
        self.fine_tune_optimizer = fine_tune_optimizer
        self.fine_tune_l2 = fine_tune_l2
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.generative_weight = generative_weight
        self.top_rate = top_rate
        self.warm_up_epochs = warm_up_epochs
        self.shuffle = shuffle
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, monitors: Any = ()) -> "DBNClassifier":
        """Learn from X ``(n, features)`` and labels y ``(n,)``, -1 for none. Monitors watch the first layer."""
        sizes = check_deep(self, (None, "up_down", "backprop"))
        check_number(self, "warm_up_epochs", 0, whole=True)
        check_number(self, "top_rate", 0)
        if self.generative_weight is not None:
            check_number(self, "generative_weight", 0)
        optimiser(self.fine_tune_optimizer, self.fine_tune_learning_rate, l2=self.fine_tune_l2)
        X, y = checked_data(self, dense(X), y, reset=True)
        kind = visible_unit(self, X)
        kind.check(X, "DBNClassifier, X")
        known = labelled(y)
        if not known.any():
            raise DataError("DBNClassifier, y", "at least two classes", "no labels but -1", "label some rows")
        classes = labels_of(self, y[known])
        weights = row_weights(self, X, y, sample_weight)
        kept = weights > 0
        if not (kept & known).any():
            raise DataError("DBNClassifier, weights", "a labelled row with weight", "none", "give one some weight")
        X = shown(X, "threshold", 0) if self.binarize == "threshold" else X
        indices = np.where(known, class_indices(self, classes, np.where(known, y, classes[0])), UNLABELLED)
        labels = rows_of_labels(indices[kept], len(classes))
        self._teach(Settings(X[kept], weights[kept], labels, kind, seed_of(self.random_state)), sizes, monitors)
        self.classes_ = classes
        return self

    def _teach(self, given: Settings, sizes: tuple[int, ...], monitors: Any) -> None:
        given = in_order(given, int(self.batch_size), shuffle=bool(self.shuffle))
        machines, runs = greedy(self, given, sizes, monitors)
        network: Any = dbn(machines)
        self.dbn_ = network
        if self.fine_tune == "up_down":
            runs.append(up_down(self, given, network, self.generative_weight, self.top_rate))
            network = self.dbn_ = runs[-1].network
        elif self.fine_tune == "backprop":
            silent = float(self.dropout), float(self.input_dropout)
            runs += backprop(self, given, feed_forward(network, given.classes, *silent))
            network = runs[-1].network
        self._base = np.concatenate(
            [
                fresh_bias(self.dbn_.top.features, top_rows(self.dbn_, given.X), given.weights[:MOST]),
                np.zeros(given.classes),
            ]
        ).astype(dtype())
        self.network_, self.runs_, self.history_ = network, tuple(runs), joined_history(runs)
        self.n_iter_ = len(self.history_["loss"])

    def predict_proba(self, X: Any) -> np.ndarray:
        """P(y | x) ``(n, classes)``: the softmax outputs, or the top's free energy for each label."""
        check_is_fitted(self)
        X = self._rows(X)
        if not isinstance(self.network_, DeepBeliefNetwork):  # not "is self.dbn_": a loaded model has two copies
            return outputs(self.network_, X)
        values = np.asarray(by_rows(scores, self.dbn_, X), np.float64)
        values = np.exp(values - values.max(1, keepdims=True))
        return values / values.sum(1, keepdims=True)

    def predict(self, X: Any) -> np.ndarray:
        """The most probable label of every row."""
        check_is_fitted(self)
        return self.classes_[np.argmax(self.predict_proba(X), axis=1)]

    @property
    def _n_features_out(self) -> int:
        return int(self.dbn_.top.hidden_bias.shape[0])

    def transform(self, X: Any) -> np.ndarray:
        """Means of the top layer of the generative network, by an upward pass without a label."""
        check_is_fitted(self)
        return outputs(self.dbn_, self._rows(X))

    def sample(self, n_samples: Any = 1, label: Any = None, n_steps: Any = 1000) -> np.ndarray:
        """Means of v ``(n, features)`` of a class: the label is clamped, the top sampled for ``n_steps``, then down.

        With ``label=None`` the label is sampled along.
        """
        check_is_fitted(self)
        seed = seed_of(self.random_state)
        return generated(self.dbn_, self._base, *how_many(self, n_samples, n_steps), seed, held_label(self, label))

    def _rows(self, X: Any) -> np.ndarray:
        X = visible_rows(self, X, self.dbn_.features)
        return shown(X, "threshold", 0) if self.binarize == "threshold" else X

    def __sklearn_tags__(self) -> Any:
        """Sparse rows are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def labelled(y: np.ndarray) -> np.ndarray:
    """Which rows have a label: all but those of -1, which is a class itself where only one remains beside it."""
    if y.dtype.kind not in "iuf" or (y != y.round()).any():
        return np.ones(len(y), bool)
    others = np.unique(y[y != UNLABELLED])
    return np.ones(len(y), bool) if len(others) == 1 else y != UNLABELLED
