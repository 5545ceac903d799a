"""Files that are whole or not there, written and looked at as a careful program would.

A *part* is the hidden file beside the target that a write fills before it takes the target's place. Its writer holds a
lock on it; a part that nobody holds is what a killed write left, and the next write to the same target clears it.
"""

import contextlib
import os
import secrets
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from flambeau.errors import OutputError

locks: Any
try:
    import fcntl as locks
except ImportError:  # Windows: parts are not locked there, and leftovers stay
    locks = None

PART = "flambeau-part"


def write_atomic(path: str | Path, content: bytes | Iterable[bytes | memoryview]) -> None:
    """Write a file so that a crash leaves the old one or the new one, never a part of it.

    Everything goes to a hidden file beside the target, is flushed to the disk and renamed over it; then the folder is
    flushed. ``~`` is the home folder, a link's target is replaced and the link stays, and so do the permissions of a
    file that was there. What killed writes to the same target left behind is cleared.

    Raises :class:`~flambeau.errors.OutputError` where nothing can be written: no such folder, no permission, no room.
    """
    target = check_output(path)
    clear_leftovers(target)
    pieces = [content] if isinstance(content, bytes) else content
    try:
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else None
        with _part_of(target, 0o666 if mode is None else 0o600) as (part, handle):
            if mode is not None:
                os.chmod(part, mode)
            for piece in pieces:
                _write_all(handle, piece)
            os.fsync(handle)
            os.replace(part, target)
        _flush_folder(target.parent)
    except OSError as error:
        got = f"{error.strerror or error} [{type(error).__name__}]"
        raise OutputError(str(target), "a file that can be written", got, "make room, or write elsewhere") from error


def check_output(path: str | Path) -> Path:
    """The file that writing to ``path`` would replace, or a refusal that names what is in the way.

    Worth asking before long work whose result goes there.

    >>> check_output("/no/such/folder/model.flambeau")
    Traceback (most recent call last):
        ...
    flambeau.errors.OutputError: /no/such/folder/model.flambeau: expected an existing folder, \
got no folder /no/such/folder. Remedy: make the folder, or write elsewhere.
    """
    target = target_of(path)
    where, folder, elsewhere = str(target), target.parent, "write elsewhere"
    if target.is_dir():
        raise OutputError(where, "a file", "a folder", f"name a file in it, for instance {target / 'model.flambeau'}")
    if not folder.is_dir():
        got = f"no folder {folder}" if not folder.exists() else f"{folder}, which is no folder"
        raise OutputError(where, "an existing folder", got, f"make the folder, or {elsewhere}")
    if target.exists() and not target.is_file():
        raise OutputError(where, "a regular file", "a device or a pipe", elsewhere)
    if not os.access(folder, os.W_OK | os.X_OK):
        raise OutputError(where, "a folder that can be written to", f"{folder}, which is read-only", elsewhere)
    return target


def target_of(path: str | Path) -> Path:
    """The file that a path means: ``~`` expanded, links followed."""
    return Path(os.path.realpath(Path(path).expanduser()))


def clear_leftovers(target: Path) -> None:
    """Remove the parts of ``target`` that no writer holds."""
    if locks is None:
        return
    for part in target.parent.glob(f".{_escaped(target.name)}.*.{PART}"):
        with contextlib.suppress(OSError):  # another process was quicker, or holds it, or it is not ours
            handle = os.open(part, os.O_RDWR | os.O_NOFOLLOW)
            try:
                locks.flock(handle, locks.LOCK_EX | locks.LOCK_NB)
                part.unlink()
            finally:
                os.close(handle)


@contextlib.contextmanager
def _part_of(target: Path, mode: int) -> Iterator[tuple[Path, int]]:
    """A new hidden file beside ``target``, open and locked; gone afterwards unless it was renamed."""
    part = target.with_name(f".{target.name}.{secrets.token_hex(8)}.{PART}")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), mode)
    try:
        if locks is not None:
            with contextlib.suppress(OSError):  # a file system without locks: its leftovers stay
                locks.flock(handle, locks.LOCK_EX | locks.LOCK_NB)
        yield part, handle
    finally:
        os.close(handle)
        part.unlink(missing_ok=True)


def _write_all(handle: int, piece: bytes | memoryview) -> None:
    """Write until nothing is left: the system may take less at a time, and takes at most 2 GiB."""
    left = memoryview(piece).cast("B")
    while len(left):
        left = left[os.write(handle, left[: 1 << 30]) :]


def _escaped(name: str) -> str:
    """A file name in which a glob's wildcards mean themselves."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _flush_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut (where folders can be opened, which Windows refuses)."""
    if os.name == "nt":
        return
    with contextlib.suppress(PermissionError):  # a folder that may be written and not read
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
