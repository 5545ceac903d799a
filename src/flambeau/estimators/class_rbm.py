"""Classifiers that also learn from rows without a label, and the restricted Boltzmann machine among them."""

import functools
from dataclasses import KW_ONLY
from typing import Any, ClassVar

import jax
import numpy as np
from jaxtyping import Array
from scipy.special import softmax
from sklearn.utils.validation import check_is_fitted

from flambeau.dynamics import Clamp, class_scores
from flambeau.errors import DataError
from flambeau.estimators.base import TRAINED, AbstractTrainedClassifier, Course, Drawing, Given, Rows
from flambeau.estimators.boltzmann import AbstractBoltzmann, samplers, unit_kinds
from flambeau.estimators.classifier import AbstractProbable, pair_of, settled_classes
from flambeau.estimators.common import checked_data, row_weights
from flambeau.estimators.descent import AbstractPatient
from flambeau.estimators.labels import class_indices, read_labels
from flambeau.estimators.parameters import declared, flag, literal_or_text, number, one_of, parameters, whole
from flambeau.estimators.rbm import sampled
from flambeau.foundation.precision import dtype
from flambeau.foundation.rows import by_rows
from flambeau.networks import RestrictedBoltzmannMachine, rbm
from flambeau.neurons import AbstractUnit, Bernoulli, Categorical
from flambeau.neurons.units import biases_for
from flambeau.problems import AbstractProblem, Binarised, Examples
from flambeau.rules import AbstractRule, ContrastiveDivergence
from flambeau.rules.discriminative import Discriminative, Hybrid, LabelEvaluation, by_class
from flambeau.training import Run


@parameters
class AbstractSemiSupervised(AbstractProbable, AbstractBoltzmann):
    """Rows with their label beside them; ``unlabelled`` stands for none, beside None and NaN."""

    _: KW_ONLY
    unlabelled: Any = declared(-1, "one label", lambda value: np.ndim(value) == 0, literal_or_text, (None,))

    def _read_joined(self, given: Given, *, fresh: bool) -> Rows:
        """Rows with their label beside them, which is also their target, and its place; -1 where there is none."""
        named: np.ndarray | None = given.classes if fresh else vars(self)["classes_"]
        labels, known = labels_and_which(self, given.y, named)
        X, y = checked_data(self, given.X, labels, reset=fresh, accept_sparse="csr")
        name = type(self).__name__
        if named is None and not known.any():
            raise DataError(f"{name}, y", "at least two classes", "no label at all", "label some rows")
        self.classes_ = settled_classes(self, y[known], given.classes, fresh=fresh)
        weights = row_weights(self, X, y, given.sample_weight)
        if given.classes is None and not (weights[known] > 0).any():
            raise DataError(f"{name}, weights", "a labelled row with weight", "none", "give one some weight")
        return self._joined(X, y, known, weights, learning=True)

    def _joined(
        self, X: np.ndarray, y: np.ndarray, known: np.ndarray, weights: np.ndarray, *, learning: bool = False
    ) -> Rows:
        """Checked rows with their label beside them, one-hot, zeros where there is none."""
        X = self._in_range(X, self._unit(X.shape[1]), learning=learning)
        codes = np.zeros((len(y), len(self.classes_)), X.dtype)
        codes[np.flatnonzero(known), class_indices(self, self.classes_, y[known])] = 1
        return Rows(np.hstack([X, codes]), codes, weights, np.where(known, codes.argmax(1), -1))

    def _held_label(self, label: Any, n_samples: int) -> Clamp | None:
        """A clamp on the label, the last of the columns sampled; None leaves the label free."""
        if label is None:
            return None
        if np.ndim(label):
            where = f"{type(self).__name__}.sample, label"
            raise DataError(where, "one label", label, "sample one class at a time")
        columns, remedy = len(self._base), f"give one of {list(self.classes_)}"
        place = class_indices(self, self.classes_, np.atleast_1d(label), remedy)[0]
        first = columns - len(self.classes_)
        values, mask = np.eye(columns, dtype=dtype())[first + place], np.arange(columns) >= first
        return Clamp(np.broadcast_to(values, (n_samples, columns)), np.broadcast_to(mask, (n_samples, columns)))


def labels_and_which(model: Any, y: Any, classes: np.ndarray | None = None) -> tuple[Any, np.ndarray]:
    """``(labels, which rows have one)`` of a semi-supervised estimator.

    Its ``unlabelled`` is a class like others where ``classes`` say so, or where only one other would remain.
    """
    named = classes is not None and np.isin(model.unlabelled, classes).any()
    labels, known = read_labels(model, y, None if named else model.unlabelled)
    if known is not None and classes is None and len(np.unique(labels[known])) == 1:
        labels, known = read_labels(model, y, None)
    return labels, np.ones(np.shape(labels)[:1], bool) if known is None else known


@parameters
class ClassificationRBM(AbstractSemiSupervised, AbstractPatient, AbstractTrainedClassifier):
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
    objective: str = one_of("hybrid", ("hybrid", "generative", "discriminative"))
    generative_weight: float = number(0.01, least=0)
    _: KW_ONLY
    algorithm: str = samplers("cd")
    k: int = whole(1, least=1)
    centered: bool = flag(True)
    epochs: int = whole(50, least=1)

    fitted: ClassVar[tuple[str, ...]] = (*TRAINED, "classes_", "_totals", "_base")
    rates: ClassVar[dict[str, float]] = {"cd": 0.1, "pcd": 0.01, "tempering": 0.01, "exact": 0.1}

    def _check(self) -> None:
        self._check_showing()

    def _read(self, given: Given, *, fresh: bool) -> Rows:
        rows = self._read_joined(given, fresh=fresh)
        self._count(rows.inputs, rows.weights, fresh=fresh)
        return self._in_order(rows)

    def _read_held(self, validation_data: Any) -> Rows:
        X, y = pair_of(self, validation_data)
        labels, known = labels_and_which(self, y, self.classes_)
        X, y = checked_data(self, X, labels, accept_sparse="csr")
        if not known.any():
            where, remedy = "ClassificationRBM, validation_data", "validate on labelled rows"
            raise DataError(where, "labelled rows", "none", remedy)
        return self._joined(X, y, known, np.ones(len(X)))

    def _course(self, rows: Rows, held_out: Rows | None, *, stream: bool) -> Course:
        label = len(self.classes_)
        features = rows.inputs.shape[1] - label
        sums, count = self._totals
        shown = biases_for(self._unit(features), sums[:features], count)
        shares = biases_for(Categorical(label), sums[features:], sums[features:].sum())  # of the labelled rows
        self._base = np.concatenate([shown, shares])

        def problem(examples: Examples) -> AbstractProblem:
            return Binarised(examples, features) if self.binarize == "sample" else examples

        return self._taught(
            rows,
            self._drawing(features, self._base),
            self._rule(),
            self._optimizer(),
            self._watched(LabelEvaluation(), held_out),
            problem=problem,
            conclude=self._conclude,
        )

    def _drawing(self, features: int, bias: np.ndarray) -> Drawing:
        """The machine that starts with these biases."""
        kind, sizes = self._unit(features), (features, int(self.n_components))
        how = {"visible_bias": bias, "centered": bool(self.centered), "label": len(self.classes_)}
        outline = {"n_components": sizes[1], "visible": self.visible, "n_categories": self.n_categories}
        outline["classes"] = self.classes_.tolist()
        return Drawing(outline, lambda key: rbm(*sizes, kind, Bernoulli(), **how, key=key))

    def _conclude(self, run: Run) -> str:
        self._check_machine(run.network)
        return ""

    def _rule(self) -> AbstractRule:
        generative = ContrastiveDivergence(self._sampler(), bool(self.centered))
        weight: Any = self.generative_weight
        rules = {"discriminative": Discriminative(), "generative": generative}
        return rules.get(self.objective) or Hybrid(generative, weight)

    @property
    def _n_features_out(self) -> int:
        return int(self.network_.hidden_bias.shape[0])

    def predict_proba(self, X: Any) -> np.ndarray:
        """P(y | v) ``(n, classes)``, exact, in the order of ``classes_``."""
        check_is_fitted(self)
        scores = by_rows(class_scores, self.network_, self._visible(X))
        return softmax(scores.astype(np.float64), axis=1)

    def transform(self, X: Any) -> np.ndarray:
        """E[h | v] ``(n, n_components)``, the label summed out: Σ_y P(y | v) P(h = 1 | v, y), exact."""
        check_is_fitted(self)
        return by_rows(summed_out, self.network_, self._visible(X))

    def sample(self, n_samples: Any = 1, label: Any = None, n_steps: Any = 1000) -> np.ndarray:
        """Rows ``(n, features)`` after ``n_steps`` of Gibbs sampling, the label held; ``None`` samples it along."""
        check_is_fitted(self)
        held = functools.partial(self._held_label, label)
        return self._drawn_by(sampled, n_samples, n_steps, held)[:, : self.n_features_in_]


def summed_out(network: RestrictedBoltzmannMachine, x: Array) -> Array:
    """E[h | x]; for Bernoulli units the statistic is the state."""
    return by_class(network, x, jax.nn.softmax(class_scores(network, x))).rows
