"""Flambeau: every network of the lecture, at its paper's figures, fast, and open to look at.

>>> import flambeau as fb
>>> digits = fb.problems.load("digits")
>>> model = fb.MLPClassifier((32,), random_state=0).fit(digits.data[:1000], digits.target[:1000])
>>> bool(model.score(digits.data[1000:], digits.target[1000:]) > 0.85)
True

The estimators and the report are imported when they are first asked for: scikit-learn and matplotlib, which only they
need, take longer to import than all the rest.
"""

import importlib
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from flambeau import analysis, dynamics, errors, monitors, networks, neurons, problems, rules, structures, training
from flambeau.foundation.programs import enable_compilation_cache
from flambeau.training import Run, optimiser, optimizer, train

if TYPE_CHECKING:
    from flambeau import estimators, pictures, report
    from flambeau.estimators import (
        DBM,
        DBN,
        RBM,
        ClassificationRBM,
        ContinuousHopfield,
        ConvNetClassifier,
        DBNClassifier,
        DenseHopfield,
        Hopfield,
        LeNetClassifier,
        MLPClassifier,
        MLPRegressor,
        Perceptron,
    )
    from flambeau.saving import load, save

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
    "Perceptron",
    "Run",
    "analysis",
    "dynamics",
    "enable_compilation_cache",
    "errors",
    "estimators",
    "load",
    "monitors",
    "networks",
    "neurons",
    "optimiser",
    "optimizer",
    "pictures",
    "problems",
    "report",
    "rules",
    "save",
    "structures",
    "train",
    "training",
]

__version__ = version("flambeau")

LATER = {
    "DBM": "estimators",
    "ClassificationRBM": "estimators",
    "DBNClassifier": "estimators",
    "DenseHopfield": "estimators",
    "DBN": "estimators",
    "RBM": "estimators",
    "ContinuousHopfield": "estimators",
    "ConvNetClassifier": "estimators",
    "Hopfield": "estimators",
    "LeNetClassifier": "estimators",
    "MLPClassifier": "estimators",
    "MLPRegressor": "estimators",
    "Perceptron": "estimators",
    "estimators": "estimators",
    "load": "saving",
    "pictures": "pictures",
    "report": "report",
    "save": "saving",
}


def __getattr__(name: str) -> Any:
    """Import an estimator, what saves it, or the report at its first use."""
    if name in LATER:
        module = importlib.import_module(f"flambeau.{LATER[name]}")
        return module if name == LATER[name] else getattr(module, name)
    raise AttributeError(f"module 'flambeau' has no attribute {name!r}")


def __dir__() -> list[str]:
    """All public names, imported yet or not."""
    return sorted(__all__)
