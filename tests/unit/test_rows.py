"""Any number of rows in few programs: the same numbers, few compilations, memory that does not grow."""

import copy
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import monitoring

from flambeau.foundation import rows as module
from flambeau.foundation.random import seed_words, uniform
from flambeau.foundation.rows import by_rows, no_rows, rows_in_parts
from kinds import fitted

COMPILED = []
monitoring.register_event_duration_secs_listener(
    lambda event, seconds, **_: COMPILED.append(event) if event.endswith("backend_compile_duration") else None
)
NUMBERS = (1, 2, 3, 5, 7, 9, 10, 11, 12, 15, 16, 17, 20, 21, 30, 31, 33, 50, 63, 64)  # of rows


class Found(NamedTuple):
    ends: jax.Array
    trace: jax.Array
    nothing: None = None


def doubled(scale, x):
    return scale * x


def followed(scale, rows):
    x, held = rows
    return Found(jnp.where(held, x, scale * x), jnp.stack([x.sum(1), x.max(1), x.min(1)]))


def thrown(scale, blank, key):
    return scale * uniform(key, (len(blank), 3), jnp.float32)


@pytest.fixture
def few_at_a_time(monkeypatch):
    """Parts of 32 rows of 3 numbers."""
    monkeypatch.setattr(module, "NUMBERS", 100)


class TestParts:
    def test_sizes_are_few_and_hold_their_rows(self):
        for numbers in (1, 64, 784, 10**7):
            for count in (1, 15, 16, 17, 1000, 5000):
                parts = list(rows_in_parts(count, numbers))
                assert [part.start for part, _ in parts] == [0, *(part.stop for part, _ in parts[:-1])]
                assert parts[-1][0].stop == count
                assert all(part.stop - part.start <= size for part, size in parts)
                assert all(size * numbers <= module.NUMBERS or size == 1 for _, size in parts)
        assert len({size for count in range(1, 20_000) for _, size in rows_in_parts(count, 1)}) <= 6

    def test_wide_rows_go_few_at_a_time(self):
        assert next(rows_in_parts(10_000, 28 * 28))[1] == 1024
        assert next(rows_in_parts(10_000, 10**9))[1] == 1

    def test_what_is_given_counts_as_well(self):
        seen = []

        def shape(given, x):
            seen.append(len(x))
            return x

        by_rows(shape, np.zeros((3, 400_000), np.float32), np.zeros((100, 2), np.float32))
        assert max(seen) * 400_000 <= 16 * module.NUMBERS


class TestResults:
    @pytest.mark.parametrize("count", [0, 1, 31, 32, 33, 100])
    def test_parts_are_joined_and_what_was_filled_up_is_cut_off(self, few_at_a_time, count):
        x = np.random.default_rng(0).normal(size=(count, 3)).astype(np.float32)
        np.testing.assert_array_equal(by_rows(doubled, np.float32(2), x), 2 * x)

    def test_trees_of_rows_and_of_results_along_any_axis(self, few_at_a_time):
        rng = np.random.default_rng(1)
        x, held = rng.normal(size=(75, 3)).astype(np.float32), rng.random((75, 3)) < 0.5
        found = by_rows(followed, np.float32(2), (x, held), axes=Found(0, 1))
        np.testing.assert_array_equal(found.ends, np.where(held, x, 2 * x))
        np.testing.assert_allclose(found.trace, [x.sum(1), x.max(1), x.min(1)], rtol=1e-5, atol=1e-6)
        assert found.nothing is None

    def test_what_is_filled_up_is_no_stranger_to_the_function(self):
        """Rows of zeros, say, might never come to rest."""
        assert (
            by_rows(lambda _, x: jnp.broadcast_to(x.min(), x.shape), 0.0, np.full((3, 2), 7.0)).tolist() == [[7, 7]] * 3
        )

    def test_draws_depend_on_the_place_alone(self, few_at_a_time):
        whole = by_rows(thrown, np.float32(1), no_rows(100), 3, key=seed_words(5))
        for count in (1, 20, 40, 99):
            np.testing.assert_array_equal(
                by_rows(thrown, np.float32(1), no_rows(count), 3, key=seed_words(5)), whole[:count]
            )
        np.testing.assert_array_equal(by_rows(thrown, np.float32(1), no_rows(20), 3, key=jax.random.key(5)), whole[:20])
        np.testing.assert_array_equal(whole[:20], np.asarray(uniform(jax.random.key(5), (20, 3), jnp.float32)))
        assert len(np.unique(whole)) == whole.size  # every part draws its own


BITS = np.random.default_rng(2).integers(0, 2, (64, 6)).astype(float)


@pytest.fixture(scope="module")
def models():
    """Own copies of those that all tests share: a chain that goes on is a change."""
    return {name: copy.deepcopy(fitted(name)) for name in ("RBM", "DBN", "DBM", "ClassificationRBM")}


@pytest.mark.parametrize(
    ("name", "ask"),
    [
        ("RBM", lambda model, X: model.gibbs(X, 3, random_state=0)),
        ("RBM", lambda model, X: model.gibbs(X, 3)),
        ("RBM", lambda model, X: model.sample(len(X), 3)),
        ("RBM", lambda model, X: model.sample(len(X), 3, clamp=np.where(X > 0, X, np.nan))),
        ("RBM", lambda model, X: model.score_samples(X)),
        ("RBM", lambda model, X: model.log_likelihood(X, 0.0)),
        ("DBN", lambda model, X: model.sample(len(X), 3)),
        ("DBN", lambda model, X: model.log_likelihood_bound(X, 0.0, repeats=2)),
        ("DBM", lambda model, X: model.sample(len(X), 3)),
        ("DBM", lambda model, X: model.log_likelihood_bound(X, 0.0)),
        ("ClassificationRBM", lambda model, X: model.sample(len(X), "b", 3)),
        ("ClassificationRBM", lambda model, X: model.transform(X)),
    ],
    ids=lambda given: given if isinstance(given, str) else "",
)
def test_twenty_numbers_of_rows_compile_at_most_six_programs(models, name, ask):
    """Each compilation of a chain takes seconds."""
    jax.clear_caches()
    del COMPILED[:]
    shapes = [ask(models[name], BITS[:count]).shape[0] for count in NUMBERS]
    assert shapes == list(NUMBERS)
    assert len(COMPILED) <= 6


def test_samples_are_the_same_whatever_their_number(models):
    for name in ("RBM", "DBN", "DBM", "ClassificationRBM"):
        many = models[name].sample(40, n_steps=5)
        np.testing.assert_allclose(models[name].sample(7, n_steps=5), many[:7], atol=1e-6)
