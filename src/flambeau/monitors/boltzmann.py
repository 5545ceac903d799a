"""What to watch of a Boltzmann machine while it learns."""

import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from flambeau.training.free_energy import free_energy_gap
from flambeau.training.moment import AbstractMonitor, Moment

__all__ = ["FreeEnergyGap"]


class FreeEnergyGap(AbstractMonitor):
    """Mean F(held out) - mean F(training rows) at the end of each round; log Z cancels, so it is exact.

    A growing gap is overfitting. Records: ``gap`` in nats, ``spread``, the standard deviation of the held-out F.
    Source: Hinton 2010, section 6.
    """

    rows: Float[Array, "n visible"]
    held_out: Float[Array, "m visible"]

    @property
    def name(self) -> str:
        """Records stand under ``free_energy_gap``."""
        return "free_energy_gap"

    def init(self, network: PyTree) -> PyTree:
        """Nothing to remember."""
        return ()

    def observe(self, memory: PyTree, moment: Moment) -> PyTree:
        """Steps do not matter."""
        return memory

    def record(self, memory: PyTree, network: PyTree) -> tuple[PyTree, dict[str, Array]]:
        """Measure."""
        gap, spread = free_energy_gap(network, jnp.asarray(self.rows), jnp.asarray(self.held_out))
        return memory, {"gap": gap, "spread": spread}
