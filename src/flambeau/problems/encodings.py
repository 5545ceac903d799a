"""Is a file text, and in which encoding? Asked of its bytes before anything is read from it."""

import codecs
from collections.abc import Iterator
from pathlib import Path

from flambeau.errors import ConfigurationError, DataError

MAX_LINE, MAX_BYTES = 1 << 24, 1 << 34
WIDE = {
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
OTHERS = {
    b"PK\x03\x04": "a spreadsheet or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old spreadsheet",
    b"\x1f\x8b": "a gzip file",
    b"PAR1": "a Parquet file",
    b"%PDF": "a PDF",
    b"\x89PNG": "a picture",
    b"\x89HDF": "an HDF5 file",
    b"SQLite": "a database",
}
NO_TEXT = bytes(code for code in range(32) if code not in b"\t\n\r\x0b\x0c\x1a\x1b")


def encoding_of(path: Path, given: str | None = None) -> tuple[str, tuple[str, ...]]:
    """The encoding in which the whole file can be read, and a note where it was not UTF-8.

    Raises :class:`~flambeau.errors.DataError` for what is no text, naming what it seems to be; UTF-16 and UTF-32 are
    read only when they are ``given``.
    """
    check_readable(path)
    if given is not None:
        return checked_encoding(path, given), ()
    with path.open("rb") as file:
        start = file.read(1 << 16)
    for mark, name in WIDE.items():
        if start.startswith(mark):
            raise DataError(str(path), "text in UTF-8", name.upper(), f"save it as UTF-8, or say --encoding {name}")
    got = next((name for mark, name in OTHERS.items() if start.startswith(mark)), "bytes that no text holds")
    if start.startswith(tuple(OTHERS)) or len(start.translate(None, NO_TEXT)) < len(start):
        raise DataError(str(path), "a table of text", got, "export it as CSV in UTF-8")
    found = "utf-8-sig" if start.startswith(codecs.BOM_UTF8) else "utf-8"
    if decodes(path, found):
        return found, ()
    return "latin-1", (f"{path.name} is not UTF-8 and is read as Latin-1; --encoding says otherwise",)


def check_readable(path: Path) -> None:
    """Refuse what cannot be opened, and what has no end."""
    try:
        with path.open("rb"):
            size = path.stat().st_size
    except OSError as error:
        raise DataError(str(path), "a file that can be read", error.strerror, "check the name") from None
    if not path.is_file():
        raise DataError(str(path), "a file", "something else", "save the table first: it is read more than once")
    if size > MAX_BYTES:
        raise DataError(str(path), f"at most {MAX_BYTES >> 30} GiB", f"{size} bytes", "split the table")


def checked_encoding(path: Path, name: str) -> str:
    """The encoding that was asked for, if Python knows it and the file can be read in it."""
    try:
        "".encode(name)
        codecs.getincrementaldecoder(name)
    except (LookupError, ValueError):
        remedy = "for instance utf-8, latin-1, cp1252 or utf-16"
        raise ConfigurationError("encoding", "a text encoding", repr(name), remedy) from None
    if not decodes(path, name):
        raise DataError(str(path), f"text in {name}", "bytes that are none", "give another --encoding")
    return name


def decodes(path: Path, encoding: str) -> bool:
    """Whether every byte of a file can be read in that encoding."""
    decoder = codecs.getincrementaldecoder(encoding)()
    with path.open("rb") as file:
        try:
            while block := file.read(1 << 20):
                decoder.decode(block)
            decoder.decode(b"", final=True)
        except UnicodeError:
            return False
    return True


def text_lines(path: Path, encoding: str) -> Iterator[str]:
    """One line after another, its end included; a line without an end is bounded."""
    with path.open(encoding=encoding, newline="") as file:
        while line := file.readline(MAX_LINE + 1):
            if len(line) > MAX_LINE:
                raise DataError(str(path), f"lines of at most {MAX_LINE} characters", "a longer one", "export it anew")
            yield line
