"""Every network, in both precisions: it is a value, answers row by row, and keeps to its precision."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from kinds import EVALUATIONS, NETWORKS
from programs import program


@pytest.fixture(scope="module", params=NETWORKS)
def asked(request, precise):
    network, ask, x = NETWORKS[request.param]()
    return network, ask, jnp.asarray(x, precise.dtype)


def alone_and_twice(ask, network, x):
    """A network's answers, and those of a population of two of it: (all arrays of the one, of the other)."""
    arrays, rest = eqx.partition(network, eqx.is_array)
    two = jax.tree.map(lambda leaf: jnp.stack([leaf, leaf]), arrays)
    both = jax.vmap(lambda arrays: ask(eqx.combine(arrays, rest), x))(two)
    return tuple(map(jax.tree.leaves, (ask(network, x), both)))


@pytest.fixture(scope="module")
def answered(asked, precise):
    network, ask, x = asked
    return program(alone_and_twice)(ask, network, x)


@pytest.fixture(scope="module")
def answers(answered):
    return answered[0]


def test_it_answers_every_row_with_numbers_of_its_precision(asked, answers, precise):
    rows = {len(leaf) for leaf in answers}
    assert len(rows) == 1
    assert rows <= {len(asked[2]), 5}
    assert all(np.isfinite(leaf).all() for leaf in answers)
    assert {leaf.dtype for leaf in answers} == {np.dtype(precise.dtype)}


def test_a_network_is_a_value(asked, answered, precise):
    """Taken apart and put together it is the same, and a population of it answers as each member does."""
    network = asked[0]
    arrays, rest = eqx.partition(network, eqx.is_array)
    again = eqx.combine(jax.tree.unflatten(jax.tree.structure(arrays), jax.tree.leaves(arrays)), rest)
    assert jax.tree.structure(again) == jax.tree.structure(network)
    for one, other in zip(jax.tree.leaves(again), jax.tree.leaves(network), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)
    for alone, pair in zip(*answered, strict=True):
        for one in pair:
            precise.close(one, alone, 20)


def test_rows_do_not_mix(asked, answers, precise):
    network, ask, x = asked
    turned = np.roll(np.asarray(x), 2 * len(x) // 5, axis=0)
    found, _ = program(alone_and_twice)(ask, network, turned)
    for before, after in zip(answers, found, strict=True):
        precise.close(after, np.roll(before, 2, axis=0), 20)


@pytest.mark.parametrize("name", EVALUATIONS)
def test_an_evaluation_counts_rows_by_their_weights(name, precise):
    evaluation, network, batch = EVALUATIONS[name]()
    ask = program(evaluation)
    whole, numbers = ask(network, batch)
    inputs = np.array(batch.inputs)
    inputs[-1] = inputs[0]  # the last row weighs nothing
    other, _ = ask(network, batch._replace(inputs=jnp.asarray(inputs)))
    heavier, _ = ask(network, batch._replace(weights=jnp.asarray(3 * np.asarray(batch.weights))))
    for found in (other, heavier, numbers["validation_loss"]):
        precise.close(found, whole)
    assert whole.shape == ()
    assert whole.dtype == precise.dtype
