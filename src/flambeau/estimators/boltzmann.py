"""What every Boltzmann estimator does with rows: read them in its units' range, show them, count them, hold them."""

import warnings
from collections.abc import Callable
from dataclasses import KW_ONLY
from typing import Any, ClassVar

import equinox as eqx
import numpy as np
from jaxtyping import Array
from sklearn.base import ClassNamePrefixFeaturesOutMixin, TransformerMixin

from flambeau.dynamics import AbstractSampler, Clamp, Enumeration, FromData, Persistent, Tempering
from flambeau.errors import ConfigurationError, DataError, DivergenceError, check_value
from flambeau.estimators.base import Rows
from flambeau.estimators.common import checked_data, seed_of
from flambeau.estimators.descent import AbstractOptimised
from flambeau.estimators.options import OptimizerLike, Rate, optimizer_named
from flambeau.estimators.parameters import made_by, one_of, parameters, whole
from flambeau.foundation.precision import dtype
from flambeau.foundation.random import seed_words
from flambeau.foundation.rows import by_rows, no_rows
from flambeau.neurons import UNITS, AbstractUnit, Bernoulli, Gaussian, Spin, unit
from flambeau.neurons.units import states_of
from flambeau.training import Optimizer, optimizer

ALGORITHMS = ("cd", "pcd", "tempering", "exact")
LARGEST = 1e3  # a weight or bias beyond this is no model any more
ROUNDING = 1e-5  # beyond a limit: what scaling in single precision leaves behind
SCALES = 4.0  # how many times larger or smaller than its unit's a column's deviation may be


def unit_kinds(default: str) -> Any:
    """A kind of stochastic unit: a name, or an object of :mod:`flambeau.neurons`."""
    names = (*UNITS, "softmax")
    return made_by(default, lambda kind: unit(kind, categories=2), f"one of {', '.join(names)}, or a unit", names)


def samplers(default: str) -> Any:
    """An algorithm, by the name of what samples for it."""
    return one_of(default, ALGORITHMS)


def rates_by_algorithm() -> Any:
    """A learning rate as everywhere, or "auto": what does well with the algorithm."""
    expected = "'auto', a positive number, a schedule's name, or a function of the step's number"
    return made_by("auto", lambda rate: optimizer("sgd", rate), expected, ("auto",), also=("auto",))


@parameters
class AbstractSampled(AbstractOptimised):
    """The parameters of what learns from samples; a kind adds those that have a place in its constructor's order."""

    _: KW_ONLY
    n_chains: int | None = whole(None, least=1, also=(None,))
    n_temperatures: int = whole(10, least=2)
    n_categories: int | None = whole(None, least=2, also=(None,))
    binarize: str | None = one_of(None, ("sample", "threshold"), also=(None,))
    optimizer: OptimizerLike = optimizer_named("momentum")
    learning_rate: Rate = rates_by_algorithm()
    batch_size: int = whole(100, least=1)


class AbstractBoltzmann(ClassNamePrefixFeaturesOutMixin, TransformerMixin, AbstractSampled):
    """Reading and showing rows, and the sampler and optimizer that parameters describe.

    The first four annotations are parameters that every kind declares. ``rates`` holds the learning rate of each
    algorithm.
    """

    visible: Any
    algorithm: str
    k: int
    centered: bool
    learn_variance: bool = False
    rates: ClassVar[dict[str, float]] = {"cd": 0.05, "pcd": 0.01, "tempering": 0.01, "exact": 0.05}
    _base: np.ndarray
    _totals: tuple[np.ndarray, np.ndarray]

    def _check_showing(self) -> None:
        """Refuse what cannot be drawn or cut, units without their categories, and an optimiser that does not exist."""
        kind, name = self._unit(1), type(self).__name__
        if self.binarize is not None and not isinstance(kind, Bernoulli):
            got = f"{self.binarize!r} with {type(kind).__name__} units"
            remedy = "use visible='bernoulli', or bring the rows into the units' own states and leave binarize=None"
            raise ConfigurationError(f"{name}.binarize", "Bernoulli units, whose states are 0 and 1", got, remedy)
        if self.learn_variance and self.visible != "gaussian":
            got = f"visible={self.visible!r}"
            raise ConfigurationError(f"{name}.learn_variance", "visible='gaussian'", got, "set learn_variance=False")
        self._optimizer()

    def _unit(self, columns: int) -> AbstractUnit:
        """The kind of the visible units in that many columns."""
        learned, categories = bool(self.learn_variance), int(self.n_categories or 0)
        return unit(self.visible, columns=columns, categories=categories, learn_variance=learned)

    def _optimizer(self) -> Optimizer:
        """The optimizer that the parameters describe."""
        auto = isinstance(self.learning_rate, str) and self.learning_rate == "auto"
        return self._described(self.rates[self.algorithm] if auto else None)

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

    def _in_order(self, rows: Rows) -> Rows:
        """Rows that fit into one batch, in an order of their own, equal ones merged and their weights added.

        So a small set gives the same model in whatever order it comes, and a row of weight 2 is exactly that row twice.
        """
        rows = rows.present()
        if not self.shuffle or len(rows.inputs) > self.batch_size:
            return rows
        inputs, first, places = np.unique(rows.inputs, axis=0, return_index=True, return_inverse=True)
        merged = rows.at(first)
        return merged._replace(inputs=inputs, weights=np.bincount(places.ravel(), rows.weights, len(inputs)))

    def _check_machine(self, machine: Any) -> None:
        """Bernoulli machines never reach infinity: they saturate. Weights of a thousand are a divergence all the same.

        The bias of a unit that takes any number is where its data are, and may be as large as they.
        """
        leaves = {"weights": machine.structure.weights, "hidden_bias": machine.hidden_bias}
        if states_of(machine.visible, len(machine.visible_bias)) is not None:
            leaves["visible_bias"] = machine.visible_bias
        self._check_sizes(leaves)

    def _check_sizes(self, leaves: dict[str, Any]) -> None:
        """Refuse parameters that are no numbers of a model any more."""
        for name, leaf in leaves.items():
            largest = float(np.abs(np.asarray(leaf)).max())
            if not largest < LARGEST:
                remedy = "lower the learning rate (10 to 100 times for Gaussian units), or standardise the data"
                where = f"{type(self).__name__}, {name}"
                raise DivergenceError(where, f"values below {LARGEST:g}", f"{largest:.3g}", remedy)

    @property
    def _generative(self) -> Any:
        """The fitted network that generates: ``dbn_`` beside one that only classifies."""
        return vars(self)["dbn_" if "dbn_" in self.fitted else "network_"]

    def _visible(self, X: Any) -> np.ndarray:
        """Checked rows that the fitted network's visible units can show."""
        return self._in_range(self._checked(X), self._generative.features)

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

    def _count(self, X: np.ndarray, weights: np.ndarray, *, fresh: bool) -> None:
        """Sums and weights of all rows seen so far: base rates are those of everything, not of the last part."""
        sums: np.ndarray = weights @ X.astype(np.float64)
        before: tuple[np.ndarray, np.ndarray] = (np.zeros_like(sums), np.zeros(())) if fresh else self._totals
        self._totals = before[0] + sums, before[1] + weights.sum()

    def _held(self, clamp: Any, n_samples: int) -> Clamp | None:
        """A clamp from an array in which NaN marks what is free; one row, or one row per sample."""
        if clamp is None:
            return None
        shape, kind = (n_samples, int(self.n_features_in_)), self._generative.features
        return clamped(f"{type(self).__name__}.sample, clamp", clamp, kind, shape)

    def _steps(self, n_steps: Any) -> np.ndarray:
        """The steps, checked, as data: another number of them runs the same program."""
        check_value(f"{type(self).__name__}, n_steps", n_steps, 0, whole=True)
        return np.asarray(n_steps, np.int32)

    def _drawn_by(
        self, chain: Callable[..., Array], n_samples: Any, n_steps: Any, held: Callable[[int], Clamp | None]
    ) -> np.ndarray:
        """Samples by a chain ``(network, base, steps), (no rows, clamp), key``, from independent starts."""
        check_value(f"{type(self).__name__}, n_samples", n_samples, 1, whole=True)
        given, count = (self._generative, self._base, self._steps(n_steps)), int(n_samples)
        key = seed_words(seed_of(self.random_state))
        return np.asarray(by_rows(chain, given, (no_rows(count), held(count)), key=key))

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
