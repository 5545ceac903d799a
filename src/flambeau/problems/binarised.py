"""Grey values as probabilities: every step sees each row as a fresh draw of zeros and ones."""

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Int, PyTree

from flambeau.problems.base import AbstractMemoryless
from flambeau.problems.examples import Examples
from flambeau.rules.base import Batch

__all__ = ["Binarised"]


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
