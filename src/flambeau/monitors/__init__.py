"""Monitors: what can be watched of a run. None of them can change it."""

from flambeau.monitors.curves import ErrorCurve, Mistakes, ValidationCurve
from flambeau.monitors.norms import UpdateNorms, WeightNorms
from flambeau.monitors.surface import DecisionSurface
from flambeau.training.moment import AbstractMonitor, Moment

__all__ = [
    "AbstractMonitor",
    "DecisionSurface",
    "ErrorCurve",
    "Mistakes",
    "Moment",
    "UpdateNorms",
    "ValidationCurve",
    "WeightNorms",
]
