"""Monitors: what can be watched of a run. None of them can change it."""

from flambeau.monitors.activity import HiddenActivity, always_on_units, dead_units
from flambeau.monitors.boltzmann import FreeEnergyGap, PseudoLikelihood, ReconstructionError
from flambeau.monitors.curves import ErrorCurve, Mistakes, ValidationCurve
from flambeau.monitors.decision_surface import DecisionSurface
from flambeau.monitors.feature_motion import FeatureMotion, features, learning_curves
from flambeau.monitors.gradient_flow import GradientFlow, JacobianSpectrum
from flambeau.monitors.particles import FantasyParticles, ReceptiveFields
from flambeau.monitors.weights import UpdateHistogram, UpdateNorms, WeightHistogram, WeightNorms
from flambeau.training.monitoring import AbstractMonitor, AbstractRoundMonitor, Moment

__all__ = [
    "AbstractMonitor", "AbstractRoundMonitor", "DecisionSurface", "ErrorCurve", "FantasyParticles", "FeatureMotion",
    "FreeEnergyGap", "GradientFlow", "HiddenActivity", "JacobianSpectrum", "Mistakes", "Moment", "PseudoLikelihood",
    "ReceptiveFields", "ReconstructionError", "UpdateHistogram", "UpdateNorms", "ValidationCurve", "WeightHistogram",
    "WeightNorms", "always_on_units", "dead_units", "features", "learning_curves",
]  # fmt: skip
