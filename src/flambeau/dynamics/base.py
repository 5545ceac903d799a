"""What the dynamics ask of a network, by name: one that feeds back into itself, and one with two sides.

A network that is to settle or to be sampled subclasses one of these; nothing in the package looks for methods by
``hasattr``. Lecture: 带有反馈 (networks with feedback).
"""

import abc
from collections.abc import Sequence

import equinox as eqx
from jaxtyping import Array, Float, Int

from flambeau.neurons.units import AbstractUnit
from flambeau.structures.base import AbstractStructure

States = Float[Array, "batch units"]
Order = Int[Array, " visits"]
Noise = Float[Array, "visits batch"] | None
Levels = tuple[float, float]


class AbstractFeedback(eqx.Module):
    """Neurons of two values, every one of which may hear all others; what settling asks of them."""

    @property
    @abc.abstractmethod
    def levels(self) -> tuple[float, float]:
        """The two values of a neuron, the lower one first: -1 and +1, or 0 and 1."""

    @property
    @abc.abstractmethod
    def units(self) -> int:
        """How many neurons there are."""

    @abc.abstractmethod
    def net(self, states: Float[Array, "*batch units"]) -> Float[Array, "*batch units"]:
        """Net inputs: the sign says what each neuron would choose, 0 that it would stay."""

    @abc.abstractmethod
    def energy(self, states: Float[Array, "*batch units"]) -> Float[Array, "*batch"]:
        """What a neuron that changes by Δs lowers by Δs times its net input."""

    @abc.abstractmethod
    def visit(self, states: States, order: Order, noise: Noise, distinct: bool = True) -> States:
        """The neurons of ``order`` one after the other, each seeing the changes of those before it; -1 is nobody.

        ``noise`` is added to the net inputs (a temperature). ``distinct`` promises that no neuron stands twice.
        """

    @abc.abstractmethod
    def net_after(self, net: States, states: States, places: Int[Array, " batch"], change: Array) -> States:
        """The net inputs of ``states``, in which the neurons ``places`` have just changed by ``change``."""


class AbstractMachine(eqx.Module):
    """Two sides of stochastic units, independent within a side once the other is known: what sampling asks of them.

    The last ``label`` visible columns are a label, one-hot, or all 0 where a row has none; 0 columns are no label.
    """

    structure: eqx.AbstractVar[AbstractStructure]
    visible_bias: eqx.AbstractVar[Float[Array, " visible"]]
    hidden_bias: eqx.AbstractVar[Float[Array, " hidden"]]
    visible: eqx.AbstractVar[AbstractUnit]
    hidden: eqx.AbstractVar[AbstractUnit]
    label: eqx.AbstractVar[int]

    @abc.abstractmethod
    def hidden_net(self, v: Float[Array, "*batch visible"]) -> Float[Array, "*batch hidden"]:
        """What the hidden units receive."""

    @abc.abstractmethod
    def visible_net(self, h: Float[Array, "*batch hidden"]) -> Float[Array, "*batch visible"]:
        """What the visible units receive."""

    @abc.abstractmethod
    def free_energy(self, v: Float[Array, "*batch visible"]) -> Float[Array, "*batch"]:
        """-log Σ_h e^{-energy(v, h)}."""

    @abc.abstractmethod
    def hidden_free_energy(self, h: Float[Array, "*batch hidden"]) -> Float[Array, "*batch"]:
        """-log Σ_v e^{-energy(v, h)}."""


class AbstractLayered(eqx.Module):
    """Layers of stochastic units, each wired both ways to its neighbours: what mean field and deep learning ask."""

    structures: eqx.AbstractVar[tuple[AbstractStructure, ...]]
    biases: eqx.AbstractVar[tuple[Float[Array, "..."], ...]]
    units: eqx.AbstractVar[tuple[AbstractUnit, ...]]

    @abc.abstractmethod
    def net(self, layers: Sequence[Array], place: int) -> Float[Array, "*batch units"]:
        """What the units of layer ``place`` receive from their neighbours."""

    @abc.abstractmethod
    def energy(self, layers: Sequence[Array]) -> Float[Array, "*batch"]:
        """The energy of a joint state, all layers given."""

    @abc.abstractmethod
    def given(self, v: Float[Array, "*batch visible"]) -> "AbstractLayered":
        """The layers above the first, that one known."""

    @abc.abstractmethod
    def sides(self, visible: int = 0) -> AbstractMachine:
        """The same distribution as a machine of two sides: the layers of parity ``visible`` against the others."""

    @abc.abstractmethod
    def layers(self, even: Float[Array, "*batch even"], odd: Float[Array, "*batch odd"]) -> tuple[Array, ...]:
        """All layers in order, from the two sides."""
