"""What training leaves behind, and what is carried from step to step."""

import dataclasses
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Array, Int, PyTree

__all__ = ["Problem", "Progress", "Run"]


@runtime_checkable
class Problem(Protocol):
    """Where examples come from: a data set, a task distribution, an energy to minimise, an environment."""

    def orders(
        self, seed: np.ndarray, first: int, count: int, batch_size: int
    ) -> Int[np.ndarray, "rounds steps batch"]:
        """Row numbers of rounds ``first`` to ``first + count``, -1 for padding.

        A round's order depends on the seed and its number alone, so that a run does not depend on how it was cut.
        """

    def batch(self, rows: Int[Array, " batch"], key: Array) -> Any:
        """What the rule learns from at one step (compiled; a generated problem draws with the key)."""


class Progress(NamedTuple):
    """Everything that the next step needs: a run that is cut off and resumed from it goes on bit for bit.

    (A run whose last step fell inside a round goes on with the next round.)
    """

    network: PyTree
    optimiser: PyTree
    rule: PyTree
    memories: tuple[PyTree, ...]
    stopping: PyTree
    step: Array


@dataclasses.dataclass(frozen=True)
class Run:
    """What training leaves behind.

    ``network``, the one to keep; ``history``, name -> one value per round (epoch); ``records``, monitor -> name ->
    one record per round; ``rounds`` and ``steps`` done; ``stopped``, whether the stopping criterion ended it;
    ``seconds`` in all; ``configuration``, every setting and the seed, ready for JSON; ``progress``, to go on from.
    """

    network: PyTree
    history: dict[str, np.ndarray]
    records: dict[str, dict[str, np.ndarray]]
    rounds: int
    steps: int
    stopped: bool
    seconds: float
    configuration: dict[str, Any]
    progress: Progress = dataclasses.field(repr=False)

    @property
    def seed(self) -> list[int]:
        """The key's numbers."""
        return list(self.configuration["seed"])
