"""Networks: structures and neurons put together; each reads like the table in its paper."""

from flambeau.networks.attractors import Landscape, attractor_kinds, energy_plane, landscape, overlap
from flambeau.networks.bound import log_likelihood_bound
from flambeau.networks.capacity import absolute_capacity, bit_error, critical_point, replica_overlap
from flambeau.networks.convnet import convnet
from flambeau.networks.counting import ParameterRow, ParameterTable, parameter_table
from flambeau.networks.dbm import DeepBoltzmannMachine, dbm, mean_field_bound
from flambeau.networks.dbn import DeepBeliefNetwork, Directed, dbn, generate, log_joint
from flambeau.networks.dense_memory import DenseMemory
from flambeau.networks.enumeration import all_states, enumerable, exact_distribution, exact_log_partition, exact_samples
from flambeau.networks.feedforward import FeedForward, mlp, perceptron
from flambeau.networks.graded_hopfield import GradedHopfield, graded_hopfield
from flambeau.networks.hetero import BidirectionalNetwork, SequenceNetwork, bidirectional_memory, sequence_memory
from flambeau.networks.hopfield import HopfieldNetwork, hopfield, recoded
from flambeau.networks.hopfield_attention import HopfieldAttention, hopfield_attention
from flambeau.networks.inspection import FeatureMap, feature_maps, layer_names, saliency
from flambeau.networks.interactions import AbstractInteraction, Exponential, Polynomial, dense_capacity
from flambeau.networks.lenet import lenet
from flambeau.networks.likelihood import (
    LikelihoodReport,
    LogPartition,
    likelihood_report,
    log_likelihood,
    log_partition,
)
from flambeau.networks.modern_memory import ModernMemory, one_step_bound, pattern_separation
from flambeau.networks.pseudo_likelihood import feature_pseudo_log_likelihood, pseudo_log_likelihood
from flambeau.networks.rbm import RestrictedBoltzmannMachine, rbm
from flambeau.networks.receptive import ReceptiveField, effective_field, receptive_field
from flambeau.networks.separations import (
    AbstractSeparation,
    SoftmaxSeparation,
    SparsemaxSeparation,
    TopSeparation,
    separation_of,
)

__all__ = [
    "AbstractInteraction",
    "AbstractSeparation",
    "BidirectionalNetwork",
    "DeepBeliefNetwork",
    "DeepBoltzmannMachine",
    "DenseMemory",
    "Directed",
    "Exponential",
    "FeatureMap",
    "FeedForward",
    "GradedHopfield",
    "HopfieldAttention",
    "HopfieldNetwork",
    "Landscape",
    "LikelihoodReport",
    "LogPartition",
    "ModernMemory",
    "ParameterRow",
    "ParameterTable",
    "Polynomial",
    "ReceptiveField",
    "RestrictedBoltzmannMachine",
    "SequenceNetwork",
    "SoftmaxSeparation",
    "SparsemaxSeparation",
    "TopSeparation",
    "absolute_capacity",
    "all_states",
    "attractor_kinds",
    "bidirectional_memory",
    "bit_error",
    "convnet",
    "critical_point",
    "dbm",
    "dbn",
    "dense_capacity",
    "effective_field",
    "energy_plane",
    "enumerable",
    "exact_distribution",
    "exact_log_partition",
    "exact_samples",
    "feature_maps",
    "feature_pseudo_log_likelihood",
    "generate",
    "graded_hopfield",
    "hopfield",
    "hopfield_attention",
    "landscape",
    "layer_names",
    "lenet",
    "likelihood_report",
    "log_joint",
    "log_likelihood",
    "log_likelihood_bound",
    "log_partition",
    "mean_field_bound",
    "mlp",
    "one_step_bound",
    "overlap",
    "parameter_table",
    "pattern_separation",
    "perceptron",
    "pseudo_log_likelihood",
    "rbm",
    "receptive_field",
    "recoded",
    "replica_overlap",
    "saliency",
    "separation_of",
    "sequence_memory",
]
