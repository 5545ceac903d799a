"""Training: the one loop, what it needs and what it leaves behind."""

from typing import TypeAlias

from flambeau.training.keeping import AbstractKeeper, Average, Best, Last, Pocket, Votes, voted_output
from flambeau.training.monitoring import AbstractMonitor, AbstractRoundMonitor, Moment
from flambeau.training.optimizer import OPTIMIZERS, Optimizer, optimizer
from flambeau.training.population import population
from flambeau.training.rounds import advance
from flambeau.training.run import Progress, Run
from flambeau.training.schedules import SCHEDULES, AbstractSchedule, Constant, Cosine, Linear, Plateau, StepDecay
from flambeau.training.step import Keys, Program, begin, keys_of, start_words
from flambeau.training.stopping import AbstractStopping, Beyond, Judgement, NoMistakes, Patience, RunAll
from flambeau.training.train import parts, train

# Their old names, for one release.
OPTIMISERS, optimiser = OPTIMIZERS, optimizer
Optimiser: TypeAlias = Optimizer

__all__ = [
    "OPTIMISERS",
    "OPTIMIZERS",
    "SCHEDULES",
    "AbstractKeeper",
    "AbstractMonitor",
    "AbstractRoundMonitor",
    "AbstractSchedule",
    "AbstractStopping",
    "Average",
    "Best",
    "Beyond",
    "Constant",
    "Cosine",
    "Judgement",
    "Keys",
    "Last",
    "Linear",
    "Moment",
    "NoMistakes",
    "Optimiser",
    "Optimizer",
    "Patience",
    "Plateau",
    "Pocket",
    "Program",
    "Progress",
    "Run",
    "RunAll",
    "StepDecay",
    "Votes",
    "advance",
    "begin",
    "keys_of",
    "optimiser",
    "optimizer",
    "parts",
    "population",
    "start_words",
    "train",
    "voted_output",
]
