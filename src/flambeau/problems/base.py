"""What a problem is: where examples come from, whatever they are; and the plainest one, tasks that a function draws."""

import abc
from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import numpy as np
from jaxtyping import Array, PyTree

from flambeau.errors import check_value


class AbstractProblem(eqx.Module):
    """Where examples come from: a data set, a stream, a task distribution, an environment.

    A *round* is the problem's own unit, for a data set one pass (an epoch); a round has the same number of steps every
    time. Four small verbs, one on the host and three compiled into the loop:

    - ``feed``, on the host: what each step is given. Row numbers, windows, the rows themselves, step numbers.
    - ``init``, once a run: the problem's memory on the device (states of an environment; ``()`` for data).
    - ``collect``, at the beginning of every round: a rollout with the network as it is, a new curriculum. Data sets
      return the memory.
    - ``batch``, at every step: what the rule learns from.

    Whatever is drawn depends on the seed and the number of the round or step alone, so that a run does not depend on
    how it was cut. The memory keeps its shape. ``at_once`` lets the loop draw a round's batches together where they are
    small, which a problem on several devices does better without.
    """

    at_once: ClassVar[bool] = True

    @abc.abstractmethod
    def feed(self, seed: np.ndarray, first: int, count: int, batch_size: int) -> PyTree:
        """What each step of rounds ``first`` to ``first + count`` is given: arrays ``(rounds, steps, ...)``."""

    @abc.abstractmethod
    def init(self, key: Array) -> PyTree:
        """The memory before the first round."""

    @abc.abstractmethod
    def collect(self, memory: PyTree, network: PyTree, key: Array) -> PyTree:
        """The memory for the round that begins with this network."""

    @abc.abstractmethod
    def batch(self, given: PyTree, memory: PyTree, key: Array) -> Any:
        """What the rule learns from at one step, from what that step was given."""


class AbstractMemoryless(AbstractProblem):
    """A problem without a memory: data, and tasks drawn from the key."""

    def init(self, key: Array) -> PyTree:
        return ()

    def collect(self, memory: PyTree, network: PyTree, key: Array) -> PyTree:
        return memory


def step_numbers(first: int, count: int, each: int) -> np.ndarray:
    """The numbers of the steps in rounds ``first`` to ``first + count`` of ``each`` steps: the feed of generated tasks.

    >>> step_numbers(2, 2, 3).tolist()
    [[6, 7, 8], [9, 10, 11]]
    """
    return np.arange(first * each, (first + count) * each, dtype=np.int32).reshape(count, each)


class Generated(AbstractMemoryless):
    """Batches that a function draws from a key, ``steps`` of them a round.

    Arguments: ``draw(key) -> batch``, any pytree that the rule understands (a module with arrays of its own, or a plain
    function); ``steps``, how many steps make a round.

    >>> import flambeau as fb, jax, jax.numpy as jnp
    >>> def sines(key):
    ...     x = jax.random.uniform(key, (16, 1), minval=-3, maxval=3)
    ...     return fb.rules.Batch(x, jnp.sin(x), jnp.ones(16))
    >>> run = fb.train(fb.networks.mlp((1, 4, 1), key=jax.random.key(0)), fb.rules.Backpropagation(),
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
