"""Learning rates that change: by name, in epochs, so that they can be pickled and saved; or any function of the step.

Rates are computed on the host, chunk by chunk, and handed to the compiled loop as numbers. They depend on the number of
the step in the whole run (and :class:`Plateau` on the losses before it), so neither a chunk nor a resumed run starts
them anew.
"""

import abc
import dataclasses
import functools
import inspect
import math
from collections.abc import Callable
from typing import Any, ClassVar, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from flambeau.errors import ConfigurationError, check_value
from flambeau.foundation.precision import dtype

ROUNDING = 1e-6  # of the largest rate: a line that ends at 0 may end this little below it
ALL = 1 << 30
Schedule = TypeVar("Schedule", bound="AbstractSchedule")


class Horizon(NamedTuple):
    """What a schedule may ask of the run: steps of an epoch, steps in all, the epochs' losses so far."""

    each: int = 1
    total: int = 1
    losses: np.ndarray = np.empty(0)


@dataclasses.dataclass(frozen=True)
class AbstractSchedule(abc.ABC):
    """A learning rate for every step; ``rate`` is the largest, or None for the optimiser's customary one."""

    ahead: ClassVar[int] = ALL  # epochs whose rates are known beforehand
    rate: float | None

    def at(self: Schedule, rate: float) -> Schedule:
        """The same course from another rate."""
        return dataclasses.replace(self, rate=rate)

    @abc.abstractmethod
    def factors(self, epoch: np.ndarray, horizon: Horizon) -> np.ndarray:
        """Shares of the rate at times measured in epochs."""


@dataclasses.dataclass(frozen=True)
class Constant(AbstractSchedule):
    """The same rate throughout."""

    rate: float | None = None

    def factors(self, epoch: np.ndarray, horizon: Horizon) -> np.ndarray:
        """1."""
        return np.ones(epoch.shape)


@dataclasses.dataclass(frozen=True)
class Linear(AbstractSchedule):
    """From ``rate`` in a straight line to ``end`` · rate, over ``epochs`` (None for the whole run), then constant.

    >>> Linear(0.1).factors(np.asarray([0.0, 5.0, 10.0]), Horizon(4, 40)).tolist()
    [1.0, 0.5, 0.0]
    """

    rate: float | None = None
    end: float = 0.0
    epochs: float | None = None

    def factors(self, epoch: np.ndarray, horizon: Horizon) -> np.ndarray:
        """1 - (1 - end) t / T."""
        return 1 - (1 - self.end) * _share_done(epoch, self.epochs, horizon)


@dataclasses.dataclass(frozen=True)
class Cosine(AbstractSchedule):
    """Half a cosine from ``rate`` to ``end`` · rate over ``epochs`` (None for the whole run), after ``warm_up`` epochs
    in which the rate grows in a straight line from 0.

    >>> Cosine(0.1).factors(np.asarray([0.0, 5.0, 10.0]), Horizon(4, 40)).round(3).tolist()
    [1.0, 0.5, 0.0]

    Source: Loshchilov and Hutter 2017, *SGDR*. *Limits.* A run that goes on beyond its first end has another whole: say
    ``epochs`` where a run is to be made in pieces.
    """

    rate: float | None = None
    end: float = 0.0
    warm_up: float = 0.0
    epochs: float | None = None

    def factors(self, epoch: np.ndarray, horizon: Horizon) -> np.ndarray:
        """(t + 1 step) / warm_up, then end + (1 - end) (1 + cos π t / T) / 2."""
        done = _share_done(epoch, self.epochs, horizon, self.warm_up)
        falling = self.end + (1 - self.end) * (1 + np.cos(np.pi * done)) / 2
        rising = (epoch + 1 / horizon.each) / max(self.warm_up, 1e-12)
        return np.where(epoch < self.warm_up, np.minimum(rising, 1), falling)


@dataclasses.dataclass(frozen=True)
class StepDecay(AbstractSchedule):
    """Every so many epochs the rate is multiplied by ``factor``.

    >>> StepDecay(0.1, every=10, factor=0.5).factors(np.asarray([0.0, 9.5, 10.0, 25.0]), Horizon(2, 60)).tolist()
    [1.0, 1.0, 0.5, 0.25]
    """

    rate: float | None = None
    every: float = 10
    factor: float = 0.5

    def factors(self, epoch: np.ndarray, horizon: Horizon) -> np.ndarray:
        """factor^⌊t / every⌋; an epoch that divides evenly is not lost to rounding."""
        return self.factor ** np.floor(epoch / self.every + 1e-9)


@dataclasses.dataclass(frozen=True)
class Plateau(AbstractSchedule):
    """The rate is multiplied by ``factor`` whenever the training loss has not fallen by ``tolerance`` for ``patience``
    epochs; the count then starts anew.

    >>> falling = Horizon(1, 9, np.asarray([3.0, 2.0, 1.0, 1.0, 1.0, 1.0]))
    >>> Plateau(0.1, patience=2).factors(np.asarray([6.0]), falling).tolist()
    [0.5]

    *Limits.* Every epoch returns to the host, to be looked at: 0.3 ms each.
    """

    ahead: ClassVar[int] = 1
    rate: float | None = None
    factor: float = 0.5
    patience: int = 5
    tolerance: float = 1e-4

    def factors(self, epoch: np.ndarray, horizon: Horizon) -> np.ndarray:
        """factor^(plateaus so far)."""
        best, waited, plateaus = math.inf, 0, 0
        for loss in horizon.losses:
            waited = 0 if loss < best - self.tolerance else waited + 1
            best = min(best, loss)
            if waited >= self.patience:
                waited, plateaus = 0, plateaus + 1
        return np.full(epoch.shape, self.factor**plateaus)


SCHEDULES: dict[str, type[AbstractSchedule]] = {
    "constant": Constant,
    "linear": Linear,
    "cosine": Cosine,
    "step": StepDecay,
    "plateau": Plateau,
}


def _share_done(epoch: np.ndarray, epochs: float | None, horizon: Horizon, start: float = 0.0) -> np.ndarray:
    """From 0 to 1 between ``start`` and ``epochs`` (or the run's end)."""
    whole = horizon.total / horizon.each if epochs is None else epochs
    return np.clip((epoch - start) / max(whole - start, 1e-12), 0, 1)


def check_schedule(schedule: AbstractSchedule) -> None:
    """Refuse numbers that no schedule can have."""
    for name, value in vars(schedule).items():
        where = f"{type(schedule).__name__}.{name}"
        if value is None and name in ("rate", "epochs"):
            continue
        check_value(where, value, 1 if name == "patience" else 0, 1 if name in ("end", "factor") else np.inf)
        if name in ("rate", "every", "epochs") and value == 0:
            raise ConfigurationError(where, "a number above 0", value, f"set {name} above 0")


def rates_of(schedule: Any, steps: np.ndarray, horizon: Horizon) -> np.ndarray:
    """The learning rate of each numbered step, in the float type in force.

    Raises :class:`~flambeau.errors.ConfigurationError` for rates below 0 by more than rounding, or not finite.
    """
    if isinstance(schedule, AbstractSchedule):
        rates = (schedule.rate or 0.0) * schedule.factors(steps / horizon.each, horizon)
    elif callable(schedule):
        rates = _asked(schedule, steps)
    else:
        rates = np.full(steps.shape, schedule)
    least = -ROUNDING * np.max(np.abs(rates), initial=ROUNDING)
    bad = ~np.isfinite(rates) | (rates < least)
    if bad.any():
        place = int(np.argmax(bad))
        got = f"{rates.ravel()[place]} at step {int(steps.ravel()[place])}"
        raise ConfigurationError("learning_rate", "finite rates of at least 0", got, "mend the schedule")
    return np.maximum(rates, 0).astype(dtype())


def _asked(schedule: Callable[[Any], Any], steps: np.ndarray) -> np.ndarray:
    """What a function of the step answers: step by step on the host, or compiled where it answers in JAX's arrays."""
    numbers, places = np.unique(steps, return_inverse=True)
    if _from_optax(schedule) or isinstance(schedule(int(numbers[0])), jax.Array):
        try:
            return np.asarray(_many(schedule)(steps), np.float64)
        except Exception:  # a function that cannot be traced is asked step by step; its own faults show there
            pass
    return np.asarray([_one_rate(schedule, int(number)) for number in numbers])[places].reshape(steps.shape)


def _one_rate(schedule: Callable[[Any], Any], number: int) -> float:
    """One answer, which must be a number."""
    answer = schedule(number)
    try:
        return float(answer)
    except (TypeError, ValueError):
        got = f"{answer!r:.80} at step {number}"
        raise ConfigurationError("learning_rate", "a number for every step", got, "mend the schedule") from None


def _from_optax(schedule: Any) -> bool:
    """Whether a schedule is one of Optax's, which are fast only when compiled."""
    module = inspect.getmodule(inspect.unwrap(schedule))
    return module is not None and module.__name__.startswith("optax")


@functools.cache
def _many(schedule: Callable[[Any], Any]) -> Callable[[np.ndarray], Array]:
    """A schedule for a whole array of steps, as one program."""
    return jax.jit(jnp.vectorize(schedule))
