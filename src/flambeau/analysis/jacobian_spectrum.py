"""By how much every layer, and the whole stack, stretches and squeezes what passes through it: singular values.

All of them are computed where a Jacobian is small, the ends by Golub-Kahan steps where it is large.

Golub and Kahan (1965) turn a map A and a start v into a small bidiagonal matrix B whose singular values approach those
of A, the largest first. Each step is one A v and one Aᵀ u, so A is never written down. The start's weights on the
singular vectors of B are a quadrature rule for Σ σ / n over the spectrum (Golub and Meurant 1994).
"""

from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from flambeau.analysis.learning_layers import learning_layers
from flambeau.foundation.random import uniforms

EXACT, STEPS = 256, 64
Map = Callable[[Array], Array]


class SpectrumEnds(NamedTuple):
    """``largest``, ``smallest`` and ``mean`` of the min(m, n) singular values of an (m, n) map."""

    largest: Array
    smallest: Array
    mean: Array


def ends_of_matrix(matrix: Float[Array, "m n"]) -> SpectrumEnds:
    """From the full decomposition.

    >>> [round(float(value), 6) for value in ends_of_matrix(jnp.asarray([[3.0, 0.0], [4.0, 5.0]]))]  # √45, √5
    [6.708204, 2.236068, 4.472136]
    """
    values = jnp.linalg.svd(matrix, compute_uv=False)
    return SpectrumEnds(values[0], values[-1], values.mean())


def jacobian_ends(f: Map, x: Float[Array, "..."], exact: int, steps: int, key: Array) -> SpectrumEnds:
    """The ends of ∂f/∂x at one point: exact up to ``exact`` inputs or outputs, else from ``steps`` steps."""

    def flat(v: Array) -> Array:
        return f(v.reshape(x.shape)).reshape(-1)

    y, push = jax.linearize(flat, x.reshape(-1))
    pull = jax.linear_transpose(push, x.reshape(-1))

    def back(u: Array) -> Array:
        return pull(u)[0]

    # From the smaller side: the larger one has a null space, whose zeros are not singular values of the map.
    (n, m), forward, backward = ((x.size, y.size), push, back) if x.size <= y.size else ((y.size, x.size), back, push)
    if n <= exact:
        return ends_of_matrix(jax.vmap(forward)(jnp.eye(n, dtype=x.dtype)))
    steps = min(steps, n)
    noise = 2 * uniforms(key, (steps + 1) * m, x.dtype).reshape(steps + 1, m) - 1
    return golub_kahan(forward, backward, (n, m), noise)


def golub_kahan(
    forward: Map, backward: Map, shape: tuple[int, int], noise: Float[Array, "steps_and_one m"]
) -> SpectrumEnds:
    """The ends of a map from R^n to R^m, n ≤ m = ``shape``, after a number of steps with full reorthogonalisation.

    ``noise`` holds random numbers symmetric about 0: the start in its first row, then one row per step, to go on from
    where the steps find nothing new. ``largest`` converges fast and from below; ``smallest`` is an upper bound, exact
    after n steps; ``mean`` is the quadrature's, right on average over the starts.
    """
    (n, m), steps = shape, noise.shape[0] - 1
    right, left = jnp.zeros((steps + 1, n), noise.dtype), jnp.zeros((steps, m), noise.dtype)
    right = right.at[0].set(noise[0, :n] / jnp.linalg.norm(noise[0, :n]))

    def step(carry: tuple[Array, Array], given: tuple[Array, Array]) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        (right, left), (j, other) = carry, given
        u, alpha = new_direction(forward(right[j]), left, other)
        left = left.at[j].set(u)
        v, beta = new_direction(backward(u), right, other[:n])
        return (right.at[j + 1].set(v), left), (alpha, beta)

    _, (alpha, beta) = jax.lax.scan(step, (right, left), (jnp.arange(steps), noise[1:]))
    _, values, rows = jnp.linalg.svd(jnp.diag(alpha) + jnp.diag(beta[:-1], 1))
    return SpectrumEnds(values[0], values[-1], jnp.sum(rows[:, 0] ** 2 * values))


def new_direction(vector: Array, basis: Float[Array, "k n"], other: Array) -> tuple[Array, Array]:
    """The part of a vector that is new to an orthonormal basis, as ``(direction, length)``.

    If only rounding is left, the length is 0 and the direction that of ``other`` (a meaningless one once the basis is
    full).
    """
    rest = orthogonal_rest(vector, basis)
    size, limits = jnp.linalg.norm(rest), jnp.finfo(vector.dtype)
    nothing = size <= 100 * limits.eps * jnp.linalg.norm(vector)
    chosen = jnp.where(nothing, orthogonal_rest(other, basis), rest)
    return chosen / jnp.maximum(jnp.linalg.norm(chosen), limits.tiny), jnp.where(nothing, 0, size)


def orthogonal_rest(vector: Array, basis: Array) -> Array:
    """What is left of a vector without its shadow on the basis; twice, because once leaves rounding behind."""
    for _ in range(2):
        vector = vector - basis.T @ (basis @ vector)
    return vector


def jacobian_spectrum(
    network: PyTree, x: Float[Array | np.ndarray, "examples ..."], *, exact: int = EXACT, steps: int = STEPS
) -> dict[str, Array]:
    """``largest``, ``smallest``, ``mean``, ``condition`` of every learning layer's Jacobian and of the whole stack.

    Each ``(rows + 1,)``, the whole stack last. Means over the examples; the condition number σ_max / σ_min is a
    geometric mean, and at most 1/ε, beyond which it is rounding. Exact (full decomposition) where a layer has at most
    ``exact`` inputs or outputs; else ``steps`` steps of Golub-Kahan on Jacobian-vector products, in which the
    largest value is good, the mean an estimate and the smallest an upper bound.

    >>> from flambeau.networks import mlp
    >>> network = mlp((4, 4, 4), "identity", initialisation="orthogonal", key=jax.random.key(0))
    >>> jacobian_spectrum(network, jnp.ones((2, 4)))["largest"].round(5).tolist()
    [1.0, 1.0, 1.0]
    """
    return eqx.filter_jit(spectrum)(network, jnp.asarray(x), exact, steps)


def spectrum(network: PyTree, x: Array, exact: int, steps: int) -> dict[str, Array]:
    """Layer after layer, then all at once."""
    found, y = [], x
    for place, layer in enumerate(network.layers):
        if place in learning_layers(network):
            found.append(mean_ends(layer, y, exact, steps))
        y = layer(y)
    found.append(mean_ends(network, x, exact, steps))
    return {name: jnp.stack([row[name] for row in found]) for name in found[0]}


def mean_ends(f: PyTree, x: Array, exact: int, steps: int) -> dict[str, Array]:
    """The ends of ∂f/∂x, averaged over the examples ``x``."""
    keys = jax.random.split(jax.random.key(0), x.shape[0])
    ends = jax.vmap(lambda one, key: jacobian_ends(lambda v: f(v[None])[0], one, exact, steps, key))(x, keys)
    least = jnp.finfo(x.dtype).eps * ends.largest
    ratio = jnp.where(ends.largest > 0, jnp.maximum(ends.smallest, least) / ends.largest, jnp.finfo(x.dtype).eps)
    means = {name: value.mean() for name, value in ends._asdict().items()}
    return {**means, "condition": jnp.exp(-jnp.mean(jnp.log(ratio)))}
