"""The float type in force."""

import jax
import jax.numpy as jnp


def dtype() -> jnp.dtype:
    """The float type in force: float32, or float64 where the user switched JAX's 64-bit mode on."""
    return jax.dtypes.canonicalize_dtype(float)
