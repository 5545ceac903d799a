"""What can be seen of one training step, and what it means to watch."""

import abc
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
from jaxtyping import Array, PyTree

from flambeau.errors import ConfigurationError

__all__ = ["AbstractMonitor", "Moment", "check_needs"]


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

    A monitor is a fixed description; its memory is explicit. ``needs`` names what it reads of the rule's info. Memory
    is updated at every step (compiled), and a record of fixed shape is written at the end of every round (epoch).
    """

    needs: ClassVar[tuple[str, ...]] = ()

    @property
    @abc.abstractmethod
    def name(self) -> str:
        """Under which its records stand in ``run.records``."""

    @abc.abstractmethod
    def init(self, network: PyTree) -> PyTree:
        """The memory before the first step."""

    @abc.abstractmethod
    def observe(self, memory: PyTree, moment: Moment) -> PyTree:
        """The memory after a step."""

    @abc.abstractmethod
    def record(self, memory: PyTree, network: PyTree) -> tuple[PyTree, dict[str, Array]]:
        """At the end of a round: the memory for the next one, and what is written down."""


def check_needs(name: str, needs: tuple[str, ...], info: dict[str, Any], rule: str) -> None:
    """Refuse, while compiling, whoever reads what the rule does not tell."""
    for wanted in needs:
        if wanted not in info:
            expected, got = f"a rule whose info has {wanted!r}", f"{rule}, which offers {', '.join(sorted(info))}"
            raise ConfigurationError(name, expected, got, "leave it out, or use another rule")
