r"""The Hopfield network: every neuron hears every other one, and an energy says where that leads.

    E(s) = -½ s'Ws + θ's,      h = Ws - θ,      s_i = 1 if h_i > 0, -1 (or 0) if h_i < 0, unchanged if h_i = 0

With w_ij = w_ji and w_ii = 0, a neuron that changes lowers the energy by |Δs_i h_i|: Lyapunov's condition.
"""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from flambeau.dynamics.asynchronous import visit_in_blocks, visit_one_by_one
from flambeau.neurons import AbstractUnit, Bernoulli, Spin

__all__ = ["HopfieldNetwork", "hopfield", "recoded"]


class HopfieldNetwork(eqx.Module):
    """Weights ``(units, units)`` (row i holds what neuron i receives), thresholds θ, and the kind of neuron.

    ``unit`` is ``Spin()`` for states -1 and +1, ``Bernoulli()`` for 0 and 1.

    >>> x = jnp.asarray([[1.0, -1, -1, 1], [-1, 1, -1, 1]])
    >>> network = HopfieldNetwork(x.T @ x - 2 * jnp.eye(4), jnp.zeros(4))  # the lecture's
    >>> network.energy(x).tolist(), network.energy(jnp.ones((1, 4))).tolist()
    ([-4.0, -4.0], [4.0])

    *Limits.* The promise that it settles needs symmetric weights, no negative self-connection, and one neuron at a
    time. Source: Hopfield 1982. Lecture: Hopfield Network.
    """

    weights: Float[Array, "units units"]
    thresholds: Float[Array, " units"]
    unit: AbstractUnit = Spin()

    @property
    def levels(self) -> tuple[float, float]:
        """The two values of a neuron, the lower one first."""
        low, high = self.unit.choices(1)[0].ravel()
        return float(low), float(high)

    def field(self, states: Float[Array, "*batch units"]) -> Float[Array, "*batch units"]:
        """h = Ws - θ, the lecture's g(x)."""
        return states @ self.weights.T - self.thresholds

    def __call__(self, states: Float[Array | np.ndarray, "*batch units"]) -> Float[Array, "*batch units"]:
        """h."""
        return self.field(jnp.asarray(states))

    def energy(self, states: Float[Array, "*batch units"]) -> Float[Array, "*batch"]:
        """E = -½ s'Ws + θ's."""
        return ((self.thresholds - 0.5 * (states @ self.weights.T)) * states).sum(-1)

    def visit(
        self,
        states: Float[Array, "batch units"],
        order: Int[Array, " visits"],
        noise: Float[Array, "visits batch"] | None,
        distinct: bool = True,
    ) -> Float[Array, "batch units"]:
        """The neurons of ``order`` one after the other, each seeing the changes of those before it.

        ``distinct`` promises that no neuron stands twice in the order, which is faster.
        """
        loop = visit_in_blocks if distinct else visit_one_by_one
        return loop(self.weights, self.thresholds, states, order, noise, self.levels)

    def field_after(
        self,
        net: Float[Array, "batch units"],
        states: Float[Array, "batch units"],
        places: Int[Array, " batch"],
        change: Float[Array, " batch"],
    ) -> Float[Array, "batch units"]:
        """The net inputs after one neuron of each state has changed by ``change``."""
        return net + change[:, None] * self.weights.T[places]


def hopfield(units: int, unit: AbstractUnit | None = None) -> HopfieldNetwork:
    """An empty memory: no weights, no thresholds.

    >>> hopfield(3).weights.shape
    (3, 3)
    """
    return HopfieldNetwork(jnp.zeros((units, units)), jnp.zeros(units), Spin() if unit is None else unit)


def recoded(network: HopfieldNetwork) -> HopfieldNetwork:
    """The same network for the other pair of values: the same flips, energies up to a constant.

    With s = 2v - 1: W' = 4W and θ' = 2θ + 2W1 for 0 and 1; back, W = W'/4 and θ = θ'/2 - W'1/4.

    >>> both = recoded(HopfieldNetwork(jnp.asarray([[0.0, 1.0], [1.0, 0.0]]), jnp.zeros(2)))
    >>> both.weights.tolist(), both.thresholds.tolist()
    ([[0.0, 4.0], [4.0, 0.0]], [2.0, 2.0])
    """
    total = network.weights.sum(1)
    if isinstance(network.unit, Spin):
        return HopfieldNetwork(4 * network.weights, 2 * (network.thresholds + total), Bernoulli())
    return HopfieldNetwork(network.weights / 4, network.thresholds / 2 - total / 4, Spin())
