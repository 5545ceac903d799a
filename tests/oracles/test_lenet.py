"""The LeNets' whole way back, every layer and loss of theirs, against jax.grad of the errors' textbook formulas."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from flambeau.errors import ConfigurationError
from flambeau.networks import convnet, lenet
from flambeau.neurons import Softmax, Softmin
from flambeau.rules import Backpropagation, Batch, CrossEntropy, MaximumAPosteriori, MeanSquaredError
from programs import program
from table import normal


def penalties(net, d, rubbish):
    """e = s_d + log(e^-j + Σ_i e^-s_i), one number per example."""
    return jnp.sum(d * net, axis=1) + jnp.log(jnp.exp(-rubbish) + jnp.sum(jnp.exp(-net), axis=1))


def textbook(network, rule, batch):
    """The mean error, from the network's own answers."""
    *lower, top = network.layers
    x = batch.inputs
    for layer in lower:
        x = layer(x)
    y, d = top(x), batch.targets
    each = {
        MeanSquaredError: lambda: 0.5 * jnp.sum((d - y) ** 2, axis=1),
        CrossEntropy: lambda: -jnp.sum(d * jnp.log(y), axis=1),
        MaximumAPosteriori: lambda: penalties(top.net(x), d, rule.loss.rubbish),
    }[type(rule.loss)]()
    return jnp.sum(each * batch.weights) / jnp.sum(batch.weights)


NETWORKS = {
    "lenet-1": (lambda key: lenet("lenet-1", (9, 8), 3, key=key), (9, 8, 1), MeanSquaredError()),
    "lenet-4": (lambda key: lenet("lenet-4", (9, 8), 3, key=key), (9, 8, 1), MeanSquaredError()),
    "lenet-5": (lambda key: lenet("lenet-5", (9, 8), 3, key=key), (9, 8, 1), MaximumAPosteriori(80.0)),
    "modern": (lambda key: lenet("modern", (9, 8), 3, key=key), (9, 8, 1), CrossEntropy()),
    "average pooling, colours": (
        lambda key: convnet((7, 6, 2), (3, 4), (5,), 3, kernel=3, pooling="average", activation="tanh", key=key),
        (7, 6, 2),
        CrossEntropy(),
    ),
}


def both(rule, network, batch):
    """The rule's proposal and loss, and the textbook's error with JAX's gradient."""
    proposal, _, info = rule.propose(network, batch, (), jax.random.key(0))
    return proposal, info["loss"], eqx.filter_value_and_grad(textbook)(network, rule, batch)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_weight_and_bias_equals_jax_grad(name, x64):
    draw, shape, loss = NETWORKS[name]
    network = jax.tree.map(shaken, draw(jax.random.key(1)))
    low = -1.0 if isinstance(loss, MeanSquaredError) else 0.0
    targets = np.where(np.eye(3, dtype=bool)[[0, 2, 1, 2]], 1.0, low)
    batch = Batch(normal(2, 4, *shape), jnp.asarray(targets), jnp.asarray([1.0, 0.5, 2.0, 0.0]))
    by_hand, error, (expected, by_jax) = program(both)(Backpropagation(loss), network, batch)
    np.testing.assert_allclose(error, expected, rtol=1e-12)
    learned = eqx.filter(network, eqx.is_inexact_array)
    for own, ours, theirs in zip(*map(leaves, (learned, by_hand, by_jax)), strict=True):
        assert own is None or np.linalg.norm(ours - theirs) <= 1e-10 * max(1.0, np.linalg.norm(theirs))


def shaken(leaf):
    """Off the zeros that biases start from; whole numbers stay."""
    if not eqx.is_inexact_array(leaf):
        return leaf
    return jax.device_put(np.asarray(leaf) + 0.1 * np.asarray(normal(leaf.size, *leaf.shape)))


def leaves(tree):
    return jax.tree.leaves(tree, is_leaf=lambda leaf: leaf is None)


def test_maximum_a_posteriori_is_its_formula_and_its_delta_the_gradient(x64):
    def told(net, d, rubbish):
        value, delta = MaximumAPosteriori(rubbish)(Softmin(), net, Softmin()(net), d)
        return value, delta, penalties(net, d, rubbish), jax.grad(lambda s: jnp.sum(penalties(s, d, rubbish)))(net)

    net, d = np.abs(np.asarray(normal(3, 5, 4))) * 10, np.eye(4)[[0, 1, 2, 3, 0]]
    each = program(lambda net, d: [told(net, d, rubbish) for rubbish in (0.0, 1.0, 20.0)])(net, d)
    for value, delta, expected, by_jax in each:
        np.testing.assert_allclose(value, expected, rtol=1e-12)
        np.testing.assert_allclose(delta, by_jax, rtol=1e-10, atol=1e-12)


def test_penalties_far_beyond_the_rubbish_are_left_alone_and_do_not_overflow():
    net, d = np.asarray([[2.0, 900.0]], np.float32), np.asarray([[1.0, 0.0]], np.float32)
    ask = program(lambda net, d: MaximumAPosteriori(1.0)(Softmin(), net, Softmin()(net), d))
    value, delta = ask(net, d)
    assert np.isfinite(value).all()
    assert delta[0, 1] == 0


def test_it_is_for_penalties_only():
    with pytest.raises(ConfigurationError, match="softmin output units"):
        MaximumAPosteriori().check(Softmax())


def test_distances_read_by_a_softmin_are_right_for_many_rows():
    """From 512 rows on, XLA fused the three products of a distance with the softmax into a wrong program."""
    *_, top = lenet("lenet-5", key=jax.random.key(0)).layers
    x = np.random.default_rng(4).normal(size=(1000, 84)).astype(np.float32)
    codes = np.asarray(top.structure.weights, np.float64)
    distances = ((x[:, :, None].astype(np.float64) - codes) ** 2).sum(1)
    weights = np.exp(distances.min(1, keepdims=True) - distances)
    np.testing.assert_allclose(program(top)(x), weights / weights.sum(1, keepdims=True), atol=1e-3)
