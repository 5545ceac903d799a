"""Files that are whole or not there."""

import json
import os
import tempfile
from pathlib import Path

from flambeau.errors import FileFormatError

__all__ = ["header_within_limits", "write_atomic"]


MAX_HEADER, MAX_TENSORS, MAX_DIMENSIONS = 1 << 20, 4_096, 8


def header_within_limits(content: bytes, where: str) -> dict[str, str]:
    """The text entries of a safetensors file, read by ourselves before the library sees it.

    Raises :class:`~flambeau.errors.FileFormatError` for a header over 1 MiB or beyond the file, more than 4,096 arrays,
    or more than 8 dimensions.
    """
    remedy = "give a file that Flambeau wrote"
    length = int.from_bytes(content[:8], "little")
    if length > MAX_HEADER or length + 8 > len(content):
        raise FileFormatError(where, f"a header of at most {MAX_HEADER} bytes", f"{length} bytes", remedy)
    try:
        header = json.loads(content[8 : 8 + length])
        entries = header.pop("__metadata__", {})
        deepest = max((len(entry["shape"]) for entry in header.values()), default=0)
        texts = {str(name): str(text) for name, text in entries.items()}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise FileFormatError(where, "a safetensors header", f"{type(error).__name__}: {error}", remedy) from None
    if len(header) > MAX_TENSORS or deepest > MAX_DIMENSIONS:
        expected = f"at most {MAX_TENSORS} arrays of at most {MAX_DIMENSIONS} dimensions"
        raise FileFormatError(where, expected, f"{len(header)} arrays, {deepest} dimensions", remedy)
    return texts


def write_atomic(path: str | Path, content: bytes) -> None:
    """Write a file so that a crash leaves the old one or the new one, never a part.

    A temporary file beside the target, flushed to the disk, is renamed over it; then the folder is flushed.
    """
    target = Path(path)
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o666 & ~current_umask())
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    flush_folder(target.parent)


def current_umask() -> int:
    """The permissions that the user withholds from new files (mkstemp withholds nearly all)."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def flush_folder(folder: Path) -> None:
    """Make the rename itself survive a power cut (where folders can be opened, which Windows refuses)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
