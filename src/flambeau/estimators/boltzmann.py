"""What every Boltzmann estimator does with rows: read them in its units' range, show them, count them, hold them."""

import warnings
import zlib
from typing import Any, ClassVar

import equinox as eqx
import numpy as np
from jaxtyping import Array
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin

from flambeau.dynamics import AbstractSampler, Clamp, Enumeration, FromData, Persistent, Tempering
from flambeau.errors import ConfigurationError, DataError, DivergenceError, check_value
from flambeau.estimators.base import AbstractFitted, Rows
from flambeau.estimators.common import checked_data
from flambeau.estimators.descent import PENALTIES, described_optimizer
from flambeau.estimators.labels import class_indices, read_labels
from flambeau.estimators.parameters import declared, literal_or_text, made_by
from flambeau.foundation.precision import dtype
from flambeau.neurons import UNITS, AbstractUnit, Bernoulli, Gaussian, Spin, unit
from flambeau.neurons.units import states_of
from flambeau.training import Optimizer, optimizer

__all__ = [
    "ALGORITHMS",
    "BINARISE",
    "AbstractBoltzmann",
    "biases_for",
    "check_machine",
    "check_sizes",
    "held_label",
    "how_many",
    "in_order",
    "labels_and_which",
    "mark_of_no_label",
    "one_hot",
    "probabilities",
    "rates_by_algorithm",
    "unit_kinds",
]

ALGORITHMS = ("cd", "pcd", "tempering", "exact")
BINARISE = ("sample", "threshold")
LARGEST = 1e3  # a weight or bias beyond this is no model any more
ROUNDING = 1e-5  # beyond a limit: what scaling in single precision leaves behind
SCALES = 4.0  # how many times larger or smaller than its unit's a column's deviation may be


def unit_kinds(default: str) -> Any:
    """A kind of stochastic unit: a name, or an object of :mod:`flambeau.neurons`."""
    names = (*UNITS, "softmax")
    return made_by(default, lambda kind: unit(kind, categories=2), f"one of {', '.join(names)}, or a unit", names)


def rates_by_algorithm() -> Any:
    """A learning rate as everywhere, or "auto": what does well with the algorithm."""
    expected = "'auto', a positive number, a schedule's name, or a function of the step's number"
    return made_by("auto", lambda rate: optimizer("sgd", rate), expected, ("auto",), also=("auto",))


def mark_of_no_label() -> Any:
    """``unlabelled``: the label that stands for none, beside None and NaN; -1 as elsewhere in scikit-learn."""
    return declared(-1, "one label", lambda value: np.ndim(value) == 0, literal_or_text, (None,))


class AbstractBoltzmann(ClassNamePrefixFeaturesOutMixin, TransformerMixin, AbstractFitted):
    """Reading and showing rows, and the sampler and optimizer that parameters describe.

    The annotations are parameters that every kind declares. ``rates`` holds the learning rate of each algorithm.
    """

    rates: ClassVar[dict[str, float]]
    visible: Any
    algorithm: str
    k: int
    centered: bool
    n_chains: int | None
    n_temperatures: int
    n_categories: int | None
    binarize: str | None
    optimizer: Any
    learning_rate: Any
    l1: float
    l2: float
    weight_decay: float
    max_norm: float | None
    clip_norm: float | None
    batch_size: int
    shuffle: bool
    random_state: Any
    _totals: tuple[np.ndarray, np.ndarray]

    def _check_showing(self) -> None:
        """Refuse what cannot be drawn or cut, units without their categories, and an optimiser that does not exist."""
        kind = self._unit(1)
        if self.binarize is not None and not isinstance(kind, Bernoulli):
            where, got = f"{type(self).__name__}.binarize", f"{self.binarize!r} with {type(kind).__name__} units"
            remedy = "use visible='bernoulli', or bring the rows into the units' own states and leave binarize=None"
            raise ConfigurationError(where, "Bernoulli units, whose states are 0 and 1", got, remedy)
        self._optimizer()

    def _unit(self, columns: int) -> AbstractUnit:
        """The kind of the visible units in that many columns."""
        return unit(self.visible, columns=columns, categories=int(self.n_categories or 0))

    def _optimizer(self) -> Optimizer:
        """The optimizer that the parameters describe."""
        auto = isinstance(self.learning_rate, str) and self.learning_rate == "auto"
        names = {name: name for name in (*PENALTIES, "learning_rate")}
        return described_optimizer(self, names, rate=self.rates[self.algorithm] if auto else None)

    def _sampler(self, steps: int | None = None) -> AbstractSampler:
        """The sampler that ``algorithm``, ``k`` (or ``steps``), ``n_chains`` and ``n_temperatures`` describe."""
        k, chains = int(steps or self.k), int(self.n_chains or self.batch_size)
        if self.algorithm == "tempering":
            return Tempering(chains, k, int(self.n_temperatures))
        if self.algorithm == "pcd":
            return Persistent(chains, k)
        return FromData(k) if self.algorithm == "cd" else Enumeration()

    def _checked(self, X: Any, *, reset: bool = False) -> np.ndarray:
        """A table of finite numbers, sparse ones made dense."""
        return np.asarray(checked_data(self, X, reset=reset, accept_sparse="csr"))

    def _visible(self, X: Any, kind: AbstractUnit) -> np.ndarray:
        """Checked rows that such units can show."""
        return self._in_range(self._checked(X), kind)

    def _in_range(self, X: np.ndarray, kind: AbstractUnit, *, learning: bool = False) -> np.ndarray:
        """Rows that such units can show, cut at ½ where that is asked for; drawing is left to every step."""
        where = f"{type(self).__name__}, X"
        X = within_rounding(X, kind)
        kind.check(X, where)
        if isinstance(kind, Spin) and (X == 0).any() and ((X == 0) | (X == 1)).all():
            remedy = "code them as spins, 2.0 * X - 1, or use visible='bernoulli'"
            raise DataError(where, "spins of -1 and +1", "only 0 and 1", remedy)
        if learning:
            say_where_unscaled(type(self).__name__, X, kind)
        return (X > 0.5).astype(X.dtype) if self.binarize == "threshold" else X

    def _drawn(self, X: np.ndarray, seed: int) -> np.ndarray:
        """Rows drawn once where learning draws at every step."""
        return drawn_once(X, seed) if self.binarize == "sample" else X

    def _count(self, X: np.ndarray, weights: np.ndarray, *, fresh: bool) -> None:
        """Sums and weights of all rows seen so far: base rates are those of everything, not of the last part."""
        sums: np.ndarray = weights @ X.astype(np.float64)
        before: tuple[np.ndarray, np.ndarray] = (np.zeros_like(sums), np.zeros(())) if fresh else self._totals
        self._totals = before[0] + sums, before[1] + weights.sum()

    def _held(self, clamp: Any, kind: AbstractUnit, n_samples: int) -> Clamp | None:
        """A clamp from an array in which NaN marks what is free; one row, or one row per sample."""
        if clamp is None:
            return None
        return clamped(f"{type(self).__name__}.sample, clamp", clamp, kind, (n_samples, int(self.n_features_in_)))

    def __sklearn_tags__(self) -> Any:
        """Sparse rows are welcome, and come back dense."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def within_rounding(X: np.ndarray, kind: AbstractUnit) -> np.ndarray:
    """Values that lie beyond their units' states by no more than rounding, put back; others stay, to be refused."""
    choices = states_of(kind, X.shape[1])
    if choices is None or sum(states.shape[1] for states in choices) != X.shape[1]:
        return X
    low, high = (
        np.concatenate([edge(states, axis=0) for states in choices]).astype(X.dtype) for edge in (np.min, np.max)
    )
    outside = (low > X) | (high < X)
    near = outside & (low - ROUNDING < X) & (high + ROUNDING > X)
    return np.where(near, np.clip(X, low, high), X) if near.any() else X


def say_where_unscaled(name: str, X: np.ndarray, kind: AbstractUnit) -> None:
    """Warn where any column varies far more than its Gaussian unit does, or most of them far less."""
    if not isinstance(kind, Gaussian):
        return
    deviation = X.std(0, dtype=np.float64) / np.sqrt(np.broadcast_to(np.asarray(kind.variance), X.shape[1]))
    moving = deviation[deviation > 0]
    if len(moving) and (moving.max() > SCALES or np.median(moving) < 1 / SCALES):
        warnings.warn(
            f"{name}: the columns' standard deviations are {moving.min():.3g} to {moving.max():.3g} times those of "
            "their Gaussian units; standardise them (StandardScaler), or learn_variance=True",
            UserWarning,
            stacklevel=5,
        )


def drawn_once(X: np.ndarray, seed: int) -> np.ndarray:
    """0 or 1 with the value as probability, by the row's own content: the same in whatever order or part it comes."""
    found = np.empty_like(X)
    for row, place in zip(X, found, strict=True):
        place[:] = np.random.default_rng([seed, zlib.crc32(row.tobytes())]).random(len(row)) < row
    return found


def biases_for(kind: AbstractUnit, sums: np.ndarray, count: Any) -> np.ndarray:
    """The biases at which unconnected units show rows of these ``sums`` over that ``count``."""
    return np.asarray(_biases(kind, np.asarray(sums, dtype()), np.asarray(count, dtype())))


@eqx.filter_jit
def _biases(kind: AbstractUnit, sums: Any, count: Any) -> Array:
    """As one program."""
    return kind.bias_for(sums, count)


def in_order(rows: Rows, batch_size: int, *, shuffle: bool) -> Rows:
    """Rows that fit into one batch, in an order of their own, equal ones merged and their weights added.

    So a small set gives the same model in whatever order it comes, and a row of weight 2 is exactly that row twice.
    """
    rows = rows.present()
    if not shuffle or len(rows.inputs) > batch_size:
        return rows
    inputs, first, places = np.unique(rows.inputs, axis=0, return_index=True, return_inverse=True)
    merged = rows.at(first)
    return merged._replace(inputs=inputs, weights=np.bincount(places.ravel(), rows.weights, len(inputs)))


def labels_and_which(model: Any, y: Any, classes: np.ndarray | None = None) -> tuple[Any, np.ndarray]:
    """``(labels, which rows have one)`` of a semi-supervised estimator.

    Its ``unlabelled`` is a class like others where ``classes`` say so, or where only one other would remain.
    """
    named = classes is not None and np.isin(model.unlabelled, classes).any()
    labels, known = read_labels(model, y, None if named else model.unlabelled)
    if known is not None and classes is None and len(np.unique(labels[known])) == 1:
        labels, known = read_labels(model, y, None)
    return labels, np.ones(np.shape(labels)[:1], bool) if known is None else known


def one_hot(model: Any, y: np.ndarray, known: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Labels as rows ``(n, classes)``, zeros where there is none."""
    codes = np.zeros((len(y), len(classes)), dtype())
    codes[np.flatnonzero(known), class_indices(model, classes, y[known])] = 1
    return codes


def probabilities(scores: np.ndarray) -> np.ndarray:
    """Softmax of log-probabilities up to a constant, in double precision."""
    values = np.exp(scores.astype(np.float64) - scores.max(1, keepdims=True))
    return values / values.sum(1, keepdims=True)


def how_many(model: Any, n_samples: Any, n_steps: Any) -> tuple[int, np.ndarray]:
    """Both numbers checked; the steps as data, so that another number of them runs the same program."""
    for name, number, least in (("n_samples", n_samples, 1), ("n_steps", n_steps, 0)):
        check_value(f"{type(model).__name__}, {name}", number, least, whole=True)
    return int(n_samples), np.asarray(n_steps, np.int32)


def held_label(model: Any, label: Any, columns: int, n_samples: int) -> Clamp | None:
    """A clamp on the label, the last of that many columns, in every sample; None leaves the label free."""
    if label is None:
        return None
    if np.ndim(label):
        raise DataError(f"{type(model).__name__}.sample, label", "one label", label, "sample one class at a time")
    remedy = f"give one of {list(model.classes_)}"
    place = class_indices(model, model.classes_, np.atleast_1d(label), remedy)[0]
    first = columns - len(model.classes_)
    values, mask = np.eye(columns, dtype=dtype())[first + place], np.arange(columns) >= first
    return Clamp(np.broadcast_to(values, (n_samples, columns)), np.broadcast_to(mask, (n_samples, columns)))


def clamped(where: str, clamp: Any, kind: AbstractUnit, shape: tuple[int, int]) -> Clamp:
    """What is held, of ``shape`` ``(samples, features)``, in the units' range."""
    values = np.asarray(clamp, dtype())
    if values.shape not in (shape[1:], shape):
        expected = f"shape ({shape[1]},) or {shape}, NaN where a unit is free"
        raise DataError(where, expected, values.shape, "give one value or NaN per visible unit")
    values = np.broadcast_to(values, shape)
    mask = ~np.isnan(values)
    check_groups(where, kind, mask)
    filled = np.where(mask, values, np.asarray(neutral(kind, np.zeros(shape[1], dtype()))))
    if np.isinf(filled).any():
        raise DataError(where, "finite values", "infinity", "mark free units with NaN")
    kind.check(filled, where)
    return Clamp(filled, mask)


def check_groups(where: str, kind: AbstractUnit, mask: np.ndarray) -> None:
    """A softmax group is held as a whole, or free as a whole."""
    choices = states_of(kind, mask.shape[1])
    if choices is None:
        return
    widths = [states.shape[1] for states in choices]
    for part in np.split(mask, np.cumsum(widths)[:-1], axis=1):
        if (part.any(1) & ~part.all(1)).any():
            raise DataError(where, "softmax groups that are whole", "one held in part", "give all columns of a group")


@eqx.filter_jit
def neutral(kind: AbstractUnit, net: Any) -> Array:
    """Values that every unit may take, for the free places of a clamp."""
    return kind.mean(net)


def check_machine(model: Any, machine: Any) -> None:
    """Bernoulli machines never reach infinity: they saturate. Weights of a thousand are a divergence all the same.

    The bias of a unit that takes any number is where its data are, and may be as large as they.
    """
    leaves = {"weights": machine.structure.weights, "hidden_bias": machine.hidden_bias}
    if states_of(machine.visible, len(machine.visible_bias)) is not None:
        leaves["visible_bias"] = machine.visible_bias
    check_sizes(model, leaves)


def check_sizes(model: Any, leaves: dict[str, Any]) -> None:
    """Refuse parameters that are no numbers of a model any more."""
    for name, leaf in leaves.items():
        largest = float(np.abs(np.asarray(leaf)).max())
        if not largest < LARGEST:
            where, remedy = f"{type(model).__name__}, {name}", "lower the learning rate (10 to 100 times for Gaussian "
            remedy += "units), or standardise the data"
            raise DivergenceError(where, f"values below {LARGEST:g}", f"{largest:.3g}", remedy)
