"""Every problem, in both precisions: what it feeds depends on seed and round alone, and every row has its turn."""

import jax
import numpy as np
import pytest

from flambeau.problems import Generated
from kinds import PROBLEMS
from programs import program

SEED, ROWS, BATCH = np.asarray([0, 5], np.uint32), 11, 4


@pytest.fixture(scope="module", params=PROBLEMS)
def problem(request, precise):
    return PROBLEMS[request.param]()


def batches(problem, rounds=2):
    """The batches of some rounds, one after the other."""
    given, key = problem.feed(SEED, 0, rounds, BATCH), jax.random.key(0)
    memory = problem.collect(problem.init(key), None, key)
    ask = program(type(problem).batch)
    leaves, shape = jax.tree.flatten(given)
    steps = zip(*(leaf.reshape(-1, *leaf.shape[2:]) for leaf in leaves), strict=True)
    keys = map(jax.random.key, range(1000))
    return [ask(problem, jax.tree.unflatten(shape, step), memory, next(keys)) for step in steps]


@pytest.fixture(scope="module")
def two_rounds(problem):
    return batches(problem)


def test_a_run_does_not_depend_on_how_it_was_cut(problem):
    whole = problem.feed(SEED, 0, 4, BATCH)
    parts = problem.feed(SEED, 0, 1, BATCH), problem.feed(SEED, 1, 3, BATCH)
    jax.tree.map(lambda all_of_it, *some: np.testing.assert_array_equal(all_of_it, np.concatenate(some)), whole, *parts)


def test_every_row_has_its_turn_in_every_round(problem, two_rounds):
    if isinstance(problem, Generated):
        pytest.skip("it has no rows to go through")
    half = len(two_rounds) // 2
    for batch_list in (two_rounds[:half], two_rounds[half:]):
        targets = np.concatenate([np.asarray(batch.targets)[np.asarray(batch.weights) > 0] for batch in batch_list])
        assert len(targets) == ROWS


def test_batches_keep_their_shape_and_precision(two_rounds, precise):
    assert len({str(jax.tree.map(np.shape, batch)) for batch in two_rounds}) == 1
    assert {leaf.dtype for batch in two_rounds for leaf in jax.tree.leaves(batch)} == {np.dtype(precise.dtype)}


def test_the_same_seed_and_keys_give_the_same_batches(problem, two_rounds):
    for first, second in zip(two_rounds, batches(problem), strict=True):
        jax.tree.map(np.testing.assert_array_equal, first, second)
