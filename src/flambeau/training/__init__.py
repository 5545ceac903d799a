"""Training: the one loop, what it needs and what it leaves behind."""

from flambeau.training.free_energy import FreeEnergyPatience
from flambeau.training.loop import Program, advance, begin, train
from flambeau.training.monitoring import AbstractMonitor, Moment
from flambeau.training.optimiser import OPTIMISERS, Optimiser, optimiser
from flambeau.training.run import Problem, Progress, Run
from flambeau.training.stopping import AbstractStopping, NoMistakes, Patience, RunAll

__all__ = [
    "OPTIMISERS",
    "AbstractMonitor",
    "AbstractStopping",
    "FreeEnergyPatience",
    "Moment",
    "NoMistakes",
    "Optimiser",
    "Patience",
    "Problem",
    "Program",
    "Progress",
    "Run",
    "RunAll",
    "advance",
    "begin",
    "optimiser",
    "train",
]
