"""Curves over training: the error of every step, the mistakes of every round, the error on other data."""

from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, PyTree

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
