"""The restricted Boltzmann machine against enumeration, finite differences, autodiff and its transition matrix."""

import dataclasses
import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate, stats
from scipy.special import logsumexp, softmax

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
from flambeau.rules import Batch, ContrastiveDivergence
from flambeau.structures import Dense

WEIGHTS = np.asarray([[np.sin(1 + 2 * j + 3 * i) for j in range(3)] for i in range(4)])
B, C = np.asarray([0.1, -0.2, 0.3, -0.4]), np.asarray([-0.2, 0.3, 0.1])
V = np.asarray([[1.0, 0, 1, 1]])


def toy(visible=None, hidden=None, dtype=None):
    parts = (jnp.asarray(part, dtype) for part in (WEIGHTS, B, C))
    weights, b, c = parts
    return RestrictedBoltzmannMachine(Dense(weights), b, c, visible or Bernoulli(), hidden or Bernoulli())


def machine_of(visible, hidden, seed=0, columns=(4, 6), label=0):
    generator = np.random.default_rng(seed)
    draw = [jnp.asarray(generator.normal(size=shape) * 0.7) for shape in (columns, columns[:1], columns[1:])]
    return RestrictedBoltzmannMachine(Dense(draw[0]), draw[1], draw[2], visible, hidden, label)


def states(unit, columns):
    return jnp.asarray([np.concatenate(state) for state in itertools.product(*unit.choices(columns))])


@eqx.filter_jit
def joint_energy(machine, v, h):
    """(visible states, hidden states)."""
    pairs = [jnp.broadcast_to(side, (len(v), len(h), side.shape[-1])) for side in (v[:, None], h[None])]
    return machine.energy(*pairs)


@eqx.filter_jit
def free_energy(machine, v):
    return machine.free_energy(v)


@eqx.filter_jit
def proposed(rule, machine, batch, state, key):
    """As one program, which is compiled sooner than every operation by itself."""
    return rule.propose(machine, batch, state, key)


def probabilities(machine):
    rows = states(machine.visible, len(machine.visible_bias))
    return rows, softmax(-np.asarray(free_energy(machine, rows)))


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
        rows, p = probabilities(toy())
        log_z = logsumexp(-free_energy(toy(), rows))
        np.testing.assert_allclose(log_z, 5.1103146859, atol=1e-9)
        np.testing.assert_allclose(toy().free_energy(jnp.asarray(V)), [-2.3542672662], atol=1e-9)
        np.testing.assert_allclose(p @ rows, [0.542581, 0.430740, 0.595245, 0.379560], atol=1e-6)

    def test_spins_gaussians_and_classes(self, x64):
        spins = states(Spin(), 4)
        spin_log_z = logsumexp(-free_energy(toy(Spin(), Spin()), spins))
        np.testing.assert_allclose(spin_log_z, 9.3572131282, atol=1e-9)
        gaussian = toy(LearnedGaussian(jnp.log(jnp.asarray([0.5, 1.0, 2.0, 0.8]))))
        hidden = states(Bernoulli(), 3)
        log_z = jax.scipy.special.logsumexp(-gaussian.hidden_free_energy(hidden))
        np.testing.assert_allclose(log_z, 7.6482608103, atol=1e-9)
        labels = np.asarray([[np.cos(1 + j + 2 * k) for j in range(3)] for k in range(3)])
        joined = RestrictedBoltzmannMachine(
            Dense(jnp.asarray(np.vstack([WEIGHTS, labels]))),
            jnp.asarray([*B, 0, 0.2, -0.1]),
            jnp.asarray(C),
            Mixed((Bernoulli(), Categorical(3)), (4, 3)),
            Bernoulli(),
            3,
        )
        share = jax.nn.softmax(class_scores(joined, jnp.asarray(V)))
        np.testing.assert_allclose(share[0], [0.222194, 0.126615, 0.651192], atol=1e-6)

    def test_gradient_of_the_log_likelihood(self, x64):
        rule = ContrastiveDivergence(Enumeration(), centered=False)
        batch = Batch(jnp.asarray(V), jnp.zeros((1, 1)), jnp.ones(1))
        proposal, _, _ = proposed(rule, toy(), batch, rule.init(toy(), None), jax.random.key(0))
        np.testing.assert_allclose(
            -proposal.structure.weights[:, 0], [0.336226, -0.173465, 0.319396, 0.520724], atol=1e-6
        )

    def test_second_eigenvalue_of_the_kernel(self, x64):
        values = np.sort(np.linalg.eigvals(transition(toy())).real)
        np.testing.assert_allclose(values[-2], 0.3117982549, atol=1e-9)


def transition(machine):
    """P(v → v') = Σ_h Q(h | v) P(v' | h), all states of both sides listed."""
    v, h = states(machine.visible, len(machine.visible_bias)), states(machine.hidden, len(machine.hidden_bias))
    joint = -np.asarray(joint_energy(machine, v, h))
    up, down = np.exp(joint - joint.max()), np.exp(joint - joint.max())
    return (up / up.sum(1, keepdims=True)) @ (down / down.sum(0)).T


class TestEnergies:
    @pytest.mark.parametrize("hidden", HIDDEN)
    @pytest.mark.parametrize("visible", DISCRETE)
    def test_summing_either_side_out_equals_the_joint_sum(self, visible, hidden, x64):
        machine = machine_of(DISCRETE[visible], HIDDEN[hidden])
        v, h = states(machine.visible, 4), states(machine.hidden, 6)
        joint = -np.asarray(joint_energy(machine, v, h))
        np.testing.assert_allclose(-free_energy(machine, v), logsumexp(joint, axis=1), atol=1e-10)
        hidden_free_energy = eqx.filter_jit(machine.hidden_free_energy)
        np.testing.assert_allclose(-hidden_free_energy(h), logsumexp(joint, axis=0), atol=1e-10)

    @pytest.mark.parametrize("hidden", HIDDEN)
    @pytest.mark.parametrize("visible", DISCRETE)
    def test_conditional_means_are_those_of_the_joint(self, visible, hidden, x64):
        machine = machine_of(DISCRETE[visible], HIDDEN[hidden], seed=1)
        v, h = states(machine.visible, 4), states(machine.hidden, 6)
        joint = -np.asarray(joint_energy(machine, v, h))
        up, down = eqx.filter_jit(machine), eqx.filter_jit(machine.reconstruct)
        np.testing.assert_allclose(up(v), softmax(joint, axis=1) @ np.asarray(h), atol=1e-10)
        np.testing.assert_allclose(down(h), softmax(joint, axis=0).T @ np.asarray(v), atol=1e-10)

    @pytest.mark.parametrize("kind", [Gaussian(), Gaussian(0.5), RectifiedGaussian()])
    @pytest.mark.parametrize("net", [-6.0, -2.9, 0.4, 3.0])
    def test_continuous_units_by_quadrature(self, kind, net, x64):
        bias = 0.3

        @jax.jit
        def exponent(u):
            u = jnp.atleast_1d(u)
            return (kind.statistic(u) * (net - bias))[0] - kind.energy(u, jnp.asarray([bias]))[0]

        def density(u):
            return np.exp(float(exponent(u)))

        low = 0 if isinstance(kind, RectifiedGaussian) else net - 12
        z = integrate.quad(density, low, max(net, 0) + 12, epsabs=1e-13)[0]
        mean = integrate.quad(lambda u: u * density(u), low, max(net, 0) + 12, epsabs=1e-13)[0] / z
        at = jnp.asarray([net])
        np.testing.assert_allclose(kind.log_normaliser(at, jnp.asarray([bias]))[0], np.log(z), atol=1e-8)
        np.testing.assert_allclose(kind.mean(at)[0], mean, atol=1e-8)

    def test_rectified_units_far_below_zero_keep_their_precision(self):
        kind, net = RectifiedGaussian(), jnp.asarray([-50.0, -4.0, -3.0, -2.999, 30.0], jnp.float32)
        exact = stats.norm.logcdf(np.asarray(net, float)) - stats.norm.logpdf(np.asarray(net, float))
        np.testing.assert_allclose(kind.log_normaliser(net, net), exact, rtol=2e-6)

    def test_the_annealing_path_ends_in_the_machine_and_begins_in_independent_units(self, x64):
        machine, base = toy(), jnp.asarray([0.5, -1.0, 0.2, 0.0])
        rows = states(Bernoulli(), 4)
        np.testing.assert_allclose(machine.at(1, base).free_energy(rows), machine.free_energy(rows), atol=1e-12)
        np.testing.assert_allclose(machine.at(0, base).free_energy(rows), -rows @ base - 3 * np.log(2), atol=1e-12)


class TestUnitSamples:
    @pytest.mark.parametrize("kind", [Bernoulli(), Spin(), Categorical(4), Mixed((Spin(), Categorical(3)), (1, 3))])
    def test_discrete_units_are_drawn_with_their_probabilities(self, kind):
        net = jnp.asarray([0.3, -1.0, 0.8, 0.1])
        drawn = kind.sample(jnp.broadcast_to(net, (40_000, 4)), jax.random.key(0))
        spread = np.sqrt(np.maximum(np.asarray(drawn).var(0), 1e-6) / 40_000)
        assert (np.abs(np.asarray(drawn).mean(0) - np.asarray(kind.mean(net))) < 4 * spread).all()
        kind.check(np.asarray(drawn), "drawn")

    @pytest.mark.parametrize("net", [-8.0, -3.2, -1.0, 2.0])
    def test_truncated_gaussians_follow_their_distribution(self, net):
        drawn = np.asarray(RectifiedGaussian().sample(jnp.full(20_000, net), jax.random.key(1)), float)
        assert stats.kstest(drawn, stats.truncnorm(-net, np.inf, loc=net).cdf).pvalue > 1e-3

    def test_gaussians_and_noisy_rectifiers(self):
        net = jnp.full(40_000, 0.7)
        drawn = np.asarray(Gaussian(4.0).sample(net, jax.random.key(2)))
        assert stats.kstest(drawn, stats.norm(0.7, 2).cdf).pvalue > 1e-3
        noisy = np.asarray(NoisyReLU().sample(net, jax.random.key(3)))
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
        bias = kind.bias_for(jnp.asarray(many.sum(0)), len(many))
        np.testing.assert_allclose(kind.mean(bias), many.mean(0), atol=2e-3)


class TestTheProposal:
    @pytest.mark.parametrize("visible", ["bernoulli", "spin", "softmax", "mixed", "gaussian", "learned"])
    @pytest.mark.parametrize("hidden", HIDDEN)
    def test_it_is_the_gradient_of_energies_with_activities_held(self, visible, hidden, x64):
        kinds = {**DISCRETE, "gaussian": Gaussian(), "learned": LearnedGaussian(jnp.asarray([0.1, -0.4, 0.2, 0.3]))}
        machine = machine_of(kinds[visible], HIDDEN[hidden], seed=2)
        rule = ContrastiveDivergence(FromData(2), centered=False)
        batch = batch_for(machine)
        proposal, _, info = proposed(rule, machine, batch, rule.init(machine, None), jax.random.key(5))
        share = batch.weights / batch.weights.sum()
        model = info["particles"]

        def contrast(m):
            return share @ m.energy(batch.inputs, info["hidden"]) - model.share @ m.energy(model.visible, model.hidden)

        expected = jax.jit(jax.grad(contrast))(machine)
        np.testing.assert_allclose(info["loss"], contrast(machine), atol=1e-10)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-10), proposal, expected)

    def test_and_the_gradient_of_free_energies_with_particles_held(self, x64):
        machine, rule = toy(), ContrastiveDivergence(FromData(1), centered=False)
        batch = batch_for(machine)
        proposal, _, info = proposed(rule, machine, batch, rule.init(machine, None), jax.random.key(5))
        share, model = batch.weights / batch.weights.sum(), info["particles"]

        def contrast(m):
            return share @ m.free_energy(batch.inputs) - model.share @ m.free_energy(model.visible)

        expected = jax.jit(jax.grad(contrast))(machine)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-12), proposal, expected)

    @pytest.mark.parametrize("sizes", [(4, 6), (6, 4)])  # the listed side is the smaller one
    @pytest.mark.parametrize("visible", ["bernoulli", "spin"])
    def test_enumeration_gives_the_gradient_of_the_likelihood(self, visible, sizes, x64):
        machine = machine_of(DISCRETE[visible], Bernoulli(), seed=3, columns=sizes)
        rule, batch = ContrastiveDivergence(Enumeration(), centered=False), batch_for(machine)
        proposal, _, _ = proposed(rule, machine, batch, rule.init(machine, None), jax.random.key(0))
        rows = states(machine.visible, sizes[0])
        share = batch.weights / batch.weights.sum()

        def error(m):
            return share @ m.free_energy(batch.inputs) + jax.scipy.special.logsumexp(-m.free_energy(rows))

        expected = jax.jit(jax.grad(error))(machine)
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-10), proposal, expected)
        step = 1e-6
        higher, lower = (
            dataclasses.replace(machine, hidden_bias=machine.hidden_bias.at[1].add(sign * step)) for sign in (1, -1)
        )
        np.testing.assert_allclose(proposal.hidden_bias[1], (error(higher) - error(lower)) / (2 * step), atol=1e-8)

    @pytest.mark.parametrize("k", [1, 3])
    def test_its_mean_is_the_expected_one_of_the_transition_matrix(self, k):
        machine = toy(dtype=jnp.float32)
        rule = ContrastiveDivergence(FromData(k), centered=False)
        batch = Batch(jnp.repeat(jnp.asarray(V, jnp.float32), 200_000, 0), jnp.zeros((200_000, 1)), jnp.ones(200_000))
        proposal, _, _ = proposed(rule, machine, batch, rule.init(machine, None), jax.random.key(6))
        rows = np.asarray(states(Bernoulli(), 4), np.float32)
        reached = np.linalg.matrix_power(transition(machine), k)[(rows == V).all(1).argmax()]
        expected = V.T @ np.asarray(machine(V.astype(np.float32))) - (rows * reached[:, None]).T @ np.asarray(
            machine(rows)
        )
        np.testing.assert_allclose(-proposal.structure.weights, expected, atol=6e-3)
        if k == 1:
            np.testing.assert_allclose(expected[:, 0], [0.282656, -0.159827, 0.267563, 0.531565], atol=1e-5)

    def test_centring_follows_its_formulas(self, x64):
        machine, batch = machine_of(Bernoulli(), Bernoulli(), seed=4), batch_for(toy())
        plain, centred = (ContrastiveDivergence(FromData(1), centered=flag) for flag in (False, True))
        key = jax.random.key(7)
        mu, lam = jnp.asarray([0.1, 0.7, 0.4, 0.5]), jnp.linspace(0.2, 0.8, 6)
        start = centred.init(machine, None)._replace(visible_offset=mu, hidden_offset=lam)
        uncentred, _, info = proposed(plain, machine, batch, plain.init(machine, None), key)
        proposal, state, _ = proposed(centred, machine, batch, start, key)
        share = batch.weights / batch.weights.sum()
        mu, lam = mu + 0.01 * (share @ batch.inputs - mu), lam + 0.01 * (share @ info["hidden"] - lam)
        np.testing.assert_allclose(state.visible_offset, mu, atol=1e-12)
        dv, dh = -uncentred.visible_bias, -uncentred.hidden_bias
        weights = -uncentred.structure.weights - jnp.outer(mu, dh) - jnp.outer(dv, lam)
        np.testing.assert_allclose(-proposal.structure.weights, weights, atol=1e-12)
        np.testing.assert_allclose(-proposal.visible_bias, dv - weights @ lam, atol=1e-12)
        np.testing.assert_allclose(-proposal.hidden_bias, dh - weights.T @ mu, atol=1e-12)

    def test_centred_learning_does_not_see_how_the_data_are_coded(self, x64):
        """v → 1 - v: with -W, -b, c + W1 it is the same density; the centred proposal is the mirror image."""
        machine, batch = machine_of(Bernoulli(), Bernoulli(), seed=6), batch_for(toy())
        weights = machine.structure.weights
        mirror = dataclasses.replace(
            machine,
            structure=Dense(-weights),
            visible_bias=-machine.visible_bias,
            hidden_bias=machine.hidden_bias + weights.sum(0),
        )
        rows = states(Bernoulli(), 4)
        np.testing.assert_allclose(np.diff(mirror.free_energy(1 - rows) - machine.free_energy(rows)), 0, atol=1e-10)

        def propose(machine, inputs, *, centered):
            rule = ContrastiveDivergence(Enumeration(), centered=centered)
            start = rule.init(machine, None)._replace(hidden_offset=jnp.full(6, 0.4))
            found = proposed(rule, machine, batch._replace(inputs=inputs), start, jax.random.key(0))[0]
            return found.structure.weights, found.visible_bias, found.hidden_bias

        w, b, c = propose(machine, batch.inputs, centered=True)
        flipped = propose(mirror, 1 - batch.inputs, centered=True)
        for found, expected in zip(flipped, (-w, -b, c + w.sum(0)), strict=True):
            np.testing.assert_allclose(found, expected, atol=1e-10)
        plain, other = (propose(m, x, centered=False) for m, x in ((machine, batch.inputs), (mirror, 1 - batch.inputs)))
        assert np.abs(other[0] + plain[0]).max() > 0.01

    def test_sparsity_draws_activity_towards_its_target(self):
        machine, batch = toy(dtype=jnp.float32), batch_for(toy(dtype=jnp.float32))
        with_cost = ContrastiveDivergence(FromData(1), centered=False, sparsity_target=0.0, sparsity_cost=1.0)
        without = ContrastiveDivergence(FromData(1), centered=False)
        key = jax.random.key(0)
        a, state, info = proposed(with_cost, machine, batch, with_cost.init(machine, None), key)
        b, _, _ = proposed(without, machine, batch, without.init(machine, None), key)
        share = batch.weights / batch.weights.sum()
        np.testing.assert_allclose(state.activity, 0.05 * share @ info["hidden"], rtol=1e-5)
        np.testing.assert_allclose(a.hidden_bias - b.hidden_bias, state.activity, rtol=1e-4, atol=1e-6)

    def test_padding_and_weights(self):
        machine = toy(dtype=jnp.float32)
        rule = ContrastiveDivergence(Enumeration())
        rows = jnp.asarray([[1.0, 0, 1, 1], [0, 1, 0, 0], [1, 1, 0, 0]])

        def propose(inputs, weights):
            batch = Batch(inputs, jnp.zeros((len(inputs), 1)), jnp.asarray(weights))
            return proposed(rule, machine, batch, rule.init(machine, None), jax.random.key(1))[0]

        twice = propose(rows[jnp.asarray([0, 0, 1, 2])], [1.0, 1, 1, 0])
        weighed = propose(rows, [2.0, 1, 0])
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7), twice, weighed)

    def test_rows_without_a_label_get_one_from_the_posterior(self):
        machine = machine_of(Mixed((Bernoulli(), Categorical(2)), (2, 2)), Bernoulli(), seed=8, label=2)
        rows = jnp.tile(jnp.asarray([[1.0, 0, 0, 0]]), (20_000, 1))
        filled = np.asarray(complete(machine, rows, jax.random.key(0)))
        share = np.asarray(jax.nn.softmax(class_scores(machine, rows[:1, :2])))[0]
        np.testing.assert_allclose(filled[:, 2:].mean(0), share, atol=0.015)
        kept = complete(machine, rows.at[:, 3].set(1), jax.random.key(0))
        np.testing.assert_array_equal(kept[:, 2:], np.tile([[0, 1]], (20_000, 1)))


def batch_for(machine, rows=9, seed=11):
    generator = np.random.default_rng(seed)
    kind, columns = machine.visible, len(machine.visible_bias)
    v = kind.sample(jnp.asarray(generator.normal(size=(rows, columns))), jax.random.key(seed))
    return Batch(v, jnp.zeros((rows, 1)), jnp.asarray(np.append(generator.random(rows - 1) + 0.5, 0.0)))


class TestKernels:
    """Exact start, some steps, and a chi-square test over all states: the distribution must not move."""

    COUNT = 20_000

    def started(self, machine, key):
        rows, p = probabilities(machine)
        return rows, p, rows[jax.random.choice(key, len(rows), (self.COUNT,), p=jnp.asarray(p))]

    def compare(self, rows, p, drawn):
        codes = np.asarray(drawn) @ (2.0 ** np.arange(rows.shape[1]))
        order = np.asarray(rows) @ (2.0 ** np.arange(rows.shape[1]))
        found = np.asarray([(codes == code).sum() for code in order])
        assert found.sum() == len(codes)
        p = np.asarray(p, float)
        assert stats.chisquare(found, p / p.sum() * len(codes)).pvalue > 1e-3

    def test_gibbs_keeps_the_distribution_and_is_in_detailed_balance(self, x64):
        machine = toy()
        rows, p, start = self.started(machine, jax.random.key(0))
        self.compare(rows, p, gibbs(machine, start, 3, jax.random.key(1)))
        flow = p[:, None] * transition(machine)
        np.testing.assert_allclose(flow, flow.T, atol=1e-12)
        np.testing.assert_allclose(p @ transition(machine), p, atol=1e-12)

    def test_a_clamp_samples_the_conditional(self):
        machine = toy(dtype=jnp.float32)
        rows, p = probabilities(machine)
        mask = jnp.asarray([True, False, False, True])
        clamp = Clamp(jnp.asarray([1.0, 0, 0, 0]), mask)
        start = jnp.zeros((self.COUNT, 4))
        drawn = gibbs(machine, start, 40, jax.random.key(2), clamp)
        fits = np.asarray((rows[:, 0] == 1) & (rows[:, 3] == 0))
        self.compare(rows[fits], p[fits] / p[fits].sum(), drawn)

    def test_persistent_chains_reach_the_distribution(self):
        machine, sampler = toy(dtype=jnp.float32), Persistent(self.COUNT, 5)
        state = sampler.init(machine)
        for number in range(6):
            particles, state = sampler.draw(machine, jnp.zeros((1, 3)), jnp.ones(1), state, jax.random.key(number))
        self.compare(*probabilities(machine), particles.visible)
        np.testing.assert_allclose(particles.share.sum(), 1, rtol=1e-4)

    @pytest.mark.parametrize("steps", [1, 4])
    def test_tempering_keeps_every_rung(self, steps):
        machine, base = toy(dtype=jnp.float32), jnp.asarray([0.8, -0.5, 0.1, 0.4])
        betas = jnp.asarray([0.0, 0.3, 0.7, 1.0])
        rungs = [machine.at(beta, base) for beta in betas]
        starts = [self.started(rung, jax.random.key(place))[2] for place, rung in enumerate(rungs)]
        zero = jnp.zeros((), jnp.int32)
        ladder = Ladder(jnp.stack(starts), betas, base, jnp.ones(3), zero)
        for number in range(steps):
            ladder = temper(machine, ladder, 1, jax.random.key(20 + number))
        for rung, drawn in zip(rungs, ladder.visible, strict=True):
            self.compare(*probabilities(rung), drawn)
        assert int(ladder.steps) == steps

    def test_exchanges_alone_keep_every_rung_and_happen(self):
        machine, base = toy(dtype=jnp.float32), jnp.zeros(4)
        betas = jnp.asarray([0.0, 0.5, 1.0])
        rungs = [machine.at(beta, base) for beta in betas]
        starts = jnp.stack([self.started(rung, jax.random.key(place))[2] for place, rung in enumerate(rungs)])
        ladder = Ladder(starts, betas, base, jnp.ones(2), jnp.zeros((), jnp.int32))
        after = temper(machine, ladder, 0, jax.random.key(1))
        for rung, drawn in zip(rungs, after.visible, strict=True):
            self.compare(*probabilities(rung), drawn)
        assert float((after.visible[0] != starts[0]).mean()) > 0.2  # the even pair exchanged
        np.testing.assert_array_equal(after.visible[2], starts[2])  # the odd one waits its turn

    def test_the_ladder_adapts_and_keeps_its_ends(self):
        machine, sampler = toy(dtype=jnp.float32), Tempering(50, 1, 5, adaptation=0.2)
        state = sampler.init(machine)
        step = jax.jit(lambda state, key: sampler.draw(machine, jnp.zeros((1, 3)), jnp.ones(1), state, key)[1])
        for number in range(30):
            state = step(state, jax.random.key(number))
        betas = np.asarray(state.betas)
        assert betas[0] == 0
        assert betas[-1] == 1
        assert (np.diff(betas) > 0).all()
        assert np.ptp(np.diff(betas)) > 1e-3

    def test_a_trajectory_ends_where_gibbs_does(self):
        machine = toy(dtype=jnp.float32)
        start = jnp.zeros((3, 4))
        path = trajectory(machine, start, 4, jax.random.key(3))
        np.testing.assert_array_equal(path[-1], gibbs(machine, start, 4, jax.random.key(3)))


class TestRefusals:
    def test_settings(self):
        with pytest.raises(ConfigurationError, match="at least one unit"):
            rbm(0, 3, key=jax.random.key(0))
        with pytest.raises(ConfigurationError, match="categories"):
            unit("softmax")
        with pytest.raises(ConfigurationError, match="one of bernoulli"):
            unit("binary")
        with pytest.raises(ConfigurationError, match="whole groups of 3"):
            Categorical(3).mean(jnp.zeros((1, 4)))
        with pytest.raises(ConfigurationError, match="density"):
            machine_of(Bernoulli(), NoisyReLU()).free_energy(jnp.zeros((1, 4)))
        with pytest.raises(ConfigurationError, match="at most 65536 states"):
            Enumeration().init(rbm(40, 17, key=jax.random.key(0)))
        with pytest.raises(ConfigurationError, match="finitely many"):
            Enumeration().init(rbm(3, 3, "gaussian", "gaussian", key=jax.random.key(0)))

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
