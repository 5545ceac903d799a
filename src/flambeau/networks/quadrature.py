"""The conditional density of a real-valued visible unit given all the others, by quadrature on a line."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

__all__ = ["POINTS", "log_densities"]

POINTS = 65
REACH = 8.0  # standard deviations on either side of the furthest conditional means


@eqx.filter_jit
def log_densities(machine: Any, matrix: Array, v: Any) -> Float[Array, "units rows"]:
    """log p(v_i | the others) of every Gaussian visible unit, unit after unit:

        log p = -f(v_i) + Σ_j Γ(x_j) - log ∫ exp(-f(u) + Σ_j Γ(x_j + W_ij (t(u) - t(v_i)))) du

    by the trapezoid rule on ``POINTS`` points around the conditional mean given E[h | v], which is exact to rounding as
    long as the density falls off within the line and no bump on it is narrower than a step.
    """
    v, bias = jnp.asarray(v), machine.hidden_bias
    net = jax.lax.optimization_barrier(machine.hidden_net(v))
    scale = jnp.broadcast_to(jnp.sqrt(jnp.asarray(machine.visible.variance, v.dtype)), v.shape[1:])
    middle = machine.visible_net(machine.hidden.mean(net))
    spread = jnp.abs(matrix).sum(1)  # how far the hidden units can push the mean
    before = machine.hidden.log_normaliser(net, bias).sum(-1)
    grid = jnp.asarray(np.linspace(-1, 1, POINTS), v.dtype)

    def unit(given: tuple[Array, ...]) -> Array:
        row, value, center, deviation, push, b = given
        reach = REACH * deviation + push

        def weigh(place: Array) -> Array:
            u = center + place * reach
            moved = machine.hidden.log_normaliser(net + ((u - value) / deviation**2)[:, None] * row, bias).sum(-1)
            return moved - before - ((u - b) ** 2 - (value - b) ** 2) / (2 * deviation**2)

        weights = jax.lax.map(weigh, grid)
        return -jax.scipy.special.logsumexp(weights, axis=0) - jnp.log(reach * 2 / (POINTS - 1))

    return jax.lax.map(unit, (matrix, v.T, middle.T, scale, spread, machine.visible_bias))
