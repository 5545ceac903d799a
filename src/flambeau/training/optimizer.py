"""Optimisers: the rule proposes, the optimiser disposes.

An :class:`Optimizer` is an Optax chain plus the numbers that it reads. The numbers (rate, penalties, limits) are data,
not code: another rate, schedule or penalty strength runs the program that is already compiled.
"""

import dataclasses
import functools
import math
import numbers
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, PyTree

from flambeau.errors import ConfigurationError, named
from flambeau.training.schedules import SCHEDULES, AbstractSchedule, Horizon, check_schedule, rates_of

Schedule = float | AbstractSchedule | Callable[[Any], Any]
RATE = 0.1
ALONE = Horizon()

# A direction for each name; the rate comes after it, penalties before it.
OPTIMIZERS: dict[str, Callable[[], optax.GradientTransformation]] = {
    "sgd": optax.identity,
    "momentum": lambda: optax.trace(decay=0.9),
    "nesterov": lambda: optax.trace(decay=0.9, nesterov=True),
    "rmsprop": optax.scale_by_rms,
    "adagrad": optax.scale_by_rss,
    "adam": optax.scale_by_adam,
    "adamw": optax.scale_by_adam,  # its decay is ``weight_decay``, applied after the direction
}

SETTINGS = ("l1", "l2", "clip_norm", "weight_decay", "max_norm")
# What a schedule that is given by its name alone starts from.
CUSTOMARY = {"rmsprop": 0.001, "adam": 0.001, "adamw": 0.001}


class Mechanism(eqx.Module):
    """The compiled part of an optimiser: an Optax chain and the numbers that it reads.

    ``factors`` is a tree of factors of the rate, shaped like the network or the beginning of its tree, or None.
    """

    chain: optax.GradientTransformationExtraArgs = eqx.field(static=True)
    settings: dict[str, Any]
    factors: PyTree = None

    def init(self, network: PyTree) -> PyTree:
        """The chain's state."""
        return self.chain.init(network)

    def update(self, proposal: PyTree, state: PyTree, network: PyTree, rate: Array) -> tuple[PyTree, PyTree]:
        """``(what to add to the network, state)``."""
        settings = {name: jnp.asarray(value, rate.dtype) for name, value in self.settings.items()}
        return self.chain.update(proposal, state, network, learning_rate=rate, factors=self.factors, **settings)


@dataclasses.dataclass(frozen=True)
class Optimizer:
    """A mechanism and its learning rate. Build one with :func:`optimizer`.

    The rate stays outside the compiled program, which is handed one number per step: no rate or schedule recompiles.
    """

    name: str
    mechanism: Mechanism
    schedule: Schedule

    def __reduce__(self) -> tuple[Any, ...]:
        """A named optimiser is built again by its settings; Optax's functions cannot be pickled."""
        if self.name not in OPTIMIZERS:
            return (Optimizer, (self.name, self.mechanism, self.schedule))
        settings = {key: float(value) for key, value in self.mechanism.settings.items()}
        return functools.partial(optimizer, **settings, parts=self.mechanism.factors), (self.name, self.schedule)

    def rates(self, steps: np.ndarray, horizon: Horizon = ALONE) -> np.ndarray:
        """The learning rate of each numbered step of a run with that horizon."""
        return rates_of(self.schedule, np.asarray(steps), horizon)

    @property
    def ahead(self) -> int:
        """Epochs whose rates are known beforehand."""
        return self.schedule.ahead if isinstance(self.schedule, AbstractSchedule) else AbstractSchedule.ahead


def optimizer(
    name: Any = "sgd",
    learning_rate: Any = None,
    *,
    l1: float = 0.0,
    l2: float = 0.0,
    weight_decay: float = 0.0,
    clip_norm: float | None = None,
    max_norm: float | None = None,
    parts: PyTree = None,
) -> Optimizer:
    """Build an optimiser from a name, or wrap an Optax transformation (which then brings its own rate).

    In this order: clip the proposal to ``clip_norm`` (over all of it), add ``l1`` sign(w) + ``l2`` w (penalties in
    the error), take the direction, times -rate, subtract rate · ``weight_decay`` · w (decoupled), multiply every part
    of the network by its factor of the rate, and shrink every unit's incoming weights to length ``max_norm``. Penalties
    and the limit touch weights only, never biases.

    ``learning_rate``: a number (0.1 where nothing is said), a schedule (:mod:`flambeau.training.schedules`) or its name
    ("constant", "linear", "cosine", "step", "plateau"; it then starts from 0.1, or 0.001 for rmsprop and Adam), or any
    function of the step. ``parts``: factors of the rate, a tree shaped like the network or the beginning of its tree.

    >>> optimizer("momentum", 0.05, l2=1e-4).name
    'momentum'
    >>> optimizer("adam", "cosine").schedule
    Cosine(rate=0.001, end=0.0, warm_up=0.0, epochs=None)

    Raises :class:`~flambeau.errors.ConfigurationError` for an unknown name, a number out of range, or settings beside
    an optimiser or transformation that brings its own.
    """
    given = {"l1": l1, "l2": l2, "weight_decay": weight_decay, "clip_norm": clip_norm, "max_norm": max_norm}
    _check_penalties(given)
    if isinstance(name, str):
        used = tuple(key for key in SETTINGS if given[key])
        settings = {key: np.asarray(given[key], np.float64) for key in used}
        named("optimizer", OPTIMIZERS, name)
        mechanism = Mechanism(build(name, used, parts is not None), settings, _numbers(parts))
        return Optimizer(name, mechanism, _schedule(name, learning_rate))
    _check_alone(name, {"learning_rate": learning_rate, **given, "parts": parts})
    return name if isinstance(name, Optimizer) else Optimizer("optax", Mechanism(wrapped(name), {}), 1.0)


def _schedule(name: str, learning_rate: Any) -> Schedule:
    """A rate that is a number, a function, or a schedule with its rate filled in."""
    if isinstance(learning_rate, str):
        learning_rate = named("learning_rate", SCHEDULES, learning_rate)(None)
    if isinstance(learning_rate, AbstractSchedule):
        check_schedule(learning_rate)
        if learning_rate.rate is None:
            learning_rate = learning_rate.at(CUSTOMARY.get(name, RATE))
        return learning_rate
    rate = RATE if learning_rate is None else learning_rate
    if not callable(rate) and not (_is_number(rate) and 0 < float(rate) < math.inf):
        expected = f"a positive number, a function of the step, or one of {', '.join(SCHEDULES)}"
        raise ConfigurationError("learning_rate", expected, repr(rate), "try 0.1, or 0.001 for adam")
    return rate


def _numbers(parts: PyTree) -> PyTree:
    """Factors as data."""
    for factor in jax.tree.leaves(parts):
        if np.ndim(factor) != 0 or not 0 <= float(factor) < math.inf:
            raise ConfigurationError(
                "optimizer.parts", "numbers of at least 0", repr(factor), "1 leaves a part as it is"
            )
    return jax.tree.map(lambda factor: np.asarray(factor, np.float64), parts)


def _is_number(value: Any) -> bool:
    """A real number, and no truth value."""
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _check_penalties(given: dict[str, Any]) -> None:
    """Refuse strengths and limits that are no numbers of at least 0."""
    for key, value in given.items():
        if value is not None and not (_is_number(value) and 0 <= float(value) < math.inf):
            raise ConfigurationError(key, "a number of at least 0", repr(value), "0 or None switches it off")


def _check_alone(given: Any, beside: dict[str, Any]) -> None:
    """Refuse what is no optimiser, and settings beside one that brings its own."""
    ready = isinstance(given, Optimizer)
    if not ready and not isinstance(given, optax.GradientTransformation):
        raise ConfigurationError("optimizer", "a name or an Optax transformation", repr(given), "for instance 'adam'")
    kind, remedy = ("an optimiser", "give it to fb.optimizer(...)") if ready else (
        "an Optax transformation", "add it to your Optax chain")  # fmt: skip
    for key, value in beside.items():
        if value is not None and (key in ("learning_rate", "parts") or value):
            shown = repr(value) if key != "parts" else "a tree of factors"
            raise ConfigurationError(key, f"nothing, beside {kind} of your own", shown, remedy)


@functools.cache
def wrapped(given: optax.GradientTransformation) -> optax.GradientTransformationExtraArgs:
    """The user's own transformation, wrapped once: the same object again runs the same program."""
    return optax.with_extra_args_support(given)


@functools.cache
def build(name: str, used: tuple[str, ...], apart: bool) -> optax.GradientTransformationExtraArgs:
    """One chain per name and set of penalties, built once: equal chains are the same object, so programs are reused."""
    before = [TRANSFORMATIONS[key]() for key in ("clip_norm", "l1", "l2") if key in used]
    decay, limit = ([TRANSFORMATIONS[key]()] if key in used else [] for key in ("weight_decay", "max_norm"))
    factors = [stateless(times_factors)] if apart else []
    return optax.chain(*before, OPTIMIZERS[name](), stateless(times_rate), *decay, *factors, *limit)


def stateless(change: Callable[..., PyTree]) -> optax.GradientTransformationExtraArgs:
    """An Optax transformation that remembers nothing and reads its numbers from the extra arguments."""

    def update(updates: PyTree, state: PyTree, params: PyTree = None, **extra: Any) -> tuple[PyTree, PyTree]:
        return change(updates, params, extra), state

    return optax.GradientTransformationExtraArgs(lambda params: optax.EmptyState(), update)


def times_rate(updates: PyTree, params: PyTree, extra: dict[str, Any]) -> PyTree:
    """Walk downhill: -rate · direction."""
    return jax.tree.map(lambda u: -extra["learning_rate"].astype(u.dtype) * u, updates)


def times_factors(updates: PyTree, params: PyTree, extra: dict[str, Any]) -> PyTree:
    """Every part by its own factor; a factor stands for all that is below it."""
    return jax.tree.map(
        lambda factor, part: jax.tree.map(lambda u: u * jnp.asarray(factor, u.dtype), part), extra["factors"], updates
    )


def clip(updates: PyTree, params: PyTree, extra: dict[str, Any]) -> PyTree:
    """Shrink the whole proposal to at most ``clip_norm``."""
    norm = optax.tree.norm(updates)
    scale = jnp.minimum(1, extra["clip_norm"] / jnp.maximum(norm, jnp.finfo(norm.dtype).tiny))
    return jax.tree.map(lambda u: u * scale, updates)


def on_weights(change: Callable[[Array, Array, dict[str, Any]], Array]) -> Callable[..., PyTree]:
    """Apply a change to the weights and leave biases (one axis or none) alone."""

    def apply(updates: PyTree, params: PyTree, extra: dict[str, Any]) -> PyTree:
        return jax.tree.map(lambda u, w: change(u, w, extra) if w.ndim > 1 else u, updates, params)

    return apply


def shorten(update: Array, w: Array, extra: dict[str, Any]) -> Array:
    """The update after which no unit's incoming weights are longer than ``max_norm`` (the last axis counts units)."""
    target = w + update
    axes = tuple(range(w.ndim - 1))
    length = jnp.sqrt(jnp.sum(target**2, axis=axes, keepdims=True))
    return target * jnp.minimum(1, extra["max_norm"] / jnp.maximum(length, extra["max_norm"])) - w


TRANSFORMATIONS: dict[str, Callable[[], optax.GradientTransformationExtraArgs]] = {
    "clip_norm": lambda: stateless(clip),
    "l1": lambda: stateless(on_weights(lambda u, w, extra: u + extra["l1"] * jnp.sign(w))),
    "l2": lambda: stateless(on_weights(lambda u, w, extra: u + extra["l2"] * w)),
    "weight_decay": lambda: stateless(
        on_weights(lambda u, w, extra: u - extra["learning_rate"] * extra["weight_decay"] * w)
    ),
    "max_norm": lambda: stateless(on_weights(shorten)),
}
