r"""The dense associative memory: the Hopfield network with a steeper energy, which holds far more patterns.

    E(s) = -Σ_μ F(x_μ·s),      h_i = ½ [E(s_i = -1) - E(s_i = +1)],      s_i = sign(h_i), unchanged at h_i = 0

The patterns themselves are the weights, of a dense wiring from the neurons to one unit a pattern: upwards it gives the
overlaps m = X s, downwards what the patterns send back. A flip changes each overlap by ±2, so a visit costs as many
operations as there are patterns, and the energy falls by 2 |h_i| at every flip.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from flambeau.dynamics.asynchronous import chosen
from flambeau.dynamics.base import AbstractFeedback, Noise, Order, States
from flambeau.errors import ConfigurationError
from flambeau.foundation.memory import in_numpy
from flambeau.networks.dense_interactions import AbstractInteraction
from flambeau.neurons import AbstractUnit, Spin
from flambeau.neurons.levels import levels_of
from flambeau.structures.dense import Dense

EXACT = "highest"  # some accelerators round products to ten bits, and ties would no longer be ties


class DenseMemory(AbstractFeedback):
    """Patterns ``(patterns, units)`` of -1 and +1, and the interaction F; :func:`flambeau.dynamics.settle` runs it.

    >>> from flambeau.networks import Polynomial
    >>> x = jnp.asarray([[1.0, 1, 1, 1], [1, -1, 1, -1]])
    >>> memory = DenseMemory(x, Polynomial(3))
    >>> memory.energy(x).tolist(), memory.energy(-x).tolist()
    ([-4.0, -4.0], [4.0, 4.0])
    >>> memory.visit(jnp.asarray([[-1.0, 1, 1, 1]]), jnp.arange(4), None).tolist()
    [[1.0, 1.0, 1.0, 1.0]]

    *Limits.* Storage and time grow with the patterns, not only with the neurons. Source: Krotov and Hopfield 2016;
    Demircigil et al. 2017. Lecture: Hopfield Network, 联想记忆.
    """

    structure: Dense
    interaction: AbstractInteraction
    unit: AbstractUnit

    def __init__(self, patterns: Any, interaction: AbstractInteraction, unit: AbstractUnit | None = None) -> None:
        self.structure, self.interaction = Dense(in_numpy(patterns).T), interaction
        self.unit = Spin() if unit is None else unit

    def __check_init__(self) -> None:
        if self.levels != (-1.0, 1.0):
            expected, remedy = "Spin(), states of -1 and +1", "code patterns by np.where(bits > 0, 1, -1)"
            raise ConfigurationError("DenseMemory.unit", expected, type(self.unit).__name__, remedy)

    @property
    def levels(self) -> tuple[float, float]:
        return levels_of(self.unit)

    @property
    def patterns(self) -> Float[Array, "patterns units"]:
        """What is stored, in rows."""
        return self.structure.weights.T

    @property
    def units(self) -> int:
        return self.structure.weights.shape[0]

    def overlaps(self, states: Float[Array, "*batch units"]) -> Float[Array, "*batch patterns"]:
        """m = X s: N for a state that is the pattern, -N for its negative."""
        with jax.default_matmul_precision(EXACT):
            return self.structure.project(states)

    def energy(self, states: Float[Array, "*batch units"]) -> Float[Array, "*batch"]:
        """E = -Σ F(m), for the exponential -log Σ eᵐ."""
        return -self.interaction.total(self.overlaps(states), self.units)

    def net(self, states: Float[Array, "batch units"]) -> Float[Array, "batch units"]:
        """h of all neurons at states of -1 and +1; its sign says what each would choose, 0 that it would stay.

        An overlap without one neuron is m - 1 where that neuron agrees with the pattern and m + 1 where it does not, so
        two evaluations of F serve all neurons, and the rest is one product.
        """
        m, units = self.overlaps(states), self.units
        top = m.max(-1, keepdims=True)
        agree, differ = (self.interaction.influence(m + step, top, units) for step in (-1, 1))
        drive = self._sent(agree + differ) + states * (agree - differ).sum(-1, keepdims=True)
        agree, differ = jnp.abs(agree), jnp.abs(differ)
        weight = (agree + differ).sum(-1, keepdims=True) + states * self._sent(agree - differ)
        return self.interaction.net(drive / 2, weight / 2)

    def _sent(self, influence: Float[Array, "batch patterns"]) -> Float[Array, "batch units"]:
        with jax.default_matmul_precision(EXACT):
            return self.structure.backproject(influence)

    def visit(self, states: States, order: Order, noise: Noise, distinct: bool = True) -> States:
        """The neurons of ``order`` one after the other, each seeing the changes of those before it; -1 is nobody.

        ``noise`` is added to the net inputs (a temperature). ``distinct`` changes nothing here: a neuron may come
        twice.
        """
        columns, units = self.structure.weights, self.units

        def one(carry: tuple[Array, Array], given: tuple[Array, Any]) -> tuple[tuple[Array, Array], None]:
            (states, overlaps), (number, extra) = carry, given
            i = jnp.maximum(number, 0)
            own, old = columns[i], states[i]
            apart = overlaps - old[:, None] * own
            influence = self.interaction.influence(apart, overlaps.max(-1, keepdims=True), units)
            net = self.interaction.net((influence * own).sum(-1), jnp.abs(influence).sum(-1))
            new = chosen(net if extra is None else net + extra, old, self.levels)
            new = jnp.where(number < 0, old, new)
            return (states.at[i].set(new), overlaps + (new - old)[:, None] * own), None

        return jax.lax.scan(one, (states.T, self.overlaps(states)), (order, noise))[0][0].T

    def net_after(self, net: States, states: States, places: Int[Array, " batch"], change: Array) -> States:
        """The net inputs of ``states``, in which one neuron has changed: every pattern's influence is another now."""
        return self.net(states)
