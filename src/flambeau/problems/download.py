"""Downloading one file whose SHA-256 is known: bounded, checked, and never half there."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pooch

from flambeau.errors import ChecksumError, DownloadError, FlambeauError

__all__ = ["check_sum", "download_file"]

MAX_DOWNLOAD = 1 << 28
_CHUNK = 1 << 16


def check_sum(path: Path, published: str, *, remedy: str, where: str = "") -> None:
    """Check a file against its published SHA-256; ``where`` names it in the error, if not its path.

    Raises: ChecksumError if they differ.

    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile() as empty:
    ...     check_sum(Path(empty.name), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", remedy="")

    Limits: reads the whole file. Source: FIPS 180-4, *Secure hash standard*, 2015, through pooch.
    """
    got = pooch.file_hash(str(path))
    if got != published.lower():
        raise ChecksumError(where or str(path), f"the SHA-256 {published}", got, remedy)


def download_file(url: str, target: Path, published: str) -> Path:
    """Download ``url`` to ``target`` (whose folder exists) and return it, with a progress bar on a terminal.

    Raises: ChecksumError if what came is not the file published; DownloadError if the source does not answer, stops
    half way, sends more than 256 MiB, or the disk is full. In each case ``target`` is not there.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     download_file("not-a-protocol://example.org/a.gz", Path(folder, "a.gz"), "0" * 64)
    Traceback (most recent call last):
        ...
    flambeau.errors.DownloadError: not-a-protocol://example.org/a.gz: expected the whole file, got No connection ...

    Limits: no second try, no resuming; a killed process may leave a temporary file of another name beside ``target``.

    Source: pooch (Uieda et al., 2020).
    """
    # pooch writes to a temporary file beside the target, which it moves only once the sum is right.
    try:
        pooch.retrieve(url, f"sha256:{published}", target.name, target.parent, downloader=_Downloader(published))
    except FlambeauError:
        raise
    except (OSError, ValueError) as error:  # every error of requests is an OSError, a nonsensical header a ValueError
        remedy = f"check the connection and the disk, or put {target.name} into the data folder FLAMBEAU_DATA"
        raise DownloadError(url, "the whole file", error, remedy) from error
    return target


@dataclass(frozen=True)
class _Downloader:
    """What pooch calls to download; it checks the sum itself so that the error is ours."""

    published: str

    def __call__(self, url: str, output_file: str, _: object) -> None:
        with ExitStack() as opened:

            def receive(response: Any, **_: object) -> None:
                opened.callback(response.close)  # pooch leaves it open after an error
                # Some servers label a stored .gz as an encoding of the transfer; undone, its SHA-256 would be another.
                response.raw.headers.pop("Content-Encoding", None)

            options = {"headers": {"Accept-Encoding": "identity"}, "hooks": {"response": receive}}
            bar, file = opened.enter_context(_progress_bar(url)), opened.enter_context(open(output_file, "wb"))
            fetch = pooch.HTTPDownloader(progressbar=bar, chunk_size=_CHUNK, **options)
            fetch(url, _Bounded(file, url), None)
        check_sum(Path(output_file), self.published, remedy="try later: the source sent another file", where=url)


@dataclass(frozen=True)
class _Bounded:
    """A file that refuses to grow past MAX_DOWNLOAD."""

    file: IO[bytes]
    url: str

    def write(self, piece: bytes) -> int:
        if self.file.tell() + len(piece) > MAX_DOWNLOAD:
            raise DownloadError(self.url, f"at most {MAX_DOWNLOAD} bytes", "more", "check the address of the source")
        return self.file.write(piece)

    def flush(self) -> None:
        """Do nothing: pooch asks after every piece, and closing the file is enough."""


@contextmanager
def _progress_bar(url: str) -> Iterator[Any]:
    """Give pooch a progress bar where somebody can see it, else False (none)."""
    if not sys.stderr.isatty():
        yield False
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as progress:
        yield _Bar(progress, progress.add_task(url.rsplit("/", 1)[-1], total=None))


class _Bar:
    """The face that pooch asks of a progress bar (a total to set, three verbs), drawn by rich."""

    def __init__(self, progress: Any, task: Any) -> None:
        self._progress, self._task = progress, task

    @property
    def total(self) -> float | None:
        return self._progress.tasks[0].total

    @total.setter
    def total(self, size: int) -> None:
        self._progress.update(self._task, total=size or None)  # pooch says 0 for "not known"

    def update(self, size: int) -> None:
        self._progress.advance(self._task, size)

    def reset(self) -> None:
        self._progress.update(self._task, completed=0)

    def close(self) -> None:
        """Do nothing: the context manager closes, also after an error."""
