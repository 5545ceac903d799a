"""Where a public data set's files are found: the data folder, then the user's cache, then the public source.

::

    $FLAMBEAU_DATA/<name>/<file>     a folder that you keep; never written to
    $FLAMBEAU_CACHE/<name>/<file>    what was downloaded before (default: the system's folder for caches)
    <source>/<file>                  the public source

Every file is checked against the published SHA-256 wherever it comes from, each time it is asked for.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import pooch

from flambeau.errors import ConfigurationError, UnavailableError
from flambeau.problems.data.download import check_sum, download_file


@dataclass(frozen=True)
class RemoteDataset:
    """The files of a public data set: ``sha256`` maps each file name below ``source`` (a URL) to its published sum.

    Raises :class:`~flambeau.errors.ConfigurationError` for a name that is not a plain file name, since names become
    paths.

    *Limits.* One folder, no archives. Source: the registry of pooch (Uieda et al., 2020).
    """

    name: str
    source: str
    sha256: Mapping[str, str]

    def __post_init__(self) -> None:
        """Names become paths, so they hold no folders."""
        for name in (self.name, *self.sha256):
            if name in ("", ".", "..") or set(name) & set("/\\:\0"):
                raise ConfigurationError("RemoteDataset", "plain file names", repr(name), "leave out folders")


class Location(NamedTuple):
    """Where a file stands now, its content not yet checked: ``place`` and ``path``."""

    place: Literal["data folder", "cache"]
    path: Path


def cache_folder() -> Path:
    """The folder for downloads, only named here: FLAMBEAU_CACHE if set, else the system's folder for caches."""
    return Path(os.environ.get("FLAMBEAU_CACHE") or pooch.os_cache("flambeau")).expanduser().absolute()


def locate(dataset: RemoteDataset, filename: str) -> Location | None:
    """Return where a file of ``dataset`` is on this machine, the data folder before the cache, or None.

    Raises :class:`~flambeau.errors.ConfigurationError` if the data set has no file of that name.

    *Limits.* Looks at names only; :func:`find` also checks the content. A FLAMBEAU_DATA that is no folder holds
    nothing.
    """
    published_sum(dataset, filename)
    if folder := os.environ.get("FLAMBEAU_DATA"):
        kept = Path(folder).expanduser() / dataset.name / filename
        if kept.is_file():
            return Location("data folder", kept)
    cached = cache_folder() / dataset.name / filename
    return Location("cache", cached) if cached.is_file() else None


def find(dataset: RemoteDataset, filename: str, *, source: str | None = None, download: bool = True) -> Path:
    """Return the path of a checked file of ``dataset``: from the data folder, the cache, or downloaded now.

    ``source`` replaces the data set's public URL; ``download=False`` never touches the network. A cached file that
    is not the published one is removed and downloaded anew.

    Raises :class:`~flambeau.errors.ChecksumError` if the file in the data folder or the one downloaded is not the
    published one; :class:`~flambeau.errors.DownloadError` if the source does not answer, stops half way or sends more
    than 256 MiB; :class:`~flambeau.errors.UnavailableError` if the file is nowhere and ``download`` is False, or the
    cache cannot be written; :class:`~flambeau.errors.ConfigurationError` for an unknown file name. Whatever is raised,
    the cache keeps no part of a file.

    >>> tiny = RemoteDataset("no-such-set", "https://example.org/", {"a.gz": "0" * 64})
    >>> find(tiny, "a.gz", download=False)
    Traceback (most recent call last):
        ...
    flambeau.errors.UnavailableError: no-such-set/a.gz: expected a file in FLAMBEAU_DATA or the cache, got none. ...

    *Limits.* No second try and no resuming; a killed process may leave a temporary file of another name in the cache.
    Source: download and hash by pooch (Uieda et al., 2020).
    """
    published, location = published_sum(dataset, filename), locate(dataset, filename)
    if location is not None and location.place == "data folder":  # the user's own: to be told about, not repaired
        check_sum(location.path, published, remedy="replace it by the published file, or unset FLAMBEAU_DATA")
        return location.path
    if location is not None:
        if pooch.file_hash(str(location.path)) == published.lower():
            return location.path
        location.path.unlink(missing_ok=True)
    if not download:
        where, expected = f"{dataset.name}/{filename}", "a file in FLAMBEAU_DATA or the cache"
        raise UnavailableError(where, expected, "none", f"run `flambeau data fetch {dataset.name}` when connected")
    folder = cache_folder() / dataset.name
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        expected = "a folder that can be written"
        raise UnavailableError(str(folder), expected, error, "set FLAMBEAU_CACHE to one that can") from error
    return download_file(f"{(source or dataset.source).rstrip('/')}/{filename}", folder / filename, published)


def published_sum(dataset: RemoteDataset, filename: str) -> str:
    """The file's SHA-256; a file that the data set does not have is refused."""
    if filename not in dataset.sha256:
        known = f"one of {', '.join(dataset.sha256)}"
        raise ConfigurationError(f"find({dataset.name!r})", known, repr(filename), "ask for a file of the data set")
    return dataset.sha256[filename]
