"""Data larger than the device: rows stay where they are, in memory or in a file, and are handed over chunk by chunk."""

from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Array, PyTree

from flambeau.errors import DataError, check_value
from flambeau.foundation.precision import dtype
from flambeau.foundation.random import permutations
from flambeau.problems.base import AbstractMemoryless
from flambeau.rules.base import Batch

WINDOW = 65_536


class _Host:
    """Arrays that stay on the host; two of the same kind of rows are equal, so that they share a compiled program."""

    def __init__(self, *arrays: Any) -> None:
        self.arrays = arrays

    def _kind(self) -> tuple:
        return tuple(None if array is None else np.shape(array)[1:] for array in self.arrays)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Host) and self._kind() == other._kind()

    def __hash__(self) -> int:
        return hash(self._kind())


class Streamed(AbstractMemoryless):
    """Rows of arrays that need not fit on the device: memory maps, HDF5 data sets, anything sliced like an array.

    A *round* is one ``window`` of rows, read in one piece; :attr:`rounds` of them are a pass over the data. With
    ``shuffle`` every pass takes the windows in a new order, and the rows of a window in a new order. While the device
    computes one window the next is read. Rows are read when they are needed: what the arrays hold then is learned.

    >>> X, y = np.arange(10.0)[:, None], np.arange(10.0)
    >>> problem = Streamed.of(X, y, window=4, shuffle=False)
    >>> problem.rounds, problem.feed(np.zeros(2, np.uint32), 2, 1, 2)[0].ravel().tolist()  # the last window: two rows
    (3, [8.0, 9.0, 0.0, 0.0])

    Raises :class:`~flambeau.errors.DataError` for lengths that differ, no rows, and rows that are not finite, when they
    are met. *Limits.* Rows are mixed within a window, not over the whole: order a sorted file once, at random, or take
    a large window. History and monitors count windows: ``epochs=5 * problem.rounds`` are five passes.
    """

    host: _Host = eqx.field(static=True)
    window: int = eqx.field(static=True)
    shuffle: bool = eqx.field(static=True)
    count: np.ndarray

    @classmethod
    def of(
        cls, inputs: Any, targets: Any, weights: Any = None, *, window: int = WINDOW, shuffle: bool = True
    ) -> "Streamed":
        """Over arrays ``(n, ...)``, ``(n,)`` or ``(n, outputs)``, and ``(n,)``; a flat target becomes one column."""
        check_value("Streamed.window", window, 1, whole=True)
        sizes = {len(part) for part in (inputs, targets, weights) if part is not None}
        if len(sizes) != 1 or 0 in sizes:
            raise DataError("Streamed", "one target and one weight for each of at least one input", sizes, "check them")
        count = sizes.pop()
        return cls(_Host(inputs, targets, weights), min(window, count), bool(shuffle), np.asarray(count, np.int64))

    @property
    def rounds(self) -> int:
        """Windows of a pass."""
        return -(-int(self.count) // self.window)

    def feed(self, seed: np.ndarray, first: int, count: int, batch_size: int) -> tuple[np.ndarray, ...]:
        """The rows themselves: inputs, targets and weights, ``(rounds, steps, batch, ...)``."""
        width = min(batch_size, self.window)
        steps = -(-self.window // width)
        windows = [self._window(seed, number, steps * width) for number in range(first, first + count)]
        return tuple(
            np.stack(parts).reshape(count, steps, width, *parts[0].shape[1:]) for parts in zip(*windows, strict=True)
        )

    def batch(self, given: PyTree, memory: PyTree, key: Array) -> Batch:
        return Batch(*given)

    def _window(self, seed: np.ndarray, number: int, size: int) -> tuple[np.ndarray, ...]:
        """One round's rows in its order, filled up with rows of weight 0."""
        passed, place = divmod(number, self.rounds)
        if self.shuffle:
            mixed = np.asarray(seed, np.uint32) ^ np.uint32(0x57A7)  # windows and rows are ordered independently
            place = int(permutations(mixed, passed, 1, self.rounds)[0, place])
        start = place * self.window
        stop = min(start + self.window, int(self.count))
        order = permutations(seed, number, 1, stop - start)[0] if self.shuffle else np.arange(stop - start)
        inputs, targets, weights = self.host.arrays
        d = np.asarray(targets[start:stop])
        d = d[:, None] if d.ndim == 1 else d
        own = np.ones(stop - start) if weights is None else np.asarray(weights[start:stop])
        return tuple(_in_order(part, order, size, start) for part in (np.asarray(inputs[start:stop]), d, own))


def _in_order(part: np.ndarray, order: np.ndarray, size: int, start: int) -> np.ndarray:
    """Rows in that order, in the float type in force, filled up with zeros."""
    rows = np.zeros((size, *part.shape[1:]), dtype())
    rows[: len(order)] = part[order]
    if not np.isfinite(rows).all():
        where = f"Streamed, rows {start} to {start + len(order)}"
        raise DataError(where, "finite values", "NaN or infinity", "remove or impute those rows")
    return rows
