"""Monitors: what can be watched of a run. None of them can change it."""

from flambeau.monitors.activity import HiddenActivity, always_on_units, dead_units
from flambeau.monitors.boltzmann import FreeEnergyGap, PseudoLikelihood, ReconstructionError
from flambeau.monitors.curves import ErrorCurve, Mistakes, ValidationCurve
from flambeau.monitors.diagnosis import diagnose, diagnose_gradients, gradient_flow
from flambeau.monitors.flow import GradientFlow, flow_numbers
from flambeau.monitors.histograms import UpdateHistogram, WeightHistogram
from flambeau.monitors.motion import FeatureMotion, features, learning_curves
from flambeau.monitors.norms import UpdateNorms, WeightNorms
from flambeau.monitors.particles import FantasyParticles, ReceptiveFields
from flambeau.monitors.rows import Row, rows_of
from flambeau.monitors.spectrum import JacobianSpectrum, jacobian_spectrum
from flambeau.monitors.surface import DecisionSurface
from flambeau.monitors.verdict import Finding, Verdict, judge
from flambeau.training.moment import AbstractMonitor, Moment

__all__ = [
    "AbstractMonitor",
    "DecisionSurface",
    "ErrorCurve",
    "FantasyParticles",
    "FeatureMotion",
    "Finding",
    "FreeEnergyGap",
    "GradientFlow",
    "HiddenActivity",
    "JacobianSpectrum",
    "Mistakes",
    "Moment",
    "PseudoLikelihood",
    "ReceptiveFields",
    "ReconstructionError",
    "Row",
    "UpdateHistogram",
    "UpdateNorms",
    "ValidationCurve",
    "Verdict",
    "WeightHistogram",
    "WeightNorms",
    "always_on_units",
    "dead_units",
    "diagnose",
    "diagnose_gradients",
    "features",
    "flow_numbers",
    "gradient_flow",
    "jacobian_spectrum",
    "judge",
    "learning_curves",
    "rows_of",
]
