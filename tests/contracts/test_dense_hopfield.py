"""The dense Hopfield estimator: scikit-learn's whole suite, storing and forgetting, retrieval, refusals, files.

The suite's data are real numbers, which "softmax" and "sparsemax" store as they are; the interactions of -1 and +1
refuse them. By default the suite runs for softmax; for both with ``FLAMBEAU_ALL_CHECKS=1``.
"""

import os
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

import flambeau as fb
from flambeau.errors import ConfigurationError, DataError

UNITS, PATTERNS = 60, 16
SUITE = [fb.DenseHopfield("softmax"), fb.DenseHopfield("sparsemax")]


@parametrize_with_checks(SUITE if os.environ.get("FLAMBEAU_ALL_CHECKS") else SUITE[:1])
def test_scikit_learn(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "DenseHopfield: (at beta|.* stored patterns)", UserWarning)
        check(estimator)


def patterns(seed=0, rows=PATTERNS):
    return np.sign(np.random.default_rng(seed).normal(size=(rows, UNITS)))


def noisy(X, flips=6, seed=1):
    places = np.random.default_rng(seed).random(X.shape).argsort(1) < flips
    return np.where(places, -X, X)


@pytest.mark.parametrize("interaction", ["polynomial", "exponential", "softmax", "sparsemax"])
def test_every_interaction_repairs_cues(interaction):
    X = patterns()
    memory = fb.DenseHopfield(interaction, order="random", random_state=0).fit(X)
    cues = noisy(X)
    found = memory.retrieve(cues)
    np.testing.assert_allclose(found, X, atol=1e-4)
    np.testing.assert_array_equal(memory.recall(cues), found)
    np.testing.assert_array_equal(memory.predict(cues), np.arange(PATTERNS))
    np.testing.assert_array_equal(memory.similarity(cues), cues @ X.T)
    assert memory.is_stable(X).all()
    assert not memory.is_stable(cues).any()
    assert (memory.energy(found) < memory.energy(cues)).all()
    np.testing.assert_array_equal(memory.patterns_, X)
    assert (memory.n_features_in_, memory.n_iter_) == (UNITS, 1)


@pytest.mark.parametrize("interaction", ["polynomial", "softmax"])
def test_storing_and_forgetting(interaction):
    X = patterns()
    memory = fb.DenseHopfield(interaction).store(X[:14])
    memory.store(X[14:15]).partial_fit(X[15:])
    np.testing.assert_array_equal(memory.patterns_, X)
    assert memory.is_stable(X[3:4]).all()
    memory.forget(X[3]).forget(X[[0, 7]])
    np.testing.assert_array_equal(memory.patterns_, np.delete(X, [0, 3, 7], axis=0))
    assert memory.predict(X[4:5]).tolist() == [2]  # two of those before it are gone
    assert memory.store(X[3:4]).patterns_[-1].tolist() == X[3].tolist()
    memory.store(X[3:4]).forget(X[3])  # one of two
    assert (memory.patterns_ == X[3]).all(1).sum() == 1
    before = memory.patterns_
    with pytest.raises(DataError, match="not stored"):
        memory.forget(-X[4])
    with pytest.raises(DataError, match="at least one pattern to stay"):
        memory.forget(before)
    np.testing.assert_array_equal(memory.patterns_, before)


def test_patterns_that_blur_are_told():
    X = patterns()
    with pytest.warns(UserWarning, match="at beta=0.01 an update takes 16 of 16 stored patterns nearer") as said:
        memory = fb.DenseHopfield("softmax", beta=0.01).fit(X)
    assert np.ptp(memory.retrieve(X), axis=0).max() < 0.1  # all the same: the mean
    advised = float(str(said[0].message).rsplit(" ", 1)[1])
    memory = fb.DenseHopfield("softmax", beta=advised).fit(X)
    np.testing.assert_array_equal(np.sign(memory.retrieve(X)), X)
    with pytest.warns(UserWarning, match="like norms"):
        fb.DenseHopfield("softmax", beta=0.01).fit(np.outer([1, 2, 3, 4], [1.0, 1.0]))
    fb.DenseHopfield("softmax", beta=0.01).fit(X[[0, 0, 0]])  # their mean is what they are


def test_values_of_another_kind():
    """Hetero-association: the first update finds the pattern, the last one reads what it stands for."""
    X, Y = patterns(), np.random.default_rng(3).normal(size=(PATTERNS, 3))
    for interaction in ("softmax", "sparsemax"):
        memory = fb.DenseHopfield(interaction).fit(X[:15], Y[:15]).store(X[15:], Y[15:])
        cues = noisy(X)
        np.testing.assert_allclose(memory.retrieve(cues), Y, atol=1e-4)
        np.testing.assert_allclose(memory.retrieve(cues, steps=1), Y, atol=1e-4)
        np.testing.assert_array_equal(memory.predict(cues), np.arange(PATTERNS))
        memory.forget(X[2])
        np.testing.assert_allclose(memory.retrieve(cues[5:]), Y[5:], atol=1e-4)
    for wrong in (None, Y[:1, :2]):
        with pytest.raises(DataError, match="store, y"):
            memory.store(X[2:3], wrong)
    labels = np.arange(PATTERNS) % 4  # one-dimensional: not values, and not in the way
    memory = fb.DenseHopfield("softmax").fit(X, labels)
    np.testing.assert_array_equal(labels[memory.predict(cues)], labels)
    np.testing.assert_allclose(memory.retrieve(cues), X, atol=1e-4)


def test_steps_and_beta_for_once():
    X = np.random.default_rng(0).normal(size=(5, 8))
    q = np.random.default_rng(1).normal(size=(6, 8))

    def step(q, beta):
        e = np.exp(beta * q @ X.T)
        return e / e.sum(1, keepdims=True) @ X

    memory = fb.DenseHopfield("softmax", beta=0.5, steps=2).fit(X)
    np.testing.assert_allclose(memory.retrieve(q), step(step(q, 0.5), 0.5), atol=1e-5)
    np.testing.assert_allclose(memory.retrieve(q, steps=1), step(q, 0.5), atol=1e-5)
    np.testing.assert_allclose(memory.retrieve(q, steps=1, beta=2), step(q, 2), atol=1e-5)
    np.testing.assert_allclose(memory.retrieve(q, 3), step(step(step(q, 0.5), 0.5), 0.5), atol=1e-5)
    rest = memory.set_params(steps=None).retrieve(q, beta=3.0)
    np.testing.assert_allclose(step(rest, 3.0), rest, atol=1e-4)
    slow, x = fb.DenseHopfield("softmax", beta=1.0).fit([[1.0], [-1.0]]), 0.5
    for _ in range(5_000):  # at the critical β a state creeps on, and a number of steps is that number
        x = np.tanh(x)
    assert slow.retrieve([[0.5]], steps=5_000)[0, 0] == pytest.approx(x, rel=1e-3)
    with pytest.warns(ConvergenceWarning, match="max_sweeps=1"):
        memory.set_params(max_sweeps=1).retrieve(q)


def test_the_nearest_pattern_is_not_the_one_of_the_largest_product():
    with pytest.warns(UserWarning, match="1 of 2 stored patterns nearer to others .* like norms"):
        memory = fb.DenseHopfield("softmax", beta=100.0, steps=1).fit([[3.0, 0.0], [1.0, 0.5]])
    np.testing.assert_allclose(memory.retrieve([[0.0, 1.0]]), [[1.0, 0.5]], atol=1e-6)
    assert memory.predict([[0.0, 1.0]]).tolist() == [1]


def test_an_overload_is_said_and_not_refused():
    with pytest.warns(UserWarning, match="only about 7.327"):
        memory = fb.DenseHopfield(degree=2).fit(patterns(rows=8))
    with pytest.warns(UserWarning, match="raise the degree"):
        memory.store(patterns(1))
    with pytest.warns(UserWarning, match="interaction='softmax'"):
        fb.DenseHopfield("exponential").fit(patterns()[:, :6])
    assert len(memory.patterns_) == 8 + PATTERNS
    fb.DenseHopfield(degree=2).fit(patterns(rows=7))  # within the formula: nothing said


def test_what_is_refused():
    X = patterns()
    for settings, word in (
        ({"interaction": "cubic"}, "interaction"),
        ({"order": "greedy"}, "order"),
        ({"degree": 1}, "degree"),
        ({"degree": 2.5}, "degree"),
        ({"beta": 0}, "beta"),
        ({"beta": -1.0}, "beta"),
        ({"beta": np.inf}, "beta"),
        ({"beta": "high"}, "beta"),
        ({"steps": 0}, "steps"),
        ({"max_sweeps": 0}, "max_sweeps"),
        ({"random_state": -1}, "random_state"),
    ):
        with pytest.raises(ConfigurationError, match=word):
            fb.DenseHopfield(**settings).fit(X)
    wrong = X.copy()
    wrong[2, 5], wrong[4, 0] = 0.5, 0
    memory = fb.DenseHopfield().fit(X)
    for refused in (fb.DenseHopfield("exponential").fit, memory.store, memory.retrieve, memory.energy):
        with pytest.raises(
            DataError, match=r"among them 0, 0\.5; the first in row 2, column 5.*np\.where\(X > 0, 1, -1\)"
        ):
            refused(wrong)
    with pytest.raises(ConfigurationError, match="leave beta out"):
        memory.retrieve(X, beta=2.0)
    with pytest.raises(ConfigurationError, match="retrieve, steps"):
        memory.retrieve(X, steps=-1)
    with pytest.raises(ConfigurationError, match="retrieve, beta"):
        fb.DenseHopfield("softmax").fit(X).retrieve(X, beta=0)
    with pytest.raises(ConfigurationError, match="softmax or sparsemax"):
        memory.fit(X, X)
    for y in (X[:3], X.astype(str), np.zeros((PATTERNS, 2, 2))):
        with pytest.raises(DataError, match="one row of numbers"):
            fb.DenseHopfield("softmax").fit(X, y)
    with pytest.raises(NotFittedError):
        fb.DenseHopfield().retrieve(X)


@pytest.mark.parametrize("interaction", ["polynomial", "exponential", "softmax", "sparsemax"])
def test_files(interaction, tmp_path):
    X = patterns()
    values = X[:, :3] if interaction == "softmax" else None
    memory = fb.DenseHopfield(interaction, order="random", random_state=0).fit(X, values)
    fb.save(memory, tmp_path / "memory.flambeau")
    again = fb.load(tmp_path / "memory.flambeau")
    np.testing.assert_array_equal(again.retrieve(noisy(X)), memory.retrieve(noisy(X)))
    assert again.get_params() == memory.get_params()
    assert again.store(X[:1], None if values is None else values[:1]).patterns_.shape == (PATTERNS + 1, UNITS)
    assert not hasattr(clone(memory), "network_")
