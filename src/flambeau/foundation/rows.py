"""Any number of rows in few compiled programs: parts that fit into memory, each filled up to one of a few sizes.

A program is compiled for one shape. Whoever asks for 20 rows, then 21, then 37, would wait for three compilations of
seconds each; here all of them run the program of 128 rows, and what was filled up is cut off again. So nothing may
pass from row to row: neither in the function itself, nor through its random numbers, which must be drawn place by
place (:func:`flambeau.foundation.random.uniform`, ``jax.random.normal``).
"""

import math
from collections.abc import Callable, Iterator
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, PyTree

from flambeau.foundation.random import fold_in_words, key_of, key_words

SIZES = (1, 4, 16, 32, 128, 512, 1_024, 4_096)  # few of them, and little wasted where people ask: 10, 25, 100, 500
LEAST = 16  # below it, products are computed (and rounded) in another way
NUMBERS = 1 << 20  # of the rows themselves at a time: patches of images, say, are a hundred times as many
SHARE = 16  # of one result for each unit or pattern there may be more


def by_rows(
    compute: Callable[..., Any],
    given: PyTree,
    rows: PyTree,
    numbers: int | None = None,
    *,
    key: Array | np.ndarray | None = None,
    axes: PyTree = 0,
) -> Any:
    """``compute(given, rows)`` for any number of rows, or ``compute(given, rows, key)`` where a ``key`` is given.

    Arguments: ``compute``, a function of a module (a new one each time would be compiled each time); ``rows``, an array
    ``(n, ...)`` or a pytree of them (states and what holds them, say; :func:`no_rows` where samples come from nothing);
    ``numbers`` that a row takes inside ``compute`` decide how many go at a time: unless told otherwise its own, or a
    sixteenth of the longest axis in ``given`` (units, patterns), if that is more; ``key``, or its two words
    (:func:`flambeau.foundation.random.seed_words`), with a new one for each part; ``axes``, along which axis each
    result has its rows, one number or a tree of them.

    >>> by_rows(lambda scale, x: scale * x.sum(1), 2.0, np.ones((3, 4), np.float32)).tolist()
    [8.0, 8.0, 8.0]

    Returns arrays of NumPy, shaped as ``compute`` shapes them.
    """
    rows = jax.tree.map(np.asarray, rows)
    leaves = jax.tree.leaves(rows)
    wide = max(math.prod(leaf.shape[1:]) for leaf in leaves)
    found = []
    for part, size in rows_in_parts(len(leaves[0]), numbers or max(wide, _longest_axis(given) // SHARE, 1)):
        filled = [_filled(leaf[part], size) for leaf in leaves]
        together = jax.tree.unflatten(jax.tree.structure(rows), filled)
        found.append(_cut(_compiled(compute, given, together, _words_of(key, part.start)), axes, part))
    return jax.tree.map(lambda axis, *parts: _joined(parts, axis), axes, *found)


def rows_in_parts(count: int, numbers: int) -> Iterator[tuple[slice, int]]:
    """Which rows go together, and how many they are filled up to, for rows that take that many ``numbers`` each.

    >>> [(part.start, part.stop, size) for part, size in rows_in_parts(1_100, 1_000)]
    [(0, 1024, 1024), (1024, 1100, 128)]
    """
    most = max((size for size in SIZES if size * numbers <= NUMBERS), default=SIZES[0])
    for start in range(0, max(count, 1), most):
        stop = min(start + most, count)
        size = next(size for size in SIZES if size >= max(stop - start, min(LEAST, most)))
        yield slice(start, stop), size


def room_for(count: int) -> int:
    """The power of two that holds so many, at least one: sizes that have the same room share compiled programs.

    >>> [room_for(count) for count in (1, 2, 3, 8, 9)]
    [1, 2, 4, 8, 16]
    """
    return 1 << max(count - 1, 0).bit_length()


def no_rows(count: int) -> np.ndarray:
    """``count`` rows without columns: what samples are made from."""
    return np.empty((count, 0), np.float32)


@eqx.filter_jit
def _compiled(compute: Callable[..., Any], given: PyTree, rows: PyTree, words: Any) -> Any:
    """One part as one program."""
    return compute(given, rows) if words is None else compute(given, rows, key_of(words))


def _words_of(key: Any, start: int) -> np.ndarray | None:
    """The key of the part that begins at this row, as words: the first part's is the one that was given."""
    if key is None:
        return None
    words = key_words(key)
    return fold_in_words(words, start)[0] if start else words


def _longest_axis(given: PyTree) -> int:
    """Of any array: as many units, classes or patterns a row may meet."""
    return max(
        (size for leaf in jax.tree.leaves(given) if eqx.is_array_like(leaf) for size in np.shape(leaf)), default=1
    )


def _filled(rows: np.ndarray, size: int) -> np.ndarray:
    """The rows, the last of them repeated: what is true of real rows is true of these."""
    more = size - len(rows)
    if not more:
        return rows
    last = rows[-1:] if len(rows) else np.zeros((1, *rows.shape[1:]), rows.dtype)
    return np.concatenate([rows, np.repeat(last, more, axis=0)])


def _cut(result: Any, axes: PyTree, part: slice) -> Any:
    """The real rows of each result, on the host."""

    def own(axis: int, tree: Any) -> Any:
        real = (*[slice(None)] * axis, slice(part.stop - part.start))
        return jax.tree.map(lambda leaf: np.asarray(leaf)[real], tree)

    return jax.tree.map(own, axes, result)


def _joined(parts: tuple[Any, ...], axis: int) -> Any:
    """The parts of a result behind one another."""
    return jax.tree.map(lambda *leaves: np.concatenate(leaves, axis=axis), *parts)
