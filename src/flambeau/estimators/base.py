"""One course for all that train: check, read, hold out, draw or go on, train, and remember, in that order and once.

An estimator declares its parameters (:mod:`~flambeau.estimators.parameters`), names what ``fit`` leaves behind in
``fitted``, and answers four questions: ``_check``, ``_read``, ``_read_held`` and ``_course``, see there.
``fit`` (here) and ``partial_fit`` (:class:`AbstractStreaming`, :class:`AbstractTrainedClassifier`) do the rest. They
ask these questions of a *draft*, a copy of the estimator, and whatever the draft has learned becomes the estimator's
own in one place, at the very end: an error or an interruption anywhere before leaves the old model as it was.

So inside the four methods ``self`` is the draft: set fitted attributes freely (all of them named in ``fitted``), but
leave parameters alone and never change a fitted array in place.
"""

import abc
import copy
import warnings
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, TypeVar

import jax
import numpy as np
from jaxtyping import Array, PyTree
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

from flambeau.errors import ConfigurationError, DataError, DivergenceError
from flambeau.estimators.common import seed_of
from flambeau.estimators.labels import known_classes
from flambeau.estimators.parameters import check_parameters
from flambeau.foundation.kept_programs import cache_from_environment, make_room_for
from flambeau.foundation.memory import on_device
from flambeau.foundation.processes import warn_if_forked
from flambeau.foundation.random import key_of
from flambeau.problems import AbstractProblem, Examples
from flambeau.rules import AbstractRule, Batch
from flambeau.training import AbstractKeeper, AbstractMonitor, AbstractStopping, Last, Optimiser, Run, RunAll, train

# What every estimator that trains leaves behind, beside what its kind adds.
TRAINED = (
    *("n_features_in_", "feature_names_in_", "table_", "network_", "run_", "history_", "n_iter_"),
    *("_stream", "_drawn_as"),
)
DRAWING = 1  # drawing has a stream of random numbers of its own: the rows' orders come from stream 0
Text = str | Path | None
Model = TypeVar("Model", bound="AbstractFitted")
Trained = TypeVar("Trained", bound="AbstractTrained")


class Given(NamedTuple):
    """What the user gave to ``fit`` or ``partial_fit``, unread."""

    X: Any
    y: Any
    sample_weight: Any
    classes: Any = None


class Rows(NamedTuple):
    """Checked rows on the host: ``inputs`` (n, ...), ``targets`` (n, outputs), ``weights`` (n,) in double precision.

    ``strata`` numbers the class of each row, so that rows are held out in proportion; a row of -1 is never held out.
    """

    inputs: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    strata: np.ndarray | None = None

    def at(self, which: np.ndarray) -> "Rows":
        """Some of the rows."""
        strata = None if self.strata is None else self.strata[which]
        return Rows(self.inputs[which], self.targets[which], self.weights[which], strata)

    def present(self) -> "Rows":
        """Without the rows that weigh nothing: they are rows that are not there. No copy where there are none."""
        return self if self.weights.all() else self.at(self.weights > 0)

    def examples(self, batch_size: int, *, shuffle: bool) -> Examples:
        """On the device, ready to be learned from."""
        return Examples.of(self.inputs, self.targets, self.weights, shuffle=shuffle, whole=batch_size, checked=True)

    def batch(self) -> Batch:
        """On the device, as one batch to be judged by."""
        kind = self.inputs.dtype
        return Batch(*(on_device(values, kind) for values in (self.inputs, self.targets, self.weights)))


class Drawing(NamedTuple):
    """A network to be: every setting and size that drawing reads, by name, and how it is drawn from a key.

    A network that goes on learning keeps its outline.
    """

    outline: Mapping[str, Any]
    draw: Callable[[Array], PyTree]

    def besides(self, **more: Any) -> "Drawing":
        """The same network, and more that it has to keep."""
        return Drawing({**self.outline, **more}, self.draw)


class Course(NamedTuple):
    """How rows are learned: what to draw (see :class:`Drawing`) and train, by which rule, until when.

    Records of ``monitors`` (not those that the user gave) join ``history_``. ``conclude`` is told the finished run: it
    sets further fitted attributes and returns a warning in words, or nothing. ``revise`` tells an earlier run of these
    rows, where it goes on.
    """

    outline: Mapping[str, Any]
    draw: Callable[[Array], PyTree]
    rule: AbstractRule
    problem: AbstractProblem
    optimizer: Optimiser
    batch_size: int
    epochs: int
    stopping: AbstractStopping = RunAll()
    keep: AbstractKeeper = Last()
    monitors: tuple[AbstractMonitor, ...] = ()
    conclude: Callable[[Run], str] = lambda run: ""
    revise: Callable[[Run], Run] = lambda run: run


class Call(NamedTuple):
    """The arguments of ``fit`` and ``partial_fit`` that say how, not what."""

    stream: bool
    monitors: Sequence[AbstractMonitor]
    checkpoint: Text = None
    resume: Text = None
    time_limit: float | None = None


class AbstractFitted(BaseEstimator, abc.ABC):
    """Whatever is fitted: parameters checked by their declarations, fitted attributes committed all at once."""

    fitted: ClassVar[tuple[str, ...]]

    @abc.abstractmethod
    def _check(self) -> None:
        """Refuse parameters that exclude each other; each alone is held against its declaration before."""

    def _draft(self: Model, *, going_on: bool) -> Model:
        """A copy to learn with; without anything fitted unless it is ``going_on``."""
        draft = copy.copy(self)
        for name in () if going_on else self.fitted:
            draft.__dict__.pop(name, None)
        return draft

    def _commit(self: Model, draft: Model) -> Model:
        """Take over what the draft has learned: the one place where fitted attributes are set."""
        learned = {name: vars(draft)[name] for name in self.fitted if name in vars(draft)}
        for name in self.fitted:
            self.__dict__.pop(name, None)
        self.__dict__.update(learned)
        return self

    def _check_all(self) -> None:
        """Every parameter by its declaration, then all together."""
        check_parameters(self)
        self._check()


class AbstractTrained(AbstractFitted):
    """Whatever trains by :func:`flambeau.train`: see the module for what a kind has to say.

    The annotations are parameters that every kind declares, or sets as constants of its class.
    """

    early_stopping: bool
    validation_fraction: float
    warm_start: bool
    random_state: Any
    verbose: bool

    @abc.abstractmethod
    def _read(self, given: Given, *, fresh: bool) -> Rows:
        """What the user gave, checked; settles ``classes_`` and the like where ``fresh``, else keeps to them."""

    @abc.abstractmethod
    def _read_held(self, validation_data: Any) -> Rows:
        """The user's validation data, checked like the rows."""

    @abc.abstractmethod
    def _course(self, rows: Rows, held_out: Rows | None, *, stream: bool) -> Course:
        """How these rows are learned; ``stream`` says that it is one pass of many."""

    def fit(
        self: Trained,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        validation_data: Any = None,
        monitors: Sequence[AbstractMonitor] = (),
        checkpoint: Text = None,
        resume: Text = None,
        time_limit: float | None = None,
    ) -> Trained:
        """Learn from X, one row (or image) an example, and targets y where the kind has any.

        ``sample_weight``, one number of at least 0 per row. ``validation_data``, as (X, y), or X where there is no y,
        gives a validation curve, and is what early stopping watches. ``monitors`` watch. ``checkpoint``, a file renewed
        while training goes on; ``resume``, such a file of an earlier fit with the same data and parameters, from which
        this one goes on to the same bits; ``time_limit`` in seconds. Ctrl-C keeps what was learned so far and warns.
        """
        call = Call(False, monitors, checkpoint, resume, time_limit)
        return self._learn(Given(X, y, sample_weight), validation_data, call)

    def _learn(self: Trained, given: Given, validation_data: Any, call: Call) -> Trained:
        """The course of every fit; ``self`` changes in its last step only."""
        self._check_all()
        warn_if_forked()
        cache_from_environment()
        going_on = "run_" in vars(self) and (call.stream or bool(self.warm_start))
        draft = self._draft(going_on=going_on)
        rows = draft._read(given, fresh=not going_on).present()
        held_out = None if validation_data is None else draft._read_held(validation_data)
        earlier: Run | None = vars(draft).get("run_")
        if call.stream and earlier is not None and earlier.stopped and self.early_stopping and draft._stream:
            return self  # patience is spent
        seed = seed_of(self.random_state) if earlier is None else earlier.seed[-1]
        if self.early_stopping and held_out is None:
            rows, held_out = hold_out(rows, float(self.validation_fraction), seed, type(self).__name__)
        course = draft._course(rows, held_out, stream=call.stream)
        try:
            run = trained(draft, course, earlier, seed, call)
        except DivergenceError as error:
            if error.run is not None and error.run.rounds > 0:
                draft._remember(course, error.run, earlier, call)
                error.model = draft
            raise
        warning = draft._remember(course, run, earlier, call)
        self._commit(draft)
        if warning:
            warnings.warn(f"{type(self).__name__}: {warning}", ConvergenceWarning, stacklevel=3)
        return self

    def _remember(self, course: Course, run: Run, earlier: Run | None, call: Call) -> str:
        """Fitted attributes of every kind, then the kind's own; a warning in words where there is reason for one."""
        self.history_ = history_of(vars(self).get("history_", {}), run, earlier, course.monitors)
        self.run_, self.network_, self.n_iter_, self._stream = run, run.network, run.rounds, call.stream
        self._drawn_as = {name: repr(value) for name, value in course.outline.items()}
        return course.conclude(run)


class AbstractStreaming(AbstractTrained):
    """What trains and knows no classes: ``partial_fit`` takes rows, and targets where the kind has any."""

    def partial_fit(
        self: Trained,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        validation_data: Any = None,
        monitors: Sequence[AbstractMonitor] = (),
    ) -> Trained:
        """One more pass, over these rows, any number of them; the optimiser goes on where it was.

        With early stopping, patience is counted across calls, ``network_`` is always the best so far, and once patience
        is spent further calls change nothing (``run_.stopped``). After a ``fit``, a stream starts from the network that
        was kept, with patience anew.
        """
        return self._learn(Given(X, y, sample_weight), validation_data, Call(True, monitors))


class AbstractTrainedClassifier(AbstractTrained):
    """What trains and knows classes: ``partial_fit`` is told all of them at its first call."""

    def partial_fit(
        self: Trained,
        X: Any,
        y: Any,
        classes: Any = None,
        sample_weight: Any = None,
        *,
        validation_data: Any = None,
        monitors: Sequence[AbstractMonitor] = (),
    ) -> Trained:
        """One more pass, over these rows, any number of them; the optimiser goes on where it was.

        The first call names all ``classes``. With early stopping, patience is counted across calls, ``network_`` is
        always the best so far, and once patience is spent further calls change nothing (``run_.stopped``). After a
        ``fit``, a stream starts from the network that was kept, with patience anew.
        """
        self._check_all()
        given = Given(X, y, sample_weight, known_classes(self, classes))
        return self._learn(given, validation_data, Call(True, monitors))


def trained(model: AbstractTrained, course: Course, earlier: Run | None, seed: int, call: Call) -> Run:
    """Draw the network, or take the earlier one up where it was drawn alike, and train."""
    if earlier is None:
        network = course.draw(key_of(np.asarray([DRAWING, seed], np.uint32)))
    else:
        check_outline(type(model).__name__, vars(model).get("_drawn_as", {}), course.outline)
        earlier = course.revise(earlier)
        network = earlier.network
    shapes = tuple(np.shape(leaf) for leaf in jax.tree.leaves(course.problem))
    make_room_for((type(model).__name__, repr(sorted(course.outline.items(), key=str)), shapes, course.batch_size))
    rounds = 1 if call.stream else int(course.epochs)
    return train(
        network,
        course.rule,
        course.problem,
        optimizer=course.optimizer,
        epochs=(earlier.rounds if earlier else 0) + rounds,
        batch_size=course.batch_size,
        monitors=(*call.monitors, *course.monitors),
        key=seed,
        stopping=course.stopping,
        keep=course.keep,
        verbose=bool(model.verbose),
        checkpoint=None if call.checkpoint is None else str(call.checkpoint),
        resume=earlier if call.resume is None else str(call.resume),
        time_limit=call.time_limit,
    )


def check_outline(where: str, before: Mapping[str, str], now: Mapping[str, Any]) -> None:
    """A network that goes on learning keeps what it was drawn by."""
    changed = [name for name, value in now.items() if before.get(name, repr(value)) != repr(value)]
    if changed:
        name = changed[0]
        expected = f"{name}={before[name]} as the network was drawn"
        remedy = f"set {name} back, or fit anew with warm_start=False"
        raise ConfigurationError(f"{where}, going on", expected, repr(now[name]), remedy)


def history_of(
    before: dict[str, np.ndarray], run: Run, earlier: Run | None, monitors: Sequence[AbstractMonitor]
) -> dict[str, np.ndarray]:
    """One value per epoch under every name; NaN for epochs in which it was not measured."""
    added = new_values(run.history, {} if earlier is None else earlier.history)
    for name in (monitor.name for monitor in monitors):
        added |= new_values(run.records[name], {} if earlier is None else earlier.records.get(name, {}))
    done = 0 if earlier is None else earlier.rounds
    nothing = np.full(done, np.nan), np.full(run.rounds - done, np.nan)
    names = [*before, *(name for name in added if name not in before)]
    return {name: np.concatenate([before.get(name, nothing[0]), added.get(name, nothing[1])]) for name in names}


def new_values(now: Mapping[str, Any], earlier: Mapping[str, Any]) -> dict[str, np.ndarray]:
    """Of curves that grow, what was added; nothing of those that did not."""
    added = {name: np.asarray(values)[len(earlier.get(name, ())) :] for name, values in now.items()}
    return {name: values for name, values in added.items() if len(values)}


def hold_out(rows: Rows, share: float, seed: int, where: str) -> tuple[Rows, Rows]:
    """Set a share of the rows aside, in proportion to the strata where that is possible: ``(learned, held out)``."""
    candidates = np.arange(len(rows.weights)) if rows.strata is None else np.flatnonzero(rows.strata >= 0)
    if len(candidates) < 2:
        remedy = "pass validation_data, or more rows"
        got = f"{len(candidates)} that can be held out"
        raise DataError(f"{where}, early stopping", "at least 2 rows to hold some out", got, remedy)
    held = min(max(1, round(share * len(candidates))), len(candidates) - 1)
    strata = None if rows.strata is None else rows.strata[candidates]
    if strata is not None:
        sizes = np.unique(strata, return_counts=True)[1]
        if sizes.min() < 2 or min(held, len(candidates) - held) < len(sizes):
            strata = None
    kept, chosen = train_test_split(candidates, test_size=held, random_state=seed, stratify=strata)
    if len(candidates) < len(rows.weights):
        kept = np.setdiff1d(np.arange(len(rows.weights)), chosen)
    return rows.at(kept), rows.at(chosen)
