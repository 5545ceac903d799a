"""Hopfield networks against the lecture's example, plain loops, enumeration and theorems."""

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

LECTURE = np.asarray([[1.0, -1, -1, 1], [-1, 1, -1, 1]])
SIXTEEN = np.asarray(list(itertools.product([-1.0, 1.0], repeat=4)))


def lecture() -> HopfieldNetwork:
    """The lecture's weights."""
    return HopfieldNetwork(jnp.asarray(LECTURE.T @ LECTURE - 2 * np.eye(4), jnp.float32), jnp.zeros(4))


def symmetric(seed: int, units: int, *, thresholds: bool = True, dtype=np.float32) -> HopfieldNetwork:
    """A random network that keeps the promise."""
    rng = np.random.default_rng(seed)
    weights = rng.normal(size=(units, units))
    weights = np.tril(weights, -1) + np.tril(weights, -1).T
    theta = rng.normal(size=units) * thresholds
    return HopfieldNetwork(jnp.asarray(weights, dtype), jnp.asarray(theta, dtype))


def random_states(seed: int, batch: int, units: int, dtype=np.float32) -> jax.Array:
    return jnp.asarray(np.random.default_rng(seed).choice([-1.0, 1.0], (batch, units)), dtype)


def plain(network: HopfieldNetwork, states, order) -> np.ndarray:
    """Neuron by neuron, state by state, in NumPy."""
    w, theta = np.asarray(network.structure.matrix, np.float64), np.asarray(network.threshold, np.float64)
    states = np.array(states, np.float64)
    low, high = network.levels
    for s in states:
        for i in order:
            h = w[i] @ s - theta[i]
            s[i] = high if h > 0 else low if h < 0 else s[i]
    return states


class TestLecture:
    def test_weights_and_all_energies(self):
        network = lecture()
        expected = [[0, -2, 0, 0], [-2, 0, 0, 0], [0, 0, 0, -2], [0, 0, -2, 0]]
        assert np.asarray(network.structure.weights).tolist() == expected
        x1, x2, x3, x4 = SIXTEEN.T
        energies = np.asarray(network.energy(jnp.asarray(SIXTEEN, jnp.float32)))
        np.testing.assert_array_equal(energies, 2 * (x1 * x2 + x3 * x4))
        assert [(energies == level).sum() for level in (-4, 0, 4)] == [4, 8, 4]
        assert (np.asarray(network.net(jnp.asarray(SIXTEEN, jnp.float32))) != 0).all()

    def test_the_four_minima_and_their_basins(self):
        found = settle(lecture(), jnp.asarray(SIXTEEN, jnp.float32))
        assert np.asarray(found.fixed).all()
        ends = {tuple(state) for state in np.asarray(found.states).astype(int).tolist()}
        assert ends == {tuple(x) for x in np.concatenate([LECTURE, -LECTURE]).astype(int).tolist()}
        counts = np.unique(np.asarray(found.states), axis=0, return_counts=True)[1]
        assert counts.tolist() == [4, 4, 4, 4]

    def test_the_order_of_change_decides(self):
        start = jnp.asarray([[1.0, 1.0, 1.0, -1.0]])
        for order, expected in (([0, 1, 2, 3], [-1, 1, 1, -1]), ([1, 0, 2, 3], [1, -1, 1, -1])):
            assert lecture().visit(start, jnp.asarray(order), None).tolist() == [expected]

    def test_synchronous_all_twelve_others_swing(self):
        found = settle(lecture(), jnp.asarray(SIXTEEN, jnp.float32), Synchronous())
        energies = np.asarray(lecture().energy(jnp.asarray(SIXTEEN, jnp.float32)))
        np.testing.assert_array_equal(np.asarray(found.fixed), energies == -4)
        np.testing.assert_array_equal(np.asarray(found.cycle), energies != -4)
        once = settle(lecture(), jnp.ones((1, 4)), Synchronous(), max_sweeps=1)
        assert once.states.tolist() == [[-1.0] * 4]

    def test_for_zeros_and_ones_too(self):
        network, coded = lecture(), recoded(lecture())
        bits = jnp.asarray((SIXTEEN + 1) / 2, jnp.float32)
        apart = np.asarray(coded.energy(bits)) - np.asarray(network.energy(jnp.asarray(SIXTEEN, jnp.float32)))
        assert np.ptp(apart) == 0
        ends = np.asarray(settle(coded, bits).states)
        np.testing.assert_array_equal(
            2 * ends - 1, np.asarray(settle(network, jnp.asarray(SIXTEEN, jnp.float32)).states)
        )
        back = recoded(coded)
        np.testing.assert_array_equal(np.asarray(back.structure.weights), np.asarray(network.structure.weights))
        np.testing.assert_array_equal(np.asarray(back.threshold), np.asarray(network.threshold))
        assert isinstance(back.unit, Spin)


class TestVisits:
    @pytest.mark.parametrize("units", [5, 150])
    def test_blocks_are_the_plain_loop_bit_for_bit(self, units):
        rng = np.random.default_rng(units)
        weights = rng.integers(-3, 4, (units, units)).astype(np.float32)  # asymmetric, with a diagonal: no matter
        network = HopfieldNetwork(jnp.asarray(weights), jnp.asarray(rng.integers(-2, 3, units), jnp.float32))
        states, order = random_states(1, 7, units), rng.permutation(units)
        noise = jnp.asarray(rng.integers(-4, 5, (units, 7)), jnp.float32)
        expected = plain(network, states, order)
        for extra in (None, jnp.zeros_like(noise)):
            both = [
                loop(network.structure, network.bias, states, jnp.asarray(order), extra, (-1.0, 1.0))
                for loop in (visit_in_blocks, visit_one_by_one)
            ]
            for found in both:
                np.testing.assert_array_equal(np.asarray(found), expected)
        noisy = [
            np.asarray(loop(network.structure, network.bias, states, jnp.asarray(order), noise, (-1.0, 1.0)))
            for loop in (visit_in_blocks, visit_one_by_one)
        ]
        np.testing.assert_array_equal(*noisy)
        assert (noisy[0] != expected).any()

    def test_a_neuron_may_come_twice_one_by_one_and_nobody_is_minus_one(self):
        network, states = symmetric(3, 6), random_states(3, 4, 6)
        order = np.asarray([0, 3, 3, 5, 0, 1])
        padded = jnp.asarray(np.concatenate([order, [-1, -1]]))
        found = network.visit(states, padded, None, distinct=False)
        np.testing.assert_array_equal(np.asarray(found), plain(network, states, order))

    def test_a_batch_is_its_rows(self):
        network, states = symmetric(4, 40), random_states(4, 9, 40)
        together = settle(network, states, Asynchronous("random"), key=jax.random.key(1))
        for row in (0, 8):
            alone = settle(network, states[row : row + 1], Asynchronous("random"), key=jax.random.key(1))
            np.testing.assert_array_equal(np.asarray(alone.states)[0], np.asarray(together.states)[row])


class TestEnergy:
    def test_it_never_rises_in_a_million_random_updates(self, x64):
        """10,000 visits of 100 states by the loop in blocks, watched one by one in double precision."""
        network, states = symmetric(5, 30, dtype=np.float64), random_states(5, 100, 30, np.float64)
        order = jnp.asarray(np.random.default_rng(5).integers(0, 30, 10_000))

        def one(carry, i):
            states, before, rise = carry
            states = network.visit(states, i[None], None, distinct=True)
            now = network.energy(states)
            return (states, now, jnp.maximum(rise, jnp.max(now - before))), None

        start = states, network.energy(states), jnp.asarray(-jnp.inf)
        (_, last, rise), _ = jax.jit(lambda start: jax.lax.scan(one, start, order))(start)
        assert float(rise) <= 1e-12
        assert (np.asarray(last) < np.asarray(start[1])).all()

    @pytest.mark.parametrize("unit", [Spin(), Bernoulli()])
    def test_a_flip_costs_its_net_input(self, unit, x64):
        network = symmetric(6, 8, dtype=np.float64)
        network = network if isinstance(unit, Spin) else recoded(network)
        states = jnp.asarray(all_states(unit, 8)[::37], jnp.float64)
        low, high = network.levels
        for i in range(8):
            flipped = states.at[:, i].set(low + high - states[:, i])
            change = (flipped - states)[:, i]
            expected = -change * network.net(states)[:, i]
            np.testing.assert_allclose(network.energy(flipped) - network.energy(states), expected, atol=1e-12)

    def test_synchronous_the_energy_of_two_times_never_rises(self, x64):
        network, states = symmetric(7, 12, dtype=np.float64), random_states(7, 200, 12, np.float64)
        path = [states]
        for _ in range(6):
            path.append(settle(network, path[-1], Synchronous(), max_sweeps=1).states)
        w, theta = np.asarray(network.structure.matrix), np.asarray(network.threshold)
        pairs = [
            -np.einsum("bi,ij,bj->b", now, w, before) + (now + before) @ theta
            for before, now in itertools.pairwise(np.asarray(path))
        ]
        assert (np.diff(pairs, axis=0) <= 1e-12).all()

    def test_the_trace_is_the_energy_after_every_sweep(self):
        network, states = symmetric(8, 25), random_states(8, 6, 25)
        found = settle(network, states, max_sweeps=20, trace=20)
        energies = np.asarray(found.energies)
        np.testing.assert_allclose(energies[0], network.energy(states), rtol=1e-6)
        for row, sweeps in enumerate(np.asarray(found.sweeps)):
            seen = energies[: sweeps + 1, row]
            assert (np.diff(seen) < 0).all()
            np.testing.assert_allclose(seen[-1], network.energy(found.states)[row], rtol=1e-6)
            assert np.isnan(energies[sweeps + 2 :, row]).all()
        np.testing.assert_array_equal(np.asarray(found.rise), 0)

    def test_a_swing_too_has_an_end(self):
        found = settle(symmetric(21, 25), random_states(21, 20, 25), Synchronous(), max_sweeps=40, trace=40)
        cycle, sweeps = np.asarray(found.cycle), np.asarray(found.sweeps)
        assert cycle.sum() > 1
        assert np.ptp(sweeps[cycle]) > 1  # some swing while others still look for their end
        known = np.arange(sweeps[cycle].max() + 1)[:, None] <= sweeps[cycle]
        assert found.energies.shape == (found.sweeps.max() + 1, 20)  # by the work done, not by the limit
        np.testing.assert_array_equal(np.isnan(np.asarray(found.energies)[:, cycle]), ~known)

    def test_the_largest_rise_is_that_of_the_trace(self):
        weights = jnp.asarray(np.random.default_rng(15).normal(size=(25, 25)), jnp.float32)  # not symmetric
        found = settle(HopfieldNetwork(weights, jnp.zeros(25)), random_states(15, 6, 25), max_sweeps=20, trace=20)
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


class TestNumberedSweeps:
    def test_a_temperature_may_fall_within_one_settling(self):
        network, starts = symmetric(30, 12), random_states(30, 40, 12)
        found = settle(network, starts, Cooling(8.0), key=jax.random.key(1), max_sweeps=60)
        states = np.asarray(found.states)
        assert np.asarray(found.fixed).all()
        assert (states * np.asarray(network.net(found.states)) >= 0).all()
        by_hand, key = starts, jax.random.key(1)
        for number in range(3):
            own = jax.random.fold_in(key, number)
            by_hand = Glauber(8.0 * 0.5**number).sweep(network, by_hand, None, own, number)
        three = settle(network, starts, Cooling(8.0), key=key, max_sweeps=3)
        moving = ~np.asarray(three.fixed)
        assert moving.sum() > 5
        np.testing.assert_array_equal(np.asarray(three.states)[moving], np.asarray(by_hand)[moving])

    def test_a_trace_is_as_long_as_the_work_and_within_a_program_as_long_as_asked(self):
        network, starts = symmetric(31, 10), random_states(31, 6, 10)
        outside = settle(network, starts, trace=10**9, max_sweeps=10**9)
        inside = jax.jit(lambda x: settle(network, x, trace=7).energies)(starts)
        count = len(outside.energies)
        assert count == np.asarray(outside.sweeps).max() + 2 <= 8  # the last sweep shows that nothing changes
        np.testing.assert_allclose(np.asarray(inside)[:count], outside.energies, rtol=1e-6)
        assert np.isnan(np.asarray(inside)[count:]).all()
        shaken = settle(network, starts, Glauber(2.0), max_sweeps=150, trace=150)  # longer than one stretch
        again = settle(network, starts, Glauber(2.0), max_sweeps=150)
        np.testing.assert_array_equal(np.asarray(shaken.states), np.asarray(again.states))
        assert shaken.energies.shape == (151, 6)
        assert not np.isnan(shaken.energies).any()
        with pytest.raises(ConfigurationError, match="settle, max_sweeps"):
            settle(network, starts, max_sweeps=-1)


class TestWirings:
    def test_a_symmetric_wiring_reads_rows_for_columns_and_learns_both_ways(self):
        w = np.random.default_rng(32).normal(size=(7, 7)).astype(np.float32)
        both, x = lateral(w + w.T), random_states(32, 4, 7)
        assert (both.symmetric, both.self_connected) == (True, True)
        assert not lateral(w).symmetric
        free = Lateral(both.weights)
        ids = jnp.asarray([2, 0, 6])
        for wiring in (free, Lateral(both.weights, symmetric=True), lateral(w)):
            own = 0 if wiring.self_connected else np.diagonal(wiring.weights)[np.asarray(ids)][:, None]
            expected = np.asarray(wiring.project(x))[:, np.asarray(ids)]
            found = np.asarray(wiring.incoming(ids) @ x.T).T
            np.testing.assert_allclose(found, expected, atol=1e-5)
            sent = np.asarray(wiring.weights)[np.asarray(ids)]
            sent[np.arange(3), np.asarray(ids)] -= np.ravel(own) if np.ndim(own) else 0
            np.testing.assert_allclose(np.asarray(wiring.outgoing(ids)), sent, atol=1e-6)
        d = random_states(33, 4, 7)
        one, two = free.correlate(x, d), free.correlate(d, x)
        tied = Lateral(both.weights, symmetric=True).correlate(x, d)
        np.testing.assert_allclose(np.asarray(tied), np.asarray(one + two) / 2)
        np.testing.assert_array_equal(np.diagonal(tied), 0)

    def test_a_matrix_on_paper_is_kept_sender_first(self):
        w = np.arange(9.0).reshape(3, 3) * (1 - np.eye(3))
        network = HopfieldNetwork(w)
        np.testing.assert_array_equal(np.asarray(network.structure.weights), w.T)
        np.testing.assert_array_equal(np.asarray(network.structure.matrix), w)
        s = random_states(34, 2, 3)
        np.testing.assert_allclose(np.asarray(network.net(s)), np.asarray(s) @ w.T)
        with pytest.raises(DataError, match="square"):
            HopfieldNetwork(np.zeros((2, 3)))


class TestEnds:
    @pytest.mark.parametrize(
        "update", [Asynchronous(), Asynchronous("random"), Asynchronous("replacement"), Greedy(), BlockSequential(10)]
    )
    def test_what_comes_to_rest_is_what_enumeration_finds(self, update):
        network, every = symmetric(9, 10), jnp.asarray(all_states(Spin(), 10), jnp.float32)
        minima = every[jnp.all(every * network.net(every) > 0, axis=1)]
        found = settle(network, every, update, key=jax.random.key(0))
        assert np.asarray(found.fixed).all()
        ends = np.unique(np.asarray(found.states), axis=0)
        np.testing.assert_array_equal(ends, np.unique(np.asarray(minima), axis=0))

    def test_all_65536_states_of_sixteen_neurons(self):
        """Each ends in a minimum of the enumeration, none is left out, and none lies above where it began."""
        network, every = symmetric(19, 16), jnp.asarray(all_states(Spin(), 16), jnp.float32)
        minima = np.asarray(jnp.all(every * network.net(every) > 0, axis=1))
        found = settle(network, every)
        assert np.asarray(found.fixed).all()
        ends = (np.asarray(found.states) > 0) @ (1 << np.arange(16)[::-1])
        np.testing.assert_array_equal(np.unique(ends), np.flatnonzero(minima))
        energies = np.asarray(network.energy(every))
        assert (energies[ends] < energies)[~minima].all()

    def test_greedy_takes_the_steepest_flip(self):
        network, states = symmetric(10, 9), random_states(10, 20, 9)
        W, theta = (np.asarray(part, np.float64) for part in (network.structure.matrix, network.threshold))
        expected = np.array(states, np.float64)
        for s in expected:
            while True:
                gain = -s * (W @ s - theta)
                if gain.max() <= 0:
                    break
                s[gain.argmax()] *= -1
        np.testing.assert_array_equal(np.asarray(settle(network, states, Greedy()).states), expected)

    def test_block_sequential_lies_between_one_and_all(self):
        network, states = symmetric(11, 12), random_states(11, 30, 12)
        for blocks, same in ((1, Synchronous()), (12, Asynchronous())):
            one, other = (settle(network, states, update, max_sweeps=2) for update in (BlockSequential(blocks), same))
            np.testing.assert_array_equal(np.asarray(one.states), np.asarray(other.states))
        halves = plain_blocks(network, states, [range(4), range(4, 8), range(8, 12)])
        found = settle(network, states, BlockSequential(3), max_sweeps=1)
        np.testing.assert_array_equal(np.asarray(found.states), halves)

    def test_a_neuron_in_balance_keeps_its_state(self):
        network = HopfieldNetwork(jnp.zeros((3, 3)), jnp.zeros(3))
        states = random_states(12, 5, 3)
        for update in (Asynchronous(), Synchronous(), Greedy(), BlockSequential(2)):
            found = settle(network, states, update)
            np.testing.assert_array_equal(np.asarray(found.states), np.asarray(states))
            assert np.asarray(found.fixed).all()
            assert np.asarray(found.sweeps).tolist() == [0] * 5

    def test_held_neurons_stay(self):
        network, states = symmetric(13, 16), random_states(13, 8, 16)
        held = jnp.asarray(np.random.default_rng(13).random((8, 16)) < 0.3)
        for update in (Asynchronous(), Asynchronous("replacement"), Synchronous(), Greedy(), Glauber(1.0)):
            found = np.asarray(settle(network, states, update, held=held, max_sweeps=7).states)
            np.testing.assert_array_equal(found[np.asarray(held)], np.asarray(states)[np.asarray(held)])
            assert (found != np.asarray(states)).any()

    @pytest.mark.parametrize("update", [Asynchronous(), Synchronous(), Greedy()])
    def test_held_neurons_of_a_dense_memory_stay(self, update):
        states, held = random_states(16, 20, 16), np.random.default_rng(16).random((20, 16)) < 0.5
        network = DenseMemory(random_states(17, 3, 16), Polynomial(3))
        found = np.asarray(settle(network, states, update, held=jnp.asarray(held), max_sweeps=50).states)
        np.testing.assert_array_equal(found[held], np.asarray(states)[held])
        assert (found != np.asarray(states)).sum(axis=1).max() > 1

    def test_two_orders_that_meet_by_chance_are_no_cycle(self):
        """Two neurons that flee each other's rest: in random order they may come back without swinging for ever."""
        network = HopfieldNetwork(jnp.asarray([[0.0, 1.0], [-1.0, 0.0]]), jnp.zeros(2))
        for seed in range(20):
            found = settle(network, jnp.ones((1, 2)), Asynchronous("random"), key=jax.random.key(seed), max_sweeps=30)
            assert found.cycle.tolist() == [False]
            assert found.sweeps.tolist() == [30]
        assert [update.repeats for update in (Asynchronous(), Synchronous(), Glauber(1.0))] == [True, True, False]


@pytest.mark.parametrize("unit", [Spin(), Bernoulli()])
def test_at_a_temperature_it_samples_boltzmanns_law(unit):
    """100,000 independent chains; their last states against e^{-E/T} / Z by chi-square."""
    network = symmetric(14, 6)
    network = HopfieldNetwork(0.5 * network.structure.weights, 0.3 * network.threshold, unit)
    every = np.asarray(all_states(unit, 6))
    start = jnp.full((100_000, 6), network.levels[0])
    found = settle(network, start, Glauber(1.3), key=jax.random.key(2), max_sweeps=60)
    assert not np.asarray(found.fixed).any()
    weights = np.exp(-np.asarray(network.energy(jnp.asarray(every, jnp.float32)), np.float64) / 1.3)
    expected = 100_000 * weights / weights.sum()
    places = ((np.asarray(found.states) == network.levels[1]) @ (2 ** np.arange(6)[::-1])).astype(int)
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


def test_a_temperature_may_be_mapped_over():
    network, states = symmetric(18, 6), random_states(18, 3, 6)

    def ends(temperature):
        return settle(network, states, Glauber(temperature), key=jax.random.key(0), max_sweeps=3).states

    both = jax.jit(jax.vmap(ends))(jnp.asarray([0.5, 2.0]))
    for found, temperature in zip(both, (0.5, 2.0), strict=True):
        np.testing.assert_array_equal(np.asarray(found), np.asarray(ends(temperature)))


def plain_blocks(network, states, groups) -> np.ndarray:
    """Block by block in NumPy."""
    w, theta = np.asarray(network.structure.matrix, np.float64), np.asarray(network.threshold, np.float64)
    states = np.array(states, np.float64)
    for group in map(list, groups):
        h = states @ w.T - theta
        states[:, group] = np.where(h > 0, 1, np.where(h < 0, -1, states))[:, group]
    return states
