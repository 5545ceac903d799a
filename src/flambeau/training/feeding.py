"""How a run is cut into chunks of rounds, and what each chunk is fed."""

from collections.abc import Iterator
from typing import NamedTuple

import jax
import numpy as np
from jaxtyping import PyTree

from flambeau.foundation.rows import room_for
from flambeau.problems.base import AbstractProblem
from flambeau.training.step import Keys, keys_of

ROWS_PER_CHUNK = 65_536  # enough work to hide a crossing to Python (0.3 ms), little enough for a smooth progress bar
ROUNDS_PER_CHUNK = 1_024
ROUNDS_WATCHED = 64  # with monitors, whose records of a whole chunk are held at once
BYTES_PER_CHUNK = 64 << 20  # of what is fed, where these are the rows themselves
BYTES_PADDED = 1 << 20  # a round that is fed no more has room for a power of two of steps,
BYTES_BLOCKED = 16 << 20  # one that is fed no more for a multiple of so many:
STEPS_PADDED = 64


class Fed(NamedTuple):
    """A chunk: how many rounds are done, of how many steps each; of all it has room for, what is given, and the
    numbers and keys of the steps."""

    rounds: int
    each: int
    given: PyTree
    numbers: np.ndarray
    keys: Keys


def steps_each(fed: PyTree) -> int:
    """How many steps a round has."""
    return int(np.shape(jax.tree.leaves(fed)[0])[1])


def first_given(fed: PyTree) -> PyTree:
    """What the first step of the first round is given."""
    return jax.tree.map(lambda leaf: leaf[0, 0], fed)


def fed_chunks(
    problem: AbstractProblem,
    seed: np.ndarray,
    done: tuple[int, int],
    batch_size: int,
    steps: int,
    most: int,
    first: PyTree | None = None,
) -> Iterator[Fed]:
    """What every chunk is fed, from ``done`` (rounds, steps) until ``steps`` are done.

    At most ``most`` rounds at a time. What they are given has room for more: its shape depends neither on how much is
    left nor, but for its power of two, on the number of steps in a round. So few programs are compiled for many sizes,
    and none for a last round that is shorter. ``first`` is what round 0 is fed, where it is known: to order a million
    rows takes as long as a thousand small steps.
    """
    rounds, made = done
    first = problem.feed(seed, 0, 1, batch_size) if first is None else first
    each, size = steps_each(first), sum(np.asarray(leaf).nbytes for leaf in jax.tree.leaves(first))
    room = _room(each, size)
    capacity = max(1, min(ROWS_PER_CHUNK // (room * batch_size), BYTES_PER_CHUNK // max(size * room // each, 1), most))
    while made < steps:
        count = max(1, min(capacity, (steps - made) // each))
        given = first if (rounds, count) == (0, 1) else problem.feed(seed, rounds, count, batch_size)
        left = min(each, steps - made)
        numbers = made + left * np.arange(capacity)[:, None] + np.arange(room)
        yield Fed(count, left, _filled(given, (capacity, room)), numbers, keys_of(seed, numbers))
        rounds, made = rounds + count, made + count * each


def _room(each: int, size: int) -> int:
    """Room for a round's steps: a power of two, or what divides into equal blocks; streamed rows are not copied."""
    unit = room_for(each) if size <= BYTES_PADDED else STEPS_PADDED if size <= BYTES_BLOCKED else 1
    return each + -each % unit


def _filled(fed: PyTree, room: tuple[int, int]) -> PyTree:
    """Rounds and steps that are not done, up to the room of the compiled program."""

    def one(leaf: np.ndarray) -> np.ndarray:
        if leaf.shape[:2] == room:
            return leaf
        larger = np.zeros((*room, *leaf.shape[2:]), leaf.dtype)
        larger[: leaf.shape[0], : leaf.shape[1]] = leaf
        return larger

    return jax.tree.map(one, fed)
