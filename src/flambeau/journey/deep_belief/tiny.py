"""Chapter 8, its tiny network: so small that every probability fits in a table."""

import itertools
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import flambeau as fb

SIZES = (4, 3, 3, 2)  # units of v, h₁, h₂, h₃: 2¹² states in all


class Tables(NamedTuple):
    """Every probability of a tiny network as a table; the unit that is given comes first."""

    down: list[np.ndarray]  # P(v | h₁), P(h₁ | h₂), P(h₂ | h₃)
    joint: np.ndarray  # P(v, h₁, h₂, h₃)
    up: np.ndarray  # Q(h₁ | v)
    alone: np.ndarray  # e^{-energy(v, h₁)} of the lowest machine by itself
    ours: np.ndarray  # P(v, h₁, h₂) by the library, row by row


def states(units: int) -> np.ndarray:
    """All states of so many binary units, one a row."""
    return fb.analysis.all_states(fb.neurons.Bernoulli(), units)


def _product(p: Any, of: np.ndarray) -> np.ndarray:
    """Π_j P(h_j): the probability ``(given, states)`` of every state, from each unit's own ``(given, units)``."""
    p = np.asarray(p, np.float64)[:, None]
    return np.prod(np.where(of[None] == 1, p, 1 - p), axis=-1)


def tiny_network(seed: int) -> fb.networks.DeepBeliefNetwork:
    """Three layers of connections with large random weights, so that everything depends on everything."""
    keys = jax.random.split(jax.random.key(seed), 3)
    pairs = zip(itertools.pairwise(SIZES), keys, strict=True)
    return fb.networks.dbn([fb.networks.rbm(below, above, deviation=1.5, key=key) for (below, above), key in pairs])


@eqx.filter_jit
def factors(network: fb.networks.DeepBeliefNetwork, states: tuple[Any, ...], every: list[Any]) -> Any:
    """Every unit's P(1 | …) on the way down and up, the top's energies, and the library's own log P(v, h₁, h₂)."""
    v, h1, h2, h3 = (jnp.asarray(part, jnp.float32) for part in states)
    low, middle = network.lower
    nets = (low.down_net(h1), middle.down_net(h2), network.top.visible_net(h3), low.up_net(v))
    below = -h1 @ low.recognition.weights.T @ v.T  # the lowest machine's energies, had it no layer above: no biases
    shape = len(h2), len(h3)
    pairs = jnp.broadcast_to(h2[:, None], (*shape, h2.shape[1])), jnp.broadcast_to(h3[None], (*shape, h3.shape[1]))
    ours = fb.networks.log_joint(network, [jnp.asarray(part, jnp.float32) for part in every])
    return [jax.nn.sigmoid(net) for net in nets], network.top.energy(*pairs), below.T, ours


def joint_tables(network: fb.networks.DeepBeliefNetwork) -> Tables:
    """The network's factors by the lecture's formulas, and their product."""
    every = [states(units) for units in SIZES]
    places = np.indices([len(rows) for rows in every[:3]]).reshape(3, -1)
    units, energy, below, ours = factors(
        network, tuple(every), [rows[place] for rows, place in zip(every, places, strict=False)]
    )
    down = [_product(p, rows) for p, rows in zip(units[:3], every[:3], strict=True)]
    weights = np.exp(-np.asarray(energy, np.float64))  # Z is the sum over 2⁵ states
    joint = np.einsum("av,ba,bc->vabc", down[0], down[1], weights / weights.sum())
    log_joint = np.asarray(ours, np.float64) - np.log(weights.sum())
    return Tables(down, joint, _product(units[3], every[1]), np.exp(-np.asarray(below, np.float64)), np.exp(log_joint))


def conditional(joint: np.ndarray) -> np.ndarray:
    """P(second | first) from P(first, second)."""
    return joint / joint.sum(axis=1, keepdims=True)
