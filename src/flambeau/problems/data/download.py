"""Downloading one file whose SHA-256 is known: bounded, checked, and never half there."""

import math
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import pooch

from flambeau.errors import ChecksumError, DownloadError, FlambeauError
from flambeau.foundation.progress import Show, progress_bar

MAX_DOWNLOAD = 1 << 28
CHUNK = 1 << 16


def check_sum(path: Path, published: str, *, remedy: str, where: str = "") -> None:
    """Check a file against its published SHA-256; ``where`` names it in the error, if not its path.

    Raises :class:`~flambeau.errors.ChecksumError` if they differ. Source: FIPS 180-4, *Secure hash standard*, 2015.
    """
    got = pooch.file_hash(str(path))
    if got != published.lower():
        raise ChecksumError(where or str(path), f"the SHA-256 {published}", got, remedy)


def download_file(url: str, target: Path, published: str) -> Path:
    """Download ``url`` to ``target`` (whose folder exists) and return it, with a progress bar on a terminal.

    Raises :class:`~flambeau.errors.ChecksumError` if what came is not the file published;
    :class:`~flambeau.errors.DownloadError` if the source does not answer, stops half way, sends more than 256 MiB, or
    the disk is full. In each case ``target`` is not there.

    *Limits.* No second try, no resuming; a killed process may leave a temporary file of another name beside ``target``.
    Source: pooch (Uieda et al., 2020).
    """
    remedy = f"check the connection and the disk, or put {target.name} into the data folder FLAMBEAU_DATA"
    receiver = Receiver(target.name, published)
    try:  # pooch writes to a temporary file beside the target, which it moves only once the sum is right
        pooch.retrieve(url, f"sha256:{published}", target.name, target.parent, downloader=receiver)
    except FlambeauError:
        raise
    except (OSError, ValueError) as error:  # every error of requests is an OSError, a nonsensical header a ValueError
        raise DownloadError(url, "the whole file", error, remedy) from error
    return target


@dataclass(frozen=True)
class Receiver:
    """What pooch calls to download; it checks the sum itself so that the error is ours."""

    name: str
    published: str

    def __call__(self, url: str, output_file: str, _: object) -> None:
        """Stream into the file, with a bar where somebody can see it."""
        with ExitStack() as opened:
            file = opened.enter_context(open(output_file, "wb"))
            bounded = Bounded(file, url)

            def receive(response: Any, **_: object) -> None:
                opened.callback(response.close)  # pooch leaves it open after an error
                # Some servers label a stored .gz as an encoding of the transfer; undone, its SHA-256 would be another.
                response.raw.headers.pop("Content-Encoding", None)
                if response.is_redirect:
                    return
                size = int(response.headers.get("Content-Length", 0)) or None
                bar = progress_bar(sys.stderr.isatty(), size, name=self.name, unit="bytes", watched=None)
                bounded.show = opened.enter_context(bar)

            options = {"headers": {"Accept-Encoding": "identity"}, "hooks": {"response": receive}}
            pooch.HTTPDownloader(chunk_size=CHUNK, **options)(url, bounded, None)
        check_sum(Path(output_file), self.published, remedy="try later: the source sent another file", where=url)


@dataclass
class Bounded:
    """A file that refuses to grow past MAX_DOWNLOAD, and shows how far it is."""

    file: IO[bytes]
    url: str
    show: Show = lambda done, value: None

    def write(self, piece: bytes) -> int:
        """One piece more."""
        if self.file.tell() + len(piece) > MAX_DOWNLOAD:
            raise DownloadError(self.url, f"at most {MAX_DOWNLOAD} bytes", "more", "check the address of the source")
        written = self.file.write(piece)
        self.show(self.file.tell(), math.nan)
        return written

    def flush(self) -> None:
        """Nothing: pooch asks after every piece, and closing the file is enough."""
