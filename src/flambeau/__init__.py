"""Flambeau: every network of the lecture, at its paper's figures, fast, and open to look at.

>>> import flambeau as fb
>>> digits = fb.problems.load("digits")
>>> model = fb.MLPClassifier((32,), random_state=0).fit(digits.data[:1000], digits.target[:1000])
>>> bool(model.score(digits.data[1000:], digits.target[1000:]) > 0.85)
True
"""

from importlib.metadata import version

from flambeau import errors, monitors, networks, neurons, problems, rules, structures
from flambeau.compilation_cache import enable_compilation_cache
from flambeau.estimators import MLPClassifier, MLPRegressor, Perceptron
from flambeau.training import Run, optimiser, train

__all__ = [
    "MLPClassifier",
    "MLPRegressor",
    "Perceptron",
    "Run",
    "enable_compilation_cache",
    "errors",
    "monitors",
    "networks",
    "neurons",
    "optimiser",
    "problems",
    "rules",
    "structures",
    "train",
]

__version__ = version("flambeau")
