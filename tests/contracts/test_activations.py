"""Every activation: its slope, its range, its delta, its value semantics."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from flambeau.errors import ConfigurationError
from flambeau.neurons import ReLU, Saturating, activation
from table import ACTIVATIONS, normal

KINKS = (-3, -2, 0, 1, 2, 3)


@pytest.fixture(params=ACTIVATIONS)
def f(request, x64):
    return ACTIVATIONS[request.param]


def test_the_delta_is_the_gradient(f):
    if "surrogate=Sigmoid" in repr(f):
        pytest.skip("a surrogate's slope is not the gradient, by design")
    net, error = normal(0, 50, 4) * 3, normal(1, 50, 4)
    assert min(float(jnp.abs(net - kink).min()) for kink in KINKS) > 1e-4  # away from kinks
    by_jax = jax.jit(jax.grad(lambda s: jnp.vdot(error, f(s))))(net)
    np.testing.assert_allclose(f.delta(net, f(net), error), by_jax, rtol=1e-10, atol=1e-12)


def test_the_slope_is_the_difference_quotient(f):
    if not f.trainable or "Step" in repr(f):
        pytest.skip("no slope")
    net, h = normal(2, 50, 1) * 3, 1e-6
    if type(f).__name__ in ("Softmax", "Softmin"):  # its slope is the diagonal of a matrix: move one input of three
        net, one = normal(2, 50, 3), jnp.asarray([1.0, 0, 0])
        quotient = ((f(net + h * one) - f(net - h * one)) / (2 * h))[:, 0]
        np.testing.assert_allclose(f.slope(net, f(net))[:, 0], quotient, atol=1e-8)
    else:
        np.testing.assert_allclose(f.slope(net, f(net)), (f(net + h) - f(net - h)) / (2 * h), atol=1e-7)


def test_the_slope_agrees_with_jax_on_the_kinks_too(f):
    if type(f).__name__ not in ("Saturating", "HardSigmoid", "LeakyReLU"):
        pytest.skip("no kinks")
    net = jnp.asarray([float(kink) for kink in KINKS])
    np.testing.assert_array_equal(f.slope(net, f(net)), jax.vmap(jax.grad(f))(net))


def test_the_outputs_keep_to_the_range_and_nearly_reach_it(f):
    net = jnp.linspace(-40, 40, 8001)[:, None] * jnp.asarray([1.0, 0.0])
    y = f(net)
    assert float(y.min()) >= f.low - 1e-12
    assert float(y.max()) <= f.high + 1e-12
    for bound, reached in ((f.low, y.min()), (f.high, y.max())):
        assert not np.isfinite(bound) or abs(float(reached) - bound) < 1e-5


def test_equal_settings_are_equal_values(f):
    import copy

    assert copy.deepcopy(f) == f
    assert hash(copy.deepcopy(f)) == hash(f)
    assert len(f.gradient) > 10


def test_relu_is_the_saturating_function_with_its_corner_at_infinity():
    assert ReLU() == Saturating(0.0, float("inf"))


def test_large_net_inputs_do_not_overflow(f):
    y = f(jnp.asarray([[-1e4, 1e4]]))
    assert np.isfinite(y).all()


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ConfigurationError, match=r"activation: expected one of identity, .*got 'sigmiod'"):
        activation("sigmiod")
