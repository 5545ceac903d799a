"""``flambeau predict`` and ``flambeau recall``: a table in, the same table with the model's answers out."""

import itertools
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import click
import numpy as np

from flambeau.cli.group import say
from flambeau.cli.models import is_memory, load_estimator
from flambeau.cli.outputs import OutputFile, put, table_text, warm_start_compiler
from flambeau.cli.sources import Columns, format_options, is_supervised, opened, remembered_or_guessed
from flambeau.errors import ConfigurationError
from flambeau.problems import TableFile, TableLayout, read_rows


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("data")
@format_options
@click.option("--out", type=OutputFile(), help="where to write the table (default: standard output)")
def predict(file: Path, data: str, out: Path | None, **columns: Any) -> None:
    """Write the table DATA with a last column, the predictions of the saved model FILE.

    Every column and row stays as it stands; the target may be there or not. Columns are found by their names.

    \b
    flambeau predict prices.flambeau new.csv --out priced.csv
    """
    model = load_estimator(file)
    if not is_supervised(model):
        remedy = "`flambeau recall` completes patterns" if is_memory(model) else "train a classifier or a regressor"
        raise ConfigurationError("predict", "a classifier or a regressor", type(model).__name__, remedy)
    table, _, X = table_and_rows(model, data, Columns(**columns), out)
    answers = np.asarray(model.predict(X)).reshape(len(X), -1)
    several = answers.shape[1] > 1
    names = [f"prediction {place}" for place in range(1, answers.shape[1] + 1)] if several else ["prediction"]
    titles = [] if not table.header else [*table.titles, *(fresh_name(name, table.titles) for name in names)]
    rows = ([*cells, *map(str, row)] for (_, cells), row in zip(table.rows(), answers, strict=True))
    deliver(table, titles, rows, out, f"{len(X)} rows with predictions")


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("data")
@format_options
@click.option("--out", type=OutputFile(), help="where to write the table (default: standard output)")
def recall(file: Path, data: str, out: Path | None, **columns: Any) -> None:
    """Write what the saved memory FILE recalls for every row of the table DATA.

    \b
    flambeau recall letters.flambeau damaged.csv --out repaired.csv
    """
    model = load_estimator(file)
    if not is_memory(model):
        raise ConfigurationError("recall", "a memory", type(model).__name__, "train Hopfield or another memory")
    table, layout, X = table_and_rows(model, data, Columns(**columns), out)
    answers, titles = np.asarray(model.recall(X)), layout.columns if table.header else ()
    deliver(table, titles, ([f"{value:g}" for value in row] for row in answers), out, f"{len(X)} rows recalled")


def table_and_rows(
    model: Any, data: str, columns: Columns, out: Path | None
) -> tuple[TableFile, TableLayout, np.ndarray]:
    """The table, how it is read, and its numbers in the order that the model learned."""
    table = opened(data, columns)
    if table is None:
        raise ConfigurationError("DATA", "a table in a file", f"the data set {data!r}", "give a file")
    if out is not None and out.exists() and out.samefile(table.path):
        raise ConfigurationError("--out", "another file than DATA", str(out), "choose another name")
    layout = remembered_or_guessed(model, table, columns)
    others = [name for name in table.names if name not in layout.features and name != layout.target]
    if others and layout.named:
        say(f"Note: columns that the model does not know are kept and not used: {', '.join(others[:8])}.")
    warm_start_compiler()
    return table, layout, read_rows(table, layout, with_target=False).inputs


def fresh_name(name: str, taken: Sequence[str]) -> str:
    """The name, or the first of its kind that no column has."""
    others = (f"{name} {number}" for number in itertools.count(2))
    return next(new for new in itertools.chain([name], others) if new not in taken)


def deliver(
    table: TableFile, titles: Sequence[str], rows: Iterable[Sequence[str]], out: Path | None, what: str
) -> None:
    """Write the table, with the delimiter that it came with, to a file (whole or not at all) or standard output."""
    from flambeau.foundation.files import write_atomic

    text = table_text(titles, rows, table.delimiter)
    if out is None:
        click.echo(text, nl=False)
        return
    put(out, lambda path: write_atomic(path, text.encode()))
    say(f"{what}: {out}")
