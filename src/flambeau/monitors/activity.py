"""How busy the hidden units are: which do nothing, which are always on."""

from collections.abc import Mapping
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int, PyTree

from flambeau.foundation.precision import dtype
from flambeau.training.monitoring import AbstractMonitor, Moment

LOW, HIGH = 0.01, 0.99


class HiddenActivity(AbstractMonitor):
    """Mean over the round's examples of E[h | v], unit by unit: q_j in Hinton's guide.

    Records: ``activity`` ``(rounds, hidden)``; ``dead`` and ``always_on``, the shares of units whose activity is below
    ``low`` or above ``high``. :func:`dead_units` and :func:`always_on_units` name them.

    >>> import flambeau as fb, jax
    >>> problem = fb.problems.Examples.of(np.eye(4), np.zeros(4))
    >>> run = fb.train(fb.networks.rbm(4, 3, key=jax.random.key(0)), fb.rules.ContrastiveDivergence(), problem,
    ...                steps=6, batch_size=2, monitors=(HiddenActivity(),))
    >>> run.records["hidden_activity"]["activity"].shape, dead_units(run.records["hidden_activity"]).tolist()
    ((3, 3), [])

    *Limits.* Thresholds are for units of 0 or 1. A mean cannot tell a dead unit from one that answers one example in a
    thousand, and strongly: look at its receptive field before it is removed. Source: Hinton 2010, sections 11 and 15.
    """

    name: ClassVar[str] = "hidden_activity"
    low: float = eqx.field(static=True, default=LOW)
    high: float = eqx.field(static=True, default=HIGH)
    needs: ClassVar[tuple[str, ...]] = ("hidden",)

    def init(self, network: PyTree) -> tuple[Array, Array]:
        return jnp.zeros(network.hidden_bias.shape, dtype()), jnp.zeros((), dtype())

    def observe(self, memory: tuple[Array, Array], moment: Moment) -> tuple[Array, Array]:
        """Add the batch; padding weighs nothing."""
        sums, weight = memory
        own = moment.batch.weights
        return (sums + own @ moment.info["hidden"]).astype(sums.dtype), (weight + own.sum()).astype(weight.dtype)

    def record(self, memory: tuple[Array, Array], network: PyTree) -> tuple[tuple[Array, Array], dict[str, Array]]:
        activity = memory[0] / jnp.where(memory[1] > 0, memory[1], 1)
        dead = jnp.mean(activity < self.low, dtype=activity.dtype)
        always_on = jnp.mean(activity > self.high, dtype=activity.dtype)
        return self.init(network), {"activity": activity, "dead": dead, "always_on": always_on}


def dead_units(records: Mapping[str, Any], at: int = -1, below: float = LOW) -> Int[np.ndarray, " dead"]:
    """Numbers of the units whose mean activity was below that in round ``at`` (the last, unless told otherwise).

    Argument: ``run.records["hidden_activity"]``.

    >>> dead_units({"activity": np.asarray([[0.2, 0.001, 0.5]])}).tolist()
    [1]
    """
    return np.flatnonzero(np.asarray(records["activity"])[at] < below)


def always_on_units(records: Mapping[str, Any], at: int = -1, above: float = HIGH) -> Int[np.ndarray, " on"]:
    """Numbers of the units whose mean activity was above that in round ``at``; they act as a second bias.

    >>> always_on_units({"activity": np.asarray([[0.2, 0.001, 0.995]])}).tolist()
    [2]
    """
    return np.flatnonzero(np.asarray(records["activity"])[at] > above)
