"""The data sets that ``load`` knows by name: one closed table, and three verbs over it."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from flambeau.errors import ConfigurationError
from flambeau.problems.bundle import DataBundle
from flambeau.problems.digits import digits
from flambeau.problems.fetch import RemoteDataset, find, locate
from flambeau.problems.mnist import FASHION_MNIST, MNIST, fashion_mnist, mnist

__all__ = ["Row", "available", "fetch_dataset", "load"]


class _Entry(NamedTuple):
    loader: Callable[[], DataBundle]
    description: str
    remote: RemoteDataset | None  # None: comes with the installation


_TABLE = {
    "digits": _Entry(digits, "1,797 handwritten digits, 8x8", None),
    "mnist": _Entry(mnist, "70,000 handwritten digits, 28x28", MNIST),
    "fashion-mnist": _Entry(fashion_mnist, "70,000 pictures of clothes, 28x28", FASHION_MNIST),
}


class Row(NamedTuple):
    """One line of ``flambeau data list``: the name, what it is, and where it stands now.

    >>> Row("digits", "1,797 handwritten digits, 8x8", "bundled").where
    'bundled'
    """

    name: str
    description: str
    where: str


def load(name: str) -> DataBundle:
    """Return a data set by its name, downloading it first if it is not on this machine.

    Raises: ConfigurationError for an unknown name; ChecksumError, DownloadError, UnavailableError as
    :func:`flambeau.problems.fetch.find` does.

    >>> load("digits").images.shape
    (1797, 8, 8)

    Limits: the whole set is read into memory, anew at each call.

    Source: each data set's own loader names it.
    """
    return _entry(name).loader()


def available() -> list[Row]:
    """Return every known data set and where it stands: "bundled", "data folder", "cache" or "not here".

    A set of several files is "not here" if one is missing, and in the "cache" if one of them is.

    >>> [row.name for row in available()]
    ['digits', 'mnist', 'fashion-mnist']

    Limits: looks at names only; the content is checked on loading.

    Source: the table is Flambeau's own.
    """
    return [Row(name, entry.description, _where(entry.remote)) for name, entry in _TABLE.items()]


def fetch_dataset(name: str) -> list[Path]:
    """Make sure that a data set is on this machine and sound, and return the paths of its files.

    Raises: ConfigurationError for an unknown name; ChecksumError, DownloadError, UnavailableError as
    :func:`flambeau.problems.fetch.find` does.

    >>> fetch_dataset("digits")
    []

    Limits: a bundled data set has no files of its own, so its list is empty.

    Source: each data set's own loader names it.
    """
    remote = _entry(name).remote
    return [] if remote is None else [find(remote, filename) for filename in remote.sha256]


def _entry(name: str) -> _Entry:
    if name not in _TABLE:
        known = ", ".join(_TABLE)
        raise ConfigurationError("data set", f"one of {known}", repr(name), "run `flambeau data list`")
    return _TABLE[name]


def _where(remote: RemoteDataset | None) -> str:
    if remote is None:
        return "bundled"
    places = {None if (at := locate(remote, filename)) is None else at.place for filename in remote.sha256}
    if None in places:
        return "not here"
    return "cache" if "cache" in places else "data folder"
