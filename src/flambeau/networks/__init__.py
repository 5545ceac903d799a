"""Networks: structures and neurons put together; each reads like the table in its paper."""

from flambeau.networks.bound import log_likelihood_bound
from flambeau.networks.convnet import convnet
from flambeau.networks.counting import ParameterRow, ParameterTable, parameter_table
from flambeau.networks.dbm import DeepBoltzmannMachine, dbm, mean_field_bound
from flambeau.networks.dbn import DeepBeliefNetwork, Directed, dbn, generate, log_joint
from flambeau.networks.enumeration import all_states, enumerable, exact_distribution, exact_log_partition, exact_samples
from flambeau.networks.feedforward import FeedForward, mlp, perceptron
from flambeau.networks.inspection import FeatureMap, feature_maps, layer_names, saliency
from flambeau.networks.lenet import lenet
from flambeau.networks.likelihood import (
    LikelihoodReport,
    LogPartition,
    likelihood_report,
    log_likelihood,
    log_partition,
)
from flambeau.networks.pseudo_likelihood import feature_pseudo_log_likelihood, pseudo_log_likelihood
from flambeau.networks.rbm import RestrictedBoltzmannMachine, rbm
from flambeau.networks.receptive import ReceptiveField, effective_field, receptive_field

__all__ = [
    "DeepBeliefNetwork",
    "DeepBoltzmannMachine",
    "Directed",
    "FeatureMap",
    "FeedForward",
    "LikelihoodReport",
    "LogPartition",
    "ParameterRow",
    "ParameterTable",
    "ReceptiveField",
    "RestrictedBoltzmannMachine",
    "all_states",
    "convnet",
    "dbm",
    "dbn",
    "effective_field",
    "enumerable",
    "exact_distribution",
    "exact_log_partition",
    "exact_samples",
    "feature_maps",
    "feature_pseudo_log_likelihood",
    "generate",
    "layer_names",
    "lenet",
    "likelihood_report",
    "log_joint",
    "log_likelihood",
    "log_likelihood_bound",
    "log_partition",
    "mean_field_bound",
    "mlp",
    "parameter_table",
    "perceptron",
    "pseudo_log_likelihood",
    "rbm",
    "receptive_field",
    "saliency",
]
