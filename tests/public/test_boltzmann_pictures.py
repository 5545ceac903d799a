"""Pictures of Boltzmann machines: they are drawn for what can be drawn, and refuse the rest in one sentence."""

from types import SimpleNamespace

import jax
import matplotlib
import numpy as np
import pytest

import flambeau as fb
from flambeau.pictures.energy_charts import merged, most_probable
from table import held_out_bits

PNG = b"\x89PNG"
KEYS = jax.random.split(jax.random.key(0))
MACHINE = fb.networks.rbm(12, 20, key=KEYS[0])
GENERATOR = np.random.default_rng(0)


@pytest.fixture(scope="module")
def records():
    """Every record that a picture reads, from one run of a machine of 4 units."""
    rows, rule = held_out_bits(), fb.rules.ContrastiveDivergence()
    watch = (fb.monitors.FreeEnergyGap(rows, rows[:5]), fb.monitors.HiddenActivity(), fb.monitors.WeightHistogram(),
             fb.monitors.UpdateHistogram(), fb.monitors.ReceptiveFields(), fb.monitors.FantasyParticles(4))  # fmt: skip
    problem = fb.problems.Examples.of(rows, np.zeros(20))
    return fb.train(fb.networks.rbm(4, 5, key=KEYS[0]), rule, problem, steps=15, batch_size=8, monitors=watch).records


def test_every_record_has_its_picture(records):
    before, pictures = dict(matplotlib.rcParams), fb.pictures
    made = [
        pictures.receptive_fields_picture(records["receptive_fields"]["fields"][-1], (2, 2)),
        pictures.fantasies_picture(records["fantasy_particles"], (2, 2)),
        pictures.activity_picture(records["hidden_activity"]),
        pictures.histogram_picture(records["weight_histogram"]),
        pictures.histogram_picture(records["update_histogram"]),
        pictures.histogram_picture(records["update_histogram"], ["hidden_bias"]),
        pictures.free_energy_picture(records["free_energy_gap"]),
        pictures.free_energy_picture({"free_energy_gap": [0.1], "loss": [1.0]}),
    ]
    assert all(picture.startswith(PNG) for picture in made)
    assert len(set(made)) == len(made)
    assert pictures.activity_picture(records["hidden_activity"]) == made[2]  # the same figure is the same bytes
    assert dict(matplotlib.rcParams) == before


def test_fields_of_machines_networks_and_estimators_are_the_same():
    alone = fb.pictures.receptive_fields_picture(MACHINE, (3, 4))
    network = fb.networks.dbn([MACHINE, fb.networks.rbm(20, 3, key=KEYS[1])])
    fields = np.asarray(MACHINE.structure.weights).T
    estimator = fb.RBM()
    estimator.network_ = MACHINE
    for same in (network, fb.networks.dbn([MACHINE]), estimator, fields):
        assert fb.pictures.receptive_fields_picture(same, (3, 4)) == alone
    assert fb.pictures.receptive_fields_picture(MACHINE, (3, 4), 20) == alone
    assert fb.pictures.receptive_fields_picture(MACHINE, (3, 4), [3, 1]) != alone
    assert fb.pictures.receptive_fields_picture(MACHINE, (3, 3)).startswith(PNG)  # three columns are labels


def test_fields_refuse_what_has_none():
    with pytest.raises(fb.errors.DataError, match="image_shape"):
        fb.pictures.receptive_fields_picture(MACHINE, (4, 4))
    with pytest.raises(fb.errors.ConfigurationError, match="some of 20 hidden units"):
        fb.pictures.receptive_fields_picture(MACHINE, (3, 4), [20])
    with pytest.raises(fb.errors.ConfigurationError, match="pass the network"):
        fb.pictures.receptive_fields_picture("machine", (3, 4))


@pytest.mark.parametrize("shape", [(1, 12), (30, 12), (200, 12), (3, 5, 12)])
@pytest.mark.parametrize("titled", [False, True])
def test_samples_in_rows_and_groups(shape, titled):
    titles = [f"{number}" for number in range(shape[0])] if titled else None
    rows = GENERATOR.normal(size=shape)
    assert fb.pictures.samples_picture(rows, (3, 4), titles).startswith(PNG)
    assert fb.pictures.samples_picture(np.sign(rows), (3, 4), titles).startswith(PNG)


def test_samples_refuse_what_is_no_image():
    with pytest.raises(fb.errors.DataError, match="rows \\(n, visible\\)"):
        fb.pictures.samples_picture(np.zeros(12), (3, 4))
    with pytest.raises(fb.errors.DataError, match="image_shape"):
        fb.pictures.samples_picture(np.zeros((2, 12)), (12,))
    with pytest.raises(fb.errors.DataError, match="2 titles"):
        fb.pictures.samples_picture(np.zeros((2, 12)), (3, 4), ["one"])


def test_records_of_another_monitor_are_refused():
    other = {"loss": np.zeros(3)}
    for draw, monitor in (
        (lambda: fb.pictures.fantasies_picture(other, (2, 2)), "FantasyParticles"),
        (lambda: fb.pictures.activity_picture(other), "HiddenActivity"),
        (lambda: fb.pictures.histogram_picture(other), "WeightHistogram"),
        (lambda: fb.pictures.free_energy_picture(other), "FreeEnergyGap"),
    ):
        with pytest.raises(fb.errors.ConfigurationError, match=f"{monitor}, got loss"):
            draw()


def test_units_at_both_ends_of_their_activity_are_drawn():
    activity = np.asarray([[0.5] * 5, [0.0, 1.0, 0.005, 0.995, 0.5]])
    assert fb.pictures.activity_picture({"activity": activity}).startswith(PNG)


@pytest.mark.parametrize("states", [4, 65, 200])
def test_counts_against_probabilities(states):
    p = GENERATOR.dirichlet(np.ones(states))
    counts = GENERATOR.multinomial(1000, p)
    drawn = fb.pictures.gibbs_histogram_picture(counts, p)
    assert drawn.startswith(PNG)
    assert fb.pictures.gibbs_histogram_picture(counts / 1000, p, 1000) == drawn
    seen, exact = most_probable(counts / 1000, p)
    np.testing.assert_allclose([seen.sum(), exact.sum()], 1)
    assert (np.diff(exact[:64]) <= 0).all()


def test_what_are_no_counts_or_probabilities_is_refused():
    for counts, p in (([1, 2], [1.0]), ([1, 2], [0.5, 0.6]), ([-1, 2], [0.5, 0.5]), ([0, 0], [0.5, 0.5])):
        with pytest.raises(fb.errors.DataError, match="summing to 1"):
            fb.pictures.gibbs_histogram_picture(counts, p)
    with pytest.raises(fb.errors.DataError, match="pass samples=n"):
        fb.pictures.gibbs_histogram_picture([0.5, 0.5], [0.5, 0.5])


def test_bins_that_are_put_together_keep_their_area():
    edges, shares = np.linspace(-8, 8, 1601), GENERATOR.dirichlet(np.ones(1600), 3)
    ends, density = merged(edges, shares, (-1.0, 1.0), 100)
    np.testing.assert_allclose(density @ np.diff(ends), 1)
    assert 12 <= ((ends > -1) & (ends < 1)).sum() <= 25


@pytest.mark.parametrize(("forward", "reverse"), [(4.0, 6.0), (None, None), (4.0, float("nan"))])
def test_log_partition(forward, reverse):
    common = {"value": 5.0, "method": "ais", "forward": forward, "reverse": reverse}
    for low, trusted in ((4.0, False), (4.9, True), (5.0, True)):
        found = SimpleNamespace(low=low, high=10.0 - low, trusted=trusted, **common)
        assert fb.pictures.likelihood_picture(found).startswith(PNG)
