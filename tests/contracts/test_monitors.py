"""Every monitor: it watches, and changes not one bit."""

from itertools import pairwise

import jax
import numpy as np
import pytest

import flambeau as fb
from flambeau.problems import Examples, two_moons
from programs import program
from table import MONITORS, RBM_MONITORS, drawn, held_out, held_out_bits


def run_with(monitors):
    X, y = two_moons(40, noise=0.1, random_state=0)
    network = drawn(fb.networks.mlp, (2, 5, 1), "tanh", "sigmoid")
    rule = fb.rules.Backpropagation()
    return fb.train(network, rule, Examples.of(X, y), steps=30, batch_size=16, monitors=monitors, key=1)


@pytest.fixture(scope="module")
def runs():
    """The same run watched by nobody, and by all at once: were one of them no mere onlooker, the runs would differ."""
    return run_with(()), run_with(tuple(make() for make in MONITORS.values()))


def test_monitors_change_nothing(runs):
    alone, watched = runs
    jax.tree.map(np.testing.assert_array_equal, watched.network, alone.network)
    jax.tree.map(np.testing.assert_array_equal, watched.progress.optimiser, alone.progress.optimiser)


def check_records(records, rounds):
    assert records
    assert all(len(values) == rounds for values in records.values())
    assert all(np.isfinite(values).all() for values in records.values())


@pytest.mark.parametrize("name", MONITORS)
def test_a_monitor_records_every_round(name, runs):
    assert runs[1].rounds == 10
    check_records(runs[1].records[MONITORS[name]().name], 10)


def rbm_with(monitors, sampler):
    """20 rows in batches of 8: the last is half padding."""
    rule = fb.rules.ContrastiveDivergence(sampler)
    problem = Examples.of(held_out_bits(), np.zeros(20))
    network = drawn(fb.networks.rbm, 4, 5)
    return fb.train(network, rule, problem, steps=15, batch_size=8, monitors=monitors, key=1)


SAMPLERS = {"cd": fb.dynamics.FromData(2), "pcd": fb.dynamics.Persistent(6)}


@pytest.fixture(scope="module", params=SAMPLERS)
def machines(request):
    """As ``runs``, for each way to draw the model's side."""
    everyone = tuple(make() for make in RBM_MONITORS.values())
    return [rbm_with(monitors, SAMPLERS[request.param]) for monitors in ((), everyone)]


def test_monitors_of_a_boltzmann_machine_change_nothing(machines):
    alone, watched = machines
    jax.tree.map(np.testing.assert_array_equal, watched.network, alone.network)
    jax.tree.map(np.testing.assert_array_equal, watched.progress.rule, alone.progress.rule)


@pytest.mark.parametrize("name", RBM_MONITORS)
def test_a_monitor_of_a_boltzmann_machine_records_every_round(name, machines):
    assert machines[1].rounds == 5
    check_records(machines[1].records[RBM_MONITORS[name]().name], 5)


def plain_run():
    """The same run by hand: network before every step, its step loss, its wrong decisions; and the last network."""
    X, y = two_moons(40, noise=0.1, random_state=0)
    problem, network = Examples.of(X, y), drawn(fb.networks.mlp, (2, 5, 1), "tanh", "sigmoid")
    rule, trail = fb.rules.Backpropagation(), []
    for rows in problem.feed(np.asarray([0, 1], np.uint32), 0, 10, 16).reshape(-1, 16):
        batch = problem.batch(rows, (), jax.random.key(0))
        y, d, w = program(network)(batch.inputs), np.asarray(batch.targets), np.asarray(batch.weights)
        loss = float((0.5 * (y - d) ** 2)[:, 0] @ w / w.sum())
        trail.append((network, loss, float((((y > 0.5) != (d > 0.5))[:, 0] * w).sum())))
        proposal = program(rule.propose)(network, batch, (), jax.random.key(0))[0]
        network = jax.tree.map(lambda v, g: np.asarray(v) - np.float32(0.1) * g, network, proposal)
    return [trail[i : i + 3] for i in range(0, 30, 3)], [*(trail[i][0] for i in range(3, 30, 3)), network]


def test_what_they_record_is_what_happened(runs):
    records = runs[1].records
    rounds, ends = plain_run()
    losses = np.asarray([[loss for _, loss, _ in steps] for steps in rounds])
    band = records["error_curve"]
    for name, expected in {
        "first": losses[:, 0],
        "last": losses[:, -1],
        "lowest": losses.min(1),
        "highest": losses.max(1),
    }.items():
        np.testing.assert_allclose(band[name], expected, rtol=1e-4)
    np.testing.assert_array_equal(records["mistakes"]["mistakes"], [sum(m for _, _, m in steps) for steps in rounds])
    path, weights = "layers.0.structure.weights", lambda network: np.asarray(network.layers[0].structure.weights)
    expected = [np.linalg.norm(weights(network)) for network in ends]
    np.testing.assert_allclose(records["weight_norms"][path], expected, rtol=1e-5)
    nets = [network for steps in rounds for network, _, _ in steps] + [ends[-1]]
    moves = [(weights(before), weights(after)) for before, after in pairwise(nets)]
    ratios = [np.linalg.norm(after - before) / np.linalg.norm(before) for before, after in moves]
    np.testing.assert_allclose(records["update_norms"][path], np.reshape(ratios, (10, 3)).mean(1), rtol=1e-2)
    surface = records["decision_surface"]["outputs"]
    place = np.asarray([[-0.2 + 1.4 * 3 / 4, -0.2 + 1.4 * 1 / 4]], np.float32)  # 4th along x₁, 2nd along x₂
    np.testing.assert_allclose(surface[4, 1, 3], program(ends[4])(place)[0], rtol=1e-4)
    held = jax.tree.map(np.asarray, held_out())
    errors = [(0.5 * (program(net)(held.inputs) - held.targets) ** 2)[:, 0] for net in ends]
    expected = [error @ held.weights / held.weights.sum() for error in errors]
    np.testing.assert_allclose(records["validation_curve"]["validation_loss"], expected, rtol=1e-4)


def test_a_monitor_that_needs_what_the_rule_does_not_offer_is_refused():
    X, y = two_moons(40, noise=0.1, random_state=0)
    network = drawn(fb.networks.mlp, (2, 1), output="sigmoid")
    with pytest.raises(fb.errors.ConfigurationError, match=r"mistakes: .*DeltaRule, which offers"):
        fb.train(
            network, fb.rules.DeltaRule(), Examples.of(X, y), steps=3, batch_size=8, monitors=(fb.monitors.Mistakes(),)
        )
