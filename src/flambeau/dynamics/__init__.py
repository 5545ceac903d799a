"""How networks with feedback move: sampling, tempering, annealing. Pure functions over a network's verbs."""

from flambeau.dynamics.base import AbstractFeedback, AbstractLayered, AbstractMachine
from flambeau.dynamics.continuous_time import FLOWS, Flowed, Mapped, damped_map, flow
from flambeau.dynamics.gibbs import Clamp, alternate, ascend, descend, gibbs, sample_hidden, sample_visible, trajectory
from flambeau.dynamics.label_units import class_scores, complete
from flambeau.dynamics.mean_field import MeanField, mean_field
from flambeau.dynamics.samplers import AbstractSampler, Enumeration, FromData, Particles, Persistent
from flambeau.dynamics.settling import (
    AbstractUpdate,
    Asynchronous,
    BlockSequential,
    Glauber,
    Greedy,
    Settled,
    Synchronous,
    at_rest,
    settle,
)
from flambeau.dynamics.tempering import Ladder, Tempering, temper

__all__ = [
    "FLOWS", "AbstractFeedback", "AbstractLayered", "AbstractMachine", "AbstractSampler", "AbstractUpdate",
    "Asynchronous", "BlockSequential", "Clamp", "Enumeration", "Flowed", "FromData", "Glauber", "Greedy", "Ladder",
    "Mapped", "MeanField", "Particles", "Persistent", "Settled", "Synchronous", "Tempering", "alternate", "ascend",
    "at_rest", "class_scores", "complete", "damped_map", "descend", "flow", "gibbs", "mean_field", "sample_hidden",
    "sample_visible", "settle", "temper", "trajectory",
]  # fmt: skip
