"""``flambeau train``: an estimator on a data set or a table, to a safe file."""

import json
from pathlib import Path
from typing import Any

import click
import numpy as np

from flambeau.cli.models import ModelName, TrainingHelp, built
from flambeau.cli.outputs import OutputFile, put, warm_start_compiler
from flambeau.cli.scores import yardstick_of
from flambeau.cli.sources import Columns, Material, column_options, format_options, to_learn

__all__ = ["train_command"]


@click.command("train", cls=TrainingHelp)
@click.argument("model", type=ModelName())
@click.argument("data")
@column_options
@format_options
@click.option("--test", metavar="FILE", help="a table to judge the model by; DATA is then learned from as a whole")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="a parameter of the model; repeatable")
@click.option("--out", type=OutputFile(), help="save the model (FILE.flambeau)")
@click.option("--json", "as_json", is_flag=True, help="print the result as JSON")
def train_command(
    model: str,
    data: str,
    test: str | None,
    settings: tuple[str, ...],
    out: Path | None,
    as_json: bool,
    **columns: Any,
) -> None:
    """Train MODEL on DATA, and judge it by rows that it did not learn from.

    DATA is the name of a data set (`flambeau data list`) or a table in a text file: one row a line, the last column is
    the target unless --target names another. A quarter of the rows, or the data set's own test part, is held out.

    \b
    flambeau train MLPClassifier digits --out digits.flambeau
    flambeau train MLPRegressor prices.csv --target price --drop id --categorical district
    flambeau train RBM digits --set n_components=64 --set epochs=5
    """
    estimator = built(model, settings)
    material = to_learn(estimator, data, Columns(**columns), test)
    warm_start_compiler()
    fit(estimator, material)
    report = judgement(estimator, material)
    if out is not None:
        report["saved"] = str(put(out, lambda path: save_model(estimator, path)))
    click.echo(json.dumps(report, ensure_ascii=False) if as_json else report_line(report))


def fit(estimator: Any, material: Material) -> None:
    """Learn, and remember the names of the table."""
    X, y, _ = material.learn
    if y is None:
        estimator.fit(X)
    else:
        estimator.fit(X, y)
    if material.layout is not None:
        estimator.table_ = material.layout
        if material.layout.named:
            estimator.feature_names_in_ = np.asarray(material.layout.columns, dtype=object)


def judgement(estimator: Any, material: Material) -> dict[str, Any]:
    """What came of it, ready for JSON."""
    name, measure = yardstick_of(estimator)
    report: dict[str, Any] = {"model": type(estimator).__name__, "rows": len(material.learn.X), "figure": name}
    report["training"] = float(measure(material.learn.X, material.learn.y))
    if material.ask is not None:
        report[material.ask.words.split(" (")[0].replace(" ", "_")] = float(measure(material.ask.X, material.ask.y))
    return report


def report_line(report: dict[str, Any]) -> str:
    """The report as a line, and where the model is."""
    parts = [
        f"{name.replace('_', ' ')} {report[name]:.4f}" for name in ("training", "held_out", "test") if name in report
    ]
    line = f"{report['figure']}: {'   '.join(parts)}"
    return line + (f"\nsaved to {report['saved']}" if "saved" in report else "")


def save_model(estimator: Any, path: Path) -> None:
    """Write the model's file."""
    import flambeau as fb

    fb.save(estimator, path)
