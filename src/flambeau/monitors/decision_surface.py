"""What the network answers all over the plane."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from flambeau.errors import DataError
from flambeau.training.monitoring import AbstractRoundMonitor


class DecisionSurface(AbstractRoundMonitor):
    """The network's outputs on a grid over the first two inputs, at the end of every round.

    Record: ``outputs`` ``(side, side, units)``, the first axis running along the second input, as pictures do. Build
    one with :meth:`over`. *Limits:* networks of exactly two inputs; memory is side² x units per round.

    >>> surface = DecisionSurface.over([[0.0, 0.0], [1.0, 1.0]], side=3, margin=0.0)
    >>> surface.points.shape
    (9, 2)
    """

    name: ClassVar[str] = "decision_surface"
    points: Float[Array, "points 2"]
    side: int = eqx.field(static=True)

    @classmethod
    def over(cls, X: object, side: int = 50, margin: float = 0.2) -> "DecisionSurface":
        """A grid over the range of ``X`` ``(n, 2)``, widened on every side by ``margin`` of the range."""
        x = np.asarray(X, np.float32)
        if x.ndim != 2 or x.shape[1] != 2:
            raise DataError("DecisionSurface", "inputs of shape (n, 2)", x.shape, "watch a network of two inputs")
        low, high = x.min(0), x.max(0)
        room = margin * (high - low)
        axes = [np.linspace(a, b, side, dtype=np.float32) for a, b in zip(low - room, high + room, strict=True)]
        grid = np.meshgrid(*axes)
        return cls(jnp.asarray(np.stack([plane.reshape(-1) for plane in grid], axis=1)), side)

    def look(self, network: PyTree) -> dict[str, Array]:
        return {"outputs": network(self.points).reshape(self.side, self.side, -1)}
