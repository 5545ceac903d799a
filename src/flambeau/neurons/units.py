r"""Stochastic units: what a unit of an energy-based network may be, and how it is drawn.

A unit u with bias b adds f(u; b) to the energy and meets the other side through its *statistic* t(u), so that

    energy(v, h) = f(v; b) + f(h; c) - t(h)' W t(v).

Given the other side, its *net input* is s = b + what arrives over the connections; :meth:`AbstractUnit.mean` and
:meth:`AbstractUnit.sample` belong to P(u | s). The log-normaliser log ∫ exp(-f(u; b) + t(u)(s - b)) du sums a side out,
which gives the free energy. Columns are the last axis; a unit of several columns (softmax) takes ``width`` of them.

Lecture: 深度信念网络 (deep belief networks), whose units are 0 or 1.
"""

import abc
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from flambeau.errors import ConfigurationError, DataError
from flambeau.foundation.precision import dtype
from flambeau.foundation.random import uniform

Values = Float[Array, "*batch columns"]


class AbstractUnit(eqx.Module):
    """A kind of stochastic unit; every method works on ``(..., columns)``.

    Where the log-normaliser does not exist in closed form there is no free energy, hence no likelihood, and asking for
    one is a :class:`~flambeau.errors.ConfigurationError`.
    """

    @abc.abstractmethod
    def statistic(self, u: Values) -> Values:
        """t(u), what the other side receives; also what the bias is multiplied with in the gradient."""

    @abc.abstractmethod
    def energy(self, u: Values, bias: Array) -> Values:
        """f(u; b), column by column."""

    @abc.abstractmethod
    def log_normaliser(self, net: Values, bias: Array) -> Array:
        """log ∫ exp(-f(u; b) + t(u)(s - b)) du, unit by unit: ``(..., units)``."""

    @abc.abstractmethod
    def mean(self, net: Values) -> Values:
        """E[u | s]."""

    @abc.abstractmethod
    def sample(self, net: Values, key: Array) -> Values:
        """u ~ P(u | s)."""

    @abc.abstractmethod
    def slope(self, u: Values, net: Values, bias: Array, share: Array) -> "AbstractUnit":
        """Σ share · ∂(-energy)/∂(the unit's own parameters), shaped like the unit; most have none."""

    @abc.abstractmethod
    def choices(self, columns: int) -> tuple[np.ndarray, ...]:
        """For every unit the states that it may take, each ``(states, width)``; refused by continuous units."""

    @abc.abstractmethod
    def bias_for(self, total: Array, count: Array | float) -> Array:
        """The bias at which an unconnected unit shows these data: their sum over ``count`` rows, smoothed."""

    @abc.abstractmethod
    def check(self, values: np.ndarray, where: str) -> None:
        """Refuse data that such a unit cannot show."""


def biases_for(kind: AbstractUnit, sums: np.ndarray, count: Any) -> np.ndarray:
    """The biases at which unconnected units show rows of these ``sums`` over that ``count``."""
    return np.asarray(_biases(kind, np.asarray(sums, dtype()), np.asarray(count, dtype())))


@eqx.filter_jit
def _biases(kind: AbstractUnit, sums: Any, count: Any) -> Array:
    """As one program."""
    return kind.bias_for(sums, count)


def states_of(unit: AbstractUnit, columns: int) -> tuple[np.ndarray, ...] | None:
    """:meth:`AbstractUnit.choices`, or None where there are no finitely many states.

    >>> states_of(Bernoulli(), 2)[0].tolist()
    [[0.0], [1.0]]
    """
    try:
        return unit.choices(columns)
    except ConfigurationError:
        return None


def independent(unit: AbstractUnit) -> AbstractUnit:
    """No parameters of its own: nothing to learn."""
    return unit


class Bernoulli(AbstractUnit):
    """0 or 1: f(u; b) = -b u, P(u = 1) = sigm(s), log-normaliser log(1 + eˢ). The lecture's unit.

    >>> Bernoulli().mean(jnp.asarray([[0.0]])).tolist()
    [[0.5]]

    Values between 0 and 1 are taken as probabilities.
    """

    def statistic(self, u: Values) -> Values:
        """u itself."""
        return u

    def energy(self, u: Values, bias: Array) -> Values:
        """-b u."""
        return -bias * u

    def log_normaliser(self, net: Values, bias: Array) -> Array:
        """log(1 + eˢ)."""
        return jax.nn.softplus(net)

    def mean(self, net: Values) -> Values:
        """sigm(s)."""
        return jax.nn.sigmoid(net)

    def sample(self, net: Values, key: Array) -> Values:
        """1 where a uniform number lies below sigm(s), compared without a division."""
        u = uniform(key, net.shape, net.dtype)
        return (u + u * jnp.exp(-net) < 1).astype(net.dtype)

    def slope(self, u: Values, net: Values, bias: Array, share: Array) -> AbstractUnit:
        """Nothing to learn."""
        return independent(self)

    def choices(self, columns: int) -> tuple[np.ndarray, ...]:
        """0, 1."""
        return (np.asarray([[0.0], [1.0]]),) * columns

    def bias_for(self, total: Array, count: Array | float) -> Array:
        """log(p / (1 - p)) with p = (n₁ + 1) / (n + 2)."""
        return jnp.log((total + 1) / (count - total + 1))

    def check(self, values: np.ndarray, where: str) -> None:
        """From 0 to 1."""
        within(values, 0, 1, where, "Bernoulli units", "scale the data (MinMaxScaler), or use visible='gaussian'")


class Spin(AbstractUnit):
    """-1 or +1: f(u; b) = -b u, P(u = 1) = sigm(2s), log-normaliser log 2cosh(s). Ising spins."""

    def statistic(self, u: Values) -> Values:
        """u itself."""
        return u

    def energy(self, u: Values, bias: Array) -> Values:
        """-b u."""
        return -bias * u

    def log_normaliser(self, net: Values, bias: Array) -> Array:
        """log 2cosh(s), without overflow."""
        return jnp.abs(net) + jnp.log1p(jnp.exp(-2 * jnp.abs(net)))

    def mean(self, net: Values) -> Values:
        """tanh(s)."""
        return jnp.tanh(net)

    def sample(self, net: Values, key: Array) -> Values:
        """+1 with probability sigm(2s)."""
        u = uniform(key, net.shape, net.dtype)
        return jnp.where(u + u * jnp.exp(-2 * net) < 1, 1, -1).astype(net.dtype)

    def slope(self, u: Values, net: Values, bias: Array, share: Array) -> AbstractUnit:
        """Nothing to learn."""
        return independent(self)

    def choices(self, columns: int) -> tuple[np.ndarray, ...]:
        """-1, +1."""
        return (np.asarray([[-1.0], [1.0]]),) * columns

    def bias_for(self, total: Array, count: Array | float) -> Array:
        """atanh of the smoothed mean."""
        return 0.5 * jnp.log((count + total + 2) / (count - total + 2))

    def check(self, values: np.ndarray, where: str) -> None:
        """From -1 to 1."""
        within(values, -1, 1, where, "spins", "code the data as -1 and +1")


class Categorical(AbstractUnit):
    """One of several, written as ``width`` columns of which one is 1 (softmax, Potts): P(k) = e^{s_k} / Σ e^{s}.

    >>> Categorical(2).mean(jnp.zeros((1, 4))).tolist()
    [[0.5, 0.5, 0.5, 0.5]]

    Raises :class:`~flambeau.errors.ConfigurationError` where the columns are not whole groups.
    """

    width: int = eqx.field(static=True)

    def groups(self, columns: Array) -> Array:
        """``(..., units, width)``."""
        if columns.shape[-1] % self.width:
            where, got = "Categorical", f"{columns.shape[-1]} columns"
            raise ConfigurationError(where, f"whole groups of {self.width} columns", got, "check n_categories")
        return columns.reshape(*columns.shape[:-1], -1, self.width)

    def statistic(self, u: Values) -> Values:
        """u itself."""
        return u

    def energy(self, u: Values, bias: Array) -> Values:
        """-b u."""
        return -bias * u

    def log_normaliser(self, net: Values, bias: Array) -> Array:
        """log Σ eˢ over the group."""
        return jax.scipy.special.logsumexp(self.groups(net), axis=-1)

    def mean(self, net: Values) -> Values:
        """Softmax over the group."""
        return jax.nn.softmax(self.groups(net), axis=-1).reshape(net.shape)

    def sample(self, net: Values, key: Array) -> Values:
        """The largest of s + Gumbel noise."""
        noisy = self.groups(net) - jnp.log(-jnp.log(uniform(key, self.groups(net).shape, net.dtype)))
        best = jnp.argmax(noisy, axis=-1)
        return jax.nn.one_hot(best, self.width, dtype=net.dtype).reshape(net.shape)

    def slope(self, u: Values, net: Values, bias: Array, share: Array) -> AbstractUnit:
        """Nothing to learn."""
        return independent(self)

    def choices(self, columns: int) -> tuple[np.ndarray, ...]:
        """The rows of a unit matrix."""
        return (np.eye(self.width),) * (columns // self.width)

    def bias_for(self, total: Array, count: Array | float) -> Array:
        """Log of the smoothed shares."""
        return jnp.log((total + 1) / (count + self.width))

    def check(self, values: np.ndarray, where: str) -> None:
        """Each group holds probabilities that sum to 1."""
        remedy = "one-hot encode the categories (OneHotEncoder), in groups of n_categories columns"
        within(values, 0, 1, where, "softmax units", remedy)
        if values.shape[-1] % self.width:
            raise DataError(where, f"whole groups of {self.width} columns", f"{values.shape[-1]} columns", remedy)
        sums = values.reshape(len(values), -1, self.width).sum(-1)
        if values.size and np.abs(sums - 1).max() > 1e-4:
            row = int(np.argwhere(np.abs(sums - 1) > 1e-4)[0, 0])
            raise DataError(where, "groups of columns that sum to 1", f"{sums[row].max():g} in row {row}", remedy)


def within(values: np.ndarray, low: float, high: float, where: str, kind: str, remedy: str) -> None:
    """Refuse values outside [low, high], naming the first."""
    bad = ~((values >= low) & (values <= high))
    if bad.any():
        place = tuple(int(index) for index in np.argwhere(bad)[0])
        limits = f"values from {low:g} to {high:g} for {kind}" if math.isfinite(high) else f"values of at least {low:g}"
        raise DataError(where, limits, f"{values[place]:g} at {place}", remedy)


def continuous(unit: AbstractUnit) -> ConfigurationError:
    """What to say where states should be listed and cannot be."""
    remedy = "sum this side out and enumerate the other, or use annealed importance sampling (method='ais')"
    return ConfigurationError(type(unit).__name__, "a unit with finitely many states", "a continuous one", remedy)
