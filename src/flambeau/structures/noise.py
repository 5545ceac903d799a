"""Cheap random numbers inside a compiled program: from a hash of (key, position).

Several times as fast on a CPU as JAX's own generator, whose mask costs more than the rest of a small step and whose one
draw compiles for longer than a small training loop. *Limits:* 32 bits each, made for noise and for initial weights; use
``jax.random`` where the numbers themselves are the subject, as in Monte Carlo.
"""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, UInt32

__all__ = ["coin_flips", "uniforms"]


def coin_flips(key: Array, probability: float, shape: tuple[int, ...]) -> Bool[Array, "..."]:
    """Independent True with that probability."""
    limit = jnp.uint32(min(round(probability * 2**32), 2**32 - 1))
    return (words(key, math.prod(shape)) < limit).reshape(shape)


def uniforms(key: Array, count: int, dtype: jnp.dtype) -> Float[Array, " count"]:
    """Independent uniform numbers strictly between 0 and 1, on a grid of 2^-24."""
    numbers = (words(key, count) >> 8).astype(dtype) * 2.0**-24 + 2.0**-25
    return jnp.minimum(numbers, 1 - jnp.finfo(dtype).epsneg)  # in single precision the last one would be rounded to 1


def words(key: Array, count: int) -> UInt32[Array, " count"]:
    """32 random bits for each position: two rounds of a mixer, one for each word of the key."""
    first, second = jax.random.key_data(key).astype(jnp.uint32)[-2:]
    position = jax.lax.iota(jnp.uint32, count)
    return mix(mix(position * jnp.uint32(0x9E3779B9) + first) ^ second)


def mix(x: UInt32[Array, " n"]) -> UInt32[Array, " n"]:
    """A bijection in which every input bit flips every output bit half of the time (lowbias32, C. Wellons 2018)."""
    x = (x ^ (x >> 16)) * jnp.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * jnp.uint32(0x846CA68B)
    return x ^ (x >> 16)
