"""The command line, ``flambeau``: one thin file per command.

To add one, write its file and name it in ``COMMANDS``. Imports that take time stand inside the functions, so that help
comes at once; an error that Flambeau raises on purpose becomes one line on standard error and exit code 2.
"""

import click

from flambeau import __version__
from flambeau.cli.data import data
from flambeau.cli.evaluate import evaluate
from flambeau.cli.group import OneLineErrors
from flambeau.cli.journey import journey
from flambeau.cli.predict import predict, recall
from flambeau.cli.sample import sample
from flambeau.cli.train import train_command

__all__ = ["main"]

COMMANDS: tuple[click.Command, ...] = (journey, train_command, predict, evaluate, sample, recall, data)


@click.group(cls=OneLineErrors, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="flambeau")
def main() -> None:
    """Every network of a lecture on neural networks, as real software.

    Start with `flambeau journey`: it runs the lecture's chapters and writes a page.
    """


for command in COMMANDS:
    main.add_command(command)
