"""Monitors: what can be watched of a run. None of them can change it."""

from flambeau.monitors.boltzmann import (
    FantasyParticles,
    FreeEnergyGap,
    HiddenActivity,
    PseudoLikelihood,
    ReceptiveFields,
    ReconstructionError,
    always_on_units,
    dead_units,
)
from flambeau.monitors.curves import DecisionSurface, ErrorCurve, Mistakes, ValidationCurve
from flambeau.monitors.feature_motion import FeatureMotion, features, learning_curves
from flambeau.monitors.gradient_flow import GradientFlow, JacobianSpectrum
from flambeau.monitors.weights import UpdateHistogram, UpdateNorms, WeightHistogram, WeightNorms
from flambeau.training.monitoring import AbstractMonitor, AbstractRoundMonitor, Moment

__all__ = [
    "AbstractMonitor", "AbstractRoundMonitor", "DecisionSurface", "ErrorCurve", "FantasyParticles", "FeatureMotion",
    "FreeEnergyGap", "GradientFlow", "HiddenActivity", "JacobianSpectrum", "Mistakes", "Moment", "PseudoLikelihood",
    "ReceptiveFields", "ReconstructionError", "UpdateHistogram", "UpdateNorms", "ValidationCurve", "WeightHistogram",
    "WeightNorms", "always_on_units", "dead_units", "features", "learning_curves",
]  # fmt: skip
