"""Back-propagation against three referees: jax.grad, central differences, and the lecture's sums written as loops."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flambeau.errors import ConfigurationError
from flambeau.networks import FeedForward, mlp
from flambeau.neurons import ACTIVATIONS, RadialDistance, Step, Tanh, activation
from flambeau.rules import Backpropagation, Batch, CrossEntropy, MeanSquaredError
from flambeau.structures import Dense, Layer

SLOPED = sorted(name for name, f in ACTIVATIONS.items() if f.trainable)
HIDDEN = [name for name in SLOPED if name != "softmax"]
OUTPUTS = {"mse": SLOPED, "cross_entropy": ["softmax", "sigmoid"]}
LOSSES = {"mse": MeanSquaredError(), "cross_entropy": CrossEntropy()}


@st.composite
def lessons(draw):
    """A network, a rule and a batch: any depth, widths, activations, loss, weights."""
    sizes = tuple(draw(st.lists(st.integers(1, 5), min_size=2, max_size=5)))
    hidden = tuple(draw(st.sampled_from(HIDDEN)) for _ in sizes[2:])
    loss = draw(st.sampled_from(sorted(OUTPUTS)))
    output = draw(st.sampled_from(OUTPUTS[loss]))
    rows, seed = draw(st.integers(1, 6)), draw(st.integers(0, 2**16))
    return sizes, hidden, output, loss, rows, seed


def layer_of(generator, inputs, units, name):
    weights, bias = generator.normal(size=(inputs, units)) / np.sqrt(inputs), generator.normal(size=units)
    return Layer(Dense(jnp.asarray(weights)), jnp.asarray(bias), activation(name))


def build(lesson):
    sizes, hidden, output, loss, rows, seed = lesson
    generator = np.random.default_rng(seed)
    shapes = zip(sizes[:-1], sizes[1:], (*hidden, output), strict=True)
    network = FeedForward(tuple(layer_of(generator, *shape) for shape in shapes))  # drawn without compiling anything
    targets = (
        generator.dirichlet(np.ones(sizes[-1]), rows) if output == "softmax" else generator.random((rows, sizes[-1]))
    )
    weights = generator.random(rows) + 0.1
    batch = Batch(jnp.asarray(generator.normal(size=(rows, sizes[0]))), jnp.asarray(targets), jnp.asarray(weights))
    return network, Backpropagation(LOSSES[loss]), batch


def plain_error(network, loss, batch):
    """The mean error from its textbook formula, in the outputs, not in the net inputs."""
    y, d = network(batch.inputs), batch.targets
    if isinstance(loss, MeanSquaredError):
        each = 0.5 * jnp.sum((d - y) ** 2, axis=1)
    elif repr(network.layers[-1].activation) == "Softmax()":
        each = -jnp.sum(d * jnp.log(y), axis=1)
    else:
        each = -jnp.sum(d * jnp.log(y) + (1 - d) * jnp.log(1 - y), axis=1)
    return jnp.sum(each * batch.weights) / jnp.sum(batch.weights)


def relative(a, b):
    return np.linalg.norm(a - b) / max(np.linalg.norm(b), 1e-3)


def vector(tree):
    return np.concatenate([np.ravel(leaf) for leaf in jax.tree.leaves(tree)])


@eqx.filter_jit
def both_ways(network, rule, batch):
    """The rule's proposal and JAX's gradient, as one program."""
    return rule.propose(network, batch, (), jax.random.key(0)), eqx.filter_value_and_grad(plain_error)(
        network, rule.loss, batch
    )


@settings(max_examples=15)
@given(lessons())
def test_it_equals_jax_grad(lesson):
    with jax.enable_x64(True):
        network, rule, batch = build(lesson)
        (by_hand, _, info), (error, by_jax) = both_ways(network, rule, batch)
        assert relative(info["loss"], error) < 1e-10
        assert relative(vector(by_hand), vector(by_jax)) < 1e-10


@settings(max_examples=8)
@given(lessons())
def test_it_equals_central_differences(lesson):
    with jax.enable_x64(True):
        network, rule, batch = build(lesson)
        flat, rebuild = jax.flatten_util.ravel_pytree(network)
        error = jax.jit(lambda w: plain_error(rebuild(w), rule.loss, batch))
        by_hand = vector(both_ways(network, rule, batch)[0][0])
        generator = np.random.default_rng(0)
        for _ in range(4):
            way, h = generator.normal(size=flat.shape), 3e-5  # log(1 - y) near y = 1 is good to 1e-12
            # A kink between the two points would spoil the quotient: then both one-sided ones differ.
            above, here, below = error(flat + h * way), error(flat), error(flat - h * way)
            if abs((above - here) - (here - below)) / h > 1e-3:
                continue
            assert abs((above - below) / (2 * h) - by_hand @ way) < 1e-7 * max(1, np.linalg.norm(way))


def test_the_lectures_sums_written_as_loops(x64):
    """e = ½ Σ (d_i - y_i)², δ_i = y_i (1-y_i) (y_i-d_i), δ'_j = y'_j (1-y'_j) Σ_i w_ji δ_i, one index at a time."""
    network = mlp((3, 4, 2), "sigmoid", "sigmoid", key=jax.random.key(5))
    x, d = np.asarray([0.3, -1.2, 0.7]), np.asarray([1.0, 0.0])
    (w1, b1), (w2, b2) = [(np.asarray(n.structure.weights), np.asarray(n.bias)) for n in network.layers]
    hidden = [1 / (1 + np.exp(-sum(w1[k, j] * x[k] for k in range(3)) - b1[j])) for j in range(4)]
    y = [1 / (1 + np.exp(-sum(w2[j, i] * hidden[j] for j in range(4)) - b2[i])) for i in range(2)]
    delta = [y[i] * (1 - y[i]) * (y[i] - d[i]) for i in range(2)]
    below = [hidden[j] * (1 - hidden[j]) * sum(w2[j, i] * delta[i] for i in range(2)) for j in range(4)]
    batch = Batch(jnp.asarray(x[None]), jnp.asarray(d[None]), jnp.ones(1))
    proposal, _, info = Backpropagation().propose(network, batch, (), jax.random.key(0))
    first, second = proposal.layers
    np.testing.assert_allclose(
        second.structure.weights, [[hidden[j] * delta[i] for i in range(2)] for j in range(4)], rtol=1e-12
    )
    np.testing.assert_allclose(
        first.structure.weights, [[x[k] * below[j] for j in range(4)] for k in range(3)], rtol=1e-12
    )
    np.testing.assert_allclose(second.bias, delta, rtol=1e-12)
    np.testing.assert_allclose(first.bias, below, rtol=1e-12)
    assert abs(float(info["loss"]) - 0.5 * sum((d[i] - y[i]) ** 2 for i in range(2))) < 1e-14


def test_the_worked_example_with_numbers(x64):
    """2-2-1, no biases: h, y, e, δ, δ' and both weight gradients to ten digits (computed by hand)."""
    first = Layer(Dense(jnp.asarray([[0.1, 0.3], [0.2, 0.4]])), jnp.zeros(2), ACTIVATIONS["sigmoid"])
    second = Layer(Dense(jnp.asarray([[0.5], [0.6]])), jnp.zeros(1), ACTIVATIONS["sigmoid"])
    network = FeedForward((first, second))
    batch = Batch(jnp.asarray([[1.0, 0.0]]), jnp.asarray([[1.0]]), jnp.ones(1))
    proposal, _, info = Backpropagation().propose(network, batch, (), jax.random.key(0))
    digits = {"rtol": 0, "atol": 5e-11}
    np.testing.assert_allclose(info["traces"][0].output, [[0.5249791875, 0.5744425168]], **digits)
    np.testing.assert_allclose(info["output"], [[0.64729157]], rtol=0, atol=5e-9)
    np.testing.assert_allclose(info["loss"], 0.0622016183, **digits)
    np.testing.assert_allclose(proposal.layers[1].bias, [-0.0805251663], **digits)
    np.testing.assert_allclose(proposal.layers[0].bias, [-0.0100405236, -0.0118110277], **digits)
    np.testing.assert_allclose(proposal.layers[1].structure.weights, [[-0.0422740364], [-0.0462570792]], **digits)
    np.testing.assert_allclose(proposal.layers[0].structure.weights, [[-0.0100405236, -0.0118110277], [0, 0]], **digits)


def test_radial_units_and_surrogates_learn_too(x64):
    layers = mlp((3, 4, 2), Tanh(), "sigmoid", key=jax.random.key(1)).layers
    radial = eqx.tree_at(lambda n: n.bias, layers[0], jnp.full(4, -0.5))
    radial = Layer(radial.structure, radial.bias, Tanh(), RadialDistance())
    network = FeedForward((radial, layers[1]))
    generator = np.random.default_rng(0)
    batch = Batch(jnp.asarray(generator.normal(size=(5, 3))), jnp.asarray(generator.random((5, 2))), jnp.ones(5))
    by_hand = Backpropagation().propose(network, batch, (), jax.random.key(0))[0]
    by_jax = eqx.filter_grad(plain_error)(network, MeanSquaredError(), batch)
    assert relative(vector(by_hand), vector(by_jax)) < 1e-10
    spiking = mlp((3, 4, 2), Step(surrogate=ACTIVATIONS["sigmoid"]), "sigmoid", key=jax.random.key(1))
    Backpropagation().init(spiking, None)
    assert np.abs(Backpropagation().propose(spiking, batch, (), jax.random.key(0))[0].layers[0].bias).max() > 0


@pytest.mark.parametrize(
    ("hidden", "output", "loss", "match"),
    [
        ("step", "sigmoid", "mse", r"layer 0.*slope"),
        ("tanh", "sign", "mse", r"layer 1.*slope"),
        ("tanh", "hardmax", "mse", r"layer 1.*slope"),
        ("tanh", "tanh", "cross_entropy", "softmax or sigmoid"),
    ],
)
def test_it_refuses_what_has_no_slope_or_no_meaning(hidden, output, loss, match):
    network = mlp((2, 2, 2), hidden, output, key=jax.random.key(0))
    with pytest.raises(ConfigurationError, match=match):
        Backpropagation(LOSSES[loss]).init(network, None)


def test_dropout_masks_forward_and_backward_alike(x64):
    network = mlp((3, 50, 2), "tanh", "softmax", dropout=0.4, key=jax.random.key(0))
    generator = np.random.default_rng(1)
    batch = Batch(jnp.asarray(generator.normal(size=(4, 3))), jnp.eye(2)[np.asarray([0, 1, 1, 0])], jnp.ones(4))
    key = jax.random.key(7)
    by_hand, _, info = Backpropagation(CrossEntropy()).propose(network, batch, (), key)
    mask = info["traces"][1].net
    assert set(np.unique(mask).round(9)) == {0.0, round(1 / 0.6, 9)}
    assert abs(float((mask == 0).mean()) - 0.4) < 0.1

    def error(network):
        hidden = network.layers[0](batch.inputs) * mask
        return -jnp.mean(jnp.sum(batch.targets * jnp.log(network.layers[2](hidden)), axis=1))

    assert relative(vector(by_hand), vector(eqx.filter_grad(error)(network))) < 1e-10
    np.testing.assert_array_equal(network.layers[1](batch.inputs), batch.inputs)  # no noise outside learning
