"""Where results go: every place is tried before the work, and a result that cannot be put there is put elsewhere."""

import csv
import io
import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import click

from flambeau.cli.group import Elsewhere, say
from flambeau.errors import ConfigurationError, OutputError
from flambeau.foundation.files import check_output

PROBE = bytes(1 << 16)  # more than what a full disk may still have in its last block


class OutputFile(click.ParamType):
    """A file that can be written: its folder is there, can be written to and is not full."""

    name = "file"

    def __init__(self, *suffixes: str) -> None:
        self.suffixes = suffixes

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path, after a trial."""
        path, where = Path(value).expanduser(), option_of(param)
        if self.suffixes and path.suffix.lower() not in self.suffixes:
            raise ConfigurationError(where, f"a name that ends in {' or '.join(self.suffixes)}", str(path), "rename it")
        try:
            check_output(path)
        except OutputError as error:
            raise ConfigurationError(where, error.expected, error.got, error.remedy) from None
        check_writable(path.parent, where)
        return path


class OutputFolder(click.ParamType):
    """A folder that can be written to, or made; it is not made yet."""

    name = "folder"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The path, after a trial in it or in the nearest folder above it that is there."""
        path, where = Path(value).expanduser(), option_of(param)
        nearest = next(folder for folder in (path.absolute(), *path.absolute().parents) if os.path.lexists(folder))
        if not nearest.is_dir():
            remedy = "choose another folder"
            raise ConfigurationError(where, "a folder that can be made", f"{path}: {nearest} is no folder", remedy)
        check_writable(nearest, where)
        return path


def option_of(param: click.Parameter | None) -> str:
    """The name of the option as the user writes it."""
    return "--out" if param is None else param.opts[-1]


def check_writable(folder: Path, where: str) -> None:
    """Refuse a folder in which no file can be written: read-only, forbidden or full."""
    if (reason := reason_against(folder)) is not None:
        got = f"{folder} ({reason})"
        raise ConfigurationError(where, "a folder that can be written to", got, "choose another folder")


def reason_against(folder: Path) -> str | None:
    """Why no file can be written there; None if one can."""
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(PROBE)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error.strerror or str(error)
    return None


def put(path: Path, write: Callable[[Path], object]) -> Path:
    """Write the result; where that fails, write it to another folder and say so.

    Raises :class:`~flambeau.cli.group.Elsewhere` with the place, or the first error if there is none.
    """
    try:
        write(path)
        return path
    except OSError as error:
        failure = error
    for folder in (Path.cwd(), Path.home(), Path(tempfile.gettempdir())):
        try:
            handle, name = tempfile.mkstemp(dir=folder, prefix=f"{path.stem}-", suffix=path.suffix)
            os.close(handle)
            write(Path(name))
        except OSError:
            Path(name).unlink(missing_ok=True)
            continue
        raise Elsewhere(f"{path} could not be written ({why(failure)}): the result is saved to {name}") from failure
    raise failure


def why(failure: OSError) -> str:
    """The machine's own words for what it refused."""
    cause = failure.__cause__
    return failure.strerror or (isinstance(cause, OSError) and cause.strerror) or str(failure)


def table_text(titles: Sequence[str], rows: Iterable[Sequence[str]], delimiter: str = ",") -> str:
    """Rows as the text of a table, under their titles if there are any."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    writer.writerows([titles] if titles else [])
    writer.writerows(rows)
    return text.getvalue()


def warm_start_compiler() -> None:
    """Keep compiled programs for the next call, if they can be kept at all: they only save time."""
    from flambeau import enable_compilation_cache
    from flambeau.foundation.programs import program_folder

    folder = program_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        reason = reason_against(folder)
    except OSError as error:
        reason = error.strerror
    if reason is not None:
        say(f"Warning: compiled programs are not kept, since {folder} cannot be written ({reason}).")
        return
    enable_compilation_cache(folder)
