"""A deep belief network that classifies, and generates examples of a class."""

from collections.abc import Sequence
from dataclasses import KW_ONLY
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from flambeau.errors import ConfigurationError, DataError
from flambeau.estimators.base import Rows
from flambeau.estimators.boltzmann import (
    ALGORITHMS,
    BINARISE,
    held_label,
    how_many,
    in_order,
    labels_and_which,
    mark_of_no_label,
    one_hot,
    probabilities,
    rates_by_algorithm,
    unit_kinds,
)
from flambeau.estimators.common import checked_data, labels_of, outputs, row_weights, seed_of
from flambeau.estimators.deep_belief import STAGED, TEACHING, AbstractDeepBelief
from flambeau.estimators.descent import described_optimizer
from flambeau.estimators.options import OptimizerLike, Rate, Seed, learning_rates, optimizer_named
from flambeau.estimators.parameters import flag, number, one_of, parameters, seed, several, whole
from flambeau.foundation.precision import dtype
from flambeau.foundation.rows import by_rows
from flambeau.networks import DeepBeliefNetwork, FeedForward, dbn
from flambeau.neurons import AbstractUnit, activation
from flambeau.problems import Examples
from flambeau.rules import Backpropagation, CrossEntropy
from flambeau.structures import Dense, Dropout, Layer
from flambeau.training import AbstractMonitor, Run, optimizer
from flambeau.training.stagewise import Stage, run_stage

__all__ = ["DBNClassifier", "feed_forward"]

TUNED = {"learning_rate": "fine_tune_learning_rate", "l2": "fine_tune_l2"}


@parameters
class DBNClassifier(ClassifierMixin, AbstractDeepBelief):
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
    unlabelled : the label of rows without one, as for :class:`~flambeau.ClassificationRBM`.

    Attributes
    ----------
    ``classes_``, ``network_``, ``dbn_``, ``history_``, ``runs_``, ``n_iter_``, ``n_features_in_``.

    >>> import flambeau as fb
    >>> digits = fb.problems.load("digits")
    >>> y = np.where(np.arange(1797) < 300, digits.target, -1)  # the other rows without labels
    >>> model = fb.DBNClassifier((64, 64), random_state=0).fit(digits.data, y)
    >>> bool(model.score(digits.data[300:], digits.target[300:]) > 0.8), model.sample(2, label=3, n_steps=20).shape
    (True, (2, 64))

    *Limits.* Pre-training pays where labels are few; with many, modern activations and dropout do
    as well without it. Source: Hinton, Osindero, Teh 2006; Hinton and Salakhutdinov 2006. Lecture: 深度信念网络.
    """

    hidden_layer_sizes: int | Sequence[int] = several((500, 500, 2000), empty=False)
    fine_tune: str | None = one_of("backprop", ("up_down", "backprop"), also=(None,))
    _: KW_ONLY
    visible: str | AbstractUnit = unit_kinds("bernoulli")
    algorithm: str = one_of("cd", ALGORITHMS)
    k: int = whole(1, least=1)
    centered: bool = flag(False)
    n_chains: int | None = whole(None, least=1, also=(None,))
    n_temperatures: int = whole(10, least=2)
    n_categories: int | None = whole(None, least=2, also=(None,))
    binarize: str | None = one_of(None, BINARISE, also=(None,))
    optimizer: OptimizerLike = optimizer_named("momentum")
    learning_rate: Rate = rates_by_algorithm()
    l1: float = number(0.0, least=0)
    l2: float = number(2e-4, least=0)
    weight_decay: float = number(0.0, least=0)
    max_norm: float | None = number(None, least=0, also=(None,))
    clip_norm: float | None = number(None, least=0, also=(None,))
    batch_size: int = whole(20, least=1)
    epochs: int = whole(20, least=1)
    unlabelled: Any = mark_of_no_label()
    fine_tune_k: int | None = whole(None, least=1, also=(None,))
    fine_tune_epochs: int = whole(30, least=1)
    fine_tune_learning_rate: Rate = learning_rates(0.003)
    fine_tune_optimizer: OptimizerLike = optimizer_named("adam")
    fine_tune_l2: float = number(0.0, least=0)
    dropout: float = number(0.0, least=0, below=1)
    input_dropout: float = number(0.0, least=0, below=1)
    generative_weight: float | None = number(None, least=0, also=(None,))
    top_rate: float = number(1.0, least=0)
    warm_up_epochs: int = whole(2, least=0)
    shuffle: bool = flag(True)
    random_state: Seed = seed()
    verbose: bool = flag(False)

    fitted: ClassVar[tuple[str, ...]] = (*STAGED, "classes_", "dbn_")
    rates: ClassVar[dict[str, float]] = {"cd": 0.05, "pcd": 0.01, "tempering": 0.01, "exact": 0.05}

    def _check(self) -> None:
        self._check_stack()
        described_optimizer(self, TUNED, "fine_tune_optimizer")
        alone: dict[str, float | None] = {"dropout": 0, "input_dropout": 0} if self.fine_tune != "backprop" else {}
        alone |= {"generative_weight": None, "top_rate": 1} if self.fine_tune != "up_down" else {}
        for name, neutral in alone.items():
            if getattr(self, name) != neutral:
                of = "up_down" if name in ("generative_weight", "top_rate") else "backprop"
                where, got = f"DBNClassifier.{name}", f"{getattr(self, name)!r} with fine_tune={self.fine_tune!r}"
                raise ConfigurationError(
                    where, f"{neutral!r} unless fine_tune={of!r}, which reads it", got, "leave it out"
                )

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, monitors: Sequence[AbstractMonitor] = ()
    ) -> "DBNClassifier":
        """Learn from X ``(n, features)`` and labels y ``(n,)``, some missing. Monitors watch the first layer."""
        self._check_all()
        draft = self._draft(going_on=False)
        rows = draft._read(X, y, sample_weight)
        draft._teach(rows, seed_of(self.random_state), monitors)
        return self._commit(draft)

    def _read(self, X: Any, y: Any, sample_weight: Any) -> Rows:
        """Checked rows, with one-hot labels or zeros, and ``classes_``."""
        labels, known = labels_and_which(self, y)
        X, y = checked_data(self, X, labels, reset=True, accept_sparse="csr")
        X = self._in_range(X, self._unit(X.shape[1]), learning=True)
        if not known.any():
            raise DataError("DBNClassifier, y", "at least two classes", "no label at all", "label some rows")
        self.classes_ = labels_of(self, y[known])
        weights = row_weights(self, X, y, sample_weight)
        if not (weights[known] > 0).any():
            raise DataError("DBNClassifier, weights", "a labelled row with weight", "none", "give one some weight")
        joined = Rows(np.hstack([X, one_hot(self, y, known, self.classes_)]), np.zeros((len(X), 0)), weights)
        rows = in_order(joined, self.batch_size, shuffle=self.shuffle)
        return rows._replace(inputs=rows.inputs[:, : X.shape[1]], targets=rows.inputs[:, X.shape[1] :])

    def _teach(self, rows: Rows, seed: int, monitors: Sequence[AbstractMonitor]) -> None:
        """Layer by layer, then as ``fine_tune`` says."""
        runs = self._greedy(rows, seed, monitors)
        network: Any = dbn([run.network for run in runs])
        self.dbn_ = network
        if self.fine_tune == "up_down":
            runs.append(self._up_down(rows, network, seed, self.generative_weight, self.top_rate))
            network = self.dbn_ = runs[-1].network
        elif self.fine_tune == "backprop":
            silent = float(self.dropout), float(self.input_dropout)
            runs += self._backprop(rows, feed_forward(network, len(self.classes_), *silent), seed)
            network = runs[-1].network
        self.network_ = network
        self._settle(self.dbn_, rows, runs)

    def _backprop(self, rows: Rows, network: FeedForward, seed: int) -> list[Run]:
        """The labelled rows, by back-propagation: first the output layer alone, then everything."""
        rows = rows.at(np.flatnonzero(rows.targets.any(1)))
        batch_size = self._rows_per_step(rows.inputs)
        examples = Examples.of(*rows[:3], shuffle=bool(self.shuffle), whole=batch_size)
        key = jax.random.fold_in(jax.random.key(seed), TEACHING)
        rule, runs = Backpropagation(CrossEntropy()), list[Run]()
        if self.warm_up_epochs:
            first = optimizer("adam", 0.001)
            epochs, top = int(self.warm_up_epochs), only_the_top(network)
            stage = Stage(network, rule, examples, first, epochs, batch_size, key, trainable=top)
            runs.append(run_stage(stage, verbose=bool(self.verbose)))
            network = runs[0].network
        chosen = described_optimizer(self, TUNED, "fine_tune_optimizer")
        stage = Stage(network, rule, examples, chosen, int(self.fine_tune_epochs), batch_size, key)
        return [*runs, run_stage(stage, verbose=bool(self.verbose))]

    def predict_proba(self, X: Any) -> np.ndarray:
        """P(y | x) ``(n, classes)``: the softmax outputs, or the top's free energy for each label."""
        check_is_fitted(self)
        X = self._visible(X, self.dbn_.features)
        if not isinstance(self.network_, DeepBeliefNetwork):  # not "is self.dbn_": a loaded model has two copies
            return outputs(self.network_, X)
        return probabilities(by_rows(scores, self.dbn_, X))

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
        return outputs(self.dbn_, self._visible(X, self.dbn_.features))

    def sample(self, n_samples: Any = 1, label: Any = None, n_steps: Any = 1000) -> np.ndarray:
        """Means of v ``(n, features)`` of a class: the label is clamped, the top sampled for ``n_steps``, then down.

        With ``label=None`` the label is sampled along.
        """
        check_is_fitted(self)
        count, _ = how_many(self, n_samples, n_steps)
        clamp = held_label(self, label, len(self._base), count)
        return self._generated(self.dbn_, n_samples, n_steps, clamp)


def feed_forward(
    network: DeepBeliefNetwork, classes: int, dropout: float = 0.0, input_dropout: float = 0.0
) -> FeedForward:
    """The recognition stack with a softmax layer on top, starting from zero: what back-propagation fine-tunes.

    The stack reads t(v), the new network v: for Gaussian units the first weights are divided by the variance.
    """
    size = network.top.structure.weights.shape[0] - network.label
    pairs = [(pair.recognition.weights, pair.recognition_bias) for pair in network.lower]
    pairs.append((network.top.structure.weights[:size], network.top.hidden_bias))
    first, bias = pairs[0]
    kind: AbstractUnit = network.features
    pairs[0] = kind.statistic(jnp.ones(first.shape[0], first.dtype))[:, None] * first, bias
    layers: list[Any] = [Dropout(input_dropout)] if input_dropout else []
    for weights, bias in pairs:
        layers.append(Layer(Dense(weights), bias, activation("sigmoid")))
        if dropout:
            layers.append(Dropout(dropout))
    inputs = pairs[-1][0].shape[1]
    top = Layer(Dense(jnp.zeros((inputs, classes), dtype())), jnp.zeros(classes, dtype()), activation("softmax"))
    return FeedForward((*layers, top))


def only_the_top(network: FeedForward) -> PyTree:
    """A filter under which nothing but the output layer learns."""
    fixed = jax.tree.map(lambda leaf: False, network)
    return eqx.tree_at(lambda n: n.layers[-1], fixed, jax.tree.map(eqx.is_inexact_array, network.layers[-1]))


def scores(network: DeepBeliefNetwork, v: Array) -> Array:
    """log P(y | v) up to a constant."""
    return network.class_scores(v)
