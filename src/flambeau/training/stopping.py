"""When to stop, and which network to keep.

Unlike a monitor, a stopping criterion acts: it may end the run and choose what it leaves. It is compiled with the loop,
so a run stops at the very epoch, however many epochs are sent to the device at a time.
"""

import abc
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from flambeau.training.monitoring import Moment

__all__ = ["AbstractStopping", "NoMistakes", "Patience", "RunAll"]


class AbstractStopping(eqx.Module):
    """Watches every step, judges after every round (epoch), and says which network is kept."""

    @abc.abstractmethod
    def init(self, network: PyTree) -> PyTree:
        """The state before the first round."""

    @abc.abstractmethod
    def observe(self, state: PyTree, moment: Moment) -> PyTree:
        """One step has been made."""

    @abc.abstractmethod
    def judge(self, state: PyTree, network: PyTree, loss: Float[Array, ""]) -> tuple[PyTree, Array, dict[str, Array]]:
        """A round has ended with that mean ``loss``: ``(state, stop?, numbers for the history)``."""

    @abc.abstractmethod
    def conclude(self, state: PyTree, network: PyTree) -> PyTree:
        """The network to keep."""


class RunAll(AbstractStopping):
    """Never stops early."""

    def init(self, network: PyTree) -> PyTree:
        """Nothing to remember."""
        return ()

    def observe(self, state: PyTree, moment: Moment) -> PyTree:
        """Nothing to note."""
        return state

    def judge(self, state: PyTree, network: PyTree, loss: Float[Array, ""]) -> tuple[PyTree, Array, dict[str, Array]]:
        """Go on."""
        return state, jnp.asarray(False), {}

    def conclude(self, state: PyTree, network: PyTree) -> PyTree:
        """The last network."""
        return network


class NoMistakes(AbstractStopping):
    """Stops after a round without a mistake (a rule whose info has ``mistakes``): the perceptron has converged."""

    def init(self, network: PyTree) -> Array:
        """No mistakes yet."""
        return jnp.zeros(())

    def observe(self, state: Array, moment: Moment) -> Array:
        """Count on."""
        return state + moment.info["mistakes"]

    def judge(self, state: Array, network: PyTree, loss: Float[Array, ""]) -> tuple[PyTree, Array, dict[str, Array]]:
        """Stop at none; the next round counts from zero."""
        return jnp.zeros_like(state), state == 0, {"mistakes": state}

    def conclude(self, state: Array, network: PyTree) -> PyTree:
        """The last network."""
        return network


class PatienceState(NamedTuple):
    """The best network so far, its score, and how many rounds ago that was."""

    best: PyTree
    score: Array
    waited: Array


class Patience(AbstractStopping):
    """Stops when the score has not fallen by ``tolerance`` for ``patience`` rounds; keeps the best network on request.

    Arguments: ``score(network, data) -> (number to make small, numbers for the history)``, or None for the training
    loss; ``data``, what it is evaluated on; ``patience`` in rounds; ``tolerance``; ``restore``, whether the best
    network is kept rather than the last.
    """

    score: Callable[[PyTree, Any], tuple[Array, dict[str, Array]]] | None = eqx.field(static=True, default=None)
    data: PyTree = None
    patience: Array = eqx.field(converter=lambda rounds: jax.device_put(np.asarray(rounds, np.int32)), default=10)
    tolerance: Array = eqx.field(converter=lambda fall: jax.device_put(np.asarray(fall, np.float32)), default=1e-4)
    restore: bool = eqx.field(static=True, default=True)

    def init(self, network: PyTree) -> PatienceState:
        """Anything is better than nothing yet."""
        best = network if self.restore else ()
        return PatienceState(best, jnp.asarray(jnp.inf), jnp.zeros((), jnp.int32))

    def observe(self, state: PatienceState, moment: Moment) -> PatienceState:
        """Only rounds count."""
        return state

    def judge(
        self, state: PatienceState, network: PyTree, loss: Float[Array, ""]
    ) -> tuple[PatienceState, Array, dict[str, Array]]:
        """Better by more than the tolerance resets the wait; the best network is the best, by however little."""
        now, numbers = (loss, {}) if self.score is None else self.score(network, self.data)
        waited = jnp.where(now < state.score - self.tolerance, 0, state.waited + 1)
        better = now < state.score
        candidate = network if self.restore else ()
        best = jax.tree.map(lambda new, old: jnp.where(better, new, old), candidate, state.best)
        score = jnp.where(better, now, state.score).astype(state.score.dtype)
        return PatienceState(best, score, waited), waited >= self.patience, numbers

    def conclude(self, state: PatienceState, network: PyTree) -> PyTree:
        """The best network, or the last."""
        return state.best if self.restore else network
