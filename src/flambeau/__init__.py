"""Flambeau: every network of the lecture, at its paper's figures, fast, and open to look at.

>>> import flambeau as fb
>>> digits = fb.problems.load("digits")
>>> model = fb.MLPClassifier((100,), random_state=0).fit(digits.data[:1200], digits.target[:1200])
>>> bool(model.score(digits.data[1200:], digits.target[1200:]) > 0.9)
True

The estimators and the report are imported when they are first asked for: scikit-learn and matplotlib, which only they
need, take longer to import than all the rest. Which estimators there are is said in :mod:`flambeau.estimators` alone.
"""

import importlib
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from flambeau import analysis as analysis
from flambeau import dynamics as dynamics
from flambeau import errors as errors
from flambeau import monitors as monitors
from flambeau import networks as networks
from flambeau import neurons as neurons
from flambeau import problems as problems
from flambeau import rules as rules
from flambeau import structures as structures
from flambeau import training as training
from flambeau.foundation.programs import enable_compilation_cache as enable_compilation_cache
from flambeau.training import Run as Run
from flambeau.training import optimiser as optimiser
from flambeau.training import optimizer as optimizer
from flambeau.training import train as train

if TYPE_CHECKING:
    from flambeau import estimators as estimators
    from flambeau import pictures as pictures
    from flambeau import report as report
    from flambeau.estimators import *  # noqa: F403
    from flambeau.saving import load as load
    from flambeau.saving import save as save

NOW = (
    "Run",
    "analysis",
    "dynamics",
    "enable_compilation_cache",
    "errors",
    "monitors",
    "networks",
    "neurons",
    "optimiser",
    "optimizer",
    "problems",
    "rules",
    "structures",
    "train",
    "training",
)
LATER = {"estimators": "estimators", "load": "saving", "pictures": "pictures", "report": "report", "save": "saving"}

__version__ = version("flambeau")


def __getattr__(name: str) -> Any:
    """Import an estimator, what saves it, or the report at its first use; ``__all__`` names the estimators too."""
    if name in LATER:
        module = importlib.import_module(f"flambeau.{LATER[name]}")
        return module if name == LATER[name] else getattr(module, name)
    if name == "__all__" or name[:1].isupper():
        estimators = importlib.import_module("flambeau.estimators").ESTIMATORS
        if name == "__all__":
            return sorted([*NOW, *LATER, *estimators])
        if name in estimators:
            return estimators[name]
    raise AttributeError(f"module 'flambeau' has no attribute {name!r}")


def __dir__() -> list[str]:
    """All public names, imported yet or not."""
    return list(__getattr__("__all__"))
