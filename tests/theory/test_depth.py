"""Why depth fails, as mean-field theory says it: what the gradient loses per layer is known before any training."""

import functools
import itertools
import os

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import flambeau as fb
from flambeau.analysis import flow_numbers
from flambeau.rules import Backpropagation, Batch, CrossEntropy, MeanSquaredError


def nielsen(sizes, seed):
    """Sigmoid units, W ~ N(0, 1/n_in), b ~ N(0, 1)."""
    generator, layers = np.random.default_rng(seed), []
    for below, above in itertools.pairwise(sizes):
        weights = generator.standard_normal((below, above), np.float32) / np.float32(np.sqrt(below))
        bias = jnp.asarray(generator.standard_normal(above, np.float32))
        layers.append(fb.structures.Layer(fb.structures.Dense(jnp.asarray(weights)), bias, fb.neurons.Sigmoid()))
    return fb.networks.FeedForward(tuple(layers))


@functools.cache
def twenty():
    """His network from 20 seeds, as one."""
    networks = [nielsen((784, 30, 30, 30, 30, 10), seed) for seed in range(20)]
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *networks)


def field(q, f):
    """E f(√q z), z ~ N(0, 1), by Gauss and Hermite."""
    z, weights = np.polynomial.hermite_e.hermegauss(80)
    return weights @ f(np.sqrt(q) * z) / np.sqrt(2 * np.pi)


def sigmoid(s):
    return 1 / (1 + np.exp(-s))


def fixed_point():
    """q = E f(√q z)² + 1 and χ = E f'(√q z)²."""
    q = 1.0
    for _ in range(100):
        q = field(q, lambda s: sigmoid(s) ** 2) + 1
    return q, field(q, lambda s: (sigmoid(s) * (1 - sigmoid(s))) ** 2)


def test_the_fixed_point_of_nielsens_network():
    q, chi = fixed_point()
    assert round(q, 3) == 1.302
    assert round(np.sqrt(chi), 4) == 0.2048


def images(source):
    """1,000 inputs of 784 numbers: MNIST's, or random ones with as much ink."""
    if source == "mnist":
        if not os.environ.get("FLAMBEAU_DATA"):
            pytest.skip("FLAMBEAU_DATA is not set")
        bundle = fb.problems.load("mnist")
        return bundle.data[:1000], bundle.target[:1000]
    generator = np.random.default_rng(0)
    ink = generator.random((1000, 784)) < 0.19  # the share of MNIST's pixels that are not paper
    return (ink * generator.random((1000, 784))).astype(np.float32), generator.integers(0, 10, 1000)


@pytest.mark.parametrize("loss", [CrossEntropy(), MeanSquaredError()], ids=["cross-entropy", "squared error"])
@pytest.mark.parametrize("source", ["random", "mnist"])
def test_a_layer_of_nielsens_network_receives_a_fifth_of_what_the_next_one_does(source, loss):
    x, labels = images(source)
    batch = Batch(jnp.asarray(x), jnp.asarray(np.eye(10, dtype=np.float32)[labels]), jnp.ones(1000))
    found = eqx.filter_jit(eqx.filter_vmap(lambda net: flow_numbers(net, Backpropagation(loss), batch)))(twenty())
    for column in ("delta", "bias_gradient"):
        norms = np.asarray(found[column])[:, :4]
        median = np.median(norms[:, 1:] / norms[:, :-1])
        assert 4 < median < 6, (column, median)


def test_a_wide_network_follows_the_mean_field():
    chi = fixed_point()[1]
    network = nielsen((1000,) * 11 + (10,), 0)
    generator = np.random.default_rng(1)
    x = generator.normal(scale=np.sqrt(0.302), size=(64, 1000))  # as large as the activity it will settle at
    batch = Batch(jnp.asarray(x, jnp.float32), jnp.asarray(np.eye(10)[generator.integers(0, 10, 64)], jnp.float32),
                  jnp.ones(64))  # fmt: skip
    delta = np.asarray(eqx.filter_jit(flow_numbers)(network, Backpropagation(CrossEntropy()), batch)["delta"])[:10]
    ratios = (delta[:-1] / delta[1:]) ** 2
    assert abs(np.exp(np.log(ratios).mean()) / chi - 1) < 0.1
    assert np.abs(ratios / chi - 1).max() < 0.25
