"""Where a run left the finite numbers: which step, which layer, and the last point that was still good."""

import bisect
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from flambeau.training.rounds import Chunk


def all_finite(tree: PyTree) -> bool:
    """Whether every float of a pytree is finite, looked at on the host: compiled it would be a sixth of a program."""
    floats = (leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.floating))
    return all(np.isfinite(np.asarray(leaf)).all() for leaf in floats)


def explain_divergence(advance: Callable[..., Chunk], call: tuple, made: int, each: int) -> tuple[Chunk, int, str]:
    """Replay a chunk that went wrong: ``(its good rounds, the bad step after them, the worst part of the network)``.

    ``call`` is the compiled call, ``made`` the rounds it did, of ``each`` steps. The last of them need not be the bad
    one: an update may be seen by the next loss only, or by none. Round and step are found by halving, since a chunk may
    be replayed up to any of them: the network is finite until the bad round, the round's mean loss until the bad step,
    or else the round's last step is named. Only this error path pays for the replay.
    """
    program, _, problem, *fed = call

    def rounds(count: int) -> Chunk:
        return advance(*call, np.int32(count), np.int32(each))

    whole = bisect.bisect_left(range(1, made), True, key=lambda count: not all_finite(rounds(count).progress.network))
    good = rounds(whole)
    own = jax.tree.map(lambda leaf: np.roll(np.asarray(leaf), -whole, axis=0), fed)

    def after(steps: int) -> Chunk:
        return advance(program, good.progress, problem, *own, np.int32(1), np.int32(steps))

    def lost(steps: int) -> bool:
        return not np.isfinite(np.asarray(after(steps).reports["history"]["loss"])[0])

    bad = min(bisect.bisect_left(range(1, each + 1), True, key=lost), each - 1)
    return good, bad, worst_leaf((after(bad) if bad else good).progress.network)


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
