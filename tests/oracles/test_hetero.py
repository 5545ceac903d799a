"""Pairs and sequences against plain loops; enumeration of small networks; what attractors are."""

import itertools

import equinox as eqx
import numpy as np
import pytest

import flambeau as fb
from flambeau.analysis import attractor_kinds, energy_plane, landscape
from flambeau.errors import ConfigurationError, DataError
from flambeau.networks import HopfieldNetwork, bidirectional_memory, sequence_memory
from programs import program


def signs(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).choice([-1.0, 1.0], shape)


def energy(network, states):
    return network.energy(states)


class TestPairs:
    def test_it_is_the_plain_there_and_back_and_the_energy_never_rises(self):
        x, y = signs(0, 5, 60), signs(1, 5, 40)
        network = bidirectional_memory(x, y)
        w = y.T @ x
        np.testing.assert_array_equal(np.asarray(network.structure.weights), w.T)
        start = signs(2, 16, 60)
        found = network.recall(start)
        for row in range(16):
            a, b, energies = start[row], np.ones(40), []
            for _ in range(50):
                b = np.where(w @ a > 0, 1, np.where(w @ a < 0, -1, b))
                energies.append(-b @ w @ a)
                a = np.where(w.T @ b > 0, 1, np.where(w.T @ b < 0, -1, a))
                energies.append(-b @ w @ a)
            assert (np.diff(energies) <= 0).all()
            np.testing.assert_array_equal(np.asarray(found.x)[row], a)
            np.testing.assert_array_equal(np.asarray(found.y)[row], b)
        assert np.asarray(found.fixed).all()
        both = np.concatenate([found.x, found.y], axis=1)
        np.testing.assert_array_equal(program(energy)(network, both), energies_of(w, found))

    def test_corrupted_pairs_come_back_and_the_pseudoinverse_maps_exactly(self):
        x, y, which = signs(3, 5, 60), signs(4, 5, 40), np.arange(16) % 5
        worn = np.where(np.random.default_rng(5).random((16, 60)) < 0.1, -x[which], x[which])
        found = bidirectional_memory(x, y).recall(worn)
        np.testing.assert_array_equal(np.asarray(found.y), y[which])
        np.testing.assert_array_equal(np.asarray(found.x), x[which])
        exact = bidirectional_memory(x, y, rule="pseudoinverse")
        np.testing.assert_allclose(x @ np.asarray(exact.structure.weights), y, atol=1e-4)
        np.testing.assert_allclose(y @ np.asarray(exact.back.weights), x, atol=1e-4)
        again = exact.recall(x)
        np.testing.assert_array_equal(again.y, y)  # what forward says, recall says
        np.testing.assert_array_equal(again.x, x)

    def test_what_is_refused(self):
        with pytest.raises(DataError, match="3 and 2"):
            bidirectional_memory(signs(0, 3, 4), signs(0, 2, 4))
        with pytest.raises(DataError, match="-1 and"):
            bidirectional_memory(signs(0, 3, 4) / 2, signs(0, 3, 4))
        with pytest.raises(ConfigurationError, match="hebbian, pseudoinverse"):
            bidirectional_memory(signs(0, 3, 4), signs(0, 3, 4), rule="oja")
        network = bidirectional_memory(signs(0, 2, 4), signs(0, 2, 2))
        with pytest.raises(DataError, match=r"among them 0; .* np\.where\(x > 0, 1, -1\)"):
            network.recall([[0, 1, 1, 0]])
        with pytest.raises(DataError, match=r"rows of 4 states, got shape \(1, 2\)"):
            network.recall([[1, -1]])
        with pytest.raises(DataError, match="one row for each state"):
            network.recall([1, -1, 1, 1])

    def test_plain_lists_are_cues_and_a_y_that_hears_nothing_is_one(self):
        x, y = [[1, -1, 1, -1], [1, 1, -1, -1]], [[1, 1], [1, -1]]
        found = bidirectional_memory(x, y).recall([[1, -1, 1, 1]])
        assert (found.x.tolist(), found.y.tolist()) == ([[1, -1, 1, -1]], [[1, 1]])
        assert bidirectional_memory(x[:1], y[:1]).recall([[1, 1, 1, 1]], 0).y.tolist() == [[1, 1]]
        jitted = eqx.filter_jit(bidirectional_memory(x, y).recall)(np.asarray([[1.0, -1, 1, 1]]))
        np.testing.assert_array_equal(jitted.x, found.x)

    def test_dependent_x_are_told(self):
        x, y = signs(12, 3, 8), signs(13, 3, 6)
        again = np.concatenate([x, -x[:1]])
        bidirectional_memory(again, np.concatenate([y, -y[:1]]), rule="pseudoinverse")  # depends, but fits
        with pytest.warns(UserWarning, match="1 of 4 x are not mapped to their y, and 1 pairs would not stay"):
            bidirectional_memory(again, np.concatenate([y, y[:1]]), rule="pseudoinverse")
        with pytest.warns(UserWarning, match="3 of 9 x .* make x and y wider"):
            bidirectional_memory(signs(14, 9, 6), signs(15, 9, 6), rule="pseudoinverse")


class TestSequences:
    def test_it_is_the_plain_recursion(self):
        x, delay, strength = signs(6, 5, 100), 2, 2.0
        network = sequence_memory(x, delay=delay, strength=strength, cyclic=True)
        w = x.T @ x / 100 * (1 - np.eye(100))
        step = np.roll(x, -1, axis=0).T @ x / 100
        path = [x[0]]
        for time in range(30):
            old = path[time - delay] if time >= delay else np.zeros(100)
            net = w @ path[-1] + strength * step @ old
            path.append(np.where(net > 0, 1, np.where(net < 0, -1, path[-1])))
        found = np.asarray(network.run(x[:1], steps=30))[:, 0]
        np.testing.assert_array_equal(found, path)

    def test_it_goes_round_and_an_open_one_stops(self):
        x = signs(7, 5, 100)
        round_ = np.asarray(sequence_memory(x, cyclic=True).run(x[:1], steps=30))[:, 0]
        visited = [int(np.argmax(x @ state)) for state in round_]
        changes = [b for a, b in itertools.pairwise(visited) if a != b]
        assert changes == [place % 5 for place in range(1, len(changes) + 1)]
        assert len(changes) >= 9
        listed = sequence_memory(x.tolist(), cyclic=True).run(x[:1].tolist(), 30)
        np.testing.assert_array_equal(np.asarray(listed)[:, 0], round_)
        open_ = np.asarray(sequence_memory(x).run(x[:1], steps=30))[:, 0]
        np.testing.assert_array_equal(open_[-1], x[-1])

    def test_what_is_refused(self):
        x = signs(7, 5, 100)
        for settings in ({"delay": -1}, {"strength": -1.0}, {"strength": np.nan}, {"strength": np.inf}):
            with pytest.raises(ConfigurationError, match=next(iter(settings))):
                sequence_memory(x, **settings)
        network = sequence_memory(x)
        for steps in (-1, 2.5):
            with pytest.raises(ConfigurationError, match=r"run, steps"):
                network.run(x[:1], steps)
        with pytest.raises(DataError, match="rows of 100 states"):
            network.run(signs(7, 1, 9), 2)
        with pytest.raises(DataError, match="among them 0"):
            network.run((x[:1] + 1) / 2, 2)


class TestLandscape:
    def test_enumeration_is_the_plain_walk_over_all_states(self):
        rng = np.random.default_rng(8)
        w = np.tril(rng.normal(size=(8, 8)), -1)
        w, theta = w + w.T, rng.normal(size=8)
        found = landscape(HopfieldNetwork(np.float32(w), np.float32(theta)))
        for number in range(0, 256, 17):
            s = found.states[number].astype(float)
            assert found.energies[number] == pytest.approx(-s @ w @ s / 2 + theta @ s, abs=1e-4)
            h = w @ s - theta
            assert found.fixed[number] == (s * h >= 0).all()
            while True:
                before = s.copy()
                for i in range(8):
                    s[i] = np.sign(w[i] @ s - theta[i])
                if (s == before).all():
                    break
            np.testing.assert_array_equal(found.states[found.ends[number]], s)
        assert sum(found.basins.values()) == 256
        assert set(found.basins) == set(np.flatnonzero(found.fixed).tolist())

    def test_too_many_neurons_say_how_many_states_it_would_be(self):
        with pytest.raises(ConfigurationError, match=r"21 neurons, 2\^21 states"):
            landscape(fb.networks.hopfield(21))

    def test_a_dense_memory_is_enumerated_too(self):
        x = signs(16, 3, 8)
        memory = fb.DenseHopfield(degree=3).fit(x)
        found = landscape(memory.network_)
        np.testing.assert_array_equal(found.fixed, memory.is_stable(found.states))
        np.testing.assert_array_equal(found.states[found.ends], memory.recall(found.states))
        for network in (memory, fb.networks.ModernMemory(x)):
            with pytest.raises(ConfigurationError, match="neurons have two values"):
                landscape(network)
        with pytest.raises(ConfigurationError, match=r"give the \.network_"):
            landscape(memory)

    def test_kinds_are_told_of_signs_only(self):
        x = signs(17, 3, 9)
        for states in ((1 - x) / 2, 0.9 * x):  # the first are negatives in another coding, the second graded memories
            with pytest.raises(DataError, match=r"states: .* np\.where\(x > 0, 1, -1\)"):
                attractor_kinds(states, x)
        with pytest.raises(DataError, match="patterns"):
            attractor_kinds(x, (x + 1) / 2)
        assert attractor_kinds(np.zeros((0, 9)), x) == []

    def test_mixtures_of_three_are_told_from_memories(self):
        x = signs(9, 3, 101)
        mixed = np.sign(x.sum(0))
        assert attractor_kinds([x[1], -x[2], mixed, -mixed, signs(10, 101)], x) == [
            "memory", "negative", "mixture", "mixture", "other"]  # fmt: skip

    def test_the_plane_meets_its_corners_and_falls_towards_memories(self):
        x = signs(11, 3, 60)
        network = HopfieldNetwork(np.float32(x.T @ x - 3 * np.eye(60)))
        agree, differ, energies = energy_plane(network, x[0], x[1], draws=5)
        assert (agree[0], agree[-1], differ[0], differ[-1]) == (0, 1, 0, 1)
        corners = program(energy)(network, np.float32([x[0], x[1], -x[1], -x[0]]))
        np.testing.assert_allclose(energies[[0, 0, -1, -1], [0, -1, 0, -1]], corners, rtol=1e-5)
        assert energies.min() == pytest.approx(float(corners.min()), rel=0.1)


def energies_of(w, found):
    x, y = np.asarray(found.x), np.asarray(found.y)
    return -np.einsum("bi,ij,bj->b", y, w, x)
