"""Every error that Flambeau raises on purpose.

::

    FlambeauError
    ├── ConfigurationError (ValueError)          a setting that cannot work: unknown name, negative rate
    ├── DataError (ValueError)                   data that cannot be learned from: shape, NaN, labels
    │   └── DataTypeError (TypeError)            something among them that is no number at all
    ├── DivergenceError (FloatingPointError)     training left the finite numbers
    ├── FileFormatError (ValueError)             a file that is not what its name says
    │   └── ChecksumError                        a file whose SHA-256 is not the published one, or not its own
    ├── OutputError (OSError)                    a file that cannot be written: no folder, no permission, no room
    ├── DownloadError (ConnectionError)          the public source did not answer
    └── UnavailableError (FileNotFoundError)     a data set that is nowhere to be found

Each is also a built-in exception, so ``except ValueError`` keeps working. The message always says *where*,
what was *expected*, what was *got* and the *remedy*.
"""

import operator
from collections.abc import Mapping
from typing import Any, TypeVar

import numpy as np

__all__ = [
    "ChecksumError",
    "ConfigurationError",
    "DataError",
    "DataTypeError",
    "DivergenceError",
    "DownloadError",
    "FileFormatError",
    "FlambeauError",
    "OutputError",
    "UnavailableError",
]


class FlambeauError(Exception):
    """The root of the tree above.

    ``where`` names the object or file, ``expected`` and ``got`` the two sides of the disagreement, ``remedy``
    what to do next.

    >>> raise ConfigurationError("MLPClassifier.epochs", "a whole number of at least 1", 0, "pass epochs=100")
    Traceback (most recent call last):
        ...
    flambeau.errors.ConfigurationError: MLPClassifier.epochs: expected a whole number of at least 1, got 0. \
Remedy: pass epochs=100.
    """

    def __init__(self, where: str, expected: str, got: object, remedy: str) -> None:
        self.where, self.expected, self.got, self.remedy = where, expected, got, remedy
        super().__init__(f"{where}: expected {expected}, got {got}. Remedy: {remedy}.")

    def __reduce__(self) -> tuple[type, tuple[str, str, object, str]]:
        return type(self), (self.where, self.expected, self.got, self.remedy)


class ConfigurationError(FlambeauError, ValueError):
    """A setting that cannot work: an unknown name, a negative rate, pieces that do not fit."""


class DataError(FlambeauError, ValueError):
    """Data that cannot be learned from: a wrong shape, a value that is not finite, an unseen label."""


class DataTypeError(DataError, TypeError):
    """Something among the data that is no number at all, and no text either: a dict, a list."""


class DivergenceError(FlambeauError, FloatingPointError):
    """Training left the finite numbers; the message names epoch, step and layer.

    ``run`` is the :class:`~flambeau.training.run.Run` up to the last finite epoch (None where there is none), to look
    at or to go on from with another rate; ``model`` is the estimator as it was then (None where none was fitted).
    """

    def __init__(self, where: str, expected: str, got: object, remedy: str, run: Any = None, model: Any = None) -> None:
        super().__init__(where, expected, got, remedy)
        self.run, self.model = run, model

    def __reduce__(self) -> tuple[type, tuple[str, str, object, str, Any, Any]]:  # type: ignore[override]
        return type(self), (self.where, self.expected, self.got, self.remedy, self.run, self.model)


class FileFormatError(FlambeauError, ValueError):
    """A file that is not what its name says: a wrong magic number, a truncated or oversized body."""


class ChecksumError(FileFormatError):
    """A file whose SHA-256 differs from the published one, or from the one that stands in it."""


class OutputError(FlambeauError, OSError):
    """A file that cannot be written: its folder is missing or read-only, the disk is full, a folder has its name."""


class DownloadError(FlambeauError, ConnectionError):
    """The public source of a data set did not answer, or stopped half way."""


class UnavailableError(FlambeauError, FileNotFoundError):
    """A data set that is neither in the data folder nor in the cache, and could not be downloaded."""


def check_value(where: str, value: Any, low: float, high: float = np.inf, *, whole: bool = False) -> None:
    """Refuse a number outside [low, high], or not a whole one where it must be; ``where`` ends in its name."""
    kind = "whole number" if whole else "number"
    try:
        number = operator.index(value) if whole else float(value)
        good = low <= number <= high and not isinstance(value, bool | np.bool_)
    except (TypeError, ValueError):
        good = False
    if not good:
        expected = f"a {kind} of at least {low}" + (f" and at most {high}" if np.isfinite(high) else "")
        name = where.replace(",", ".").rpartition(".")[2].strip()
        raise ConfigurationError(where, expected, repr(value), f"set {name} within that range")


Named = TypeVar("Named")


def named(where: str, table: Mapping[str, Named], name: Any) -> Named:
    """The entry of that name in a fixed table, or a :class:`ConfigurationError` that lists the names."""
    if not isinstance(name, str) or name not in table:
        raise ConfigurationError(where, f"one of {', '.join(table)}", repr(name), "choose one")
    return table[name]
