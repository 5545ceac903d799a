"""Training stage after stage: each learns from what the one before makes of the data, which is worked out once.

So deep networks are built greedily: a machine on the data, the next one on its codes, and so on. A stage is told what
came before and says what it trains; which kind of network it is, nobody asks.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array, PyTree

from flambeau.foundation.rows import by_rows
from flambeau.problems.base import AbstractProblem
from flambeau.rules.base import AbstractRule
from flambeau.training.monitoring import AbstractMonitor
from flambeau.training.optimizer import Optimizer
from flambeau.training.run import Run
from flambeau.training.train import train

__all__ = ["Stage", "run_stage", "stagewise"]


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


def run_stage(stage: Stage, *, verbose: bool = False) -> Run:
    """Train one stage."""
    named: dict[str, Any] = stage._asdict()
    network, rule, problem = (named.pop(name) for name in ("network", "rule", "problem"))
    if named["trainable"] is None:
        del named["trainable"]
    return train(network, rule, problem, verbose=verbose, **named)


def stagewise(
    data: np.ndarray,
    stages: Sequence[Callable[[np.ndarray, Sequence[Run]], Stage]],
    encode: Callable[[PyTree, Array], Array],
    *,
    verbose: bool = False,
) -> list[Run]:
    """The runs of all stages in order; ``stages`` are given the codes to learn and the runs before.

    Arguments: ``data`` ``(n, ...)``, the first stage's codes; ``encode(network, rows)``, a function of a module, gives
    the next ones. After an interrupted stage the others get one epoch each, so that the stack is whole.
    """
    codes, runs = data, list[Run]()
    for number, stage in enumerate(stages):
        given = stage(codes, runs)
        if any(run.interrupted for run in runs):
            given = given._replace(epochs=1)
        runs.append(run_stage(given, verbose=verbose))
        if number < len(stages) - 1:
            codes = by_rows(encode, runs[-1].network, codes)
    return runs
