"""A model from JSON and arrays: undoes :mod:`~flambeau.saving.encode`, and bounds everything before it is built.

An array is built once however often it is named, and so is a network; the number of parts and the bytes that they name
are counted on the way. Objects get exactly the fields of their class: one that is missing takes its default, one that
is not known is refused by name.
"""

import dataclasses
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import numpy as np

from flambeau.saving.table import classes_in_files, is_estimator, may_be_fitted

MAX_PARTS = 200_000  # a network of 600 layers with its optimizer's state has 40,000
MAX_NAMED = 16  # times the bytes of the arrays in the file may be named; a run with early stopping names each 6 times
SMALL = 64 << 20  # bytes that may be named in any case
BIT_GENERATORS = ("MT19937", "PCG64", "PCG64DXSM", "Philox", "SFC64")
Slots = tuple[str, ...]


class Decoder:
    """Builds what a manifest describes from ``tensors`` and ``shapes``.

    Floats of a device that have the type ``stored`` become those of ``wanted``: "float32" or "float64".
    """

    def __init__(self, tensors: Mapping[str, np.ndarray], shapes: list[Any], stored: str, wanted: str) -> None:
        self.tensors, self.shapes = tensors, shapes
        self.stored, self.wanted = np.dtype(stored), np.dtype(wanted)
        self.built: dict[Any, Any] = {}
        self.parts, self.named = 0, 0
        self.allowed = SMALL + MAX_NAMED * sum(values.nbytes for values in tensors.values())

    def decode(self, entry: Any, slots: Slots | None = None) -> Any:
        """What an entry stands for; ``slots`` are the arrays of the module that it is within."""
        self.parts += 1
        if self.parts > MAX_PARTS:
            raise ValueError(f"more than {MAX_PARTS:,} parts")
        if not isinstance(entry, dict):
            return _plain(entry)
        if "slot" in entry and slots is not None:
            return self._array(slots[_whole(entry["slot"])], entry["device"])
        if "tensor" in entry:
            return self._array(entry["tensor"], entry["device"])
        if "like" in entry and slots is None:
            return self._like(_whole(entry["like"]), tuple(entry["arrays"]))
        if "class" in entry:
            return self._object(entry, slots)
        return self._plain(entry, slots)

    def _plain(self, entry: dict[str, Any], slots: Slots | None) -> Any:
        """Python's own containers, text, generators, and the numbers that JSON lacks."""
        ((kind, value),) = [pair for pair in entry.items() if pair[0] != "object"]
        if kind == "labels":
            return np.asarray(value, dtype=object if entry["object"] else str)
        if kind == "float":
            return {"nan": np.nan, "inf": np.inf, "-inf": -np.inf}[value]
        if kind == "dict":
            return {self.decode(key, slots): self.decode(item, slots) for key, item in value}
        if kind == "random":
            return generator_at(self.decode(value, slots))
        made: type = {"tuple": tuple, "list": list}[kind]
        return made([self.decode(part, slots) for part in value])

    def _array(self, name: str, device: bool) -> Any:
        """An array of the file, built once."""
        values = self.tensors[name]
        self.named += values.nbytes
        if self.named > self.allowed:
            raise ValueError(f"arrays named over and over, more than {self.allowed:,} bytes in all")
        if (name, device) not in self.built:
            self.built[name, device] = jax.device_put(self._in_force(values)) if device is True else values
        return self.built[name, device]

    def _in_force(self, values: np.ndarray) -> np.ndarray:
        """Numbers in the float type that is wanted."""
        if self.stored == self.wanted or values.dtype != self.stored:
            return values
        with np.errstate(over="ignore"):
            found = values.astype(self.wanted)
        if not np.array_equal(np.isfinite(found), np.isfinite(values)):
            raise ValueError(f"numbers that {self.wanted} cannot hold")
        return found

    def _like(self, number: int, arrays: Slots) -> Any:
        """A module of that shape with these arrays, built once."""
        key = number, arrays
        if key not in self.built:
            self.built[key] = self.decode(self.shapes[number], arrays)
        return self.built[key]

    def _object(self, entry: dict[str, Any], slots: Slots | None) -> Any:
        """An object of a class of the table."""
        name = entry["class"]
        if name not in classes_in_files():
            raise ValueError(f"no class {name!r:.80} may stand in a file")
        cls = classes_in_files()[name]
        if is_estimator(cls):
            parameters, fitted = (self._values(entry[part], slots) for part in ("parameters", "fitted"))
            refuse_unknown(cls, parameters, cls._get_param_names())  # type: ignore[attr-defined]
            refuse_unknown(cls, fitted, may_be_fitted(cls))
            model = cls(**parameters)
            vars(model).update(fitted)
            return model
        return object_of(cls, self._values(entry["fields"], slots))

    def _values(self, fields: dict[str, Any], slots: Slots | None) -> dict[str, Any]:
        return {name: self.decode(value, slots) for name, value in fields.items()}


def _plain(entry: Any) -> Any:
    """A number, text or None."""
    if entry is not None and not isinstance(entry, bool | int | float | str):
        raise ValueError(f"{type(entry).__name__} where an entry should be")
    return entry


def _whole(number: Any) -> int:
    """A place in a list, counted from its start."""
    if not isinstance(number, int) or isinstance(number, bool) or number < 0:
        raise ValueError(f"{number!r:.80} is no place in a list")
    return number


def object_of(cls: type, fields: dict[str, Any]) -> Any:
    """A module, a named tuple or a run from its fields; a module without its constructor, which may convert."""
    if issubclass(cls, tuple):
        refuse_unknown(cls, fields, cls._fields)  # type: ignore[attr-defined]
        return cls(**fields)
    declared = dataclasses.fields(cls)  # type: ignore[arg-type]
    refuse_unknown(cls, fields, [field.name for field in declared])
    if not issubclass(cls, eqx.Module):
        return cls(**fields)
    module: Any = object.__new__(cls)
    for field in declared:
        object.__setattr__(module, field.name, fields[field.name] if field.name in fields else default_of(cls, field))
    return module


def refuse_unknown(cls: type, given: Mapping[str, Any], known: Any) -> None:
    """Fields that the class does not have."""
    strange = sorted(set(given) - set(known))
    if strange:
        raise ValueError(f"{cls.__name__} has no {', '.join(strange)!r:.200}")


def default_of(cls: type, field: dataclasses.Field) -> Any:
    """What a field is when a file does not say."""
    if field.default is not dataclasses.MISSING:
        value = field.default
    elif field.default_factory is not dataclasses.MISSING:
        value = field.default_factory()
    else:
        raise ValueError(f"{cls.__name__} lacks {field.name}")
    return field.metadata.get("converter", lambda given: given)(value)


def generator_at(state: dict[str, Any]) -> Any:
    """A generator of NumPy's, standing where the saved one stood."""
    state = dict(state)
    kind, algorithm = state.pop("kind"), state["bit_generator"]
    if algorithm not in BIT_GENERATORS or kind not in ("Generator", "RandomState"):
        raise ValueError(f"no generator {kind!r:.40} of {algorithm!r:.40}")
    source = getattr(np.random, algorithm)()
    made: Any = {"Generator": np.random.Generator, "RandomState": np.random.RandomState}[kind](source)
    if kind == "Generator":
        source.state = state
    else:
        made.set_state(state)
    return made
