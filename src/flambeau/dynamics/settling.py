r"""How a network with feedback settles: one loop, and the orders in which its neurons may change.

Every output returns to every input. Which neuron changes when decides where a state ends: one at a time, symmetric
weights without self-connections make the energy fall at every flip, so the network comes to rest; all at once, it
rests or swings between two states. Lecture: Hopfield Network.
"""

import abc
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from flambeau.dynamics.asynchronous import chosen
from flambeau.dynamics.base import AbstractFeedback
from flambeau.dynamics.rest import until_rest
from flambeau.errors import ConfigurationError, check_value, named
from flambeau.foundation.random import uniform

Pull = Array | None  # on the net inputs of neurons that are held
ORDERS = {name: name for name in ("cyclic", "random", "replacement")}


class AbstractUpdate(eqx.Module):
    """An order of change.

    ``proof`` of a fixed point: a "sweep" that changed nothing, or a "look" at all net inputs where a sweep may leave a
    neuron out, or "none" where nothing ever rests.
    """

    @property
    @abc.abstractmethod
    def proof(self) -> str:
        """One of "sweep", "look" and "none"."""

    @property
    def repeats(self) -> bool:
        """Whether every sweep is the same, so that what comes back after two of them comes back for ever."""
        return self.proof == "sweep"

    @abc.abstractmethod
    def sweep(self, network: AbstractFeedback, states: Array, pull: Pull, key: Array, number: int | Array) -> Array:
        """The states after every neuron had its turn.

        ``pull`` ``(batch, units)`` is added to the net inputs; ``number`` counts the sweeps from 0, so that an order
        may change on the way: a temperature that falls.
        """


class Asynchronous(AbstractUpdate):
    """One neuron at a time: in "cyclic" order, a "random" one anew for every sweep, or drawn with "replacement".

    All states of a batch share the order.
    """

    order: str = eqx.field(static=True, default="cyclic")

    def __check_init__(self) -> None:
        named("Asynchronous.order", ORDERS, self.order)

    @property
    def proof(self) -> str:
        """Drawn with replacement, a neuron may be left out."""
        return "look" if self.order == "replacement" else "sweep"

    @property
    def repeats(self) -> bool:
        """In a new order a sweep may end elsewhere."""
        return self.order == "cyclic"

    def sweep(self, network: AbstractFeedback, states: Array, pull: Pull, key: Array, number: int | Array) -> Array:
        order = drawn_order(self.order, states.shape[1], key)
        return network.visit(states, order, None if pull is None else pull.T[order], self.order != "replacement")


class Glauber(AbstractUpdate):
    """One neuron at a time, at a temperature: P(upper level) = sigm(Δ h / T), Δ the distance of the levels (2 for ±1).

    Its sweeps sample e^{-E/T} / Z in the long run. T must be above 0; towards 0 it becomes :class:`Asynchronous`, which
    sees when a state rests.
    """

    proof: ClassVar[str] = "none"
    temperature: Float[Array, ""]
    order: str = eqx.field(static=True, default="cyclic")

    def __init__(self, temperature: Any, order: str = "cyclic") -> None:
        self.temperature, self.order = jnp.asarray(temperature, float), order

    def __check_init__(self) -> None:
        named("Glauber.order", ORDERS, self.order)
        # One that is being compiled or mapped over has no value yet.
        if not isinstance(self.temperature, jax.core.Tracer) and not 0 < float(self.temperature) < np.inf:
            expected, remedy = "a finite number above 0", "use Asynchronous() for T = 0"
            raise ConfigurationError("Glauber.temperature", expected, self.temperature, remedy)

    def sweep(self, network: AbstractFeedback, states: Array, pull: Pull, key: Array, number: int | Array) -> Array:
        """N visits, each with logistic noise of width T/Δ on the net input."""
        order = drawn_order(self.order, states.shape[1], key)
        low, high = network.levels
        u = uniform(jax.random.fold_in(key, 1), (order.shape[0], states.shape[0]), states.dtype)
        u = jnp.clip(u, jnp.finfo(u.dtype).tiny, None)
        noise = (self.temperature / (high - low)).astype(u.dtype) * (jnp.log(u) - jnp.log1p(-u))
        noise = noise if pull is None else noise + pull.T[order]
        return network.visit(states, order, noise, self.order != "replacement")


class Synchronous(AbstractUpdate):
    """All neurons at once: s(t+1) = sign(W s(t) - θ). It ends in a fixed point or swings between two states."""

    proof: ClassVar[str] = "sweep"

    def sweep(self, network: AbstractFeedback, states: Array, pull: Pull, key: Array, number: int | Array) -> Array:
        """One product."""
        return chosen(pulled(network, states, pull), states, network.levels)


class BlockSequential(AbstractUpdate):
    """``blocks`` groups of neighbouring neurons one after the other, all neurons of a group at once.

    1 block is :class:`Synchronous`; as many blocks as neurons is :class:`Asynchronous`.
    """

    blocks: int = eqx.field(static=True, default=2)

    def __check_init__(self) -> None:
        check_value("BlockSequential.blocks", self.blocks, 1, whole=True)

    proof: ClassVar[str] = "sweep"

    def sweep(self, network: AbstractFeedback, states: Array, pull: Pull, key: Array, number: int | Array) -> Array:
        """One product a block."""
        group = jnp.arange(states.shape[1]) * min(self.blocks, states.shape[1]) // states.shape[1]

        def one(number: Array, states: Array) -> Array:
            return jnp.where(group == number, chosen(pulled(network, states, pull), states, network.levels), states)

        return jax.lax.fori_loop(0, min(self.blocks, states.shape[1]), one, states)


class Greedy(AbstractUpdate):
    """Always the neuron whose flip lowers the energy most; every state has its own order. N flips are a sweep."""

    proof: ClassVar[str] = "sweep"

    def sweep(self, network: AbstractFeedback, states: Array, pull: Pull, key: Array, number: int | Array) -> Array:
        """Up to N flips of the largest -Δs h."""
        rows = jnp.arange(states.shape[0])

        def unrest(net: Array, states: Array) -> tuple[Array, Array, Array]:
            net = net if pull is None else net + pull
            change = chosen(net, states, network.levels) - states
            place = jnp.argmax(jnp.where(change == 0, -jnp.inf, change * net), axis=1)
            return change[rows, place], place, jnp.any(change != 0)

        def body(carry: tuple) -> tuple:
            number, states, net, (change, place, _) = carry
            states = states.at[rows, place].add(change)
            net = network.net_after(net, states, place, change)
            return number + 1, states, net, unrest(net, states)

        net = network.net(states)  # without the pull, which a network that computes it anew would not know
        start = jnp.zeros((), jnp.int32), states, net, unrest(net, states)
        return jax.lax.while_loop(lambda c: (c[0] < states.shape[1]) & c[3][2], body, start)[1]


def drawn_order(order: str, units: int, key: Array) -> Int[Array, " units"]:
    """The neurons of one sweep."""
    if order == "cyclic":
        return jnp.arange(units)
    if order == "random":
        return jnp.argsort(uniform(key, (units,), jnp.float32))
    return jax.random.randint(key, (units,), 0, units)


def pulled(network: AbstractFeedback, states: Array, pull: Array | None) -> Array:
    """Net inputs with the pull on held neurons."""
    net = network.net(states)
    return net if pull is None else net + pull


def at_rest(
    network: AbstractFeedback, states: Float[Array, "batch units"], pull: Float[Array, "batch units"] | None = None
) -> Bool[Array, " batch"]:
    """Which states are fixed points: no neuron would change, in whatever order they are asked.

    >>> from flambeau.networks import HopfieldNetwork
    >>> network = HopfieldNetwork(jnp.asarray([[0.0, -2.0], [-2.0, 0.0]]))
    >>> at_rest(network, jnp.asarray([[1.0, 1.0], [1.0, -1.0]])).tolist()
    [False, True]
    """
    return jnp.all(chosen(pulled(network, states, pull), states, network.levels) == states, axis=1)


class Settled(NamedTuple):
    """Where states ended: ``states``, whether each is a ``fixed`` point or swings in a ``cycle`` of two, and after how
    many ``sweeps`` it last changed. ``energies`` ``(sweeps + 1, batch)`` on request, NaN once the end was seen.
    """

    states: Float[Array | np.ndarray, "batch units"]
    fixed: Bool[Array | np.ndarray, " batch"]
    cycle: Bool[Array | np.ndarray, " batch"]
    sweeps: Int[Array | np.ndarray, " batch"]
    energies: Float[Array | np.ndarray, "times batch"] | None

    @property
    def rise(self) -> Float[Array | np.ndarray, " batch"]:
        """By how much each state's energy rose in one sweep at most, 0 where it never did: Lyapunov's condition.

        Raises :class:`~flambeau.errors.ConfigurationError` where no energies were recorded.
        """
        if self.energies is None:
            expected, remedy = "recorded energies", "settle with trace=the sweeps to record"
            raise ConfigurationError("Settled.rise", expected, "none", remedy)
        steps = self.energies[1:] - self.energies[:-1]
        where = jnp.where if isinstance(steps, jax.Array) else np.where
        return where(steps > 0, steps, 0).max(0, initial=0)


class _Course(NamedTuple):
    """The loop's memory: the states now and before the last sweep, and what is known of them."""

    states: Array
    earlier: Array
    fixed: Array
    cycle: Array
    sweeps: Array


CYCLIC = Asynchronous()


def settle(
    network: AbstractFeedback,
    states: Float[Array, "batch units"],
    update: AbstractUpdate = CYCLIC,
    *,
    key: Array | None = None,
    max_sweeps: int | Array = 100,
    held: Bool[Array, "*batch units"] | None = None,
    trace: int | None = None,
) -> Settled:
    """Sweep until every state rests or swings between two, at most ``max_sweeps`` times, in one compiled loop.

    Neurons marked in ``held`` keep their values. ``trace`` records the energies of up to that many sweeps, in as many
    rows as there were sweeps (within a program that is being compiled, in that many). A state that rests or swings is
    left as it is; at a temperature nothing ever rests. Swings are seen where all sweeps are alike.

    >>> from flambeau.networks import HopfieldNetwork
    >>> network = HopfieldNetwork(jnp.asarray([[0.0, -2.0], [-2.0, 0.0]]))
    >>> start = jnp.asarray([[1.0, 1.0], [1.0, -1.0]])
    >>> found = settle(network, start)
    >>> found.states.tolist(), found.fixed.tolist(), found.sweeps.tolist()
    ([[-1.0, 1.0], [1.0, -1.0]], [True, True], [1, 0])
    >>> settle(network, start, Synchronous()).cycle.tolist()
    [True, False]

    Raises :class:`~flambeau.errors.ConfigurationError` for a limit that is no whole number of at least 0.
    """
    if not isinstance(max_sweeps, jax.Array):
        check_value("settle, max_sweeps", max_sweeps, 0, whole=True)
    key = jax.random.key(0) if key is None else key
    start, pull = begun(network, states, held)
    swept = eqx.Partial(judged, network, update, pull, key)
    if trace is None:
        end, _ = until_rest(swept, is_over, start, max_sweeps)
        return Settled(end.states, end.fixed, end.cycle, end.sweeps, None)
    check_value("settle, trace", trace, 0, whole=True)
    end, energies = until_rest(swept, is_over, start, max_sweeps, watch=eqx.Partial(energy_now, network), most=trace)
    return Settled(end.states, end.fixed, end.cycle, end.sweeps, energies[: trace + 1])


@eqx.filter_jit
def begun(network: AbstractFeedback, states: Array, held: Array | None) -> tuple[_Course, Array | None]:
    """Before the first sweep, and what pulls on held neurons: plus or minus infinity."""
    pull = None if held is None else jnp.where(held, jnp.where(states == network.levels[1], jnp.inf, -jnp.inf), 0)
    no, none = jnp.zeros(states.shape[0], bool), jnp.zeros(states.shape[0], jnp.int32)
    return _Course(states, jnp.full_like(states, jnp.nan), no, no, none), pull


def is_over(course: _Course) -> Array:
    """Which states have come to their end."""
    return course.fixed | course.cycle


def energy_now(network: AbstractFeedback, course: _Course) -> Array:
    """What a trace records."""
    return network.energy(course.states)


def judged(
    network: AbstractFeedback, update: AbstractUpdate, pull: Array | None, key: Array, number: Array, course: _Course
) -> _Course:
    """One more sweep, and what it has shown."""
    moved = update.sweep(network, course.states, pull, jax.random.fold_in(key, number), number)
    same = jnp.all(moved == course.states, axis=1)
    swings = ~same & jnp.all(moved == course.earlier, axis=1) & update.repeats
    sweeps = jnp.where(same, course.sweeps, number + 1)
    fixed = at_rest(network, moved, pull) if update.proof == "look" else same & (update.proof == "sweep")
    return _Course(moved, course.states, fixed, swings, sweeps)
