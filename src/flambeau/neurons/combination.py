"""Combinations: the g of y = f(g(x)), how a unit gathers its inputs.

Both are written with the structure's verbs only, so they hold on every wiring. Lecture: 整合函数 (combination).
"""

import abc
import dataclasses
from typing import Any, Protocol, runtime_checkable

import jax.numpy as jnp
from jaxtyping import Array

from flambeau.errors import named


@runtime_checkable
class Wiring(Protocol):
    """What a combination uses of a structure: its weights and verbs."""

    @property
    def weights(self) -> Array:
        """The connections."""

    def project(self, x: Array) -> Array:
        """Forward."""

    def backproject(self, d: Array) -> Array:
        """Backward."""

    def correlate(self, pre: Array, post: Array) -> Array:
        """Weight-shaped."""

    def with_weights(self, weights: Array) -> Any:
        """The same wiring, other weights."""


class AbstractCombination(abc.ABC):
    """g(x) before the threshold: the net input is ``combine(wiring, x) - threshold``."""

    @abc.abstractmethod
    def combine(self, wiring: Wiring, x: Array) -> Array:
        """What each unit gathers from x, ``(batch, units)``."""

    @abc.abstractmethod
    def credit(self, wiring: Wiring, x: Array, gathered: Array, delta: Array) -> tuple[Array, Array]:
        """``(∂e/∂x, ∂e/∂w)`` from ``delta`` = ∂e/∂g."""


@dataclasses.dataclass(frozen=True)
class WeightedSum(AbstractCombination):
    """g_j = Σ_i w_ij x_i, the lecture's combination (minus the threshold θ_j)."""

    def combine(self, wiring: Wiring, x: Array) -> Array:
        """The projection itself."""
        return wiring.project(x)

    def credit(self, wiring: Wiring, x: Array, gathered: Array, delta: Array) -> tuple[Array, Array]:
        """``backproject(delta)`` and ``correlate(x, delta)``."""
        return wiring.backproject(delta), wiring.correlate(x, delta)


@dataclasses.dataclass(frozen=True)
class RadialDistance(AbstractCombination):
    """g_j = Σ_i (x_i - w_ij)², or its root: how far the input is from each unit's prototype.

    Written as three projections, Σ 1·x² - 2 Σ w x + Σ w²·1, so it works on any wiring, masked or shared.
    ``squared=True`` leaves the root away (the output units of LeNet-5). The root's slope at distance 0 is taken as 0.

    >>> from flambeau.structures import Dense
    >>> prototype = Dense(jnp.asarray([[3.0], [4.0]]))
    >>> RadialDistance().combine(prototype, jnp.zeros((1, 2))).tolist()
    [[5.0]]

    *Limits.* Three large numbers are subtracted: in single precision distances below about 1e-3 of the inputs' length
    are rounding. Centre and scale the inputs.
    """

    squared: bool = False

    def combine(self, wiring: Wiring, x: Array) -> Array:
        """Distances, never below 0 (rounding would allow it)."""
        w = wiring.weights
        squares = wiring.with_weights(jnp.ones_like(w)).project(x * x)
        norms = wiring.with_weights(w * w).project(jnp.ones_like(x))
        distance = squares - 2 * wiring.project(x) + norms
        # A comparison, not ``maximum``: XLA's CPU compiler (jaxlib 0.10.2) fuses these products with a softmax that
        # reads them, and from 512 rows on the fused program is wrong; it does not fuse through a comparison.
        distance = jnp.where(distance > 0, distance, 0)
        return distance if self.squared else root(distance)

    def credit(self, wiring: Wiring, x: Array, gathered: Array, delta: Array) -> tuple[Array, Array]:
        """∂/∂x_i = 2 Σ_j δ_j (x_i - w_ij), ∂/∂w_ij = 2 Σ_batch δ_j (w_ij - x_i), on the squared distance."""
        if not self.squared:
            delta = jnp.where(gathered > 0, delta / (2 * jnp.where(gathered > 0, gathered, 1)), 0)
        w, ones = wiring.weights, jnp.ones_like(x)
        to_inputs = wiring.with_weights(jnp.ones_like(w)).backproject(delta) * x - wiring.backproject(delta)
        to_weights = wiring.correlate(ones, delta) * w - wiring.correlate(x, delta)
        return 2 * to_inputs, 2 * to_weights


def root(squares: Array) -> Array:
    """√ with slope 0 at 0, for ``jax.grad`` too."""
    positive = squares > 0
    return jnp.where(positive, jnp.sqrt(jnp.where(positive, squares, 1)), 0)


COMBINATIONS: dict[str, AbstractCombination] = {
    "weighted_sum": WeightedSum(),
    "radial_distance": RadialDistance(),
}


def combination(name: Any) -> AbstractCombination:
    """The combination of that name, or the combination itself.

    >>> combination("weighted_sum")
    WeightedSum()

    Raises :class:`~flambeau.errors.ConfigurationError` for an unknown name.
    """
    if isinstance(name, AbstractCombination):
        return name
    return named("combination", COMBINATIONS, name)
