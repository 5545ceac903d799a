"""Threefry against known answers, a plain version, and the statistics that sampling lives on."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from flambeau.foundation.random import fold_in_words, permutations, split_words, uniform, words
from programs import program

ROTATIONS = (13, 15, 26, 6, 17, 29, 16, 24)


def plain(key, counter):
    """Threefry-2x32 with 20 rounds, one counter at a time, in Python's whole numbers."""
    mask = 2**32 - 1
    keys = (*key, key[0] ^ key[1] ^ 0x1BD11BDA)
    x = [(counter[0] + keys[0]) & mask, (counter[1] + keys[1]) & mask]
    for number in range(20):
        x[0] = (x[0] + x[1]) & mask
        turn = ROTATIONS[number % 8]
        x[1] = (((x[1] << turn) | (x[1] >> (32 - turn))) & mask) ^ x[0]
        if number % 4 == 3:
            step = number // 4 + 1
            x = [(x[0] + keys[step % 3]) & mask, (x[1] + keys[(step + 1) % 3] + step) & mask]
    return x


def test_the_plain_version_gives_the_published_answers():
    """Three vectors of the authors' own test suite (Random123, kat_vectors)."""
    assert plain((0, 0), (0, 0)) == [0x6B200159, 0x99BA4EFE]
    assert plain((2**32 - 1,) * 2, (2**32 - 1,) * 2) == [0x1CB996FC, 0xBB002BE7]
    assert plain((0x13198A2E, 0x03707344), (0x243F6A88, 0x85A308D3)) == [0xC4923A9C, 0x483DF7A0]


def words_of(key, shape):
    return words(jax.random.wrap_key_data(key), shape)


def single(shape, *keys):
    return [uniform(key, shape, jnp.float32) for key in keys]


@pytest.mark.parametrize("key", [(0, 0), (1, 2**32 - 5), (0x13198A2E, 0x03707344)])
@pytest.mark.parametrize("shape", [(7,), (2, 3), (2, 3, 2), (0, 4)])
def test_words_are_threefry_of_row_and_column(key, shape):
    first, second = program(words_of)(np.asarray(key, np.uint32), shape)
    counters = [divmod(place, shape[-1]) for place in range(np.prod(shape))]
    pairs = np.asarray([plain(key, counter) for counter in counters]).reshape(*shape, 2)
    np.testing.assert_array_equal(first, pairs[..., 0])
    np.testing.assert_array_equal(second, pairs[..., 1])


def folded_by_jax(words, numbers):
    keys = jax.vmap(jax.random.fold_in, (None, 0))(jax.random.wrap_key_data(words), numbers)
    return jax.random.key_data(keys), jax.random.key_data(jax.vmap(jax.random.split)(keys))


def test_keys_made_on_the_host_are_those_of_jax():
    key, numbers = np.asarray([3, 2**32 - 7], np.uint32), np.asarray([0, 1, 77, 2**31, 2**32 - 1], np.uint32)
    keys, pairs = program(folded_by_jax)(key, numbers)
    np.testing.assert_array_equal(fold_in_words(key, numbers), keys)
    np.testing.assert_array_equal(fold_in_words(key, numbers.reshape(5, 1)), keys[:, None])
    np.testing.assert_array_equal(fold_in_words(key, numbers.astype(np.int64)), keys)
    np.testing.assert_array_equal(split_words(keys), pairs)
    np.testing.assert_array_equal(split_words(keys[:, None]), pairs[:, None])


def test_more_rows_or_columns_leave_the_others_as_they_were():
    (few,), (many,) = (program(single)(shape, jax.random.key(0)) for shape in ((3, 4), (5, 9)))
    np.testing.assert_array_equal(few, many[:3, :4])


def test_the_order_of_rows_depends_on_seed_and_round_alone():
    seed = np.asarray([0, 7], np.uint32)
    orders = permutations(seed, 0, 6, 11)
    np.testing.assert_array_equal(np.sort(orders, axis=1), np.tile(np.arange(11), (6, 1)))
    np.testing.assert_array_equal(permutations(seed, 4, 2, 11), orders[4:])  # however a run was cut
    assert len({tuple(order) for order in orders}) == 6
    others = (np.asarray([0, 8], np.uint32), np.asarray([1, 7], np.uint32))
    assert all((permutations(other, 0, 6, 11) != orders).any() for other in others)


def test_uniforms_are_uniform_and_independent_of_each_other_and_of_the_next_key():
    drawn = program(single)((400, 500), jax.random.key(3), jax.random.key(4))
    first, second = (np.asarray(numbers, float) for numbers in drawn)
    assert stats.kstest(first.ravel(), "uniform").pvalue > 1e-3
    first, others = first.ravel(), (np.roll(first, 1, 0), np.roll(first, 1, 1), first[::-1], second)
    for other in map(np.ravel, others):
        assert abs(np.corrcoef(first, other)[0, 1]) < 4 / np.sqrt(200_000)


def test_double_precision_uses_both_words(x64):
    numbers = program(functools.partial(uniform, shape=(50, 1000), dtype=jnp.float64))(jax.random.key(0)).ravel()
    assert stats.kstest(numbers, "uniform").pvalue > 1e-3
    assert len(np.unique(numbers)) == 50_000
    assert (numbers * 2.0**24 % 1 != 0).mean() > 0.99
