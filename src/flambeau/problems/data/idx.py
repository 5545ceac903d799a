"""Reader of IDX files, the format of MNIST: a short header, then the elements, nothing else.

::

    byte 0-1   0, 0
    byte 2     element type (table below)
    byte 3     number of dimensions d, here 1 to 4
    4 d bytes  the dimensions, big-endian unsigned 32 bit
    rest       the elements, big-endian, last dimension fastest

A header is only a claim, so each number in it is checked before memory is spent on it.
"""

import gzip
import math
import os
import struct
import zlib
from io import BufferedIOBase
from pathlib import Path

import numpy as np

from flambeau.errors import FileFormatError

TYPES = {0x08: "u1", 0x09: "i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
MOST_DIMENSIONS = 4
CHUNK = 1 << 20
FRESH = "fetch the file again from its publisher"


def read_idx(path: str | os.PathLike[str], *, max_bytes: int = 1 << 30) -> np.ndarray:
    """Read one IDX file, plain or gzip (told apart by content, not by name), as an array of its own shape and type.

    ``max_bytes`` bounds the size of the array. Decompression stops one byte after what the header promises (or where
    the buffer that holds that byte ends).

    Raises :class:`~flambeau.errors.FileFormatError` for a wrong magic number, an unknown element type, 0 or more than 4
    dimensions, a size above ``max_bytes``, a truncated or damaged body, or bytes after it. FileNotFoundError if there
    is no such file.

    >>> import pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "three.idx")
    ...     _ = path.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]))
    ...     read_idx(path)
    array([7, 8, 9], dtype=uint8)

    *Limits.* The whole array is read into memory.
    Source: Y. LeCun, C. Cortes, C. Burges, *The MNIST database of handwritten digits*, 1998 (section on the format).
    """
    with open(path, "rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        try:
            with gzip.GzipFile(fileobj=file) if zipped else file as stream:
                return read_idx_body(stream, Path(path), max_bytes)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise FileFormatError(str(path), "a whole gzip file", error, FRESH) from error


def read_idx_body(stream: BufferedIOBase, path: Path, max_bytes: int) -> np.ndarray:
    """Header and elements, each checked before memory is spent on it."""
    dtype, shape = read_idx_header(stream, path)
    # An empty dimension must not hide huge ones: NumPy's own limit is on the product without it.
    if math.prod(max(size, 1) for size in shape) * dtype.itemsize > max_bytes:
        raise FileFormatError(str(path), f"at most {max_bytes} bytes", f"shape {shape} of {dtype}", "raise max_bytes")
    promised = math.prod(shape) * dtype.itemsize
    body = read_at_most(stream, promised + 1)
    if len(body) != promised:
        got = f"only {len(body)}" if len(body) < promised else "more"
        raise FileFormatError(str(path), f"{promised} bytes for the shape {shape}", got, FRESH)
    array = np.frombuffer(body, dtype=dtype).reshape(shape)
    return array.astype(dtype.newbyteorder("="), copy=False)


def read_idx_header(stream: BufferedIOBase, path: Path) -> tuple[np.dtype, tuple[int, ...]]:
    """Element type and shape."""
    magic = read_at_most(stream, 4)
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES:
        known = ", ".join(f"{code:#04x}" for code in TYPES)
        expected = f"an IDX magic number 00 00 <type> <dimensions> of type {known}"
        raise FileFormatError(str(path), expected, magic.hex(" ") or "an empty file", FRESH)
    if not 1 <= magic[3] <= MOST_DIMENSIONS:
        raise FileFormatError(str(path), f"1 to {MOST_DIMENSIONS} dimensions", magic[3], FRESH)
    sizes = read_at_most(stream, 4 * magic[3])
    if len(sizes) < 4 * magic[3]:
        raise FileFormatError(str(path), f"{magic[3]} dimensions in the header", "a file that ends there", FRESH)
    return np.dtype(TYPES[magic[2]]), struct.unpack(f">{magic[3]}I", sizes)


def read_at_most(stream: BufferedIOBase, limit: int) -> bytearray:
    """So many bytes, or fewer where the stream ends."""
    body = bytearray()
    # In pieces, so that memory follows what is really there and not what the header claims.
    while len(body) < limit and (piece := stream.read(min(CHUNK, limit - len(body)))):
        body += piece
    return body
