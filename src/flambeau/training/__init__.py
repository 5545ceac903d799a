"""Training: the one loop, what it needs and what it leaves behind."""

from flambeau.problems.base import AbstractProblem as Problem  # its old name
from flambeau.training.keeping import AbstractKeeper, Average, Best, Last, Pocket, Votes, voted_output
from flambeau.training.monitoring import AbstractMonitor, Moment
from flambeau.training.optimiser import OPTIMISERS, Optimiser, optimiser
from flambeau.training.rounds import advance
from flambeau.training.run import Progress, Run
from flambeau.training.step import Program, begin
from flambeau.training.stopping import AbstractStopping, Beyond, Judgement, NoMistakes, Patience, RunAll
from flambeau.training.train import parts, train

__all__ = [
    "OPTIMISERS",
    "AbstractKeeper",
    "AbstractMonitor",
    "AbstractStopping",
    "Average",
    "Best",
    "Beyond",
    "Judgement",
    "Last",
    "Moment",
    "NoMistakes",
    "Optimiser",
    "Patience",
    "Pocket",
    "Problem",
    "Program",
    "Progress",
    "Run",
    "RunAll",
    "Votes",
    "advance",
    "begin",
    "optimiser",
    "parts",
    "train",
    "voted_output",
]
