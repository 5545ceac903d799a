"""Where a run left the finite numbers: which step, which layer, and the last point that was still good."""

from collections.abc import Callable

import jax
import numpy as np
from jaxtyping import PyTree

from flambeau.training.rounds import Chunk

__all__ = ["explain_divergence", "worst_leaf"]


def explain_divergence(
    advance: Callable[..., Chunk], call: tuple, done: tuple[int, int], bad: int
) -> tuple[Chunk, str]:
    """Replay the chunk up to the last good round, then up to the step whose loss was not finite.

    ``call`` is the compiled call that went wrong, ``done`` the rounds it did (the last one is the bad one) with the
    steps of each, and ``bad`` the step in that round. Returns the chunk of good rounds, and the worst part of the
    network that made the bad step. Only this error path pays for the replay.
    """
    (made, each), (program, _, problem, given, rates, seed) = done, call
    good = advance(*call, np.int32(made - 1), np.int32(each))
    before = good.progress
    if bad > 0:
        last = jax.tree.map(lambda leaf: np.roll(np.asarray(leaf), 1 - made, axis=0), (given, rates))
        part = program, before, problem, *last, seed
        before = advance(*part, np.int32(1), np.int32(bad)).progress
    return good, worst_leaf(before.network)


def worst_leaf(network: PyTree) -> str:
    """Name the first part of a network that is not finite, or else the part with the largest number."""
    leaves = [
        (jax.tree_util.keystr(path), np.asarray(leaf)) for path, leaf in jax.tree_util.tree_leaves_with_path(network)
    ]
    for path, leaf in leaves:
        if not np.isfinite(leaf).all():
            return f"{path[1:]} not finite"
    path, leaf = max(leaves, key=lambda pair: np.abs(pair[1]).max(initial=0))
    return f"{path[1:]} up to {np.abs(leaf).max():.3g}"
