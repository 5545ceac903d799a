"""How every command fails: in one line that says where, what was expected, what was got and the remedy."""

from typing import Any

import click

from flambeau.errors import FlambeauError

__all__ = ["OneLineErrors"]


class Refusal(click.ClickException):
    """An error that was raised on purpose, on its way to the terminal."""

    exit_code = 2


class OneLineErrors(click.Group):
    """A group of commands in which a :class:`~flambeau.errors.FlambeauError` becomes a message, not a traceback."""

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; anything but Flambeau's own errors is a bug and keeps its traceback."""
        try:
            return super().invoke(ctx)
        except FlambeauError as error:
            raise Refusal(str(error)) from error
