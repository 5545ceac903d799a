r"""Interactions of dense associative memories: how much a pattern gains from its overlap with the state.

    E(s) = -Σ_μ F(x_μ·s),      F(z) = zⁿ, relu(z)ⁿ or eᶻ

The steeper F, the less the other patterns disturb the nearest one, and the more of them fit. What a neuron chooses is
a difference of two such sums, over the overlaps with this neuron at +1 and at -1; written as one sum over signed
*influences*, it neither cancels nor overflows, and a tie comes out as zero.
"""

import abc
import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from flambeau.errors import ConfigurationError

STEEPEST = 64  # degrees: beyond it (m/N)ⁿ leaves float32 for all but the nearest pattern; the exponential does not


class AbstractInteraction(eqx.Module):
    """F, through the three questions that a memory asks; overlaps are numbers from -N to N for N ``units``.

    With m' the overlaps without neuron i and x_i its values in the patterns,

        h_i = ½ [E(s_i = -1) - E(s_i = +1)] = net(Σ_μ x_μi a(m'_μ), Σ_μ |a(m'_μ)|),

    so that a flip changes E by -Δs h as in the quadratic network.
    """

    @abc.abstractmethod
    def total(self, overlaps: Float[Array, "*batch patterns"], units: int) -> Float[Array, "*batch"]:
        """-E: the patterns' gains taken together."""

    @abc.abstractmethod
    def influence(self, apart: Array, top: Array, units: int) -> Array:
        """a(m'): what each pattern's value weighs; ``top`` (broadcastable) is the largest overlap, for scaling."""

    @abc.abstractmethod
    def net(self, drive: Array, weight: Array) -> Array:
        """The net input of a neuron from Σ x a and Σ |a|."""

    @abc.abstractmethod
    def capacity(self, units: int) -> float:
        """How many random patterns may be stored before some are no fixed points."""


class Polynomial(AbstractInteraction):
    """F(z) = N (z/N)ⁿ, or N (relu(z)/N)ⁿ if ``rectified``; n = 2 is Hebb's rule up to a constant.

    E is zⁿ scaled by N^(n-1), which changes no choice: it is of the order of N, as energies are.

    >>> float(Polynomial(3).total(jnp.asarray([4.0, -2.0]), 4))
    3.5

    Raises :class:`~flambeau.errors.ConfigurationError` for a degree below 2 or above 64.
    *Limits.* Even degrees remember the negatives too; odd ones push them away. Source: Krotov and Hopfield 2016,
    "Dense associative memory for pattern recognition". Lecture: 联想记忆.
    """

    degree: int = eqx.field(static=True)
    rectified: bool = eqx.field(static=True, default=False)

    def __check_init__(self) -> None:
        if not 2 <= self.degree <= STEEPEST:
            expected, remedy = f"a degree from 2 to {STEEPEST}", "set degree=3, or use Exponential for steeper ones"
            raise ConfigurationError("Polynomial.degree", expected, self.degree, remedy)

    def total(self, overlaps: Float[Array, "*batch patterns"], units: int) -> Float[Array, "*batch"]:
        """N Σ (m/N)ⁿ."""
        share = overlaps / units
        share = jnp.maximum(share, 0) if self.rectified else share
        return units * jax.lax.integer_pow(share, self.degree).sum(-1)

    def influence(self, apart: Array, top: Array, units: int) -> Array:
        """[F(m' + 1) - F(m' - 1)] / 2 as (u - d) Σ_k u^(n-1-k) d^k, which does not cancel."""
        up, down, width = (apart + 1) / units, (apart - 1) / units, jnp.ones((), apart.dtype)
        if self.rectified:
            up, down = jnp.maximum(up, 0), jnp.maximum(down, 0)
            width = (up - down) * (units / 2)
        power = mixed = jnp.ones_like(apart)
        for _ in range(self.degree - 1):
            power = power * down
            mixed = mixed * up + power
        return width * mixed

    def net(self, drive: Array, weight: Array) -> Array:
        """Σ x a."""
        return _settled(drive, weight)

    def capacity(self, units: int) -> float:
        return dense_capacity(self.degree, units)


class Exponential(AbstractInteraction):
    """F(z) = eᶻ, the energy being -log Σ eᶻ: monotone in -Σ eᶻ, so every choice is the same, and never infinite.

    >>> round(float(Exponential().total(jnp.asarray([100.0, 100.0]), 100)), 4)
    100.6931

    With m' as above, log Σ e^(m' + x) - log Σ e^(m' - x) = 2 artanh(tanh 1 · Σ x e^m' / Σ e^m').

    *Limits.* In float32 a pattern whose overlap is 13 or more below the nearest one's has no say, which matters only
    where nearer ones tie. Source: Demircigil et al. 2017, "On a model of associative memory with huge storage
    capacity". Lecture: 联想记忆.
    """

    def total(self, overlaps: Float[Array, "*batch patterns"], units: int) -> Float[Array, "*batch"]:
        """log Σ eᵐ."""
        return jax.scipy.special.logsumexp(overlaps, axis=-1)

    def influence(self, apart: Array, top: Array, units: int) -> Array:
        """e^m', scaled by the largest."""
        return jnp.exp(apart - top)

    def net(self, drive: Array, weight: Array) -> Array:
        """Half the difference of the two log-sums."""
        return jnp.arctanh(math.tanh(1) * _settled(drive, weight) / weight)

    def capacity(self, units: int) -> float:
        """2^(N/2), infinite where that is no float any more."""
        return 2.0 ** (units / 2) if units < 2_000 else math.inf


def _settled(drive: Array, weight: Array) -> Array:
    """Σ x a, and 0 where it is no more than the rounding of Σ |a|: nobody should flip for that."""
    return jnp.where(jnp.abs(drive) <= 16 * jnp.finfo(drive.dtype).eps * weight, 0, drive)


def dense_capacity(degree: int, units: int) -> float:
    """N^(n-1) / (2 (2n - 3)!! ln N): up to about so many random patterns, nearly all are fixed points of zⁿ.

    >>> [round(dense_capacity(degree, 50)) for degree in (2, 3, 4)]
    [6, 107, 1065]

    Raises :class:`~flambeau.errors.ConfigurationError` for a degree below 2 or no units.
    *Limits.* Leading order in N: the share of stable patterns falls smoothly around it. Source: Krotov and Hopfield
    2016. Lecture: 联想记忆 (the number of patterns that fit).
    """
    if degree < 2 or units < 1:
        expected = "a degree of at least 2 and at least one unit"
        raise ConfigurationError("dense_capacity", expected, (degree, units), "check both")
    if units == 1:
        return math.inf
    log = (degree - 1) * math.log(units) - math.log(2 * math.log(units))
    log -= sum(math.log(odd) for odd in range(3, 2 * degree - 2, 2))
    return math.exp(log) if log < 700 else math.inf
