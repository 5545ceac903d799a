r"""Networks that move in continuous time: one compiled loop for any velocity, until every state has come to rest.

    du/dt = velocity(u)

A method says how one step is made. Euler: u ← u + h f(u). Exponential Euler solves the leak -u/τ exactly and holds
what drives it still, u ← e^{-h/τ} u + (1 - e^{-h/τ}) (u + τ f(u)): Euler's rule with τ (1 - e^{-h/τ}) for h, so that no
step, however large, overshoots the drive. Dormand and Prince: order five, with a step of its own for every row, which
grows and shrinks with the error it estimates. Lecture: Hopfield Network.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from flambeau.dynamics.rest import STILL, per_row, until_rest
from flambeau.errors import ConfigurationError, check_value, named

SAFETY, SHRINK, GROW = 0.9, 0.2, 10.0  # the usual step control (Hairer, Norsett and Wanner 1993)
# Dormand and Prince 1980: each row makes the next stage; the last one is also the new state, of order five.
STAGES = (
    (1 / 5,),
    (3 / 40, 9 / 40),
    (44 / 45, -56 / 15, 32 / 9),
    (19372 / 6561, -25360 / 2187, 64448 / 6561, -212 / 729),
    (9017 / 3168, -355 / 33, 46732 / 5247, 49 / 176, -5103 / 18656),
    (35 / 384, 0.0, 500 / 1113, 125 / 192, -2187 / 6784, 11 / 84),
)
ERROR = (71 / 57600, 0.0, -71 / 16695, 71 / 1920, -17253 / 339200, 22 / 525, -1 / 40)  # order five less order four


class Flowed(NamedTuple):
    """Where a flow ended: ``states``, the ``steps`` and the ``time`` each row took, which rows are ``still``.

    ``trace`` is None or ``(times (rows, batch), values (rows, batch, ...))`` from the start on, NaN after a row's end.
    """

    states: Float[Array, "batch *units"]
    steps: Int[Array, " batch"]
    time: Float[Array, " batch"]
    still: Bool[Array, " batch"]
    trace: Any


class FlowState(NamedTuple):
    """A row's state, its velocity, the step it will try, its time, the steps it took, and whether it rests."""

    states: Array
    velocity: Array
    step: Array
    time: Array
    steps: Array
    still: Array


class Settings(NamedTuple):
    """The numbers of a flow, as data."""

    step: Array
    tau: Array
    tolerance: Array
    error_tolerance: Array


def flow(
    velocity: Callable[[Array], Array],
    u0: Float[Array, "batch *units"],
    *,
    method: str = "exponential_euler",
    step: Any = 0.1,
    tau: Any = 1.0,
    tolerance: Any = 1e-5,
    error_tolerance: Any = 1e-6,
    max_steps: int | Array = 10_000,
    trace: Callable[[Array], Any] | None = None,
) -> Flowed:
    """Follow du/dt = velocity(u) from every row until τ max|du/dt| ≤ tolerance · max(1, max|u|), or ``max_steps``.

    Arguments: ``velocity``, a function of states ``(batch, ...)`` or a network's method; ``method``, one of ``FLOWS``;
    ``step``, for "dormand_prince" the first one tried; ``tau``, the time constant of the leak; ``error_tolerance`` per
    step of "dormand_prince", absolute and relative (its rejected steps count towards ``max_steps``, and repeat the
    last row of the trace); ``trace``, a function of the states, such as the energy, recorded after every step.

    Rows do not wait for each other in the result: one that rests is left as it is. Numbers are data; another
    function (a new lambda) compiles again.

    >>> decay = flow(lambda u: -u, jnp.asarray([[1.0], [0.0]]), tolerance=1e-3, trace=lambda u: u[:, 0])
    >>> decay.still.tolist(), decay.steps.tolist(), decay.states.tolist()  # e⁻⁷
    ([True, True], [70, 0], [[0.000911...], [0.0]])
    >>> [f"{values[0]:.3f}" for values in decay.trace[1].tolist()[:3]]
    ['1.000', '0.905', '0.819']

    Raises :class:`~flambeau.errors.ConfigurationError` for an unknown method or a number that is not above zero.
    *Limits.* Rest is judged by the velocity, so a slow saddle passes for rest. An unstable step (Euler beyond 2τ) runs
    off to infinity and is never still. In single precision tolerances below 1e-6 may never be met. Source: Dormand and
    Prince 1980; Hochbruck and Ostermann 2010. Lecture: Hopfield Network.
    """
    advance = named("flow, method", FLOWS, method)
    settings = Settings(*(jnp.asarray(x, u0.dtype) for x in (step, tau, tolerance, error_tolerance)))
    check("flow", max_steps, step=step, tau=tau, error_tolerance=error_tolerance)
    watch = None if trace is None else eqx.Partial(with_time, trace)
    onwards, most = eqx.Partial(one_step, advance, velocity, settings), 0 if trace is None else int(max_steps)
    start = started(velocity, u0, settings)
    end, kept = until_rest(onwards, STILL, start, max_steps, watch=watch, most=most)
    return Flowed(end.states, end.steps, end.time, end.still, kept)


def check(where: str, max_steps: Any, **numbers: Any) -> None:
    """Refuse a limit that is not a number of steps, and numbers that are not above zero (traced ones pass)."""
    if not isinstance(max_steps, jax.core.Tracer):
        check_value(f"{where}, max_steps", max_steps, 0, whole=True)
    for name, value in numbers.items():
        if not isinstance(value, jax.core.Tracer) and not value > 0:
            raise ConfigurationError(f"{where}, {name}", "a number above zero", value, f"pass {name}=0.1")


@eqx.filter_jit
def started(velocity: Any, u0: Array, settings: Settings) -> FlowState:
    """Before the first step: a row that rests already takes none."""
    count = u0.shape[:1]
    time, steps = jnp.zeros(count, u0.dtype), jnp.zeros(count, int)
    start = FlowState(u0, velocity(u0), jnp.full(count, settings.step), time, steps, jnp.zeros(count, bool))
    return start._replace(still=resting(start, settings))


def one_step(advance: Any, velocity: Any, settings: Settings, number: Array, now: FlowState) -> FlowState:
    """One step of every row, and which of them rest after it."""
    new: FlowState = advance(velocity, now, settings)
    return new._replace(still=resting(new, settings))


def with_time(trace: Any, now: FlowState) -> Any:
    """What a flow records."""
    return now.time, trace(now.states)


def largest(values: Array) -> Array:
    """The largest absolute value of every row."""
    return jnp.abs(values).reshape(len(values), -1).max(-1)


def resting(now: FlowState, settings: Settings) -> Array:
    """Rows so slow that within τ they would not move by the tolerance, relative to their largest number."""
    return settings.tau * largest(now.velocity) <= settings.tolerance * jnp.maximum(1, largest(now.states))


def euler(velocity: Any, now: FlowState, settings: Settings) -> FlowState:
    """u + h f(u)."""
    return moved(velocity, now, now.step)


def exponential_euler(velocity: Any, now: FlowState, settings: Settings) -> FlowState:
    """u + τ (1 - e^{-h/τ}) f(u)."""
    return moved(velocity, now, -settings.tau * jnp.expm1(-now.step / settings.tau))


def moved(velocity: Any, now: FlowState, share: Array) -> FlowState:
    """Along the velocity, in a step of fixed length."""
    states = now.states + per_row(share, now.states) * now.velocity
    return FlowState(states, velocity(states), now.step, now.time + now.step, now.steps + 1, now.still)


def dormand_prince(velocity: Any, now: FlowState, settings: Settings) -> FlowState:
    """Seven stages, the first of them known from the last step; a row whose error is too large tries again."""
    h = per_row(now.step, now.states)
    slopes, states = [now.velocity], now.states
    for stage in STAGES:
        states = now.states + h * weighted(stage, slopes)
        slopes.append(velocity(states))
    scale = settings.error_tolerance * (1 + jnp.maximum(jnp.abs(now.states), jnp.abs(states)))
    error = largest(h * weighted(ERROR, slopes) / scale)
    accepted = error <= 1  # not where it is NaN
    factor = jnp.clip(SAFETY * error**-0.2, SHRINK, jnp.where(accepted, GROW, 1.0))
    new = FlowState(states, slopes[-1], now.step, now.time + now.step, now.steps + 1, now.still)
    new = jax.tree.map(lambda a, b: jnp.where(per_row(accepted, a), b, a), now, new)
    return new._replace(step=now.step * jnp.where(jnp.isnan(factor), SHRINK, factor))


def weighted(weights: tuple[float, ...], slopes: list[Array]) -> Array:
    """Σ a_k k_k; a zero costs nothing."""
    return sum(weight * slope for weight, slope in zip(weights, slopes, strict=True) if weight)  # type: ignore[return-value]


FLOWS: dict[str, Callable[[Any, FlowState, Settings], FlowState]] = {
    "exponential_euler": exponential_euler,
    "euler": euler,
    "dormand_prince": dormand_prince,
}


class Mapped(NamedTuple):
    """Where a map ended: ``states``, ``steps`` per row, and which rows are ``still`` or ``cycling`` between two."""

    states: Float[Array, "batch *units"]
    steps: Int[Array, " batch"]
    still: Bool[Array, " batch"]
    cycling: Bool[Array, " batch"]


def damped_map(
    update: Callable[[Array], Array],
    v0: Float[Array, "batch *units"],
    *,
    share: Any = 1.0,
    tolerance: Any = 1e-6,
    max_steps: int | Array = 10_000,
) -> Mapped:
    """Iterate v ← (1 - d) v + d update(v), all units at once, until each row is still or swings between two states.

    Arguments: ``update``, such as a graded Hopfield network's ``respond``, g(β(Wv - θ)); ``share`` d in (0, 1], 1
    without damping; a row is still when no unit moves by more than d · ``tolerance``, and cycling when it comes back
    after two steps while one step moves it by more than √tolerance.

    >>> swing = damped_map(lambda v: jnp.tanh(-2 * v), jnp.asarray([[0.5]]))
    >>> rest = damped_map(lambda v: jnp.tanh(-2 * v), jnp.asarray([[0.5]]), share=0.5)
    >>> swing.cycling.tolist(), rest.still.tolist(), rest.cycling.tolist()
    ([True], [True], [False])

    *Limits.* Undamped, symmetric weights can end in nothing but rest or a cycle of two; the share below which there is
    no cycle is :meth:`flambeau.networks.GradedHopfield.certified_share`. Source: Marcus and Westervelt 1989. Lecture:
    Hopfield Network.
    """
    check("damped_map", max_steps, share=share, tolerance=tolerance)
    numbers = jnp.asarray(share, v0.dtype), jnp.asarray(tolerance, v0.dtype)
    end, _ = until_rest(eqx.Partial(mapped, update, *numbers), is_mapped, first_of(v0), max_steps)
    return Mapped(end.states, end.steps, end.still, end.cycling)


class MapState(NamedTuple):
    """The states now and before the last step, the steps, and which rows are still or cycling."""

    states: Array
    before: Array
    steps: Array
    still: Array
    cycling: Array


@eqx.filter_jit
def first_of(v0: Array) -> MapState:
    """Before the first step."""
    none = jnp.zeros(v0.shape[:1], bool)
    return MapState(v0, v0, jnp.zeros(v0.shape[:1], int), none, none)


def mapped(update: Any, share: Array, tolerance: Array, number: Array, now: MapState) -> MapState:
    """One step of every row; it keeps the state before the last to see it come back."""
    states = (1 - share) * now.states + share * update(now.states)
    once, twice = largest(states - now.states), largest(states - now.before)
    still = once <= share * tolerance
    cycling = (twice <= tolerance) & (once > jnp.sqrt(tolerance)) & (number > 0)
    return MapState(states, now.states, now.steps + 1, still, cycling)


def is_mapped(now: MapState) -> Array:
    """Which rows have come to their end."""
    return now.still | now.cycling
