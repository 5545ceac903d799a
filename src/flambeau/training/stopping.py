"""When to stop.

Unlike a monitor, a stopping criterion acts: it may end the run. It is compiled with the loop, so a run stops at the
very epoch, however many epochs are sent to the device at a time. Which network is kept is the keeper's business
(:mod:`flambeau.training.keeping`); early stopping is ``stopping=Patience(score, data), keep=Best()``.
"""

import abc
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from flambeau.foundation.memory import kept_apart
from flambeau.training.monitoring import Moment

# ``(network, data) -> (number to make small, numbers for the history)``
Score = Callable[[PyTree, Any], tuple[Array, dict[str, Array]]]


class Judgement(NamedTuple):
    """Of one round: whether to ``stop``, the ``score`` watched (small is good), ``numbers`` for the history."""

    stop: Array
    score: Array
    numbers: dict[str, Array]


class AbstractStopping(eqx.Module):
    """Watches every step and judges after every round (epoch). ``needs`` names what it reads of the rule's info."""

    needs: ClassVar[tuple[str, ...]] = ()

    @abc.abstractmethod
    def init(self, network: PyTree) -> PyTree:
        """The state before the first round."""

    @abc.abstractmethod
    def observe(self, state: PyTree, moment: Moment) -> PyTree:
        """One step has been made."""

    @abc.abstractmethod
    def judge(self, state: PyTree, network: PyTree, loss: Float[Array, ""]) -> tuple[PyTree, Judgement]:
        """A round has ended with that mean ``loss``."""


class RunAll(AbstractStopping):
    """Never stops early."""

    def init(self, network: PyTree) -> PyTree:
        """Nothing to remember."""
        return ()

    def observe(self, state: PyTree, moment: Moment) -> PyTree:
        """Nothing to note."""
        return state

    def judge(self, state: PyTree, network: PyTree, loss: Float[Array, ""]) -> tuple[PyTree, Judgement]:
        """Go on."""
        return state, Judgement(jnp.asarray(False), loss, {})


class NoMistakes(AbstractStopping):
    """Stops after a round without a mistake (a rule whose info has ``mistakes``): the perceptron has converged."""

    needs: ClassVar[tuple[str, ...]] = ("mistakes",)

    def init(self, network: PyTree) -> Array:
        """No mistakes yet."""
        return jnp.zeros(())

    def observe(self, state: Array, moment: Moment) -> Array:
        """Count on."""
        return state + moment.info["mistakes"]

    def judge(self, state: Array, network: PyTree, loss: Float[Array, ""]) -> tuple[PyTree, Judgement]:
        """Stop at none; the next round counts from zero."""
        return jnp.zeros_like(state), Judgement(state == 0, state, {"mistakes": state})


class PatienceState(NamedTuple):
    """The best score so far, and how many rounds ago it was."""

    score: Array
    waited: Array


class Patience(AbstractStopping):
    """Stops when the score has not fallen by ``tolerance`` for ``patience`` rounds.

    Arguments: ``score(network, data) -> (number to make small, numbers for the history)``, or None for the training
    loss; ``data``, what it is evaluated on; ``patience`` in rounds; ``tolerance``.
    """

    score: Score | None = eqx.field(static=True, default=None)
    data: PyTree = eqx.field(converter=kept_apart, default=None)
    patience: Array = eqx.field(converter=lambda rounds: jax.device_put(np.asarray(rounds, np.int32)), default=10)
    tolerance: Array = eqx.field(converter=lambda fall: jax.device_put(np.asarray(fall, np.float32)), default=1e-4)

    def init(self, network: PyTree) -> PatienceState:
        """Anything is better than nothing yet."""
        return PatienceState(jnp.asarray(jnp.inf), jnp.zeros((), jnp.int32))

    def observe(self, state: PatienceState, moment: Moment) -> PatienceState:
        """Only rounds count."""
        return state

    def judge(self, state: PatienceState, network: PyTree, loss: Float[Array, ""]) -> tuple[PatienceState, Judgement]:
        """Better by more than the tolerance resets the wait; the best score is the best, by however little."""
        now, numbers = (loss, {}) if self.score is None else self.score(network, self.data)
        waited = jnp.where(now < state.score - self.tolerance, 0, state.waited + 1)
        score = jnp.where(now < state.score, now, state.score).astype(state.score.dtype)
        return PatienceState(score, waited), Judgement(waited >= self.patience, now, numbers)


class Beyond(AbstractStopping):
    """Stops when the score has been above ``limit`` for ``patience`` rounds in a row.

    Arguments: ``score`` and ``data`` as for :class:`Patience`; ``patience`` in rounds; ``limit``.
    """

    score: Score = eqx.field(static=True)
    data: PyTree = eqx.field(converter=kept_apart)
    patience: Array = eqx.field(converter=lambda rounds: jax.device_put(np.asarray(rounds, np.int32)), default=10)
    limit: Array = eqx.field(converter=lambda most: jax.device_put(np.asarray(most, np.float32)), default=0.0)

    def init(self, network: PyTree) -> Array:
        """No round yet."""
        return jnp.zeros((), jnp.int32)

    def observe(self, state: Array, moment: Moment) -> Array:
        """Only rounds count."""
        return state

    def judge(self, state: Array, network: PyTree, loss: Float[Array, ""]) -> tuple[Array, Judgement]:
        """Count the rounds beyond the limit; one within it starts the count anew."""
        now, numbers = self.score(network, self.data)
        waited = jnp.where(now > self.limit, state + 1, 0)
        return waited, Judgement(waited >= self.patience, now, numbers)
