"""Curves over training (errors, mistakes, the error on other data), and what a network answers all over the plane."""

from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from flambeau.errors import DataError
from flambeau.foundation.memory import kept_apart
from flambeau.training.monitoring import AbstractMonitor, AbstractRoundMonitor, Moment


class ErrorCurve(AbstractMonitor):
    """First, last, lowest and highest step loss of every round (``history["loss"]`` already holds the mean).

    Records ``first``, ``last``, ``lowest``, ``highest``: a wide band says that the batch is small or the rate large.
    """

    name: ClassVar[str] = "error_curve"
    needs: ClassVar[tuple[str, ...]] = ("loss",)

    def init(self, network: PyTree) -> dict[str, Array]:
        """An empty round; ``first`` is NaN until a step is seen."""
        return {"first": jnp.asarray(jnp.nan), "last": jnp.asarray(jnp.nan),
                "lowest": jnp.asarray(jnp.inf), "highest": jnp.asarray(-jnp.inf)}  # fmt: skip

    def observe(self, memory: dict[str, Array], moment: Moment) -> dict[str, Array]:
        loss = moment.info["loss"].astype(memory["first"].dtype)
        return {
            "first": jnp.where(jnp.isnan(memory["first"]), loss, memory["first"]),
            "last": loss,
            "lowest": jnp.minimum(memory["lowest"], loss),
            "highest": jnp.maximum(memory["highest"], loss),
        }

    def record(self, memory: dict[str, Array], network: PyTree) -> tuple[dict[str, Array], dict[str, Array]]:
        return self.init(network), memory


class Mistakes(AbstractMonitor):
    """How many examples of the round were decided wrongly when they were presented. Record: ``mistakes``."""

    name: ClassVar[str] = "mistakes"
    needs: ClassVar[tuple[str, ...]] = ("mistakes",)

    def init(self, network: PyTree) -> Array:
        return jnp.zeros(())

    def observe(self, memory: Array, moment: Moment) -> Array:
        return memory + moment.info["mistakes"]

    def record(self, memory: Array, network: PyTree) -> tuple[Array, dict[str, Array]]:
        return jnp.zeros_like(memory), {"mistakes": memory}


class ValidationCurve(AbstractRoundMonitor):
    """The score of the network on other data at the end of every round.

    Arguments: ``score(network, data) -> (number, dict of numbers)``, as for ``Patience``; ``data``. Records: the dict.
    """

    name: ClassVar[str] = "validation_curve"
    score: Callable[[PyTree, Any], tuple[Array, dict[str, Array]]] = eqx.field(static=True)
    data: PyTree = eqx.field(converter=kept_apart)

    def look(self, network: PyTree) -> dict[str, Array]:
        return self.score(network, self.data)[1]


class DecisionSurface(AbstractRoundMonitor):
    """The network's outputs on a grid over the first two inputs, at the end of every round.

    Record: ``outputs`` ``(side, side, units)``, the first axis running along the second input, as pictures do. Build
    one with :meth:`over`. *Limits:* networks of exactly two inputs; memory is side² x units per round.

    >>> surface = DecisionSurface.over([[0.0, 0.0], [1.0, 1.0]], side=3, margin=0.0)
    >>> surface.points.shape
    (9, 2)
    """

    name: ClassVar[str] = "decision_surface"
    points: Float[Array, "points 2"] = eqx.field(converter=kept_apart)
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
