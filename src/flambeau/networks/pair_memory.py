r"""Memories of pairs and of sequences: what Hebb's sum does when the two ends of a connection differ.

Pairs (Kosko's bidirectional associative memory): y = sign(Wx), x = sign(W'y), E = -y'Wx, which never rises. Sequences:
the next pattern in place of the same one, h = Ws(t) + λ W's(t - τ), with no energy and no rest.
"""

import warnings
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from flambeau.dynamics.asynchronous import chosen, visit_by_nets
from flambeau.dynamics.base import AbstractFeedback, Noise, Order, States
from flambeau.dynamics.settling import AbstractUpdate, Pull, settle
from flambeau.errors import ConfigurationError, DataError, check_value, named
from flambeau.foundation.memory import placed_zeros
from flambeau.foundation.precision import dtype
from flambeau.neurons.levels import check_levels
from flambeau.rules.base import Batch
from flambeau.rules.hebbian import AbstractAssociator, Ends, Hebbian, taught
from flambeau.rules.storage import Projection
from flambeau.structures.dense import Dense
from flambeau.structures.lateral import Lateral

LEVELS = (-1.0, 1.0)
RULES = {"hebbian": Hebbian(), "pseudoinverse": Projection()}


class PairsFound(NamedTuple):
    """Where pairs came to rest: ``x``, ``y``, whether they are ``fixed``, and after how many there-and-backs."""

    x: Float[Array, "batch left"]
    y: Float[Array, "batch right"]
    fixed: Bool[Array, " batch"]
    sweeps: Int[Array, " batch"]


class BidirectionalNetwork(AbstractFeedback, AbstractAssociator):
    """Two layers, wired both ways by the same ``structure`` from left to right; states -1 and +1.

    As a network with feedback its state is x and y side by side. ``back``, a wiring of its own from right to left, is
    what exact storage needs ("pseudoinverse"); no energy is promised with it.

    >>> network = bidirectional_memory([[1, -1, 1, -1], [1, 1, -1, -1]], [[1, 1], [1, -1]])
    >>> found = network.recall(jnp.asarray([[1.0, -1, 1, 1]]))
    >>> found.x.tolist(), found.y.tolist()
    ([[1.0, -1.0, 1.0, -1.0]], [[1.0, 1.0]])

    *Limits.* At most as many pairs as the smaller layer has neurons; of random ones, far fewer come back. Source: Kosko
    1988. Lecture: 联想记忆.
    """

    levels: ClassVar[tuple[float, float]] = LEVELS
    structure: Dense
    back: Dense | None = None

    @property
    def units(self) -> int:
        """Neurons of both layers."""
        return sum(self.structure.weights.shape)

    def split(self, states: Float[Array, "*batch units"]) -> tuple[Array, Array]:
        """A state's x and y."""
        left = self.structure.weights.shape[0]
        return states[..., :left], states[..., left:]

    def net(self, states: Float[Array, "*batch units"]) -> Float[Array, "*batch units"]:
        """What the left layer receives from y, and the right one from x."""
        x, y = self.split(states)
        return jnp.concatenate([self._returned(y), self.structure.project(x)], axis=-1)

    def _returned(self, y: Array) -> Array:
        return self.structure.backproject(y) if self.back is None else self.back.project(y)

    def energy(self, states: Float[Array, "*batch units"]) -> Float[Array, "*batch"]:
        """E = -y'Wx."""
        x, y = self.split(states)
        return -(self.structure.project(x) * y).sum(-1)

    def visit(self, states: States, order: Order, noise: Noise, distinct: bool = True) -> States:
        """One by one, at the price of all net inputs for each."""
        return visit_by_nets(self.net, states, order, noise, self.levels)

    def net_after(self, net: States, states: States, places: Int[Array, " batch"], change: Array) -> States:
        return self.net(states)

    def forward(self, x: Float[Array, "batch left"], y: Float[Array, "batch right"]) -> Float[Array, "batch right"]:
        """y = sign(Wx); where that is 0, y stays."""
        return chosen(self.structure.project(x), y, LEVELS)

    def backward(self, y: Float[Array, "batch right"], x: Float[Array, "batch left"]) -> Float[Array, "batch left"]:
        """x = sign(W'y); where that is 0, x stays."""
        return chosen(self._returned(y), x, LEVELS)

    @property
    def wirings(self) -> tuple[Dense, ...]:
        """There, and back where that is another one."""
        return (self.structure,) if self.back is None else (self.structure, self.back)

    def ends(self, batch: Batch) -> tuple[Ends, ...]:
        """The inputs with the targets; on a way back of its own, the targets with the inputs."""
        x, y = batch.inputs, batch.targets
        return (Ends(self.structure, x, y), *(() if self.back is None else (Ends(self.back, y, x),)))

    def changed(self, *weights: Array, bias: Array | None = None) -> "BidirectionalNetwork":
        there, *back = (wiring.with_weights(-change) for wiring, change in zip(self.wirings, weights, strict=True))
        return BidirectionalNetwork(there, *back)

    def wrong(self, batch: Batch) -> Bool[Array, "batch units"]:
        states = jnp.concatenate([batch.inputs, batch.targets], axis=-1)
        return states * self.net(states) < 0

    def recall(self, x: Any, max_sweeps: int | Array = 100) -> PairsFound:
        """There and back from x ``(batch, left)`` until nothing changes: with one wiring it always ends.

        A y that hears exactly 0 at the first look is +1, where all y start.
        """
        x = cues(x, self.structure.weights.shape[0], "BidirectionalNetwork.recall, x")
        if not isinstance(max_sweeps, jax.Array):
            check_value("BidirectionalNetwork.recall, max_sweeps", max_sweeps, 0, whole=True)
        return returned(self, x, jnp.asarray(max_sweeps))


class ThereAndBack(AbstractUpdate):
    """The left layer from the right one, then the right one from the left."""

    proof: ClassVar[str] = "sweep"

    def sweep(self, network: Any, states: Array, pull: Pull, key: Array, number: int | Array) -> States:
        x, y = network.split(states)
        x = network.backward(y, x)
        return jnp.concatenate([x, network.forward(x, y)], axis=-1)


@eqx.filter_jit
def returned(network: BidirectionalNetwork, x: Float[Array, "batch left"], limit: Int[Array, ""]) -> PairsFound:
    """Recall, as one program."""
    y = network.forward(x, jnp.ones((len(x), network.structure.weights.shape[1]), x.dtype))
    found = settle(network, jnp.concatenate([x, y], axis=-1), ThereAndBack(), max_sweeps=limit)
    return PairsFound(*network.split(jnp.asarray(found.states)), jnp.asarray(found.fixed), jnp.asarray(found.sweeps))


def bidirectional_memory(x: np.ndarray | list, y: np.ndarray | list, *, rule: str = "hebbian") -> BidirectionalNetwork:
    """A memory of pairs ``(K, left)``, ``(K, right)`` of -1 and +1: W = Σ y x', or Y'(XX')⁻¹X with "pseudoinverse".

    The pseudo-inverse maps every x to its y exactly, and by a wiring of its own every y to its x; where they depend
    linearly on each other that may be impossible. Pairs that would not stay are told of.

    Raises :class:`~flambeau.errors.DataError` for other values than -1 and +1 or not one y for every x.
    """
    how = named("bidirectional_memory, rule", RULES, rule)
    x, y = np.asarray(x, dtype()), np.asarray(y, dtype())
    for name, values in (("x", x), ("y", y)):
        bipolar(values, f"bidirectional_memory, {name}")
    if len(x) != len(y):
        raise DataError("bidirectional_memory", "as many x as y", f"{len(x)} and {len(y)}", "give one y for every x")
    there = Dense(placed_zeros((x.shape[1], y.shape[1]), dtype()))
    back = Dense(placed_zeros((y.shape[1], x.shape[1]), dtype())) if rule == "pseudoinverse" else None
    network, wrong = learned(BidirectionalNetwork(there, back), how, x, y, 1.0)
    forward, both = wrong[:, x.shape[1] :].any(1).sum(), wrong.any(1).sum()
    if both and rule == "pseudoinverse":
        text = f"{forward} of {len(x)} x are not mapped to their y, and {both} pairs would not stay"
        remedy = "leave out those that depend linearly on others, or make x and y wider"
        tell(text, f"{remedy}; forward(x, y) alone asks x only")
    elif both:
        tell(f"{both} of {len(x)} pairs would not stay", "use rule='pseudoinverse', or store fewer")
    return network


def tell(text: str, remedy: str, name: str = "bidirectional_memory") -> None:
    """What a memory will not give back, and what helps."""
    warnings.warn(f"{name}: {text}; {remedy}", UserWarning, stacklevel=3)


@eqx.filter_jit
def storing(network: Any, rule: Any, batch: Batch, rate: Any) -> tuple[Any, Array]:
    """One look at all patterns, and which bits would flip afterwards."""
    after = taught(network, rule, batch, rate)
    return after, after.wrong(batch)


def learned(network: Any, rule: Any, x: np.ndarray, y: np.ndarray, rate: float) -> tuple[Any, np.ndarray]:
    """The same, from NumPy to NumPy."""
    batch = Batch.of(x, y)
    after, wrong = storing(network, rule, batch, np.asarray(rate, dtype()))
    return after, np.asarray(wrong)


class SequenceNetwork(AbstractAssociator):
    """Patterns and the steps between them: h = Ws(t) + λ W's(t - τ).

    The lateral ``structure`` W holds each pattern in place, the ``transition`` W' = Σ x^{k+1} x^k' / N pulls towards
    the next one; with a delay τ the pull comes after the pattern has stood for τ steps, so λ > 1 makes it move on,
    about every τ + 1 steps.

    >>> x = np.asarray([[1, 1, 1, 1, -1, -1, -1, -1], [1, 1, -1, -1, 1, 1, -1, -1], [1, -1, 1, -1, 1, -1, 1, -1]])
    >>> path = sequence_memory(x, cyclic=True).run(jnp.asarray(x[:1], float), steps=9)
    >>> [int(np.argmax(x @ state)) for state in np.asarray(path[:, 0])]
    [0, 0, 0, 1, 1, 1, 2, 2, 2, 0]

    *Limits.* Synchronous; not symmetric, so no energy is claimed. Source: Sompolinsky and Kanter 1986; Kleinfeld 1986.
    """

    levels: ClassVar[tuple[float, float]] = LEVELS
    structure: Lateral
    transition: Dense
    strength: float | Array = 2.0
    delay: int = eqx.field(static=True, default=2)

    def __check_init__(self) -> None:
        if not isinstance(self.strength, jax.core.Tracer) and not 0 <= self.strength < np.inf:
            expected, remedy = "a finite number of at least 0", "say 2, above 1 it moves on"
            raise ConfigurationError("sequence memory, strength", expected, self.strength, remedy)
        check_value("sequence memory, delay", self.delay, 0, whole=True)

    @property
    def wirings(self) -> tuple[Lateral, Dense]:
        """What stays, and what moves on."""
        return self.structure, self.transition

    def ends(self, batch: Batch) -> tuple[Ends, Ends]:
        """Each pattern with itself, and with the one after it: the target, 0 where there is none."""
        return Ends(self.structure, batch.inputs, None), Ends(self.transition, batch.inputs, batch.targets)

    def changed(self, *weights: Array, bias: Array | None = None) -> "SequenceNetwork":
        stay, move = -weights[0], -weights[1]
        still = (self.structure.with_weights(stay), self.transition.with_weights(move), jnp.zeros(()))
        return eqx.tree_at(lambda n: (n.structure, n.transition, n.strength), self, still)

    def net(self, now: Float[Array, "batch units"], earlier: Float[Array, "batch units"]) -> Array:
        """h = Ws(t) + λ W's(t - τ)."""
        return self.structure.project(now) + self.strength * self.transition.project(earlier)

    def wrong(self, batch: Batch) -> Bool[Array, "batch units"]:
        """Which bits would be wrong after the step to the next pattern."""
        return batch.targets * self.net(batch.inputs, batch.inputs) < 0

    def run(self, start: Any, steps: Any) -> Float[Array, "times batch units"]:
        """The states at times 0 to ``steps``, from ``start`` ``(batch, units)``; before time 0 nothing pulls."""
        check_value("SequenceNetwork.run, steps", steps, 0, whole=True)
        return _walked(self, cues(start, self.structure.weights.shape[0], "SequenceNetwork.run, start"), int(steps))


@eqx.filter_jit
def _walked(network: SequenceNetwork, start: Float[Array, "batch units"], steps: int) -> Array:
    """The walk, as one program."""

    def one(past: Array, _: None) -> tuple[Array, Array]:
        new = chosen(network.net(past[-1], past[0]), past[-1], LEVELS)
        return jnp.concatenate([past[1:], new[None]]), new

    past = jnp.broadcast_to(start, (network.delay + 1, *start.shape))
    waiting = past.at[:-1].set(0) if network.delay else past  # nothing pulls until the start has been seen for τ steps
    return jnp.concatenate([start[None], jax.lax.scan(one, waiting, None, steps)[1]])


def sequence_memory(
    x: np.ndarray | list, *, strength: float = 2.0, delay: int = 2, cyclic: bool = False, rule: str = "hebbian"
) -> SequenceNetwork:
    """A memory of the sequence of rows of x ``(K, units)``, -1 and +1; ``cyclic`` leads the last back to the first.

    ``rule`` is "hebbian" or, for patterns alike, "pseudoinverse". Steps that would go astray are told of.
    """
    how = named("sequence_memory, rule", RULES, rule)
    x = np.asarray(x, dtype())
    bipolar(x, "sequence_memory")
    following = np.roll(x, -1, axis=0)
    if not cyclic:
        following[-1] = 0
    nothing = placed_zeros((x.shape[1], x.shape[1]), dtype())
    empty = SequenceNetwork(Lateral(nothing, symmetric=True), Dense(nothing), strength, delay)
    rate = 1 / x.shape[1] if rule == "hebbian" else 1.0
    network, wrong = learned(empty, how, x, following, rate)
    if astray := wrong.any(1).sum():
        remedy = "use rule='pseudoinverse', or store fewer" if rule == "hebbian" else "leave out patterns that depend"
        tell(f"{astray} of {len(x) - (not cyclic)} steps would go astray", remedy, "sequence_memory")
    return network


def bipolar(values: np.ndarray, where: str) -> None:
    """Rows of -1 and +1."""
    if values.ndim != 2 or not values.size:
        raise DataError(where, "rows of -1 and +1", f"shape {values.shape}", "give one row for each state")
    check_levels(where, values, LEVELS, "np.where(x > 0, 1, -1) codes bits, and cuts graded values at 0")


def cues(x: Any, units: int, where: str) -> Float[Array, "batch units"]:
    """Rows of -1 and +1, one number for each neuron; while a program is compiled only their shape is known."""
    if not isinstance(x, jax.core.Tracer):
        values = np.asarray(x, dtype())
        bipolar(values, where)
        x = jnp.asarray(values)
    if x.shape[1:] != (units,):
        raise DataError(where, f"rows of {units} states", f"shape {x.shape}", "give one for each neuron")
    return x
