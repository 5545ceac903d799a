"""Every activation, in both precisions: its slope, its range, its delta, its value semantics."""

import copy

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from flambeau.errors import ConfigurationError
from flambeau.neurons import ReLU, Saturating, Sign, Step, activation
from programs import program
from table import ACTIVATIONS, normal

KINKS = (-3, -2, 0, 1, 2, 3)
STEP = 1e-6


def answers(f, net, error, x):
    """All that the contract asks of an activation, as one program."""
    one = jnp.zeros(x.shape[1], x.dtype).at[0].set(STEP)
    wide = jnp.linspace(-40, 40, 8001)[:, None] * jnp.asarray([1.0, 0.0])
    return {
        "delta": (f.delta(net, f(net), error), jax.grad(lambda s: jnp.vdot(error, f(s)))(net)),
        "slope": (f.slope(x, f(x))[:, 0], ((f(x + one) - f(x - one)) / (2 * STEP))[:, 0]),
        "ends": (f(wide).min(), f(wide).max()),
        "large": f(jnp.asarray([[-1e4, 1e4]])),
        "lost": f(jnp.full((1, 2), jnp.nan)),
    }


def at_kinks(f):
    net = jnp.asarray(KINKS, float)
    return f.slope(net, f(net)), jax.vmap(jax.grad(f))(net)


@pytest.fixture(scope="module", params=ACTIVATIONS)
def named(request):
    return request.param


@pytest.fixture(scope="module")
def f(named, precise):
    return ACTIVATIONS[named]


@pytest.fixture(scope="module")
def told(f, precise):
    net, error = normal(0, 50, 4) * 3, normal(1, 50, 4)
    assert np.abs(np.asarray(net)[..., None] - np.asarray(KINKS)).min() > 1e-4  # away from kinks
    return program(answers)(f, net, error, normal(2, 50, 3))


def test_the_delta_is_the_gradient(f, told, precise):
    if "surrogate=Sigmoid" in repr(f):
        pytest.skip("a surrogate's slope is not the gradient, by design")
    precise.close(*told["delta"], 10)


def test_the_slope_is_the_difference_quotient(f, told, precise):
    if not f.trainable or "Step" in repr(f):
        pytest.skip("no slope")
    if not precise.double:
        pytest.skip("a difference quotient says little in single precision")
    np.testing.assert_allclose(*told["slope"], atol=1e-7)


def test_the_slope_agrees_with_jax_on_the_kinks_too(f, precise):
    if type(f).__name__ not in ("Saturating", "HardSigmoid", "LeakyReLU"):
        pytest.skip("no kinks")
    np.testing.assert_array_equal(*program(at_kinks)(f))


def test_the_outputs_keep_to_the_range_and_nearly_reach_it(f, told, precise):
    for bound, reached, outside in zip((f.low, f.high), told["ends"], (-1, 1), strict=True):
        assert outside * (reached - bound) <= precise.tolerance
        assert not np.isfinite(bound) or abs(reached - bound) < 1e-5


def test_large_net_inputs_do_not_overflow(told):
    assert np.isfinite(told["large"]).all()


def test_a_net_input_that_diverged_is_not_hidden(f, told):
    if f.trainable and "surrogate" not in repr(f):  # a threshold decides, whatever it is given
        assert np.isnan(told["lost"]).all()


def test_the_precision_is_that_of_the_net_inputs(told, precise):
    assert all(leaf.dtype == precise.dtype for leaf in jax.tree.leaves(told))


def test_equal_settings_are_equal_values(f):
    assert copy.deepcopy(f) == f
    assert hash(copy.deepcopy(f)) == hash(f)
    assert len(f.gradient) > 10


def test_threshold_units_say_what_they_answer_at_0():
    net = jnp.asarray([-2.0, 0.0, 3.0])
    for f, expected in {
        Step(): (0, 0, 1),
        Step(at_zero="high"): (0, 1, 1),
        Sign(): (-1, 0, 1),
        Sign(at_zero="low"): (-1, -1, 1),
        Sign(at_zero="high"): (-1, 1, 1),
    }.items():
        np.testing.assert_array_equal(f(net), expected)
    for unit, word in ((Step, "middle"), (Sign, "up")):
        with pytest.raises(ConfigurationError, match="at_zero"):
            unit(at_zero=word)


def test_relu_is_the_saturating_function_with_its_corner_at_infinity():
    assert ReLU() == Saturating(0.0, float("inf"))


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(ConfigurationError, match=r"activation: expected one of identity, .*got 'sigmiod'"):
        activation("sigmiod")
