"""Models in files: numbers in safetensors, everything else in a manifest checked against a closed table.

Nothing in a file is executed, imported or unpickled: a class is looked up in :func:`known_classes`, its fields must be
exactly those of that class, and arrays are what safetensors gives. The limits are checked before the library sees
the file: a header of at most 1 MiB, 4,096 tensors, 8 dimensions.
"""

import dataclasses
import functools
import json
import math
import typing
from pathlib import Path
from types import UnionType
from typing import Any

import equinox as eqx
import jax
import numpy as np
import optax
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors
from sklearn.base import BaseEstimator

from flambeau import analysis, dynamics, estimators, networks, neurons, problems, rules, structures
from flambeau.errors import ConfigurationError, FileFormatError
from flambeau.foundation.files import header_within_limits, write_atomic
from flambeau.rules import losses
from flambeau.training import Progress, Run, keeping, stopping

__all__ = ["load", "save"]

FORMAT = "flambeau model 1"
# What `fit` may leave on an estimator; a file may set nothing else.
FITTED = {
    *("classes_", "feature_names_in_", "n_features_in_", "n_iter_", "network_", "run_", "history_", "converged_"),
    *("margin_", "mistake_bound_", "mistakes_", "target_mean_", "target_scale_", "_single", "_stream", "_drawn_as"),
    *("image_shape_", "_base", "dbn_", "runs_", "patterns_", "step_", "_weights", "_activity", "_symmetric"),
    *("_calls", "_partition", "_unlearned", "table_", "_totals", "_odd_sums"),
}


@functools.cache
def known_classes() -> dict[str, type]:
    """Every class that may stand in a file, by its name."""
    modules = (
        analysis,
        neurons,
        structures,
        dynamics,
        networks,
        problems,
        rules,
        losses,
        keeping,
        stopping,
        estimators,
    )
    found = [thing for module in modules for thing in vars(module).values() if isinstance(thing, type)]
    states = [optax.EmptyState, optax.TraceState, optax.ScaleByAdamState, optax.ScaleByRmsState, optax.ScaleByRssState]
    kept = [
        cls for cls in (*found, *states, Progress, Run) if storable(cls) and not cls.__name__.startswith("Abstract")
    ]
    return {cls.__name__: cls for cls in kept}


def storable(cls: type) -> bool:
    """Dataclasses and Equinox modules, named tuples, and our estimators."""
    named_tuple = issubclass(cls, tuple) and hasattr(cls, "_fields")
    return dataclasses.is_dataclass(cls) or named_tuple or is_ours(cls)


def is_ours(cls: type) -> bool:
    """An estimator of this package."""
    return issubclass(cls, BaseEstimator) and cls.__module__.startswith("flambeau.")


def save(model: Any, path: str | Path) -> None:
    """Save an estimator (fitted or not) or a network; by convention the name ends in ``.flambeau``.

    The whole run is kept, so a loaded estimator predicts the same bits and goes on learning where it was.

    >>> import flambeau as fb, tempfile, pathlib
    >>> model = fb.Perceptron().fit(*fb.problems.logic_gate("and"))
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "and.flambeau"
    >>> fb.save(model, file)
    >>> fb.load(file).predict([[1, 1], [0, 1]]).tolist()
    [1, 0]

    Raises :class:`~flambeau.errors.ConfigurationError` for a part that is code rather than numbers and names: an Optax
    transformation, a schedule, a class of your own. The write is atomic.
    """
    tensors: dict[str, np.ndarray] = {}
    manifest = json.dumps({"format": FORMAT, "model": encode(model, "", tensors)}, allow_nan=False)
    content = save_tensors(tensors, metadata={"flambeau": manifest})
    manifest_of(content, str(path))
    write_atomic(path, content)


def load(path: str | Path) -> Any:
    """Load what :func:`save` wrote.

    Raises :class:`~flambeau.errors.FileFormatError` for anything else: another format, a class that is not in the
    table, fields that do not fit, a truncated or oversized file.
    """
    content = Path(path).read_bytes()
    manifest = manifest_of(content, str(path))
    try:
        tensors = load_tensors(content)
        return decode(manifest["model"], tensors)
    except (SafetensorError, KeyError, TypeError, ValueError, AttributeError) as error:
        got = f"{type(error).__name__}: {error}"
        raise FileFormatError(str(path), FORMAT, got, "give a file that flambeau.save wrote") from None


def manifest_of(content: bytes, where: str) -> dict[str, Any]:
    """The manifest of a file within limits."""
    remedy = "give a file that flambeau.save wrote"
    try:
        manifest = json.loads(header_within_limits(content, where).get("flambeau", "null"))
    except (ValueError, RecursionError) as error:
        raise FileFormatError(where, FORMAT, error, remedy) from None
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise FileFormatError(where, FORMAT, "another format", remedy)
    return manifest


def encode(thing: Any, path: str, tensors: dict[str, np.ndarray]) -> Any:
    """Anything storable as JSON; arrays go to ``tensors`` under their path."""
    if isinstance(thing, np.generic):
        thing = thing.item()
    if thing is None or isinstance(thing, bool | int | str):
        return thing
    if isinstance(thing, float):
        return thing if math.isfinite(thing) else {"float": repr(thing)}
    if isinstance(thing, np.ndarray | jax.Array):
        return encode_array(thing, path, tensors)
    if isinstance(thing, dict):
        pairs = enumerate(thing.items())
        return {"dict": [[encode(k, path, tensors), encode(v, f"{path}/{place}", tensors)] for place, (k, v) in pairs]}
    if known_classes().get(type(thing).__name__) is type(thing):
        return {"class": type(thing).__name__, "fields": encode_fields(thing, path, tensors)}
    if type(thing) in (tuple, list):
        parts = [encode(part, f"{path}/{place}", tensors) for place, part in enumerate(thing)]
        return {type(thing).__name__: parts}
    expected = "numbers, names and Flambeau's own classes"
    raise ConfigurationError(f"save, {path or 'model'}", expected, type(thing).__name__, "use a named setting instead")


def encode_fields(thing: Any, path: str, tensors: dict[str, np.ndarray]) -> dict[str, Any]:
    """Field name -> encoded value."""
    if isinstance(thing, BaseEstimator):
        fields = vars(thing)
    elif isinstance(thing, tuple):
        fields = thing._asdict()  # type: ignore[attr-defined]
    else:
        fields = {field.name: getattr(thing, field.name) for field in dataclasses.fields(thing)}
    return {name: encode(value, f"{path}/{name}", tensors) for name, value in fields.items()}


def encode_array(array: Any, path: str, tensors: dict[str, np.ndarray]) -> dict[str, Any]:
    """Numbers as a tensor, on the device or not; labels of text as a list."""
    values = np.asarray(array)
    if values.dtype.kind in "OU":
        if not all(isinstance(label, str) for label in values.ravel()):
            raise ConfigurationError(
                f"save, {path}", "labels that are all text or all numbers", "a mixture", "map them"
            )
        return {"labels": values.tolist(), "object": values.dtype.kind == "O"}
    tensors[path] = np.ascontiguousarray(values).reshape(values.shape)
    return {"tensor": path, "device": isinstance(array, jax.Array)}


def decode(entry: Any, tensors: dict[str, np.ndarray]) -> Any:
    """Undo :func:`encode`."""
    if not isinstance(entry, dict):
        return entry
    if "tensor" in entry:
        values = tensors[entry["tensor"]]
        return jax.device_put(values) if entry["device"] else values
    if "labels" in entry:
        return np.asarray(entry["labels"], dtype=object if entry["object"] else str)
    if "float" in entry:
        return float(entry["float"])
    if "dict" in entry:
        return {decode(key, tensors): decode(value, tensors) for key, value in entry["dict"]}
    if "tuple" in entry:
        return tuple(decode(part, tensors) for part in entry["tuple"])
    if "list" in entry:
        return [decode(part, tensors) for part in entry["list"]]
    return build(entry["class"], {name: decode(value, tensors) for name, value in entry["fields"].items()})


def build(name: str, fields: dict[str, Any]) -> Any:
    """An object of a known class with exactly its own fields."""
    cls = known_classes()[name]
    if is_ours(cls):
        names = set(cls._get_param_names())  # type: ignore[attr-defined]
        model = cls(**{key: fields.pop(key) for key in names})
        extra = set(fields) - FITTED
        if extra:
            raise ValueError(f"{name} has no {sorted(extra)}")
        vars(model).update(fields)
        return model
    expected = cls._fields if issubclass(cls, tuple) else [field.name for field in dataclasses.fields(cls)]  # type: ignore[attr-defined, arg-type]
    if set(expected) != set(fields):
        raise ValueError(f"{name} has the fields {sorted(expected)}, not {sorted(fields)}")
    check_kinds(cls, fields)
    return restore(cls, fields) if issubclass(cls, eqx.Module) else cls(**fields)


def check_kinds(cls: type, fields: dict[str, Any]) -> None:
    """Hold values against the plain part of a class's annotations: numbers, text, classes, tuples of classes."""
    hints = typing.get_type_hints(cls) if cls.__module__.startswith("flambeau.") else {}
    for name, hint in hints.items():
        value = fields.get(name)
        kind = tuple if typing.get_origin(hint) is tuple else hint
        if name not in fields or not isinstance(kind, type) or kind is Any or kind.__module__.startswith("jaxtyping"):
            continue
        inner = typing.get_args(hint)[0] if kind is tuple and typing.get_args(hint) else object
        if getattr(inner, "__module__", "").startswith("jaxtyping"):
            inner = jax.Array | np.ndarray
        allowed = (int, float) if kind is float else kind
        parts = value if isinstance(value, tuple) and isinstance(inner, type | UnionType) else ()
        if not isinstance(value, allowed) or not all(isinstance(part, inner) for part in parts):
            raise ValueError(f"{cls.__name__}.{name} cannot be {value!r:.80}")


def restore(cls: type, fields: dict[str, Any]) -> Any:
    """An Equinox module from its fields, without its constructor (which may convert or default)."""
    module: Any = object.__new__(cls)
    for name, value in fields.items():
        object.__setattr__(module, name, value)
    return module
