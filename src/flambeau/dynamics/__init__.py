"""How networks with feedback move: sampling, tempering, annealing. Pure functions over a network's verbs."""

from flambeau.dynamics.chains import AbstractSampler, Enumeration, FromData, Particles, Persistent
from flambeau.dynamics.classes import class_scores, complete
from flambeau.dynamics.gibbs import Clamp, alternate, gibbs, sample_hidden, sample_visible, trajectory
from flambeau.dynamics.passes import ascend, descend
from flambeau.dynamics.tempering import Ladder, Tempering, temper

__all__ = [
    "AbstractSampler",
    "Clamp",
    "Enumeration",
    "FromData",
    "Ladder",
    "Particles",
    "Persistent",
    "Tempering",
    "alternate",
    "ascend",
    "class_scores",
    "complete",
    "descend",
    "gibbs",
    "sample_hidden",
    "sample_visible",
    "temper",
    "trajectory",
]
