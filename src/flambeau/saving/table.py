"""The closed table of what may stand in a file, derived from the package; nothing registers itself.

A class is known by its name: the estimators that are public, the modules and named tuples of the core's rooms, what a
run leaves behind, and the five states of the Optax transformations that optimizers are made of.
"""

import dataclasses
import functools
import importlib
import inspect
import pkgutil
import types
from typing import Any

import equinox as eqx
import optax
from sklearn.base import BaseEstimator

import flambeau
from flambeau import estimators
from flambeau.training import Run

ROOMS = ("neurons", "structures", "dynamics", "rules", "networks", "analysis", "training", "monitors", "problems")
OPTIMIZER_STATES = (
    *(optax.EmptyState, optax.TraceState, optax.ScaleByAdamState, optax.ScaleByRmsState, optax.ScaleByRssState),
)
# What every estimator may carry beside its own fitted attributes: its table's columns and layout, and what
# scikit-learn's set_output notes on it.
COMMON = frozenset({"feature_names_in_", "table_", "_sklearn_output_config"})


@functools.cache
def classes_in_files() -> dict[str, type]:
    """Name -> class, of every class that may stand in a file."""
    faces = [thing for thing in vars(estimators).values() if isinstance(thing, type) and is_estimator(thing)]
    core = [cls for module in core_modules() for cls in vars(module).values() if belongs(cls, module.__name__)]
    return {cls.__name__: cls for cls in (*core, *faces, *OPTIMIZER_STATES, Run) if not inspect.isabstract(cls)}


def core_modules() -> list[types.ModuleType]:
    """Every module of the rooms that hold values."""
    found = []
    for room in ROOMS:
        package = importlib.import_module(f"{flambeau.__name__}.{room}")
        inside = pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
        found += [package, *(importlib.import_module(module.name) for module in inside)]
    return found


def belongs(cls: Any, module: str) -> bool:
    """An Equinox module, another dataclass or a named tuple that is written in this very module."""
    mine = isinstance(cls, type) and cls.__module__ == module
    return mine and (dataclasses.is_dataclass(cls) or (issubclass(cls, tuple) and "_fields" in vars(cls)))


def is_estimator(cls: type) -> bool:
    """An estimator of this package."""
    return issubclass(cls, BaseEstimator) and cls.__module__.startswith("flambeau.")


def is_network(cls: type) -> bool:
    """A network of this package: what may be saved by itself."""
    return issubclass(cls, eqx.Module) and cls.__module__.startswith("flambeau.networks.")


def may_be_fitted(cls: type) -> frozenset[str]:
    """What ``fit`` may leave on an estimator of that class; a file may set nothing else."""
    return frozenset(cls.fitted) | COMMON  # type: ignore[attr-defined]
