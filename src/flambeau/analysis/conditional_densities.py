"""The conditional density of a real-valued visible unit given all the others, by quadrature on a line.

What the line must hold follows from how far the hidden units can push the unit's mean. Those with finitely many states
push it by the range of their statistic times |W|, and the density is a mixture of bumps as wide as the unit. Hidden
units without bounds only pull: with c the steepest slope of E[t(h)], the log-density bends everywhere by at least

    κ / σ²,    κ = 1 - Σ_j c W_ij² / σ²,

so it has one bump no wider than σ / √κ, whose top is no further than (1 - κ) / κ |v - g(v)| from g(v), the mean that
E[h | v] asks for. With κ ≤ 0 it has no end.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from flambeau.errors import ConfigurationError
from flambeau.foundation.rows import by_rows
from flambeau.neurons.units import states_of

REACH = 8.0  # standard deviations on either side of the furthest conditional means
STEP = 0.7  # standard deviations between points: the trapezoid rule is then exact to rounding for a Gaussian
POINTS = 64  # a multiple of this many, so that few programs are compiled
FAR = 30.0  # a net input at which E[t(h)] is as steep as it gets


def log_densities(machine: Any, matrix: Array, v: np.ndarray) -> Float[np.ndarray, "rows units"]:
    """log p(v_i | the others) of every Gaussian visible unit:

        log p = -f(v_i) + Σ_j Γ(x_j) - log ∫ exp(-f(u) + Σ_j Γ(x_j + W_ij (t(u) - t(v_i)))) du

    by the trapezoid rule, on as many points as the line needs. Raises
    :class:`~flambeau.errors.ConfigurationError` where a conditional density has no end.
    """
    length = float(by_rows(lengths, (machine, matrix, ranges_of(machine)), v).max())
    if not np.isfinite(length):
        where, expected = "pseudo_log_likelihood", "hidden units that leave the density an end"
        remedy = "lower the weights, or use bounded hidden units"
        raise ConfigurationError(where, expected, "weights too large for them", remedy)
    points = POINTS * math.ceil(2 * length / STEP / POINTS) + 1
    given = machine, matrix, ranges_of(machine), points
    return by_rows(integrated, given, v, points, axes=1).T


def ranges_of(machine: Any) -> np.ndarray | None:
    """How far each hidden statistic reaches; None where it has no bounds."""
    choices = states_of(machine.hidden, machine.hidden_bias.shape[0])
    if choices is None:
        return None
    return np.concatenate([np.ptp(states, axis=0) for states in choices]).astype(machine.hidden_bias.dtype)


def lengths(given: tuple[Any, ...], v: Array) -> Float[Array, " rows"]:
    """Half the length of each row's longest line, in standard deviations; infinite where one has no end."""
    machine, matrix, ranges = given
    return jnp.max(reaches(machine, matrix, ranges, v) / deviations(machine, v)[:, None], axis=0)


def reaches(machine: Any, matrix: Array, ranges: Array | None, v: Array) -> Float[Array, "units rows"]:
    """Half the length of each line: hidden units with finitely many states push the mean no further than they reach."""
    if ranges is None:
        return unbounded(machine, matrix, v)
    push = jnp.abs(matrix) @ ranges
    return jnp.broadcast_to((REACH * deviations(machine, v) + push)[:, None], v.T.shape)


def unbounded(machine: Any, matrix: Array, v: Array) -> Array:
    """Hidden units that take any number."""
    bias, deviation = machine.hidden_bias, deviations(machine, v)[:, None]

    def expected(net: Array) -> Array:
        return jax.grad(lambda x: machine.hidden.log_normaliser(x, bias).sum())(net)

    steepest = jax.jvp(expected, (jnp.full_like(bias, FAR),), (jnp.ones_like(bias),))[1]
    kappa = 1 - (matrix**2 @ steepest)[:, None] / deviation**2
    apart = jnp.abs(v.T - machine.visible_net(machine(v)).T)  # from the means that E[h | v] asks for
    reach = REACH * deviation / jnp.sqrt(kappa) + (1 - kappa) / kappa * apart
    return jnp.where(kappa > 0, reach, jnp.inf)


def deviations(machine: Any, v: Array) -> Float[Array, " units"]:
    """σ of every visible unit."""
    return jnp.broadcast_to(jnp.sqrt(jnp.asarray(machine.visible.variance, v.dtype)), v.shape[1:])


def integrated(given: tuple[Any, ...], v: Array) -> Float[Array, "units rows"]:
    """The trapezoid rule on that many points."""
    machine, matrix, ranges, points = given
    reach, bias = reaches(machine, matrix, ranges, v), machine.hidden_bias
    net = jax.lax.optimization_barrier(machine.hidden_net(v))
    before = machine.hidden.log_normaliser(net, bias).sum(-1)
    grid = jnp.asarray(np.linspace(-1, 1, points), v.dtype)

    def unit(given: tuple[Array, ...]) -> Array:
        row, value, center, half, deviation, b = given

        def weigh(place: Array) -> Array:
            u = center + place * half
            moved = machine.hidden.log_normaliser(net + ((u - value) / deviation**2)[:, None] * row, bias).sum(-1)
            return moved - before - ((u - b) ** 2 - (value - b) ** 2) / (2 * deviation**2)

        weights = jax.lax.map(weigh, grid)
        return -jax.scipy.special.logsumexp(weights, axis=0) - jnp.log(half * 2 / (points - 1))

    each = matrix, v.T, machine.visible_net(machine(v)).T, reach, deviations(machine, v), machine.visible_bias
    return jax.lax.map(unit, each)
