"""How a run is cut into chunks of rounds, and what each chunk is fed."""

from collections.abc import Iterator

import jax
import numpy as np
from jaxtyping import PyTree

from flambeau.problems.base import AbstractProblem

__all__ = ["fed_chunks", "first_given", "steps_each"]

ROWS_PER_CHUNK = 65_536  # enough work to hide a crossing to Python (0.3 ms), little enough for a smooth progress bar
ROUNDS_PER_CHUNK = 1_024
ROUNDS_WATCHED = 64  # with monitors, whose records of a whole chunk are held at once
BYTES_PER_CHUNK = 64 << 20  # of what is fed, where these are the rows themselves


def steps_each(fed: PyTree) -> int:
    """How many steps a round has."""
    return int(np.shape(jax.tree.leaves(fed)[0])[1])


def first_given(fed: PyTree) -> PyTree:
    """What the first step of the first round is given."""
    return jax.tree.map(lambda leaf: leaf[0, 0], fed)


def fed_chunks(
    problem: AbstractProblem, seed: np.ndarray, done: tuple[int, int], batch_size: int, steps: int, most: int
) -> Iterator[tuple[int, int, PyTree]]:
    """``(rounds to do, steps of each, what they are given)`` from ``done`` (rounds, steps) until ``steps`` are done.

    At most ``most`` rounds at a time. The shape depends on the size of the problem only, never on how much is left, so
    it is compiled once; only a run that does not end with a whole round needs a second program for its last, shorter
    one.
    """
    rounds, made = done
    first = problem.feed(seed, 0, 1, batch_size)
    each, size = steps_each(first), sum(np.asarray(leaf).nbytes for leaf in jax.tree.leaves(first))
    capacity = max(1, min(ROWS_PER_CHUNK // (each * batch_size), BYTES_PER_CHUNK // max(size, 1), most))
    while made < steps:
        count = min(capacity, (steps - made) // each)
        if count == 0:
            yield 1, steps - made, _first_steps(problem.feed(seed, rounds, 1, batch_size), steps - made)
            return
        yield count, each, _filled(problem.feed(seed, rounds, count, batch_size), capacity)
        rounds, made = rounds + count, made + count * each


def _first_steps(fed: PyTree, count: int) -> PyTree:
    """The beginning of a round."""
    return jax.tree.map(lambda leaf: leaf[:, :count], fed)


def _filled(fed: PyTree, capacity: int) -> PyTree:
    """Rounds that are not done, up to the capacity of the compiled program."""

    def one(leaf: np.ndarray) -> np.ndarray:
        if len(leaf) == capacity:
            return leaf
        larger = np.zeros((capacity, *leaf.shape[1:]), leaf.dtype)
        larger[: len(leaf)] = leaf
        return larger

    return jax.tree.map(one, fed)
