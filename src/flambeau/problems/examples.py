"""A data set as a problem: rows of inputs with targets and weights, as they stand or as stochastic pixels."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PyTree

from flambeau.errors import DataError
from flambeau.foundation.memory import on_device
from flambeau.foundation.precision import dtype
from flambeau.foundation.random import permutations
from flambeau.foundation.rows import room_for
from flambeau.problems.base import AbstractMemoryless
from flambeau.rules.base import Batch

SMALL = 64 << 20  # bytes of inputs, up to which twice as many are no matter


class Examples(AbstractMemoryless):
    """Rows of a data set, put on the device once.

    ``inputs`` ``(n, ...)``, ``targets`` ``(n, outputs)``, ``weights`` ``(n,)`` or None for all 1; ``shuffle`` draws a
    new order for every round. Rows are gathered inside the compiled step; row -1 is padding and has weight 0. The
    first ``count`` rows are real, and ``count`` is a multiple of ``unit``: batches that divide it need no padding.

    >>> problem = Examples.of([[0.0, 1.0], [1.0, 0.0]], [0, 1])
    >>> problem.targets.shape
    (2, 1)
    """

    inputs: Float[Array, "n ..."]
    targets: Float[Array, "n ..."]
    weights: Float[Array, " n"] | None
    count: np.ndarray
    shuffle: bool = eqx.field(static=True, default=True)
    unit: int = eqx.field(static=True, default=1)

    @classmethod
    def of(
        cls,
        inputs: Any,
        targets: Any,
        weights: Any = None,
        *,
        shuffle: bool = True,
        whole: int | None = None,
        checked: bool = False,
    ) -> "Examples":
        """From array-likes; a flat target becomes one column, missing weights count as 1.

        The rows are copied once, and share no memory with what was given. ``whole``, the batch size, pads them to a
        power of two of batches, so that sets of different sizes (the folds of a cross-validation, a growing window, the
        batches of a stream) run few compiled programs; a large set (64 MiB) is only padded to whole batches.
        ``checked`` says that the values are known to be finite.

        Raises :class:`~flambeau.errors.DataError` for no rows, values that are not finite, or lengths that differ.
        """
        x, d = np.asarray(inputs), np.asarray(targets)
        w = None if weights is None else np.asarray(weights)
        d = d[:, None] if d.ndim == 1 else d
        _check_lengths(x, d, w)
        count = len(x)
        rows = count if whole is None else _padded(count, whole, x.nbytes)
        unit = count if whole is None else whole if count % whole == 0 else 1
        own_x, own_d = on_device(x, dtype(), rows), on_device(d, dtype(), rows)
        own_w = None if w is None or (w == 1).all() else on_device(w, dtype(), rows)
        if not checked:
            _check_values(own_x, own_d, own_w)
        return cls(own_x, own_d, own_w, np.asarray(count, np.int32), shuffle, unit)

    def everything(self) -> Batch:
        """All rows as one batch."""
        inputs, targets = (np.asarray(part)[: int(self.count)] for part in (self.inputs, self.targets))
        return Batch.of(inputs, targets, None if self.weights is None else np.asarray(self.weights)[: int(self.count)])

    def feed(self, seed: np.ndarray, first: int, count: int, batch_size: int) -> Int[np.ndarray, "rounds steps batch"]:
        """Permutations of the rows (or their own order), padded with -1 to whole batches."""
        n, width = int(self.count), min(batch_size, self.inputs.shape[0])
        rows = np.full((count, -(-n // width), width), -1, np.int32)
        rows.reshape(count, -1)[:, :n] = permutations(seed, first, count, n) if self.shuffle else np.arange(n)
        return rows

    def batch(self, given: Int[Array | np.ndarray, " batch"], memory: PyTree, key: Array) -> Batch:
        return self.rows(given)

    def rows(self, numbers: Int[Array | np.ndarray, " batch"]) -> Batch:
        """The rows, gathered; padding weighs nothing.

        Where all rows weigh 1 and fill whole batches, the weights are a constant and vanish in compilation.
        """
        each = jnp.ones(numbers.shape, self.inputs.dtype) if self.weights is None else self.weights[numbers]
        weights = each if self.unit % numbers.shape[0] == 0 else jnp.where(numbers >= 0, each, 0)
        return Batch(self.inputs[numbers], self.targets[numbers], weights)


def _padded(count: int, whole: int, size: int) -> int:
    """Rows with their padding: few numbers of batches, but no second copy's worth of memory for a large set."""
    batches = -(-count // whole)
    return whole * (room_for(batches) if size <= SMALL else batches)


def _check_lengths(x: np.ndarray, d: np.ndarray, w: np.ndarray | None) -> None:
    """Refuse no rows, and numbers of rows that differ."""
    if x.ndim == 0 or len(x) == 0 or not len(x) == len(d) == len(d if w is None else w):
        size = len(x) if x.ndim else "no"
        got = f"{size} inputs, {len(d)} targets, {'no' if w is None else len(w)} weights"
        expected = "one target and one weight for each of at least one input"
        raise DataError("Examples", expected, got, "check the data")


def _check_values(x: Array, d: Array, w: Array | None) -> None:
    """Refuse what cannot be learned from."""
    for name, values in (("inputs", x), ("targets", d), ("weights", w)):
        if values is not None and not np.isfinite(np.asarray(values)).all():
            raise DataError(f"Examples.{name}", "finite values", "NaN or infinity", "remove or impute those rows")
    if w is not None and (np.asarray(w) < 0).any():
        raise DataError("Examples.weights", "weights of at least 0", np.asarray(w).min(), "leave those rows out")


class Binarised(AbstractMemoryless):
    """Rows of values from 0 to 1, drawn as 0 or 1 with that probability anew at every step (stochastic pixels).

    Arguments: ``examples``; ``columns``, how many of the first columns are drawn (None for all; a label beside them
    stays as it is).

    >>> problem = Binarised(Examples.of([[0.2, 1.0]], [0]))
    >>> problem.batch(np.asarray([0]), (), jax.random.key(0)).inputs.tolist()
    [[0.0, 1.0]]

    Source: the protocol of Salakhutdinov and Murray 2008.
    """

    examples: Examples
    columns: int | None = eqx.field(static=True, default=None)

    def feed(self, seed: np.ndarray, first: int, count: int, batch_size: int) -> Int[np.ndarray, "rounds steps batch"]:
        return self.examples.feed(seed, first, count, batch_size)

    def batch(self, given: Int[Array | np.ndarray, " batch"], memory: PyTree, key: Array) -> Batch:
        batch = self.examples.rows(given)
        values = batch.inputs[:, : self.columns]
        drawn = (jax.random.uniform(key, values.shape, values.dtype) < values).astype(values.dtype)
        return batch._replace(inputs=batch.inputs.at[:, : self.columns].set(drawn))
