"""What the estimators share that learn by an optimiser: its parameters, batches, stopping, and what is said at the end.

A kind inherits the parameters declared here and declares anew only those whose defaults differ.
"""

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY
from typing import Any, TypeAlias

import numpy as np

from flambeau.estimators.base import AbstractFitted, AbstractTrained, Course, Drawing, Rows
from flambeau.estimators.options import OptimizerLike, Rate, Seed, learning_rates, optimizer_named
from flambeau.estimators.parameters import flag, number, parameters, parameters_of, seed, whole
from flambeau.foundation.rows import room_for
from flambeau.monitors import ValidationCurve
from flambeau.problems import AbstractProblem, Examples
from flambeau.rules import AbstractLoss, AbstractRule, Backpropagation, CrossEntropy, Evaluation
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

AUTO_BATCH = 200
PENALTIES = ("l1", "l2", "weight_decay", "clip_norm", "max_norm")
PLATEAU = 0.9  # of the loss by the shares alone: who stays above it has hardly learned anything of the inputs
Watched: TypeAlias = tuple[AbstractStopping, AbstractKeeper, tuple[AbstractMonitor, ...]]


@parameters
class AbstractOptimised(AbstractFitted):
    """What learns in batches, by an optimiser with its rate and penalties."""

    _: KW_ONLY
    l1: float = number(0.0, least=0)
    l2: float = number(0.0, least=0)
    weight_decay: float = number(0.0, least=0)
    max_norm: float | None = number(None, least=0, also=(None,))
    clip_norm: float | None = number(None, least=0, also=(None,))
    optimizer: OptimizerLike = optimizer_named("adam")
    learning_rate: Rate = learning_rates(0.01)
    batch_size: int | str = whole("auto", least=1, also=("auto",))
    epochs: int = whole(500, least=1)
    shuffle: bool = flag(True)
    random_state: Seed = seed()
    verbose: bool = flag(False)

    def _described(self, rate: Any = None) -> Optimizer:
        """The optimiser that the parameters describe; ``rate`` stands for one that a name is worked out from."""
        return described_optimizer(self, {name: name for name in (*PENALTIES, "learning_rate")}, rate=rate)

    def _optimizer(self) -> Optimizer:
        """The optimiser of these parameters."""
        return self._described()

    def _rows_per_step(self, rows: int) -> int:
        """A set smaller than a batch is one batch, of a power of two, so that sizes share programs."""
        limit = AUTO_BATCH if self.batch_size == "auto" else int(self.batch_size)
        return min(limit, room_for(rows))

    def _taught(
        self,
        rows: Rows,
        drawing: Drawing,
        rule: AbstractRule,
        chosen: Optimizer,
        watched: Watched,
        problem: Callable[[Examples], AbstractProblem] = lambda examples: examples,
        conclude: Callable[[Run], str] = lambda run: "",
    ) -> Course:
        """The course of these rows in batches; ``watched`` are the stopping criterion, the keeper and the monitors."""
        size = self._rows_per_step(len(rows.weights))
        examples = rows.examples(size, shuffle=bool(self.shuffle))
        outline, draw = drawing
        return Course(outline, draw, rule, problem(examples), chosen, size, self.epochs, *watched, conclude)


@parameters
class AbstractPatient(AbstractTrained):
    """What trains until patience is spent, with the training loss or with held-out rows."""

    _: KW_ONLY
    tolerance: float = number(1e-4, least=0)
    patience: int = whole(10, least=1)
    early_stopping: bool = flag(False)
    validation_fraction: float = number(0.1, above=0, below=1)
    warm_start: bool = flag(False)

    def _watched(self, score: Any, held_out: Rows | None, otherwise: AbstractStopping | None = None) -> Watched:
        """``(stopping criterion, keeper, monitors)``: early stopping watches the held-out score and keeps the best.

        ``otherwise`` stops without it, and the last network is kept; held-out rows then only give their curve.
        """
        data = None if held_out is None else held_out.batch()
        if self.early_stopping:
            return self._patience(score, data), Best(), ()
        return otherwise or RunAll(), Last(), () if data is None else (ValidationCurve(score, data),)

    def _patience(self, score: Any = None, data: Any = None) -> Patience:
        """Patience with a score, or with the training loss."""
        patience: Any = self.patience
        tolerance: Any = self.tolerance
        return Patience(score, data, patience, tolerance)


@parameters
class AbstractDescending(AbstractOptimised, AbstractPatient):
    """A feed-forward network that walks down an error by back-propagation."""

    _: KW_ONLY
    dropout: float = number(0.0, least=0, below=1)

    def _check(self) -> None:
        self._optimizer()

    def _by_backpropagation(
        self,
        rows: Rows,
        held_out: Rows | None,
        drawing: Drawing,
        loss: AbstractLoss,
        *,
        classify: bool,
        stream: bool,
        problem: Callable[[Examples], AbstractProblem] = lambda examples: examples,
    ) -> Course:
        """Back-propagation of a loss, judged by that loss on the held-out rows where there are any.

        Without early stopping the training loss is watched; a stream is never ended.
        """
        otherwise = RunAll() if stream else self._patience()
        watched = self._watched(Evaluation(loss, classify), held_out, otherwise)
        chance = chance_loss(loss, rows.targets, rows.weights)
        return self._taught(
            rows,
            drawing.besides(loss=loss),
            Backpropagation(loss),
            self._optimizer(),
            watched,
            problem=problem,
            conclude=lambda run: "" if stream else self._verdict(run, chance),
        )

    def _verdict(self, run: Run, chance: float) -> str:
        """What has to be said of a finished run: it has not come to rest, or rests where the inputs do not matter."""
        if run.interrupted:
            return (
                f"ended after {run.rounds} of {self.epochs} epochs, by Ctrl-C or the time limit: what was learned so "
                "far is kept; go on with warm_start=True or partial_fit"
            )
        reached = float(np.min(run.history["loss"]))
        if run.stopped and reached > PLATEAU * chance:
            return (
                f"stopped on a plateau: the loss, {reached:.3g}, is no better than that of ignoring the inputs, "
                f"{chance:.3g}; raise the learning rate or patience, try another activation, random_state or more "
                "units, or the inputs do not tell the targets"
            )
        if run.stopped or self.tolerance == 0:
            return ""
        return (
            f"not converged after {self.epochs} epochs: the loss has not yet stood still for {self.patience}; raise "
            "epochs, the learning rate or the tolerance"
        )


def described_optimizer(model: Any, names: Mapping[str, str], given: str = "optimizer", rate: Any = None) -> Optimizer:
    """The optimiser of the parameter ``given``, with the settings that other parameters hold (setting -> parameter).

    One of the user's own brings its settings: beside it those alone count that were changed from their defaults, and
    are refused. ``rate`` stands for a learning rate that a name is worked out from.
    """
    chosen, declared = getattr(model, given), parameters_of(type(model))
    own = not isinstance(chosen, str)
    settings = {setting: getattr(model, name) for setting, name in names.items()}
    if own:
        settings = {key: value for key, value in settings.items() if value != declared[names[key]].default}
    elif rate is not None:
        settings["learning_rate"] = rate
    return optimizer(chosen, **settings)


def whole_sizes(given: Any) -> tuple[int, ...]:
    """Numbers of units or maps as a tuple; one number means one layer."""
    return tuple(int(size) for size in (given if np.iterable(given) else (given,)))


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
