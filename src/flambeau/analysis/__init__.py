"""Analysis: what can be asked of a network, a chain or a run afterwards. Pure functions; nothing here learns."""

from flambeau.analysis.annealed_importance import anneal, annealing_temperatures, bennett
from flambeau.analysis.attractors import Landscape, attractor_kinds, energy_plane, landscape, overlap
from flambeau.analysis.diagnosis import diagnose, diagnose_gradients, gradient_flow
from flambeau.analysis.enumeration import all_states, enumerable, exact_distribution, exact_log_partition, exact_samples
from flambeau.analysis.feature_maps import FeatureMap, feature_maps, layer_names, saliency
from flambeau.analysis.free_energy import HeldOut, free_energy_excess, free_energy_gap
from flambeau.analysis.gradient_numbers import flow_numbers
from flambeau.analysis.jacobian_spectrum import jacobian_spectrum
from flambeau.analysis.learning_layers import Row, rows_of
from flambeau.analysis.likelihood_bound import log_likelihood_bound
from flambeau.analysis.log_partition import (
    LikelihoodReport,
    LogPartition,
    likelihood_report,
    log_likelihood,
    log_partition,
)
from flambeau.analysis.memory_theory import absolute_capacity, bit_error, critical_point, replica_overlap
from flambeau.analysis.mixing import (
    Quality,
    autocorrelation,
    autocorrelation_time,
    effective_sample_size,
    geweke,
    quality_against_steps,
)
from flambeau.analysis.parameter_table import ParameterRow, ParameterTable, parameter_table
from flambeau.analysis.pseudo_likelihood import feature_pseudo_log_likelihood, pseudo_log_likelihood
from flambeau.analysis.receptive_fields import ReceptiveField, effective_field, receptive_field
from flambeau.analysis.separability import Separation, separation
from flambeau.analysis.verdict import Finding, Verdict, judge
from flambeau.analysis.weight_fields import layer_kernels, weight_fields

__all__ = [
    "FeatureMap", "Finding", "HeldOut", "Landscape", "LikelihoodReport", "LogPartition", "ParameterRow",
    "ParameterTable", "Quality", "ReceptiveField", "Row", "Separation", "Verdict", "absolute_capacity", "all_states",
    "anneal", "annealing_temperatures", "attractor_kinds", "autocorrelation", "autocorrelation_time", "bennett",
    "bit_error", "critical_point", "diagnose", "diagnose_gradients", "effective_field", "effective_sample_size",
    "energy_plane", "enumerable", "exact_distribution", "exact_log_partition", "exact_samples", "feature_maps",
    "feature_pseudo_log_likelihood", "flow_numbers", "free_energy_excess", "free_energy_gap", "geweke", "gradient_flow",
    "jacobian_spectrum", "judge", "landscape", "layer_kernels", "layer_names", "likelihood_report", "log_likelihood",
    "log_likelihood_bound", "log_partition", "overlap", "parameter_table", "pseudo_log_likelihood",
    "quality_against_steps", "receptive_field", "replica_overlap", "rows_of", "saliency", "separation", "weight_fields",
]  # fmt: skip
