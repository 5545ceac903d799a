"""Optimisers: the rule proposes, the optimiser disposes.

An :class:`Optimiser` is an Optax chain plus the numbers that it reads. The numbers (rate, penalties, limits) are data,
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

from flambeau.errors import ConfigurationError
from flambeau.foundation.precision import dtype

__all__ = ["OPTIMISERS", "Optimiser", "optimiser"]

Schedule = float | Callable[[Any], Any]

# A direction for each name; the rate comes after it, penalties before it.
OPTIMISERS: dict[str, Callable[[], optax.GradientTransformation]] = {
    "sgd": optax.identity,
    "momentum": lambda: optax.trace(decay=0.9),
    "nesterov": lambda: optax.trace(decay=0.9, nesterov=True),
    "rmsprop": optax.scale_by_rms,
    "adagrad": optax.scale_by_rss,
    "adam": optax.scale_by_adam,
    "adamw": optax.scale_by_adam,  # its decay is ``weight_decay``, applied after the direction
}

SETTINGS = ("l1", "l2", "clip_norm", "weight_decay", "max_norm")


class Mechanism(eqx.Module):
    """The compiled part of an optimiser: an Optax chain and the numbers that it reads."""

    chain: optax.GradientTransformationExtraArgs = eqx.field(static=True)
    settings: dict[str, Any]

    def init(self, network: PyTree) -> PyTree:
        """The chain's state."""
        return self.chain.init(network)

    def update(self, proposal: PyTree, state: PyTree, network: PyTree, rate: Array) -> tuple[PyTree, PyTree]:
        """``(what to add to the network, state)``."""
        settings = {name: jnp.asarray(value, rate.dtype) for name, value in self.settings.items()}
        return self.chain.update(proposal, state, network, learning_rate=rate, **settings)


@dataclasses.dataclass(frozen=True)
class Optimiser:
    """A mechanism and its learning rate. Build one with :func:`optimiser`.

    The rate stays outside the compiled program, which is handed one number per step: no rate or schedule recompiles.
    """

    name: str
    mechanism: Mechanism
    schedule: Schedule

    def rates(self, steps: np.ndarray) -> np.ndarray:
        """The learning rate of each numbered step."""
        if callable(self.schedule):
            rates = np.asarray(many(self.schedule)(steps), dtype())
            if not (rates >= 0).all():
                got = f"{rates.min()} at step {int(steps.ravel()[np.argmin(rates)])}"
                raise ConfigurationError("learning_rate", "a schedule of rates of at least 0", got, "mend the schedule")
            return rates
        return np.full(steps.shape, self.schedule, dtype())


def optimiser(
    name: Any = "sgd",
    learning_rate: Any = 0.1,
    *,
    l1: float = 0.0,
    l2: float = 0.0,
    weight_decay: float = 0.0,
    clip_norm: float | None = None,
    max_norm: float | None = None,
) -> Optimiser:
    """Build an optimiser from a name, or wrap an Optax transformation (which then brings its own rate).

    In this order: clip the proposal to ``clip_norm`` (over all of it), add ``l1`` sign(w) + ``l2`` w (penalties in
    the error), take the direction, times -rate, subtract rate · ``weight_decay`` · w (decoupled), and shrink every
    unit's incoming weights to length ``max_norm``. Penalties and the limit touch weights only, never biases.

    >>> optimiser("momentum", 0.05, l2=1e-4).name
    'momentum'

    Raises :class:`~flambeau.errors.ConfigurationError` for an unknown name or a number out of range.
    """
    if isinstance(name, Optimiser):
        return name
    given = {"l1": l1, "l2": l2, "weight_decay": weight_decay, "clip_norm": clip_norm, "max_norm": max_norm}
    check(name, learning_rate, given)
    used = tuple(key for key in SETTINGS if given[key])
    settings = {key: np.asarray(given[key], np.float64) for key in used}
    if isinstance(name, str):
        return Optimiser(name, Mechanism(build(name, used), settings), learning_rate)
    return Optimiser("optax", Mechanism(wrapped(name), settings), 1.0)


@functools.cache
def wrapped(given: optax.GradientTransformation) -> optax.GradientTransformationExtraArgs:
    """The user's own transformation, wrapped once: the same object again runs the same program."""
    return optax.with_extra_args_support(given)


def check(name: Any, learning_rate: Any, given: dict[str, Any]) -> None:
    """Refuse what cannot work."""
    if isinstance(name, str) and name not in OPTIMISERS:
        expected = f"one of {', '.join(OPTIMISERS)}, or an Optax transformation"
        raise ConfigurationError("optimizer", expected, repr(name), "choose one")
    if not isinstance(name, str) and not (hasattr(name, "init") and hasattr(name, "update")):
        raise ConfigurationError("optimizer", "a name or an Optax transformation", repr(name), "for instance 'adam'")
    if not callable(learning_rate) and not (
        isinstance(learning_rate, numbers.Real) and 0 < float(learning_rate) < math.inf
    ):
        raise ConfigurationError(
            "learning_rate", "a positive number or an Optax schedule", repr(learning_rate), "try 0.1, or 0.001 for adam"
        )
    for key, value in given.items():
        if value is not None and not (isinstance(value, numbers.Real) and 0 <= float(value) < math.inf):
            raise ConfigurationError(key, "a number of at least 0", repr(value), "0 or None switches it off")
        if value and not isinstance(name, str):
            remedy = "add it to your Optax chain"
            raise ConfigurationError(key, "nothing, beside an Optax transformation of your own", repr(value), remedy)


@functools.cache
def many(schedule: Callable[[Any], Any]) -> Callable[[np.ndarray], Array]:
    """A schedule for a whole array of steps, as one program."""
    return jax.jit(jnp.vectorize(schedule))


@functools.cache
def build(name: str, used: tuple[str, ...]) -> optax.GradientTransformationExtraArgs:
    """One chain per name and set of penalties, built once: equal chains are the same object, so programs are reused."""
    before = [TRANSFORMATIONS[key]() for key in ("clip_norm", "l1", "l2") if key in used]
    after = [TRANSFORMATIONS[key]() for key in ("weight_decay", "max_norm") if key in used]
    return optax.chain(*before, OPTIMISERS[name](), stateless(times_rate), *after)


def stateless(change: Callable[..., PyTree]) -> optax.GradientTransformationExtraArgs:
    """An Optax transformation that remembers nothing and reads its numbers from the extra arguments."""

    def update(updates: PyTree, state: PyTree, params: PyTree = None, **extra: Any) -> tuple[PyTree, PyTree]:
        return change(updates, params, extra), state

    return optax.GradientTransformationExtraArgs(lambda params: optax.EmptyState(), update)


def times_rate(updates: PyTree, params: PyTree, extra: dict[str, Any]) -> PyTree:
    """Walk downhill: -rate · direction."""
    return jax.tree.map(lambda u: -extra["learning_rate"].astype(u.dtype) * u, updates)


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
