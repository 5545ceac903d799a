"""How the multi-layer perceptron estimators train: the same functions a user can call, put in order."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np
from sklearn.model_selection import train_test_split

from flambeau.errors import ConfigurationError, DataError
from flambeau.estimators.common import check_number
from flambeau.monitors import ValidationCurve
from flambeau.networks import FeedForward, mlp
from flambeau.neurons import activation
from flambeau.problems import Examples
from flambeau.rules import Backpropagation, Batch, Evaluation, loss
from flambeau.structures import Layer
from flambeau.training import AbstractStopping, Optimiser, Patience, Run, RunAll, optimiser, train

__all__ = ["Lesson", "check_settings", "fit_mlp", "hold_out"]


@dataclasses.dataclass
class Lesson:
    """Checked data, ready to be learned: inputs, targets (one column per output), weights, and held-out rows if any.

    Rows that weigh nothing are rows that are not there: :meth:`of` drops them.
    """

    X: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    held_out: tuple[np.ndarray, np.ndarray, np.ndarray] | None = None

    @classmethod
    def of(cls, X: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> "Lesson":
        """The rows that weigh something."""
        kept = weights > 0
        return cls(X[kept], targets[kept], weights[kept])


def check_settings(model: Any) -> None:
    """Refuse parameters that cannot work, before any data are looked at."""
    for name in ("epochs", "patience"):
        check_number(model, name, 1, whole=True)
    if model.batch_size != "auto":
        check_number(model, "batch_size", 1, whole=True)
    check_number(model, "tolerance", 0)
    check_number(model, "dropout", 0, 1 - 1e-6)
    sizes = layer_sizes(model)
    if not all(isinstance(size, int | np.integer) and size >= 1 for size in sizes):
        where = f"{type(model).__name__}.hidden_layer_sizes"
        raise ConfigurationError(where, "whole numbers of at least 1", sizes, "for instance (100,)")
    if model.early_stopping:
        check_number(model, "validation_fraction", 1e-6, 1 - 1e-6)
    loss(model.loss)
    hidden = model.activation if isinstance(model.activation, tuple | list) else (model.activation,)
    for name in hidden:
        activation(name)
    optimiser_of(model)


def layer_sizes(model: Any) -> tuple[int, ...]:
    """``hidden_layer_sizes`` as a tuple; one number means one layer."""
    sizes = model.hidden_layer_sizes
    return tuple(sizes) if np.iterable(sizes) else (sizes,)


def optimiser_of(model: Any) -> Optimiser:
    """The optimiser that the parameters describe."""
    return optimiser(
        model.optimizer,
        model.learning_rate,
        l1=model.l1,
        l2=model.l2,
        weight_decay=model.weight_decay,
        clip_norm=model.clip_norm,
        max_norm=model.max_norm,
    )


def hold_out(model: Any, lesson: Lesson, seed: int, *, classify: bool) -> Lesson:
    """Set ``validation_fraction`` of the rows aside (in proportion to the classes where that is possible)."""
    count = len(lesson.X)
    strata = np.unique(lesson.targets, axis=0, return_inverse=True)[1].ravel() if classify else None
    if count < 2:
        where = f"{type(model).__name__}, early stopping"
        remedy = "pass validation_data=(X, y), or more rows"
        raise DataError(where, "at least 2 rows to hold some out", f"{count} row", remedy)
    held = max(1, round(model.validation_fraction * count))
    if strata is not None:
        rows_per_class = np.unique(strata, return_counts=True)[1]
        if rows_per_class.min() < 2 or min(held, count - held) < len(rows_per_class):
            strata = None
    rows, kept = train_test_split(np.arange(count), test_size=held, random_state=seed, stratify=strata)
    others = lesson.X[kept], lesson.targets[kept], lesson.weights[kept]
    return Lesson(lesson.X[rows], lesson.targets[rows], lesson.weights[rows], others)


@eqx.filter_jit
def new_network(sizes: tuple, hidden: Any, output: str, dropout: float, start: str, seed: Any) -> FeedForward:
    """A fresh network, drawn in one compiled call."""
    key = jax.random.wrap_key_data(seed)
    return mlp(sizes, hidden, output, dropout=dropout, initialisation=start, key=key)


def fit_mlp(
    model: Any,
    lesson: Lesson,
    output: str,
    seed: int,
    *,
    classify: bool,
    epochs: int,
    stream: bool,
    monitors: Sequence[Any],
    earlier: Run | None = None,
) -> Run:
    """Train (on): build the network or take the earlier one up, choose when to stop, call :func:`flambeau.train`."""
    sizes = (lesson.X.shape[1], *(int(size) for size in layer_sizes(model)), lesson.targets.shape[1])
    if earlier is None:
        hidden = tuple(model.activation) if isinstance(model.activation, list) else model.activation
        numbers = np.asarray([1, seed], np.uint32)  # not the stream that orders the rows
        network = new_network(sizes, hidden, output, float(model.dropout), model.initialisation, numbers)
    else:
        network = earlier.network
        check_sizes(model, network, sizes)
    rows = len(lesson.X)
    limit = 200 if model.batch_size == "auto" else int(model.batch_size)
    batch_size = min(limit, 1 << (rows - 1).bit_length())  # a power of two, so that sizes share programs
    problem = Examples.of(lesson.X, lesson.targets, lesson.weights, shuffle=model.shuffle, whole=batch_size)
    evaluation = Evaluation(loss(model.loss), classify)
    held_out = None if lesson.held_out is None else Batch(*jax.device_put(as_rows(*lesson.held_out)))
    stopping, curves = criterion(model, evaluation, held_out, stream)
    return train(
        network,
        Backpropagation(loss(model.loss)),
        problem,
        optimizer=optimiser_of(model),
        steps=(earlier.steps if earlier else 0) + epochs * -(-rows // batch_size),
        batch_size=batch_size,
        monitors=(*monitors, *curves),
        key=seed,
        stopping=stopping,
        verbose=model.verbose,
        resume=earlier,
    )


def check_sizes(model: Any, network: FeedForward, sizes: tuple[int, ...]) -> None:
    """A network that goes on learning keeps its sizes."""
    shapes = [layer.structure.weights.shape for layer in network.layers if isinstance(layer, Layer)]
    now = (shapes[0][0], *(shape[1] for shape in shapes))
    if now != sizes:
        where, remedy = f"{type(model).__name__}, going on", "keep hidden_layer_sizes and the data's shape, or fit anew"
        raise ConfigurationError(where, f"a network of sizes {sizes}", now, remedy)


def as_rows(X: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All three in the inputs' float type."""
    return X, targets.astype(X.dtype), weights.astype(X.dtype)


def criterion(
    model: Any, evaluation: Evaluation, held_out: Batch | None, stream: bool
) -> tuple[AbstractStopping, tuple[ValidationCurve, ...]]:
    """Early stopping watches the held-out loss and restores the best; otherwise the training loss, and keeps the last.

    A stream (``partial_fit``) without early stopping is never ended. Held-out rows without early stopping only give
    their curve.
    """
    patience, tolerance = model.patience, model.tolerance
    if model.early_stopping:
        return Patience(evaluation, held_out, patience, tolerance), ()
    curves = () if held_out is None else (ValidationCurve(evaluation, held_out),)
    return RunAll() if stream else Patience(None, None, patience, tolerance, restore=False), curves
