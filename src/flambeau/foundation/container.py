"""The one kind of file that is written here: arrays in safetensors, and beside them a manifest in JSON.

Nothing in a file is executed. Everything is judged before it is believed, and the small before the large: the first 8
bytes, the header's size, depth and counts, the place of every array, the checksum over all bytes; only then does the
safetensors library see the file.

The manifest is the only entry of the header's ``__metadata__`` (the library writes several in any order, and equal
models should give equal bytes). It begins with ``format`` and ``sha256``; the sum is taken with 64 zeros in its place.
"""

import hashlib
import itertools
import json
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load as load_tensors
from safetensors.numpy import save as save_tensors

from flambeau.errors import ChecksumError, ConfigurationError, FileFormatError

MAX_HEADER, MAX_TENSORS, MAX_DIMENSIONS, MAX_DEPTH = 1 << 20, 4_096, 8, 128
UNSIGNED = b"0" * 64
STRINGS = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
REMEDY = "give a file that Flambeau wrote, whole"


class Container:
    """What a file holds: its ``manifest`` and its ``tensors``, name -> array; ``where`` it came from."""

    def __init__(self, where: str, manifest: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
        self.where, self.manifest, self.tensors = where, manifest, tensors


def pack(where: str, format: str, manifest: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> bytes:
    """The bytes of a file; the same manifest and tensors always give the same.

    Raises :class:`~flambeau.errors.ConfigurationError` for what would pass the limits that a reader keeps.
    """
    if len(tensors) > MAX_TENSORS:
        remedy = "leave out what goes on learning (training=False), or divide the model"
        raise ConfigurationError(where, f"at most {MAX_TENSORS:,} arrays in a file", f"{len(tensors):,}", remedy)
    text = json.dumps(
        {"format": format, "sha256": UNSIGNED.decode(), **manifest}, allow_nan=False, separators=(",", ":")
    )
    content = save_tensors(dict(tensors), metadata={"flambeau": text})
    length = int.from_bytes(content[:8], "little")
    if length > MAX_HEADER:
        remedy = "leave out what goes on learning (training=False), or divide the model"
        raise ConfigurationError(where, f"a description of at most {MAX_HEADER:,} bytes", f"{length:,}", remedy)
    place = content.index(UNSIGNED, 8)
    return content[:place] + hashlib.sha256(content).hexdigest().encode() + content[place + 64 :]


def read(path: str | Path, formats: Mapping[str, bool]) -> Container:
    """Read a file of one of the ``formats`` (name -> whether it carries a checksum).

    Raises :class:`~flambeau.errors.FileFormatError` for any other, :class:`~flambeau.errors.ChecksumError` for one
    whose bytes have changed; ``FileNotFoundError`` where there is none.
    """
    source = Path(path).expanduser()
    if not stat.S_ISREG(source.stat().st_mode):
        raise FileFormatError(str(source), "a file", "a folder, a device or a pipe", REMEDY)
    with source.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        start = file.read(8)
        _judge(str(source), start + file.read(_length(str(source), start, size)), size, formats)
        file.seek(0)
        content = file.read(size)
    return unpack(str(source), content, formats)


def unpack(where: str, content: bytes, formats: Mapping[str, bool]) -> Container:
    """What a file with this content holds; as :func:`read`."""
    length = _length(where, content[:8], len(content))
    manifest = _judge(where, content[: 8 + length], len(content), formats)
    if formats[manifest["format"]]:
        _check_sum(where, content, manifest)
    try:
        tensors = load_tensors(content)
    except (SafetensorError, ValueError, TypeError, KeyError, OverflowError) as error:
        _refuse(where, "arrays that safetensors can read", f"{type(error).__name__}: {error}")
    return Container(where, manifest, tensors)


def _length(where: str, start: bytes, size: int) -> int:
    """The header's length, judged by the file's first 8 bytes."""
    length = int.from_bytes(start, "little")
    if len(start) < 8 or length > MAX_HEADER or length + 8 > size:
        got = f"{length} bytes in a file of {size}" if len(start) == 8 else f"a file of {size} bytes"
        _refuse(where, f"a header of at most {MAX_HEADER} bytes", got)
    return length


def _judge(where: str, head: bytes, size: int, formats: Mapping[str, bool]) -> dict[str, Any]:
    """The manifest, within limits; every array lies in the file, one after the other."""
    header = _parsed(where, head[8:], "a safetensors header")
    entries = header.pop("__metadata__", None)
    entries = entries if isinstance(entries, dict) else {}
    text = entries.get("flambeau")
    if not isinstance(text, str):
        _refuse(where, " or ".join(formats), f"{entries.get('format', 'another kind of file')!r:.80}")
    manifest = _parsed(where, text.encode(), "a manifest")
    format = manifest.get("format")
    if not isinstance(format, str) or format not in formats:
        _refuse(where, " or ".join(formats), f"{format!r:.80}")
    _check_places(where, header, size - len(head))
    return manifest


def _parsed(where: str, text: bytes, expected: str) -> dict[str, Any]:
    """A JSON object, of limited depth, without repeated names, NaN or infinity."""
    bare = np.frombuffer(STRINGS.sub(b"", text), np.uint8)
    depth = np.cumsum(np.isin(bare, (ord("["), ord("{"))).astype(int) - np.isin(bare, (ord("]"), ord("}"))))
    if depth.max(initial=0) > MAX_DEPTH:
        _refuse(where, f"{expected} nested at most {MAX_DEPTH} deep", f"{depth.max()}")
    try:
        found = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        _refuse(where, expected, f"{type(error).__name__}: {error}")
    if not isinstance(found, dict):
        _refuse(where, expected, type(found).__name__)
    return found


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names differ."""
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice")
    return found


def _no_constant(name: str) -> NoReturn:
    """NaN and infinity are no JSON."""
    raise ValueError(f"{name} is no number")


def _check_places(where: str, header: dict[str, Any], room: int) -> None:
    """As many arrays as allowed, of few dimensions, that fill the file one after the other."""
    try:
        places = sorted((*entry["data_offsets"], len(entry["shape"])) for entry in header.values())
        deepest = max((place[2] for place in places), default=0)
        sizes = [size for entry in header.values() for size in entry["shape"]]
        gaps = any(first[1] != second[0] for first, second in itertools.pairwise(places))
        end = places[-1][1] if places else 0
        sound = not gaps and end == room and (not places or places[0][0] == 0)
        sound &= all(isinstance(size, int) and 0 <= size < 2**31 for size in sizes)
    except (ValueError, KeyError, TypeError, AttributeError, IndexError, OverflowError) as error:
        _refuse(where, "a safetensors header", f"{type(error).__name__}: {error}")
    if len(header) > MAX_TENSORS or deepest > MAX_DIMENSIONS:
        expected = f"at most {MAX_TENSORS} arrays of at most {MAX_DIMENSIONS} dimensions"
        _refuse(where, expected, f"{len(header)} arrays, {deepest} dimensions")
    if not sound:
        _refuse(where, "arrays that fill the file", f"{end} bytes of arrays in {room} bytes")


def _check_sum(where: str, content: bytes, manifest: dict[str, Any]) -> None:
    """The SHA-256 that stands in the file is that of the file with zeros in its place."""
    told = manifest.get("sha256")
    known = isinstance(told, str) and re.fullmatch("[0-9a-f]{64}", told)
    place = content.find(told.encode(), 8) if isinstance(told, str) and known else -1
    if place < 0:
        _refuse(where, "a SHA-256", f"{told!r:.80}")
    digest = hashlib.sha256(memoryview(content)[:place])
    digest.update(UNSIGNED)
    digest.update(memoryview(content)[place + 64 :])
    if digest.hexdigest() != told:
        remedy = "take the file from where it was written once more: some of its bytes have changed"
        raise ChecksumError(where, f"SHA-256 {told}", digest.hexdigest(), remedy)


def _refuse(where: str, expected: str, got: Any) -> NoReturn:
    raise FileFormatError(where, expected, got, REMEDY) from None
