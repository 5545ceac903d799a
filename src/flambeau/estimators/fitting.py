"""How the network estimators train: the same functions a user can call, put in order."""

import dataclasses
import warnings
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from flambeau.errors import ConfigurationError, DataError
from flambeau.estimators.common import check_number, seed_of
from flambeau.monitors import ValidationCurve
from flambeau.problems import AbstractProblem, Examples
from flambeau.rules import AbstractLoss, AbstractRule, Backpropagation, Batch, Evaluation
from flambeau.training import (
    AbstractKeeper,
    AbstractStopping,
    Best,
    Last,
    Optimiser,
    Patience,
    Run,
    RunAll,
    optimiser,
    train,
)

__all__ = ["Criterion", "Job", "Lesson", "check_settings", "learn", "pair", "remember", "whole_sizes"]


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
    """Refuse training parameters that cannot work, before any data are looked at."""
    for name in ("epochs", "patience"):
        if hasattr(model, name):
            check_number(model, name, 1, whole=True)
    if model.batch_size != "auto":
        check_number(model, "batch_size", 1, whole=True)
    for name, most in (("tolerance", np.inf), ("dropout", 1 - 1e-6), ("input_dropout", 1 - 1e-6)):
        if hasattr(model, name):
            check_number(model, name, 0, most)
    if getattr(model, "early_stopping", False):
        check_number(model, "validation_fraction", 1e-6, 1 - 1e-6)
    optimiser_of(model)


def whole_sizes(model: Any, name: str, *, empty: bool = True) -> tuple[int, ...]:
    """A parameter that holds numbers of units or maps, as a tuple; one number means one layer."""
    given = getattr(model, name)
    sizes = tuple(given) if np.iterable(given) else (given,)
    if not all(isinstance(size, int | np.integer) and size >= 1 for size in sizes) or not (sizes or empty):
        where = f"{type(model).__name__}.{name}"
        raise ConfigurationError(where, "whole numbers of at least 1", sizes, "for instance (100,)")
    return tuple(int(size) for size in sizes)


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


Verdict = tuple[AbstractStopping, AbstractKeeper, tuple[Any, ...]]
Judge = Callable[[Any, Examples, Batch | None, bool], Verdict]


@dataclasses.dataclass(frozen=True)
class Criterion:
    """Early stopping watches the held-out loss and restores the best; otherwise the training loss, and keeps the last.

    A stream (``partial_fit``) without early stopping is never ended. Held-out rows without early stopping only give
    their curve.
    """

    evaluation: Evaluation

    def __call__(self, model: Any, examples: Examples, held_out: Batch | None, stream: bool) -> Verdict:
        """``(stopping criterion, keeper, further monitors)``."""
        patience, tolerance = model.patience, model.tolerance
        if model.early_stopping:
            return Patience(self.evaluation, held_out, patience, tolerance), Best(), ()
        curves = () if held_out is None else (ValidationCurve(self.evaluation, held_out),)
        return RunAll() if stream else Patience(None, None, patience, tolerance), Last(), curves


class Job(NamedTuple):
    """What is trained: how a fresh network is drawn from a key, by which rule, and how examples become a problem.

    ``judge`` says when to stop and what is watched besides; ``outline`` holds the sizes that the network is drawn by:
    who goes on learning keeps them. ``converges`` says whether a run that reaches its last epoch deserves a warning.
    """

    outline: tuple
    draw: Callable[[Array], PyTree]
    rule: AbstractRule
    judge: Judge
    problem: Callable[[Examples], AbstractProblem] = lambda examples: examples
    classify: bool = True
    converges: bool = True

    @classmethod
    def by_error(
        cls,
        outline: tuple,
        draw: Callable[[Array], PyTree],
        loss: AbstractLoss,
        problem: Callable[[Examples], AbstractProblem] = lambda examples: examples,
        *,
        classify: bool = True,
    ) -> "Job":
        """Back-propagation of a loss, judged by that loss on held-out rows."""
        return cls(outline, draw, Backpropagation(loss), Criterion(Evaluation(loss, classify)), problem, classify)


def fit_network(
    model: Any,
    lesson: Lesson,
    job: Job,
    seed: int,
    *,
    epochs: int,
    stream: bool,
    monitors: Sequence[Any],
    earlier: Run | None = None,
) -> Run:
    """Train (on): draw the network or take the earlier one up, choose when to stop, call :func:`flambeau.train`."""
    if earlier is None:
        key = jax.random.wrap_key_data(jnp.asarray([1, seed], np.uint32))  # not the stream that orders the rows
        network, model._drawn_as = job.draw(key), job.outline
    else:
        network = earlier.network
        check_outline(model, job.outline)
    rows = len(lesson.X)
    limit = 200 if model.batch_size == "auto" else int(model.batch_size)
    batch_size = min(limit, 1 << (rows - 1).bit_length())  # a power of two, so that sizes share programs
    examples = Examples.of(lesson.X, lesson.targets, lesson.weights, shuffle=model.shuffle, whole=batch_size)
    held_out = None if lesson.held_out is None else Batch(*jax.device_put(as_rows(*lesson.held_out)))
    stopping, keep, curves = job.judge(model, examples, held_out, stream)
    return train(
        network,
        job.rule,
        job.problem(examples),
        optimizer=optimiser_of(model),
        steps=(earlier.steps if earlier else 0) + epochs * -(-rows // batch_size),
        batch_size=batch_size,
        monitors=(*monitors, *curves),
        key=seed,
        stopping=stopping,
        keep=keep,
        verbose=model.verbose,
        resume=earlier,
    )


def check_outline(model: Any, outline: tuple) -> None:
    """A network that goes on learning keeps its sizes."""
    if model._drawn_as != outline:
        where, remedy = f"{type(model).__name__}, going on", "keep the layers' sizes and the data's shape, or fit anew"
        raise ConfigurationError(where, f"a network of sizes {outline}", model._drawn_as, remedy)


def as_rows(X: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All three in the inputs' float type."""
    return X, targets.astype(X.dtype), weights.astype(X.dtype)


def learn(
    model: Any,
    lesson: Lesson,
    job: Job,
    epochs: int,
    monitors: Sequence[Any],
    earlier: Run | None,
    stream: bool = False,
) -> Run:
    """Hold rows out where early stopping asks for it and none were given, then train; a spent stream stays as it is."""
    if stream and earlier is not None and earlier.stopped and model.early_stopping and model._stream:
        return earlier
    seed = earlier.seed[-1] if earlier is not None else seed_of(model.random_state)
    if model.early_stopping and lesson.held_out is None:
        lesson = hold_out(model, lesson, seed, classify=job.classify)
    run = fit_network(model, lesson, job, seed, epochs=epochs, stream=stream, monitors=monitors, earlier=earlier)
    if job.converges and not stream and not run.stopped and model.tolerance > 0:
        warnings.warn(
            f"{type(model).__name__}: not converged after {epochs} epochs: the loss has not yet stood still for "
            f"{model.patience}; raise epochs, the learning rate or the tolerance",
            ConvergenceWarning,
            stacklevel=4 if job.classify else 3,
        )
    return run


def remember(model: Any, run: Run, stream: bool) -> Any:
    """Fitted attributes; a validation curve that was asked for late is NaN before."""
    model.run_, model.network_, model.n_iter_, model._stream = run, run.network, run.rounds, stream
    model.history_ = {name: np.asarray(values) for name, values in run.history.items()}
    for name, values in run.records.get("validation_curve", {}).items():
        late = np.full(run.rounds - len(values), np.nan)
        model.history_[name] = np.concatenate([late, values])
    if "free_energy_gap" in run.records:
        model.history_["free_energy_gap"] = np.asarray(run.records["free_energy_gap"]["gap"])
    return model


def pair(model: Any, validation: Any) -> tuple[Any, Any]:
    """The user's (X, y)."""
    if not isinstance(validation, tuple | list) or len(validation) != 2:
        got = type(validation).__name__
        raise DataError(f"{type(model).__name__}, validation_data", "a pair (X, y)", got, "pass validation_data=(X, y)")
    return validation[0], validation[1]
