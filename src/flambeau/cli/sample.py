"""``flambeau sample``: what a saved generative model draws, as a picture or a table."""

import math
from pathlib import Path
from typing import Any

import click
import numpy as np

from flambeau.errors import ConfigurationError

__all__ = ["sample"]


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("-n", "count", type=click.IntRange(1), default=16, show_default=True, help="how many samples")
@click.option("--steps", type=click.IntRange(1), default=1000, show_default=True, help="steps of Gibbs sampling")
@click.option("--label", default=None, help="a class, for models that know classes")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=Path("samples.png"), show_default=True)
def sample(file: Path, count: int, steps: int, label: str | None, out: Path) -> None:
    """Draw samples from a saved RBM, DBN, DBM or classifier of that kind.

    A name that ends in .png gives a picture (rows of a square number of features), .csv a table.
    """
    import flambeau as fb
    from flambeau.foundation.files import write_atomic

    model = fb.load(file)
    rows = drawn(model, count, steps, label)
    if out.suffix.lower() == ".csv":
        write_atomic(out, "\n".join(",".join(f"{value:g}" for value in row) for row in rows).encode() + b"\n")
    else:
        write_atomic(out, fb.pictures.samples_picture(rows, square(rows.shape[1])))
    click.echo(f"{count} samples after {steps} steps: {out}")


def drawn(model: Any, count: int, steps: int, label: str | None) -> np.ndarray:
    """Samples ``(count, features)`` of the model, of one class where a label is given."""
    if not callable(getattr(model, "sample", None)):
        name = type(model).__name__
        raise ConfigurationError("sample", "a generative model", name, "train an RBM, DBN, DBM or DBNClassifier")
    classes = getattr(model, "classes_", None)
    if label is None:
        return np.asarray(model.sample(count, n_steps=steps))
    if classes is None:
        raise ConfigurationError("--label", "a model that knows classes", type(model).__name__, "leave --label away")
    found = [known for known in classes if str(known) == label]
    if not found:
        expected = f"one of {', '.join(map(str, classes))}"
        raise ConfigurationError("--label", expected, repr(label), "choose one")
    return np.asarray(model.sample(count, label=found[0], n_steps=steps))


def square(features: int) -> tuple[int, int]:
    """The sides of a square image."""
    side = math.isqrt(features)
    if side**2 != features:
        remedy = "write a table: --out samples.csv"
        raise ConfigurationError("sample --out", "a square number of features for a picture", features, remedy)
    return side, side
