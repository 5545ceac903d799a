"""The classification restricted Boltzmann machine behind scikit-learn's interface."""

from dataclasses import KW_ONLY
from typing import Any, ClassVar

import jax
import numpy as np
from jaxtyping import Array
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from flambeau.dynamics import class_scores
from flambeau.errors import DataError
from flambeau.estimators.base import TRAINED, AbstractTrainedClassifier, Course, Given, Rows
from flambeau.estimators.boltzmann import (
    ALGORITHMS,
    BINARISE,
    AbstractBoltzmann,
    biases_for,
    check_machine,
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
from flambeau.estimators.classifier import pair_of, settled_classes
from flambeau.estimators.common import checked_data, row_weights, seed_of
from flambeau.estimators.descent import rows_per_step
from flambeau.estimators.options import OptimizerLike, Rate, Seed, optimizer_named
from flambeau.estimators.parameters import flag, number, one_of, parameters, seed, whole
from flambeau.estimators.rbm import sampled
from flambeau.foundation.random import seed_words
from flambeau.foundation.rows import by_rows, no_rows
from flambeau.monitors import ValidationCurve
from flambeau.networks import RestrictedBoltzmannMachine, rbm
from flambeau.neurons import AbstractUnit, Bernoulli, Categorical
from flambeau.problems import Binarised
from flambeau.rules import AbstractRule, ContrastiveDivergence
from flambeau.rules.discriminative import Discriminative, Hybrid, LabelEvaluation, by_class
from flambeau.training import AbstractKeeper, AbstractMonitor, AbstractStopping, Best, Last, Patience, Run, RunAll

__all__ = ["ClassificationRBM"]

OBJECTIVES = ("hybrid", "generative", "discriminative")


@parameters
class ClassificationRBM(AbstractBoltzmann, ClassifierMixin, AbstractTrainedClassifier):
    r"""A restricted Boltzmann machine with a label among its visible units: it classifies, and generates examples.

    energy(v, y, h) = -h'Wv - b'v - c'h - d'y - h'Uy;  P(y | v) = softmax_y(d_y + Σ_j log(1 + e^{c_j + U_jy + (Wv)_j})),
    exactly.

    Parameters
    ----------
    n_components : hidden units.
    visible : kind of the visible units, ``n_categories`` as for :class:`~flambeau.RBM`; hidden ones are Bernoulli.
    objective : "discriminative", the exact gradient of log P(y | v); "generative", contrastive divergence on
        log P(v, y); "hybrid", the first plus ``generative_weight`` times the second.
    unlabelled : the label of rows without one, beside None and NaN, which always mean that (None: nothing else does).
        It is a class like others where only one would remain, or where ``classes`` of ``partial_fit`` name it. These
        rows teach the generative part, and none else; early stopping holds out labelled rows alone.
    algorithm, k, n_chains, n_temperatures, centered, binarize : of the generative part, as for :class:`~flambeau.RBM`.
    learning_rate : "auto" is 0.1, and 0.01 where chains persist; optimizer, l1, l2, weight_decay, max_norm, clip_norm :
        see :func:`flambeau.optimizer`.
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

    n_components: int = whole(500, least=1)
    visible: str | AbstractUnit = unit_kinds("bernoulli")
    objective: str = one_of("hybrid", OBJECTIVES)
    generative_weight: float = number(0.01, least=0)
    _: KW_ONLY
    unlabelled: Any = mark_of_no_label()
    algorithm: str = one_of("cd", ALGORITHMS)
    k: int = whole(1, least=1)
    centered: bool = flag(True)
    n_chains: int | None = whole(None, least=1, also=(None,))
    n_temperatures: int = whole(10, least=2)
    n_categories: int | None = whole(None, least=2, also=(None,))
    binarize: str | None = one_of(None, BINARISE, also=(None,))
    optimizer: OptimizerLike = optimizer_named("momentum")
    learning_rate: Rate = rates_by_algorithm()
    l1: float = number(0.0, least=0)
    l2: float = number(0.0, least=0)
    weight_decay: float = number(0.0, least=0)
    max_norm: float | None = number(None, least=0, also=(None,))
    clip_norm: float | None = number(None, least=0, also=(None,))
    batch_size: int = whole(100, least=1)
    epochs: int = whole(50, least=1)
    early_stopping: bool = flag(False)
    validation_fraction: float = number(0.1, above=0, below=1)
    tolerance: float = number(1e-4, least=0)
    patience: int = whole(10, least=1)
    shuffle: bool = flag(True)
    warm_start: bool = flag(False)
    random_state: Seed = seed()
    verbose: bool = flag(False)

    fitted: ClassVar[tuple[str, ...]] = (*TRAINED, "classes_", "_totals", "_base")
    rates: ClassVar[dict[str, float]] = {"cd": 0.1, "pcd": 0.01, "tempering": 0.01, "exact": 0.1}

    def _check(self) -> None:
        self._check_showing()

    def _read(self, given: Given, *, fresh: bool) -> Rows:
        named: np.ndarray | None = given.classes if fresh else vars(self)["classes_"]
        labels, known = labels_and_which(self, given.y, named)
        X, y = checked_data(self, given.X, labels, reset=fresh, accept_sparse="csr")
        self.classes_ = settled_classes(self, y[known], given.classes, fresh=fresh)
        weights = row_weights(self, X, y, given.sample_weight)
        if given.classes is None and not (weights[known] > 0).any():
            raise DataError("ClassificationRBM, weights", "a labelled row with weight", "none", "give one some weight")
        joined = self._joined(X, y, known, learning=True)
        self._count(joined, weights, fresh=fresh)
        rows = Rows(joined, self._labels(joined), weights, np.where(known, self._labels(joined).argmax(1), -1))
        return in_order(rows, self.batch_size, shuffle=self.shuffle)

    def _read_held(self, validation_data: Any) -> Rows:
        X, y = pair_of(self, validation_data)
        labels, known = labels_and_which(self, y, self.classes_)
        X, y = checked_data(self, X, labels, accept_sparse="csr")
        if not known.any():
            remedy = "validate on labelled rows"
            raise DataError("ClassificationRBM, validation_data", "labelled rows", "none", remedy)
        joined = self._joined(X, y, known)
        return Rows(joined, self._labels(joined), np.ones(len(joined)))

    def _joined(self, X: np.ndarray, y: np.ndarray, known: np.ndarray, *, learning: bool = False) -> np.ndarray:
        """Rows with their label beside them, one-hot, zeros where there is none."""
        X = self._in_range(X, self._unit(X.shape[1]), learning=learning)
        return np.hstack([X, one_hot(self, y, known, self.classes_).astype(X.dtype)])

    def _labels(self, joined: np.ndarray) -> np.ndarray:
        """The label columns."""
        return joined[:, -len(self.classes_) :]

    def _course(self, rows: Rows, held_out: Rows | None, *, stream: bool) -> Course:
        label = len(self.classes_)
        features = rows.inputs.shape[1] - label
        kind, sizes, centered = self._unit(features), (features, int(self.n_components)), bool(self.centered)
        sums, count = self._totals
        shown = biases_for(kind, sums[:features], count)
        shares = biases_for(Categorical(label), sums[features:], sums[features:].sum())  # of the labelled rows
        self._base = bias = np.concatenate([shown, shares])
        batch_size = rows_per_step(self.batch_size, len(rows.weights))
        examples = rows.examples(batch_size, shuffle=bool(self.shuffle))
        outline = {"n_components": sizes[1], "visible": self.visible, "n_categories": self.n_categories}
        how = {"visible_bias": bias, "centered": centered, "label": label}
        return Course(
            {**outline, "classes": self.classes_.tolist()},
            lambda key: rbm(*sizes, kind, Bernoulli(), **how, key=key),
            self._rule(),
            Binarised(examples, features) if self.binarize == "sample" else examples,
            self._optimizer(),
            batch_size,
            self.epochs,
            *self._judged(held_out),
            self._conclude,
        )

    def _conclude(self, run: Run) -> str:
        check_machine(self, run.network)
        return ""

    def _rule(self) -> AbstractRule:
        generative = ContrastiveDivergence(self._sampler(), bool(self.centered))
        weight: Any = self.generative_weight
        rules = {"discriminative": Discriminative(), "generative": generative}
        return rules.get(self.objective) or Hybrid(generative, weight)

    def _judged(self, held_out: Rows | None) -> tuple[AbstractStopping, AbstractKeeper, tuple[AbstractMonitor, ...]]:
        """Early stopping by the held-out -log P(y | v), the best network kept; without it, its curve."""
        if held_out is None:
            return RunAll(), Last(), ()
        score, data = LabelEvaluation(), held_out.batch()
        if self.early_stopping:
            patience: Any = self.patience
            tolerance: Any = self.tolerance
            return Patience(score, data, patience, tolerance), Best(), ()
        return RunAll(), Last(), (ValidationCurve(score, data),)

    @property
    def _n_features_out(self) -> int:
        return int(self.network_.hidden_bias.shape[0])

    def predict_proba(self, X: Any) -> np.ndarray:
        """P(y | v) ``(n, classes)``, exact, in the order of ``classes_``."""
        check_is_fitted(self)
        return probabilities(by_rows(class_scores, self.network_, self._visible(X, self.network_.features)))

    def predict(self, X: Any) -> np.ndarray:
        """The most probable label of every row."""
        check_is_fitted(self)
        return self.classes_[np.argmax(self.predict_proba(X), axis=1)]

    def transform(self, X: Any) -> np.ndarray:
        """E[h | v] ``(n, n_components)``, the label summed out: Σ_y P(y | v) P(h = 1 | v, y), exact."""
        check_is_fitted(self)
        return by_rows(summed_out, self.network_, self._visible(X, self.network_.features))

    def sample(self, n_samples: Any = 1, label: Any = None, n_steps: Any = 1000) -> np.ndarray:
        """Rows ``(n, features)`` after ``n_steps`` of Gibbs sampling, the label held; ``None`` samples it along."""
        check_is_fitted(self)
        n_samples, steps = how_many(self, n_samples, n_steps)
        held = held_label(self, label, len(self._base), n_samples)
        given, key = (self.network_, self._base, steps), seed_words(seed_of(self.random_state))
        return np.asarray(by_rows(sampled, given, (no_rows(n_samples), held), key=key)[:, : self.n_features_in_])


def summed_out(network: RestrictedBoltzmannMachine, x: Array) -> Array:
    """E[h | x]; for Bernoulli units the statistic is the state."""
    return by_class(network, x, jax.nn.softmax(class_scores(network, x))).rows
