"""Mixing diagnostics against processes whose autocorrelation is known, and against a machine's own kernel."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from flambeau.analysis.enumeration import all_states, exact_distribution
from flambeau.analysis.mixing import (
    autocorrelation,
    autocorrelation_time,
    effective_sample_size,
    geweke,
    quality_against_steps,
)
from flambeau.dynamics import Clamp, Ladder, temper, trajectory
from flambeau.errors import ConfigurationError, DataError
from flambeau.networks import RestrictedBoltzmannMachine
from flambeau.neurons import Bernoulli
from flambeau.structures import Dense
from programs import program


def autoregressive(rho, steps=20_000, chains=8, seed=0):
    """x_t = ρ x_{t-1} + noise, started from its own distribution: ρ(lag) = ρ^lag, τ = (1 + ρ) / (1 - ρ)."""
    noise = np.random.default_rng(seed).normal(size=(steps, chains))
    x = np.empty_like(noise)
    x[0] = noise[0]
    for t in range(1, steps):
        x[t] = rho * x[t - 1] + np.sqrt(1 - rho**2) * noise[t]
    return x


def toy():
    weights = np.asarray([[np.sin(1 + 2 * j + 3 * i) for j in range(3)] for i in range(4)])
    b, c = np.asarray([0.1, -0.2, 0.3, -0.4]), np.asarray([-0.2, 0.3, 0.1])
    return RestrictedBoltzmannMachine(Dense(jnp.asarray(weights)), *map(jnp.asarray, (b, c)), *[Bernoulli()] * 2)


def rows_of(machine, count):
    """Independent samples of v, drawn by NumPy from the table of all states."""
    rows, p = exact_distribution(machine)
    return np.random.default_rng(0).choice(rows, count, p=p)


@pytest.mark.parametrize("rho", [0.0, 0.5, 0.9])
def test_an_autoregressive_process(rho):
    x = autoregressive(rho)
    tau = (1 + rho) / (1 - rho)
    np.testing.assert_allclose(autocorrelation(x)[:6], rho ** np.arange(6), atol=0.03)
    assert autocorrelation_time(x) == pytest.approx(tau, rel=0.1)
    assert effective_sample_size(x) == pytest.approx(x.size / tau, rel=0.1)
    spread = x.mean(axis=0).std(ddof=1)  # of the chains' means, eight of them
    assert 0.4 < spread / np.sqrt(tau / len(x)) < 1.8


def test_the_plain_sum_over_lags():
    x = autoregressive(0.6, steps=50, chains=3)
    centred = x - x.mean()
    plain = [(centred[lag:] * centred[: 50 - lag]).sum() for lag in range(50)]
    np.testing.assert_allclose(autocorrelation(x), np.asarray(plain) / plain[0], atol=1e-12)


def test_a_machine_s_slowest_mode_is_the_second_eigenvalue_of_its_kernel():
    """The reference's toy: 0.3117982549, so no unit decorrelates more slowly."""
    start = rows_of(toy(), 50).astype(np.float32)
    steps = program(trajectory)(toy(), start, 2_000, jax.random.key(1))
    bound = (1 + 0.3117982549) / (1 - 0.3117982549)
    times = [autocorrelation_time(steps[:, :, unit]) for unit in range(4)]
    assert 1.0 < max(times) < 1.05 * bound


def test_chains_in_different_modes_and_chains_that_stand_still():
    apart = autoregressive(0.0, steps=500, chains=2) + np.asarray([-10, 10])
    assert autocorrelation_time(apart) > 100
    assert autocorrelation_time(np.ones((100, 3))) == np.inf
    assert effective_sample_size(np.full(100, 0.1)) == 0


def test_geweke_s_score():
    x = autoregressive(0.8, steps=4_000, chains=200, seed=3)
    scores = geweke(x)
    assert abs(scores.mean()) < 0.3
    assert 0.8 < scores.std() < 1.3
    drifting = x + 5 * np.exp(-np.arange(4_000) / 300)[:, None]
    assert (geweke(drifting)[:50] > 3).mean() > 0.9
    assert geweke(np.ones(100)).tolist() == [0.0]
    assert geweke(np.append(np.zeros(20), np.ones(80))).tolist() == [-np.inf]


def test_quality_against_steps():
    """From all zeros towards the model: far at first, at the floor after it has mixed."""
    machine, chains = toy(), 20_000
    reference = rows_of(machine, 200_000)
    found = quality_against_steps(machine, np.zeros((chains, 4)), (0, 1, 20), reference, jax.random.key(1))
    assert found.steps.tolist() == [0, 1, 20]
    assert found.mean[0] > found.mean[1] > 2 * found.mean[2]
    assert found.mean[2] < 2 * found.mean_floor
    assert found.covariance[2] < 2 * found.covariance_floor < found.covariance[0]
    assert abs(found.free_energy[2]) < 0.1 < abs(found.free_energy[0])
    assert found.mean_floor == pytest.approx(np.sqrt(reference.var(axis=0).mean() / chains))
    draws = [np.random.default_rng(seed).choice(reference, chains) for seed in range(40)]
    spread = [np.sqrt((np.cov(rows.T) - np.cov(reference.T)) ** 2).mean() for rows in draws]
    assert 0.5 < np.mean(spread) / found.covariance_floor < 1.5


def test_checkpoints_go_on_where_the_last_one_ended():
    machine, states = toy(), all_states(Bernoulli(), 4)
    once = quality_against_steps(machine, states, (5,), states, jax.random.key(2))
    more = quality_against_steps(machine, states, (5, 9), states, jax.random.key(2))
    assert once.mean[0] == more.mean[0]


def test_what_is_refused():
    for series in (np.zeros((3, 3)), np.zeros((9, 0)), [1.0, np.nan, 2.0, 3.0], np.zeros((5, 2, 2))):
        with pytest.raises(DataError):
            autocorrelation_time(series)
    with pytest.raises(ConfigurationError, match="overlap"):
        geweke(np.zeros(100), 0.6, 0.6)
    rows, key = np.zeros((3, 4)), jax.random.key(0)
    for steps in ((), (3, 1), (-1, 2)):
        with pytest.raises(ConfigurationError, match="rising"):
            quality_against_steps(toy(), rows, steps, rows, key)
    for start in (np.zeros((3, 5)), np.zeros(4)):
        with pytest.raises(DataError):
            quality_against_steps(toy(), start, (1,), rows, key)


def tempered(machine, steps):
    """v of the rung at the machine's own temperature after every round, ``(steps, chains, visible)``."""
    betas = jnp.asarray([0.0, 0.4, 1.0])
    start = Ladder(jnp.zeros((3, 16, 4)), betas, jnp.zeros(4), jnp.ones(2), jnp.zeros((), jnp.int32))

    def round_of(ladder, key):
        ladder = temper(machine, ladder, 1, key)
        return ladder, ladder.visible[2]

    return jax.lax.scan(round_of, start, jax.random.split(jax.random.key(3), steps))[1]


HELD = Clamp(jnp.asarray([1.0, 0, 0, 0]), jnp.asarray([True, False, False, False]))
KERNELS = {
    "gibbs": lambda machine, steps: trajectory(machine, jnp.zeros((16, 4)), steps, jax.random.key(1)),
    "clamped": lambda machine, steps: trajectory(machine, jnp.zeros((16, 4)), steps, jax.random.key(2), HELD),
    "tempering": tempered,
}


@pytest.mark.parametrize("kernel", KERNELS)
def test_geweke_finds_no_drift_in_any_kernel_that_has_run_in(kernel):
    """z of 48 series scatters like a standard normal."""
    weights = jnp.asarray(np.random.default_rng(5).normal(size=(4, 3)))
    b, c = (jnp.asarray(np.zeros(units)) for units in (4, 3))
    machine = RestrictedBoltzmannMachine(Dense(weights), b, c, Bernoulli(), Bernoulli())
    path = program(KERNELS[kernel])(machine, 2_100)[100:]
    z = geweke(path[:, :, 1:].reshape(2_000, 48))
    assert np.abs(z).max() < 4
    assert 0.5 < (z**2).mean() < 2


def test_geweke_sees_a_start_that_is_not_forgotten():
    """Two wells, 2,000 chains from one of them: their mean wanders to the middle."""
    weights, b, c = (jnp.asarray(np.full(*part)) for part in (((4, 3), 2.0), (4, -3.0), (3, -4.0)))
    wells = RestrictedBoltzmannMachine(Dense(weights), b, c, Bernoulli(), Bernoulli())
    path = program(trajectory)(wells, np.ones((2_000, 4), np.float32), 100, jax.random.key(0))
    assert abs(geweke(path.mean(axis=(1, 2))[:, None])[0]) > 3
