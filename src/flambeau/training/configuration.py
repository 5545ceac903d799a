"""Every setting of a run in words and numbers, ready for JSON."""

import dataclasses
import inspect
from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree

from flambeau.problems.base import AbstractProblem
from flambeau.training.optimizer import Optimizer
from flambeau.training.step import Program


def describe(thing: Any) -> Any:
    """A pytree of settings as JSON: objects become ``{"class": ..., field: ...}``, arrays their type and shape.

    >>> from flambeau.neurons import LeakyReLU
    >>> describe(LeakyReLU(0.2))
    {'class': 'LeakyReLU', 'leak': 0.2}
    >>> describe(np.ones((2, 3)))
    'float64[2, 3]'
    """
    if thing is None or isinstance(thing, bool | int | float | str):
        return thing
    if isinstance(thing, np.ndarray | np.generic | jax.Array):
        return float(thing) if np.ndim(thing) == 0 else f"{thing.dtype}{list(np.shape(thing))}"
    if dataclasses.is_dataclass(thing):
        fields = {field.name: describe(getattr(thing, field.name)) for field in dataclasses.fields(thing)}
        return {"class": type(thing).__name__, **fields}
    if isinstance(thing, dict):
        return {str(name): describe(value) for name, value in thing.items()}
    if isinstance(thing, tuple | list):
        return [describe(part) for part in thing]
    return thing.__qualname__ if inspect.isroutine(thing) or isinstance(thing, type) else repr(thing)


def configuration_of(
    network: PyTree, program: Program, chosen: Optimizer, problem: AbstractProblem, **numbers: Any
) -> dict[str, Any]:
    """Every setting of a run, ready for JSON."""
    return {
        "network": describe(network),
        "rule": describe(program.rule),
        "optimizer": chosen.name,
        "learning_rate": describe(chosen.schedule),
        "settings": describe(chosen.mechanism.settings),
        "problem": describe(problem),
        "stopping": describe(program.stopping),
        "keep": describe(program.keeper),
        "monitors": [monitor.name for monitor in program.monitors],
        **numbers,
        "jax": jax.__version__,
        "device": jax.devices()[0].platform,
    }
