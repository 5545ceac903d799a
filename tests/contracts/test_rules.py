"""Every rule: what it returns, what padding may not do, and that state, info and proposal have their shapes."""

import jax
import numpy as np
import pytest

from flambeau.rules import Batch
from table import RULES


@pytest.fixture(params=RULES)
def taught(request, x64):
    rule, network, batch = RULES[request.param]()
    return rule, network, batch


def shapes(tree):
    return jax.tree.map(np.shape, tree)


def test_the_proposal_is_shaped_like_the_network_and_the_state_like_itself(taught):
    rule, network, batch = taught
    state = rule.init(network, batch)
    proposal, after, info = rule.propose(network, batch, state, jax.random.key(0))
    assert shapes(proposal) == shapes(network)
    assert shapes(after) == shapes(state)
    assert np.shape(info["loss"]) == np.shape(info["weight"]) == ()


def test_padding_changes_nothing(taught):
    rule, network, batch = taught
    rows = np.flatnonzero(batch.weights)
    short = Batch(*(part[rows] for part in batch))
    changed = batch._replace(inputs=batch.inputs.at[-1].set(100.0))  # the last row weighs nothing
    if "dropout" in str(network.layers):
        pytest.skip("the mask's shape is part of the draw")
    results = [
        rule.propose(network, b, rule.init(network, batch), jax.random.key(0))[0] for b in (batch, short, changed)
    ]
    for other in results[1:]:
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-12), results[0], other)


def test_a_batch_of_padding_proposes_nothing(taught):
    rule, network, batch = taught
    empty = batch._replace(weights=0 * batch.weights)
    proposal, _, info = rule.propose(network, empty, rule.init(network, batch), jax.random.key(0))
    jax.tree.map(lambda leaf: np.testing.assert_array_equal(leaf, 0), proposal)
    assert float(info["loss"]) == float(info["weight"]) == 0


def test_the_same_key_gives_the_same_proposal(taught):
    rule, network, batch = taught
    first, second = (rule.propose(network, batch, rule.init(network, batch), jax.random.key(3))[0] for _ in range(2))
    jax.tree.map(np.testing.assert_array_equal, first, second)
