"""The cheap masks: the right share, no correlation between neighbours, keys or positions."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from flambeau.foundation.random import coin_flips, uniforms
from flambeau.structures import INITIALISERS, draw
from programs import program

N = 1 << 20
SHAPES = [(30, 20), (20, 30), (20, 20)]
SINGLE = np.dtype(np.float32)


def within(count, n, p):
    """A binomial count within four standard deviations."""
    return abs(count - n * p) < 4 * np.sqrt(n * p * (1 - p))


@pytest.mark.parametrize("p", [0.5, 0.3, 0.02, 0.999])
@pytest.mark.parametrize("seed", [0, 1, 12345])
def test_the_share_is_right_everywhere(p, seed):
    flips = program(coin_flips)(jax.random.key(seed), p, (1024, 1024))
    assert within(flips.sum(), N, p)
    for counts in (flips.sum(0), flips.sum(1)):  # chi-square of rows and columns, normal approximation
        z2 = (counts - 1024 * p) ** 2 / (1024 * p * (1 - p))
        assert abs(z2.sum() - 1024) < 5 * np.sqrt(2 * 1024) + 50 * (p < 0.1 or p > 0.9)


@functools.cache
def in_a_row():
    return program(coin_flips)(jax.random.key(7), 0.5, (N,))


@pytest.mark.parametrize("lag", [1, 2, 3, 64, 100, 1024])
def test_positions_are_independent(lag):
    flips = in_a_row()
    assert within((flips[lag:] == flips[:-lag]).sum(), N - lag, 0.5)


def of_related_keys(base, other):
    """Flips of two keys, of three that the first was split into, and of four that numbers were folded into."""
    folded = jax.vmap(functools.partial(jax.random.fold_in, base))(jnp.arange(10, 14))
    keys = jnp.concatenate([jnp.stack([base, other]), jax.random.split(base, 3), folded])
    return jax.vmap(lambda key: coin_flips(key, 0.5, (N // 4,)))(keys)


def test_keys_are_independent_also_when_folded_or_split():
    flips = program(of_related_keys)(jax.random.key(3), jax.random.key(4))
    assert len(flips) == 9
    for i, one in enumerate(flips):
        for other in flips[:i]:
            assert within((one == other).sum(), N // 4, 0.5)


def test_patterns_of_eight_are_uniform():
    flips = program(coin_flips)(jax.random.key(11), 0.5, (N // 8, 8))
    counts = np.bincount(flips @ (1 << np.arange(8)), minlength=256)
    assert ((counts - N / 8 / 256) ** 2 / (N / 8 / 256)).sum() < 330.5  # 255 degrees of freedom, p = 0.001


def test_uniform_numbers_are_uniform_and_never_0_or_1():
    numbers = program(uniforms)(jax.random.key(5), N, SINGLE)
    assert 0 < numbers.min() < 1e-5
    assert 1 - 1e-5 < numbers.max() < 1
    counts = np.bincount((numbers * 256).astype(int), minlength=256)
    assert ((counts - N / 256) ** 2 / (N / 256)).sum() < 330.5
    assert abs(numbers.mean() - 0.5) < 4 / np.sqrt(12 * N)
    assert abs(np.corrcoef(numbers[1:], numbers[:-1])[0, 1]) < 4 / np.sqrt(N)


def initial_weights(key):
    """Two matrices of every initialiser, from one draw, and one orthogonal matrix of each shape."""
    both = jnp.stack(draw(key, [(300, 200), (300, 200)]))
    twice = {name: jax.vmap(make)(both) for name, make in INITIALISERS.items() if name != "orthogonal"}
    return twice, [INITIALISERS["orthogonal"](draw(key, [shape])[0]) for shape in SHAPES]


@functools.cache
def initialised():
    return program(initial_weights)(jax.random.key(0))


@pytest.mark.parametrize(
    ("name", "deviation"),
    [
        ("glorot", np.sqrt(2 / 500)),
        ("he", np.sqrt(2 / 300)),
        ("lecun", np.sqrt(1 / 300)),
        ("standard", 1 / 30),
        ("zeros", 0),
    ],
)
def test_initial_weights_have_their_deviation(name, deviation):
    first, second = initialised()[0][name]
    for weights in (first, second):
        np.testing.assert_allclose(np.std(weights), deviation, rtol=0.02)
        assert abs(np.mean(weights)) < 4 * deviation / np.sqrt(60_000) + 1e-9
    if deviation:
        assert abs(np.corrcoef(np.ravel(first), np.ravel(second))[0, 1]) < 0.02


@pytest.mark.parametrize(("name", "variance"), [("glorot", 2 / (18 + 36)), ("he", 2 / 18), ("standard", 1 / 54)])
def test_a_kernels_senders_and_receivers_count_through_its_window(name, variance):
    """3x3 kernels from 2 channels to 4 maps: a unit hears 18 inputs, an input is heard by 36 units."""
    u = np.random.default_rng(0).random((20_000, 3, 3, 2, 4), np.float32)
    weights = program(jax.vmap(INITIALISERS[name]))(jnp.asarray(np.clip(u, 1e-6, 1 - 1e-6)))
    np.testing.assert_allclose(weights.var(), variance, rtol=0.02)


def test_orthogonal_weights_are_uniform_over_all_such_matrices():
    """A decomposition alone prefers some signs: the mean of a corner would not be 0."""
    u = np.random.default_rng(0).random((2000, 3, 3), np.float32)
    corners = program(jax.vmap(INITIALISERS["orthogonal"]))(jnp.asarray(u))[:, 0, 0]
    assert abs(corners.mean()) < 4 / np.sqrt(3 * 2000)
    np.testing.assert_allclose((corners**2).mean(), 1 / 3, atol=0.03)


@pytest.mark.parametrize("shape", SHAPES)
def test_orthogonal_weights_are_orthonormal(shape):
    w = initialised()[1][SHAPES.index(shape)]
    assert w.shape == shape
    product = w.T @ w if shape[0] >= shape[1] else w @ w.T
    np.testing.assert_allclose(product, np.eye(min(shape)), atol=1e-5)


def ends(key):
    return [coin_flips(key, p, (1000,)) for p in (0.0, 1.0)]


def test_the_ends():
    never, always = program(ends)(jax.random.key(0))
    assert not never.any()
    assert always.all()


def of_every_initialiser(numbers):
    return {name: make(numbers) for name, make in INITIALISERS.items()}


def test_uniform_numbers_never_reach_0_or_1():
    """One of these is the largest there is, 1 - 2⁻²⁵, which single precision rounds to 1: an infinite normal weight."""
    numbers = program(uniforms)(jax.random.key(7), 784 * 30, SINGLE)
    assert numbers.max() == np.float32(1 - 2.0**-24)
    assert numbers.min() > 0
    for name, weights in program(of_every_initialiser)(numbers.reshape(784, 30)).items():
        assert np.isfinite(weights).all(), name
