r"""Hebb's rule, once, for every wiring: what fires together wires together.

    Δw = correlate(pre, post)

What stands at the two ends of a connection is the network's to say: a pattern and itself, a pattern and its partner, a
pattern and the one after it. Lecture: Associative Memories (联想记忆), W = Σ x_k x_k' - K I.
"""

import abc
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PyTree

from flambeau.errors import ConfigurationError, DataError
from flambeau.rules.base import AbstractRule, Batch, Proposed
from flambeau.structures.base import AbstractStructure

SIGNS, BITS = (-1.0, 1.0), (0.0, 1.0)


class Ends(NamedTuple):
    """A wiring, and what stands at its ends while it learns; ``post`` None: each pattern is its own partner."""

    structure: AbstractStructure
    pre: Float[Array, "batch inputs"]
    post: Float[Array, "batch units"] | None

    @property
    def target(self) -> Float[Array, "batch units"]:
        """What the receiving end shows."""
        return self.pre if self.post is None else self.post


class AbstractAssociator(eqx.Module):
    """A network whose connections learn from what is shown at their two ends."""

    @property
    @abc.abstractmethod
    def levels(self) -> tuple[float, float]:
        """The two values that the patterns are made of."""

    @property
    @abc.abstractmethod
    def wirings(self) -> tuple[AbstractStructure, ...]:
        """The wirings that learn."""

    @abc.abstractmethod
    def ends(self, batch: Batch) -> tuple[Ends, ...]:
        """What stands at the ends of each of the ``wirings`` while the patterns of a batch are shown."""

    @abc.abstractmethod
    def changed(self, *weights: Array, bias: Array | None = None) -> Any:
        """The proposal, at a learning rate of 1, that adds these numbers to the wirings' weights and to the bias."""

    @abc.abstractmethod
    def wrong(self, batch: Batch) -> Bool[Array, "batch bits"]:
        """Which bits of the patterns would not come out as they were shown."""


def told(network: Any, batch: Batch, wrong: Array | None = None) -> dict[str, PyTree]:
    """What a storage rule reports of the network *before* the step.

    ``loss``, the share of bits that would flip; ``weight``; ``mistakes``, patterns with such a bit. A rule that asks
    for more than a sign says itself which bits are ``wrong`` ``(batch, bits)``.
    """
    wrong = network.wrong(batch) if wrong is None else wrong
    present = batch.weights != 0
    share = jnp.sum(wrong * present[:, None]) / jnp.maximum(jnp.sum(present) * wrong.shape[1], 1)
    mistakes = jnp.sum(jnp.any(wrong, axis=1) & present)
    return {"loss": share.astype(batch.inputs.dtype), "weight": jnp.sum(jnp.abs(batch.weights)), "mistakes": mistakes}


def check_states(network: AbstractAssociator, rule: str, states: tuple[float, float] = SIGNS) -> None:
    """Refuse a network of other neurons than the rule was written for."""
    if network.levels != states:
        expected, got = (f"states {low:g} and {high:g}" for low, high in (states, network.levels))
        raise ConfigurationError(rule, expected, got, "use flambeau.networks.recoded for the other pair of values")


def check_patterns(network: AbstractAssociator, batch: Batch, rule: str) -> tuple[Ends, ...]:
    """The ends of every wiring; patterns of another length are refused, while compiling."""
    ends = network.ends(batch)
    for wiring, pre, post in ends:
        for shown, shape in ((pre, wiring.input_shape), (pre if post is None else post, wiring.unit_shape)):
            if shown.shape[1:] != shape:
                expected, got = f"patterns of {shape[0]} bits", shown.shape[1:]
                raise DataError(f"{rule}, patterns", expected, got, "build the network for their length")
    return ends


def taught(network: Any, rule: AbstractRule, batch: Batch, rate: float | Array = 1.0) -> Any:
    """The network after one step of a rule, from the rule's first state, at a learning rate: storing in one look."""
    proposal, _, _ = rule.propose(network, batch, rule.init(network, batch), jax.random.key(0))
    return jax.tree.map(lambda now, change: now - rate * change, network, proposal)


class AbstractStorage(AbstractRule):
    """A rule without a state, for networks whose neurons have the two values ``states``."""

    states: ClassVar[tuple[float, float]] = SIGNS

    def init(self, network: PyTree, batch: Any) -> PyTree:
        """No state; refuses neurons of other values."""
        check_states(network, type(self).__name__, self.states)
        return ()


class Hebbian(AbstractStorage):
    """What fires together wires together: Δw = correlate(pre, post), with an empty diagonal where units of one layer
    are wired: ΔW = Σ_k x_k x_k' - K I, the lecture's rule.

    Weights count: 2 is the pattern stored twice, -1 takes it out again, exactly, for the sums are integers.

    >>> from flambeau.networks import hopfield
    >>> x = jnp.asarray([[1.0, -1, -1, 1], [-1, 1, -1, 1]])
    >>> propose = eqx.filter_jit(Hebbian().propose)  # not a program for each operation
    >>> proposal, _, info = propose(hopfield(4), Batch(x, x, jnp.ones(2)), (), jax.random.key(0))
    >>> (-proposal.structure.weights).astype(int).tolist()[0]
    [0, -2, 0, 0]

    *Limits.* Random patterns only, up to about 0.138 per neuron with a few wrong bits. Source: Hebb 1949, Hopfield
    1982. Lecture: 联想记忆.
    """

    def propose(self, network: PyTree, batch: Batch, state: PyTree, key: Array) -> Proposed:
        ends, counts = check_patterns(network, batch, "Hebbian"), batch.weights[:, None]
        changes = (each.structure.correlate(each.pre * counts, each.target) for each in ends)
        return network.changed(*changes), state, told(network, batch)


class Covariance(AbstractStorage):
    """Hebb for sparse patterns of 0 and 1: ΔW = Σ (x - a)(x - a)' / (N a (1 - a)), a the share of active neurons.

    At a stored pattern the net input is x_i - a on average, so thresholds of ½ - a lie midway; the first pattern sets
    them. Weights count: 2 is the pattern stored twice. *Limits.* Capacity grows like -1/(a ln a) as a falls, a pattern
    then says less. Source: Tsodyks and Feigelman 1988; Buhmann, Divko, Schulten 1989.
    """

    states: ClassVar[tuple[float, float]] = BITS
    activity: Float[Array, ""]

    def __init__(self, activity: Any) -> None:
        self.activity = jnp.array(activity, float)

    def propose(self, network: PyTree, batch: Batch, state: PyTree, key: Array) -> Proposed:
        """One correlation, and the thresholds put in their place."""
        ((wiring, x, _),) = check_patterns(network, batch, "Covariance")
        a, apart = self.activity, x - self.activity
        weights = wiring.correlate(apart * batch.weights[:, None], apart) / (a * (1 - a) * x.shape[1])
        return network.changed(weights, bias=a - 0.5 - network.bias), state, told(network, batch)
