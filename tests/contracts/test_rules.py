"""Every rule, in both precisions: what it returns, what padding may not do, and the shapes of what it returns."""

import jax
import numpy as np
import pytest

from flambeau.rules import Batch
from programs import program
from table import RULES


@pytest.fixture(scope="module", params=RULES)
def named(request):
    return request.param


@pytest.fixture(scope="module")
def taught(named, precise):
    return RULES[named]()


def proposals(rule, network, batches, key):
    """Of every batch one proposal, its state and info, and the state before."""
    states = [rule.init(network, batch) for batch in batches]
    return [(rule.propose(network, *pair, key), pair[1]) for pair in zip(batches, states, strict=True)]


def asked(rule, network, batch):
    """The answers to a batch, and to it without its last row, which weighs nothing: one program for a rule."""
    short = Batch(*jax.device_put([np.asarray(part)[:-1] for part in batch]))
    return program(proposals)(rule, network, (batch, short), jax.random.key(0))


@pytest.fixture(scope="module")
def both(taught):
    return asked(*taught)


@pytest.fixture(scope="module")
def answered(both):
    return both[0]


def with_inputs(batch, change):
    """The batch with inputs that `change` has changed in place."""
    inputs = np.array(batch.inputs)
    change(inputs)
    return batch._replace(inputs=jax.device_put(inputs))


def shapes(tree):
    return jax.tree.map(np.shape, tree)


def kinds(tree):
    return {np.dtype(leaf.dtype) for leaf in jax.tree.leaves(tree) if np.issubdtype(leaf.dtype, np.floating)}


def test_the_proposal_is_shaped_like_the_network_and_the_state_like_itself(taught, answered):
    (proposal, after, info), before = answered
    assert shapes(proposal) == shapes(taught[1])
    assert shapes(after) == shapes(before)
    assert jax.tree.structure(after) == jax.tree.structure(before)
    assert np.shape(info["loss"]) == np.shape(info["weight"]) == ()
    assert any(np.any(leaf) for leaf in jax.tree.leaves(proposal))


def test_it_keeps_to_the_precision_of_its_network(answered, precise):
    (proposal, after, info), _ = answered
    assert kinds((proposal, after, info["loss"])) <= {np.dtype(precise.dtype)}


def test_padding_changes_nothing(named, taught, both, answered, precise):
    rule, network, batch = taught
    if "dropout" in named:
        pytest.skip("the mask's shape is part of the draw")
    assert np.flatnonzero(batch.weights).tolist() == list(range(len(batch.weights) - 1))
    changed = with_inputs(batch, lambda inputs: inputs.__setitem__(-1, 1.0))  # the last row weighs nothing
    for (found, _, _), _ in (both[1], asked(rule, network, changed)[0]):
        jax.tree.map(lambda a, b: precise.close(a, b, 10), answered[0][0], found)


def test_a_batch_of_padding_proposes_nothing(named, taught, precise):
    rule, network, batch = taught
    if named in UNASKED:
        pytest.skip(UNASKED[named])
    empty = batch._replace(weights=jax.device_put(0 * np.asarray(batch.weights)))
    (proposal, _, info), _ = asked(rule, network, empty)[0]
    jax.tree.map(lambda leaf: np.testing.assert_array_equal(leaf, 0), proposal)
    assert float(info["loss"]) == float(info["weight"]) == 0


def test_the_same_key_gives_the_same_proposal(taught, answered):
    (again, _, _), _ = asked(*taught)[0]
    jax.tree.map(np.testing.assert_array_equal, answered[0][0], again)


# Whose proposal does not come from the batch alone, so that one of nothing but padding still moves the network.
UNASKED = {
    "contrastive divergence, persistent": "the chains push, whatever the batch is",
    "contrastive divergence, tempering": "the chains push, whatever the batch is",
    "contrastive divergence, exact": "all states push, whatever the batch is",
    "deep Boltzmann": "the chains push, whatever the batch is",
    "unlearning": "it dreams, and reads no batch",
    "covariance": "its first step puts the thresholds in their place",
}
