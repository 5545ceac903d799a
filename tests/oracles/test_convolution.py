"""Convolution and pooling against plain loops, Toeplitz matrices, jax.grad and the platform's own convolution."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flambeau.errors import ConfigurationError
from flambeau.structures import AveragePooling, Convolution, Flatten, MaxPooling, Retina, Subsampling, Window
from flambeau.structures.block_convolution import Axis, Blocks, convolve, convolve_back, correlate_kernel
from flambeau.structures.convolution import filtered, gathered, spread
from flambeau.structures.memory_layout import batch_first, batch_last
from table import normal

sides = st.tuples(st.integers(3, 11), st.integers(3, 11))
kernels = st.tuples(st.integers(1, 4), st.integers(1, 4))
strides = st.tuples(st.integers(1, 3), st.integers(1, 3))
edges = st.tuples(*[st.tuples(st.integers(0, 2), st.integers(0, 2))] * 2)


def by_loops(x, w, stride, padding):
    """y[b, i, j, o] = Σ_uvc x[b, s i + u, s j + v, c] w[u, v, c, o], one number at a time."""
    x = np.pad(x, ((0, 0), *padding, (0, 0)))
    (kh, kw, _, maps), (down, across) = w.shape, stride
    rows, columns = (x.shape[1] - kh) // down + 1, (x.shape[2] - kw) // across + 1
    y = np.zeros((len(x), rows, columns, maps))
    for i, j, o in itertools.product(range(rows), range(columns), range(maps)):
        window = x[:, i * down : i * down + kh, j * across : j * across + kw]
        y[:, i, j, o] = (window * w[..., o]).sum((1, 2, 3))
    return y


@st.composite
def convolutions(draw):
    image, kernel, stride, padding = draw(sides), draw(kernels), draw(strides), draw(edges)
    channels, maps = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    table = draw(st.none() | st.lists(st.booleans(), min_size=channels * maps, max_size=channels * maps))
    seen = None if table is None else np.reshape(table, (channels, maps))
    full = all(i + sum(p) >= k for i, p, k in zip(image, padding, kernel, strict=True))
    padding = padding if full else ((2, 2), (2, 2))
    return image, (*kernel, channels, maps), stride, padding, seen


@settings(max_examples=20)
@given(convolutions())
def test_it_is_the_sum_over_windows_and_its_adjoints_are_the_gradients(case):
    image, shape, stride, padding, seen = case
    with jax.enable_x64(True):
        wiring = Convolution.over(image, normal(1, *shape), stride=stride, padding=padding, table=seen)
        x, d = normal(2, 2, *wiring.input_shape), normal(3, 2, *wiring.unit_shape)
        w = np.asarray(wiring.weights) * (1 if seen is None else seen)

        def error(x, weights):
            return jnp.vdot(d, filtered(x, weights if seen is None else weights * seen, wiring.window))

        @jax.jit  # one program a case, not one an operation
        def both(wiring, x, d):
            return (wiring.backproject(d), wiring.correlate(x, d)), jax.grad(error, argnums=(0, 1))(x, wiring.weights)

        projected = jax.jit(lambda wiring, x: wiring.project(x))(wiring, x)
        np.testing.assert_allclose(projected, by_loops(x, w, stride, padding), rtol=1e-10, atol=1e-10)
        for by_hand, by_jax in zip(*both(wiring, x, d), strict=True):
            np.testing.assert_allclose(by_hand, by_jax, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("side", range(1, 6))
@pytest.mark.parametrize(("size", "kernel", "stride"), [((9, 7), (3, 2), (1, 1)), ((11, 8), (4, 5), (2, 3))])
def test_every_cut_into_blocks_gives_the_same(side, size, kernel, stride, x64):
    """The cut is chosen for speed alone: blocks of any size, also where they do not divide the outputs."""
    window = Window.over(size, kernel, stride)
    cut = Blocks(*(Axis(*axis, min(side, n)) for *axis, n in zip(size, kernel, stride, window.places, strict=True)))
    x, w = normal(4, 3, *size, 2), normal(5, *kernel, 2, 3)
    d = normal(6, 3, *window.places, 3)
    inside = batch_last(x), batch_last(d)

    @jax.jit
    def both(x, d, inside, w):
        blocks = convolve(inside[0], w, cut), convolve_back(inside[1], w, cut), correlate_kernel(*inside, cut)
        return (batch_first(blocks[0]), batch_first(blocks[1]), blocks[2]), (
            filtered(x, w, window), spread(d, w, window), gathered(x, d, window),
        )  # fmt: skip

    for ours, theirs in zip(*both(x, d, inside, w), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


def test_it_is_a_product_with_a_toeplitz_matrix(x64):
    wiring = Convolution.over((5, 6), normal(7, 3, 2, 2, 3), stride=(2, 1), padding=1)
    inputs, units = int(np.prod(wiring.input_shape)), int(np.prod(wiring.unit_shape))
    toeplitz = np.asarray(wiring.project(jnp.eye(inputs).reshape(inputs, *wiring.input_shape))).reshape(inputs, units)
    x, d = normal(8, 4, *wiring.input_shape), normal(9, 4, *wiring.unit_shape)
    np.testing.assert_allclose(wiring.project(x).reshape(4, -1), x.reshape(4, -1) @ toeplitz, atol=1e-12)
    np.testing.assert_allclose(wiring.backproject(d).reshape(4, -1), d.reshape(4, -1) @ toeplitz.T, atol=1e-12)


def test_a_shared_weights_gradient_is_the_sum_over_its_unshared_copies(x64):
    wiring = Convolution.over((4, 4), normal(10, 2, 2, 1, 2))
    x, d = normal(11, 3, 4, 4, 1), normal(12, 3, 3, 3, 2)
    copies = np.zeros((3, 3, 2, 2, 1, 2))  # one kernel per place
    for i, j in itertools.product(range(3), range(3)):
        copies[i, j] = np.einsum("buvc,bo->uvco", x[:, i : i + 2, j : j + 2], d[:, i, j])
    np.testing.assert_allclose(wiring.correlate(x, d), copies.sum((0, 1)), rtol=1e-12)


def test_connections_that_do_not_exist_are_never_learned(x64):
    seen = np.asarray([[True, False], [True, True]])
    wiring = Convolution.over(4, normal(13, 3, 3, 2, 2), table=seen)
    found = np.asarray(wiring.correlate(normal(14, 2, 4, 4, 2), normal(15, 2, 2, 2, 2)))
    assert (found[:, :, 0, 1] == 0).all()
    assert (found[:, :, seen] != 0).all()


@st.composite
def windows(draw):
    size, image = draw(kernels), draw(sides)
    stride = draw(st.none() | strides)
    padding = draw(st.tuples(*[st.tuples(st.integers(0, k - 1), st.integers(0, k - 1)) for k in size]))
    full = all(i + sum(p) >= k for i, p, k in zip(image, padding, size, strict=True))
    return image, size, stride, padding if full else ((k - 1, k - 1) for k in size)


@settings(max_examples=15)
@given(windows())
def test_pooling_is_what_the_platforms_windows_say_and_so_is_its_gradient(case):
    image, size, stride, padding = case
    padding = tuple(padding)
    step, around = (1, *(stride or size), 1), ((0, 0), *padding, (0, 0))
    with jax.enable_x64(True):
        x = normal(16, 2, *image, 2)

        def mean(x):
            return jax.lax.reduce_window(x, 0.0, jax.lax.add, (1, *size, 1), step, around) / (size[0] * size[1])

        def most(x):
            return jax.lax.reduce_window(x, -jnp.inf, jax.lax.max, (1, *size, 1), step, around)

        for layer, plain in (
            (AveragePooling.over(image, size, stride, padding), mean),
            (MaxPooling.over(image, size, stride, padding), most),
        ):

            @jax.jit
            def both(x, error, layer=layer, plain=plain):
                trace = layer.forward(x, jax.random.key(0))
                expected, back = jax.vjp(plain, x)
                return (trace.output, layer.backward(trace, error)[0]), (expected, back(error)[0])

            error = normal(17, *jax.eval_shape(plain, x).shape)
            for ours, theirs in zip(*both(x, error), strict=True):
                np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("stride", [2, 1])
def test_of_equal_largest_pixels_the_first_gets_the_error(stride):
    layer = MaxPooling.over((2, 2), 2, stride)
    x = jnp.asarray([0.0, 5.0, 5.0, 5.0]).reshape(1, 2, 2, 1)
    back, _ = layer.backward(layer.forward(x, jax.random.key(0)), jnp.ones((1, 1, 1, 1)))
    assert back.ravel().tolist() == [0, 1, 0, 0]


def test_subsampling_is_the_sum_of_four_times_the_gain(x64):
    pool, x = Subsampling(normal(18, 6), Window.over(4, 2, 2), repeats=2), normal(19, 2, 4, 4, 3)
    four = np.asarray(x).reshape(2, 2, 2, 2, 2, 3).sum((2, 4))
    np.testing.assert_allclose(pool.project(x), np.repeat(four, 2, axis=-1) * np.asarray(pool.weights), rtol=1e-12)


def test_moving_the_image_moves_the_map(x64):
    wiring, x = Convolution.over((8, 8), normal(20, 3, 3, 1, 2)), normal(21, 1, 8, 8, 1)
    moved = jnp.roll(x, (1, 2), (1, 2))
    np.testing.assert_allclose(wiring.project(moved)[:, 1:, 2:], wiring.project(x)[:, :-1, :-2], rtol=1e-12)


def test_a_population_of_kernels_is_a_vmap(x64):
    wiring, many, x = Convolution.over(6, normal(22, 3, 3, 1, 2)), normal(23, 4, 3, 3, 1, 2), normal(24, 3, 6, 6, 1)
    together = jax.vmap(lambda w: wiring.with_weights(w).project(x))(many)
    for w, y in zip(many, together, strict=True):
        np.testing.assert_allclose(y, wiring.with_weights(w).project(x), rtol=1e-12)


@pytest.mark.parametrize(
    ("make", "match"),
    [
        (lambda: Convolution.over(4, jnp.ones((5, 5, 1, 1))), "no larger than the padded image.*5x5 on 4x4"),
        (lambda: Convolution.over(4, jnp.ones((3, 3, 2, 3)), table=np.ones((3, 2))), r"\(channels, maps\) = \(2, 3\)"),
        (lambda: Convolution.over(4, jnp.ones((3, 3, 1, 1)), stride=0), "stride.*at least 1"),
        (lambda: Convolution.over(4, jnp.ones((3, 3, 1, 1)), padding="full"), "padding.*'valid', 'same'"),
        (lambda: Convolution.over(4, jnp.ones((3, 3, 1, 1)), padding=-1), "padding.*at least 0"),
        (lambda: Convolution.over((4, 4, 1), jnp.ones((3, 3, 1, 1))), "image shape.*two"),
        (lambda: MaxPooling.over(4, 2, padding=2), "padding smaller than the window"),
        (lambda: MaxPooling.over(3, 4), "4x4 on 3x3"),
        (lambda: Retina.over(40, 32), r"no larger than its field of \(32, 32\)"),
    ],
)
def test_what_cannot_be_is_refused_with_a_remedy(make, match):
    with pytest.raises(ConfigurationError, match=match) as caught:
        make()
    assert "Remedy" in str(caught.value)


def test_flatten_counts_maps_fastest():
    x = jnp.arange(12.0).reshape(1, 2, 3, 2)
    assert Flatten()(x)[0].tolist() == list(range(12))
