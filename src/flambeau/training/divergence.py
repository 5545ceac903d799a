"""What to say when a run leaves the finite numbers: which epoch, which step, which layer, and what to do."""

from collections.abc import Callable
from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree

from flambeau.errors import DivergenceError

__all__ = ["explain_divergence", "worst_leaf"]


def explain_divergence(
    advance: Callable[..., Any], call: tuple, first_round: int, made: int, bad: int
) -> DivergenceError:
    """Replay the chunk up to the step whose loss was not finite, and look at the network that made it.

    ``call`` is the compiled call that went wrong, ``made`` the rounds it did (the last one is the bad one) and ``bad``
    the step in that round. Only this error path pays for the replay.
    """
    program, _, problem, rows, rates, seed = call
    before = advance(*call, np.int32(made - 1)).progress
    if bad > 0:
        last = slice(made - 1, made)
        short = program, before, problem, rows[last, :bad], rates[last, :bad], seed
        before = advance(*short, np.int32(1)).progress
    layer = worst_leaf(before.network)
    return DivergenceError(
        f"training, epoch {first_round + made}, step {bad + 1}, {layer}",
        "a finite loss",
        "infinity or NaN",
        "lower the learning rate, clip the gradient (clip_norm), or scale the inputs",
    )


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
