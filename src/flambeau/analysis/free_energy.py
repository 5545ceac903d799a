"""Free energies of seen and unseen rows: whether a Boltzmann machine remembers rather than learns."""

from typing import Any, NamedTuple

import jax.numpy as jnp
from jaxtyping import Array, PyTree


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


class HeldOut(NamedTuple):
    """Rows that were learned, rows that were not, how much each counts, and how wide a gap is tolerated."""

    rows: Array
    held_out: Array
    weights: Any = None
    held_out_weights: Any = None
    tolerance: Any = 0.1


def free_energy_excess(network: PyTree, data: HeldOut) -> tuple[Array, dict[str, Array]]:
    """How far the free-energy gap is beyond what chance and tolerance allow, in nats; 0 for a narrow one: a score.

    Too wide is a gap, in standard deviations of the held-out free energies, above the tolerance plus twice what chance
    allows, 2 √(1/n + 1/m) for n rows and m held-out rows. ``stopping=Beyond(free_energy_excess, data)`` stops a run
    once the gap has been too wide for so many rounds, ``keep=Best(newest=True)`` keeps the last network before that.
    Returns ``(excess, {"free_energy_gap": gap})``.

    Source: Hinton 2010, A practical guide to training restricted Boltzmann machines, section 6.
    """
    gap, spread = free_energy_gap(network, data.rows, data.held_out, data.weights, data.held_out_weights)
    chance = 2 * (1 / len(data.rows) + 1 / len(data.held_out)) ** 0.5
    return jnp.maximum(gap - (data.tolerance + chance) * spread, 0), {"free_energy_gap": gap}
