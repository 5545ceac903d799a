"""The restricted Boltzmann machine against enumeration, finite differences, autodiff and its transition matrix."""

import dataclasses
import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.special import expit, logsumexp, softmax

from flambeau.dynamics import (
    Clamp,
    Enumeration,
    FromData,
    Ladder,
    Persistent,
    Tempering,
    class_scores,
    complete,
    gibbs,
    temper,
    trajectory,
)
from flambeau.dynamics.samplers import AbstractSampler, Particles
from flambeau.errors import ConfigurationError, DataError
from flambeau.networks import RestrictedBoltzmannMachine, rbm
from flambeau.neurons import (
    Bernoulli,
    Categorical,
    Gaussian,
    LearnedGaussian,
    Mixed,
    NoisyReLU,
    RectifiedGaussian,
    Spin,
    unit,
)
from flambeau.neurons.units import states_of
from flambeau.rules import Batch, ContrastiveDivergence
from flambeau.structures import Dense
from programs import program

WEIGHTS = np.asarray([[np.sin(1 + 2 * j + 3 * i) for j in range(3)] for i in range(4)])
B, C = np.asarray([0.1, -0.2, 0.3, -0.4]), np.asarray([-0.2, 0.3, 0.1])
V = np.asarray([[1.0, 0, 1, 1]])


def toy(visible=None, hidden=None, dtype=None):
    parts = (jax.device_put(np.asarray(part, dtype)) for part in (WEIGHTS, B, C))
    weights, b, c = parts
    return RestrictedBoltzmannMachine(Dense(weights), b, c, visible or Bernoulli(), hidden or Bernoulli())


def machine_of(visible, hidden, seed=0, columns=(4, 6), label=0):
    generator = np.random.default_rng(seed)
    draw = [jax.device_put(generator.normal(size=shape) * 0.7) for shape in (columns, columns[:1], columns[1:])]
    return RestrictedBoltzmannMachine(Dense(draw[0]), draw[1], draw[2], visible, hidden, label)


def states(unit, columns):
    return jax.device_put(np.asarray([np.concatenate(state) for state in itertools.product(*unit.choices(columns))]))


class Sums(NamedTuple):
    """What a machine says of all states of both sides."""

    joint: np.ndarray  # energies (visible states, hidden states)
    free: np.ndarray
    hidden_free: np.ndarray
    up: np.ndarray  # E[h | v]
    down: np.ndarray  # E[v | h]


def told(machine, v, h):
    pairs = [jnp.broadcast_to(side, (len(v), len(h), side.shape[-1])) for side in (v[:, None], h[None])]
    sums = machine.free_energy(v), machine.hidden_free_energy(h)
    return Sums(machine.energy(*pairs), *sums, machine(v), machine.reconstruct(h))


def listed(machine):
    """All states of both sides, and one program's answers about them."""
    columns = len(machine.visible_bias), len(machine.hidden_bias)
    v, h = (np.asarray(states(*side)) for side in zip((machine.visible, machine.hidden), columns, strict=True))
    return v, h, program(told)(machine, v, h)


def probabilities(machine):
    rows, _, sums = listed(machine)
    return rows, softmax(-sums.free)


def proposed(rule, machine, batch, key):
    """The first step's proposal."""
    return rule.propose(machine, batch, rule.init(machine, None), key)


def plain_and_centred(machine, batch, mu, lam, key):
    """What is proposed without and with centring at these offsets, the model's side listed."""
    found = []
    for flag in (False, True):
        rule = ContrastiveDivergence(Enumeration(), centered=flag)
        start = rule.init(machine, None)._replace(visible_offset=mu, hidden_offset=lam)
        found.append(rule.propose(machine, batch, start, key))
    return found


DISCRETE = {
    "bernoulli": Bernoulli(),
    "spin": Spin(),
    "softmax": Categorical(2),
    "mixed": Mixed((Bernoulli(), Categorical(2)), (2, 2)),
}
HIDDEN = {"bernoulli": Bernoulli(), "spin": Spin(), "softmax": Categorical(3)}


class TestGoldenToy:
    """Numbers of the reference page, recomputed there by enumeration."""

    def test_log_partition_free_energy_and_mean(self, x64):
        rows, _, sums = listed(toy())
        log_z = logsumexp(-sums.free)
        np.testing.assert_allclose(log_z, 5.1103146859, atol=1e-9)
        np.testing.assert_allclose(sums.free[(rows == V).all(1)], [-2.3542672662], atol=1e-9)
        np.testing.assert_allclose(
            np.exp(-sums.free - log_z) @ rows, [0.542581, 0.430740, 0.595245, 0.379560], atol=1e-6
        )

    def test_spins_gaussians_and_classes(self, x64):
        labels = np.asarray([[np.cos(1 + j + 2 * k) for j in range(3)] for k in range(3)])
        joined = RestrictedBoltzmannMachine(
            Dense(jax.device_put(np.vstack([WEIGHTS, labels]))),
            np.asarray([*B, 0, 0.2, -0.1]),
            C,
            Mixed((Bernoulli(), Categorical(3)), (4, 3)),
            Bernoulli(),
            3,
        )

        def asked(spins, gaussian, joined, v, up, down):
            return spins.free_energy(up), gaussian.hidden_free_energy(down), class_scores(joined, v)

        gaussian = toy(LearnedGaussian(np.log([0.5, 1.0, 2.0, 0.8])))
        up, down = np.asarray(states(Spin(), 4)), np.asarray(states(Bernoulli(), 3))
        spin, real, scores = program(asked)(toy(Spin(), Spin()), gaussian, joined, V, up, down)
        np.testing.assert_allclose(logsumexp(-spin), 9.3572131282, atol=1e-9)
        np.testing.assert_allclose(logsumexp(-real), 7.6482608103, atol=1e-9)
        np.testing.assert_allclose(softmax(scores[0]), [0.222194, 0.126615, 0.651192], atol=1e-6)

    def test_gradient_of_the_log_likelihood(self, x64):
        rule = ContrastiveDivergence(Enumeration(), centered=False)
        batch = Batch(V, np.zeros((1, 1)), np.ones(1))
        proposal, _, _ = program(proposed)(rule, toy(), batch, jax.random.key(0))
        np.testing.assert_allclose(
            -proposal.structure.weights[:, 0], [0.336226, -0.173465, 0.319396, 0.520724], atol=1e-6
        )

    def test_second_eigenvalue_of_the_kernel(self, x64):
        values = np.sort(np.linalg.eigvals(transition(listed(toy())[2])).real)
        np.testing.assert_allclose(values[-2], 0.3117982549, atol=1e-9)


def transition(sums):
    """P(v → v') = Σ_h Q(h | v) P(v' | h), from the joint energies of all states of both sides."""
    weight = np.exp(-(sums.joint - sums.joint.min()))
    return (weight / weight.sum(1, keepdims=True)) @ (weight / weight.sum(0)).T


class TestEnergies:
    @pytest.mark.parametrize("hidden", HIDDEN)
    @pytest.mark.parametrize("visible", DISCRETE)
    def test_summing_either_side_out_equals_the_joint_sum(self, visible, hidden, x64):
        _, _, sums = listed(machine_of(DISCRETE[visible], HIDDEN[hidden]))
        np.testing.assert_allclose(-sums.free, logsumexp(-sums.joint, axis=1), atol=1e-10)
        np.testing.assert_allclose(-sums.hidden_free, logsumexp(-sums.joint, axis=0), atol=1e-10)

    @pytest.mark.parametrize("hidden", HIDDEN)
    @pytest.mark.parametrize("visible", DISCRETE)
    def test_conditional_means_are_those_of_the_joint(self, visible, hidden, x64):
        v, h, sums = listed(machine_of(DISCRETE[visible], HIDDEN[hidden], seed=1))
        np.testing.assert_allclose(sums.up, softmax(-sums.joint, axis=1) @ h, atol=1e-10)
        np.testing.assert_allclose(sums.down, softmax(-sums.joint, axis=0).T @ v, atol=1e-10)

    @pytest.mark.parametrize("kind", [Gaussian(), Gaussian(0.5), RectifiedGaussian()])
    @pytest.mark.parametrize("net", [-6.0, -2.9, 0.4, 3.0])
    def test_continuous_units_by_quadrature(self, kind, net, x64):
        """Gauss and Legendre's rule: its 200 points make the integral of such a density exact to rounding."""
        low, high = (0 if isinstance(kind, RectifiedGaussian) else net - 12), max(net, 0) + 12
        points, weights = np.polynomial.legendre.leggauss(200)
        points, weights = low + (high - low) * (points + 1) / 2, (high - low) / 2 * weights
        exponents, log_z, mean = program(continuous)(kind, points[:, None], np.asarray([net]), np.asarray([0.3]))
        density = np.exp(exponents) * weights
        np.testing.assert_allclose(log_z, np.log(density.sum()), atol=1e-8)
        np.testing.assert_allclose(mean, points @ density / density.sum(), atol=1e-8)

    def test_rectified_units_far_below_zero_keep_their_precision(self):
        kind, net = RectifiedGaussian(), np.asarray([-50.0, -4.0, -3.0, -2.999, 30.0], np.float32)
        exact = stats.norm.logcdf(np.asarray(net, float)) - stats.norm.logpdf(np.asarray(net, float))
        np.testing.assert_allclose(program(kind.log_normaliser)(net, net), exact, rtol=2e-6)

    def test_the_annealing_path_ends_in_the_machine_and_begins_in_independent_units(self, x64):
        rows, _, sums = listed(toy())
        base = np.asarray([0.5, -1.0, 0.2, 0.0])
        cold, hot = program(on_the_path)(toy(), np.asarray([1.0, 0.0]), base, rows)
        np.testing.assert_allclose(cold, sums.free, atol=1e-12)
        np.testing.assert_allclose(hot, -rows @ base - 3 * np.log(2), atol=1e-12)


def continuous(kind, u, net, bias):
    """The exponent of a unit's density at the points u, its log-normaliser and its mean."""
    exponents = (kind.statistic(u) * (net - bias) - kind.energy(u, bias))[:, 0]
    return exponents, kind.log_normaliser(net, bias)[0], kind.mean(net)[0]


def on_the_path(machine, betas, base, rows):
    """Free energies of the annealing path's machines, one row for each beta."""
    return jax.vmap(lambda beta: machine.at(beta, base).free_energy(rows))(betas)


def drawn_and_mean(kind, net, key):
    return kind.sample(net, key), kind.mean(net[0])


def shown(kind, total, count):
    """The mean at the bias for such data."""
    return kind.mean(kind.bias_for(total, count))


class TestUnitSamples:
    @pytest.mark.parametrize("kind", [Bernoulli(), Spin(), Categorical(4), Mixed((Spin(), Categorical(3)), (1, 3))])
    def test_discrete_units_are_drawn_with_their_probabilities(self, kind):
        net = np.tile(np.asarray([0.3, -1.0, 0.8, 0.1], np.float32), (40_000, 1))
        drawn, mean = program(drawn_and_mean)(kind, net, jax.random.key(0))
        spread = np.sqrt(np.maximum(drawn.var(0), 1e-6) / 40_000)
        assert (np.abs(drawn.mean(0) - mean) < 4 * spread).all()
        kind.check(drawn, "drawn")

    @pytest.mark.parametrize("net", [-8.0, -3.2, -1.0, 2.0])
    def test_truncated_gaussians_follow_their_distribution(self, net):
        full = np.full(20_000, net, np.float32)
        drawn = np.asarray(program(RectifiedGaussian().sample)(full, jax.random.key(1)), float)
        assert stats.kstest(drawn, stats.truncnorm(-net, np.inf, loc=net).cdf).pvalue > 1e-3

    def test_gaussians_and_noisy_rectifiers(self):
        def asked(net, one, other):
            return Gaussian(4.0).sample(net, one), NoisyReLU().sample(net, other)

        net = np.full(40_000, 0.7, np.float32)
        drawn, noisy = program(asked)(net, jax.random.key(2), jax.random.key(3))
        assert stats.kstest(drawn, stats.norm(0.7, 2).cdf).pvalue > 1e-3
        deviation = np.sqrt(1 / (1 + np.exp(-0.7)))
        assert abs((noisy == 0).mean() - stats.norm.cdf(0, 0.7, deviation)) < 0.01
        assert (
            stats.kstest(noisy[noisy > 0], stats.truncnorm(-0.7 / deviation, np.inf, 0.7, deviation).cdf).pvalue > 1e-3
        )

    @pytest.mark.parametrize("kind", [Bernoulli(), Spin(), Categorical(2), Gaussian()])
    def test_the_bias_for_data_shows_the_data(self, kind):
        rows = np.asarray([[1.0, 0], [1, 0], [0, 1], [1, 0]]) * (2 if isinstance(kind, Gaussian) else 1)
        rows = rows * 2 - 1 if isinstance(kind, Spin) else rows
        many = np.repeat(rows, 500, axis=0)
        np.testing.assert_allclose(program(shown)(kind, many.sum(0), len(many)), many.mean(0), atol=2e-3)


class Held(AbstractSampler):
    """A test's own sampler: particles that are given and count as the batch's rows do, so no draw is compiled."""

    visible: jax.Array

    def init(self, machine):
        return ()

    def draw(self, machine, h, share, state, key):
        return Particles.of(machine, self.visible, machine.hidden_net(self.visible), share), state


def share_of(batch):
    return batch.weights / batch.weights.sum()


def proposed_and_slope(rule, machine, batch, key, energies):
    """A proposal, the loss beside it, and the value and gradient of ``energies``, all drawn values held."""
    proposal, _, info = proposed(rule, machine, batch, key)
    return proposal, info["loss"], jax.value_and_grad(energies)(machine, batch, info)


def joint_contrast(machine, batch, info):
    model = info["particles"]
    held = share_of(batch) @ machine.energy(batch.inputs, info["hidden"])
    return held - model.share @ machine.energy(model.visible, model.hidden)


def free_contrast(machine, batch, info):
    model = info["particles"]
    return share_of(batch) @ machine.free_energy(batch.inputs) - model.share @ machine.free_energy(model.visible)


def surprise(machine, batch, rows):
    """Mean -log P of the batch, all rows listed."""
    log_z = jax.scipy.special.logsumexp(-machine.free_energy(rows))
    return share_of(batch) @ machine.free_energy(batch.inputs) + log_z


def surprises(rule, machine, batch, rows, biases):
    """A proposal, the slope of the surprise, and its value at each of other hidden biases."""
    values = jax.vmap(lambda own: surprise(dataclasses.replace(machine, hidden_bias=own), batch, rows))(biases)
    proposal, _, _ = proposed(rule, machine, batch, jax.random.key(0))
    return proposal, jax.grad(surprise)(machine, batch, rows), values


class TestTheProposal:
    @pytest.mark.parametrize("visible", ["bernoulli", "spin", "softmax", "mixed", "gaussian", "learned"])
    @pytest.mark.parametrize("hidden", HIDDEN)
    def test_it_is_the_gradient_of_energies_with_activities_held(self, visible, hidden, x64):
        kinds = {**DISCRETE, "gaussian": Gaussian(), "learned": LearnedGaussian(np.asarray([0.1, -0.4, 0.2, 0.3]))}
        machine = machine_of(kinds[visible], HIDDEN[hidden], seed=2)
        held = Held(jax.device_put(batch_for(machine, seed=12).inputs))
        rule = ContrastiveDivergence(held, centered=False)
        proposal, loss, (value, expected) = program(proposed_and_slope)(
            rule, machine, batch_for(machine), jax.random.key(5), joint_contrast
        )
        np.testing.assert_allclose(loss, value, atol=1e-10)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-10), proposal, expected)

    def test_and_the_gradient_of_free_energies_with_particles_held(self, x64):
        machine, rule = toy(), ContrastiveDivergence(FromData(2), centered=False)
        proposal, _, (_, expected) = program(proposed_and_slope)(
            rule, machine, batch_for(machine), jax.random.key(5), free_contrast
        )
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-12), proposal, expected)

    @pytest.mark.parametrize("sizes", [(4, 6), (6, 4)])  # the listed side is the smaller one
    @pytest.mark.parametrize("visible", ["bernoulli", "spin"])
    def test_enumeration_gives_the_gradient_of_the_likelihood(self, visible, sizes, x64):
        machine = machine_of(DISCRETE[visible], Bernoulli(), seed=3, columns=sizes)
        rule, batch = ContrastiveDivergence(Enumeration(), centered=False), batch_for(machine)
        step, bias = 1e-6, np.asarray(machine.hidden_bias)
        biases = bias + np.asarray([[step], [-step]]) * (np.arange(sizes[1]) == 1)
        rows = np.asarray(states(machine.visible, sizes[0]))
        proposal, expected, (higher, lower) = program(surprises)(rule, machine, batch, rows, biases)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-10), proposal, expected)
        np.testing.assert_allclose(proposal.hidden_bias[1], (higher - lower) / (2 * step), atol=1e-8)

    @pytest.mark.parametrize("k", [1, 3])
    def test_its_mean_is_the_expected_one_of_the_transition_matrix(self, k):
        machine = toy(dtype=jnp.float32)
        rule = ContrastiveDivergence(FromData(k), centered=False)
        batch = Batch(np.tile(V, (200_000, 1)), np.zeros((200_000, 1)), np.ones(200_000))
        proposal, _, _ = program(proposed)(rule, machine, batch, jax.random.key(6))
        rows, _, sums = listed(machine)
        begun = (rows == V).all(1).argmax()
        reached = np.linalg.matrix_power(transition(sums), k)[begun]
        expected = V.T @ sums.up[[begun]] - (rows * reached[:, None]).T @ sums.up
        np.testing.assert_allclose(-proposal.structure.weights, expected, atol=6e-3)
        if k == 1:
            np.testing.assert_allclose(expected[:, 0], [0.282656, -0.159827, 0.267563, 0.531565], atol=1e-5)

    def test_centring_follows_its_formulas(self, x64):
        machine, batch = machine_of(Bernoulli(), Bernoulli(), seed=4), batch_for(toy())
        mu, lam = np.asarray([0.1, 0.7, 0.4, 0.5]), np.linspace(0.2, 0.8, 6)
        plain, centred = program(plain_and_centred)(machine, batch, mu, lam, jax.random.key(7))
        (uncentred, _, info), (proposal, state, _) = plain, centred
        share = share_of(batch)
        mu, lam = mu + 0.01 * (share @ batch.inputs - mu), lam + 0.01 * (share @ info["hidden"] - lam)
        np.testing.assert_allclose(state.visible_offset, mu, atol=1e-12)
        dv, dh = -uncentred.visible_bias, -uncentred.hidden_bias
        weights = -uncentred.structure.weights - np.outer(mu, dh) - np.outer(dv, lam)
        np.testing.assert_allclose(-proposal.structure.weights, weights, atol=1e-12)
        np.testing.assert_allclose(-proposal.visible_bias, dv - weights @ lam, atol=1e-12)
        np.testing.assert_allclose(-proposal.hidden_bias, dh - weights.T @ mu, atol=1e-12)

    def test_centred_learning_does_not_see_how_the_data_are_coded(self, x64):
        """v → 1 - v: with -W, -b, c + W1 it is the same density; the centred proposal is the mirror image."""
        machine, batch = machine_of(Bernoulli(), Bernoulli(), seed=6), batch_for(toy())
        weights, b, c = map(np.asarray, (machine.structure.weights, machine.visible_bias, machine.hidden_bias))
        mirror = dataclasses.replace(
            machine, structure=Dense(jax.device_put(-weights)), visible_bias=-b, hidden_bias=c + weights.sum(0)
        )
        (rows, _, sums), (_, _, mirrored) = listed(machine), listed(mirror)
        np.testing.assert_array_equal(rows[::-1], 1 - rows)
        np.testing.assert_allclose(np.diff(mirrored.free[::-1] - sums.free), 0, atol=1e-10)

        def propose(machine, inputs):
            mu, lam = expit(np.asarray(machine.visible_bias)), np.full(6, 0.4)  # μ where learning begins
            key, own = jax.random.key(0), batch._replace(inputs=inputs)
            both = [found for found, _, _ in program(plain_and_centred)(machine, own, mu, lam, key)]
            return [(found.structure.weights, found.visible_bias, found.hidden_bias) for found in both]

        plain, (w, b, c) = propose(machine, batch.inputs)
        other, flipped = propose(mirror, 1 - batch.inputs)
        for found, expected in zip(flipped, (-w, -b, c + w.sum(0)), strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-10)
        assert np.abs(other[0] + plain[0]).max() > 0.01

    def test_sparsity_draws_activity_towards_its_target(self):
        machine, batch = toy(dtype=jnp.float32), batch_for(toy(dtype=jnp.float32))

        def asked(machine, batch, key):
            with_cost = ContrastiveDivergence(FromData(1), centered=False, sparsity_target=0.0, sparsity_cost=1.0)
            without = ContrastiveDivergence(FromData(1), centered=False)
            return [proposed(rule, machine, batch, key) for rule in (with_cost, without)]

        (a, state, info), (b, _, _) = program(asked)(machine, batch, jax.random.key(0))
        np.testing.assert_allclose(state.activity, 0.05 * share_of(batch) @ info["hidden"], rtol=1e-5)
        np.testing.assert_allclose(a.hidden_bias - b.hidden_bias, state.activity, rtol=1e-4, atol=1e-6)

    def test_padding_and_weights(self):
        machine = toy(dtype=jnp.float32)
        rule = ContrastiveDivergence(Enumeration())
        rows = np.asarray([[1.0, 0, 1, 1], [0, 1, 0, 0], [1, 1, 0, 0]])

        def propose(order, weights):
            batch = Batch(rows[order], np.zeros((4, 1)), np.asarray(weights))
            return program(proposed)(rule, machine, batch, jax.random.key(1))[0]

        twice = propose([0, 0, 1, 2], [1.0, 1, 1, 0])
        weighed = propose([0, 1, 2, 2], [2.0, 1, 0, 0])
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7), twice, weighed)

    def test_rows_without_a_label_get_one_from_the_posterior(self):
        machine = machine_of(Mixed((Bernoulli(), Categorical(2)), (2, 2)), Bernoulli(), seed=8, label=2)
        rows = np.tile([1.0, 0, 0, 0], (20_000, 1))

        def asked(machine, rows, key):
            return complete(machine, rows, key), class_scores(machine, rows[:1, :2])

        ask = program(asked)
        filled, scores = ask(machine, rows, jax.random.key(0))
        np.testing.assert_allclose(filled[:, 2:].mean(0), softmax(scores[0]), atol=0.015)
        rows[:, 3] = 1
        kept, _ = ask(machine, rows, jax.random.key(0))
        np.testing.assert_array_equal(kept[:, 2:], np.tile([[0, 1]], (20_000, 1)))


def batch_for(machine, rows=9, seed=11):
    """Rows that the machine's visible units may show; the last of them weighs nothing."""
    generator = np.random.default_rng(seed)
    v = rows_shown(machine.visible, generator, rows, len(machine.visible_bias))
    return Batch(v, np.zeros((rows, 1)), np.append(generator.random(rows - 1) + 0.5, 0.0))


def rows_shown(kind, generator, rows, columns):
    """Rows of such units, any of their states, or any numbers."""
    choices = states_of(kind, columns)
    if choices is None:
        return generator.normal(size=(rows, columns))
    return np.concatenate([own[generator.integers(0, len(own), rows)] for own in choices], axis=1)


def persistent(sampler, machine, draws, key):
    """The particles of the last of so many draws."""

    def body(state, own):
        return sampler.draw(machine, jnp.zeros((1, 3)), jnp.ones(1), state, own)[::-1]

    _, particles = jax.lax.scan(body, sampler.init(machine), jax.random.split(key, draws))
    return jax.tree.map(lambda leaf: leaf[-1], particles)


def tempered(machine, ladder, rounds, k, key):
    """A ladder after so many rounds of k sweeps; both numbers are data."""
    return jax.lax.fori_loop(0, rounds, lambda number, own: temper(machine, own, k, fold(key, number)), ladder)


fold = jax.random.fold_in


class TestKernels:
    """Exact start, some steps, and a chi-square test over all states: the distribution must not move."""

    COUNT = 20_000

    def started(self, rows, p, seed):
        """Rows drawn with their exact probabilities."""
        p = np.asarray(p, float)
        return rows[np.random.default_rng(seed).choice(len(rows), self.COUNT, p=p / p.sum())]

    def compare(self, rows, p, drawn):
        codes = np.asarray(drawn) @ (2.0 ** np.arange(rows.shape[1]))
        order = np.asarray(rows) @ (2.0 ** np.arange(rows.shape[1]))
        found = np.asarray([(codes == code).sum() for code in order])
        assert found.sum() == len(codes)
        p = np.asarray(p, float)
        assert stats.chisquare(found, p / p.sum() * len(codes)).pvalue > 1e-3

    def test_gibbs_keeps_the_distribution_and_is_in_detailed_balance(self, x64):
        machine = toy()
        rows, _, sums = listed(machine)
        p, kernel = softmax(-sums.free), transition(sums)
        self.compare(rows, p, program(gibbs)(machine, self.started(rows, p, 0), 3, jax.random.key(1)))
        flow = p[:, None] * kernel
        np.testing.assert_allclose(flow, flow.T, atol=1e-12)
        np.testing.assert_allclose(p @ kernel, p, atol=1e-12)

    def test_a_clamp_samples_the_conditional(self):
        machine = toy(dtype=jnp.float32)
        rows, p = probabilities(machine)
        clamp = Clamp(np.asarray([1.0, 0, 0, 0]), np.asarray([True, False, False, True]))
        start = np.zeros((self.COUNT, 4), np.float32)
        drawn = program(gibbs)(machine, start, 40, jax.random.key(2), clamp)
        fits = (rows[:, 0] == 1) & (rows[:, 3] == 0)
        self.compare(rows[fits], p[fits] / p[fits].sum(), drawn)

    def test_persistent_chains_reach_the_distribution(self):
        machine = toy(dtype=jnp.float32)
        particles = program(persistent)(Persistent(self.COUNT, 5), machine, 6, jax.random.key(0))
        self.compare(*probabilities(machine), particles.visible)
        np.testing.assert_allclose(particles.share.sum(), 1, rtol=1e-4)

    def ladder(self, betas, base):
        """Every state, its probability on every rung, and a ladder whose rungs all start in theirs."""
        machine = toy(dtype=jnp.float32)
        betas, base = np.asarray(betas, np.float32), np.asarray(base, np.float32)
        rows = np.asarray(states(Bernoulli(), 4))
        p = softmax(-program(on_the_path)(machine, betas, base, rows), axis=1)
        starts = np.stack([self.started(rows, own, place) for place, own in enumerate(p)])
        return machine, rows, p, Ladder(starts, betas, base, np.ones(len(betas) - 1, np.float32), np.int32(0))

    @pytest.mark.parametrize("steps", [1, 4])
    def test_tempering_keeps_every_rung(self, steps):
        machine, rows, p, ladder = self.ladder([0.0, 0.3, 0.7, 1.0], [0.8, -0.5, 0.1, 0.4])
        after = program(tempered)(machine, ladder, np.int32(steps), np.int32(1), jax.random.key(20))
        for own, drawn in zip(p, after.visible, strict=True):
            self.compare(rows, own, drawn)
        assert int(after.steps) == steps

    def test_exchanges_alone_keep_every_rung_and_happen(self):
        machine, rows, p, ladder = self.ladder([0.0, 0.5, 0.8, 1.0], np.zeros(4))
        after = program(tempered)(machine, ladder, np.int32(1), np.int32(0), jax.random.key(1))
        for own, drawn in zip(p, after.visible, strict=True):
            self.compare(rows, own, drawn)
        for low in (0, 2):  # the even pairs exchanged, each within itself: the odd one waits its turn
            stays = (after.visible[low : low + 2] == ladder.visible[low : low + 2]).all((0, 2))
            swaps = (after.visible[low : low + 2] == ladder.visible[[low + 1, low]]).all((0, 2))
            assert (stays | swaps).all()
        assert (after.visible[0] != ladder.visible[0]).mean() > 0.2

    def test_the_ladder_adapts_and_keeps_its_ends(self):
        def asked(machine, key):
            sampler = Tempering(50, 1, 5, adaptation=0.2)

            def body(number, state):
                return sampler.draw(machine, jnp.zeros((1, 3)), jnp.ones(1), state, fold(key, number))[1]

            return jax.lax.fori_loop(0, 30, body, sampler.init(machine)).betas

        betas = program(asked)(toy(dtype=jnp.float32), jax.random.key(0))
        assert betas[0] == 0
        assert betas[-1] == 1
        assert (np.diff(betas) > 0).all()
        assert np.ptp(np.diff(betas)) > 1e-3

    def test_a_trajectory_ends_where_gibbs_does(self):
        def both(machine, start, key):
            return trajectory(machine, start, 4, key)[-1], gibbs(machine, start, 4, key)

        path_end, end = program(both)(toy(dtype=jnp.float32), np.zeros((3, 4), np.float32), jax.random.key(3))
        np.testing.assert_array_equal(path_end, end)


class TestRefusals:
    def test_settings(self):
        with pytest.raises(ConfigurationError, match="at least one unit"):
            rbm(0, 3, key=jax.random.key(0))
        with pytest.raises(ConfigurationError, match="categories"):
            unit("softmax")
        with pytest.raises(ConfigurationError, match="one of bernoulli"):
            unit("binary")
        with pytest.raises(ConfigurationError, match="whole groups of 3"):
            Categorical(3).mean(jax.device_put(np.zeros((1, 4))))
        with pytest.raises(ConfigurationError, match="density"):
            program(machine_of(Bernoulli(), NoisyReLU()).free_energy)(np.zeros((1, 4)))
        with pytest.raises(ConfigurationError, match="at most 65536 states"):
            Enumeration().init(machine_of(Bernoulli(), Bernoulli(), columns=(40, 17)))
        with pytest.raises(ConfigurationError, match="finitely many"):
            Enumeration().init(machine_of(Gaussian(), Gaussian(), columns=(3, 3)))

    @pytest.mark.parametrize(
        ("kind", "values", "match"),
        [
            (Bernoulli(), [[0.0, 1.2]], r"from 0 to 1.*1.2 at \(0, 1\)"),
            (Spin(), [[-3.0, 1.0]], "from -1 to 1"),
            (Categorical(2), [[1.0, 1.0]], "sum to 1"),
            (Categorical(2), [[1.0, 0.0, 0.0]], "whole groups of 2"),
            (RectifiedGaussian(), [[-0.1, 1.0]], "at least 0"),
            (Mixed((Gaussian(), Spin()), (1, 1)), [[5.0, 7.0]], "spins"),
        ],
    )
    def test_values_outside_a_units_range(self, kind, values, match):
        with pytest.raises(DataError, match=match):
            kind.check(np.asarray(values), "here")
