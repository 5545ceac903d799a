"""Tasks that are drawn and never stored: a batch is whatever a function makes of the step's key."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Array, PyTree

from flambeau.errors import check_value
from flambeau.problems.base import AbstractMemoryless, step_numbers

__all__ = ["Generated"]


class Generated(AbstractMemoryless):
    """Batches that a function draws from a key, ``steps`` of them a round.

    Arguments: ``draw(key) -> batch``, any pytree that the rule understands (a module with arrays of its own, or a plain
    function); ``steps``, how many steps make a round.

    >>> import flambeau as fb, jax, jax.numpy as jnp
    >>> def sines(key):
    ...     x = jax.random.uniform(key, (16, 1), minval=-3, maxval=3)
    ...     return fb.rules.Batch(x, jnp.sin(x), jnp.ones(16))
    >>> run = fb.train(fb.networks.mlp((1, 8, 1), key=jax.random.key(0)), fb.rules.Backpropagation(),
    ...                Generated(sines, 50), epochs=3)
    >>> run.steps, run.rounds
    (150, 3)

    *Limits.* The batch size is the function's business; ``train``'s is not asked.
    """

    draw: Callable[[Array], Any]
    steps: int = eqx.field(static=True, default=100)

    def __check_init__(self) -> None:
        check_value("Generated.steps", self.steps, 1, whole=True)

    def feed(self, seed: np.ndarray, first: int, count: int, batch_size: int) -> np.ndarray:
        return step_numbers(first, count, self.steps)

    def batch(self, given: PyTree, memory: PyTree, key: Array) -> Any:
        return self.draw(key)
