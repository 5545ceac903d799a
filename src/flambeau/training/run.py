"""What training leaves behind, and what is carried from step to step."""

import dataclasses
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array, PyTree


class Progress(NamedTuple):
    """Everything that the next step needs: a run that is cut off and resumed from it goes on bit for bit.

    The network's arrays, the optimiser's state, the rule's, the problem's memory, the monitors' memories, the stopping
    criterion's state, what the keeper keeps, and the number of the step. (A run whose last step fell inside a round
    goes on with the next round.)
    """

    network: PyTree
    optimiser: PyTree
    rule: PyTree
    problem: PyTree
    memories: tuple[PyTree, ...]
    stopping: PyTree
    keeping: PyTree
    step: Array


@dataclasses.dataclass(frozen=True)
class Run:
    """What training leaves behind.

    ``network``, the one to keep; ``history``, name -> one value per round (epoch); ``records``, monitor -> name ->
    one record per round; ``rounds`` and ``steps`` done; ``stopped``, whether the stopping criterion ended it;
    ``seconds`` in all; ``configuration``, every setting and the seed, ready for JSON; ``progress``, to go on from;
    ``interrupted``, whether Ctrl-C or the time limit ended it; ``diverged``, whether it is one of a population that
    left the finite numbers (alone, that is an error).
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
    interrupted: bool = False
    diverged: bool = False

    @property
    def seed(self) -> list[int]:
        """The key's numbers."""
        return list(self.configuration["seed"])
