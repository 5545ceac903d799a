"""Cheap random masks inside a compiled step."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, UInt32

__all__ = ["coin_flips"]


def coin_flips(key: Array, probability: float, shape: tuple[int, ...]) -> Bool[Array, "..."]:
    """Independent True with that probability, from a hash of (key, position).

    Several times as fast on a CPU as JAX's own generator, whose mask costs more than the rest of a small step. Two
    rounds of a 32-bit mixer (lowbias32, C. Wellons 2018), one for each word of the key. *Limits:* made for noise such
    as dropout; use ``jax.random`` where the numbers themselves are the subject.
    """
    first, second = jax.random.key_data(key).astype(jnp.uint32)[-2:]
    position = jax.lax.iota(jnp.uint32, math.prod(shape))
    numbers = mix(mix(position * jnp.uint32(0x9E3779B9) + first) ^ second)
    return (numbers < jnp.uint32(min(round(probability * 2**32), 2**32 - 1))).reshape(shape)


def mix(x: UInt32[Array, " n"]) -> UInt32[Array, " n"]:
    """A bijection of 32-bit words in which every input bit flips every output bit half of the time."""
    x = (x ^ (x >> 16)) * jnp.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * jnp.uint32(0x846CA68B)
    return x ^ (x >> 16)
