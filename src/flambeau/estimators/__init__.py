"""scikit-learn faces of the networks: thin, validated in ``fit``, open to look into.

**A new estimator is registered by its one line here.** ``ESTIMATORS`` is made of these lines, and from it come the
package's own names (``fb.RBM``), what may stand in a model file, the models of the command line, and the table of the
tests.
"""

from sklearn.base import BaseEstimator

from flambeau.analysis.separability import Separation as Separation
from flambeau.analysis.separability import separation as separation
from flambeau.estimators.class_rbm import ClassificationRBM as ClassificationRBM
from flambeau.estimators.continuous_hopfield import ContinuousHopfield as ContinuousHopfield
from flambeau.estimators.continuous_hopfield import Trajectory as Trajectory
from flambeau.estimators.convnet import ConvNetClassifier as ConvNetClassifier
from flambeau.estimators.convnet import LeNetClassifier as LeNetClassifier
from flambeau.estimators.dbm import DBM as DBM
from flambeau.estimators.dbn import DBN as DBN
from flambeau.estimators.dbn_classifier import DBNClassifier as DBNClassifier
from flambeau.estimators.dense_hopfield import DenseHopfield as DenseHopfield
from flambeau.estimators.hopfield import Hopfield as Hopfield
from flambeau.estimators.memory_curves import MemoryCurve as MemoryCurve
from flambeau.estimators.memory_curves import basin_curve as basin_curve
from flambeau.estimators.memory_curves import capacity_curve as capacity_curve
from flambeau.estimators.mlp import MLPClassifier as MLPClassifier
from flambeau.estimators.mlp import MLPRegressor as MLPRegressor
from flambeau.estimators.perceptron import Perceptron as Perceptron
from flambeau.estimators.rbm import RBM as RBM

ESTIMATORS: dict[str, type[BaseEstimator]] = {
    name: thing
    for name, thing in sorted(globals().items())
    if isinstance(thing, type) and issubclass(thing, BaseEstimator) and thing is not BaseEstimator
}
EXTRAS = ("MemoryCurve", "Separation", "Trajectory", "basin_curve", "capacity_curve", "separation")

__all__ = sorted([*ESTIMATORS, *EXTRAS])
