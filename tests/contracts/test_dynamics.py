"""Every sampler and every order of change, in both precisions: shapes, values, precision, and what may not rise."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from flambeau import dynamics
from kinds import DOWNHILL, FEEDBACK, SAMPLERS, UPDATES, signs
from programs import program
from table import small_rbm

BATCH, UNITS = 7, 6


@pytest.fixture(scope="module", params=SAMPLERS)
def sampler(request, precise):
    return SAMPLERS[request.param]()


def drawn_twice(sampler, machine, hidden, share, key):
    """Particles of two steps that follow each other, with the chains."""
    before = sampler.init(machine)
    first, between = sampler.draw(machine, hidden, share, before, key)
    second, after = sampler.draw(machine, hidden, share, between, key)
    return before, first, between, second, after, (machine.hidden_net(first.visible), machine.hidden.mean(first.net))


@pytest.fixture(scope="module")
def particles(sampler, precise):
    hidden = jnp.asarray(np.random.default_rng(0).integers(0, 2, (BATCH, 5)), precise.dtype)
    share = jnp.asarray(np.full(BATCH, 1 / BATCH), precise.dtype)
    return program(drawn_twice)(sampler, small_rbm(), hidden, share, jax.random.key(3))


def test_chains_keep_their_shape(particles):
    before, _, between, _, after, _ = particles
    for other in (between, after):
        assert jax.tree.structure(other) == jax.tree.structure(before)
        assert jax.tree.map(np.shape, other) == jax.tree.map(np.shape, before)


def test_particles_are_states_with_shares_that_sum_to_1(particles, precise):
    _, first, _, second, _, (net, mean) = particles
    for found in (first, second):
        assert found.visible.shape == (len(found.share), 4)
        assert found.hidden.shape == found.net.shape == (len(found.share), 5)
        assert ((found.visible >= 0) & (found.visible <= 1)).all()
        assert (found.share >= 0).all()
        precise.close(found.share.sum(), 1, 10)
        assert {leaf.dtype for leaf in found} == {np.dtype(precise.dtype)}
    precise.close(first.net, net, 10)  # what the hidden units receive from these visible ones
    precise.close(first.hidden, mean, 10)


@pytest.fixture(scope="module", params=UPDATES)
def order(request, precise):
    return request.param


def swept(updates, network, states, key):
    """One sweep by every order of change: of states, of some of them, and of what rests."""
    settled = dynamics.settle(network, states, max_sweeps=50).states
    told = {}
    for name, update in updates.items():
        after = update.sweep(network, states, None, key, 0)
        told[name] = {
            "after": after,
            "few": update.sweep(network, states[:3], None, key, 0),
            "energies": (network.energy(states), network.energy(after)),
            "settled": (settled, update.sweep(network, settled, None, key, 0)),
        }
    return told, dynamics.at_rest(network, settled)


@functools.cache
def sweeps(name, precise):
    """A network, states of it, and its sweeps by every order: one program."""
    network = FEEDBACK[name]()
    low, high = network.levels
    states = np.where(np.asarray(signs(9, UNITS)) > 0, high, low).astype(precise.dtype)
    updates = {order: make() for order, make in UPDATES.items()}
    return network, states, program(swept)(updates, network, states, jax.random.key(5))


@pytest.fixture(scope="module", params=FEEDBACK)
def network_and_states(request, precise):
    """A network, states of it, and what became of them."""
    return sweeps(request.param, precise)


@pytest.fixture(scope="module")
def sweep(order, network_and_states, precise):
    told, rests = network_and_states[2]
    return {**told[order], "rests": rests}


def test_a_sweep_ends_in_states(sweep, network_and_states, precise):
    network, states, _ = network_and_states
    assert sweep["after"].shape == states.shape
    assert set(np.unique(sweep["after"])) <= set(network.levels)
    assert sweep["after"].dtype == precise.dtype


def test_states_do_not_mix(sweep):
    np.testing.assert_array_equal(sweep["few"], sweep["after"][:3])


def test_what_rests_stays_at_rest(sweep, order):
    if UPDATES[order]().proof == "none":
        pytest.skip("at a temperature nothing rests")
    before, after = sweep["settled"]
    assert sweep["rests"].all()
    np.testing.assert_array_equal(before, after)


def test_one_neuron_at_a_time_goes_downhill(sweep, order, precise):
    if order not in DOWNHILL:
        pytest.skip("no promise: several at once, or at a temperature")
    before, after = (np.asarray(each, float) for each in sweep["energies"])
    assert (after <= before + precise.tolerance * np.abs(before).max()).all()
    assert (after < before).any()
