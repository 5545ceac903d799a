"""Uniform numbers that decide 100 x 2,000 units with a bias, inside a compiled loop: nanoseconds a number.

Ours, drawn in that shape, against ``jax.random.uniform``, and against the same generator drawn flat: two words of each
counter, joined and reshaped, which XLA computes one at a time once a bias meets them.
"""

import math
import time
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from flambeau.foundation.random import uniform, words
from harness import Measure, alternate, faster, publish
from machine import arguments, fix_threads

SHAPE, DRAWS = (100, 2_000), 50


def main() -> None:
    """Measure, print, keep."""
    given = arguments(__doc__, repeats=9).parse_args()
    threads = fix_threads(given.threads)
    ways = ours, jax.random.uniform, joined
    measured = alternate(*map(contestant, ways), repeats=given.repeats)
    drawn, theirs, flat = (Measure.of(values, "ns") for values in measured)
    rows = [
        faster(
            "a uniform number beside a bias, 100 x 2,000 of them, against jax.random.uniform", drawn, theirs, bar=1.0
        ),
        faster("the same against the same generator drawn flat, joined and reshaped", drawn, flat, bar=1.0),
    ]
    publish("draws", rows, {}, threads)


def ours(key: Any, shape: tuple[int, ...]) -> jax.Array:
    """In the shape of what is decided."""
    return uniform(key, shape, jnp.float32)


def joined(key: Any, shape: tuple[int, ...]) -> jax.Array:
    """Half as many counters in a row, both words of each, joined and reshaped."""
    flat = jnp.concatenate(words(key, (math.prod(shape) // 2,)))
    return ((flat >> 8).astype(jnp.float32) * 2.0**-24 + 2.0**-25).reshape(shape)


def contestant(draw: Callable[[Any, tuple[int, ...]], jax.Array]) -> Callable[[], float]:
    """Decide all units some tens of times; nanoseconds a number."""

    @jax.jit
    def decide(states: jax.Array, bias: jax.Array, key: Any) -> jax.Array:
        def once(number: jax.Array, states: jax.Array) -> jax.Array:
            return (draw(jax.random.fold_in(key, number), SHAPE) < bias + 0.5 * states).astype(jnp.float32)

        return jax.lax.fori_loop(0, DRAWS, once, states)

    arguments_ = jnp.ones(SHAPE), jnp.full(SHAPE[1], 0.25), jax.random.key(0)
    jax.block_until_ready(decide(*arguments_))

    def measure() -> float:
        started = time.perf_counter()
        jax.block_until_ready(decide(*arguments_))
        return (time.perf_counter() - started) / (DRAWS * math.prod(SHAPE)) * 1e9

    return measure


if __name__ == "__main__":
    main()
