"""Every storage rule against its formula written out, neuron by neuron; capacities against exact counts."""

import itertools

import jax
import numpy as np
import pytest

import flambeau as fb
from flambeau.analysis import bit_error, critical_point, overlap, replica_overlap
from flambeau.errors import ConfigurationError, DataError
from flambeau.networks import HopfieldNetwork, hopfield
from flambeau.neurons import Bernoulli
from flambeau.rules import (
    Batch,
    Covariance,
    Hebbian,
    MarginPerceptron,
    ProbabilityFlow,
    Projection,
    Storkey,
    Unlearning,
)
from flambeau.structures.lateral import Lateral
from programs import program

N, K = 12, 5
pytestmark = pytest.mark.filterwarnings("ignore:Hopfield")  # of the load, which these tests mean


def patterns(seed: int = 0, count: int = K, units: int = N) -> np.ndarray:
    return np.random.default_rng(seed).choice([-1.0, 1.0], (count, units))


def batch(x, weights=None) -> Batch:
    weights = np.ones(len(x)) if weights is None else np.asarray(weights, float)
    return Batch(x, np.zeros((len(x), 1)), weights)


def hebb(x) -> HopfieldNetwork:
    """Patterns stored by the lecture's sum."""
    return HopfieldNetwork(x.T @ x - len(x) * np.eye(x.shape[1]))


def one_step(rule, network, given, state):
    """The weights on paper and the thresholds after one step, the state, and what the rule tells."""
    network = hopfield(given.inputs.shape[1]) if network is None else network
    state = rule.init(network, None) if state is None else state
    proposal, state, info = rule.propose(network, given, state, jax.random.key(0))
    weights = (network.structure.weights - proposal.structure.weights).T
    return weights, network.threshold - proposal.threshold, state, info


def learned(rule, x, network=None, state=None, weights=None):
    """One step at a learning rate of 1: ``(weights, thresholds, state, info)``."""
    return program(one_step)(rule, network, batch(x, weights), state)


def test_hebb_is_the_lectures_sum_and_goes_back_exactly(x64):
    x = patterns()
    w, theta, _, info = learned(Hebbian(), x)
    np.testing.assert_array_equal(w, sum(np.outer(one, one) for one in x) - K * np.eye(N))
    assert not theta.any()
    assert int(info["mistakes"]) == 0  # a network without weights changes nothing
    weights = np.asarray([2, 0, 1, 1, 1])
    np.testing.assert_array_equal(
        learned(Hebbian(), x, weights=weights)[0], learned(Hebbian(), np.concatenate([x[:1], x[:1], x[2:]]))[0]
    )


def test_hebb_reports_the_bits_that_would_flip(x64):
    x = patterns(1, 9)
    network = hebb(x[:8])
    info = learned(Hebbian(), x, network=network)[3]
    wrong = x * (x @ np.asarray(network.structure.weights)) < 0
    assert float(info["loss"]) == pytest.approx(wrong.mean())
    assert int(info["mistakes"]) == wrong.any(1).sum() > 0


def test_covariance_written_out(x64):
    x, a = (patterns(2, 6) > 0.5).astype(float), 0.3
    w, theta, _, _ = learned(Covariance(a), x, network=hopfield(N, Bernoulli()))
    expected = sum(np.outer(one - a, one - a) for one in x) / (N * a * (1 - a))
    np.testing.assert_allclose(w, expected * (1 - np.eye(N)), atol=1e-12)
    np.testing.assert_allclose(theta, 0.5 - a)


@pytest.mark.parametrize("order", [1, 2])
def test_storkey_is_its_double_loop(order, x64):
    w = np.zeros((N, N))
    for x in patterns(3):
        h = np.zeros((N, N))
        for i, j in itertools.product(range(N), repeat=2):
            h[i, j] = sum(w[i, k] * x[k] for k in range(N) if k not in (i, j))
        new = w.copy()
        for i, j in itertools.product(range(N), repeat=2):
            if i != j:
                plain = x[i] * x[j] - x[i] * h[j, i] - h[i, j] * x[j]
                new[i, j] += (plain if order == 1 else (x[i] - h[i, j]) * (x[j] - h[j, i])) / N
        w = new
    found = learned(Storkey(order), patterns(3))[0]
    # The formula sees w_ii = 0 in both; order 1's compact form adds -x_i w_ij x_i + ..., which is the 2W term.
    np.testing.assert_allclose(found, w, atol=1e-12)
    padded = learned(Storkey(order), np.concatenate([patterns(3), np.zeros((3, N))]), weights=[1] * K + [0] * 3)[0]
    np.testing.assert_allclose(padded, w, atol=1e-12)


def test_projection_is_the_pseudoinverse_in_one_go_or_in_parts(x64):
    x = patterns(4, 7)
    p = np.linalg.pinv(x) @ x

    def projected(rows, state):
        """Nine rows, those that are not there weigh nothing: one program for them all."""
        there = np.arange(9) < len(rows)
        return learned(Projection(), np.concatenate([rows, x[: 9 - len(rows)]]), state=state, weights=there)

    w, _, state, info = projected(x, None)
    np.testing.assert_allclose(state[0], p, atol=1e-12)
    np.testing.assert_allclose(w, p * (1 - np.eye(N)), atol=1e-12)
    assert int(info["dependent"]) == 0
    np.testing.assert_allclose(x * (x @ w.T), 1 - np.broadcast_to(np.diag(p), x.shape), atol=1e-12)
    _, _, half, _ = projected(x[:3], None)
    np.testing.assert_allclose(np.trace(half[0]), 3, atol=1e-12)
    np.testing.assert_allclose(projected(x[3:], half)[2][0], p, atol=1e-12)
    again = projected(np.concatenate([x, -x[:2]]), None)
    assert int(again[3]["dependent"]) == 2
    np.testing.assert_allclose(again[2][0], p, atol=1e-12)


def test_two_patterns_that_differ_in_one_bit_both_stay():
    """P_ii is 1 there: what the others say of that bit is exactly nothing, and no float noise."""
    for seed in range(5):
        x = patterns(30 + seed, 5, 40)
        x[4] = np.where(np.arange(40) == 7, -x[0], x[0])
        model = fb.Hopfield("pseudoinverse").fit(x)
        assert not model.weights_[7].any()
        assert not model.weights_[:, 7].any()
        assert model.is_stable(x).all()


def test_perceptron_step_written_out(x64):
    x, network = patterns(5), hebb(patterns(6, 4))
    w = np.asarray(network.structure.weights).T
    expected = np.zeros((N, N))
    for one, i in itertools.product(x, range(N)):
        if one[i] * (w[i] @ one) / np.linalg.norm(w[i]) < 0.4:
            expected[i] += one[i] * one / N
    expected *= 1 - np.eye(N)
    free = HopfieldNetwork(Lateral(network.structure.weights))  # the wiring says whether it stays symmetric
    found = learned(MarginPerceptron(0.4), x, network=free)[0] - w
    np.testing.assert_allclose(found, expected, atol=1e-12)
    found = learned(MarginPerceptron(0.4), x, network=network)[0] - w
    np.testing.assert_allclose(found, (expected + expected.T) / 2, atol=1e-12)
    worst = learned(MarginPerceptron(9.0, worst=True), x, network=free)[0] - w
    stability = x * (x @ w.T) / np.linalg.norm(w, axis=1)
    for i in range(N):
        one = x[stability[:, i].argmin()]
        np.testing.assert_allclose(worst[i], np.where(np.arange(N) == i, 0, one[i] * one / N), atol=1e-12)


def test_probability_flow_descends_its_objective(x64):
    x, w = patterns(7), 0.1 * np.asarray(hebb(patterns(8, 3)).structure.weights)
    theta, weights = np.random.default_rng(9).normal(size=N), np.asarray([1.0, 2, 1, 0, 1])

    def flow(w, theta):
        return weights / weights.sum() @ np.exp(-x * (x @ w.T - theta)).sum(1)

    new_w, new_theta, _, info = learned(ProbabilityFlow(), x, HopfieldNetwork(w, theta), weights=weights)
    for i, j in ((0, 1), (3, 7), (11, 2)):
        step = np.zeros((N, N))
        step[i, j] = step[j, i] = 1e-6
        slope = (flow(w + step, theta) - flow(w - step, theta)) / 2e-6
        assert slope == pytest.approx(2 * (w - new_w)[i, j], rel=1e-6)
        step = 1e-6 * np.eye(N)[i]
        slope = (flow(w, theta + step) - flow(w, theta - step)) / 2e-6
        assert slope == pytest.approx((theta - new_theta)[i], rel=1e-6)
    assert float(info["loss"]) == pytest.approx(flow(w, theta) / N)


def dreamt(network, given, key):
    """By how much the weights change, on paper and times N: without and with the patterns themselves."""
    proposals = [rule.propose(network, given, (), key)[0] for rule in (Unlearning(), Unlearning(refresh=1.0))]
    return [-N * proposal.structure.weights.T for proposal in proposals]


def test_dreams_are_taken_out_of_the_weights(x64):
    x = patterns(10, 3)
    network = hebb(x)
    change, refreshed = program(dreamt)(network, batch(x), jax.random.key(1))
    # -Σ s s' of three fixed points: find them among all states of the network.
    w = np.asarray(network.structure.weights)
    every = np.asarray(fb.analysis.all_states(network.unit, N))
    fixed = every[(every * (every @ w) >= 0).all(1)]
    seen = {tuple(without(-sum(np.outer(s, s) for s in three)).ravel()) for three in threes(fixed)}
    assert tuple(change.ravel().round(9)) in seen
    np.testing.assert_allclose(refreshed - change, without(x.T @ x), atol=1e-9)


def threes(states):
    half = states[states[:, 0] > 0]  # s and -s have the same product
    return itertools.combinations_with_replacement(half, 3)


def without(weights):
    return weights * (1 - np.eye(len(weights)))


def test_unstable_bits_are_as_many_as_the_binomial_says():
    """Hebb's rule, 40 draws at two loads, within four standard errors."""
    for count in (20, 28):
        x = np.random.default_rng(count).choice([-1.0, 1.0], (40, count, 200))
        w = np.einsum("dki,dkj->dij", x, x) * (1 - np.eye(200))
        wrong = np.mean(x * np.einsum("dij,dkj->dki", w, x) < 0, axis=(1, 2))
        expected = bit_error(count, 200)
        assert abs(wrong.mean() - expected) < 4 * wrong.std(ddof=1) / np.sqrt(40)
        assert wrong.mean() > 0.5 * expected > 0


def test_the_replica_curve_meets_the_table():
    table = {0.05: 0.999992, 0.10: 0.997999, 0.12: 0.993223, 0.13: 0.987212, 0.137: 0.975444}
    for load, expected in table.items():
        assert replica_overlap(load) == pytest.approx(expected, abs=1e-6)
    assert critical_point().load == pytest.approx(0.137906, abs=1e-6)
    assert critical_point().overlap == pytest.approx(0.967417, abs=1e-5)
    assert replica_overlap(0.1380) == 0.0


# Share of patterns that are fixed points at N = 200, measured elsewhere: (rule, load, share, draws here).
SHARES = [
    ("hebbian", {}, 0.10, 0.900),
    ("hebbian", {}, 0.138, 0.601),
    ("storkey", {"order": 1}, 0.40, 0.854),
    ("storkey", {"order": 2}, 0.50, 0.957),
    ("pseudoinverse", {}, 0.90, 1.0),
    ("mpf", {}, 1.2, 1.0),
    ("perceptron", {}, 0.50, 1.0),
]


@pytest.mark.parametrize(("rule", "settings", "load", "share"), SHARES)
def test_shares_of_stable_patterns_meet_the_table(rule, settings, load, share):
    draws = [np.random.default_rng(seed).choice([-1.0, 1.0], (round(load * 200), 200)) for seed in range(10)]
    draws = draws if share < 1 else draws[:2]
    found = [fb.Hopfield(rule, **settings).fit(x).is_stable(x).mean() for x in draws]
    error = max(np.std(found, ddof=1) / np.sqrt(len(found)), 0.022)  # the table's own standard error is up to 0.022
    assert abs(np.mean(found) - share) <= (4 * error if share < 1 else 0)


# Share recalled (overlap above 0.99) from cues with a tenth of the bits turned, N = 200, five draws, elsewhere.
RECALLED = [
    ("hebbian", (0.05, 0.10, 0.138, 0.20), (1.00, 0.92, 0.44, 0.06)),
    ("pseudoinverse", (0.25, 0.40, 0.50, 0.60), (1.00, 0.98, 0.58, 0.04)),
]


@pytest.mark.parametrize(("rule", "loads", "shares"), RECALLED)
def test_shares_of_recalled_patterns_meet_the_table(rule, loads, shares):
    curve = fb.estimators.capacity_curve(fb.Hopfield(rule), 200, loads, draws=5)
    for load, share, found in zip(loads, shares, curve.recalled, strict=True):
        asked = 5 * round(load * 200)
        middle = np.clip((share + found.mean()) / 2, 1 / asked, 1 - 1 / asked)
        assert abs(found.mean() - share) <= 4 * np.sqrt(2 * middle * (1 - middle) / asked)


def test_cues_turned_more_and_more_are_lost_at_the_basins_edge():
    curve = fb.estimators.basin_curve(fb.Hopfield("pseudoinverse"), 200, 0.4, (0.0, 0.1, 0.3), draws=3)
    assert curve.at.tolist() == [0.0, 0.1, 0.3]
    assert (curve.stable == 1).all()
    assert curve.recalled.mean(1)[0] == 1 > curve.recalled.mean(1)[1] > 0.9 > 0.1 > curve.recalled.mean(1)[2]


def test_without_flips_the_curves_overlap_is_the_theorys():
    curve = fb.estimators.capacity_curve(fb.Hopfield(), 1000, (0.1,), draws=2, flips=0)
    assert curve.overlap.mean() == pytest.approx(replica_overlap(0.1), abs=0.005)


def test_curves_refuse_what_cannot_be_drawn():
    model = fb.Hopfield()
    for flips in (-0.1, 1.1, np.nan):
        with pytest.raises(ConfigurationError, match="capacity_curve, flips"):
            fb.estimators.capacity_curve(model, 50, (0.1,), flips=flips)
        with pytest.raises(ConfigurationError, match="basin_curve, flips"):
            fb.estimators.basin_curve(model, 50, 0.1, (flips,))
    with pytest.raises(ConfigurationError, match=r"basin_curve, load: .* got 0.001 of 50 neurons"):
        fb.estimators.basin_curve(model, 50, 0.001, (0.1,))
    with pytest.raises(ConfigurationError, match="capacity_curve, draws"):
        fb.estimators.capacity_curve(model, 50, (0.1,), draws=0)


def test_near_the_critical_load_the_overlap_is_the_theorys():
    x = np.random.default_rng(3).choice([-1.0, 1.0], (120, 1000))
    model = fb.Hopfield().fit(x)
    found = overlap(model.recall(x), x).diagonal()
    assert np.mean(found) == pytest.approx(replica_overlap(0.12), abs=0.01)


def test_what_is_refused(x64):
    with pytest.raises(ConfigurationError, match="0 and 1"):
        Covariance(0.2).init(hopfield(4), None)
    with pytest.raises(ConfigurationError, match="-1 and"):
        Hebbian().init(hopfield(4, Bernoulli()), None)
    with pytest.raises(DataError, match="12 bits"):
        learned(Hebbian(), patterns(units=5), network=hopfield(N))
    with pytest.raises(ConfigurationError, match="1 or 2"):
        Storkey(3)
    with pytest.raises(ConfigurationError, match="at least 0"):
        Unlearning(refresh=-1.0)
    with pytest.raises(ConfigurationError, match="above 0"):
        replica_overlap(0.0)
