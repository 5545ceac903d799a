"""How every command ends: exit codes, and one line for whatever went wrong.

======  ==========================================================================================
0       done
1       done, but the result lies elsewhere than asked for (the disk was full); the line says where
2       refused: the line says where, what was expected, what was got and the remedy
130     interrupted (Ctrl-C); the line says what was kept
======  ==========================================================================================

Only a bug keeps its traceback.
"""

import contextlib
import warnings
from collections.abc import Iterator
from typing import Any

import click

from flambeau.errors import FlambeauError


class Refusal(click.ClickException):
    """An error that was raised on purpose, on its way to the terminal."""

    exit_code = 2


class Elsewhere(click.ClickException):
    """The work is done, and its result lies where the message says."""

    exit_code = 1

    def show(self, file: Any = None) -> None:
        """The sentence alone: nothing was refused."""
        say(self.message)


class Interrupted(Elsewhere):
    """The work was cut short by the user; the message says what was kept."""

    exit_code = 130


class OneLineErrors(click.Group):
    """A group of commands in which what went wrong on purpose becomes a message, not a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; anything but Flambeau's own errors and the machine's refusals is a bug."""
        from sklearn.exceptions import NotFittedError

        try:
            with warnings_in_one_line():
                return super().invoke(ctx)
        except (FlambeauError, NotFittedError) as error:
            raise Refusal(one_line(error)) from error
        except BrokenPipeError:
            raise
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            raise Refusal(f"{place}{error.strerror or error}") from error
        except MemoryError as error:
            raise Refusal("not enough memory: give fewer rows or a smaller model") from error
        except KeyboardInterrupt:
            raise Interrupted("Interrupted: nothing was kept.") from None


def say(message: str) -> None:
    """A sentence beside the result: on standard error."""
    click.echo(message, err=True)


def one_line(error: object) -> str:
    """The message without line ends."""
    return " ".join(str(error).split())


@contextlib.contextmanager
def warnings_in_one_line() -> Iterator[None]:
    """Warnings to the user as a sentence each, without the line of code that gave them."""

    def show(message: Any, *_: Any, **__: Any) -> None:
        say(f"Warning: {one_line(message)}")

    with warnings.catch_warnings():
        for category in (UserWarning, RuntimeWarning):
            warnings.filterwarnings("default", category=category)
        warnings.filterwarnings("ignore", "interrupted after")  # the command says more
        warnings.filterwarnings("ignore", "X does not have valid feature names")  # the names were compared already
        warnings.showwarning = show
        yield
