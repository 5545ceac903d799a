"""Chapter 10, its experiment: random patterns, a storage rule, a recall; all one program."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

import flambeau as fb
from flambeau.journey.setting import Setting

RULES = {
    "Hebb": fb.rules.Hebbian(),
    "Storkey 1": fb.rules.Storkey(1),
    "Storkey 2": fb.rules.Storkey(2),
    "projection": fb.rules.Projection(),
}
TURNED = 0.1
MOST_SWEEPS = 20
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


def stored_share(rule: str, units: int, loads: Sequence[float], draws: int, seed: int, flips: float) -> Found:
    """So many networks for each load K / N, run from the patterns with a share ``flips`` of their bits turned.

    All rules and loads are one program, for ``AT_ONCE`` networks with room for 0.6 N patterns.
    """
    room = round(0.6 * units)
    counts = np.repeat([round(load * units) for load in loads], draws)
    padded = np.resize(counts, -(-len(counts) // AT_ONCE) * AT_ONCE)
    number, rng = np.asarray(list(RULES).index(rule)), np.random.default_rng([seed, *rule.encode()])
    shape, parts = (AT_ONCE, room, units), []
    for at in range(0, len(padded), AT_ONCE):
        x = np.where(rng.random(shape, np.float32) < 0.5, np.float32(-1), np.float32(1))
        there = (np.arange(room) < padded[at : at + AT_ONCE, None]).astype(np.float32)
        x = np.where(
            there[:, :, None] > 0, x, x[:, :1]
        )  # beyond the count: the first pattern, which counts for nothing
        cues = np.where((rng.random(shape, np.float32) < flips) & (there[:, :, None] > 0), -x, x)
        parts.append(_tried(number, x, there, cues))
    return Found(*np.concatenate(parts)[: len(counts)].T.reshape(4, len(loads), draws))


@eqx.filter_jit
def _tried(rule: Any, patterns: Any, present: Any, cues: Any) -> Array:
    """One network after the other ``(networks, 4)``."""

    def one(given: tuple[Array, Array, Array]) -> Array:
        x, there, start = given
        batch = fb.rules.Batch(x, x, there)
        network = jax.lax.switch(rule, [lambda b, r=r: _taught(r, b) for r in RULES.values()], batch)
        return _judged(network, x, there, start)

    return jax.lax.map(one, (jnp.asarray(patterns), jnp.asarray(present), jnp.asarray(cues)))


def _taught(rule: fb.rules.AbstractRule, batch: fb.rules.Batch) -> fb.networks.HopfieldNetwork:
    """One look at all patterns."""
    network: fb.networks.HopfieldNetwork = fb.rules.taught(fb.networks.hopfield(batch.inputs.shape[1]), rule, batch)
    return network


def _judged(network: fb.networks.HopfieldNetwork, x: Array, there: Array, cues: Array) -> Array:
    """Stable patterns, unstable bits, and where the network ends that starts from the cues."""
    wrong = x * network.net(x) < 0
    overlap = (fb.dynamics.settle(network, cues, max_sweeps=MOST_SWEEPS).states * x).mean(axis=1)
    shares = jnp.stack([~wrong.any(axis=1), wrong.mean(axis=1), overlap, overlap > 0.99])
    return (shares * there).sum(axis=1) / there.sum()
