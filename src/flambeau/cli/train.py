"""``flambeau train`` and ``flambeau evaluate``: an estimator on a data set, from and to a safe file."""

import ast
from pathlib import Path
from typing import Any

import click
import numpy as np

from flambeau.errors import ConfigurationError, DataError

__all__ = ["evaluate", "train"]

MODELS = (
    *("Perceptron", "MLPClassifier", "MLPRegressor", "ConvNetClassifier", "LeNetClassifier"),
    *("RBM", "DBNClassifier", "ClassificationRBM"),
)


@click.command()
@click.argument("model", type=click.Choice(MODELS, case_sensitive=False))
@click.argument("data")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="a parameter of the model; repeatable")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="save the model (FILE.flambeau)")
def train(model: str, data: str, settings: tuple[str, ...], out: Path | None) -> None:
    """Train MODEL on DATA and score it on rows held out.

    DATA is the name of a data set (see `flambeau data list`) or a CSV file with a header whose last column is the
    target. A quarter of the rows, or the data set's own test part, is held out.
    """
    import flambeau as fb

    X, y, other, labels = parts(data)
    estimator = getattr(fb, model)(**{"verbose": True, "random_state": 0, **dict(map(parsed, settings))})
    estimator.fit(X, y)
    click.echo(f"training {estimator.score(X, y):.4f}   held out {estimator.score(other, labels):.4f}")
    if out is not None:
        fb.save(estimator, out)
        click.echo(f"saved to {out}")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("data")
def evaluate(file: Path, data: str) -> None:
    """Score a saved model on the held-out part of DATA: accuracy, R² of a regressor, an RBM's pseudo-likelihood."""
    import flambeau as fb

    _, _, other, labels = parts(data)
    click.echo(f"held out {fb.load(file).score(other, labels):.4f}")


def parsed(setting: str) -> tuple[str, Any]:
    """``key=value``; a value that is a Python literal is taken as one, anything else as text."""
    key, found, value = setting.partition("=")
    if not found:
        raise ConfigurationError("--set", "KEY=VALUE", setting, "for instance --set epochs=20")
    try:
        return key, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return key, value


def parts(data: str) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training rows and labels, held-out rows and labels; the split is the same every time."""
    import flambeau as fb

    if Path(data).suffix.lower() == ".csv":
        return split(*table(Path(data)))
    bundle = fb.problems.load(data)
    if bundle.test_data is None or bundle.test_target is None:
        return split(bundle.data, bundle.target)
    return bundle.data, bundle.target, bundle.test_data, bundle.test_target


def split(X: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Three quarters to learn from, one to be asked about."""
    order = np.random.default_rng(0).permutation(len(X))
    learn, ask = order[len(X) // 4 :], order[: len(X) // 4]
    return X[learn], y[learn], X[ask], y[ask]


def table(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """A CSV file with a header line; the last column is the target, a number or a label."""
    try:
        rows = np.loadtxt(path, delimiter=",", skiprows=1, dtype=str, ndmin=2)
        features = rows[:, :-1].astype(float)
    except (ValueError, OSError) as error:
        remedy = "write numbers in every column but the last, commas between, a header line on top"
        raise DataError(str(path), "a table of numbers with a header", error, remedy) from None
    try:
        target = rows[:, -1].astype(float)
    except ValueError:
        return features, rows[:, -1]
    return features, target.astype(int) if (target % 1 == 0).all() else target
