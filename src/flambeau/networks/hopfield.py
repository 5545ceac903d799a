r"""The Hopfield network: every neuron hears every other one, and an energy says where that leads.

    E(s) = -½ s'Ws + θ's,      h = Ws - θ,      s_i = 1 if h_i > 0, -1 (or 0) if h_i < 0, unchanged if h_i = 0

With w_ij = w_ji and w_ii = 0, a neuron that changes lowers the energy by |Δs_i h_i|: Lyapunov's condition.
"""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from flambeau.dynamics.asynchronous import visit_in_blocks, visit_one_by_one
from flambeau.dynamics.base import AbstractFeedback, Noise, Order, States
from flambeau.foundation.memory import in_numpy, kept_apart, placed_zeros
from flambeau.foundation.programs import run_once
from flambeau.neurons import AbstractUnit, Bernoulli, Spin
from flambeau.neurons.levels import levels_of
from flambeau.rules.base import Batch
from flambeau.rules.hebbian import AbstractAssociator, Ends
from flambeau.structures.lateral import Lateral, wired


class HopfieldNetwork(AbstractFeedback, AbstractAssociator):
    """A lateral ``structure``, a ``bias`` = -θ for each neuron, and the kind of neuron.

    Given as a matrix, W is read as it is written on paper, row i holding what neuron i receives, and kept sender first,
    as all weights are; ``thresholds`` θ are zero unless given. ``unit`` is ``Spin()`` for states -1 and +1,
    ``Bernoulli()`` for 0 and 1.

    >>> x = np.asarray([[1, -1, -1, 1], [-1, 1, -1, 1]])
    >>> network = HopfieldNetwork(jnp.asarray(x.T @ x - 2 * np.eye(4)))  # the lecture's
    >>> network.energy(jnp.asarray([*x, [1, 1, 1, 1]], float)).tolist()
    [-4.0, -4.0, 4.0]

    *Limits.* The promise that it settles needs symmetric weights, no negative self-connection, and one neuron at a
    time. Source: Hopfield 1982. Lecture: Hopfield Network.
    """

    structure: Lateral
    bias: Float[Array, " units"] = eqx.field(converter=kept_apart)
    unit: AbstractUnit

    def __init__(self, weights: Any, thresholds: Any = None, unit: AbstractUnit | None = None) -> None:
        self.structure = wired(weights)
        zeros = placed_zeros(self.structure.unit_shape, self.structure.weights.dtype)
        self.bias = zeros if thresholds is None else -in_numpy(thresholds)
        self.unit = Spin() if unit is None else unit

    @property
    def levels(self) -> tuple[float, float]:
        return levels_of(self.unit)

    @property
    def units(self) -> int:
        return self.bias.shape[0]

    @property
    def threshold(self) -> Float[Array, " units"]:
        """θ = -bias."""
        return -self.bias

    def net(self, states: Float[Array, "*batch units"]) -> Float[Array, "*batch units"]:
        """h = Ws - θ, the lecture's g(x)."""
        return self.structure.project(states) + self.bias

    def __call__(self, states: Float[Array | np.ndarray, "*batch units"]) -> Float[Array, "*batch units"]:
        """h."""
        return self.net(jnp.asarray(states))

    def energy(self, states: Float[Array, "*batch units"]) -> Float[Array, "*batch"]:
        """E = -½ s'Ws + θ's."""
        return -((self.bias + 0.5 * self.structure.project(states)) * states).sum(-1)

    def visit(self, states: States, order: Order, noise: Noise, distinct: bool = True) -> States:
        """In blocks where no neuron stands twice in the order, which is faster."""
        loop = visit_in_blocks if distinct else visit_one_by_one
        return loop(self.structure, self.bias, states, order, noise, self.levels)

    def net_after(self, net: States, states: States, places: Int[Array, " batch"], change: Array) -> States:
        """What one neuron of each state sends, times its change, is added."""
        return net + change[:, None] * self.structure.outgoing(places)

    @property
    def wirings(self) -> tuple[Lateral]:
        return (self.structure,)

    def ends(self, batch: Batch) -> tuple[Ends, ...]:
        """Each pattern with itself."""
        return (Ends(self.structure, batch.inputs, None),)

    def changed(self, *weights: Array, bias: Array | None = None) -> "HopfieldNetwork":
        still = jnp.zeros_like(self.bias) if bias is None else -bias
        return HopfieldNetwork(self.structure.with_weights(-weights[0]), -still, self.unit)

    def wrong(self, batch: Batch) -> Array:
        """Which bits of the patterns ``(batch, units)`` would flip."""
        low, high = self.levels
        return (batch.inputs - (low + high) / 2) * self.net(batch.inputs) < 0


def hopfield(units: int, unit: AbstractUnit | None = None, *, symmetric: bool = True) -> HopfieldNetwork:
    """An empty memory: no weights, no thresholds; learning keeps the weights ``symmetric``, or not.

    >>> hopfield(4).structure.weights.shape
    (4, 4)
    """
    return HopfieldNetwork(Lateral(jnp.zeros((units, units)), symmetric), None, unit)


@run_once
def recoded(network: HopfieldNetwork) -> HopfieldNetwork:
    """The same network for the other pair of values: the same flips, energies up to a constant.

    With s = 2v - 1: W' = 4W and θ' = 2θ + 2W1 for 0 and 1; back, W = W'/4 and θ = θ'/2 - W'1/4.

    >>> both = recoded(HopfieldNetwork(jnp.asarray([[0.0, 1.0], [1.0, 0.0]])))
    >>> both.structure.weights.tolist(), both.threshold.tolist()
    ([[0.0, 4.0], [4.0, 0.0]], [2.0, 2.0])
    """
    wiring = network.structure
    total = wiring.project(jnp.ones(network.units, wiring.weights.dtype))
    if network.levels == (-1.0, 1.0):
        return HopfieldNetwork(wiring.with_weights(4 * wiring.weights), 2 * (network.threshold + total), Bernoulli())
    return HopfieldNetwork(wiring.with_weights(wiring.weights / 4), network.threshold / 2 - total / 4, Spin())
