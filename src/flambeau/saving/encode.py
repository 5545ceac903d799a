"""A model as JSON and arrays: what a file holds.

=======================================  ==========================================================================
``{"tensor": name, "device": bool}``     an array, a JAX array where ``device`` is true
``{"labels": [...], "object": bool}``    an array of text
``{"float": "nan"}``                     a number that JSON does not know
``{"tuple": [...]}``, ``{"list": ...}``  by themselves; ``{"dict": [[key, value], ...]}``
``{"random": {...}}``                    a generator of NumPy's and where it stands
``{"class": name, "fields": {...}}``     a module, a named tuple, a run
``{"like": n, "arrays": [names]}``       a module like number n of ``shapes``, in which arrays are ``{"slot": i, ...}``
``{"class", "parameters", "fitted"}``    an estimator
=======================================  ==========================================================================

Each array stands in the file once: those of a device by their content, those of the host by identity. Networks that
differ in their arrays alone (an optimizer's moments, the best network so far) share one shape.
"""

import dataclasses
import hashlib
import json
import math
from typing import Any, NoReturn

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from flambeau.errors import ConfigurationError
from flambeau.saving.table import classes_in_files, is_estimator, may_be_fitted
from flambeau.training import Progress
from flambeau.training.keeping import VotesState

MAX_DEPTH = 32  # of a model's own nesting; each level is two or three of the 128 that a reader allows JSON
STORED = frozenset({"bool", "complex64", "float16", "float32", "float64"}) | {
    f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
}
GENERATORS = (np.random.RandomState, np.random.Generator)


class Encoder:
    """Collects ``tensors`` (name -> array) and ``shapes`` while a model becomes JSON.

    ``training=False`` leaves out what only going on needs.
    """

    def __init__(self, *, training: bool = True) -> None:
        self.training = training
        self.tensors: dict[str, np.ndarray] = {}
        self.names: dict[Any, str] = {}
        self.kept: list[Any] = []  # arrays known by their identity live as long as this does
        self.forms: dict[str, int] = {}
        self.slots: list[str] | None = None

    @property
    def shapes(self) -> list[Any]:
        """What ``{"like": n}`` refers to."""
        return [json.loads(text) for text in self.forms]

    @property
    def precision(self) -> str:
        """The float type that the model computes in."""
        double = any(isinstance(array, jax.Array) and array.dtype == np.float64 for array in self.kept)
        return "float64" if double else "float32"

    def encode(self, thing: Any, path: str = "", depth: int = 0) -> Any:
        """Anything storable; ``path`` is said where something is not."""
        if isinstance(thing, np.generic):
            thing = thing.item()
        if thing is None or isinstance(thing, bool | int | str):
            return thing
        if isinstance(thing, float):
            return thing if math.isfinite(thing) else {"float": repr(thing)}
        if isinstance(thing, np.ndarray | jax.Array):
            return self._array(thing, path)
        if depth >= MAX_DEPTH:
            refuse(path, f"nested at most {MAX_DEPTH} deep", "more", "flatten it")
        if classes_in_files().get(type(thing).__name__) is type(thing):
            return self._object(thing, path, depth + 1)
        return self._plain(thing, path, depth + 1)

    def _plain(self, thing: Any, path: str, depth: int) -> Any:
        """Python's own containers, and NumPy's generators."""
        if type(thing) is dict:
            keys = [self.encode(key, f"{path}, key", depth) for key in thing]
            values = [self.encode(value, f"{path}.{key}"[:200], depth) for key, value in thing.items()]
            return {"dict": [list(pair) for pair in zip(keys, values, strict=True)]}
        if type(thing) in (tuple, list):
            parts = [self.encode(part, f"{path}[{place}]", depth) for place, part in enumerate(thing)]
            return {type(thing).__name__: parts}
        if type(thing) in GENERATORS:
            state = thing.bit_generator.state if type(thing) is np.random.Generator else thing.get_state(legacy=False)
            return {"random": self.encode({"kind": type(thing).__name__, **state}, path, depth)}
        return refuse(path, "numbers, names and Flambeau's own classes", _described(thing), _remedy_for(thing, path))

    def _object(self, thing: Any, path: str, depth: int) -> dict[str, Any]:
        """An object of a known class."""
        if is_estimator(type(thing)):
            return self._estimator(thing, depth)
        if isinstance(thing, eqx.Module) and self.slots is None:
            return self._module(thing, path, depth)
        return self._fields(thing, path, depth)

    def _estimator(self, model: Any, depth: int) -> dict[str, Any]:
        """Parameters, and what ``fit`` left."""
        name, allowed = type(model).__name__, may_be_fitted(type(model))
        parameters = model.get_params(deep=False)
        fitted = {key: value for key, value in vars(model).items() if key not in parameters}
        strange = sorted(set(fitted) - allowed)
        if strange:
            refuse(f"{name}.{strange[0]}", "what fit leaves behind", "an attribute of your own", "delete it")
        return {
            "class": name,
            "parameters": {key: self.encode(value, f"{name}.{key}", depth) for key, value in parameters.items()},
            "fitted": {key: self.encode(value, f"{name}.{key}", depth) for key, value in fitted.items()},
        }

    def _module(self, module: Any, path: str, depth: int) -> dict[str, Any]:
        """A whole network (or something shaped like one): its shape, and its arrays."""
        self.slots = []
        entry = self._fields(module, path, depth)
        arrays, self.slots = self.slots, None
        if not arrays:
            return entry
        number = self.forms.setdefault(json.dumps(entry), len(self.forms))
        return {"like": number, "arrays": arrays}

    def _fields(self, thing: Any, path: str, depth: int) -> dict[str, Any]:
        """Class and fields of a module, a named tuple or a run."""
        if isinstance(thing, tuple):
            fields = thing._asdict()  # type: ignore[attr-defined]
        else:
            fields = {field.name: getattr(thing, field.name) for field in dataclasses.fields(thing)}
        if isinstance(thing, Progress) and not self.training:
            fields = answering(thing)._asdict()
        encoded = {name: self.encode(value, f"{path}.{name}", depth) for name, value in fields.items()}
        return {"class": type(thing).__name__, "fields": encoded}

    def _array(self, array: Any, path: str) -> dict[str, Any]:
        """Numbers by the name of their tensor, or by their slot within a shape; labels of text as a list."""
        device = isinstance(array, jax.Array)
        if device and jnp.issubdtype(array.dtype, jax.dtypes.prng_key):
            refuse(path, "an array of numbers", "a JAX key", "keep its numbers, jax.random.key_data(key)")
        values = np.asarray(array)
        if values.dtype.kind in "OU":
            return labels(values, path)
        if values.dtype.newbyteorder("=").name not in STORED:
            refuse(path, "an array of numbers", f"one of {values.dtype}", "convert it to float or int")
        self.kept.append(array)
        name = self._named(values, id(array), device)
        if self.slots is None:
            return {"tensor": name, "device": device}
        self.slots.append(name)
        return {"slot": len(self.slots) - 1, "device": device}

    def _named(self, values: np.ndarray, identity: int, device: bool) -> str:
        """The name under which an array stands in the file."""
        native = np.ascontiguousarray(values, values.dtype.newbyteorder("=")).reshape(values.shape)
        content = native.dtype.str, native.shape, hashlib.sha256(native.data).digest() if native.size else b""
        key = content if device else identity
        if key not in self.names:
            self.names[key] = str(len(self.tensors))
            self.tensors[self.names[key]] = native
        return self.names[key]


def answering(progress: Progress) -> Progress:
    """The part of a run's progress that answers: nothing, but for the votes of a voted perceptron."""
    votes = isinstance(progress.keeping, VotesState)
    network, keeping = (progress.network, progress.keeping) if votes else (None, None)
    return Progress(network, None, None, None, (), None, keeping, progress.step)


def labels(values: np.ndarray, path: str) -> dict[str, Any]:
    """An array of text."""
    if not all(isinstance(label, str) for label in values.ravel()):
        refuse(path, "labels that are all text or all numbers", "a mixture", "map them to text")
    return {"labels": values.tolist(), "object": values.dtype.kind == "O"}


def _described(thing: Any) -> str:
    """What was given, in words."""
    if type(thing).__module__ != "builtins":
        return f"{type(thing).__module__}.{type(thing).__qualname__}"
    return "a function" if callable(thing) else f"a {type(thing).__name__}"


def _remedy_for(thing: Any, path: str) -> str:
    """What to do about a part that is code rather than numbers and names."""
    name = path.rpartition(".")[2]
    if name.startswith("learning_rate") or name.endswith("_rate"):
        return "give a number or a schedule by its name, or save the network alone: fb.save(model.network_, path)"
    return f"give {name or 'it'} by its name or in numbers, or save the network alone: fb.save(model.network_, path)"


def refuse(path: str, expected: str, got: str, remedy: str) -> NoReturn:
    """A part that cannot be saved."""
    raise ConfigurationError(f"save, {path or 'model'}", expected, got, remedy)
