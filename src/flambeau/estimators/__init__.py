"""scikit-learn faces of the networks: thin, validated in ``fit``, open to look into."""

from flambeau.analysis.separability import Separation, separation
from flambeau.estimators.class_rbm import ClassificationRBM
from flambeau.estimators.continuous_hopfield import ContinuousHopfield, Trajectory
from flambeau.estimators.convnet import ConvNetClassifier
from flambeau.estimators.dbm import DBM
from flambeau.estimators.dbn import DBN
from flambeau.estimators.dbn_classifier import DBNClassifier
from flambeau.estimators.dense_hopfield import DenseHopfield
from flambeau.estimators.hopfield import Hopfield
from flambeau.estimators.lenet import LeNetClassifier
from flambeau.estimators.memory_curves import MemoryCurve, basin_curve, capacity_curve
from flambeau.estimators.mlp import MLPClassifier, MLPRegressor
from flambeau.estimators.perceptron import Perceptron
from flambeau.estimators.rbm import RBM

__all__ = [
    "DBM",
    "DBN",
    "RBM",
    "ClassificationRBM",
    "ContinuousHopfield",
    "ConvNetClassifier",
    "DBNClassifier",
    "DenseHopfield",
    "Hopfield",
    "LeNetClassifier",
    "MLPClassifier",
    "MLPRegressor",
    "MemoryCurve",
    "Perceptron",
    "Separation",
    "Trajectory",
    "basin_curve",
    "capacity_curve",
    "separation",
]
