r"""The deep Boltzmann machine: several layers, wired both ways to their neighbours, all of it undirected.

    energy(v, h₁, …, h_l) = -h₁'W₁v - h₂'W₂h₁ - … - Σ biases,      P = e^{-energy} / Z

A layer's neighbours are all of the other parity, so the even layers (v, h₂, …) are independent of each other given the
odd ones (h₁, h₃, …), and the reverse: a deep machine *is* a restricted one with wires missing. ``sides`` gives it as
such, and sampling, enumeration, tempering and annealing need no code of their own. The posterior of the hidden layers
is not factorial; mean field approximates it (:mod:`flambeau.dynamics.mean_field`).
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from flambeau.dynamics.base import AbstractLayered
from flambeau.dynamics.mean_field import MeanField, mean_field
from flambeau.errors import ConfigurationError
from flambeau.foundation.memory import kept_apart
from flambeau.foundation.rows import by_rows
from flambeau.networks.rbm import START, RestrictedBoltzmannMachine
from flambeau.neurons import AbstractUnit, Bernoulli, Mixed, unit
from flambeau.structures.base import AbstractStructure
from flambeau.structures.dense import Dense, written_out
from flambeau.structures.initialisation import draw, drawn_at_once, normal

ROUNDS = 10  # of mean field, where nobody says how many


class DeepBoltzmannMachine(AbstractLayered):
    """Layers of units, v first; ``structures`` lead from each layer to the next, downwards is ``backproject``.

    Arguments: one structure fewer than ``biases`` and ``units``. Hidden units are discrete.

    >>> import jax
    >>> machine = dbm((4, 3, 2), key=jax.random.key(0))
    >>> machine(jnp.ones((4, 4))).shape, machine.sides().structure.weights.shape
    ((4, 5), (6, 3))

    *Limits.* log P(v) has no closed form beside Z: mean field bounds it from below, the tighter the more factorial the
    posterior. Source: Salakhutdinov and Hinton 2009, Deep Boltzmann machines. The lecture stops at the deep belief
    network (深度信念网络), of which this is the undirected sibling.
    """

    structures: tuple[AbstractStructure, ...]
    biases: tuple[Float[Array, "..."], ...] = eqx.field(converter=kept_apart)
    units: tuple[AbstractUnit, ...]

    @property
    def sizes(self) -> tuple[int, ...]:
        """Columns of every layer."""
        return tuple(bias.shape[-1] for bias in self.biases)

    @property
    def features(self) -> AbstractUnit:
        """The kind of the visible units."""
        return self.units[0]

    def net(self, layers: Sequence[Array], place: int) -> Float[Array, "*batch units"]:
        """What the units of layer ``place`` receive from their neighbours: bias + W t(below) + W' t(above)."""
        net = self.biases[place]
        if place > 0:
            net = net + self.structures[place - 1].project(self.units[place - 1].statistic(layers[place - 1]))
        if place < len(self.structures):
            net = net + self.structures[place].backproject(self.units[place + 1].statistic(layers[place + 1]))
        return net

    def energy(self, layers: Sequence[Array]) -> Float[Array, "*batch"]:
        terms = zip(self.units, layers, self.biases, strict=True)
        own = [kind.energy(layer, bias).sum(-1) for kind, layer, bias in terms]
        t = [kind.statistic(layer) for kind, layer in zip(self.units, layers, strict=True)]
        wired = zip(self.structures, pairwise(t), strict=True)
        across = [(above * wiring.project(below)).sum(-1) for wiring, (below, above) in wired]
        return sum(own, start=jnp.zeros(())) - sum(across)

    def given(self, v: Float[Array, "*batch visible"]) -> "DeepBoltzmannMachine":
        """The hidden layers alone, v known: its message has become a part of their first bias, one row for each v."""
        first = self.biases[1] + self.structures[0].project(self.units[0].statistic(v))
        return DeepBoltzmannMachine(self.structures[1:], (first, *self.biases[2:]), self.units[1:])

    def sides(self, visible: int = 0) -> RestrictedBoltzmannMachine:
        """The same distribution as a restricted machine: its visible side are the layers of parity ``visible``.

        The missing wires are zeros of one matrix: none with two hidden layers, two fifths of it in 784-500-500-1000.
        """
        connections = wires(self.structures, self.sizes)
        (here, one), (there, other) = (
            (beside(self.biases[start::2]), Mixed(self.units[start::2], self.sizes[start::2]))
            for start in (visible, 1 - visible)
        )
        return RestrictedBoltzmannMachine(Dense(connections.T if visible else connections), here, there, one, other)

    def layers(self, even: Float[Array, "*batch even"], odd: Float[Array, "*batch odd"]) -> tuple[Array, ...]:
        sides = [apart(even, self.sizes[0::2]), apart(odd, self.sizes[1::2])]
        return tuple(sides[place % 2][place // 2] for place in range(len(self.sizes)))

    def __call__(self, v: Float[Array | np.ndarray, "*batch visible"], rounds: int | Array = ROUNDS) -> Array:
        """The mean-field means of all hidden layers side by side, h₁ first."""
        return beside(mean_field(self.given(jnp.asarray(v)), rounds).layers)

    def free_energy(self, v: Float[Array, "*batch visible"], rounds: int | Array = ROUNDS) -> Float[Array, "*batch"]:
        """The variational free energy E_q[energy] - H(q) of mean field, at least F(v): -F - log Z bounds log P(v)."""
        hidden = self.given(v)
        own = self.units[0].energy(v, self.biases[0]).sum(-1)
        return own - gain(hidden, mean_field(hidden, rounds))


def gain(hidden: DeepBoltzmannMachine, q: MeanField) -> Float[Array, "*batch"]:
    """E_q[-energy] + H(q) = Σ_l [log-normaliser(s_l) - t(m_l)'(s_l - b_l)] + Σ t(m_{l+1})'W t(m_l), q at net inputs s.

    The unit's own energies, linear for discrete units, cancel against those in the entropy.
    """
    t = [kind.statistic(layer) for kind, layer in zip(hidden.units, q.layers, strict=True)]
    total = jnp.zeros(t[0].shape[:-1], t[0].dtype)
    for kind, own, net, bias in zip(hidden.units, t, q.nets, hidden.biases, strict=True):
        total = total + kind.log_normaliser(net, bias).sum(-1) - (own * (net - bias)).sum(-1)
    for wiring, (below, above) in zip(hidden.structures, pairwise(t), strict=True):
        total = total + (above * wiring.project(below)).sum(-1)
    return total


def wires(structures: Sequence[AbstractStructure], sizes: Sequence[int]) -> Float[Array, "even odd"]:
    """All connections as one matrix from even layers to odd ones, zeros where layers are not neighbours."""
    matrices = [written_out(wiring) for wiring in structures]

    def block(even: int, odd: int) -> Array:
        if abs(even - odd) > 1:
            return jnp.zeros((sizes[even], sizes[odd]), matrices[0].dtype)
        return matrices[even] if even < odd else matrices[odd].T

    places = range(len(sizes))
    return jnp.block([[block(even, odd) for odd in places[1::2]] for even in places[0::2]])


def beside(layers: Sequence[Array]) -> Array:
    """Layers as columns of one array."""
    return jnp.concatenate(list(layers), axis=-1)


def apart(x: Array, sizes: Sequence[int]) -> list[Array]:
    """Undo :func:`beside`."""
    return jnp.split(x, np.cumsum(sizes)[:-1], axis=-1)


@drawn_at_once
def dbm(
    sizes: Sequence[int],
    visible: str | AbstractUnit = "bernoulli",
    hidden: AbstractUnit | None = None,
    *,
    categories: int = 0,
    visible_bias: Any = None,
    deviation: float = START,
    key: Array,
) -> DeepBoltzmannMachine:
    """A fresh machine: weights from N(0, 0.01²), hidden biases 0, visible biases 0 or as given.

    Arguments: ``sizes`` of all layers, v first; kinds of unit, Bernoulli by default. Raises
    :class:`~flambeau.errors.ConfigurationError` for fewer than two layers, empty ones, or hidden units that are not
    discrete.

    >>> import jax
    >>> dbm((4, 3, 2), key=jax.random.key(0)).sizes
    (4, 3, 2)
    """
    if len(sizes) < 2 or min(sizes) < 1:
        raise ConfigurationError("dbm", "two layers or more of at least one unit", tuple(sizes), "for instance (6, 4)")
    kind = hidden or Bernoulli()
    kind.choices(sizes[1])  # refused by continuous units: mean field's entropy would need more than their means
    weights = [normal(numbers, deviation) for numbers in draw(key, list(pairwise(sizes)))]
    like = weights[0].dtype
    bias = jnp.zeros(sizes[0], like) if visible_bias is None else jnp.asarray(visible_bias, like)
    return DeepBoltzmannMachine(
        tuple(Dense(matrix) for matrix in weights),
        (bias, *(jnp.zeros(size, like) for size in sizes[1:])),
        (unit(visible, columns=sizes[0], categories=categories), *([kind] * (len(sizes) - 1))),
    )


def variational(given: tuple[DeepBoltzmannMachine, Any], v: Array) -> Array:
    """The variational free energy at a number of rounds."""
    network, rounds = given
    return network.free_energy(v, rounds)


def mean_field_bound(
    network: DeepBoltzmannMachine, v: Any, log_partition: float, *, rounds: int = 25
) -> Float[np.ndarray, " rows"]:
    """A lower bound of log P(v) per row, nats, from the best factorial q that mean field finds:

        E_q[-energy(v, h)] + H(q) - log Z  ≤  log P(v).

    Arguments: ``v`` ``(n, visible)``; ``log_partition``, log Z of ``network.sides(1)`` (v and h₂ are summed out);
    ``rounds`` of mean field, each of which raises the bound.

    >>> import jax
    >>> float(mean_field_bound(dbm((3, 2, 2), key=jax.random.key(0), deviation=0.0), np.ones((1, 3)), 7 * np.log(2))[0])
    -2.07...

    *Limits.* With an estimated log Z it is a bound only up to that estimate. Source: Salakhutdinov and Hinton 2009.
    """
    rows = np.asarray(v, network.biases[0].dtype)
    found = by_rows(variational, (network, np.asarray(rounds, np.int32)), rows)
    return -found.astype(np.float64) - log_partition
