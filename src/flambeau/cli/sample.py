"""``flambeau sample``: what a saved generative model draws, as a picture or a table."""

import math
from pathlib import Path
from typing import Any

import click
import numpy as np

from flambeau.cli.models import load_estimator
from flambeau.cli.outputs import OutputFile, put, table_text, warm_start_compiler
from flambeau.cli.sources import remembered_table
from flambeau.errors import ConfigurationError


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-n", "count", type=click.IntRange(1), default=16, show_default=True, help="how many samples")
@click.option("--steps", type=click.IntRange(1), default=1000, show_default=True, help="steps of Gibbs sampling")
@click.option("--label", default=None, help="a class, for models that know classes")
@click.option("--out", type=OutputFile(".png", ".csv"), default="samples.png", show_default=True)
def sample(file: Path, count: int, steps: int, label: str | None, out: Path) -> None:
    """Draw samples from a saved RBM, DBN, DBM or classifier of that kind.

    A name that ends in .png gives a picture (rows of a square number of features), .csv a table.

    \b
    flambeau sample digits.flambeau -n 25 --out digits.png
    """
    from flambeau.foundation.files import write_atomic
    from flambeau.pictures import samples_picture

    model = load_estimator(file)
    check_generative(model, label)
    sides = image_sides(model.n_features_in_) if out.suffix.lower() == ".png" else (1, 1)
    warm_start_compiler()
    chosen = {} if label is None else {"label": next(known for known in model.classes_ if str(known) == label)}
    rows = np.asarray(model.sample(count, n_steps=steps, **chosen))
    content = samples_table(model, rows) if out.suffix.lower() == ".csv" else samples_picture(rows, sides)
    put(out, lambda path: write_atomic(path, content))
    click.echo(f"{count} samples after {steps} steps: {out}")


def check_generative(model: Any, label: str | None) -> None:
    """Refuse a model that draws nothing, and a label that it does not know."""
    from flambeau import estimators

    free = isinstance(model, estimators.RBM | estimators.DBN | estimators.DBM)
    labelled = isinstance(model, estimators.DBNClassifier | estimators.ClassificationRBM)
    if not free and not labelled:
        name = type(model).__name__
        raise ConfigurationError("sample", "a generative model", name, "train an RBM, DBN, DBM or DBNClassifier")
    if label is not None and free:
        raise ConfigurationError("--label", "a model that knows classes", type(model).__name__, "leave --label away")
    if label is not None and label not in map(str, model.classes_):
        expected = f"one of {', '.join(map(str, model.classes_))}"
        raise ConfigurationError("--label", expected, repr(label), "choose one")


def samples_table(model: Any, rows: np.ndarray) -> bytes:
    """The rows as a table, under the names of the columns that the model learned from, if it knows them."""
    layout = remembered_table(model)
    titles = layout.columns if layout is not None and layout.named else ()
    return table_text(titles, ([f"{value:g}" for value in row] for row in rows)).encode()


def image_sides(features: int) -> tuple[int, int]:
    """The sides of a square image."""
    side = math.isqrt(features)
    if side**2 != features:
        remedy = "write a table: --out samples.csv"
        raise ConfigurationError("sample --out", "a square number of features for a picture", features, remedy)
    return side, side
