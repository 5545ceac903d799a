"""Random numbers: three counter-based generators, and when to use which.

- :func:`uniform`, for sampling: the generator of ``jax.random`` (Threefry-2x32, 20 rounds), laid out as plain
  arithmetic in the shape that is asked for. JAX's own runs as a loop on a CPU, whose rounds pass through memory;
  numbers drawn flat, joined and reshaped are computed one at a time wherever a bias is added to the same array. Here
  every number has the counter (its row, its column), the whole is vectorised, and a draw costs little more than the
  comparison that uses it (``benchmarks/draws.py``). Source: Salmon, Moraes, Dror, Shaw 2011, Parallel random numbers:
  as easy as 1, 2, 3.
- :func:`coin_flips` and :func:`uniforms`, for noise and initial weights: a hash of (key, position), several times as
  fast as JAX's generator, whose mask costs more than the rest of a small step and whose one draw compiles for longer
  than a small training loop. *Limits:* 32 bits each; not for Monte Carlo.
- :func:`permutations`, for the order of rows, on the host: a hash of (seed, round, row), so that a run does not depend
  on how it was cut.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, UInt32, UInt64

ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)
ROUNDS = 20
PARITY = 0x1BD11BDA
GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def uniform(key: Array, shape: tuple[int, ...], dtype: Any) -> Float[Array, "..."]:
    """Independent uniform numbers strictly between 0 and 1.

    >>> numbers = jax.jit(uniform, static_argnums=(1, 2))(jax.random.key(0), (10, 100), jnp.float32)
    >>> bool(0 < np.min(numbers) < np.max(numbers) < 1)
    True

    A number depends on its place alone: more rows or columns leave those that are there as they were.
    """
    first, second = words(key, shape)
    if jnp.finfo(dtype).bits > 32:
        return ((first >> 5).astype(dtype) * 2.0**26 + (second >> 6).astype(dtype) + 0.5) * 2.0**-53
    numbers = (first >> 8).astype(dtype) * 2.0**-24 + 2.0**-25
    return jnp.minimum(numbers, 1 - jnp.finfo(dtype).epsneg)


def seed_words(seed: int) -> UInt32[np.ndarray, " 2"]:
    """The two words of ``jax.random.key(seed)``, made on the host: no program is compiled for them.

    >>> seed_words(7).tolist()
    [0, 7]
    """
    return np.asarray([seed >> 32, seed & 0xFFFFFFFF], np.uint32)


def words(key: Array, shape: tuple[int, ...]) -> tuple[UInt32[Array, "..."], UInt32[Array, "..."]]:
    """Two words of 32 random bits for each place; its counter is the place among all rows, then the column."""
    first, second = jax.random.key_data(key).astype(jnp.uint32)[-2:]
    return _threefry((first, second), _row_places(shape), jax.lax.broadcasted_iota(jnp.uint32, shape, len(shape) - 1))


def _threefry(key: tuple, left: Any, right: Any) -> tuple:
    """Threefry-2x32 of the counters ``(left, right)``: JAX's arrays or NumPy's, as they come."""
    keys = (*key, key[0] ^ key[1] ^ np.uint32(PARITY))
    left, right = left + keys[0], right + keys[1]
    for number in range(ROUNDS):
        left = left + right
        right = _rotated(right, ROTATIONS[number % 8]) ^ left
        if number % 4 == 3:
            turn = number // 4 + 1
            left = left + keys[turn % 3]
            right = right + keys[(turn + 1) % 3] + np.uint32(turn)
    return left, right


def key_words(key: Any) -> UInt32[np.ndarray, " 2"]:
    """The two words of a key of JAX's, on the host; words stay."""
    return np.asarray(jax.random.key_data(key) if jnp.issubdtype(key.dtype, jax.dtypes.prng_key) else key)[-2:]


def key_of(words: Any) -> Array:
    """The key, or keys, that these words are: of Threefry, whatever generator the process prefers.

    >>> bool(key_of(seed_words(7)) == jax.random.key(7))
    True
    """
    return jax.random.wrap_key_data(words, impl="threefry2x32")


def fold_in_words(key: UInt32[np.ndarray, "... 2"], numbers: Any) -> UInt32[np.ndarray, "... 2"]:
    """The words of ``jax.random.fold_in(key, number)`` for many numbers, on the host, where they are no program.

    >>> fold_in_words(seed_words(7), [3])[0] == jax.random.key_data(jax.random.fold_in(jax.random.key(7), 3))
    Array([ True,  True], dtype=bool)

    A key for each number, or one for all. JAX's own is a loop of twenty rounds in every program that uses it.
    """
    numbers = np.atleast_1d(np.asarray(numbers).astype(np.uint32))
    first, second = (np.broadcast_to(key[..., place], numbers.shape) for place in (0, 1))
    return np.stack(_threefry((first, second), np.zeros_like(numbers), numbers), axis=-1)


def split_words(key: UInt32[np.ndarray, "... 2"]) -> UInt32[np.ndarray, "... 2 2"]:
    """The words of ``jax.random.split(key)``, of many keys, on the host; as JAX splits unless it is told otherwise."""
    places = np.broadcast_to(np.arange(2), (*key.shape[:-1], 2))
    return fold_in_words(key[..., None, :], places)


def _row_places(shape: tuple[int, ...]) -> UInt32[Array, "..."]:
    """The place of every element's row: all axes but the last, counted through."""
    place = jnp.zeros(shape, jnp.uint32)
    for axis in range(len(shape) - 1):
        place += jax.lax.broadcasted_iota(jnp.uint32, shape, axis) * jnp.uint32(math.prod(shape[axis + 1 : -1]))
    return place


def _rotated(x: Any, bits: int) -> Any:
    """Bits rotated to the left."""
    return (x << bits) | (x >> (32 - bits))


def coin_flips(key: Array, probability: float, shape: tuple[int, ...]) -> Bool[Array, "..."]:
    """Independent True with that probability."""
    limit = jnp.uint32(min(round(probability * 2**32), 2**32 - 1))
    return (_hashed(key, math.prod(shape)) < limit).reshape(shape)


def uniforms(key: Array, count: int, dtype: jnp.dtype) -> Float[Array, " count"]:
    """Independent uniform numbers strictly between 0 and 1, on a grid of 2^-24."""
    numbers = (_hashed(key, count) >> 8).astype(dtype) * 2.0**-24 + 2.0**-25
    return jnp.minimum(numbers, 1 - jnp.finfo(dtype).epsneg)  # in single precision the last one would be rounded to 1


def _hashed(key: Array, count: int) -> UInt32[Array, " count"]:
    """32 random bits for each position: two rounds of a mixer, one for each word of the key."""
    first, second = jax.random.key_data(key).astype(jnp.uint32)[-2:]
    position = jax.lax.iota(jnp.uint32, count)
    return _scrambled(_scrambled(position * jnp.uint32(0x9E3779B9) + first) ^ second)


def _scrambled(x: UInt32[Array, " n"]) -> UInt32[Array, " n"]:
    """A bijection in which every input bit flips every output bit half of the time (lowbias32, C. Wellons 2018)."""
    x = (x ^ (x >> 16)) * jnp.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * jnp.uint32(0x846CA68B)
    return x ^ (x >> 16)


def permutations(seed: np.ndarray, first: int, count: int, n: int) -> Int[np.ndarray, "rounds n"]:
    """One permutation of n rows for each round, from a hash of (seed, round, row): no state, so no order of drawing.

    The numbers are those of splitmix64 (Steele, Lea, Flood 2014) over a counter; sorting them permutes the rows. All
    rounds of a chunk come from one vectorised call, which matters for small data sets.
    """
    high, low = (int(number) for number in seed[-2:])
    start = _finalised(np.asarray([(high << 32) | low], np.uint64))
    rounds = _finalised(start + np.arange(first, first + count, dtype=np.uint64))[:, None]
    return _order(_finalised(rounds + np.arange(n, dtype=np.uint64) * GOLDEN))


def _order(hashes: UInt64[np.ndarray, "rounds n"]) -> Int[np.ndarray, "rounds n"]:
    """The order of each row of numbers, five times as fast as ``argsort``: NumPy sorts plain numbers by vectors.

    The last bits of a number make way for its place. Where two differ in no other bit, the whole numbers decide.
    """
    n = hashes.shape[1]
    low = np.uint64((1 << max(n - 1, 1).bit_length()) - 1)
    packed = np.sort((hashes & ~low) | np.arange(n, dtype=np.uint64), axis=1)
    places = (packed & low).astype(np.int32)
    for row in np.flatnonzero(((packed[:, 1:] ^ packed[:, :-1]) <= low).any(axis=1)):
        places[row] = np.argsort(hashes[row])
    return places


def _finalised(z: np.ndarray) -> np.ndarray:
    """The finaliser of splitmix64 (arithmetic modulo 2^64)."""
    z = z + GOLDEN
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
