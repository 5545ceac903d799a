"""``flambeau evaluate``: how good a saved model is on a table or a data set."""

import json
from pathlib import Path
from typing import Any

import click

from flambeau.cli.models import load_estimator
from flambeau.cli.outputs import warm_start_compiler
from flambeau.cli.scores import measured, yardstick_of
from flambeau.cli.sources import Columns, column_options, format_options, part_for

__all__ = ["evaluate"]


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.argument("data")
@column_options
@format_options
@click.option("--json", "as_json", is_flag=True, help="print the result as JSON")
def evaluate(file: Path, data: str, as_json: bool, **columns: Any) -> None:
    """Judge the saved model FILE by DATA: accuracy, R², or the figure of its kind.

    All rows of a table count, except where it is the one that the model learned from: then those that were held out.
    Columns are found by their names, so their order does not matter. Of a data set, the held-out part counts.

    \b
    flambeau evaluate digits.flambeau digits
    """
    model = load_estimator(file)
    part = part_for(model, data, Columns(**columns))
    warm_start_compiler()
    yardstick = yardstick_of(model)
    report = {"model": type(model).__name__, "rows": len(part.X), "part": part.words, "figure": yardstick.name}
    value = measured(yardstick, part.X, part.y)
    line = f"{yardstick.name} {value:.4f} ({part.words})"
    click.echo(json.dumps(report | {"value": value}, ensure_ascii=False) if as_json else line)
