"""Deep belief networks against enumeration: joint probabilities, bounds, generation, and the four phases of up-down."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

from flambeau.analysis import log_likelihood_bound
from flambeau.dynamics import Clamp, Enumeration, FromData, ascend, class_scores, descend
from flambeau.errors import ConfigurationError
from flambeau.networks import RestrictedBoltzmannMachine, dbn, generate, log_joint, rbm
from flambeau.neurons import Bernoulli, Categorical, Mixed
from flambeau.rules import Batch, ContrastiveDivergence, Hybrid, UpDown
from flambeau.structures import Dense
from oracles.test_rbm import V, machine_of, states, toy

TOP = np.asarray([[np.cos(0.5 + j + 2 * i) for j in range(2)] for i in range(3)])


def golden():
    top = RestrictedBoltzmannMachine(
        Dense(jnp.asarray(TOP)), jnp.asarray([0.2, -0.1, 0.3]), jnp.asarray([0.1, -0.3]), Bernoulli(), Bernoulli()
    )
    return dbn([toy(), top])


def log_z(machine):
    return jax.scipy.special.logsumexp(-machine.free_energy(states(machine.visible, len(machine.visible_bias))))


def exact(network, v):
    """log P(v), every state of the penultimate layer listed."""
    h = states(Bernoulli(), len(network.lower[0].recognition_bias))
    joint = jax.vmap(lambda one: log_joint(network, [jnp.broadcast_to(one, (len(h), len(one))), h]))(v)
    return np.asarray(jax.scipy.special.logsumexp(joint, axis=1) - log_z(network.top))


def deep(seed=0, classes=0):
    bottom = machine_of(Bernoulli(), Bernoulli(), seed=seed, columns=(4, 3))
    kind = Mixed((Bernoulli(), Categorical(classes)), (3, classes)) if classes else Bernoulli()
    return dbn([bottom, machine_of(kind, Bernoulli(), seed=seed + 1, columns=(3 + classes, 4), label=classes)])


class TestLikelihood:
    def test_golden_numbers(self, x64):
        network = golden()
        found = exact(network, jnp.asarray(V))
        bound = log_likelihood_bound(network, V, float(log_z(network.top)), repeats=4_000, key=jax.random.key(0))
        assert (found, bound) == (pytest.approx(-2.7486697332, abs=1e-9), pytest.approx(-3.0575600336, abs=0.02))

    @pytest.mark.parametrize("classes", [0, 3])
    def test_probabilities_sum_to_one(self, classes, x64):
        network = deep(classes=classes)
        if classes:  # the label is summed out of the top's Z as well
            z = jax.scipy.special.logsumexp(-network.top.free_energy(states(network.top.visible, 6)))
            h = states(Bernoulli(), 3)
            v = states(Bernoulli(), 4)
            joint = [log_joint(network, [jnp.broadcast_to(one, (8, 4)), h]) for one in v]
            total = jax.scipy.special.logsumexp(jnp.asarray(joint)) - z
            np.testing.assert_allclose(total, 0, atol=1e-10)
        else:
            np.testing.assert_allclose(np.exp(exact(network, states(Bernoulli(), 4))).sum(), 1, atol=1e-10)

    def test_the_bound_is_below_and_rises_with_samples(self, x64):
        network, v = deep(3), states(Bernoulli(), 4)
        truth = exact(network, v)
        z = float(log_z(network.top))
        bounds = [
            log_likelihood_bound(network, v, z, samples=k, repeats=400, key=jax.random.key(k)).mean()
            for k in (1, 5, 50)
        ]
        assert bounds[0] < bounds[1] < bounds[2] < truth.mean() + 1e-3
        assert truth.mean() - bounds[0] > 0.01

    def test_row_by_row_the_expected_bound_is_below_and_estimates_scatter_around_it(self, x64):
        network, v = deep(3), states(Bernoulli(), 4)
        z, h = float(log_z(network.top)), states(Bernoulli(), 3)
        net = network.lower[0].up_net(v)
        log_q = np.asarray(jnp.sum(jax.nn.log_sigmoid((2 * h[None] - 1) * net[:, None]), -1))
        joint = np.stack([log_joint(network, [v, jnp.broadcast_to(one, (len(v), 3))]) for one in h], 1) - z
        expected = (np.exp(log_q) * (joint - log_q)).sum(1)
        spread = np.sqrt((np.exp(log_q) * (joint - log_q - expected[:, None]) ** 2).sum(1))
        assert (expected < exact(network, v)).all()
        found = log_likelihood_bound(network, v, z, repeats=2_000, key=jax.random.key(0))
        assert (abs(found - expected) < 4 * spread / np.sqrt(2_000)).all()
        single = log_likelihood_bound(network, v, z, key=jax.random.key(0))
        assert abs(single - expected).max() > 0.1
        with pytest.raises(ConfigurationError, match="samples"):
            log_likelihood_bound(network, v, z, samples=0, key=jax.random.key(0))

    def test_a_second_layer_that_starts_as_the_first_ones_mirror_changes_nothing(self, x64):
        bottom = machine_of(Bernoulli(), Bernoulli(), seed=5, columns=(4, 3))
        mirror = RestrictedBoltzmannMachine(
            Dense(bottom.structure.weights.T), bottom.hidden_bias, bottom.visible_bias, Bernoulli(), Bernoulli()
        )
        network, v = dbn([bottom, mirror]), states(Bernoulli(), 4)
        np.testing.assert_allclose(exact(network, v), -bottom.free_energy(v) - log_z(bottom), atol=1e-10)
        bound = log_likelihood_bound(network, v, float(log_z(mirror)), key=jax.random.key(0))
        np.testing.assert_allclose(bound, exact(network, v), atol=1e-10)  # tight: recognition is the posterior

    def test_and_learning_it_on_the_aggregated_posterior_does_not_lower_the_bound(self, x64):
        bottom = machine_of(Bernoulli(), Bernoulli(), seed=5, columns=(4, 3))
        mirror = RestrictedBoltzmannMachine(
            Dense(bottom.structure.weights.T), bottom.hidden_bias, bottom.visible_bias, Bernoulli(), Bernoulli()
        )
        data, weights = states(Bernoulli(), 4)[jnp.asarray([1, 2, 7, 12])], jnp.ones(4) / 4
        h = states(Bernoulli(), 3)
        q = jnp.exp(jnp.sum(jax.nn.log_sigmoid((2 * h[None] - 1) * bottom.hidden_net(data)[:, None]), -1))
        posterior = weights @ q

        def bound(top):
            below = (bottom.visible_net(h) - bottom.visible_bias) @ data.T + (data @ bottom.visible_bias)
            log_p = below - jax.nn.softplus(bottom.visible_net(h)).sum(-1)[:, None]
            log_top = -top.free_energy(h) - log_z(top)
            return float(jnp.sum(weights[:, None] * q * (log_p.T + log_top - jnp.log(q))))

        rule = ContrastiveDivergence(Enumeration(), centered=False)
        values, top = [bound(mirror)], mirror
        for _ in range(30):
            step, _, _ = rule.propose(
                top, Batch(h, jnp.zeros((8, 1)), posterior), rule.init(top, None), jax.random.key(0)
            )
            top = jax.tree.map(lambda w, g: w - 0.3 * g, top, step)
            values.append(bound(top))
        assert (np.diff(values) > -1e-12).all()
        assert values[-1] > values[0] + 0.01


class TestGeneration:
    def test_samples_follow_the_exact_distribution(self):
        network = deep(6)
        v = states(Bernoulli(), 4)
        means, _ = generate(network, jnp.zeros((40_000, 3)), 30, jax.random.key(0))
        drawn = np.asarray(Bernoulli().sample(jnp.log(means) - jnp.log1p(-means), jax.random.key(1)))
        codes, order = drawn @ (2.0 ** np.arange(4)), np.asarray(v) @ (2.0 ** np.arange(4))
        p = np.exp(np.asarray(exact(network, v), float))
        found = np.asarray([(codes == code).sum() for code in order])
        assert stats.chisquare(found, p / p.sum() * 40_000).pvalue > 1e-3

    def test_a_clamped_label_gives_its_class(self):
        network = deep(7, classes=2)
        values, mask = jnp.asarray([0, 0, 0, 0.0, 1.0]), jnp.asarray([False, False, False, True, True])
        _, top = generate(network, jnp.zeros((30_000, 5)), 30, jax.random.key(2), Clamp(values, mask))
        assert (np.asarray(top[:, 3:]) == [0, 1]).all()
        h = states(Bernoulli(), 3)
        p = np.exp(-np.asarray(network.top.free_energy(jnp.hstack([h, jnp.tile(values[3:], (8, 1))])), float))
        codes, order = np.asarray(top[:, :3]) @ [1, 2, 4], np.asarray(h) @ [1, 2, 4]
        found = np.asarray([(codes == code).sum() for code in order])
        assert stats.chisquare(found, p / p.sum() * 30_000).pvalue > 1e-3

    def test_class_scores_are_the_free_energies_of_each_label(self, x64):
        network = deep(8, classes=3)
        v = states(Bernoulli(), 4)
        x = network.encode(v)
        each = [-network.top.free_energy(jnp.hstack([x, jnp.tile(jnp.eye(3)[label], (16, 1))])) for label in range(3)]
        expected = jax.nn.softmax(jnp.stack(each, 1))
        np.testing.assert_allclose(jax.nn.softmax(network.class_scores(v)), expected, atol=1e-12)
        np.testing.assert_allclose(jax.nn.softmax(class_scores(network.top, x)), expected, atol=1e-12)

    def test_one_machine_alone_is_a_network_too(self):
        network = dbn([rbm(4, 3, key=jax.random.key(0))])
        means, states_ = generate(network, jnp.zeros((5, 4)), 3, jax.random.key(0))
        assert means.shape == states_.shape == (5, 4)

    def test_sizes_that_do_not_meet(self):
        with pytest.raises(ConfigurationError, match="machine 1"):
            dbn([rbm(4, 3, key=jax.random.key(0)), rbm(5, 2, key=jax.random.key(0))])


class TestUpDown:
    def test_the_lower_layers_follow_the_lecture_of_wake_and_sleep(self, x64):
        """Generation is taught the gradient of log P(x | h) on the way up, recognition that of log Q(h' | x') down."""
        network = deep(9)
        rule, key = UpDown(ContrastiveDivergence(FromData(2), centered=False)), jax.random.key(4)
        v = states(Bernoulli(), 4)[:6]
        weights = jnp.asarray([1.0, 2, 1, 1, 1, 0])
        proposal, _, info = rule.propose(network, Batch(v, jnp.zeros((6, 1)), weights), rule.init(network, None), key)
        up, _, down = jax.random.split(key, 3)
        rising = ascend(network.lower, v, up)
        sinking = descend(network.lower, info["particles"].visible, down)
        share = weights / weights.sum()

        def up_error(pair):
            p = jax.nn.log_sigmoid(pair.down_net(rising[1])), jax.nn.log_sigmoid(-pair.down_net(rising[1]))
            return -jnp.sum(share[:, None] * (rising[0] * p[0] + (1 - rising[0]) * p[1]))

        def down_error(pair):
            p = jax.nn.log_sigmoid(pair.up_net(sinking[0])), jax.nn.log_sigmoid(-pair.up_net(sinking[0]))
            return -jnp.sum(share[:, None] * (sinking[1] * p[0] + (1 - sinking[1]) * p[1]))

        pair = network.lower[0]
        wake, sleep = (jax.jit(jax.grad(error))(pair) for error in (up_error, down_error))
        found = proposal.lower[0]
        np.testing.assert_allclose(found.generation.weights, wake.generation.weights, atol=1e-12)
        np.testing.assert_allclose(found.generation_bias, wake.generation_bias, atol=1e-12)
        np.testing.assert_allclose(found.recognition.weights, sleep.recognition.weights, atol=1e-12)
        np.testing.assert_allclose(found.recognition_bias, sleep.recognition_bias, atol=1e-12)

    def test_the_top_learns_from_what_came_up_with_its_label(self, x64):
        network, key = deep(10, classes=2), jax.random.key(4)
        inner = ContrastiveDivergence(FromData(1), centered=False)
        rule = UpDown(inner)
        v, labels = states(Bernoulli(), 4)[:4], jnp.asarray([[1.0, 0], [0, 1], [1, 0], [0, 1]])
        proposal, _, _ = rule.propose(network, Batch(v, labels, jnp.ones(4)), rule.init(network, None), key)
        up, middle, _ = jax.random.split(key, 3)
        shown = jnp.hstack([ascend(network.lower, v, up)[-1], labels])
        batch = Batch(shown, labels, jnp.ones(4))
        expected, _, _ = inner.propose(network.top, batch, inner.init(network.top, None), middle)
        jax.tree.map(np.testing.assert_array_equal, proposal.top, expected)

    def test_the_top_may_tell_labels_apart(self, x64):
        network, key = deep(10, classes=2), jax.random.key(4)
        inner = Hybrid(ContrastiveDivergence(FromData(1), centered=False), 0.1)
        v, labels = states(Bernoulli(), 4)[:4], jnp.asarray([[1.0, 0], [0, 1], [1, 0], [0, 1]])
        batch = Batch(v, labels, jnp.ones(4))
        once = UpDown(inner).propose(network, batch, UpDown(inner).init(network, None), key)[0]
        shown = jnp.hstack([ascend(network.lower, v, jax.random.split(key, 3)[0])[-1], labels])
        middle = jax.random.split(key, 3)[1]
        expected = inner.propose(network.top, Batch(shown, labels, jnp.ones(4)), inner.init(network.top, None), middle)[
            0
        ]
        jax.tree.map(np.testing.assert_array_equal, once.top, expected)

    def test_a_network_without_directed_layers_is_refused(self):
        network = dbn([rbm(4, 3, key=jax.random.key(0))])
        with pytest.raises(ConfigurationError, match="directed layers"):
            UpDown().init(network, None)
