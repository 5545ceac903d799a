"""Convolution and pooling against plain loops, Toeplitz matrices, jax.grad and the platform's own convolution."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flambeau.errors import ConfigurationError
from flambeau.structures import AveragePooling, Convolution, Flatten, MaxPooling, Retina, Subsampling, Window
from flambeau.structures.block_convolution import Axis, Blocks, convolve, convolve_back, correlate_kernel
from flambeau.structures.convolution import filtered_by_platform, gathered_by_platform, spread_by_platform
from flambeau.structures.memory_layout import batch_first, batch_last
from programs import program
from table import normal

TABLE = np.asarray([[True, False, True, True], [False, True, True, False], [True, True, False, True]])
# Fixed, so that a case is compiled once: image, kernel, stride, padding, table. What is drawn is the numbers.
CONVOLUTIONS = {
    "plain": ((7, 9), (3, 2, 2, 3), (1, 1), ((0, 0), (0, 0)), None),
    "one pixel": ((3, 5), (1, 1, 3, 2), (1, 1), ((0, 0), (0, 0)), None),
    "stride": ((11, 8), (4, 3, 1, 2), (2, 3), ((0, 0), (0, 0)), None),
    "padding on one side": ((5, 4), (2, 3, 2, 1), (1, 1), ((2, 0), (0, 1)), None),
    "all of it": ((8, 7), (3, 4, 3, 4), (3, 2), ((1, 2), (2, 1)), TABLE),
    "kernel as large as the image": ((3, 4), (3, 4, 1, 3), (1, 1), ((0, 0), (0, 0)), None),
}
# Image, window, stride, padding.
WINDOWS = {
    "side by side": ((6, 8), (2, 2), None, ((0, 0), (0, 0))),
    "rows left over": ((7, 5), (2, 3), None, ((0, 0), (0, 0))),
    "overlapping": ((6, 7), (3, 2), (1, 1), ((0, 0), (0, 0))),
    "padded": ((5, 6), (3, 4), (2, 3), ((1, 2), (0, 3))),
    "side by side, padded": ((6, 7), (3, 3), None, ((1, 2), (1, 1))),
    "gaps": ((9, 8), (2, 1), (3, 2), ((1, 0), (0, 0))),
}
seeds = settings(max_examples=4)(given(st.integers(0, 2**16)))


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


def summed(d, x, weights, seen, window):
    return jnp.vdot(d, filtered_by_platform(x, weights if seen is None else weights * seen, window))


@eqx.filter_jit
def three_verbs(wiring, x, d):
    """What goes forward, both adjoints by hand, and the gradients."""
    gradients = jax.grad(summed, argnums=(1, 2))(d, x, wiring.weights, wiring.table, wiring.window)
    return wiring.project(x), (wiring.backproject(d), wiring.correlate(x, d)), gradients


@pytest.mark.parametrize("case", CONVOLUTIONS)
@seeds
def test_it_is_the_sum_over_windows_and_its_adjoints_are_the_gradients(case, seed):
    image, shape, stride, padding, seen = CONVOLUTIONS[case]
    with jax.enable_x64(True):
        wiring = Convolution.over(image, normal(seed, *shape), stride=stride, padding=padding, table=seen)
        x, d = normal(seed + 1, 2, *wiring.input_shape), normal(seed + 2, 2, *wiring.unit_shape)
        w = np.asarray(wiring.weights) * (1 if seen is None else seen)
        projected, by_hand, by_jax = three_verbs(wiring, x, d)
        np.testing.assert_allclose(projected, by_loops(x, w, stride, padding), rtol=1e-10, atol=1e-10)
        for ours, theirs in zip(by_hand, by_jax, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("side", range(1, 6))
@pytest.mark.parametrize(("size", "kernel", "stride"), [((9, 7), (3, 2), (1, 1)), ((11, 8), (4, 5), (2, 3))])
def test_every_cut_into_blocks_gives_the_same(side, size, kernel, stride, x64):
    """The cut is chosen for speed alone: blocks of any size, also where they do not divide the outputs."""
    window = Window.over(size, kernel, stride)
    cut = Blocks(*(Axis(*axis, min(side, n)) for *axis, n in zip(size, kernel, stride, window.places, strict=True)))
    x, w = normal(4, 3, *size, 2), normal(5, *kernel, 2, 3)
    d = normal(6, 3, *window.places, 3)

    def both(x, d, w):
        inside = batch_last(x), batch_last(d)
        blocks = convolve(inside[0], w, cut), convolve_back(inside[1], w, cut), correlate_kernel(*inside, cut)
        return (batch_first(blocks[0]), batch_first(blocks[1]), blocks[2]), (
            filtered_by_platform(x, w, window), spread_by_platform(d, w, window), gathered_by_platform(x, d, window),
        )  # fmt: skip

    for ours, theirs in zip(*program(both)(x, d, w), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


def test_it_is_a_product_with_a_toeplitz_matrix(x64):
    wiring = Convolution.over((5, 6), normal(7, 3, 2, 2, 3), stride=(2, 1), padding=1)
    inputs, units = int(np.prod(wiring.input_shape)), int(np.prod(wiring.unit_shape))
    columns = jnp.asarray(np.eye(inputs).reshape(inputs, *wiring.input_shape))
    toeplitz = program(wiring.project)(columns).reshape(inputs, units)
    x, d = (np.asarray(normal(seed, 4, *shape)) for seed, shape in ((8, wiring.input_shape), (9, wiring.unit_shape)))
    projected, (back, _), _ = three_verbs(wiring, jnp.asarray(x), jnp.asarray(d))
    np.testing.assert_allclose(projected.reshape(4, -1), x.reshape(4, -1) @ toeplitz, atol=1e-12)
    np.testing.assert_allclose(back.reshape(4, -1), d.reshape(4, -1) @ toeplitz.T, atol=1e-12)


def test_a_shared_weights_gradient_is_the_sum_over_its_unshared_copies(x64):
    wiring = Convolution.over((4, 4), normal(10, 2, 2, 1, 2))
    x, d = (np.asarray(normal(seed, *shape)) for seed, shape in ((11, (3, 4, 4, 1)), (12, (3, 3, 3, 2))))
    copies = np.zeros((3, 3, 2, 2, 1, 2))  # one kernel per place
    for i, j in itertools.product(range(3), range(3)):
        copies[i, j] = np.einsum("buvc,bo->uvco", x[:, i : i + 2, j : j + 2], d[:, i, j])
    np.testing.assert_allclose(
        program(wiring.correlate)(jnp.asarray(x), jnp.asarray(d)), copies.sum((0, 1)), rtol=1e-12
    )


def test_connections_that_do_not_exist_are_never_learned(x64):
    seen = np.asarray([[True, False], [True, True]])
    wiring = Convolution.over(4, normal(13, 3, 3, 2, 2), table=seen)
    found = program(wiring.correlate)(normal(14, 2, 4, 4, 2), normal(15, 2, 2, 2, 2))
    assert (found[:, :, 0, 1] == 0).all()
    assert (found[:, :, seen] != 0).all()


KINDS = ((AveragePooling, jax.lax.add, 0.0), (MaxPooling, jax.lax.max, -np.inf))


def pooled(x, error, image, size, stride, padding):
    """Of every kind, forward and back: ours, and the platform's windows'."""

    def both(kind, reduce, start):
        layer = kind.over(image, size, stride, padding)
        windows = (1, *layer.window.size, 1), (1, *layer.window.stride, 1), ((0, 0), *padding, (0, 0))
        trace = layer.forward(x, jax.random.key(0))
        expected, back = jax.vjp(lambda x: jax.lax.reduce_window(x, start, reduce, *windows), x)
        return (trace.output, layer.backward(trace, error)[0]), (expected, back(error)[0])

    return [both(*kind) for kind in KINDS]


@pytest.mark.parametrize("case", WINDOWS)
@seeds
def test_pooling_is_what_the_platforms_windows_say_and_so_is_its_gradient(case, seed):
    image, size, stride, padding = WINDOWS[case]
    with jax.enable_x64(True):
        x = normal(seed, 2, *image, 2)
        error = normal(seed + 1, 2, *MaxPooling.over(image, size, stride, padding).window.places, 2)
        found = program(pooled)(x, error, image, size, stride, padding)
    for (ours, theirs), share in zip(found, (size[0] * size[1], 1), strict=True):  # a mean, where theirs is a sum
        for mine, expected in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(mine, expected / share, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("stride", [2, 1])
def test_of_equal_largest_pixels_the_first_gets_the_error(stride):
    layer = MaxPooling.over((2, 2), 2, stride)
    x, d = np.reshape([0.0, 5.0, 5.0, 5.0], (1, 2, 2, 1)), np.ones((1, 1, 1, 1))
    back, _ = program(lambda x, d: layer.backward(layer.forward(x, jax.random.key(0)), d))(x, d)
    assert back.ravel().tolist() == [0, 1, 0, 0]


def test_subsampling_is_the_sum_of_four_times_the_gain(x64):
    pool, x = Subsampling(normal(18, 6), Window.over(4, 2, 2), repeats=2), normal(19, 2, 4, 4, 3)
    four = np.asarray(x).reshape(2, 2, 2, 2, 2, 3).sum((2, 4))
    np.testing.assert_allclose(
        program(pool.project)(x), np.repeat(four, 2, axis=-1) * np.asarray(pool.weights), rtol=1e-12
    )


def test_moving_the_image_moves_the_map(x64):
    wiring, x = Convolution.over((8, 8), normal(20, 3, 3, 1, 2)), normal(21, 1, 8, 8, 1)
    both = jnp.asarray(np.concatenate([x, np.roll(x, (1, 2), (1, 2))]))
    still, moved = program(wiring.project)(both)
    np.testing.assert_allclose(moved[1:, 2:], still[:-1, :-2], rtol=1e-12)


def test_a_population_of_kernels_is_a_vmap(x64):
    wiring, many, x = Convolution.over(6, normal(22, 3, 3, 1, 2)), normal(23, 4, 3, 3, 1, 2), normal(24, 3, 6, 6, 1)
    project = lambda w: wiring.with_weights(w).project(x)  # noqa: E731
    together, alone = program(lambda many: (jax.vmap(project)(many), [project(w) for w in many]))(many)
    np.testing.assert_allclose(together, alone, rtol=1e-12)


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_same_padding_is_the_platforms_with_the_odd_pixel_at_the_end(size, stride):
    for image in ((7, 8), (5, 6), (9, 4)):
        window = Window.over(image, size, stride, "same")
        assert window.padding == tuple(jax.lax.padtype_to_pads(image, (size, size), (stride, stride), "SAME"))
        assert window.places == (-(-image[0] // stride), -(-image[1] // stride))


def test_the_even_kernels_of_same_padding_look_forward():
    """A kernel of two at stride 1: every place sees its own pixel and the next one; after the last there is paper."""
    wiring = Convolution.over((3, 3), jnp.asarray(np.reshape([0.0, 0, 0, 1], (2, 2, 1, 1))), padding="same")
    x = np.arange(1.0, 10).reshape(1, 3, 3, 1)
    found = program(wiring.project)(jnp.asarray(x))[0, :, :, 0]
    np.testing.assert_array_equal(found, np.pad(x[0, 1:, 1:, 0], ((0, 1), (0, 1))))


def test_a_retina_puts_the_image_in_the_middle_with_the_odd_pixel_at_the_end():
    field = program(Retina.over((2, 3), (5, 6), paper=-1.0, ink=2.0))(jnp.asarray(np.ones((1, 2, 3, 1))))[0, :, :, 0]
    expected = np.full((5, 6), -1.0)
    expected[1:3, 1:4] = 2
    np.testing.assert_array_equal(field, expected)


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
    x = jnp.asarray(np.arange(12.0).reshape(1, 2, 3, 2))
    assert program(Flatten())(x)[0].tolist() == list(range(12))
