"""Hopfield networks against the lecture's example, plain loops, enumeration and theorems.

Most questions are about all 1,024 states of ten neurons: a program for each order of change then serves them all.
"""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from flambeau.analysis import all_states
from flambeau.dynamics import AbstractUpdate, Asynchronous, BlockSequential, Glauber, Greedy, Synchronous, settle
from flambeau.dynamics.asynchronous import visit_in_blocks, visit_one_by_one
from flambeau.errors import ConfigurationError, DataError
from flambeau.networks import DenseMemory, HopfieldNetwork, Polynomial, recoded
from flambeau.neurons import Bernoulli, Spin
from flambeau.structures import Lateral, lateral
from programs import program

LECTURE = np.asarray([[1.0, -1, -1, 1], [-1, 1, -1, 1]])
SIXTEEN = np.asarray(list(itertools.product([-1.0, 1.0], repeat=4)), np.float32)
ALL_OF_TEN = np.asarray(all_states(Spin(), 10), np.float32)
CYCLIC = Asynchronous()


def lecture() -> HopfieldNetwork:
    """The lecture's weights."""
    return HopfieldNetwork((LECTURE.T @ LECTURE - 2 * np.eye(4)).astype(np.float32))


def symmetric(seed: int, units: int = 10, *, dtype=np.float32) -> HopfieldNetwork:
    """A random network that keeps the promise."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(units, units))
    weights = np.tril(weights, -1) + np.tril(weights, -1).T
    return HopfieldNetwork(weights.astype(dtype), rng.normal(size=units).astype(dtype))


def random_states(seed: int, batch: int, units: int, dtype=np.float32) -> np.ndarray:
    return np.random.default_rng(seed).choice([-1.0, 1.0], (batch, units)).astype(dtype)


def on_paper(network: HopfieldNetwork) -> tuple[np.ndarray, np.ndarray]:
    """W and θ of a network whose diagonal counts or is empty, as numbers for a plain loop."""
    return np.asarray(network.structure.weights, np.float64).T, -np.asarray(network.bias, np.float64)


def seen(network, states) -> tuple[jax.Array, jax.Array]:
    return network.energy(states), network.net(states)


def settled(network, states, update=CYCLIC, *, seed: int = 0, max_sweeps: int = 100, held=None):
    """As one program for an order of change, whatever the limit."""
    limit = jnp.asarray(max_sweeps)
    return program(settle)(network, states, update, key=jax.random.key(seed), max_sweeps=limit, held=held)


def visited(network, states, order, distinct: bool = True) -> jax.Array:
    return network.visit(states, order, None, distinct)


def plain(network: HopfieldNetwork, states, order) -> np.ndarray:
    """Neuron by neuron, state by state, in NumPy."""
    w, theta = on_paper(network)
    states = np.array(states, np.float64)
    low, high = network.levels
    for s in states:
        for i in order:
            h = w[i] @ s - theta[i]
            s[i] = high if h > 0 else low if h < 0 else s[i]
    return states


def in_both_codings(network, states):
    """How far the energies are apart, where the other one ends, and the network after there and back."""
    coded, bits = recoded(network), (states + 1) / 2
    return coded.energy(bits) - network.energy(states), settle(coded, bits).states, recoded(coded)


class TestLecture:
    def test_weights_and_all_energies(self):
        network = lecture()
        expected = [[0, -2, 0, 0], [-2, 0, 0, 0], [0, 0, 0, -2], [0, 0, -2, 0]]
        assert np.asarray(network.structure.weights).tolist() == expected
        x1, x2, x3, x4 = SIXTEEN.T
        energies, net = program(seen)(network, SIXTEEN)
        np.testing.assert_array_equal(energies, 2 * (x1 * x2 + x3 * x4))
        assert [(energies == level).sum() for level in (-4, 0, 4)] == [4, 8, 4]
        assert (net != 0).all()

    def test_the_four_minima_and_their_basins(self):
        found = settle(lecture(), jnp.asarray(SIXTEEN))
        assert np.asarray(found.fixed).all()
        ends = {tuple(state) for state in np.asarray(found.states).astype(int).tolist()}
        assert ends == {tuple(x) for x in np.concatenate([LECTURE, -LECTURE]).astype(int).tolist()}
        counts = np.unique(np.asarray(found.states), axis=0, return_counts=True)[1]
        assert counts.tolist() == [4, 4, 4, 4]

    def test_the_order_of_change_decides(self):
        start = np.asarray([[1.0, 1.0, 1.0, -1.0]], np.float32)
        for order, expected in (([0, 1, 2, 3], [-1, 1, 1, -1]), ([1, 0, 2, 3], [1, -1, 1, -1])):
            assert program(visited)(lecture(), start, np.asarray(order)).tolist() == [expected]

    def test_synchronous_all_twelve_others_swing(self):
        found = settled(lecture(), SIXTEEN, Synchronous())
        energies = program(seen)(lecture(), SIXTEEN)[0]
        np.testing.assert_array_equal(found.fixed, energies == -4)
        np.testing.assert_array_equal(found.cycle, energies != -4)
        once = settled(lecture(), SIXTEEN, Synchronous(), max_sweeps=1)
        assert SIXTEEN[-1].tolist() == [1.0] * 4
        assert once.states[-1].tolist() == [-1.0] * 4

    def test_for_zeros_and_ones_too(self):
        network = lecture()
        apart, ends, back = program(in_both_codings)(network, SIXTEEN)
        assert np.ptp(apart) == 0
        np.testing.assert_array_equal(2 * ends - 1, settle(network, jnp.asarray(SIXTEEN)).states)
        np.testing.assert_array_equal(back.structure.weights, np.asarray(network.structure.weights))
        np.testing.assert_array_equal(back.bias, np.asarray(network.bias))
        assert isinstance(back.unit, Spin)


def both_loops(network, states, order, noise):
    given = network.structure, network.bias, states, order, noise, (-1.0, 1.0)
    return visit_in_blocks(*given), visit_one_by_one(*given)


class TestVisits:
    @pytest.mark.parametrize("units", [5, 150])
    def test_blocks_are_the_plain_loop_bit_for_bit(self, units):
        rng = np.random.default_rng(units)
        weights = rng.integers(-3, 4, (units, units)).astype(np.float32)  # asymmetric, with a diagonal: no matter
        network = HopfieldNetwork(weights, rng.integers(-2, 3, units).astype(np.float32))
        states, order = random_states(1, 7, units), rng.permutation(units)
        noise = rng.integers(-4, 5, (units, 7)).astype(np.float32)
        expected = plain(network, states, order)
        for extra in (None, np.zeros_like(noise)):
            for found in program(both_loops)(network, states, order, extra):
                np.testing.assert_array_equal(found, expected)
        noisy = program(both_loops)(network, states, order, noise)
        np.testing.assert_array_equal(*noisy)
        assert (noisy[0] != expected).any()

    def test_a_neuron_may_come_twice_one_by_one_and_nobody_is_minus_one(self):
        network, order = symmetric(3), np.asarray([0, 3, 3, 5, 0, 1])
        padded = np.concatenate([order, [-1, -1]])
        found = program(visited)(network, ALL_OF_TEN, padded, distinct=False)
        np.testing.assert_array_equal(found, plain(network, ALL_OF_TEN, order))

    def test_a_batch_is_its_rows(self):
        network, states = symmetric(4, 40), random_states(4, 9, 40)
        together = settled(network, states, Asynchronous("random"), seed=1)
        for row in (0, 8):
            alone = settled(network, states[row : row + 1], Asynchronous("random"), seed=1)
            np.testing.assert_array_equal(alone.states[0], together.states[row])


def watched(network, states, order):
    """The energies at the start and at the end of visits, and the largest rise of any of them."""

    def one(carry, i):
        states, before, rise = carry
        states = network.visit(states, i[None], None, distinct=True)
        now = network.energy(states)
        return (states, now, jnp.maximum(rise, jnp.max(now - before))), None

    first = network.energy(states)
    (_, last, rise), _ = jax.lax.scan(one, (states, first, jnp.asarray(-jnp.inf)), order)
    return first, last, rise


class TestEnergy:
    def test_it_never_rises_in_a_million_random_updates(self, x64):
        """10,000 visits of 100 states by the loop in blocks, watched one by one in double precision."""
        network, states = symmetric(5, 30, dtype=np.float64), random_states(5, 100, 30, np.float64)
        order = np.random.default_rng(5).integers(0, 30, 10_000)
        first, last, rise = program(watched)(network, states, order)
        assert rise <= 1e-12
        assert (last < first).all()

    @pytest.mark.parametrize("unit", [Spin(), Bernoulli()])
    def test_a_flip_costs_its_net_input(self, unit, x64):
        network = symmetric(6, 8, dtype=np.float64)
        network = network if isinstance(unit, Spin) else program(recoded)(network)
        states = np.asarray(all_states(unit, 8)[::37], np.float64)
        flipped = np.repeat(states[None], 9, axis=0)  # by neuron 0, 1, ... and last by nobody
        for i in range(8):
            flipped[i, :, i] = sum(network.levels) - states[:, i]
        energies, nets = program(seen)(network, flipped)
        for i in range(8):
            change = (flipped[i] - states)[:, i]
            np.testing.assert_allclose(energies[i] - energies[8], -change * nets[8][:, i], atol=1e-12)

    def test_synchronous_the_energy_of_two_times_never_rises(self, x64):
        network, states = symmetric(7, 12, dtype=np.float64), random_states(7, 200, 12, np.float64)
        path = [states]
        for _ in range(6):
            path.append(settled(network, path[-1], Synchronous(), max_sweeps=1).states)
        w, theta = on_paper(network)
        pairs = [
            -np.einsum("bi,ij,bj->b", now, w, before) + (now + before) @ theta
            for before, now in itertools.pairwise(path)
        ]
        assert (np.diff(pairs, axis=0) <= 1e-12).all()

    def test_the_trace_is_the_energy_after_every_sweep(self):
        network, states = symmetric(8, 25), random_states(8, 20, 25)
        found = settle(network, jnp.asarray(states), max_sweeps=20, trace=20)
        energies = np.asarray(found.energies)
        first, last = (program(seen)(network, each)[0] for each in (states, np.asarray(found.states)))
        np.testing.assert_allclose(energies[0], first, rtol=1e-6)
        for row, sweeps in enumerate(np.asarray(found.sweeps)):
            known = energies[: sweeps + 1, row]
            assert (np.diff(known) < 0).all()
            np.testing.assert_allclose(known[-1], last[row], rtol=1e-6)
            assert np.isnan(energies[sweeps + 2 :, row]).all()
        np.testing.assert_array_equal(np.asarray(found.rise), 0)

    def test_a_swing_too_has_an_end(self):
        states = jnp.asarray(random_states(21, 20, 25))
        found = settle(symmetric(21, 25), states, Synchronous(), max_sweeps=40, trace=40)
        cycle, sweeps = np.asarray(found.cycle), np.asarray(found.sweeps)
        assert cycle.sum() > 1
        assert np.ptp(sweeps[cycle]) > 1  # some swing while others still look for their end
        known = np.arange(sweeps[cycle].max() + 1)[:, None] <= sweeps[cycle]
        assert found.energies.shape == (sweeps.max() + 1, 20)  # by the work done, not by the limit
        np.testing.assert_array_equal(np.isnan(np.asarray(found.energies)[:, cycle]), ~known)

    def test_the_largest_rise_is_that_of_the_trace(self):
        weights = np.random.default_rng(15).normal(size=(25, 25)).astype(np.float32)  # not symmetric
        found = settle(HopfieldNetwork(weights), jnp.asarray(random_states(15, 20, 25)), max_sweeps=20, trace=20)
        expected = np.fmax.reduce(np.diff(np.asarray(found.energies), axis=0))
        assert (expected > 1).all()
        np.testing.assert_array_equal(np.asarray(found.rise), expected)
        with pytest.raises(ConfigurationError, match="recorded energies"):
            _ = found._replace(energies=None).rise


class Cooling(AbstractUpdate):
    """A test's own order: a temperature that halves with every sweep."""

    temperature: float

    @property
    def proof(self):
        return "look"

    def sweep(self, network, states, pull, key, number):
        now = jnp.maximum(self.temperature * 0.5**number, 1e-6)
        return Glauber(now).sweep(network, states, pull, key, number)


def one_sweep(network, states, temperature, key, number):
    return Glauber(temperature).sweep(network, states, None, jax.random.fold_in(key, number), number)


def recorded_within(network, states):
    """The energies of a settling that is part of a larger program."""
    return settle(network, states, trace=7).energies


class TestNumberedSweeps:
    def test_a_temperature_may_fall_within_one_settling(self):
        network = symmetric(30)
        found = settled(network, ALL_OF_TEN, Cooling(8.0), seed=1, max_sweeps=60)
        assert found.fixed.all()
        assert (found.states * program(seen)(network, found.states)[1] >= 0).all()
        by_hand = ALL_OF_TEN
        for number in range(3):
            temperature = np.float32(8.0 * 0.5**number)
            by_hand = program(one_sweep)(network, by_hand, temperature, jax.random.key(1), np.asarray(number))
        three = settled(network, ALL_OF_TEN, Cooling(8.0), seed=1, max_sweeps=3)
        moving = ~three.fixed
        assert moving.sum() > 100
        np.testing.assert_array_equal(three.states[moving], by_hand[moving])

    def test_a_trace_is_as_long_as_the_work_and_within_a_program_as_long_as_asked(self):
        network, starts = symmetric(31, 25), random_states(31, 20, 25)
        outside = settle(network, jnp.asarray(starts), trace=10**9, max_sweeps=10**9)
        inside = program(recorded_within)(network, starts)
        count = len(outside.energies)
        assert count == np.asarray(outside.sweeps).max() + 2 <= 8  # the last sweep shows that nothing changes
        np.testing.assert_allclose(inside[:count], outside.energies, rtol=1e-6)
        assert np.isnan(inside[count:]).all()
        # Longer than one stretch:
        shaken = settle(network, jnp.asarray(starts), Glauber(2.0), max_sweeps=150, trace=150)
        again = settled(network, starts, Glauber(2.0), max_sweeps=150)
        np.testing.assert_array_equal(np.asarray(shaken.states), again.states)
        assert shaken.energies.shape == (151, 20)
        assert not np.isnan(shaken.energies).any()
        with pytest.raises(ConfigurationError, match="settle, max_sweeps"):
            settle(network, jnp.asarray(starts), max_sweeps=-1)


def asked_of_wirings(wirings, ids, x, d):
    """What each sends everywhere and to some, from some, and what it learns in either direction."""
    return [
        (each.project(x), (each.incoming(ids) @ x.T).T, each.outgoing(ids), each.correlate(x, d), each.correlate(d, x))
        for each in wirings
    ]


def matrix_and_net(network, states):
    return network.structure.matrix, network.net(states)


class TestWirings:
    def test_a_symmetric_wiring_reads_rows_for_columns_and_learns_both_ways(self):
        w = np.random.default_rng(32).normal(size=(7, 7)).astype(np.float32)
        both, x, d = lateral(w + w.T), random_states(32, 4, 7), random_states(33, 4, 7)
        assert (both.symmetric, both.self_connected) == (True, True)
        assert not lateral(w).symmetric
        wirings, ids = [Lateral(both.weights), Lateral(both.weights, symmetric=True), lateral(w)], np.asarray([2, 0, 6])
        answers = program(asked_of_wirings)(wirings, ids, x, d)
        for wiring, (everywhere, found, outgoing, *_) in zip(wirings, answers, strict=True):
            np.testing.assert_allclose(found, everywhere[:, ids], atol=1e-5)
            sent = np.array(wiring.weights)[ids]
            if not wiring.self_connected:
                sent[np.arange(3), ids] = 0
            np.testing.assert_allclose(outgoing, sent, atol=1e-6)
        (*_, one, two), (*_, tied, _), _ = answers
        np.testing.assert_allclose(tied, (one + two) / 2)
        np.testing.assert_array_equal(np.diagonal(tied), 0)

    def test_a_matrix_on_paper_is_kept_sender_first(self):
        w = np.arange(9.0).reshape(3, 3) * (1 - np.eye(3))
        network, s = HopfieldNetwork(w), random_states(34, 2, 3)
        np.testing.assert_array_equal(np.asarray(network.structure.weights), w.T)
        matrix, net = program(matrix_and_net)(network, s)
        np.testing.assert_array_equal(matrix, w)
        np.testing.assert_allclose(net, s @ w.T)
        with pytest.raises(DataError, match="square"):
            HopfieldNetwork(np.zeros((2, 3)))


def held_by_each(updates, network, states, held, key, max_sweeps):
    """Where each order of change ends."""
    return [settle(network, states, each, key=key, held=held, max_sweeps=max_sweeps).states for each in updates]


class TestEnds:
    @pytest.mark.parametrize(
        "update", [Asynchronous(), Asynchronous("random"), Asynchronous("replacement"), Greedy(), BlockSequential(10)]
    )
    def test_what_comes_to_rest_is_what_enumeration_finds(self, update):
        network = symmetric(9)
        minima = ALL_OF_TEN[(ALL_OF_TEN * program(seen)(network, ALL_OF_TEN)[1] > 0).all(axis=1)]
        found = settled(network, ALL_OF_TEN, update)
        assert found.fixed.all()
        np.testing.assert_array_equal(np.unique(found.states, axis=0), np.unique(minima, axis=0))

    def test_all_65536_states_of_sixteen_neurons(self):
        """Each ends in a minimum of the enumeration, none is left out, and none lies above where it began."""
        network, every = symmetric(19, 16), np.asarray(all_states(Spin(), 16), np.float32)
        energies, net = program(seen)(network, every)
        minima = (every * net > 0).all(axis=1)
        found = settled(network, every)
        assert found.fixed.all()
        ends = (found.states > 0) @ (1 << np.arange(16)[::-1])
        np.testing.assert_array_equal(np.unique(ends), np.flatnonzero(minima))
        assert (energies[ends] < energies)[~minima].all()

    def test_greedy_takes_the_steepest_flip(self):
        network = symmetric(10)
        W, theta = on_paper(network)
        expected = np.array(ALL_OF_TEN, np.float64)
        for s in expected:
            while True:
                gain = -s * (W @ s - theta)
                if gain.max() <= 0:
                    break
                s[gain.argmax()] *= -1
        np.testing.assert_array_equal(settled(network, ALL_OF_TEN, Greedy()).states, expected)

    def test_block_sequential_lies_between_one_and_all(self):
        network = symmetric(11)
        for blocks, same in ((1, Synchronous()), (10, Asynchronous())):
            one, other = (
                settled(network, ALL_OF_TEN, update, max_sweeps=2) for update in (BlockSequential(blocks), same)
            )
            np.testing.assert_array_equal(one.states, other.states)
        thirds = plain_blocks(network, ALL_OF_TEN, [range(4), range(4, 7), range(7, 10)])
        found = settled(network, ALL_OF_TEN, BlockSequential(3), max_sweeps=1)
        np.testing.assert_array_equal(found.states, thirds)

    def test_a_neuron_in_balance_keeps_its_state(self):
        network = HopfieldNetwork(np.zeros((10, 10), np.float32))
        for update in (Asynchronous(), Synchronous(), Greedy(), BlockSequential(3)):
            found = settled(network, ALL_OF_TEN, update)
            np.testing.assert_array_equal(found.states, ALL_OF_TEN)
            assert found.fixed.all()
            assert (found.sweeps == 0).all()

    def test_held_neurons_stay(self):
        network, states = symmetric(13, 16), random_states(13, 8, 16)
        held = np.random.default_rng(13).random((8, 16)) < 0.3
        updates = (Asynchronous(), Asynchronous("replacement"), Synchronous(), Greedy(), Glauber(1.0))
        for found in program(held_by_each)(updates, network, states, held, jax.random.key(0), 7):
            np.testing.assert_array_equal(found[held], states[held])
            assert (found != states).any()

    def test_held_neurons_of_a_dense_memory_stay(self):
        states, held = random_states(16, 20, 16), np.random.default_rng(16).random((20, 16)) < 0.5
        network, updates = (
            DenseMemory(random_states(17, 3, 16), Polynomial(3)),
            (Asynchronous(), Synchronous(), Greedy()),
        )
        for found in program(held_by_each)(updates, network, states, held, jax.random.key(0), 50):
            np.testing.assert_array_equal(found[held], states[held])
            assert (found != states).sum(axis=1).max() > 1

    def test_two_orders_that_meet_by_chance_are_no_cycle(self):
        """Two neurons that flee each other's rest: in random order they may come back without swinging for ever."""
        network, start = HopfieldNetwork(np.asarray([[0.0, 1.0], [-1.0, 0.0]], np.float32)), np.ones((1, 2), np.float32)
        for seed in range(20):
            found = settled(network, start, Asynchronous("random"), seed=seed, max_sweeps=30)
            assert found.cycle.tolist() == [False]
            assert found.sweeps.tolist() == [30]
        assert [update.repeats for update in (Asynchronous(), Synchronous(), Glauber(1.0))] == [True, True, False]


@pytest.mark.parametrize("unit", [Spin(), Bernoulli()])
def test_at_a_temperature_it_samples_boltzmanns_law(unit):
    """100,000 independent chains; their last states against e^{-E/T} / Z by chi-square."""
    network = symmetric(14, 6)
    W, theta = on_paper(network)
    network = HopfieldNetwork(np.float32(0.5 * W), np.float32(0.3 * theta), unit)
    every = np.asarray(all_states(unit, 6))
    start = np.full((100_000, 6), network.levels[0], np.float32)
    found = settled(network, start, Glauber(1.3), seed=2, max_sweeps=60)
    assert not found.fixed.any()
    weights = np.exp(-np.asarray(program(seen)(network, every.astype(np.float32))[0], np.float64) / 1.3)
    expected = 100_000 * weights / weights.sum()
    places = ((found.states == network.levels[1]) @ (2 ** np.arange(6)[::-1])).astype(int)
    order = ((every == network.levels[1]) @ (2 ** np.arange(6)[::-1])).astype(int)
    counts = np.bincount(places, minlength=64)[order]
    chi = ((counts - expected) ** 2 / expected).sum()
    assert chi < 103.4  # the 0.1 % point of 63 degrees of freedom


def test_what_is_refused():
    for make in (lambda: Asynchronous("zigzag"), lambda: Glauber(1.0, "zigzag")):
        with pytest.raises(ConfigurationError, match="cyclic, random, replacement"):
            make()
    for blocks in (0, -1, True):
        with pytest.raises(ConfigurationError, match="at least 1"):
            BlockSequential(blocks)
    for temperature in (0, -1.0, np.nan, np.inf):
        with pytest.raises(ConfigurationError, match=r"Asynchronous\(\) for T = 0"):
            Glauber(temperature)


def ends_at_each(network, states, temperatures, key):
    def ends(temperature):
        return settle(network, states, Glauber(temperature), key=key, max_sweeps=3).states

    return jax.vmap(ends)(temperatures)


def test_a_temperature_may_be_mapped_over():
    network, states = symmetric(18, 25), random_states(18, 20, 25)
    both = program(ends_at_each)(network, states, np.float32([0.5, 2.0]), jax.random.key(0))
    assert (both[0] != both[1]).any()
    for found, temperature in zip(both, (0.5, 2.0), strict=True):
        alone = settled(network, states, Glauber(temperature), max_sweeps=3).states
        np.testing.assert_array_equal(found, alone)


def plain_blocks(network, states, groups) -> np.ndarray:
    """Block by block in NumPy."""
    w, theta = on_paper(network)
    states = np.array(states, np.float64)
    for group in map(list, groups):
        h = states @ w.T - theta
        states[:, group] = np.where(h > 0, 1, np.where(h < 0, -1, states))[:, group]
    return states
