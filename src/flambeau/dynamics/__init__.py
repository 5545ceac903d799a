"""How networks with feedback move: sampling, tempering, annealing. Pure functions over a network's verbs."""

from flambeau.dynamics.annealing import anneal, annealing_temperatures, bennett
from flambeau.dynamics.chains import AbstractSampler, Enumeration, FromData, Particles, Persistent
from flambeau.dynamics.classes import class_scores, complete
from flambeau.dynamics.flow import FLOWS, Flowed, Mapped, damped_map, flow
from flambeau.dynamics.gibbs import Clamp, alternate, gibbs, sample_hidden, sample_visible, trajectory
from flambeau.dynamics.mean_field import MeanField, mean_field
from flambeau.dynamics.mixing import (
    Quality,
    autocorrelation,
    autocorrelation_time,
    effective_sample_size,
    geweke,
    quality_against_steps,
)
from flambeau.dynamics.passes import ascend, descend
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
    "FLOWS",
    "AbstractSampler",
    "AbstractUpdate",
    "Asynchronous",
    "BlockSequential",
    "Clamp",
    "Enumeration",
    "Flowed",
    "FromData",
    "Glauber",
    "Greedy",
    "Ladder",
    "Mapped",
    "MeanField",
    "Particles",
    "Persistent",
    "Quality",
    "Settled",
    "Synchronous",
    "Tempering",
    "alternate",
    "anneal",
    "annealing_temperatures",
    "ascend",
    "at_rest",
    "autocorrelation",
    "autocorrelation_time",
    "bennett",
    "class_scores",
    "complete",
    "damped_map",
    "descend",
    "effective_sample_size",
    "flow",
    "geweke",
    "gibbs",
    "mean_field",
    "quality_against_steps",
    "sample_hidden",
    "sample_visible",
    "settle",
    "temper",
    "trajectory",
]
