"""When to stop a Boltzmann machine: when held-out rows become less probable than training rows."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from flambeau.analysis.free_energy import free_energy_gap
from flambeau.training.monitoring import Moment
from flambeau.training.stopping import AbstractStopping

__all__ = ["FreeEnergyPatience"]


class GapState(NamedTuple):
    """The last network whose gap was small, and how many rounds ago that was."""

    best: PyTree
    waited: Array


class FreeEnergyPatience(AbstractStopping):
    """Stops once the free-energy gap has been too wide for ``patience`` rounds; keeps the last network before that.

    Too wide is a gap, in standard deviations of the held-out free energies, above ``tolerance`` plus twice what chance
    allows, 2 √(1/n + 1/m) for n rows and m held-out rows. Source: Hinton 2010, A practical guide to training restricted
    Boltzmann machines, section 6.
    """

    rows: Float[Array, "n visible"]
    held_out: Float[Array, "m visible"]
    patience: Array = eqx.field(converter=lambda rounds: jax.device_put(np.asarray(rounds, np.int32)), default=10)
    tolerance: Array = eqx.field(converter=lambda gap: jax.device_put(np.asarray(gap, np.float32)), default=0.1)
    weights: Float[Array, " n"] | None = None
    held_out_weights: Float[Array, " m"] | None = None

    def init(self, network: PyTree) -> GapState:
        """The first network is as good as any yet."""
        return GapState(network, jnp.zeros((), jnp.int32))

    def observe(self, state: GapState, moment: Moment) -> GapState:
        """Only rounds count."""
        return state

    def judge(
        self, state: GapState, network: PyTree, loss: Float[Array, ""]
    ) -> tuple[GapState, Array, dict[str, Array]]:
        """Measure the gap; a narrow one makes this network the one to keep."""
        gap, spread = free_energy_gap(network, self.rows, self.held_out, self.weights, self.held_out_weights)
        chance = 2 * (1 / len(self.rows) + 1 / len(self.held_out)) ** 0.5
        wide = gap > (self.tolerance + chance) * spread
        waited = jnp.where(wide, state.waited + 1, 0)
        best = jax.tree.map(lambda new, old: jnp.where(wide, old, new), network, state.best)
        return GapState(best, waited), waited >= self.patience, {"free_energy_gap": gap}

    def conclude(self, state: GapState, network: PyTree) -> PyTree:
        """The last network with a narrow gap."""
        return state.best
