"""Deep Boltzmann machines against enumeration: energies, sides, mean field, bounds, and the exact gradient."""

import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.special import logsumexp

from flambeau.analysis.enumeration import all_states as states
from flambeau.analysis.log_partition import log_partition
from flambeau.dynamics import Enumeration, FromData, Persistent, gibbs
from flambeau.dynamics.mean_field import mean_field
from flambeau.errors import ConfigurationError, DataError
from flambeau.estimators.dbm import DBM
from flambeau.networks import rbm
from flambeau.networks.dbm import DeepBoltzmannMachine, dbm, mean_field_bound
from flambeau.neurons import Bernoulli, Categorical, Gaussian, LearnedGaussian, Spin
from flambeau.problems import load
from flambeau.rules import Batch, ContrastiveDivergence
from flambeau.rules.deep_boltzmann import DeepBoltzmannLearning, DeepBoltzmannState, Layered
from flambeau.structures import Dense
from oracles.test_dbn import TOP
from oracles.test_rbm import WEIGHTS, B, C, V
from programs import program
from table import Masked, drawn

ALL = {"two": (4, 3, 2), "three": (3, 3, 2, 3)}


def machine_of(sizes=(4, 3, 2), seed=0, visible=None, hidden=None, scale=0.7):
    generator = np.random.default_rng(seed)
    draw = lambda *shape: jax.device_put(generator.normal(size=shape) * scale)  # noqa: E731
    wires = tuple(Dense(draw(a, b)) for a, b in itertools.pairwise(sizes))
    units = (visible or Bernoulli(), *[hidden or Bernoulli()] * (len(sizes) - 1))
    return DeepBoltzmannMachine(wires, tuple(draw(size) for size in sizes), units)


def golden():
    wires = Dense(jnp.asarray(WEIGHTS)), Dense(jnp.asarray(TOP))
    return DeepBoltzmannMachine(wires, tuple(map(jnp.asarray, (B, C, [0.1, -0.3]))), (Bernoulli(),) * 3)


def everything(machine):
    """All joint states, layer by layer, and their energies in plain NumPy."""
    choices = [states(kind, size) for kind, size in zip(machine.units, machine.sizes, strict=True)]
    rows = np.asarray([np.concatenate(state) for state in itertools.product(*map(np.asarray, choices))])
    layers = np.split(rows, np.cumsum(machine.sizes)[:-1], axis=1)
    energy = -sum(layer @ np.asarray(bias) for layer, bias in zip(layers, machine.biases, strict=True))
    for wiring, (below, above) in zip(machine.structures, itertools.pairwise(layers), strict=True):
        energy = energy - ((below @ np.asarray(wiring.weights)) * above).sum(1)
    return layers, energy


def log_z(machine):
    return float(logsumexp(-everything(machine)[1]))


def exact(machine, v):
    """log P(v) of every row."""
    layers, energy = everything(machine)
    own = [(layers[0] == row).all(1) for row in np.asarray(v)]
    return np.asarray([np.log(np.exp(-energy[rows]).sum()) for rows in own]) - log_z(machine)


def first(rule, machine, batch, key):
    """What the rule proposes at its first step, with state and info."""
    return rule.propose(machine, batch, rule.init(machine, None), key)


taught = program(first)


def shares(batch):
    return batch.weights / batch.weights.sum()


def same(a, b, **tolerance):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, **tolerance), a, b)


def batch_for(machine, rows=7, seed=5):
    """Rows that such units may show; the last one weighs nothing."""
    generator = np.random.default_rng(seed)
    numbers = generator.normal(size=(rows, machine.sizes[0]))
    shown = {Bernoulli: (numbers > 0).astype(float), Spin: np.sign(numbers)}.get(type(machine.units[0]), numbers)
    return Batch(shown, np.zeros((rows, 1)), np.append(generator.random(rows - 1) + 0.5, 0.0))


class TestGoldenToy:
    def test_log_partition_and_log_probability(self, x64):
        machine = golden()
        assert log_z(machine) == pytest.approx(6.4826092485, abs=1e-9)
        np.testing.assert_allclose(exact(machine, V), [-2.7158537400], atol=1e-9)

    def test_mean_field_bound(self, x64):
        bound = mean_field_bound(golden(), V, log_z(golden()), rounds=60)
        np.testing.assert_allclose(bound, [-2.7887687599], atol=1e-9)


class TestSides:
    @pytest.mark.parametrize(
        ("sizes", "hidden"), [((4, 3, 2), Spin()), ((3, 3, 2, 3), Bernoulli()), ((4, 3), Bernoulli())]
    )
    def test_a_deep_machine_is_a_restricted_one(self, sizes, hidden, x64):
        machine = machine_of(sizes, 1, hidden=hidden)
        layers, energy = everything(machine)
        even, odd = (np.hstack(layers[parity::2]) for parity in (0, 1))

        def told(machine, layers, even, odd):
            both = machine.sides(), machine.sides(1)
            energies = machine.energy(layers), both[0].energy(even, odd), both[1].energy(odd, even)
            listed = [jnp.asarray(states(side.visible, side.visible_bias.shape[0])) for side in both]
            free = [side.free_energy(rows) for side, rows in zip(both, listed, strict=True)]
            return energies, free, machine.layers(even, odd)

        energies, free, apart = program(told)(machine, layers, even, odd)
        for found in energies:
            np.testing.assert_allclose(found, energy, atol=1e-12)
        for each in free:
            np.testing.assert_allclose(logsumexp(-each), log_z(machine), atol=1e-10)
        same(apart, tuple(layers))

    def test_layer_nets_are_those_of_the_sides(self, x64):
        machine = machine_of((3, 3, 2, 3), 2)
        layers = [layer[::7] for layer in everything(machine)[0]]

        def told(machine, layers):
            even, odd = jnp.hstack(layers[0::2]), jnp.hstack(layers[1::2])
            nets = machine.layers(machine.sides().visible_net(odd), machine.sides().hidden_net(even))
            return [(machine.net(layers, place), net) for place, net in enumerate(nets)]

        for one, other in program(told)(machine, layers):
            np.testing.assert_allclose(one, other, atol=1e-12)

    def test_any_structure_will_do(self, x64):
        generator = np.random.default_rng(3)
        mask = generator.random((4, 3)) < 0.5
        weights, deep = generator.normal(size=(4, 3)), machine_of(seed=3)
        masked, plain = (
            DeepBoltzmannMachine((wiring, deep.structures[1]), deep.biases, deep.units)
            for wiring in (Masked(jnp.asarray(weights), jnp.asarray(mask)), Dense(jnp.asarray(weights * mask)))
        )
        rule, batch, h1 = DeepBoltzmannLearning(Enumeration()), batch_for(masked), states(Bernoulli(), 3)

        def told(machine, batch, h1, key):
            return first(rule, machine, batch, key)[0], machine.sides(1).free_energy(h1)

        (a, free), (b, _) = (program(told)(machine, batch, h1, jax.random.key(0)) for machine in (masked, plain))
        assert log_z(plain) == pytest.approx(logsumexp(-free), abs=1e-10)
        np.testing.assert_allclose(a.structures[0].weights, b.structures[0].weights * mask, atol=1e-12)

    def test_chains_follow_the_exact_distribution(self):
        machine = machine_of(seed=4)
        drawn = program(walked)(machine, np.zeros((40_000, 6), np.float32), np.asarray(30), jax.random.key(0))[:, :4]
        v = states(Bernoulli(), 4)
        p = np.exp(np.asarray(exact(machine, v), float))
        codes, order = drawn @ (2.0 ** np.arange(4)), v @ (2.0 ** np.arange(4))
        found = np.asarray([(codes == code).sum() for code in order])
        assert stats.chisquare(found, p / p.sum() * 40_000).pvalue > 1e-3


def walked(machine, start, steps, key):
    return gibbs(machine.sides(), start, steps, key)


class TestAnnealing:
    @pytest.mark.parametrize("sizes", [(4, 3, 2), (4, 2, 2, 1)])  # sides of 3 and 6 units: programs for both
    def test_with_v_and_h2_summed_out_it_finds_log_z(self, sizes, x64):
        machine = machine_of(sizes, 20)
        sides, base = eqx.filter_jit(machine.sides)(1), np.full(3, 0.2)
        found = log_partition(sides, "ais", base=base, temperatures=200, chains=100, key=jax.random.key(0))
        assert found.trusted
        assert found.low < log_z(machine) < found.high
        assert found.value == pytest.approx(log_z(machine), abs=0.05)
        assert log_partition(sides).value == pytest.approx(log_z(machine), abs=1e-9)


class TestMeanField:
    @pytest.mark.parametrize("sizes", ALL.values(), ids=ALL)
    def test_a_fixed_point_is_a_fixed_point(self, sizes, x64):
        machine = machine_of(sizes, 6)

        def told(machine, v, rounds):
            hidden = machine.given(v)
            settled = mean_field(hidden, rounds)
            nets = [(hidden.net(settled.layers, place), net) for place, net in enumerate(settled.nets)]
            return settled, [tuple(map(kind.mean, both)) for kind, both in zip(hidden.units, nets, strict=True)]

        settled, expected = program(told)(machine, states(Bernoulli(), sizes[0]), np.asarray(200, np.int32))
        assert float(settled.residual.max()) < 1e-12
        for layer, (heard, kept) in zip(settled.layers, expected, strict=True):
            np.testing.assert_allclose(heard, layer, atol=1e-12)
            np.testing.assert_allclose(kept, layer, atol=1e-15)

    @pytest.mark.parametrize("scale", [0.7, 4.0])  # strong weights too: no damping is needed
    def test_the_bound_rises_with_every_round_and_stays_below(self, scale, x64):
        for seed in range(3):
            machine, v = machine_of((4, 3, 4, 2), seed, scale=scale), states(Bernoulli(), 4)
            truth, z = exact(machine, v), log_z(machine)
            bounds = np.stack([mean_field_bound(machine, v, z, rounds=rounds) for rounds in (1, 2, 3, 100)])
            assert (np.diff(bounds, axis=0) > -1e-10).all()
            assert (bounds <= truth + 1e-10).all()

    @pytest.mark.parametrize("hidden", [Bernoulli(), Spin(), Categorical(2)])
    def test_the_bound_is_that_of_its_definition(self, hidden, x64):
        """E_q[-energy] + H(q), every hidden state listed with its probability under q."""
        machine, v = machine_of((4, 4, 2), 8, hidden=hidden), states(Bernoulli(), 4)[5:7]
        h = [states(kind, size) for kind, size in zip(machine.units[1:], machine.sizes[1:], strict=True)]
        pairs = np.repeat(h[0], len(h[1]), 0), np.tile(h[1], (len(h[0]), 1))

        def told(machine, v, pairs, rounds):
            energies = [machine.energy([jnp.broadcast_to(row, (len(pairs[0]), 4)), *pairs]) for row in v]
            return mean_field(machine.given(v), rounds).layers, energies, machine.free_energy(v, rounds)

        layers, energies, variational = program(told)(machine, v, pairs, np.asarray(7, np.int32))
        for row in range(2):
            q = [np.ones(len(each)) for each in h]
            for place, each in enumerate(h):
                mean = layers[place][row]
                share = {Spin: (1 + each * mean) / 2, Categorical: np.where(each == 1, mean, 1)}
                q[place] = share.get(type(hidden), np.where(each == 1, mean, 1 - mean)).prod(1)
            joint = np.outer(*q).ravel()
            expected = np.sum(joint * (-energies[row] - np.log(joint)))
            np.testing.assert_allclose(-variational[row], expected, atol=1e-10)

    def test_it_is_exact_for_one_hidden_layer(self, x64):
        machine, v = machine_of((4, 3), 9), states(Bernoulli(), 4)
        np.testing.assert_allclose(
            mean_field_bound(machine, v, log_z(machine), rounds=1), exact(machine, v), atol=1e-10
        )

    def test_gaussian_visible_units(self, x64):
        """log P(v) with h₁ and h₂ listed; Z by summing v and h₂ out in closed form."""
        machine, v = machine_of(seed=10, visible=Gaussian(0.5)), np.asarray([[0.3, -1.0, 0.2, 1.4]])
        h1, h2 = states(Bernoulli(), 3), states(Bernoulli(), 2)

        def told(machine, all_of_them, h1):
            return -machine.energy(all_of_them), -machine.sides(1).free_energy(h1)

        joint, free = program(told)(machine, [np.tile(v, (32, 1)), np.repeat(h1, 4, 0), np.tile(h2, (8, 1))], h1)
        z = logsumexp(free)
        truth = logsumexp(joint) - z
        bound = mean_field_bound(machine, v, float(z), rounds=50)
        assert truth - 0.3 < bound[0] <= truth


class TestTheProposal:
    @pytest.mark.parametrize("sizes", ALL.values(), ids=ALL)
    def test_exact_averages_give_the_gradient_of_the_likelihood(self, sizes, x64):
        """The difference function fed with the exact posterior and the exact model, all states listed."""
        machine = machine_of(sizes, 11)
        batch = batch_for(machine)
        share = shares(batch)
        layers, energy = everything(machine)
        p = np.exp(-energy - log_z(machine))
        own = np.asarray([(layers[0] == row).all(1) for row in batch.inputs])
        posterior = own * p / (own @ p)[:, None]
        data, model = Layered(tuple(layers), share @ posterior), Layered(tuple(layers), p)
        rule = DeepBoltzmannLearning(Enumeration(), centered=False)

        def told(machine, data, model, own, share):
            def error(m):
                joint = -m.energy(model.layers)
                held = jax.scipy.special.logsumexp(jnp.where(own, joint, -jnp.inf), axis=1)
                return jax.scipy.special.logsumexp(joint) - share @ held

            proposal = rule.difference(machine, data, model, rule.init(machine, None).offsets)
            return proposal, eqx.filter_grad(error)(machine)

        same(*program(told)(machine, data, model, own, share), atol=1e-10)

    @pytest.mark.parametrize("visible", [Spin, lambda: LearnedGaussian(jnp.asarray([0.1, -0.4, 0.2, 0.3]))])
    def test_it_is_the_gradient_of_energies_with_activities_held(self, visible, x64):
        machine = machine_of((4, 3, 2, 3), 12, visible=visible())
        rule = DeepBoltzmannLearning(FromData(2), rounds=5, centered=False)

        def told(machine, batch, key):
            proposal, _, info = first(rule, machine, batch, key)
            settled = mean_field(machine.given(batch.inputs), 5)
            share, sides = batch.weights / batch.weights.sum(), machine.sides()
            up, chain = jax.random.split(key)
            h = sides.hidden.sample(jnp.hstack(settled.nets[0::2]), up)
            particles, _ = FromData(2).draw(sides, h, share, (), chain)
            model = machine.layers(particles.visible, particles.hidden)

            def contrast(m):
                return share @ m.energy((batch.inputs, *settled.layers)) - share @ m.energy(model)

            return (info["loss"], proposal), eqx.filter_value_and_grad(contrast)(machine)

        same(*program(told)(machine, batch_for(machine), jax.random.key(1)), atol=1e-10)

    def test_with_enumeration_it_climbs_the_mean_field_bound(self, x64):
        """At a fixed point of mean field the bound's gradient is that with q held (the envelope theorem)."""
        machine, rule = machine_of(seed=13), DeepBoltzmannLearning(Enumeration(), rounds=200, centered=False)
        batch, rows = batch_for(machine), states(Bernoulli(), 3)
        share = shares(batch)

        def told(machine, batch, share, rows, key):
            def error(m):
                q, variational = mean_field(m.given(batch.inputs), 200), 0.0
                for mean in q.layers:
                    variational -= -(mean * jnp.log(mean) + (1 - mean) * jnp.log1p(-mean)).sum(-1)
                variational += m.energy((batch.inputs, *q.layers))
                return share @ variational + jax.scipy.special.logsumexp(-m.sides(1).free_energy(rows))

            proposal, _, info = first(rule, machine, batch, key)
            return proposal, eqx.filter_grad(error)(machine), info["residual"]

        proposal, whole, residual = program(told)(machine, batch, share, rows, jax.random.key(0))
        same(proposal, whole, atol=1e-10)
        step = 1e-5 * np.eye(3)[0]
        higher, lower = (
            full_bound(with_bias(machine, np.asarray(machine.biases[1]) + change), batch, share)
            for change in (step, -step)
        )
        np.testing.assert_allclose(whole.biases[1][0], -(higher - lower) / 2e-5, atol=1e-7)
        assert float(residual) < 1e-12

    def test_persistent_chains_give_it_on_average(self):
        machine = machine_of(seed=14)
        batch = batch_for(machine)
        exactly, sampled = (
            DeepBoltzmannLearning(sampler, centered=False) for sampler in (Enumeration(), Persistent(30_000, 20))
        )
        a, b = (taught(rule, machine, batch, jax.random.key(2))[0] for rule in (exactly, sampled))
        same(a, b, atol=0.015)

    @pytest.mark.parametrize("sizes", ALL.values(), ids=ALL)
    def test_centring_follows_its_formulas_and_can_be_undone(self, sizes, x64):
        """The centred proposal is an invertible linear function of the plain one: they vanish together."""
        machine = machine_of(sizes, 15)
        generator = np.random.default_rng(0)
        mu = tuple(generator.random(size) for size in sizes)
        data, model = (
            Layered(tuple(generator.random((rows, size)) for size in sizes), np.full(rows, 1 / rows)) for rows in (5, 8)
        )
        rules = [DeepBoltzmannLearning(Enumeration(), centered=flag) for flag in (False, True)]

        def told(machine, *given):
            return [rule.difference(machine, *given) for rule in rules]

        plain, centred = program(told)(machine, data, model, mu)
        undone = list(centred.biases)
        for place, (own, other) in enumerate(zip(plain.structures, centred.structures, strict=True)):
            below, above = plain.biases[place], plain.biases[place + 1]
            expected = own.weights - np.outer(mu[place], above) - np.outer(below, mu[place + 1])
            np.testing.assert_allclose(other.weights, expected, atol=1e-12)
            undone[place] = undone[place] + other.weights @ mu[place + 1]
            undone[place + 1] = undone[place + 1] + mu[place] @ other.weights
        same(tuple(undone), plain.biases, atol=1e-12)

    def test_centring_is_the_plain_gradient_of_the_centred_energy(self, x64):
        """Parametrised by its centred biases, the machine's gradient is the proposal's weights part."""
        machine, mu = machine_of(seed=16), tuple(np.full(size, 0.3 + 0.1 * size) for size in (4, 3, 2))
        layers, energy = everything(machine)
        p = np.exp(-energy - log_z(machine))
        data = Layered(tuple(layers), np.random.default_rng(1).dirichlet(np.ones(len(p))))
        rule = DeepBoltzmannLearning(Enumeration())

        def told(machine, data, model, mu):
            def error(weights):
                moved = list(machine.biases)
                for place, (new, old) in enumerate(zip(weights, machine.structures, strict=True)):
                    change = new - old.weights  # the biases that keep the centred ones as they are
                    moved[place] = moved[place] - change @ mu[place + 1]
                    moved[place + 1] = moved[place + 1] - mu[place] @ change
                m = DeepBoltzmannMachine(tuple(map(Dense, weights)), tuple(moved), machine.units)
                joint = -m.energy(data.layers)
                return jax.scipy.special.logsumexp(joint) - data.share @ joint

            found = rule.difference(machine, data, model, mu).structures
            weights, proposed = (tuple(wiring.weights for wiring in side) for side in (machine.structures, found))
            return proposed, jax.grad(error)(weights)

        same(*program(told)(machine, data, data._replace(share=p), mu), atol=1e-10)

    def test_one_hidden_layer_is_contrastive_divergence(self, x64):
        machine = machine_of((4, 3), 17)
        deep, flat = DeepBoltzmannLearning(Enumeration()), ContrastiveDivergence(Enumeration())

        def told(machine, batch, key):
            return first(deep, machine, batch, key), first(flat, machine.sides(), batch, key)

        (a, _, info), (b, _, seen) = program(told)(machine, batch_for(machine), jax.random.key(4))
        np.testing.assert_allclose(a.structures[0].weights, b.structure.weights, atol=1e-12)
        same(a.biases, (b.visible_bias, b.hidden_bias), atol=1e-12)
        np.testing.assert_allclose(info["loss"], seen["loss"], atol=1e-12)

    def test_offsets_drift_towards_the_data(self, x64):
        machine, rule = machine_of(seed=18), DeepBoltzmannLearning(Enumeration(), rounds=50)
        batch = batch_for(machine)
        before = DeepBoltzmannState((), tuple(np.full(size, 0.25) for size in machine.sizes))

        def told(machine, batch, state, key):
            after = rule.propose(machine, batch, state, key)[1]
            return after.offsets, mean_field(machine.given(batch.inputs), 50).layers

        after, hidden = program(told)(machine, batch, before, jax.random.key(0))
        share = shares(batch)
        same(after, tuple(0.25 + 0.01 * (share @ layer - 0.25) for layer in (batch.inputs, *hidden)), atol=1e-12)

    def test_padding_and_weights(self, x64):
        machine, rule = machine_of(seed=19), DeepBoltzmannLearning(Enumeration())
        batch = batch_for(machine)
        short = Batch(*(part[:-1] for part in batch))
        changed = batch._replace(inputs=np.append(batch.inputs[:-1], 1 - batch.inputs[-1:], axis=0))
        results = [taught(rule, machine, b, jax.random.key(0))[0] for b in (batch, short, changed)]
        for other in results[1:]:
            same(results[0], other, atol=1e-13)


def with_bias(machine, bias):
    return DeepBoltzmannMachine(machine.structures, (machine.biases[0], bias, *machine.biases[2:]), machine.units)


@program
def free_energies(machine, rows, listed):
    return machine.free_energy(rows, 200), machine.sides(1).free_energy(listed)


def full_bound(machine, batch, share):
    """The mean bound, its mean field found anew."""
    own, listed = free_energies(machine, batch.inputs, states(Bernoulli(), 3))
    return -(share @ own + logsumexp(-listed))


class TestRefusals:
    def test_sizes_and_units(self):
        with pytest.raises(ConfigurationError, match="two layers"):
            dbm((4,), key=jax.random.key(0))
        with pytest.raises(ConfigurationError, match="finitely many states"):
            dbm((4, 3), hidden=Gaussian(), key=jax.random.key(0))

    def test_a_machine_without_layers(self):
        with pytest.raises(ConfigurationError, match="deep Boltzmann machine"):
            DeepBoltzmannLearning().init(drawn(rbm, 4, 3), None)


@pytest.fixture(scope="module")
def X():
    return (load("digits").data > 0.5).astype(float)


@pytest.fixture(scope="module")
def learning(X):
    """A machine trained on in turn, its log Z, and the bounds that it reached on the way."""
    model, bounds = DBM((16, 32), warm_start=True, random_state=0), []
    for epochs in (2, 20, 40):
        z = model.set_params(epochs=epochs).fit(X[:1200]).log_partition()
        bounds.append(model.log_likelihood_bound(X[1200:], z).mean())
    return model, z, bounds


class TestEstimator:
    def test_the_bound_rises_while_learning_and_annealing_agrees_with_the_sum(self, X, learning):
        model, z, bounds = learning
        assert bounds[0] < bounds[1] < bounds[2]
        assert bounds[2] > -20.5  # independent pixels: -24.6
        annealed = model.log_partition("ais", chains=50, temperatures=300)
        assert annealed.value == pytest.approx(z.value, abs=0.3)
        np.testing.assert_allclose(model.free_energy(X[:5]), -model.log_likelihood_bound(X[:5], 0.0))
        assert model.n_iter_ == 62
        drawn = model.sample(300, 300)
        assert np.abs(drawn.mean(0) - X[:1200].mean(0)).mean() < 0.05
        assert model.transform(X[:7]).shape == (7, 48)

    def test_a_clamp_holds(self, learning):
        model, _, _ = learning
        held = np.where(np.arange(64) < 32, 1.0, np.nan)
        drawn = model.sample(20, 10, clamp=held)
        assert (drawn[:, :32] == 1).all()
        assert 0 < drawn[:, 32:].mean() < 1

    @pytest.mark.parametrize("algorithm", ["cd", "exact"])
    def test_other_samplers(self, algorithm, X):
        model = DBM((5, 4, 3), algorithm=algorithm, n_chains=10, n_temperatures=3, epochs=2, random_state=0).fit(X)
        assert np.isfinite(model.history_["loss"]).all()
        assert model.partial_fit(X).n_iter_ == 3

    def test_early_stopping_watches_the_gap(self, X):
        model = DBM((5, 4), epochs=3, early_stopping=True, random_state=0).fit(X)
        assert len(model.history_["free_energy_gap"]) == model.n_iter_

    def test_refusals(self, X):
        with pytest.raises(ConfigurationError, match="mean_field_steps"):
            DBM(mean_field_steps=0).fit(X)
        with pytest.raises(ConfigurationError, match="hidden_layer_sizes"):
            DBM(()).fit(X)
        with pytest.raises(DataError, match="Bernoulli"):
            DBM((3,)).fit(X * 2)


def test_the_residual_is_that_of_the_layer_that_moved_most():
    """Not of the stillest: a layer at rest says nothing of the others."""
    machine = dbm((5, 4, 3, 2), deviation=2.0, key=jax.random.key(0))
    v = np.random.default_rng(0).random((6, 5)).astype(np.float32)
    before, after = (program(after_rounds)(machine, v, np.asarray(rounds, np.int32)) for rounds in (1, 2))
    moved = [np.abs(new - old).max(1) for new, old in zip(after.layers, before.layers, strict=True)]
    np.testing.assert_allclose(after.residual, np.max(moved, axis=0), atol=1e-6)
    assert (np.max(moved, axis=0) > np.min(moved, axis=0) + 1e-3).all()


def after_rounds(machine, v, rounds):
    return mean_field(machine.given(v), rounds)
