"""What can be seen of one training step, and what it means to watch."""

import abc
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
from jaxtyping import Array, PyTree

from flambeau.errors import ConfigurationError


class Moment(NamedTuple):
    """One step, as monitors, keepers and stopping criteria see it.

    ``network`` before the step, the rule's ``proposal``, the optimiser's ``update``, the rule's ``info``, the ``batch``
    and the number of the ``step``. What nobody reads is dropped from the compiled program.
    """

    step: Array
    batch: Any
    network: PyTree
    proposal: PyTree
    update: PyTree
    info: dict[str, Any]


class AbstractMonitor(eqx.Module):
    """Watches a run and cannot change it.

    A monitor is a fixed description; its memory is explicit. Its records stand in ``run.records`` under its ``name``;
    ``needs`` names what it reads of the rule's info. Memory is updated at every step (compiled), and a record of fixed
    shape is written at the end of every round (epoch).
    """

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()

    @abc.abstractmethod
    def init(self, network: PyTree) -> PyTree:
        """The memory before the first step."""

    @abc.abstractmethod
    def observe(self, memory: PyTree, moment: Moment) -> PyTree:
        """The memory after a step."""

    @abc.abstractmethod
    def record(self, memory: PyTree, network: PyTree) -> tuple[PyTree, dict[str, Array]]:
        """At the end of a round: the memory for the next one, and what is written down."""


class AbstractRoundMonitor(AbstractMonitor):
    """Looks at the network at the end of every round, and at nothing else."""

    def init(self, network: PyTree) -> PyTree:
        """No memory."""
        return ()

    def observe(self, memory: PyTree, moment: Moment) -> PyTree:
        """Steps do not matter."""
        return memory

    def record(self, memory: PyTree, network: PyTree) -> tuple[PyTree, dict[str, Array]]:
        """What is seen."""
        return memory, self.look(network)

    @abc.abstractmethod
    def look(self, network: PyTree) -> dict[str, Array]:
        """What is written down of a network, in arrays of fixed shape."""


def check_needs(name: str, needs: tuple[str, ...], info: dict[str, Any], rule: str) -> None:
    """Refuse, while compiling, whoever reads what the rule does not tell."""
    for wanted in needs:
        if wanted not in info:
            expected, got = f"a rule whose info has {wanted!r}", f"{rule}, which offers {', '.join(sorted(info))}"
            raise ConfigurationError(name, expected, got, "leave it out, or use another rule")
