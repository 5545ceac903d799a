"""Deep belief networks against enumeration: joint probabilities, bounds, generation, and the four phases of up-down."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.special import log_expit, logsumexp, softmax

from flambeau.analysis import log_likelihood_bound
from flambeau.analysis.enumeration import all_states as states
from flambeau.dynamics import Clamp, Enumeration, FromData, ascend, class_scores, descend
from flambeau.errors import ConfigurationError
from flambeau.networks import RestrictedBoltzmannMachine, dbn, generate, log_joint, rbm
from flambeau.neurons import Bernoulli, Categorical, Mixed
from flambeau.rules import Batch, ContrastiveDivergence, Hybrid, UpDown
from flambeau.structures import Dense
from oracles.test_rbm import V, machine_of, toy
from programs import program
from table import drawn

TOP = np.asarray([[np.cos(0.5 + j + 2 * i) for j in range(2)] for i in range(3)])


def golden():
    top = RestrictedBoltzmannMachine(
        Dense(jnp.asarray(TOP)), jnp.asarray([0.2, -0.1, 0.3]), jnp.asarray([0.1, -0.3]), Bernoulli(), Bernoulli()
    )
    return dbn([toy(), top])


def transposed(wiring):
    return Dense(jnp.asarray(np.asarray(wiring.weights).T))


def first(rule, network, batch, key):
    """What the rule proposes at its first step, with state and info."""
    return rule.propose(network, batch, rule.init(network, None), key)


taught = program(first)


def free_energy(machine, v):
    return program(type(machine).free_energy)(machine, jnp.asarray(v))


def log_z(machine):
    return logsumexp(-free_energy(machine, states(machine.visible, len(machine.visible_bias))))


@program
def joint_of_all(network, v, h):
    """log P(v, h) of every pair."""
    return jax.vmap(lambda one: log_joint(network, [jnp.broadcast_to(one, (len(h), len(one))), h]))(v)


def exact(network, v):
    """log P(v), every state of the penultimate layer listed."""
    h = states(Bernoulli(), len(network.lower[0].recognition_bias))
    return logsumexp(joint_of_all(network, v, h), axis=1) - log_z(network.top)


def deep(seed=0, classes=0):
    bottom = machine_of(Bernoulli(), Bernoulli(), seed=seed, columns=(4, 3))
    kind = Mixed((Bernoulli(), Categorical(classes)), (3, classes)) if classes else Bernoulli()
    return dbn([bottom, machine_of(kind, Bernoulli(), seed=seed + 1, columns=(3 + classes, 4), label=classes)])


class TestLikelihood:
    def test_golden_numbers(self, x64):
        network = golden()
        found = exact(network, V)
        bound = log_likelihood_bound(network, V, float(log_z(network.top)), repeats=4_000, key=jax.random.key(0))
        assert (found, bound) == (pytest.approx(-2.7486697332, abs=1e-9), pytest.approx(-3.0575600336, abs=0.02))

    @pytest.mark.parametrize("classes", [0, 3])
    def test_probabilities_sum_to_one(self, classes, x64):
        network = deep(classes=classes)
        if classes:  # the label is summed out of the top's Z as well
            z = logsumexp(-free_energy(network.top, states(network.top.visible, 6)))
            joint = joint_of_all(network, states(Bernoulli(), 4), states(Bernoulli(), 3))
            np.testing.assert_allclose(logsumexp(joint) - z, 0, atol=1e-10)
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
        net = program(network.lower[0].up_net)(v)
        log_q = log_expit((2 * np.asarray(h)[None] - 1) * net[:, None]).sum(-1)
        joint = joint_of_all(network, v, h) - z
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
            Dense(jnp.asarray(np.asarray(bottom.structure.weights).T)),
            bottom.hidden_bias,
            bottom.visible_bias,
            Bernoulli(),
            Bernoulli(),
        )
        network, v = dbn([bottom, mirror]), states(Bernoulli(), 4)
        np.testing.assert_allclose(exact(network, v), -free_energy(bottom, v) - log_z(bottom), atol=1e-10)
        bound = log_likelihood_bound(network, v, float(log_z(mirror)), key=jax.random.key(0))
        np.testing.assert_allclose(bound, exact(network, v), atol=1e-10)  # tight: recognition is the posterior

    def test_and_learning_it_on_the_aggregated_posterior_does_not_lower_the_bound(self, x64):
        bottom = machine_of(Bernoulli(), Bernoulli(), seed=5, columns=(4, 3))
        mirror = RestrictedBoltzmannMachine(
            Dense(jnp.asarray(np.asarray(bottom.structure.weights).T)),
            bottom.hidden_bias,
            bottom.visible_bias,
            Bernoulli(),
            Bernoulli(),
        )
        data, weights = np.asarray(states(Bernoulli(), 4))[[1, 2, 7, 12]], np.full(4, 0.25)
        h = np.asarray(states(Bernoulli(), 3))
        w, b, c = map(np.asarray, (bottom.structure.weights, bottom.visible_bias, bottom.hidden_bias))
        q = np.exp(log_expit((2 * h[None] - 1) * (data @ w + c)[:, None]).sum(-1))
        posterior = jnp.asarray(weights @ q)
        log_p = h @ w.T @ data.T + data @ b - np.logaddexp(0, h @ w.T + b).sum(-1)[:, None]

        def bound(top):
            log_top = -free_energy(top, h) - log_z(top)
            return np.sum(weights[:, None] * q * (log_p.T + log_top - np.log(q)))

        rule = ContrastiveDivergence(Enumeration(), centered=False)
        values, top = [bound(mirror)], mirror
        for _ in range(30):
            batch = Batch(jnp.asarray(h), jnp.zeros((8, 1)), posterior)
            step, _, _ = taught(rule, top, batch, jax.random.key(0))
            top = jax.tree.map(lambda w, g: jnp.asarray(np.asarray(w) - 0.3 * g), top, step)
            values.append(bound(top))
        assert (np.diff(values) > -1e-12).all()
        assert values[-1] > values[0] + 0.01


STEPS = np.asarray(30, np.int32)  # data of the program


class TestGeneration:
    def test_samples_follow_the_exact_distribution(self):
        network = deep(6)
        v = states(Bernoulli(), 4)
        means, _ = program(generate)(network, np.zeros((40_000, 3), np.float32), STEPS, jax.random.key(0))
        shown = np.random.default_rng(1).random(means.shape) < means
        codes, order = shown @ (2.0 ** np.arange(4)), v @ (2.0 ** np.arange(4))
        p = np.exp(np.asarray(exact(network, v), float))
        found = np.asarray([(codes == code).sum() for code in order])
        assert stats.chisquare(found, p / p.sum() * 40_000).pvalue > 1e-3

    def test_a_clamped_label_gives_its_class(self):
        network = deep(7, classes=2)
        values, mask = np.asarray([0, 0, 0, 0, 1], np.float32), np.arange(5) > 2
        start = np.zeros((30_000, 5), np.float32)
        _, top = program(generate)(network, start, STEPS, jax.random.key(2), Clamp(values, mask))
        assert (top[:, 3:] == [0, 1]).all()
        h = states(Bernoulli(), 3)
        rows = np.hstack([h, np.tile(values[3:], (8, 1))])
        p = np.exp(-np.asarray(free_energy(network.top, rows), float))
        codes, order = top[:, :3] @ [1, 2, 4], h @ [1, 2, 4]
        found = np.asarray([(codes == code).sum() for code in order])
        assert stats.chisquare(found, p / p.sum() * 30_000).pvalue > 1e-3

    def test_class_scores_are_the_free_energies_of_each_label(self, x64):
        network = deep(8, classes=3)
        v = states(Bernoulli(), 4)

        def told(network, v):
            x = network.encode(v)
            labels = jnp.broadcast_to(jnp.eye(3)[:, None], (3, 16, 3))
            shown = [jnp.hstack([x, label]) for label in labels]
            return [-network.top.free_energy(rows) for rows in shown], (
                network.class_scores(v),
                class_scores(network.top, x),
            )

        each, scores = program(told)(network, v)
        expected = softmax(np.stack(each, 1), axis=1)
        for found in scores:
            np.testing.assert_allclose(softmax(found, axis=1), expected, atol=1e-12)

    def test_one_machine_alone_is_a_network_too(self):
        network = dbn([drawn(rbm, 4, 3)])
        means, states_ = program(generate)(network, np.zeros((5, 4), np.float32), STEPS, jax.random.key(0))
        assert means.shape == states_.shape == (5, 4)

    def test_sizes_that_do_not_meet(self):
        with pytest.raises(ConfigurationError, match="machine 1"):
            dbn([drawn(rbm, 4, 3), drawn(rbm, 5, 2)])


def assert_the_top_is_taught(inner):
    """By that rule, as if it stood alone and saw what comes up beside the labels."""
    labels = np.asarray([[1.0, 0], [0, 1], [1, 0], [0, 1]])

    def told(network, batch, key):
        proposal, _, _ = first(UpDown(inner), network, batch, key)
        up, middle, _ = jax.random.split(key, 3)
        shown = jnp.hstack([ascend(network.lower, batch.inputs, up)[-1], batch.targets])
        return proposal.top, first(inner, network.top, batch._replace(inputs=shown), middle)[0]

    batch = Batch(states(Bernoulli(), 4)[:4], labels, np.ones(4))
    found, expected = program(told)(deep(10, classes=2), batch, jax.random.key(4))
    jax.tree.map(np.testing.assert_array_equal, found, expected)


class TestUpDown:
    def test_the_lower_layers_follow_the_lecture_of_wake_and_sleep(self, x64):
        """Generation is taught the gradient of log P(x | h) on the way up, recognition that of log Q(h' | x') down."""
        network = deep(9)
        rule, key = UpDown(ContrastiveDivergence(FromData(2), centered=False)), jax.random.key(4)
        batch = Batch(states(Bernoulli(), 4)[:6], np.zeros((6, 1)), np.asarray([1.0, 2, 1, 1, 1, 0]))

        def told(network, batch, key):
            proposal, _, info = first(rule, network, batch, key)
            up, _, down = jax.random.split(key, 3)
            rising = ascend(network.lower, batch.inputs, up)
            sinking = descend(network.lower, info["particles"].visible, down)
            share = batch.weights / batch.weights.sum()

            def up_error(pair):
                p = jax.nn.log_sigmoid(pair.down_net(rising[1])), jax.nn.log_sigmoid(-pair.down_net(rising[1]))
                return -jnp.sum(share[:, None] * (rising[0] * p[0] + (1 - rising[0]) * p[1]))

            def down_error(pair):
                p = jax.nn.log_sigmoid(pair.up_net(sinking[0])), jax.nn.log_sigmoid(-pair.up_net(sinking[0]))
                return -jnp.sum(share[:, None] * (sinking[1] * p[0] + (1 - sinking[1]) * p[1]))

            return proposal.lower[0], *(jax.grad(error)(network.lower[0]) for error in (up_error, down_error))

        found, wake, sleep = program(told)(network, batch, key)
        np.testing.assert_allclose(found.generation.weights, wake.generation.weights, atol=1e-12)
        np.testing.assert_allclose(found.generation_bias, wake.generation_bias, atol=1e-12)
        np.testing.assert_allclose(found.recognition.weights, sleep.recognition.weights, atol=1e-12)
        np.testing.assert_allclose(found.recognition_bias, sleep.recognition_bias, atol=1e-12)

    def test_the_top_learns_from_what_came_up_with_its_label(self, x64):
        assert_the_top_is_taught(ContrastiveDivergence(FromData(1), centered=False))

    def test_the_top_may_tell_labels_apart(self, x64):
        assert_the_top_is_taught(Hybrid(ContrastiveDivergence(FromData(1), centered=False), 0.1))

    def test_a_network_without_directed_layers_is_refused(self):
        network = dbn([drawn(rbm, 4, 3)])
        with pytest.raises(ConfigurationError, match="directed layers"):
            UpDown().init(network, None)
