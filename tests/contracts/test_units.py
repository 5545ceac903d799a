"""Every stochastic unit and every loss, in both precisions: the numbers that belong together do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from flambeau.errors import ConfigurationError
from flambeau.neurons import NoisyReLU
from programs import program
from table import LOSSES, UNITS, normal

DRAWS, COLUMNS = 20_000, 4


@pytest.fixture(scope="module", params=UNITS)
def unit(request, precise):
    return UNITS[request.param]()


def many(unit, net, key):
    """Many samples at one net input, with the means that are expected of them."""
    nets = jnp.broadcast_to(net, (DRAWS, COLUMNS))
    u = unit.sample(nets, key)
    return u, unit.statistic(u), unit.mean(net)


def slope_of_normaliser(unit, net, bias):
    return jax.grad(lambda s: jnp.sum(unit.log_normaliser(s, bias)))(net)


@pytest.fixture(scope="module")
def net(precise):
    return jnp.asarray([0.5, -0.3, 0.8, 0.1], precise.dtype)


@pytest.fixture(scope="module")
def samples(unit, net, precise):
    return program(many)(unit, net, jax.random.key(2))


def near(values, expected):
    """Sample means, within five of their standard errors."""
    error = 5 * values.std(axis=0) / np.sqrt(DRAWS) + 1e-6
    assert (np.abs(values.mean(axis=0) - expected) < error).all()


def test_samples_have_the_mean_that_it_says(unit, samples):
    if isinstance(unit, NoisyReLU):
        pytest.skip("its mean is that of the many units which it approximates")
    u, _, mean = samples
    near(u.astype(float), mean)


def test_the_normaliser_says_what_the_other_side_receives_on_average(unit, net, samples, precise):
    """∂ log Z / ∂s = E[t(u)], the identity on which every learning rule of a machine rests."""
    bias = jnp.zeros(COLUMNS, precise.dtype)
    try:
        slope = program(slope_of_normaliser)(unit, net, bias)
    except ConfigurationError:
        pytest.skip("no normaliser in closed form, and it says so")
    near(samples[1].astype(float), slope)


def test_samples_are_data_that_it_can_show_and_keep_its_precision(unit, samples, precise):
    u, statistic, mean = samples
    unit.check(u[:50], "test")
    assert {u.dtype, statistic.dtype, mean.dtype} == {np.dtype(precise.dtype)}


@pytest.fixture(scope="module", params=LOSSES)
def loss(request, precise):
    return LOSSES[request.param]()


def values_and_slopes(loss, f, net, target):
    value, delta = loss(f, net, f(net), target)
    return value, delta, jax.grad(lambda s: loss(f, s, f(s), target)[0].sum())(net)


def test_a_losss_delta_is_its_gradient_and_rows_do_not_mix(loss, precise):
    loss, f = loss
    net = normal(31, 6, 3)
    target = jnp.asarray(np.eye(3)[[0, 2, 1, 1, 0, 2]], precise.dtype)
    value, delta, by_jax = program(lambda net, target: values_and_slopes(loss, f, net, target))(net, target)
    precise.close(delta, by_jax, 10)
    assert value.shape == (6,)
    assert {value.dtype, delta.dtype} == {np.dtype(precise.dtype)}
    few = program(lambda net, target: loss(f, net, f(net), target)[0])(
        *(jnp.asarray(np.asarray(x)[2:4]) for x in (net, target))
    )
    precise.close(few, value[2:4], 10)
