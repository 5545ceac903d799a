"""The chapter on Hopfield memory, its experiment: random patterns, a storage rule, a recall; many of them, one program."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

import flambeau as fb
from flambeau.journey.chapter import Setting

__all__ = ["RULES", "TURNED", "Found", "stored", "units_of"]

RULES = {
    "Hebb": fb.rules.Hebbian(),
    "Storkey 1": fb.rules.Storkey(1),
    "Storkey 2": fb.rules.Storkey(2),
    "projection": fb.rules.Projection(),
}
TURNED = 0.1
MOST_SWEEPS = 30
AT_ONCE = 18


class Found(NamedTuple):
    """For each load, by draws: the share of ``stable`` patterns, of ``wrong`` bits in them; where the network comes to
    rest, the mean ``overlap`` with the pattern that it came from, and the share of those ``near`` (above 0.99).
    """

    stable: np.ndarray
    wrong: np.ndarray
    overlap: np.ndarray
    near: np.ndarray


def units_of(setting: Setting) -> int:
    """Neurons of the random memories."""
    return setting.pick(100, 200, 500)


def stored(rule: str, units: int, loads: Sequence[float], draws: int, seed: int, flips: float) -> Found:
    """So many networks for each load K / N, run from the patterns with a share ``flips`` of their bits turned.

    All rules and loads are one program, for ``AT_ONCE`` networks with room for 0.6 N patterns.
    """
    room = round(0.6 * units)
    counts = np.repeat([round(load * units) for load in loads], draws)
    padded = np.resize(counts, -(-len(counts) // AT_ONCE) * AT_ONCE)
    number, keys = np.asarray(list(RULES).index(rule)), np.arange(len(padded)) + 10_000 * seed
    parts = [tried(units, room, number, np.float32(flips), padded[at : at + AT_ONCE], keys[at : at + AT_ONCE])
             for at in range(0, len(padded), AT_ONCE)]  # fmt: skip
    return Found(*np.concatenate(parts)[: len(counts)].T.reshape(4, len(loads), draws))


@eqx.filter_jit
def tried(units: int, room: int, rule: Any, flips: Any, counts: Any, seeds: Any) -> Array:
    """One network after the other ``(networks, 4)``."""

    def one(given: tuple[Array, Array]) -> Array:
        count, seed = given
        bits, noise = jax.random.uniform(jax.random.key(seed), (2, room, units))
        x, there = jnp.where(bits < 0.5, -1.0, 1.0), (jnp.arange(room) < count).astype(float)
        x = jnp.where(there[:, None] > 0, x, x[0])  # beyond the count: the first pattern, which counts for nothing
        batch = fb.rules.Batch(x, x, there)
        network = jax.lax.switch(rule, [lambda b, r=r: taught(r, b) for r in RULES.values()], batch)
        return judged(network, x, there, jnp.where((noise < flips) & (there[:, None] > 0), -x, x))

    return jax.lax.map(one, (jnp.asarray(counts), jnp.asarray(seeds)))


def taught(rule: fb.rules.AbstractRule, batch: fb.rules.Batch) -> fb.networks.HopfieldNetwork:
    """One look at all patterns."""
    network = fb.networks.hopfield(batch.inputs.shape[1])
    proposal, _, _ = rule.propose(network, batch, rule.init(network), jax.random.key(0))
    return fb.networks.HopfieldNetwork(network.weights - proposal.weights, network.thresholds)


def judged(network: fb.networks.HopfieldNetwork, x: Array, there: Array, cues: Array) -> Array:
    """Stable patterns, unstable bits, and where the network ends that starts from the cues."""
    wrong = x * network.field(x) < 0
    overlap = (fb.dynamics.settle(network, cues, max_sweeps=MOST_SWEEPS).states * x).mean(axis=1)
    shares = jnp.stack([~wrong.any(axis=1), wrong.mean(axis=1), overlap, overlap > 0.99])
    return (shares * there).sum(axis=1) / there.sum()
