r"""The deep belief network: directed layers below, one restricted Boltzmann machine on top.

    P(v, h₁, …, h_l) = P(v | h₁) Π_{i=1}^{l-2} P(h_i | h_{i+1}) · P(h_{l-1}, h_l)

Each conditional is a product over units; only the top pair is undirected and has a Z. (The lecture's product has no
limits: it runs to l - 2, else the top pair would be counted twice.) Upwards, the recognition connections give an
approximate posterior; after greedy training they are the generative ones, after up-down learning they are not.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from flambeau.dynamics.gibbs import Clamp, descend, gibbs, sample_hidden
from flambeau.dynamics.label_units import class_scores, without_label
from flambeau.errors import ConfigurationError
from flambeau.foundation.memory import kept_apart
from flambeau.networks.rbm import RestrictedBoltzmannMachine
from flambeau.neurons import AbstractUnit
from flambeau.structures.base import AbstractStructure


class Directed(eqx.Module):
    """Two layers with connections of their own in each direction: recognition goes up, generation down.

    Both wirings lead from the lower to the upper layer; down is ``backproject``.
    """

    recognition: AbstractStructure
    recognition_bias: Float[Array, " upper"] = eqx.field(converter=kept_apart)
    generation: AbstractStructure
    generation_bias: Float[Array, " lower"] = eqx.field(converter=kept_apart)
    lower: AbstractUnit
    upper: AbstractUnit

    @classmethod
    def of(cls, machine: RestrictedBoltzmannMachine) -> "Directed":
        """A machine whose two directions may part from now on."""
        wiring = machine.structure
        up, down = machine.hidden_bias, machine.visible_bias
        return cls(wiring, up, wiring.with_weights(wiring.weights), down, machine.visible, machine.hidden)

    def up_net(self, x: Float[Array, "*batch lower"]) -> Float[Array, "*batch upper"]:
        """Net inputs of the upper layer, by recognition."""
        return self.recognition_bias + self.recognition.project(self.lower.statistic(x))

    def down_net(self, h: Float[Array, "*batch upper"]) -> Float[Array, "*batch lower"]:
        """Net inputs of the lower layer, by generation."""
        return self.generation_bias + self.generation.backproject(self.upper.statistic(h))


class DeepBeliefNetwork(eqx.Module):
    """Directed layers, bottom first, and the ``top`` machine, which may have a label beside the penultimate layer.

    >>> from flambeau.networks import rbm
    >>> network = dbn([rbm(4, 3, key=jax.random.key(0)), rbm(3, 2, key=jax.random.key(0))])
    >>> network(jnp.ones((4, 4))).shape, network.encode(jnp.ones((4, 4))).shape
    ((4, 2), (4, 3))

    *Limits.* The posterior upwards is factorial, hence approximate (explaining away); it is exact in the top machine.
    Source: Hinton, Osindero, Teh 2006, A fast learning algorithm for deep belief nets. Lecture: 深度信念网络.
    """

    lower: tuple[Directed, ...]
    top: RestrictedBoltzmannMachine

    @property
    def label(self) -> int:
        """How many columns the top's label has; 0 without one."""
        return self.top.label

    @property
    def features(self) -> AbstractUnit:
        """The kind of the lowest units, a label apart."""
        return self.lower[0].lower if self.lower else self.top.features

    def encode(self, v: Float[Array | np.ndarray, "batch visible"]) -> Float[Array, "batch penultimate"]:
        """Means upwards to the layer below the top one, deterministic."""
        x = jnp.asarray(v)
        for pair in self.lower:
            x = pair.upper.mean(pair.up_net(x))
        return x

    def decode(self, x: Float[Array | np.ndarray, "batch penultimate"]) -> Float[Array, "batch visible"]:
        """Means downwards."""
        x = jnp.asarray(x)
        for pair in reversed(self.lower):
            x = pair.lower.mean(pair.down_net(x))
        return x

    def __call__(self, v: Float[Array | np.ndarray, "batch visible"]) -> Float[Array, "batch top"]:
        """Means upwards to the top layer; a label that is not given is left out."""
        return self.top(without_label(self.top, self.encode(v)))

    def class_scores(self, v: Float[Array | np.ndarray, "batch visible"]) -> Float[Array, "batch classes"]:
        """log P(y | penultimate means) up to a constant: an upward pass, then the top's free energy for each label."""
        return class_scores(self.top, self.encode(v))


def dbn(machines: Sequence[RestrictedBoltzmannMachine]) -> DeepBeliefNetwork:
    """Stack trained machines: each one's hidden layer is the next one's visible one.

    Arguments: ``machines``, bottom first; the last one may have a label beside the others' hidden layer. Raises
    :class:`~flambeau.errors.ConfigurationError` for sizes that do not meet.
    """
    for number, (below, above) in enumerate(pairwise(machines)):
        have, need = below.hidden_bias.shape[0], above.visible_bias.shape[0] - above.label
        where = f"dbn, machine {number + 1}"
        if have != need:
            remedy = "give each machine as many visible units as the last one hides"
            raise ConfigurationError(where, f"{have} visible units", need, remedy)
        if above.label and above is not machines[-1]:
            raise ConfigurationError(where, "a label in the top machine alone", "one below", "leave it out there")
    return DeepBeliefNetwork(tuple(Directed.of(machine) for machine in machines[:-1]), machines[-1])


def generate(
    network: DeepBeliefNetwork,
    start: Float[Array, "chains topvisible"],
    steps: int | Array,
    key: Array,
    clamp: Clamp | None = None,
) -> tuple[Float[Array, "chains visible"], Float[Array, "chains topvisible"]]:
    """Sample the top machine for that many steps, then go down once: ``(means of v, the top's visible states)``.

    "After training, the DBN samples at the top and propagates downwards, so that the upper layers influence the lower":
    intermediate layers are sampled, v is given as means. A clamped label generates examples of it.
    """
    top, up, down = jax.random.split(key, 3)
    states = gibbs(network.top, start, steps, top, clamp)
    size = states.shape[-1] - network.label
    if network.lower:
        return descend(network.lower, states[..., :size], down)[0], states
    return network.top.reconstruct(sample_hidden(network.top, states, up))[..., :size], states


def log_joint(network: DeepBeliefNetwork, states: Sequence[Array]) -> Float[Array, " batch"]:
    """log P(v, h₁, …, h_{l-1}) + log Z of the top: the directed layers' log-probabilities and the top's free energy.

    A label is summed out. Raises :class:`~flambeau.errors.ConfigurationError` for units without a density.
    """
    total = jnp.zeros(states[0].shape[:-1], states[0].dtype)
    for pair, x, h in zip(network.lower, states, states[1:], strict=False):
        total = total + log_probability(pair.lower, x, pair.down_net(h), pair.generation_bias)
    top, x = network.top, states[-1]
    if not top.label:
        return total - top.free_energy(x)
    own = top.visible.energy(without_label(top, x), top.visible_bias).sum(-1)
    return total - (own - jax.scipy.special.logsumexp(class_scores(top, x), axis=-1))


def log_probability(unit: Any, u: Array, net: Array, bias: Array) -> Array:
    """log P(u | net input) of a layer, summed over its units."""
    across = (unit.statistic(u) * (net - bias)).sum(-1) - unit.energy(u, bias).sum(-1)
    return across - unit.log_normaliser(net, bias).sum(-1)
