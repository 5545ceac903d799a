"""Free energies of seen and unseen rows: whether a Boltzmann machine remembers rather than learns."""

from typing import Any

import jax.numpy as jnp
from jaxtyping import Array, PyTree

__all__ = ["free_energy_gap"]


def free_energy_gap(
    network: PyTree, rows: Array, held_out: Array, weights: Any = None, held_out_weights: Any = None
) -> tuple[Array, Array]:
    """Mean F(held out) - mean F(rows), and the standard deviation of F over the held-out rows; weighted if asked.

    log Z cancels: the gap is the difference of two mean log-likelihoods, exactly, for any size of machine.
    """
    seen, unseen = network.free_energy(rows), network.free_energy(held_out)
    mean = jnp.average(unseen, weights=held_out_weights)
    spread = jnp.sqrt(jnp.average((unseen - mean) ** 2, weights=held_out_weights))
    return mean - jnp.average(seen, weights=weights), spread
