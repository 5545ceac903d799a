"""Training stage after stage: each learns from what the one before makes of the data, which is worked out once.

So deep networks are built greedily: a machine on the data, the next one on its codes, and so on. A stage is told what
came before and says what it trains; which kind of network it is, nobody asks.
"""

import itertools
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array, PyTree

from flambeau.errors import check_value
from flambeau.foundation.rows import by_rows
from flambeau.problems.base import AbstractProblem
from flambeau.rules.base import AbstractRule
from flambeau.training.monitoring import AbstractMonitor
from flambeau.training.optimizer import Optimizer
from flambeau.training.run import Run
from flambeau.training.train import train


class Stage(NamedTuple):
    """What :func:`flambeau.train` is asked for in one stage; ``trainable`` is a filter, None for every number."""

    network: PyTree
    rule: AbstractRule
    problem: AbstractProblem
    optimizer: Optimizer
    epochs: int
    batch_size: int
    key: Array
    monitors: tuple[AbstractMonitor, ...] = ()
    trainable: PyTree | None = None


class Staged:
    """Trains stages one after the other: a checkpoint for each, one limit of time and one list of runs for all.

    ``monitors`` watch the first stage. ``checkpoint`` is the first stage's file; the others' lie beside it with their
    numbers (``file.stage2``). ``resume`` is such a file: stages that have one go on from it; for one that was over,
    nothing is left to do. After an interrupted stage the others get one epoch each, so that the stack is whole, and
    leave no checkpoint.
    """

    def __init__(
        self,
        verbose: bool = False,
        monitors: Sequence[AbstractMonitor] = (),
        checkpoint: str | Path | None = None,
        resume: str | Path | None = None,
        time_limit: Any = None,
    ) -> None:
        self.verbose, self.monitors, self.time_limit = verbose, tuple(monitors), time_limit
        self.checkpoint, self.resume = checkpoint, resume
        self.runs, self.begun, self.stopped = list[Run](), time.perf_counter(), False
        if time_limit is not None:
            check_value("train.time_limit", time_limit, 0)
        if checkpoint is not None and (resume is None or Path(resume).resolve() != Path(checkpoint).resolve()):
            for file in stage_files(checkpoint)[1:]:
                file.unlink()  # of another training: a later resume would take them for this one's

    @property
    def interrupted(self) -> bool:
        """Whether a stage was ended by Ctrl-C or the limit of time."""
        return self.stopped or any(run.interrupted for run in self.runs)

    def run(self, stage: Stage) -> Run:
        """Train the next stage; a Ctrl-C before its first chunk costs it all but one epoch, not the stages before."""
        try:
            return self._run(stage)
        except KeyboardInterrupt:
            if not self.runs or self.stopped:
                raise
            self.stopped = True
            return self._run(stage)

    def _run(self, stage: Stage) -> Run:
        """One stage, as far as there is time."""
        named: dict[str, Any] = (stage._replace(epochs=1) if self.interrupted else stage)._asdict()
        network, rule, problem = (named.pop(name) for name in ("network", "rule", "problem"))
        if named["trainable"] is None:
            del named["trainable"]
        if not self.runs:
            named["monitors"] = (*named["monitors"], *self.monitors)
        self.runs.append(train(network, rule, problem, verbose=self.verbose, **named, **self._how()))
        return self.runs[-1]

    def _how(self) -> dict[str, Any]:
        """Where the next stage's checkpoints are, and how long it may take."""
        how: dict[str, Any] = {}
        if self.interrupted:
            return how
        number = len(self.runs) + 1
        if self.checkpoint is not None:
            how["checkpoint"] = str(stage_file(self.checkpoint, number))
        if self.resume is not None and (number == 1 or stage_file(self.resume, number).exists()):
            how["resume"] = str(stage_file(self.resume, number))
        if self.time_limit is not None:
            how["time_limit"] = max(self.time_limit - (time.perf_counter() - self.begun), 0)
        return how


def stage_file(checkpoint: str | Path, number: int) -> Path:
    """The checkpoint of a stage, counted from 1."""
    return Path(checkpoint) if number == 1 else Path(f"{checkpoint}.stage{number}")


def stage_files(checkpoint: str | Path) -> list[Path]:
    """The first stage's checkpoint, and those beside it that are there."""
    there = itertools.takewhile(Path.exists, (stage_file(checkpoint, number) for number in itertools.count(2)))
    return [Path(checkpoint), *there]


def stagewise(
    data: np.ndarray,
    stages: Sequence[Callable[[np.ndarray, Sequence[Run]], Stage]],
    encode: Callable[[PyTree, Array], Array],
    staged: Staged | None = None,
) -> list[Run]:
    """The runs of all stages in order; ``stages`` are given the codes to learn and the runs before.

    Arguments: ``data`` ``(n, ...)``, the first stage's codes; ``encode(network, rows)``, a function of a module, gives
    the next ones; ``staged`` says how stages are run.
    """
    staged, codes, runs = staged or Staged(), data, list[Run]()
    for number, stage in enumerate(stages):
        runs.append(staged.run(stage(codes, runs)))
        if number < len(stages) - 1:
            codes = by_rows(encode, runs[-1].network, codes)
    return runs
