"""Where the second average of the log-likelihood's gradient comes from: chains of samples of the model.

    ∂ log P(v₀) / ∂θ  =  -⟨∂ energy / ∂θ⟩ with v₀ held  +  ⟨∂ energy / ∂θ⟩ under the model

A sampler says how the model's side is drawn: afresh from the data (contrastive divergence), by chains that persist from
step to step, by chains at several temperatures, or not at all but by listing every state.
"""

import abc
import math
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from flambeau.dynamics.base import AbstractMachine
from flambeau.dynamics.gibbs import alternate
from flambeau.errors import ConfigurationError
from flambeau.neurons.units import states_of


class Particles(NamedTuple):
    """Visible states, the mean hidden values and the net inputs that go with them, and what each counts (sum 1)."""

    visible: Float[Array, "particles visible"]
    hidden: Float[Array, "particles hidden"]
    net: Float[Array, "particles hidden"]
    share: Float[Array, " particles"]

    @classmethod
    def of(cls, machine: AbstractMachine, v: Array, net: Array, share: Array) -> "Particles":
        """With E[h | v] for the hidden values."""
        return cls(v, machine.hidden.mean(net), net, share)


Drawn = tuple[Particles, PyTree]


class AbstractSampler(eqx.Module):
    """How the model's side of the gradient is drawn."""

    @abc.abstractmethod
    def init(self, machine: AbstractMachine) -> PyTree:
        """The chains before the first step."""

    @abc.abstractmethod
    def draw(self, machine: AbstractMachine, h: Array, share: Array, state: PyTree, key: Array) -> Drawn:
        """Particles for one step, and the chains to go on from.

        ``h`` are hidden samples of the batch, ``share`` what each of its rows counts.
        """


class FromData(AbstractSampler):
    """CD-k: the chain starts at every training vector and goes k steps; the particles count as their rows do.

    The hidden units are driven by *samples* on the way, and the last hidden values are Q(h | v_k) of the last v.
    Source: Hinton 2002, Training products of experts by minimizing contrastive divergence.
    """

    k: int = eqx.field(static=True, default=1)

    def init(self, machine: AbstractMachine) -> PyTree:
        return ()

    def draw(self, machine: AbstractMachine, h: Array, share: Array, state: PyTree, key: Array) -> Drawn:
        v, net, _ = alternate(machine, h, self.k, key)
        return Particles.of(machine, v, net, share), state


class Persistent(AbstractSampler):
    """PCD-k: ``chains`` chains that go on k steps at a time while the model changes slowly under them.

    What persists are hidden samples, so a step costs k times down and up, no more. They start where the visible biases
    alone would put them. Source: Tieleman 2008, Training RBMs using approximations to the likelihood gradient.
    """

    chains: int = eqx.field(static=True, default=100)
    k: int = eqx.field(static=True, default=1)

    def init(self, machine: AbstractMachine) -> Array:
        """Hidden samples given visible ones drawn from their biases."""
        return machine.hidden.sample(machine.hidden_net(unconnected(machine, self.chains)), jax.random.key(1))

    def draw(self, machine: AbstractMachine, h: Array, share: Array, state: PyTree, key: Array) -> Drawn:
        """k times down and up from where the chains were."""
        v, net, h = alternate(machine, state, self.k, key)
        each = jnp.full(self.chains, 1 / self.chains, v.dtype)
        return Particles.of(machine, v, net, each), h


class Enumeration(AbstractSampler):
    """Every state of the smaller side with its exact probability: the true gradient, for machines of up to 16 units.

    >>> from flambeau.networks import rbm
    >>> machine = rbm(3, 2, key=jax.random.key(0))
    >>> draw = eqx.filter_jit(Enumeration().draw)  # not a program for each operation
    >>> particles, _ = draw(machine, jnp.zeros((1, 2)), jnp.ones(1), (), jax.random.key(0))
    >>> particles.visible.shape, round(float(particles.share.sum()), 5)
    ((4, 3), 1.0)

    Where the hidden side is listed, the visible values are their means given h: right for all that is linear in them,
    so visible units with parameters of their own (a learned variance) are refused.
    Raises :class:`~flambeau.errors.ConfigurationError` for too many states, or continuous units on the listed side.
    """

    most: int = eqx.field(static=True, default=1 << 16)

    def init(self, machine: AbstractMachine) -> PyTree:
        """Nothing persists; refuses what is too large."""
        side, _ = smaller_side(machine, self.most)
        if side == "hidden" and jax.tree.leaves(machine.visible):
            got, remedy = type(machine.visible).__name__, "learn the variance by cd or pcd, or fix it"
            raise ConfigurationError("Enumeration", "visible units without parameters of their own", got, remedy)
        return ()

    def draw(self, machine: AbstractMachine, h: Array, share: Array, state: PyTree, key: Array) -> Drawn:
        """All states of the listed side, weighed by their probabilities."""
        side, states = smaller_side(machine, self.most)
        values = jnp.asarray(states, h.dtype)
        if side == "hidden":
            probability = jax.nn.softmax(-machine.hidden_free_energy(values))
            v = machine.visible.mean(machine.visible_net(values))
            return Particles(v, values, machine.hidden_net(v), probability), state
        probability = jax.nn.softmax(-machine.free_energy(values))
        return Particles.of(machine, values, machine.hidden_net(values), probability), state


def unconnected(machine: AbstractMachine, chains: int) -> Array:
    """Visible states drawn from the biases alone, with a key of their own."""
    bias = machine.visible_bias
    return machine.visible.sample(jnp.broadcast_to(bias, (chains, *bias.shape)), jax.random.key(0))


class Listing(NamedTuple):
    """Which side of a machine is listed, its units' states, and how many states that makes."""

    side: str
    choices: tuple[np.ndarray, ...]
    total: float

    @classmethod
    def of(cls, side: str, choices: tuple[np.ndarray, ...]) -> "Listing":
        """Counted, as a float: it may be beyond all whole numbers of a machine."""
        return cls(side, choices, math.prod(float(len(states)) for states in choices))


def fewest_states(machine: AbstractMachine) -> Listing | None:
    """The side with fewer states; None where neither is discrete."""
    sides = {"hidden": (machine.hidden, machine.hidden_bias), "visible": (machine.visible, machine.visible_bias)}
    choices = {side: states_of(unit, bias.shape[-1]) for side, (unit, bias) in sides.items()}
    found = [Listing.of(side, states) for side, states in choices.items() if states is not None]
    return min(found, key=lambda one: one.total, default=None)


def listed_states(choices: tuple[np.ndarray, ...]) -> np.ndarray:
    """The product of the units' states, one a row, by counting in a mixed radix; the last unit changes fastest."""
    sizes = tuple(len(states) for states in choices)
    digits = np.unravel_index(np.arange(math.prod(sizes)), sizes) if sizes else ()
    blank = np.zeros((math.prod(sizes), 0))
    return np.concatenate([blank, *(states[digit] for states, digit in zip(choices, digits, strict=True))], axis=1)


def smaller_side(machine: AbstractMachine, most: int) -> tuple[str, np.ndarray]:
    """The side with fewer states, and all of them as rows."""
    found = fewest_states(machine)
    if found is None:
        remedy = "use algorithm='pcd', or discrete units on one side"
        raise ConfigurationError("Enumeration", "units with finitely many states on one side", "none", remedy)
    if found.total > most:
        remedy = "use algorithm='pcd' or 'tempering' for a machine of this size"
        raise ConfigurationError("Enumeration", f"at most {most} states on one side", f"{found.total:.3g}", remedy)
    return found.side, listed_states(found.choices)
