"""Networks: structures and neurons put together; each reads like the table in its paper."""

from flambeau.networks.bound import log_likelihood_bound
from flambeau.networks.convnet import convnet
from flambeau.networks.counting import ParameterRow, ParameterTable, parameter_table
from flambeau.networks.dbn import DeepBeliefNetwork, Directed, dbn, generate, log_joint
from flambeau.networks.feedforward import FeedForward, mlp, perceptron
from flambeau.networks.inspection import FeatureMap, feature_maps, layer_names, saliency
from flambeau.networks.lenet import lenet
from flambeau.networks.rbm import RestrictedBoltzmannMachine, rbm
from flambeau.networks.receptive import ReceptiveField, effective_field, receptive_field

__all__ = [
    "DeepBeliefNetwork",
    "Directed",
    "FeatureMap",
    "FeedForward",
    "ParameterRow",
    "ParameterTable",
    "ReceptiveField",
    "RestrictedBoltzmannMachine",
    "convnet",
    "dbn",
    "effective_field",
    "feature_maps",
    "generate",
    "layer_names",
    "lenet",
    "log_joint",
    "log_likelihood_bound",
    "mlp",
    "parameter_table",
    "perceptron",
    "rbm",
    "receptive_field",
    "saliency",
]
