"""Claims of the lecture (and three corrections of it) as theorems that the code must obey."""

import itertools
import math
import warnings

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

import flambeau as fb
from flambeau.estimators import separation
from flambeau.neurons import Identity, Sigmoid, Step
from flambeau.problems import Examples
from flambeau.rules import Backpropagation, Batch, DeltaRule, LeastMeanSquares
from flambeau.structures import Dense, Layer
from programs import program
from table import drawn


def corners(n):
    return np.asarray(list(itertools.product((0.0, 1.0), repeat=n)))


@pytest.mark.parametrize("seed", range(60))
def test_mistakes_stay_within_novikoffs_bound(seed):
    generator = np.random.default_rng(seed)
    n, d = ((5, 1), (12, 2), (20, 3), (27, 5), (33, 4), (39, 2))[seed % 6]  # each is compiled once
    margin = float(generator.uniform(0.05, 0.5))
    X, y, u = fb.problems.separable(n, d, margin, random_state=seed)
    if len(np.unique(y)) < 2:
        pytest.skip("the draw has one class only")
    model = fb.Perceptron(random_state=seed, max_epochs=10_000).fit(X, y)
    x = np.hstack([X, np.ones((n, 1))])
    promised = (y * (x @ u)).min()
    assert promised >= margin * (1 - 1e-6)
    assert model.converged_
    assert model.margin_ >= promised * (1 - 1e-5)  # the best margin is at least that of the known separator
    assert model.mistakes_.sum() <= model.mistake_bound_ + 1e-9
    radius = np.linalg.norm(x, axis=1).max()
    np.testing.assert_allclose(model.mistake_bound_, (radius / model.margin_) ** 2, rtol=1e-6)


@pytest.mark.parametrize(("n", "separable"), [(1, 4), (2, 14), (3, 104)])
def test_the_number_of_separable_boolean_functions(n, separable):
    found = [separation(corners(n), 2 * np.asarray(bits) - 1) for bits in itertools.product((0, 1), repeat=2**n)]
    assert sum(each.separable for each in found) == separable
    x = np.hstack([corners(n), np.ones((2**n, 1))])
    for bits, each in zip(itertools.product((0, 1), repeat=2**n), found, strict=True):
        d = 2 * np.asarray(bits) - 1
        if each.separable:
            np.testing.assert_allclose((d * (x @ each.direction)).min(), each.margin, rtol=1e-9)
        else:  # Farkas: these weights prove that no plane can do it
            assert (each.certificate >= 0).all()
            np.testing.assert_allclose(each.certificate.sum(), 1)
            np.testing.assert_allclose(each.certificate @ (x * d[:, None]), 0, atol=1e-9)


def test_the_perceptron_learns_14_of_the_16_functions_of_two_inputs():
    learned = {}
    for bits in itertools.product((0, 1), repeat=4):
        if len(set(bits)) == 1:
            learned[bits] = True  # a constant needs no learning
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            learned[bits] = fb.Perceptron(max_epochs=100, shuffle=False).fit(corners(2), bits).converged_
    assert [bits for bits, yes in learned.items() if not yes] == [(0, 1, 1, 0), (1, 0, 0, 1)]


def test_parity_by_n_threshold_units():
    """One hidden layer of n units [Σx ≥ k], output weights (-1)^(k+1): depth makes linear units enough."""
    n = 5
    hidden = Layer(Dense(jnp.asarray(np.ones((n, n)))), jnp.asarray(-(np.arange(n) + 0.5)), Step())
    output = Layer(Dense(jnp.asarray([[(-1.0) ** k] for k in range(n)])), jnp.asarray([-0.5]), Step())
    X, y = fb.problems.parity(n)
    found = program(fb.networks.FeedForward((hidden, output)))(jnp.asarray(X, jnp.float32))
    np.testing.assert_array_equal(found[:, 0], y)


def test_depth_folds_a_line_into_exponentially_many_pieces():
    """The tent map, two ReLU units, composed k times has 2^k linear pieces."""
    relu, identity = fb.neurons.ReLU(), Identity()
    fold = Layer(Dense(jnp.asarray([[2.0, 4.0]])), jnp.asarray([0.0, -2.0]), relu)
    join = Layer(Dense(jnp.asarray([[1.0], [-1.0]])), jnp.zeros(1), identity)
    for k in (1, 2, 5):
        tent = fb.networks.FeedForward((fold, join) * k)
        x = jnp.asarray(np.linspace(0, 1, 2**10 + 1)[:, None], jnp.float32)
        slopes = np.diff(program(tent)(x)[:, 0])
        assert 1 + np.count_nonzero(np.diff(np.sign(slopes))) == 2**k


def test_the_squared_error_is_not_convex_in_the_weight(x64):
    """Correction: one sigmoid, x = 1, d = 0 has e'' < 0 for all w > ln 2."""
    second = program(jax.grad(jax.grad(lambda w: 0.5 * Sigmoid()(w) ** 2)))
    assert second(jnp.asarray(math.log(2) - 1e-3)) > 0 > second(jnp.asarray(math.log(2) + 1e-3))


def test_the_perceptron_rule_is_not_the_gradient_of_the_squared_error():
    """Correction: through a step the gradient is 0; the rule is a gradient for a linear unit (least mean squares)."""
    X, y = fb.problems.logic_gate("and")
    batch = Batch(jnp.asarray(X, jnp.float32), jnp.asarray(y, jnp.float32)[:, None], jnp.ones(4))
    unit = fb.networks.perceptron(2, 1)
    gradient = program(DeltaRule().propose)(unit, batch, (), jax.random.key(0))[0]
    rule = program(fb.rules.PerceptronRule().propose)(unit, batch, (), jax.random.key(0))[0]
    assert not np.any(gradient.layers[0].structure.weights)
    assert np.any(rule.layers[0].structure.weights)


def test_least_mean_squares_is_the_gradient_for_a_linear_unit_and_finds_least_squares(x64):
    generator = np.random.default_rng(0)
    X, d = generator.normal(size=(30, 3)), generator.normal(size=30)
    batch = Batch(jnp.asarray(X), jnp.asarray(d)[:, None], jnp.ones(30))
    linear = fb.networks.perceptron(3, 1, "identity")
    linear = eqx.tree_at(lambda n: n.layers[0].structure.weights, linear, jnp.asarray(generator.normal(size=(3, 1))))
    error = program(eqx.filter_grad(lambda n: 0.5 * jnp.mean((n(batch.inputs) - batch.targets) ** 2)))(linear)
    for rule in (LeastMeanSquares(), DeltaRule(), Backpropagation()):
        proposal = program(rule.propose)(linear, batch, rule.init(linear, None), jax.random.key(0))[0]
        np.testing.assert_allclose(proposal.layers[0].structure.weights, error.layers[0].structure.weights, rtol=1e-10)
        np.testing.assert_allclose(proposal.layers[0].bias, error.layers[0].bias, rtol=1e-10)
    run = fb.train(
        linear, LeastMeanSquares(), Examples.of(X, d), steps=4000, batch_size=30, optimizer=fb.optimiser("sgd", 0.3)
    )
    solution = np.linalg.lstsq(np.hstack([X, np.ones((30, 1))]), d, rcond=None)[0]
    found = np.append(run.network.layers[0].structure.weights[:, 0], run.network.layers[0].bias)
    np.testing.assert_allclose(found, solution, atol=1e-6)


@pytest.mark.parametrize("unit", ["sigmoid", "tanh", "softmax"])
def test_the_delta_rule_is_back_propagation_without_hidden_layers(unit, x64):
    generator = np.random.default_rng(1)
    network = drawn(fb.networks.mlp, (3, 2), output=unit)
    batch = Batch(*(jnp.asarray(generator.random(shape)) for shape in ((6, 3), (6, 2), (6,))))
    delta, general = (
        program(rule.propose)(network, batch, (), jax.random.key(0))[0] for rule in (DeltaRule(), Backpropagation())
    )
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12), delta, general)


def test_xor_needs_a_hidden_layer_and_one_is_enough():
    X, y = fb.problems.xor()
    assert separation(X, 2 * y - 1).mistake_bound == np.inf
    model = fb.MLPClassifier((4,), "tanh", learning_rate=0.05, epochs=1000, tolerance=0, random_state=1)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        assert model.fit(X, y).score(X, y) == 1
