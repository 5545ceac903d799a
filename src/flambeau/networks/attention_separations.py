r"""Separations of modern associative memories: from similarities z to the share p that each pattern has in the answer.

Each is the gradient of a convex function, its *conjugate* ψ*: p = ∇ψ*(z) = argmax_p p'z - ψ(p) over shares p ≥ 0 that
sum to 1. That makes the energy of :class:`~flambeau.networks.ModernMemory` fall, whichever is chosen. ψ is 0 where one
pattern has it all; ``flattest`` is its depth -ψ where all share alike.

Source: Martins and Astudillo 2016 (sparsemax); Hu et al. 2023, "On sparse modern Hopfield model"; Santos et al. 2024.
"""

import abc
import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from flambeau.errors import ConfigurationError, named

Similarities = Float[Array, "*batch patterns"]


class AbstractSeparation(eqx.Module):
    """How similarities ``(..., patterns)`` become shares."""

    @abc.abstractmethod
    def shares(self, z: Similarities) -> Similarities:
        """P = ∇ψ*(z): at least 0, summing to 1."""

    @abc.abstractmethod
    def conjugate(self, z: Similarities) -> Float[Array, "*batch"]:
        """ψ*(z) = max_p p'z - ψ(p), between max z and max z + ``flattest``."""

    @abc.abstractmethod
    def flattest(self, patterns: int) -> float:
        """The largest value of -ψ, which equal shares have."""


class SoftmaxSeparation(AbstractSeparation):
    """P = eᶻ / Σ eᶻ, ψ = Σ p ln p, ψ* = log Σ eᶻ: attention.

    >>> SoftmaxSeparation().shares(jnp.zeros(4)).tolist()
    [0.25, 0.25, 0.25, 0.25]
    """

    def shares(self, z: Similarities) -> Similarities:
        return jax.nn.softmax(z, axis=-1)

    def conjugate(self, z: Similarities) -> Float[Array, "*batch"]:
        """log Σ eᶻ."""
        return jax.scipy.special.logsumexp(z, axis=-1)

    def flattest(self, patterns: int) -> float:
        """ln K."""
        return math.log(patterns)


class SparsemaxSeparation(AbstractSeparation):
    """P = relu(z - τ) with Σ p = 1: the point of the simplex next to z; ψ = ½ (|p|² - 1).

    >>> SparsemaxSeparation().shares(jnp.asarray([1.0, 0.5, -2.0])).tolist()
    [0.75, 0.25, 0.0]

    Exact, by one sort: K log K. One pattern has everything as soon as its z leads by 1, so retrieval may be exact.
    """

    def shares(self, z: Similarities) -> Similarities:
        """τ = (Σ of the k largest - 1) / k, for the largest k whose k-th is still above it."""
        # What lies 1 or more below the largest has no share: cutting there changes nothing, and keeps the sums small.
        z = jnp.maximum(z - z.max(-1, keepdims=True), -1)
        ranked = -jnp.sort(-z, axis=-1)
        count = jnp.arange(1, z.shape[-1] + 1)
        excess = jnp.cumsum(ranked, axis=-1) - 1
        k = (count * ranked > excess).sum(-1, keepdims=True)
        return jnp.maximum(z - jnp.take_along_axis(excess, k - 1, axis=-1) / k, 0)

    def conjugate(self, z: Similarities) -> Float[Array, "*batch"]:
        """p'z - ½ (|p|² - 1)."""
        p = self.shares(z)
        return (p * z - p**2 / 2).sum(-1) + 0.5

    def flattest(self, patterns: int) -> float:
        """½ (1 - 1/K)."""
        return (1 - 1 / patterns) / 2


class TopSeparation(AbstractSeparation):
    """Softmax among the ``count`` largest, 0 for the rest; ψ* is the log-sum over those.

    >>> TopSeparation(2).shares(jnp.asarray([1.0, 1.0, 0.0])).tolist()
    [0.5, 0.5, 0.0]

    Raises :class:`~flambeau.errors.ConfigurationError` for a count below 1. Where several tie for the last place, those
    that stand first have it.
    """

    count: int = eqx.field(static=True)

    def __check_init__(self) -> None:
        if self.count < 1:
            raise ConfigurationError("TopSeparation.count", "at least 1", self.count, "let at least one pattern answer")

    def shares(self, z: Similarities) -> Similarities:
        """Softmax of the largest, put back in their places."""
        best, places = jax.lax.top_k(z, min(self.count, z.shape[-1]))
        return jnp.put_along_axis(jnp.zeros_like(z), places, jax.nn.softmax(best, axis=-1), axis=-1, inplace=False)

    def conjugate(self, z: Similarities) -> Float[Array, "*batch"]:
        """log Σ eᶻ over the largest."""
        return jax.scipy.special.logsumexp(jax.lax.top_k(z, min(self.count, z.shape[-1]))[0], axis=-1)

    def flattest(self, patterns: int) -> float:
        """ln of the count."""
        return math.log(min(self.count, patterns))


SEPARATIONS = {"softmax": SoftmaxSeparation(), "sparsemax": SparsemaxSeparation()}


def separation_of(name: str | AbstractSeparation) -> AbstractSeparation:
    """The separation of that name, softmax or sparsemax; an object is taken as it is.

    >>> separation_of("sparsemax")
    SparsemaxSeparation()

    Raises :class:`~flambeau.errors.ConfigurationError` for an unknown name.
    """
    return name if isinstance(name, AbstractSeparation) else named("separation", SEPARATIONS, name)
