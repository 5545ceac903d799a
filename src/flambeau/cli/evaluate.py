"""``flambeau evaluate``: how good a saved model is on a table or a data set, by the figure of its kind."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np

from flambeau.cli.models import load_estimator
from flambeau.cli.outputs import warm_start_compiler
from flambeau.cli.sources import Columns, column_options, format_options, part_for
from flambeau.errors import DataError, FlambeauError


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


class Yardstick(NamedTuple):
    """A name, with its unit, and how it is measured on rows (and targets, where the model has any)."""

    name: str
    measure: Callable[[Any, Any], float]


def yardstick_of(model: Any) -> Yardstick:
    """Accuracy, R², a likelihood, or the share of rows that stay as they are."""
    from sklearn.base import is_classifier, is_regressor

    from flambeau import estimators

    if is_classifier(model):
        return Yardstick("accuracy", model.score)
    if is_regressor(model):
        return Yardstick("R²", model.score)
    if isinstance(model, estimators.RBM):
        return Yardstick("pseudo-log-likelihood, nats per row", lambda X, y: float(np.mean(model.score_samples(X))))
    if isinstance(model, estimators.DBN | estimators.DBM):
        name = "lower bound of the log-likelihood, nats per row"
        return Yardstick(name, lambda X, y: float(np.mean(model.log_likelihood_bound(X))))
    if isinstance(model, estimators.Hopfield | estimators.DenseHopfield):
        return Yardstick("share of rows that are stable", lambda X, y: float(np.mean(model.is_stable(X))))
    return Yardstick("share of cells recalled", lambda X, y: float(np.mean(model.recall(X) == X)))


def measured(yardstick: Yardstick, X: Any, y: Any) -> float:
    """The figure on these rows; what a metric cannot take (predictions beyond all numbers) is said in one line."""
    try:
        return float(yardstick.measure(X, y))
    except FlambeauError:
        raise
    except ValueError as error:
        remedy = "train anew with a lower learning rate or scaled columns"
        raise DataError(yardstick.name, "predictions that can be judged", str(error).rstrip("."), remedy) from error
