"""Every monitor: it watches, and changes not one bit."""

import jax
import numpy as np
import pytest

import flambeau as fb
from flambeau.problems import Examples, two_moons
from table import MONITORS


def run_with(monitors):
    X, y = two_moons(40, noise=0.1, random_state=0)
    network = fb.networks.mlp((2, 5, 1), "tanh", "sigmoid", key=jax.random.key(0))
    rule = fb.rules.Backpropagation()
    return fb.train(network, rule, Examples.of(X, y), steps=30, batch_size=16, monitors=monitors, key=1)


@pytest.fixture(scope="module")
def alone():
    return run_with(())


@pytest.mark.parametrize("name", MONITORS)
def test_a_monitor_changes_nothing_and_records_every_round(name, alone):
    monitor = MONITORS[name]()
    run = run_with((monitor,))
    jax.tree.map(np.testing.assert_array_equal, run.network, alone.network)
    jax.tree.map(np.testing.assert_array_equal, run.progress.optimiser, alone.progress.optimiser)
    records = run.records[monitor.name]
    assert records
    assert all(len(values) == run.rounds == 10 for values in records.values())
    assert all(np.isfinite(values).all() for values in records.values())


def test_all_monitors_together_change_nothing(alone):
    run = run_with(tuple(make() for make in MONITORS.values()))
    jax.tree.map(np.testing.assert_array_equal, run.network, alone.network)


def test_what_they_record_is_what_happened():
    run = run_with(tuple(make() for make in MONITORS.values()))
    last = run.network.layers[0].structure.weights
    np.testing.assert_allclose(
        run.records["weight_norms"]["layers.0.structure.weights"][-1], np.linalg.norm(last), rtol=1e-6
    )
    surface = run.records["decision_surface"]["outputs"]
    assert surface.shape == (10, 5, 5, 1)
    corner = run.network(np.asarray([[-0.2, -0.2]], np.float32))
    np.testing.assert_allclose(surface[-1, 0, 0], corner[0], rtol=1e-5)
    band = run.records["error_curve"]
    assert (band["lowest"] <= run.history["loss"]).all()
    assert (run.history["loss"] <= band["highest"]).all()
    assert run.records["mistakes"]["mistakes"].max() <= 40


def test_a_monitor_that_needs_what_the_rule_does_not_offer_is_refused():
    X, y = two_moons(40, noise=0.1, random_state=0)
    network = fb.networks.mlp((2, 1), output="sigmoid", key=jax.random.key(0))
    with pytest.raises(fb.errors.ConfigurationError, match=r"mistakes: .*DeltaRule, which offers"):
        fb.train(
            network, fb.rules.DeltaRule(), Examples.of(X, y), steps=3, batch_size=8, monitors=(fb.monitors.Mistakes(),)
        )
