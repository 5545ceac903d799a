"""Back-propagation against three referees: jax.grad, central differences, and the lecture's sums written as loops."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flambeau.errors import ConfigurationError
from flambeau.networks import FeedForward, mlp
from flambeau.neurons import ACTIVATIONS, RadialDistance, Softmax, Softmin, Step, Tanh, activation
from flambeau.rules import Backpropagation, Batch, CrossEntropy, MaximumAPosteriori, MeanSquaredError
from flambeau.rules.backprop import decide
from flambeau.structures import Dense, Dropout, Layer
from programs import program
from table import drawn

SLOPED = sorted(name for name, f in ACTIVATIONS.items() if f.trainable)
HIDDEN = [name for name in SLOPED if name != "softmax"]
OUTPUTS = {"mse": SLOPED, "cross_entropy": ["softmax", "sigmoid"]}
LOSSES = {"mse": MeanSquaredError(), "cross_entropy": CrossEntropy()}


SHAPES = (  # fixed, so that a case is compiled once: widths, the output and its loss
    ((3, 2), "sigmoid", "cross_entropy"),
    ((2, 4, 3), "softmax", "cross_entropy"),
    ((4, 3, 1, 2), "tanh", "mse"),
    ((1, 5, 2, 4), "softmax", "mse"),
    ((3, 2, 5, 4, 3), "identity", "mse"),
    ((5, 1, 3, 2, 3, 2), "sigmoid", "mse"),
)
NAMES = itertools.cycle(HIDDEN)  # dealt out to the hidden layers
CASES = [(sizes, tuple(next(NAMES) for _ in sizes[2:]), output, loss) for sizes, output, loss in SHAPES]
ROWS = 5
seeds = settings(max_examples=4)(given(st.integers(0, 2**16)))
every_case = pytest.mark.parametrize("case", CASES, ids=lambda case: "-".join(map(str, case[0])))


def test_the_cases_have_every_activation():
    assert {name for _, hidden, output, _ in CASES for name in (*hidden, output)} == set(SLOPED)


def layer_of(generator, inputs, units, name):
    weights, bias = generator.normal(size=(inputs, units)) / np.sqrt(inputs), generator.normal(size=units)
    return Layer(Dense(weights), bias, activation(name))


def build(case, seed):
    sizes, hidden, output, loss = case
    generator, rows = np.random.default_rng(seed), ROWS
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


@eqx.filter_jit
def along(network, rule, batch, way, h):
    """The error a little ahead, here, and a little behind."""
    flat, rebuild = jax.flatten_util.ravel_pytree(network)
    return [plain_error(rebuild(flat + step * way), rule.loss, batch) for step in (h, 0, -h)]


@every_case
@seeds
def test_it_equals_jax_grad(case, seed):
    with jax.enable_x64(True):
        network, rule, batch = build(case, seed)
        (by_hand, _, info), (error, by_jax) = both_ways(network, rule, batch)
        assert relative(np.asarray(info["loss"]), np.asarray(error)) < 1e-10
        assert relative(vector(by_hand), vector(by_jax)) < 1e-10


@every_case
@seeds
def test_it_equals_central_differences(case, seed):
    with jax.enable_x64(True):
        network, rule, batch = build(case, seed)
        by_hand = vector(both_ways(network, rule, batch)[0][0])
        generator, h = np.random.default_rng(0), 3e-5  # log(1 - y) near y = 1 is good to 1e-12
        for _ in range(4):
            way = generator.normal(size=by_hand.shape)
            # A kink between the two points would spoil the quotient: then both one-sided ones differ.
            above, here, below = map(float, along(network, rule, batch, way, h))
            if abs((above - here) - (here - below)) / h > 1e-3:
                continue
            assert abs((above - below) / (2 * h) - by_hand @ way) < 1e-7 * max(1, np.linalg.norm(way))


def test_the_lectures_sums_written_as_loops(x64):
    """e = ½ Σ (d_i - y_i)², δ_i = y_i (1-y_i) (y_i-d_i), δ'_j = y'_j (1-y'_j) Σ_i w_ji δ_i, one index at a time."""
    network = drawn(mlp, (3, 4, 2), "sigmoid", "sigmoid", seed=5)
    x, d = np.asarray([0.3, -1.2, 0.7]), np.asarray([1.0, 0.0])
    (w1, b1), (w2, b2) = [(np.asarray(n.structure.weights), np.asarray(n.bias)) for n in network.layers]
    hidden = [1 / (1 + np.exp(-sum(w1[k, j] * x[k] for k in range(3)) - b1[j])) for j in range(4)]
    y = [1 / (1 + np.exp(-sum(w2[j, i] * hidden[j] for j in range(4)) - b2[i])) for i in range(2)]
    delta = [y[i] * (1 - y[i]) * (y[i] - d[i]) for i in range(2)]
    below = [hidden[j] * (1 - hidden[j]) * sum(w2[j, i] * delta[i] for i in range(2)) for j in range(4)]
    batch = Batch(jnp.asarray(x[None]), jnp.asarray(d[None]), jnp.asarray([1.0]))
    proposal, _, info = program(Backpropagation().propose)(network, batch, (), jax.random.key(0))
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
    first = Layer(Dense(jnp.asarray([[0.1, 0.3], [0.2, 0.4]])), jnp.asarray([0.0, 0.0]), ACTIVATIONS["sigmoid"])
    second = Layer(Dense(jnp.asarray([[0.5], [0.6]])), jnp.asarray([0.0]), ACTIVATIONS["sigmoid"])
    network = FeedForward((first, second))
    batch = Batch(jnp.asarray([[1.0, 0.0]]), jnp.asarray([[1.0]]), jnp.asarray([1.0]))
    proposal, _, info = program(Backpropagation().propose)(network, batch, (), jax.random.key(0))
    digits = {"rtol": 0, "atol": 5e-11}
    np.testing.assert_allclose(info["traces"][0].output, [[0.5249791875, 0.5744425168]], **digits)
    np.testing.assert_allclose(info["output"], [[0.64729157]], rtol=0, atol=5e-9)
    np.testing.assert_allclose(info["loss"], 0.0622016183, **digits)
    np.testing.assert_allclose(proposal.layers[1].bias, [-0.0805251663], **digits)
    np.testing.assert_allclose(proposal.layers[0].bias, [-0.0100405236, -0.0118110277], **digits)
    np.testing.assert_allclose(proposal.layers[1].structure.weights, [[-0.0422740364], [-0.0462570792]], **digits)
    np.testing.assert_allclose(proposal.layers[0].structure.weights, [[-0.0100405236, -0.0118110277], [0, 0]], **digits)


def test_radial_units_and_surrogates_learn_too(x64):
    generator = np.random.default_rng(0)
    lower, upper = layer_of(generator, 3, 4, "tanh"), layer_of(generator, 4, 2, "sigmoid")
    radial = Layer(lower.structure, jnp.asarray(np.full(4, -0.5)), Tanh(), RadialDistance())
    network = FeedForward((radial, upper))
    numbers = generator.normal(size=(5, 3)), generator.random((5, 2)), np.ones(5)
    batch = Batch(*map(jnp.asarray, numbers))
    (by_hand, _, _), (_, by_jax) = both_ways(network, Backpropagation(), batch)
    assert relative(vector(by_hand), vector(by_jax)) < 1e-10
    spiking = FeedForward((Layer(lower.structure, lower.bias, Step(surrogate=ACTIVATIONS["sigmoid"])), upper))
    Backpropagation().init(spiking, None)
    proposal = program(Backpropagation().propose)(spiking, batch, (), jax.random.key(0))[0]
    assert np.abs(proposal.layers[0].bias).max() > 0


@pytest.mark.parametrize("loss", [CrossEntropy(), MaximumAPosteriori(2.0)], ids=["softmax", "softmin"])
def test_targets_of_any_mass_have_the_gradient_of_their_error(loss, x64):
    """Rows of targets count as much as they sum to: doubtful ones less, classes that go together more."""
    f = Softmax() if isinstance(loss, CrossEntropy) else Softmin()
    generator = np.random.default_rng(3)
    net, d = jnp.asarray(3 * generator.random((4, 3))), generator.random((4, 3)) * [[0.2], [1], [3], [0]]

    def both(net):
        value, delta = loss(f, net, f(net), jnp.asarray(d))
        return value, delta, jax.grad(lambda s: loss(f, s, f(s), jnp.asarray(d))[0].sum())(net)

    value, delta, by_jax = program(both)(net)
    s = np.asarray(net) if isinstance(loss, CrossEntropy) else -np.asarray(net)
    rubbish = 0 if isinstance(loss, CrossEntropy) else np.exp(-2.0)
    expected = -(d * (s - np.log(np.exp(s).sum(1, keepdims=True) + rubbish))).sum(1)
    np.testing.assert_allclose(value, expected, rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(delta, by_jax, rtol=1e-10, atol=1e-14)


def test_one_output_decides_at_the_middle_of_its_range_and_several_by_the_largest():
    expected = {"tanh": (0, 1, 1), "sigmoid": (0, 0, 1), "relu": (0, 0, 1), "sign": (0, 1, 1)}
    one, several = np.asarray([[-0.6], [0.2], [0.7]]), np.asarray([[0.1, 0.9, 0.9], [0.3, 0.2, 0.1]])

    def decisions(one, several):
        return {name: decide(one, activation(name)) for name in expected}, decide(several, activation("softmax"))

    found, winners = program(decisions)(one, several)
    for name, wanted in expected.items():
        np.testing.assert_array_equal(found[name][:, 0], wanted)
    np.testing.assert_array_equal(winners[:, 0], [1, 0])  # the first of equals


def test_every_layers_noise_is_its_own(x64):
    """Two layers of dropout one above the other silence different inputs, and so do two steps."""
    top = layer_of(np.random.default_rng(0), 40, 2, "sigmoid")
    network = FeedForward((Dropout(0.5), Dropout(0.5), top))
    batch = Batch(*map(jnp.asarray, (np.ones((6, 40)), np.full((6, 2), 0.5), np.ones(6))))
    ask = program(Backpropagation().propose)
    masks = [[trace.net for trace in ask(network, batch, (), jax.random.key(seed))[2]["traces"][:2]] for seed in (0, 1)]
    (first, second), (other, _) = masks
    for one, another in ((first, second), (first, other)):
        assert 0.3 < ((one == 0) == (another == 0)).mean() < 0.7


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
    generator = np.random.default_rng(0)
    network = FeedForward((layer_of(generator, 2, 2, hidden), layer_of(generator, 2, 2, output)))
    with pytest.raises(ConfigurationError, match=match):
        Backpropagation(LOSSES[loss]).init(network, None)


def test_dropout_masks_forward_and_backward_alike(x64):
    network = drawn(mlp, (3, 50, 2), "tanh", "softmax", dropout=0.4)
    generator = np.random.default_rng(1)
    batch = Batch(*map(jnp.asarray, (generator.normal(size=(4, 3)), np.eye(2)[[0, 1, 1, 0]], np.ones(4))))
    key = jax.random.key(7)
    by_hand, _, info = program(Backpropagation(CrossEntropy()).propose)(network, batch, (), key)
    mask = info["traces"][1].net
    assert set(np.unique(mask).round(9)) == {0.0, round(1 / 0.6, 9)}
    assert abs(float((mask == 0).mean()) - 0.4) < 0.1

    def error(network):
        hidden = network.layers[0](batch.inputs) * mask
        return -jnp.mean(jnp.sum(batch.targets * jnp.log(network.layers[2](hidden)), axis=1))

    assert relative(vector(by_hand), vector(program(eqx.filter_grad(error))(network))) < 1e-10
    np.testing.assert_array_equal(network.layers[1](batch.inputs), batch.inputs)  # no noise outside learning
