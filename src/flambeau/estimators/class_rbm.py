"""The classification restricted Boltzmann machine behind scikit-learn's interface."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import numpy as np
from jaxtyping import Array
from sklearn.base import BaseEstimator, ClassifierMixin, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from flambeau.dynamics import Clamp, class_scores
from flambeau.errors import ConfigurationError, DataError
from flambeau.estimators.boltzmann import (
    check_sampling,
    check_weights,
    dense,
    fresh_bias,
    held_label,
    how_many,
    in_order,
    sampler_of,
    shown,
    visible_rows,
)
from flambeau.estimators.common import (
    check_number,
    checked_data,
    class_indices,
    known_classes,
    labels_of,
    row_weights,
    seed_of,
)
from flambeau.estimators.deep import rows_of_labels
from flambeau.estimators.fitting import Job, Lesson, check_settings, learn, pair, remember
from flambeau.estimators.rbm import new_machine, sampled
from flambeau.foundation.random import seed_words
from flambeau.foundation.rows import by_rows, no_rows
from flambeau.monitors import ValidationCurve
from flambeau.networks import RestrictedBoltzmannMachine
from flambeau.neurons import AbstractUnit, Categorical, unit
from flambeau.problems import AbstractProblem, Binarised, Examples
from flambeau.rules import AbstractRule, Batch, ContrastiveDivergence
from flambeau.rules.discriminative import Discriminative, Hybrid, LabelEvaluation, by_class
from flambeau.training import AbstractKeeper, AbstractStopping, Best, Last, Patience, RunAll

__all__ = ["ClassificationRBM"]

OBJECTIVES = ("hybrid", "generative", "discriminative")


class ClassificationRBM(ClassNamePrefixFeaturesOutMixin, ClassifierMixin, TransformerMixin, BaseEstimator):
    r"""A restricted Boltzmann machine with a label among its visible units: it classifies, and generates examples.

    energy(v, y, h) = -h'Wv - b'v - c'h - d'y - h'Uy;  P(y | v) = softmax_y(d_y + Σ_j log(1 + e^{c_j + U_jy + (Wv)_j})),
    exactly.

    Parameters
    ----------
    n_components : hidden units.
    visible : kind of the visible units, ``n_categories`` as for :class:`~flambeau.RBM`; hidden ones are Bernoulli.
    objective : "discriminative", the exact gradient of log P(y | v); "generative", contrastive divergence on
        log P(v, y); "hybrid", the first plus ``generative_weight`` times the second.
    unlabelled : the label of rows without one (None: there are none). It counts as such where at least two other labels
        remain, all whole numbers if it is one. These rows teach the generative part, and none else.
    algorithm, k, n_chains, n_temperatures, centered, binarize : of the generative part, as for :class:`~flambeau.RBM`.
    optimizer, learning_rate, l1, l2, weight_decay, max_norm, clip_norm : see :func:`flambeau.optimiser`.
    batch_size, epochs, shuffle, warm_start, random_state, verbose : as everywhere.
    early_stopping : stop when the held-out -log P(y | v) (``validation_fraction`` of the rows, or ``validation_data``)
        has not fallen by ``tolerance`` for ``patience`` epochs, and keep the best network.

    Attributes
    ----------
    ``classes_``, ``network_``, ``history_``, ``run_``, ``n_iter_``, ``n_features_in_``.

    Raises :class:`~flambeau.errors.ConfigurationError`, :class:`~flambeau.errors.DataError` (values outside the units'
    range, no labels), :class:`~flambeau.errors.DivergenceError`.

    >>> import flambeau as fb
    >>> digits = fb.problems.load("digits")
    >>> model = ClassificationRBM(100, random_state=0).fit(digits.data[:1200], digits.target[:1200])
    >>> bool(model.score(digits.data[1200:], digits.target[1200:]) > 0.9), model.sample(2, label=3, n_steps=50).shape
    (True, (2, 64))

    *Limits.* Trained with little or no generative weight it classifies best and generates badly. Trying every class
    costs as many hidden layers as there are classes. Source: Larochelle and Bengio 2008, Classification using
    discriminative restricted Boltzmann machines. Lecture: 深度信念网络.
    """

    def __init__(
        self,
        n_components: Any = 500,
        visible: Any = "bernoulli",
        objective: Any = "hybrid",
        generative_weight: Any = 0.01,
        *,
        unlabelled: Any = -1,
        algorithm: Any = "cd",
        k: Any = 1,
        centered: Any = True,
        n_chains: Any = None,
        n_temperatures: Any = 10,
        n_categories: Any = None,
        binarize: Any = None,
        optimizer: Any = "momentum",
        learning_rate: Any = 0.1,
        l1: Any = 0.0,
        l2: Any = 0.0,
        weight_decay: Any = 0.0,
        max_norm: Any = None,
        clip_norm: Any = None,
        batch_size: Any = 100,
        epochs: Any = 50,
        early_stopping: Any = False,
        validation_fraction: Any = 0.1,
        tolerance: Any = 1e-4,
        patience: Any = 10,
        shuffle: Any = True,
        warm_start: Any = False,
        random_state: Any = None,
        verbose: Any = False,
    ) -> None:
        self.n_components = n_components
        self.visible = visible
        self.objective = objective
        self.generative_weight = generative_weight
        self.unlabelled = unlabelled
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
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.tolerance = tolerance
        self.patience = patience
        self.shuffle = shuffle
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, validation_data: Any = None, monitors: Any = ()
    ) -> "ClassificationRBM":
        """Learn from X ``(n, features)``, dense or sparse, and labels y ``(n,)``, some of them missing.

        ``validation_data=(X, y)`` gives a validation curve, and is what early stopping watches.
        """
        self._check()
        X, y = checked_pair(self, X, y, reset=True)
        known = labelled(y, self.unlabelled)
        classes = labels_of(self, y[known])
        again = self.warm_start and hasattr(self, "run_") and np.array_equal(self.classes_, classes)
        return self._learn(X, y, classes, sample_weight, validation_data, monitors, self.epochs, again=again)

    def partial_fit(
        self,
        X: Any,
        y: Any,
        classes: Any = None,
        sample_weight: Any = None,
        *,
        validation_data: Any = None,
        monitors: Any = (),
    ) -> "ClassificationRBM":
        """One more pass over these rows; the first call names all ``classes``. Rows may all lack a label."""
        self._check()
        again = hasattr(self, "run_")
        classes = known_classes(self, classes)
        X, y = checked_pair(self, X, y, reset=not again)
        return self._learn(X, y, classes, sample_weight, validation_data, monitors, 1, again=again, stream=True)

    def _check(self) -> None:
        check_settings(self)
        check_number(self, "n_components", 1, whole=True)
        check_number(self, "generative_weight", 0)
        if self.objective not in OBJECTIVES:
            expected, got = f"one of {', '.join(OBJECTIVES)}", repr(self.objective)
            raise ConfigurationError("ClassificationRBM.objective", expected, got, "choose one")
        check_sampling(self)

    def _learn(
        self,
        X: np.ndarray,
        y: np.ndarray,
        classes: np.ndarray,
        sample_weight: Any,
        validation: Any,
        monitors: Sequence[Any],
        epochs: int,
        *,
        again: bool,
        stream: bool = False,
    ) -> "ClassificationRBM":
        features, count = X.shape[1], len(classes)
        kind = unit(self.visible, columns=features, categories=int(self.n_categories or 0))
        weights = row_weights(self, X, y, sample_weight)
        lesson = Lesson.of(self._joined(X, y, classes, kind), np.zeros((len(X), count), X.dtype), weights)
        if not (stream or lesson.X[:, features:].any()):
            raise DataError("ClassificationRBM, weights", "a labelled row with weight", "none", "give one some weight")
        if validation is not None:
            rows = self._joined(*checked_pair(self, *pair(self, validation)), classes, kind)
            lesson.held_out = rows, rows[:, features:], np.ones(len(rows))
        lesson = in_order(lesson, int(self.batch_size), shuffle=bool(self.shuffle))
        lesson.targets = lesson.X[:, features:]  # early stopping holds rows out class by class
        if not again:
            self._base = first_bias(kind, lesson, count)
        sizes = features, int(self.n_components)
        outline = *sizes, count, repr(jax.tree.map(np.shape, kind))
        job = Job(outline, lambda key: self._draw(sizes, kind, count, key), self._rule(), ByLabel(LabelEvaluation()),
                  lambda examples: self._problem(examples, features), converges=False)  # fmt: skip
        run = learn(self, lesson, job, epochs, monitors, self.run_ if again else None, stream)
        check_weights(self, run.network)
        self.classes_ = classes
        return remember(self, run, stream)

    def _joined(self, X: np.ndarray, y: np.ndarray, classes: np.ndarray, kind: AbstractUnit) -> np.ndarray:
        """Rows with their label beside them, one-hot, zeros where there is none."""
        kind.check(X, "ClassificationRBM, X")
        known = labelled(y, self.unlabelled, classes)
        indices = np.where(known, class_indices(self, classes, np.where(known, y, classes[0])), -1)
        X = shown(X, "threshold", 0) if self.binarize == "threshold" else X
        return np.hstack([X, rows_of_labels(indices, len(classes)).astype(X.dtype)])

    def _draw(self, sizes: tuple[int, int], kind: AbstractUnit, label: int, key: Array) -> RestrictedBoltzmannMachine:
        seed = jax.random.key_data(key)
        return new_machine(sizes, kind, unit("bernoulli"), self._base, bool(self.centered), seed, label)

    def _rule(self) -> AbstractRule:
        if self.objective == "discriminative":
            return Discriminative()
        generative = ContrastiveDivergence(sampler_of(self), bool(self.centered))
        return generative if self.objective == "generative" else Hybrid(generative, self.generative_weight)

    def _problem(self, examples: Examples, features: int) -> AbstractProblem:
        return Binarised(examples, features) if self.binarize == "sample" else examples

    @property
    def _n_features_out(self) -> int:
        return int(self.network_.hidden_bias.shape[0])

    def predict_proba(self, X: Any) -> np.ndarray:
        """P(y | v) ``(n, classes)``, exact, in the order of ``classes_``."""
        check_is_fitted(self)
        values = np.asarray(by_rows(scores, self.network_, self._rows(X)), np.float64)
        values = np.exp(values - values.max(1, keepdims=True))
        return values / values.sum(1, keepdims=True)

    def predict(self, X: Any) -> np.ndarray:
        """The most probable label of every row."""
        check_is_fitted(self)
        return self.classes_[np.argmax(self.predict_proba(X), axis=1)]

    def transform(self, X: Any) -> np.ndarray:
        """E[h | v] ``(n, n_components)``, the label summed out: Σ_y P(y | v) P(h = 1 | v, y), exact."""
        check_is_fitted(self)
        return by_rows(hidden_means, self.network_, self._rows(X))

    def sample(self, n_samples: Any = 1, label: Any = None, n_steps: Any = 1000) -> np.ndarray:
        """Rows ``(n, features)`` after ``n_steps`` of Gibbs sampling, the label held; ``None`` samples it along."""
        check_is_fitted(self)
        n_samples, steps = how_many(self, n_samples, n_steps)
        clamp = held_label(self, label)
        held = None if clamp is None else Clamp(*(np.broadcast_to(row, (n_samples, len(row))) for row in clamp))
        given, key = (self.network_, self._base, steps), seed_words(seed_of(self.random_state))
        states = by_rows(sampled, given, (no_rows(n_samples), held), key=key)
        return states[:, : -len(self.classes_)]

    def _rows(self, X: Any) -> np.ndarray:
        X = visible_rows(self, X, self.network_.visible.parts[0])
        return shown(X, "threshold", 0) if self.binarize == "threshold" else X

    def __sklearn_tags__(self) -> Any:
        """Sparse rows are welcome."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


@dataclasses.dataclass(frozen=True)
class ByLabel:
    """Early stopping and curves by the held-out -log P(y | v); without it every epoch is run."""

    score: LabelEvaluation

    def __call__(
        self, model: Any, examples: Examples, held_out: Batch | None, stream: bool
    ) -> tuple[AbstractStopping, AbstractKeeper, tuple[Any, ...]]:
        """``(stopping criterion, further monitors)``."""
        if model.early_stopping:
            return Patience(self.score, held_out, model.patience, model.tolerance), Best(), ()
        return RunAll(), Last(), (() if held_out is None else (ValidationCurve(self.score, held_out),))


def labelled(y: np.ndarray, unlabelled: Any, classes: Any = None) -> np.ndarray:
    """Which rows have a label: all, where ``unlabelled`` is a class itself or fewer than two others would remain."""
    every = np.ones(len(y), bool)
    if unlabelled is None or isinstance(unlabelled, str) != (y.dtype.kind in "UO"):
        return every
    if classes is not None:
        return every if np.isin(unlabelled, classes) else y != unlabelled
    known = y != unlabelled
    others = np.unique(y[known])
    whole = isinstance(unlabelled, str) or (others == np.round(others)).all()
    return known if len(others) > 1 and whole else every


def checked_pair(model: Any, X: Any, y: Any, *, reset: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Checked rows and labels; missing labels altogether are refused with scikit-learn's own message."""
    X, y = checked_data(model, dense(X), y, reset=reset, accept_sparse="csr")
    return X, y


def first_bias(kind: AbstractUnit, lesson: Lesson, classes: int) -> np.ndarray:
    """The visible biases of fresh machines: the rows' means, and the labelled rows' shares of the classes."""
    X, labels = lesson.X[:, :-classes], lesson.X[:, -classes:]
    known = labels.any(1)
    shares = fresh_bias(Categorical(classes), labels[known], lesson.weights[known])
    return np.concatenate([fresh_bias(kind, X, lesson.weights), shares])


def scores(network: RestrictedBoltzmannMachine, x: Any) -> Array:
    """log P(y | x) up to a constant."""
    return class_scores(network, x)


def hidden_means(network: RestrictedBoltzmannMachine, x: Any) -> Array:
    """E[h | x]; for Bernoulli units the statistic is the state."""
    return by_class(network, x, jax.nn.softmax(scores(network, x))).rows
