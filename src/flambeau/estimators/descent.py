"""What the estimators share that walk down an error: optimiser, batches, stopping, and what is said at the end."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Array

from flambeau.estimators.base import AbstractTrained, Course, Rows
from flambeau.estimators.parameters import parameters_of
from flambeau.monitors import ValidationCurve
from flambeau.networks import FeedForward
from flambeau.problems import AbstractProblem, Examples
from flambeau.rules import AbstractLoss, Backpropagation, CrossEntropy, Evaluation
from flambeau.training import (
    AbstractKeeper,
    AbstractMonitor,
    AbstractStopping,
    Best,
    Last,
    Optimizer,
    Patience,
    Run,
    RunAll,
    optimizer,
)

__all__ = [
    "PENALTIES",
    "AbstractDescending",
    "by_backpropagation",
    "chance_loss",
    "described_optimizer",
    "rows_per_step",
    "whole_sizes",
]

AUTO_BATCH = 200
PENALTIES = ("l1", "l2", "weight_decay", "clip_norm", "max_norm")
PLATEAU = 0.9  # of the loss by the shares alone: who stays above it has hardly learned anything of the inputs


class AbstractDescending(AbstractTrained):
    """An estimator with an optimiser; the annotations are parameters that every kind declares."""

    optimizer: Any
    learning_rate: Any
    l1: float
    l2: float
    weight_decay: float
    clip_norm: float | None
    max_norm: float | None
    batch_size: int | str
    shuffle: bool
    epochs: int
    tolerance: float
    patience: int

    def _optimizer(self) -> Optimizer:
        """The optimiser that the parameters describe."""
        return described_optimizer(self, {name: name for name in (*PENALTIES, "learning_rate")})


def described_optimizer(model: Any, names: Mapping[str, str], given: str = "optimizer", rate: Any = None) -> Optimizer:
    """The optimiser of the parameter ``given``, with the settings that other parameters hold (setting -> parameter).

    One of the user's own brings its settings: beside it those alone count that were changed from their defaults, and
    are refused. ``rate`` stands for a learning rate that a name is worked out from.
    """
    chosen, declared = getattr(model, given), parameters_of(type(model))
    own = not isinstance(chosen, str)
    settings = {
        setting: getattr(model, name)
        for setting, name in names.items()
        if not own or getattr(model, name) != declared[name].default
    }
    if rate is not None and not own:
        settings["learning_rate"] = rate
    return optimizer(chosen, **settings)


def rows_per_step(batch_size: int | str, rows: int) -> int:
    """A set smaller than a batch is one batch, of a power of two, so that sizes share programs."""
    limit = AUTO_BATCH if batch_size == "auto" else int(batch_size)
    return min(limit, 1 << (rows - 1).bit_length())


def whole_sizes(given: Any) -> tuple[int, ...]:
    """Numbers of units or maps as a tuple; one number means one layer."""
    return tuple(int(size) for size in (given if np.iterable(given) else (given,)))


def by_backpropagation(
    model: AbstractDescending,
    rows: Rows,
    held_out: Rows | None,
    *,
    stream: bool,
    outline: Mapping[str, Any],
    draw: Callable[[Array], FeedForward],
    loss: AbstractLoss,
    classify: bool,
    problem: Callable[[Examples], AbstractProblem] = lambda examples: examples,
) -> Course:
    """Back-propagation of a loss, judged by that loss on the held-out rows where there are any."""
    batch_size = rows_per_step(model.batch_size, len(rows.weights))
    stopping, keep, curves = _watched(model, Evaluation(loss, classify), held_out, stream=stream)
    chance = chance_loss(loss, rows.targets, rows.weights)
    return Course(
        {**outline, "loss": loss},
        draw,
        Backpropagation(loss),
        problem(rows.examples(batch_size, shuffle=bool(model.shuffle))),
        model._optimizer(),
        batch_size,
        model.epochs,
        stopping,
        keep,
        curves,
        lambda run: "" if stream else verdict(model, run, chance),
    )


def _watched(
    model: AbstractDescending, score: Any, held_out: Rows | None, *, stream: bool
) -> tuple[AbstractStopping, AbstractKeeper, tuple[AbstractMonitor, ...]]:
    """``(stopping criterion, keeper, monitors)``: early stopping watches the held-out score and keeps the best network.

    Without it the training loss is watched and the last network kept; a stream is never ended; held-out rows only give
    their curve.
    """
    data = None if held_out is None else held_out.batch()
    patience: Any = model.patience
    tolerance: Any = model.tolerance
    if model.early_stopping:
        return Patience(score, data, patience, tolerance), Best(), ()
    curves = () if data is None else (ValidationCurve(score, data),)
    return RunAll() if stream else Patience(None, None, patience, tolerance), Last(), curves


def chance_loss(loss: AbstractLoss, targets: np.ndarray, weights: np.ndarray) -> float:
    """What the loss comes to when the inputs are ignored: entropy of the class shares, or half the targets' variance.

    NaN where there is nothing to learn.
    """
    mean = np.average(targets, axis=0, weights=weights).astype(float)
    if isinstance(loss, CrossEntropy):
        shares = np.stack([mean, 1 - mean]) if len(mean) == 1 else mean
        value = float(-np.sum(shares * np.log(np.where(shares > 0, shares, 1))))
    else:
        value = float(np.average((targets - mean) ** 2, axis=0, weights=weights).sum() / 2)
    return value if value > 0 else np.nan


def verdict(model: AbstractDescending, run: Run, chance: float) -> str:
    """What has to be said of a finished run: it has not come to rest, or rests where the inputs do not matter."""
    if run.interrupted:
        return (
            f"ended after {run.rounds} of {model.epochs} epochs, by Ctrl-C or the time limit: what was learned so far "
            "is kept; go on with warm_start=True or partial_fit"
        )
    reached = float(np.min(run.history["loss"]))
    if run.stopped and reached > PLATEAU * chance:
        return (
            f"stopped on a plateau: the loss, {reached:.3g}, is no better than that of ignoring the inputs, "
            f"{chance:.3g}; raise the learning rate or patience, try another activation, random_state or more units, "
            "or the inputs do not tell the targets"
        )
    if run.stopped or model.tolerance == 0:
        return ""
    return (
        f"not converged after {model.epochs} epochs: the loss has not yet stood still for {model.patience}; raise "
        "epochs, the learning rate or the tolerance"
    )
