"""Every sampler and every order of change, in both precisions: shapes, values, precision, and what may not rise."""

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


def swept(update, network, states, settled, key):
    """One sweep of states, of some of them, and of what rests."""
    after = update.sweep(network, states, None, key, 0)
    return {
        "after": after,
        "few": update.sweep(network, states[:3], None, key, 0),
        "energies": (network.energy(states), network.energy(after)),
        "rests": dynamics.at_rest(network, settled),
        "settled": (settled, update.sweep(network, settled, None, key, 0)),
    }


@pytest.fixture(scope="module", params=FEEDBACK)
def network_and_states(request, precise):
    """A network, states of it, and states at which it rests."""
    network = FEEDBACK[request.param]()
    low, high = network.levels
    states = jnp.asarray(np.where(np.asarray(signs(9, UNITS)) > 0, high, low))
    return network, states, dynamics.settle(network, states, max_sweeps=50).states


@pytest.fixture(scope="module")
def sweep(order, network_and_states, precise):
    network, states, settled = network_and_states
    return program(swept)(UPDATES[order](), network, states, jnp.asarray(settled), jax.random.key(5))


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
