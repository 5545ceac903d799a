"""scikit-learn faces of the networks: thin, validated in ``fit``, open to look into."""

from flambeau.estimators.convnet import ConvNetClassifier
from flambeau.estimators.lenet import LeNetClassifier
from flambeau.estimators.mlp import MLPClassifier, MLPRegressor
from flambeau.estimators.perceptron import Perceptron
from flambeau.estimators.separability import Separation, separation

__all__ = [
    "ConvNetClassifier",
    "LeNetClassifier",
    "MLPClassifier",
    "MLPRegressor",
    "Perceptron",
    "Separation",
    "separation",
]
