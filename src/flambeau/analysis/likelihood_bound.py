"""How probable a deep belief network finds its data, at least: bounds from the recognition posterior."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from flambeau.dynamics.gibbs import ascend
from flambeau.errors import check_value
from flambeau.foundation.rows import by_rows
from flambeau.networks.dbn import DeepBeliefNetwork, log_joint, log_probability


def log_likelihood_bound(
    network: DeepBeliefNetwork,
    v: Any,
    log_partition: float,
    *,
    samples: int = 1,
    repeats: int = 1,
    key: Array | np.ndarray,
) -> np.ndarray:
    """An estimate per row, nats, of a lower bound of log P(v), from the factorial recognition posterior q:

        E_q [ log 1/K Σ_k P(v, hᵏ) / q(hᵏ | v) ] ≤ log P(v).

    The expectation is below log P(v), one draw of it may well be above: read means over rows or ``repeats``.

    Arguments: ``v`` ``(n, visible)``; ``log_partition``, log Z of the *top* machine; ``samples`` K (1 is the classic
    bound; it rises with K towards log P(v)); ``repeats``, how many draws of it are averaged. A label is summed out.

    >>> from flambeau.networks import dbn, rbm
    >>> network = dbn([rbm(4, 3, key=jax.random.key(0)), rbm(3, 2, key=jax.random.key(0))])
    >>> log_likelihood_bound(network, np.ones((4, 4)), 5 * np.log(2), key=jax.random.key(1)).shape
    (4,)

    Raises :class:`~flambeau.errors.ConfigurationError` for fewer than 1 sample or repeat.
    *Limits.* With an estimated log Z it is a bound only up to that estimate. Source: Salakhutdinov and Murray 2008;
    Burda, Grosse, Salakhutdinov 2016 for K > 1. Lecture: 深度信念网络.
    """
    for name, number in (("samples", samples), ("repeats", repeats)):
        check_value(f"log_likelihood_bound.{name}", number, 1, whole=True)
    rows = np.asarray(v, network.top.hidden_bias.dtype)
    given = network, int(samples), int(repeats)
    draws = by_rows(weigh, given, rows, key=key, axes=1).astype(np.float64)
    return np.asarray(draws.mean(0) - log_partition)


def weigh(given: tuple[DeepBeliefNetwork, int, int], rows: Array, key: Array) -> Float[Array, "repeats rows"]:
    """log 1/K Σ_k P*(v, hᵏ) / q(hᵏ | v), with the top's Z left out, for every repeat."""
    network, samples, repeats = given

    def one(own: Array) -> Array:
        states = ascend(network.lower, rows, own)
        q = jnp.zeros(len(rows), rows.dtype)
        for pair, x, h in zip(network.lower, states, states[1:], strict=False):
            q = q + log_probability(pair.upper, h, pair.up_net(x), pair.recognition_bias)
        return log_joint(network, states) - q

    def repeat(own: Array) -> Array:
        weights = jax.lax.map(one, jax.random.split(own, samples))
        return jax.scipy.special.logsumexp(weights, axis=0) - jnp.log(samples)

    return jax.lax.map(repeat, jax.random.split(key, repeats))
