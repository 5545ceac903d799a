"""By how much every layer, and the whole stack, stretches and squeezes what passes through it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from flambeau.analysis.learning_layers import learning_layers
from flambeau.analysis.singular_values import jacobian_ends

__all__ = ["jacobian_spectrum"]

EXACT, STEPS = 256, 64


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
    return compiled(network, jnp.asarray(x), exact, steps)


def spectrum(network: PyTree, x: Array, exact: int, steps: int) -> dict[str, Array]:
    """Layer after layer, then all at once."""
    found, y = [], x
    for place, layer in enumerate(network.layers):
        if place in learning_layers(network):
            found.append(mean_ends(layer, y, exact, steps))
        y = layer(y)
    found.append(mean_ends(network, x, exact, steps))
    return {name: jnp.stack([row[name] for row in found]) for name in found[0]}


compiled = eqx.filter_jit(spectrum)


def mean_ends(f: PyTree, x: Array, exact: int, steps: int) -> dict[str, Array]:
    """The ends of ∂f/∂x, averaged over the examples ``x``."""
    keys = jax.random.split(jax.random.key(0), x.shape[0])
    ends = jax.vmap(lambda one, key: jacobian_ends(lambda v: f(v[None])[0], one, exact, steps, key))(x, keys)
    least = jnp.finfo(x.dtype).eps * ends.largest
    ratio = jnp.where(ends.largest > 0, jnp.maximum(ends.smallest, least) / ends.largest, jnp.finfo(x.dtype).eps)
    means = {name: value.mean() for name, value in ends._asdict().items()}
    return {**means, "condition": jnp.exp(-jnp.mean(jnp.log(ratio)))}
