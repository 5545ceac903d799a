"""scikit-learn faces of the networks: thin, validated in ``fit``, open to look into."""

from flambeau.estimators.class_rbm import ClassificationRBM
from flambeau.estimators.convnet import ConvNetClassifier
from flambeau.estimators.dbm import DBM
from flambeau.estimators.dbn import DBN
from flambeau.estimators.dbn_classifier import DBNClassifier
from flambeau.estimators.lenet import LeNetClassifier
from flambeau.estimators.mlp import MLPClassifier, MLPRegressor
from flambeau.estimators.perceptron import Perceptron
from flambeau.estimators.rbm import RBM
from flambeau.estimators.separability import Separation, separation

__all__ = [
    "DBM",
    "DBN",
    "RBM",
    "ClassificationRBM",
    "ConvNetClassifier",
    "DBNClassifier",
    "LeNetClassifier",
    "MLPClassifier",
    "MLPRegressor",
    "Perceptron",
    "Separation",
    "separation",
]
