"""The data sets that ``load`` knows by name: one closed table, and three verbs over it."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from flambeau.errors import ConfigurationError
from flambeau.problems.data.bundle import DataBundle, digits
from flambeau.problems.data.fetch import RemoteDataset, find, locate
from flambeau.problems.data.mnist import FASHION_MNIST, MNIST, fashion_mnist, mnist


class Entry(NamedTuple):
    """How a data set is loaded, what it is, and its files."""

    loader: Callable[[], DataBundle]
    description: str
    remote: RemoteDataset | None  # None: comes with the installation


TABLE = {
    "digits": Entry(digits, "1,797 handwritten digits, 8x8", None),
    "mnist": Entry(mnist, "70,000 handwritten digits, 28x28", MNIST),
    "fashion-mnist": Entry(fashion_mnist, "70,000 pictures of clothes, 28x28", FASHION_MNIST),
}


class Standing(NamedTuple):
    """One line of ``flambeau data list``: the name, what it is, and where it stands now."""

    name: str
    description: str
    where: str


def load(name: str) -> DataBundle:
    """Return a data set by its name, downloading it first if it is not on this machine.

    Raises :class:`~flambeau.errors.ConfigurationError` for an unknown name; :class:`~flambeau.errors.ChecksumError`,
    :class:`~flambeau.errors.DownloadError`, :class:`~flambeau.errors.UnavailableError` as
    :func:`flambeau.problems.data.fetch.find` does.

    >>> load("digits").images.shape
    (1797, 8, 8)

    *Limits.* The whole set is read into memory, anew at each call.
    """
    return entry_of(name).loader()


def available() -> list[Standing]:
    """Return every known data set and where it stands: "bundled", "data folder", "cache" or "not here".

    A set of several files is "not here" if one is missing, and in the "cache" if one of them is.

    >>> [row.name for row in available()]
    ['digits', 'mnist', 'fashion-mnist']

    *Limits.* Looks at names only; the content is checked on loading.
    """
    return [Standing(name, entry.description, place_of(entry.remote)) for name, entry in TABLE.items()]


def fetch_dataset(name: str) -> list[Path]:
    """Make sure that a data set is on this machine and sound, and return the paths of its files.

    Raises :class:`~flambeau.errors.ConfigurationError` for an unknown name; :class:`~flambeau.errors.ChecksumError`,
    :class:`~flambeau.errors.DownloadError`, :class:`~flambeau.errors.UnavailableError` as
    :func:`flambeau.problems.data.fetch.find` does.

    >>> fetch_dataset("digits")
    []

    *Limits.* A bundled data set has no files of its own, so its list is empty.
    """
    remote = entry_of(name).remote
    return [] if remote is None else [find(remote, filename) for filename in remote.sha256]


def entry_of(name: str) -> Entry:
    """The line of the table."""
    if name not in TABLE:
        known = ", ".join(TABLE)
        raise ConfigurationError("data set", f"one of {known}", repr(name), "run `flambeau data list`")
    return TABLE[name]


def place_of(remote: RemoteDataset | None) -> str:
    """Where the set stands, in words."""
    if remote is None:
        return "bundled"
    places = {None if (at := locate(remote, filename)) is None else at.place for filename in remote.sha256}
    if None in places:
        return "not here"
    return "cache" if "cache" in places else "data folder"
