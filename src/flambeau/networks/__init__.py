"""Networks: structures and neurons put together; each reads like the table in its paper."""

from flambeau.networks.convnet import convnet
from flambeau.networks.counting import ParameterRow, ParameterTable, parameter_table
from flambeau.networks.feedforward import FeedForward, mlp, perceptron
from flambeau.networks.inspection import FeatureMap, feature_maps, layer_names, saliency
from flambeau.networks.lenet import lenet
from flambeau.networks.receptive import ReceptiveField, effective_field, receptive_field

__all__ = [
    "FeatureMap",
    "FeedForward",
    "ParameterRow",
    "ParameterTable",
    "ReceptiveField",
    "convnet",
    "effective_field",
    "feature_maps",
    "layer_names",
    "lenet",
    "mlp",
    "parameter_table",
    "perceptron",
    "receptive_field",
    "saliency",
]
