"""What monitors of Boltzmann machines write down, against plain NumPy on the same run by hand."""

import dataclasses
import functools
import itertools

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import expit, logsumexp

import flambeau as fb
from flambeau import monitors
from flambeau.dynamics import FromData
from flambeau.errors import ConfigurationError
from flambeau.networks import RestrictedBoltzmannMachine
from flambeau.neurons import Bernoulli, Categorical, Gaussian, Mixed, Spin
from flambeau.problems import Examples
from flambeau.rules import Batch, ContrastiveDivergence
from flambeau.structures import Dense
from flambeau.training import Moment
from programs import program

ROWS = np.random.default_rng(3).integers(0, 2, (7, 4)).astype(np.float32)
RATE = 0.1


def machine_of(visible=None, hidden=5, columns=4, scale=1.0):
    generator = np.random.default_rng(1)
    weights, b, c = (scale * generator.normal(size=shape) for shape in ((columns, hidden), columns, hidden))
    parts = (jax.device_put(part.astype(np.float32)) for part in (weights, b, c))
    structure, *biases = parts
    return RestrictedBoltzmannMachine(Dense(structure), *biases, visible or Bernoulli(), Bernoulli())


def observed(monitor, network, steps):
    """The memory after ``steps`` of (update, info, batch), and the network."""
    memory = monitor.init(network)
    for number, (update, info, batch) in enumerate(steps):
        memory = monitor.observe(memory, Moment(jnp.asarray(number), batch, network, update, update, info))
        network = jax.tree.map(jnp.add, network, update)
    return memory, network


def recorded(watchers, network, steps):
    """Of each monitor its record of one round, and its memory after it and at the start."""
    found = []
    for monitor in watchers:
        memory, last = observed(monitor, network, steps)
        memory, record = monitor.record(memory, last)
        found.append((record, memory, monitor.init(last)))
    return found


def watched(network, steps, *watchers):
    """One round by hand: the monitors' records, all from one program; after it their memory is as at the start."""
    found = program(recorded)(watchers, network, steps)
    for _, memory, start in found:
        jax.tree.map(np.testing.assert_array_equal, memory, start)
    return [record for record, _, _ in found]


def stepped(rule, network, batches):
    """One step for each batch, as (update, info, batch)."""
    state, found = rule.init(network, None), []
    for number, batch in enumerate(batches):
        proposal, state, info = rule.propose(network, batch, state, jax.random.key(number))
        update = jax.tree.map(lambda leaf: -RATE * leaf, proposal)
        found.append((update, info, batch))
        network = jax.tree.map(jnp.add, network, update)
    return found


@functools.cache
def learning():
    """A network and its two steps, with batches of 4 from 7 rows; the last row is padding."""
    weights = np.ones(8, np.float32)
    weights[7] = 0
    batches = []
    for number in range(2):
        own = np.arange(4 * number, 4 * number + 4)
        batches.append(Batch(ROWS[np.minimum(own, 6)], np.zeros((4, 1), np.float32), weights[own]))
    network = machine_of()
    return network, program(stepped)(ContrastiveDivergence(FromData(1)), network, batches)


def moved(network, update):
    """The network after a step, in NumPy."""
    return jax.tree.map(lambda leaf, step: np.asarray(leaf) + step, network, update)


def stages(network, steps):
    """The network before every step, as (weights, b, c)."""
    for update, _, _ in steps:
        yield tuple(
            np.asarray(part, float) for part in (network.structure.weights, network.visible_bias, network.hidden_bias)
        )
        network = moved(network, update)


def test_reconstruction_error_and_activity_are_means_over_the_seven_rows():
    network, steps = learning()
    errors, activity = [], []
    for (weights, b, c), rows in zip(stages(network, steps), (ROWS[:4], ROWS[4:]), strict=True):
        hidden = expit(c + rows @ weights)
        errors.extend(((rows - expit(b + hidden @ weights.T)) ** 2).sum(axis=1))
        activity.extend(hidden)
    mean = np.mean(activity, axis=0)
    low, high = float(np.sort(mean)[1]) + 1e-4, float(np.sort(mean)[-2]) + 1e-4  # two units below, one above
    error, found = watched(network, steps, monitors.ReconstructionError(), monitors.HiddenActivity(low, high))
    np.testing.assert_allclose(error["reconstruction_error"], np.mean(errors), rtol=1e-5)
    np.testing.assert_allclose(found["activity"], mean, rtol=1e-5)
    np.testing.assert_allclose([found["dead"], found["always_on"]], [0.4, 0.2], rtol=1e-6)


def test_dead_and_always_on_units_are_named():
    records = {"activity": np.asarray([[0.5, 0.5, 0.5], [0.001, 0.995, 0.2]])}
    assert monitors.dead_units(records).tolist() == [0]
    assert monitors.always_on_units(records).tolist() == [1]
    assert monitors.dead_units(records, below=0.3).tolist() == [0, 2]
    assert monitors.dead_units(records, at=0).tolist() == monitors.always_on_units(records, at=0).tolist() == []


UNITS = {
    "bernoulli": (Bernoulli(), [[[0], [1]]] * 4),
    "spin": (Spin(), [[[-1], [1]]] * 4),
    "softmax": (Categorical(2), [[[1, 0], [0, 1]]] * 2),
    "mixed": (Mixed((Bernoulli(), Categorical(3)), (1, 3)), [[[0], [1]], np.eye(3)]),
}


@pytest.mark.parametrize("kind", UNITS)
def test_pseudo_likelihood_is_the_sum_of_conditionals_from_the_joint(kind):
    unit, choices = UNITS[kind]
    network = machine_of(unit)
    states = [np.concatenate(state) for state in itertools.product(*choices)]
    free_energy = program(network.free_energy)(np.asarray(states, np.float32))
    log_p = dict(zip(map(tuple, states), -free_energy, strict=True))
    rows, ends = states[:: max(1, len(states) // 6)], np.cumsum([0, *(len(own[0]) for own in choices)])
    expected = np.zeros((len(rows), len(choices)))
    for number, row in enumerate(rows):
        for place, own in enumerate(choices):
            tried = [np.concatenate([row[: ends[place]], state, row[ends[place + 1] :]]) for state in own]
            expected[number, place] = log_p[tuple(row)] - logsumexp([log_p[tuple(other)] for other in tried])
    many = np.tile(rows, (15, 1))  # every row and its copies are asked for units of their own
    watchers = (
        monitors.PseudoLikelihood.on(rows, 99),
        *(monitors.PseudoLikelihood.on(many, 1, seed) for seed in range(2)),
    )
    exact, *guesses = (record["pseudo_log_likelihood"] for record in watched(network, [], *watchers))
    np.testing.assert_allclose(exact, expected.sum(axis=1).mean(), rtol=1e-4)
    assert guesses[0] != guesses[1]
    spread = len(choices) * expected.std() / np.sqrt(len(rows) * 30)
    assert abs(np.mean(guesses) - exact) < 4 * spread


def test_grey_values_count_as_mixtures_of_their_states():
    network, row = machine_of(), np.asarray([0.3, 1, 0, 1], np.float32)
    weights, b, c = next(stages(network, [(network, None, None)]))
    odds = []
    for place in range(4):
        on, off = row.copy(), row.copy()
        on[place], off[place] = 1, 0
        summed = [np.logaddexp(0, c + v @ weights).sum() for v in (on, off)]
        odds.append(b[place] + summed[0] - summed[1])
    p = expit(odds)
    expected = (row * np.log(p) + (1 - row) * np.log(1 - p)).sum()
    (found,) = watched(network, [], monitors.PseudoLikelihood.on([row], 4))
    np.testing.assert_allclose(found["pseudo_log_likelihood"], expected, rtol=1e-4)


def test_continuous_units_and_silly_numbers_are_refused():
    with pytest.raises(ConfigurationError, match="finitely many states"):
        watched(machine_of(Gaussian()), [], monitors.PseudoLikelihood.on(ROWS))
    with pytest.raises(ConfigurationError, match="at least 1"):
        monitors.PseudoLikelihood.on(ROWS, 0)


def test_weight_histogram_counts_what_numpy_counts():
    network, steps = learning()
    (found,) = watched(network, steps, monitors.WeightHistogram(0.8, 16))
    after = functools.reduce(moved, (update for update, _, _ in steps), network)
    for path, values in {"structure.weights": after.structure.weights, "hidden_bias": after.hidden_bias}.items():
        edges = np.concatenate([[-np.inf], np.linspace(-0.8, 0.8, 17), [np.inf]])
        np.testing.assert_array_equal(found[path], np.histogram(np.asarray(values, float), edges)[0])
    np.testing.assert_allclose(found["edges"], np.linspace(-0.8, 0.8, 17), atol=1e-6)
    assert set(found) == {"edges", "structure.weights", "visible_bias", "hidden_bias"}


@pytest.mark.parametrize("entries", [6, 4096])
def test_update_histogram_counts_ratios_of_all_steps(entries):
    network, steps = learning()
    network = dataclasses.replace(network, visible_bias=np.asarray([0.0, 1, 0, 1], np.float32))
    change = np.asarray([0.0, 0.0, 1e-3, 1e-3], np.float32)
    steps = [(eqx.tree_at(lambda own: own.visible_bias, update, change), *rest) for update, *rest in steps]
    (found,) = watched(network, steps, monitors.UpdateHistogram(-4, 0, 8, entries))
    edges, followed = np.concatenate([[-np.inf], np.linspace(-4, 0, 9), [np.inf]]), np.linspace(0, 19, min(entries, 20))
    expected = np.zeros(10, int)
    for (weights, _, _), (update, _, _) in zip(stages(network, steps), steps, strict=True):
        ratio = np.log10(np.abs(np.asarray(update.structure.weights, float) / weights)).ravel()
        expected += np.histogram(ratio[followed.round().astype(int)], edges)[0]
    np.testing.assert_array_equal(found["structure.weights"], expected)
    np.testing.assert_allclose(found["log10_edges"], np.linspace(-4, 0, 9), atol=1e-6)
    # Two that stand still (one at 0), one that leaves 0 and then doubles, one in the middle; in both steps.
    assert found["visible_bias"][[0, -1]].tolist() == [4, 2]
    assert found["visible_bias"].sum() == 8


def test_what_is_not_learned_stands_still():
    X, d = fb.problems.xor()
    network = fb.networks.mlp((2, 3, 1), key=jax.random.key(0))
    trainable = jax.tree.map(lambda leaf: leaf.ndim == 1, network)
    run = fb.train(network, fb.rules.Backpropagation(), Examples.of(X, d), steps=3, batch_size=4, trainable=trainable,
                   monitors=(monitors.UpdateHistogram(),))  # fmt: skip
    counts = run.records["update_histogram"]["layers.0.structure.weights"]
    assert counts[:, 0].tolist() == [6, 6, 6]


def test_receptive_fields_are_rows_of_the_transposed_weights():
    network, steps = learning()
    few, every = watched(network, steps, monitors.ReceptiveFields(3), monitors.ReceptiveFields(99))
    after = functools.reduce(moved, (update for update, _, _ in steps), network)
    np.testing.assert_allclose(few["fields"], after.structure.weights.T[:3], rtol=1e-5)
    assert every["fields"].shape == (5, 4)


def test_receptive_fields_of_any_connections():
    network = fb.networks.mlp((6, 3, 2), key=jax.random.key(0))
    monitor = monitors.ReceptiveFields(2, where=lambda network: network.layers[1].structure)
    found = program(monitor.look)(network)["fields"]
    np.testing.assert_allclose(found, np.asarray(network.layers[1].structure.weights).T, rtol=1e-6)


def test_fantasies_are_the_last_particles_that_count():
    network, steps = learning()
    memory, _ = program(observed)(monitors.FantasyParticles(4), network, steps)
    first, last = (info["particles"].visible for _, info, _ in steps)
    np.testing.assert_array_equal(memory, np.concatenate([last[:3], first[3:]]))
    with pytest.raises(ConfigurationError, match="watch fewer"):
        watched(network, steps, monitors.FantasyParticles(5))
