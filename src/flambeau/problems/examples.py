"""A data set as a problem: rows of inputs with targets and weights."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from flambeau.errors import DataError
from flambeau.foundation.precision import dtype
from flambeau.foundation.random import permutations
from flambeau.rules.base import Batch

__all__ = ["Examples"]


class Examples(eqx.Module):
    """Rows of a data set, put on the device once.

    ``inputs`` ``(n, ...)``, ``targets`` ``(n, outputs)``, ``weights`` ``(n,)`` or None for all 1; ``shuffle`` draws a
    new order for every round. Rows are gathered inside the compiled step; row -1 is padding and has weight 0. The
    first ``count`` rows are real; ``full`` says that all are.

    >>> problem = Examples.of([[0.0, 1.0], [1.0, 0.0]], [0, 1])
    >>> problem.targets.shape
    (2, 1)
    """

    inputs: Float[Array, "n ..."]
    targets: Float[Array, "n ..."]
    weights: Float[Array, " n"] | None
    count: np.ndarray
    shuffle: bool = eqx.field(static=True, default=True)
    full: bool = eqx.field(static=True, default=True)

    @classmethod
    def of(cls, inputs: Any, targets: Any, weights: Any = None, *, shuffle: bool = True, whole: int = 1) -> "Examples":
        """From array-likes; a flat target becomes one column, missing weights count as 1.

        ``whole`` pads the rows to a multiple of the batch size, so that sets of nearly the same size (the folds of a
        cross-validation, the batches of a stream) run the same compiled program.

        Raises :class:`~flambeau.errors.DataError` for no rows, values that are not finite, or lengths that differ.
        """
        x, d = np.asarray(inputs, dtype()), np.asarray(targets, dtype())
        w = None if weights is None else np.asarray(weights, dtype())
        d = d[:, None] if d.ndim == 1 else d
        if len(x) == 0 or not len(x) == len(d) == len(d if w is None else w):
            got = f"{len(x)} inputs, {len(d)} targets, {'no' if w is None else len(w)} weights"
            expected = "one target and one weight for each of at least one input"
            raise DataError("Examples", expected, got, "check the data")
        for name, values in (("inputs", x), ("targets", d), ("weights", w)):
            if values is not None and not np.isfinite(values).all():
                raise DataError(f"Examples.{name}", "finite values", "NaN or infinity", "remove or impute those rows")
        if w is not None and (w < 0).any():
            raise DataError("Examples.weights", "weights of at least 0", w.min(), "leave those rows out")
        w = None if w is None or (w == 1).all() else w
        count = len(x)
        x, d, w = jax.device_put(tuple(padded(values, -count % whole) for values in (x, d, w)))
        return cls(x, d, w, np.asarray(count, np.int32), shuffle, count == len(x))

    def everything(self) -> Batch:
        """All rows as one batch."""
        return self.batch(np.arange(int(self.count), dtype=np.int32), jax.random.key(0))

    def orders(
        self, seed: np.ndarray, first: int, count: int, batch_size: int
    ) -> Int[np.ndarray, "rounds steps batch"]:
        """Permutations of the rows (or their own order), padded with -1 to whole batches."""
        n, width = int(self.count), min(batch_size, self.inputs.shape[0])
        rows = np.full((count, -(-n // width), width), -1, np.int32)
        rows.reshape(count, -1)[:, :n] = permutations(seed, first, count, n) if self.shuffle else np.arange(n)
        return rows

    def batch(self, rows: Int[Array | np.ndarray, " batch"], key: Array) -> Batch:
        """The rows, gathered; padding weighs nothing.

        Where all rows weigh 1 and fill whole batches, the weights are a constant and vanish in compilation.
        """
        each = jnp.ones(rows.shape, self.inputs.dtype) if self.weights is None else self.weights[rows]
        whole = self.full and self.inputs.shape[0] % rows.shape[0] == 0
        return Batch(self.inputs[rows], self.targets[rows], each if whole else jnp.where(rows >= 0, each, 0))


def padded(values: np.ndarray | None, more: int) -> np.ndarray | None:
    """Rows of zeros at the end."""
    if values is None or more == 0:
        return values
    return np.concatenate([values, np.zeros((more, *values.shape[1:]), values.dtype)])
