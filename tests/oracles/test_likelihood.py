"""log Z, likelihoods and pseudo-likelihoods against enumeration, quadrature, numpy and the reference's numbers."""

import importlib
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate
from scipy.special import expit, logsumexp

from flambeau.analysis import enumeration as listing
from flambeau.analysis.annealed_importance import (
    anneal,
    annealing_temperatures,
    base_log_partition,
    base_samples,
    bennett,
    log_mean_weight,
    passage,
)
from flambeau.analysis.enumeration import all_states, exact_distribution, exact_log_partition, exact_samples
from flambeau.analysis.log_partition import joined, likelihood_report, log_likelihood, log_partition
from flambeau.analysis.pseudo_likelihood import feature_pseudo_log_likelihood, pseudo_log_likelihood
from flambeau.errors import ConfigurationError, DataError
from flambeau.networks import RestrictedBoltzmannMachine
from flambeau.neurons import (
    Bernoulli,
    Categorical,
    Gaussian,
    LearnedGaussian,
    Mixed,
    NoisyReLU,
    RectifiedGaussian,
    Spin,
)
from flambeau.structures import Dense
from programs import program

WEIGHTS = np.asarray([[np.sin(1 + 2 * j + 3 * i) for j in range(3)] for i in range(4)])
B, C = np.asarray([0.1, -0.2, 0.3, -0.4]), np.asarray([-0.2, 0.3, 0.1])
V = np.asarray([[1.0, 0, 1, 1]])
LOG_Z = 5.1103146859

DISCRETE = {
    "bernoulli": Bernoulli(),
    "spin": Spin(),
    "softmax": Categorical(2),
    "mixed": Mixed((Bernoulli(), Categorical(2)), (2, 2)),
}
HIDDEN = {"bernoulli": Bernoulli(), "spin": Spin(), "softmax": Categorical(3)}


def toy(visible=None, hidden=None, dtype=None):
    weights, b, c = jax.device_put([np.asarray(part, dtype) for part in (WEIGHTS, B, C)])
    return RestrictedBoltzmannMachine(Dense(weights), b, c, visible or Bernoulli(), hidden or Bernoulli())


def machine_of(visible, hidden, seed=0, columns=(4, 6), scale=0.7):
    generator = np.random.default_rng(seed)
    draw = jax.device_put([generator.normal(size=shape) * scale for shape in (columns, columns[:1], columns[1:])])
    return RestrictedBoltzmannMachine(Dense(draw[0]), draw[1], draw[2], visible, hidden)


SIDES = ("visible", "hidden")


@program
def sums(machine, pairs, tables):
    """Energies of all pairs of states, and what summing either side out leaves of every chunk."""
    return machine.energy(*pairs), [
        listing.summed(machine, side, *parts) for side, parts in zip(SIDES, tables, strict=True)
    ]


@program
def free_energies(machines, rows):
    return [machine.free_energy(rows) for machine in machines]


def rows_of(machine, count, seed=0):
    """Independent samples of v, drawn by NumPy from the table of all states."""
    rows, p = exact_distribution(machine)
    return np.random.default_rng(seed).choice(rows, count, p=p).astype(np.float32)


class TestEnumeration:
    def test_the_golden_toy(self, x64):
        assert exact_log_partition(toy()) == pytest.approx(LOG_Z, abs=1e-9)
        assert exact_log_partition(toy(Spin(), Spin())) == pytest.approx(9.3572131282, abs=1e-9)
        gaussian = toy(LearnedGaussian(jnp.log(jnp.asarray([0.5, 1.0, 2.0, 0.8]))))
        assert exact_log_partition(gaussian) == pytest.approx(7.6482608103, abs=1e-9)
        z = log_partition(toy())
        assert log_likelihood(toy(), V, z) == pytest.approx([-2.7560474197], abs=1e-9)
        assert pseudo_log_likelihood(toy(), V) == pytest.approx([-2.8196704113], abs=1e-9)

    @pytest.mark.parametrize("hidden", HIDDEN)
    @pytest.mark.parametrize("visible", DISCRETE)
    def test_over_v_over_h_and_jointly(self, visible, hidden, x64, monkeypatch):
        """Both sides, each with a table for some of its units only, so that low and high halves meet."""
        monkeypatch.setattr(listing, "TABLE", 4)
        machine = machine_of(DISCRETE[visible], HIDDEN[hidden])
        kinds = machine.visible, machine.hidden
        v, h = (all_states(kind, columns) for kind, columns in zip(kinds, (4, 6), strict=True))
        pairs = [np.repeat(v, len(h), axis=0), np.tile(h, (len(v), 1))]
        listings = [
            listing.Listing.of(side, kind.choices(columns))
            for side, kind, columns in zip(SIDES, kinds, (4, 6), strict=True)
        ]
        energy, found = sums(machine, pairs, [listing.tables(machine, each) for each in listings])
        for largest, part in found:
            assert logsumexp(largest + np.log(part)) == pytest.approx(logsumexp(-energy), abs=1e-10)

    @pytest.mark.parametrize("visible", [Gaussian(), Gaussian(0.5), RectifiedGaussian()])
    def test_continuous_units_by_quadrature(self, visible, x64):
        machines = [machine_of(visible, hidden, columns=(1, 3)) for hidden in HIDDEN.values()]
        low = 0 if isinstance(visible, RectifiedGaussian) else -12
        grid = np.linspace(low, 12, 4_001)
        for machine, energy in zip(machines, free_energies(machines, grid[:, None]), strict=True):
            expected = np.log(integrate.simpson(np.exp(-energy), x=grid))
            assert exact_log_partition(machine) == pytest.approx(expected, abs=1e-9)

    def test_two_gaussian_sides_by_quadrature_and_without_an_end(self, x64):
        machine = machine_of(LearnedGaussian(jnp.asarray([0.3, -0.5])), Gaussian(0.8), columns=(2, 2), scale=0.3)
        grid = np.linspace(-9, 9, 401)
        v = np.stack(np.meshgrid(grid, grid, indexing="ij"), axis=-1)
        mass = np.exp(-program(machine.free_energy)(v))
        expected = np.log(integrate.simpson(integrate.simpson(mass, x=grid), x=grid))
        assert log_partition(machine).value == pytest.approx(expected, abs=1e-8)
        endless = log_partition(machine_of(Gaussian(), Gaussian(), scale=3.0))
        assert endless.value == np.inf
        assert not endless.trusted
        assert "no end" in str(endless)

    def test_states_count_in_a_mixed_radix(self):
        mixed = Mixed((Spin(), Categorical(3)), (2, 3))
        expected = [np.concatenate(row) for row in itertools.product(*mixed.choices(5))]
        np.testing.assert_array_equal(all_states(mixed, 5), expected)

    @pytest.mark.as_users_compile
    def test_single_precision_and_many_units(self):
        """600 rows and more in one sum: what XLA fuses is compared with plain numpy."""
        machine = machine_of(Bernoulli(), Bernoulli(), columns=(37, 13), scale=1.0)
        w, b, c = (np.asarray(part, np.float64) for part in (
            machine.structure.weights, machine.visible_bias, machine.hidden_bias))  # fmt: skip
        h = all_states(Bernoulli(), 13)
        assert exact_log_partition(machine) == pytest.approx(
            logsumexp(h @ c + np.logaddexp(0, b + h @ w.T).sum(1)), abs=1e-4
        )

    def test_what_cannot_be_listed(self):
        with pytest.raises(ConfigurationError, match=r"2\^30\.0 states on the hidden side.*log_partition"):
            exact_log_partition(machine_of(Bernoulli(), Bernoulli(), columns=(40, 30)))
        with pytest.raises(ConfigurationError, match="continuous units"):
            exact_log_partition(machine_of(Gaussian(), RectifiedGaussian()))
        with pytest.raises(ConfigurationError, match="unit with a density"):
            exact_log_partition(machine_of(NoisyReLU(), Bernoulli()))
        with pytest.raises(ConfigurationError, match="finitely many"):
            exact_distribution(machine_of(Gaussian(), Bernoulli()))
        with pytest.raises(ConfigurationError, match=r"2\^21"):
            all_states(Bernoulli(), 21)

    @pytest.mark.parametrize("columns", [(5, 3), (3, 5)])
    def test_exact_samples_follow_the_exact_distribution(self, columns, monkeypatch):
        monkeypatch.setattr(listing, "TABLE", 4)
        machine = machine_of(Bernoulli(), Spin(), columns=columns)
        rows, p = exact_distribution(machine)
        drawn = np.asarray(exact_samples(machine, 40_000, jax.random.key(1)))
        counts = np.bincount((drawn @ 2 ** np.arange(columns[0])[::-1]).astype(int), minlength=len(rows))
        chi = ((counts - 40_000 * p) ** 2 / (40_000 * p)).sum()
        assert chi < len(p) + 4 * np.sqrt(2 * len(p))


def both(machine, base, betas, chains):
    """log Z of the base, and log-weights in both directions from exact starts."""
    first, there, back = map(jax.random.key, range(3))
    start = program(base_samples)(machine, base, chains, first)
    forward = anneal(machine, start, base, betas, there)
    reverse = anneal(machine, rows_of(machine, chains).astype(start.dtype), base, betas[::-1], back)
    return base_log_partition(machine, base), forward, reverse


class TestAnnealing:
    BASE = np.asarray([0.3, -0.5, 0.4, 0.0])

    @pytest.mark.parametrize(("number", "bar"), [(100, 0.5), (1_000, 0.05), (10_000, 0.005)])
    def test_against_the_exact_value(self, number, bar):
        base, forward, reverse = both(toy(), self.BASE, annealing_temperatures(number), 100)
        assert abs(base + log_mean_weight(forward)[0] - LOG_Z) < bar
        assert abs(base - log_mean_weight(reverse)[0] - LOG_Z) < bar
        assert abs(base + bennett(forward, reverse) - LOG_Z) < bar

    @pytest.mark.parametrize(
        ("visible", "hidden"),
        [
            (Bernoulli(), Spin()),
            (Bernoulli(), Gaussian(0.5)),
            (Spin(), Categorical(3)),
            (Spin(), RectifiedGaussian()),
            (Categorical(2), Bernoulli()),
            (Gaussian(2.0), Bernoulli()),
            (Gaussian(2.0), Gaussian(0.5)),
            (LearnedGaussian(jnp.asarray([0.5, -0.5, 0.1, 0.0])), Spin()),
            (RectifiedGaussian(), Bernoulli()),
            (Mixed((Spin(), Gaussian()), (2, 2)), Bernoulli()),
        ],
    )
    def test_all_kinds_of_units(self, visible, hidden):
        machine = machine_of(visible, hidden, scale=0.25)
        base = 0.5 * np.asarray(machine.visible_bias)
        start = program(base_samples)(machine, base, 600, jax.random.key(2))
        log_w = anneal(machine, start, base, annealing_temperatures(100), jax.random.key(1))
        value, error, _ = log_mean_weight(log_w)
        assert abs(base_log_partition(machine, base) + value - exact_log_partition(machine)) < 4 * error + 1e-3

    def test_without_weights_it_is_exact_whatever_the_chains_do(self, x64):
        still = RestrictedBoltzmannMachine(
            Dense(jnp.asarray(np.zeros((4, 3)))), jnp.asarray(B), jnp.asarray(C), Bernoulli(), Spin()
        )
        expected = np.logaddexp(0, B).sum() + np.log(2 * np.cosh(C)).sum()
        base, forward, reverse = both(still, B, annealing_temperatures(7), 5)
        np.testing.assert_allclose(base + forward, expected, atol=1e-12)
        np.testing.assert_allclose(base - reverse, expected, atol=1e-12)

    def test_the_estimate_of_z_is_unbiased_and_the_reverse_is_an_upper_bound(self):
        """Six temperatures: single weights scatter widely, their mean does not."""
        machine = machine_of(Bernoulli(), Bernoulli(), columns=(4, 3), scale=2.0)
        exact = exact_log_partition(machine)
        base, forward, reverse = both(machine, np.zeros(4), np.linspace(0, 1, 7), 30_000)
        for weights in (np.exp(base + forward - exact), np.exp(exact - base + reverse)):
            assert weights.std() > 0.3
            assert abs(weights.mean() - 1) < 4 * weights.std() / np.sqrt(len(weights))
        below, above = base + forward.mean(), base - reverse.mean()
        assert below < exact - 0.1 < exact + 0.1 < above
        assert abs(base + bennett(forward, reverse) - exact) < 0.02
        assert abs(base + bennett(forward[:5_000], reverse) - exact) < 0.04  # unequal numbers

    @pytest.mark.as_users_compile
    def test_a_passage_of_many_rows_weighs_as_plain_numpy_does(self):
        """600 rows and more: what XLA fuses is compared with plain numpy, one temperature at a time."""
        machine = machine_of(Bernoulli(), Bernoulli(), columns=(30, 20), scale=1.0)
        w, b, c = (np.asarray(part, np.float64) for part in (
            machine.structure.weights, machine.visible_bias, machine.hidden_bias))  # fmt: skip
        a = np.linspace(-1, 1, 30)
        v = (np.random.default_rng(0).random((1_200, 30)) < 0.5).astype(np.float32)

        def log_p(beta):
            return v @ ((1 - beta) * a + beta * b) + np.logaddexp(0, beta * (c + v @ w)).sum(1)

        for old, new in ((0.2, 0.21), (0.9, 0.5)):
            betas = jnp.asarray([old] + [new] * 50)
            _, log_w = passage(machine, jnp.asarray(v), jnp.asarray(a), betas, jax.random.key(0))
            np.testing.assert_allclose(log_w, log_p(new) - log_p(old), atol=2e-4)

    def test_chains_follow_the_temperature_that_they_have_reached(self):
        """Fifty steps at β = 0.6 give that rung's own distribution."""
        machine, beta = toy(), 0.6
        start = program(base_samples)(machine, self.BASE, 30_000, jax.random.key(0))
        v, _ = passage(machine, start, jnp.asarray(self.BASE), jnp.asarray(np.full(51, beta)), jax.random.key(1))
        rows, p = exact_distribution(program(machine.at)(np.asarray(beta), self.BASE))
        np.testing.assert_allclose(np.asarray(v).mean(0), p @ rows, atol=0.012)

    def test_roundings_do_not_add_up_over_the_long_schedule(self):
        """Visible biases so strong that no chain ever moves: the weights have to telescope, in single precision."""
        machine = machine_of(Bernoulli(), Bernoulli(), columns=(300, 200), scale=0.5)
        b = np.where(np.arange(300) % 3, 40.0, -40.0)
        still = RestrictedBoltzmannMachine(
            machine.structure, jnp.asarray(b), machine.hidden_bias, machine.visible, machine.hidden
        )
        v = np.repeat((b > 0).astype(np.float32)[None], 4, axis=0)
        log_w = anneal(still, v, b, annealing_temperatures(10_000), jax.random.key(0))
        w, c = (np.asarray(part, np.float64) for part in (machine.structure.weights, machine.hidden_bias))
        np.testing.assert_allclose(log_w, np.logaddexp(0, c + v[0] @ w).sum() - 200 * np.log(2), atol=0.01)

    def test_schedules(self):
        full = annealing_temperatures()
        assert len(full) == 14_501
        np.testing.assert_allclose(full[[0, 500, 4_500, 14_500]], [0, 0.5, 0.9, 1], atol=1e-12)
        np.testing.assert_allclose(annealing_temperatures(145)[[5, 45]], [0.5, 0.9], atol=1e-12)
        np.testing.assert_array_equal(annealing_temperatures([0, 0.5, 1]), [0, 0.5, 1])
        for wrong in (0, 2.5, True, [0.1, 1], [0, 1, 0.5, 1]):
            with pytest.raises(ConfigurationError):
                annealing_temperatures(wrong)


class TestVerdict:
    def test_exact_where_possible(self):
        found = log_partition(toy())
        assert found.method == "exact"
        assert found.trusted
        assert found.low == found.value == found.high == float(found)
        assert str(found) == "log Z = 5.1103 nats, exact: a sum over all states"

    @pytest.mark.parametrize("given", ["nothing", "data", "base", "start"])
    def test_an_easy_machine_is_trusted(self, given):
        rows = rows_of(toy(), 1_000)  # as many as are drawn where nothing is given
        options = {"nothing": {}, "data": {"data": rows}, "base": {"base": B}, "start": {"reverse_start": rows[:60]}}
        found = log_partition(toy(), "ais", temperatures=500, key=jax.random.key(0), **options[given])
        assert found.trusted
        assert found.method == "ais"
        assert found.low < LOG_Z < found.high
        assert found.low <= min(found.forward, found.reverse) <= found.value <= max(found.forward, found.reverse)
        assert abs(found.value - LOG_Z) < 0.05
        assert "can be trusted" in str(found)
        assert found.effective_samples > 50

    def test_without_exact_samples_long_chains_start_the_reverse(self, monkeypatch):
        """As for a machine with more states than are listed."""
        module = importlib.import_module("flambeau.analysis.log_partition")
        monkeypatch.setattr(module, "SAMPLED", 4)
        monkeypatch.delattr(module, "exact_samples")
        found = log_partition(toy(), "ais", temperatures=500, key=jax.random.key(0))
        assert found.trusted
        assert found.low < LOG_Z < found.high
        assert abs(found.forward - found.reverse) < 0.3

    def test_a_hard_machine_with_few_temperatures_is_not(self):
        machine = machine_of(Spin(), Spin(), columns=(12, 12), scale=2.0)
        found = log_partition(machine, "ais", temperatures=10, key=jax.random.key(0))
        assert not found.trusted
        assert found.value == found.forward
        assert "NOT to be trusted" in str(found)
        assert found.low < exact_log_partition(machine) < found.high

    def test_both_grounds_for_distrust(self):
        calm, wild = np.zeros(100), np.append(np.zeros(99), 4.7)
        assert joined(0.0, calm, calm).trusted
        assert joined(0.0, calm + 1.1, calm).reason == "the directions differ by 1.10 nats"
        alone = joined(0.0, wild, -calm - 0.5)
        assert alone.reason == "4 of 100 chains count"
        assert not alone.trusted

    def test_reports_say_their_protocol(self):
        rows = rows_of(toy(), 400)
        report = likelihood_report(toy(), rows, log_partition(toy()), protocol="stochastic pixels")
        each = log_likelihood(toy(), rows, LOG_Z)
        assert report.mean == pytest.approx(each.mean(), abs=1e-5)
        assert report.standard_error == pytest.approx(each.std(ddof=1) / 20, rel=1e-6)
        assert "400 rows); protocol: stochastic pixels; log Z = 5.1103 nats, exact" in str(report)
        assert "as given" in str(likelihood_report(toy(), rows, 5.0, protocol="other"))
        with pytest.raises(ConfigurationError, match="protocol"):
            likelihood_report(toy(), rows, 5.0, protocol=" ")

    def test_what_is_refused(self):
        key = jax.random.key(0)
        for options in ({"method": "guess"}, {"method": "ais"}, {"method": "ais", "chains": 1, "key": key}):
            with pytest.raises(ConfigurationError):
                log_partition(toy(), **options)
        for options in ({"data": np.zeros((3, 5))}, {"base": np.zeros(3)}, {"reverse_start": np.zeros((0, 4))}):
            with pytest.raises(DataError):
                log_partition(toy(), "ais", key=key, **options)
        with pytest.raises(ConfigurationError, match="density"):
            log_partition(toy(hidden=NoisyReLU()), "ais", base=B, key=key)
        with pytest.raises(DataError):
            log_likelihood(toy(), np.zeros((2, 3)), 0.0)


def brute_force(machine, v):
    """log P(v_i | the others) from free energies of whole rows, one state after another."""
    choices, tried, start = machine.visible.choices(v.shape[1]), [v[None]], 0
    for states in choices:
        end = start + states.shape[1]
        tried.append(np.repeat(v[None], len(states), axis=0))
        tried[-1][:, :, start:end] = states[:, None]
        start = end
    own, *others = np.split(
        -program(machine.free_energy)(np.concatenate(tried)), np.cumsum([1, *map(len, choices)])[:-1]
    )
    return np.stack([own[0] - logsumexp(each, axis=0) for each in others], axis=1)


LABELLED = Mixed((Categorical(3), Bernoulli(), Spin(), Categorical(2)), (3, 2, 1, 2))
PAIRS = [
    *itertools.product(DISCRETE.values(), (Bernoulli(), Categorical(3))),
    *itertools.product((LABELLED,), (Bernoulli(), Gaussian(0.5))),
    *itertools.product((Bernoulli(),), (Spin(), RectifiedGaussian())),
]


class TestPseudoLikelihood:
    @pytest.mark.parametrize(("kind", "hidden"), PAIRS)
    def test_against_brute_force(self, kind, hidden, x64):
        columns = 8 if kind is LABELLED else 4
        machine = machine_of(kind, hidden, columns=(columns, 6))
        rows = all_states(kind, columns)
        found = feature_pseudo_log_likelihood(machine, rows)
        np.testing.assert_allclose(found, brute_force(machine, rows), atol=1e-10)
        np.testing.assert_allclose(pseudo_log_likelihood(machine, rows), found.sum(1), atol=1e-12)

    @pytest.mark.parametrize(
        ("visible", "hidden", "columns", "scale"),
        [
            (Gaussian(), Bernoulli(), (2, 256), 0.5),
            (Gaussian(0.5), Spin(), (2, 200), 0.3),
            (LearnedGaussian(jnp.asarray([0.3, -0.5])), Categorical(3), (2, 6), 2.0),
            (Gaussian(), Gaussian(0.8), (2, 2), 0.6),
            (Gaussian(), RectifiedGaussian(), (2, 3), 0.5),
        ],
    )
    def test_gaussian_units_by_adaptive_quadrature(self, visible, hidden, columns, scale, x64):
        """Wide layers and unbounded units: the line must be long enough, and fine enough, for both."""
        machine = machine_of(visible, hidden, columns=columns, scale=scale)
        v = np.random.default_rng(3).normal(size=(3, 2)) * 2
        found = feature_pseudo_log_likelihood(machine, v)
        for row, column in np.ndindex(v.shape):
            line = np.linspace(-300, 300, 20_001)
            states = np.repeat(v[row : row + 1], len(line), axis=0)
            states[:, column] = line
            log_p = -np.concatenate([program(machine.free_energy)(part) for part in np.split(states, 3)])
            states[0, column] = v[row, column]  # the row itself, asked of the same program
            own = -program(machine.free_energy)(states[: len(line) // 3])[0]
            expected = own - logsumexp(log_p) - np.log(line[1] - line[0])
            assert found[row, column] == pytest.approx(expected, abs=1e-7)

    def test_a_density_without_an_end_is_refused(self):
        with pytest.raises(ConfigurationError, match="an end"):
            pseudo_log_likelihood(machine_of(Gaussian(), Gaussian(), columns=(2, 2), scale=3.0), np.zeros((1, 2)))

    def test_many_rows_against_plain_numpy(self):
        """More rows than one part, a last part of another length; single precision."""
        machine = machine_of(Bernoulli(), Bernoulli(), columns=(20, 15), scale=0.7)
        w, b, c = (np.asarray(part, np.float64) for part in (
            machine.structure.weights, machine.visible_bias, machine.hidden_bias))  # fmt: skip
        v = (np.random.default_rng(1).random((1_207, 20)) < 0.4).astype(float)

        def free_energy(v):
            return -v @ b - np.logaddexp(0, c + v @ w).sum(-1)

        flipped = np.abs(v[:, None] - np.eye(20))
        expected = np.log(expit(free_energy(flipped) - free_energy(v)[:, None]))
        np.testing.assert_allclose(feature_pseudo_log_likelihood(machine, v), expected, atol=2e-5)

    def test_values_between_two_states_meet_their_mirror_image(self, x64):
        machine, v = toy(), np.asarray([[0.2, 0.9, 1.0, 0.5]])
        mirrored = np.repeat(v, 4, axis=0)
        mirrored[np.arange(4), np.arange(4)] = 1 - v[0]
        *others, own = program(machine.free_energy)(np.concatenate([mirrored, v]))
        expected = np.log(expit(np.asarray(others) - own))
        np.testing.assert_allclose(feature_pseudo_log_likelihood(machine, v)[0], expected, atol=1e-12)

    def test_what_is_refused(self):
        with pytest.raises(ConfigurationError, match="finitely many states, got NoisyReLU"):
            pseudo_log_likelihood(toy(NoisyReLU()), V)
        with pytest.raises(DataError, match="4"):
            pseudo_log_likelihood(toy(), np.zeros((2, 3)))
