"""Lateral: the units of one layer are wired to each other."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from flambeau.errors import DataError
from flambeau.foundation.memory import in_numpy, kept_apart
from flambeau.structures.base import AbstractStructure


class Lateral(AbstractStructure):
    """Every unit of a layer is connected to every other one, none to itself: project(x) = x (W without its diagonal).

    Arguments: ``weights`` W ``(units, units)``, sender first; ``symmetric``, a promise that w_ij = w_ji, which learning
    keeps (:meth:`correlate` is then the same for both directions) and which lets rows be read for columns;
    ``self_connected``, whether the diagonal counts too.

    >>> wiring = Lateral(jnp.asarray([[9.0, 2.0], [3.0, 9.0]]))
    >>> wiring.project(jnp.asarray([[1.0, 10.0]])).tolist()
    [[30.0, 2.0]]
    >>> wiring.correlate(jnp.asarray([[1.0, -1.0]]), jnp.asarray([[1.0, -1.0]])).tolist()  # Hebb's rule
    [[0.0, -1.0], [-1.0, 0.0]]

    *Limits.* A promise of symmetry that the weights do not keep is not noticed here; :func:`lateral` looks first.
    Lecture: 带有反馈 (networks with feedback).
    """

    weights: Float[Array, "units units"] = eqx.field(converter=kept_apart)
    symmetric: bool = eqx.field(static=True, default=False)
    self_connected: bool = eqx.field(static=True, default=False)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """``(units,)``."""
        return (self.weights.shape[0],)

    @property
    def unit_shape(self) -> tuple[int, ...]:
        """``(units,)``."""
        return (self.weights.shape[0],)

    def project(self, x: Float[Array, "*batch units"]) -> Float[Array, "*batch units"]:
        """The product x W, without what a unit would send to itself."""
        return x @ self.weights - self._own() * x

    def backproject(self, d: Float[Array, "*batch units"]) -> Float[Array, "*batch units"]:
        """The product d Wᵀ, likewise."""
        return d @ self.weights.T - self._own() * d

    def correlate(self, pre: Float[Array, "*batch units"], post: Float[Array, "*batch units"]) -> Array:
        """The product xᵀ d with an empty diagonal; symmetric wirings take the mean of both directions."""
        both = pre.reshape(-1, pre.shape[-1]).T @ post.reshape(-1, post.shape[-1])
        both = (both + both.T) / 2 if self.symmetric else both
        return both if self.self_connected else without_diagonal(both)

    def per_unit(self, v: Float[Array, " units"]) -> Array:
        """A row that broadcasts over the senders."""
        return jnp.expand_dims(v, 0)

    def incoming(self, units: Int[Array, " some"]) -> Float[Array, "some units"]:
        """What arrives at some of the units: their columns of W, a row each (its own place empty)."""
        return (self if self.symmetric else self.with_weights(self.weights.T)).outgoing(units)

    def outgoing(self, units: Int[Array, " some"]) -> Float[Array, "some units"]:
        """What some of the units send: their rows of W (their own place empty)."""
        rows = self.weights.at[units].get(mode="promise_in_bounds")
        return rows if self.self_connected else jnp.where(units[:, None] == jnp.arange(rows.shape[1]), 0, rows)

    @property
    def matrix(self) -> Float[Array, "units units"]:
        """W as it is written on paper: row i holds what unit i receives."""
        return self.incoming(jnp.arange(self.weights.shape[0]))

    def _own(self) -> Array | float:
        """What the diagonal of W would add: to be taken off again, at the price of one product a unit."""
        return 0.0 if self.self_connected else jnp.diagonal(self.weights)


def without_diagonal(weights: Float[Array, "units units"]) -> Float[Array, "units units"]:
    """No unit hears itself."""
    return jnp.where(jnp.eye(weights.shape[0], dtype=bool), 0, weights)


def lateral(weights: Any) -> Lateral:
    """The wiring of given weights, sender first: whether it is symmetric and self-connected is seen from them.

    Of weights that are not known yet, while a program is compiled, neither is promised.

    >>> lateral(np.asarray([[0.0, 1.0], [1.0, 0.0]])).symmetric
    True
    """
    if isinstance(weights, jax.core.Tracer):
        return Lateral(weights, symmetric=False, self_connected=True)
    values = in_numpy(weights)
    if values.ndim != 2 or values.shape[0] != values.shape[1]:
        remedy = "give one row and one column for each unit"
        raise DataError("lateral, weights", "a square matrix", f"shape {values.shape}", remedy)
    symmetric, own = bool((values == values.T).all()), bool(np.diagonal(values).any())
    return Lateral(values, symmetric, own)


def wired(matrix: Any) -> Lateral:
    """The wiring of a matrix as it is written on paper, row i for what unit i receives; a wiring is taken as it is.

    >>> wired(np.asarray([[0.0, 1.0], [2.0, 0.0]])).weights.tolist()
    [[0.0, 2.0], [1.0, 0.0]]
    """
    if isinstance(matrix, Lateral):
        return matrix
    return lateral(in_numpy(matrix).T)
