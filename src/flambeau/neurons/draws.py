"""Uniform numbers for sampling inside compiled programs: Threefry, written so that it fuses with what reads it.

The same counter-based generator as ``jax.random``'s (Threefry-2x32, 20 rounds), laid out as plain arithmetic. JAX's own
runs as a loop on a CPU, whose rounds pass through memory; here a draw costs little more than the comparison that uses
it. Source: Salmon, Moraes, Dror, Shaw 2011, Parallel random numbers: as easy as 1, 2, 3.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, UInt32

__all__ = ["uniform", "words"]

ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
ROUNDS = 20
PARITY = 0x1BD11BDA


def uniform(key: Array, shape: tuple[int, ...], dtype: Any) -> Float[Array, "..."]:
    """Independent uniform numbers strictly between 0 and 1.

    >>> numbers = uniform(jax.random.key(0), (1000,), jnp.float32)
    >>> bool((numbers > 0).all() & (numbers < 1).all())
    True

    *Limits.* The numbers depend on how many are drawn at once, not only on their place.
    """
    count = math.prod(shape)
    if jnp.finfo(dtype).bits > 32:
        high, low = jnp.split(words(key, 2 * count), 2)
        whole = (high >> 5).astype(dtype) * 2.0**26 + (low >> 6).astype(dtype)
        return ((whole + 0.5) * 2.0**-53).reshape(shape)
    numbers = (words(key, count) >> 8).astype(dtype) * 2.0**-24 + 2.0**-25
    return jnp.minimum(numbers, 1 - jnp.finfo(dtype).epsneg).reshape(shape)


def words(key: Array, count: int) -> UInt32[Array, " count"]:
    """That many words of 32 random bits: two for each counter."""
    first, second = jax.random.key_data(key).astype(jnp.uint32)[-2:]
    keys = (first, second, first ^ second ^ jnp.uint32(PARITY))
    left = jax.lax.iota(jnp.uint32, (count + 1) // 2) + keys[0]
    right = jnp.zeros_like(left) + keys[1]
    for number in range(ROUNDS):
        left = left + right
        right = rotated(right, ROTATIONS[number % 8]) ^ left
        if number % 4 == 3:
            turn = number // 4 + 1
            left = left + keys[turn % 3]
            right = right + keys[(turn + 1) % 3] + jnp.uint32(turn)
    return jnp.concatenate([left, right])[:count]


def rotated(x: UInt32[Array, " n"], bits: int) -> UInt32[Array, " n"]:
    """Bits rotated to the left."""
    return (x << bits) | (x >> (32 - bits))
