"""The graded Hopfield estimator: scikit-learn's whole suite, memories, certificates, warnings, files.

The suite's data are real numbers, which are no patterns of two levels; as scikit-learn's own BernoulliNB does, the
estimator cuts them where ``binarize`` says. Without it such data are refused.
"""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.utils.estimator_checks import parametrize_with_checks

import flambeau as fb
from flambeau.errors import ConfigurationError, DataError

UNITS, PATTERNS = 100, 5
CODINGS = pytest.mark.parametrize("activation", ["tanh", "sigmoid"])


@parametrize_with_checks([fb.ContinuousHopfield(binarize=0.0)])
def test_scikit_learn(estimator, check):
    with warnings.catch_warnings():
        # One or two features hold no memory, and the estimator says so.
        warnings.filterwarnings("ignore", "ContinuousHopfield: (gain|.* stored patterns)", UserWarning)
        warnings.simplefilter("ignore", ConvergenceWarning)
        check(estimator)


def patterns(activation="tanh", seed=0):
    X = np.random.default_rng(seed).integers(0, 2, (PATTERNS, UNITS)).astype(float)
    return 2 * X - 1 if activation == "tanh" else X


def noisy(X, share=0.1, seed=1):
    flips = np.random.default_rng(seed).random(X.shape) < share
    return np.where(flips, X.min() + X.max() - X, X)


@CODINGS
@pytest.mark.parametrize("rule", ["hebbian", "pseudoinverse"])
def test_noisy_cues_recall_their_patterns(activation, rule):
    X = patterns(activation)
    memory = fb.ContinuousHopfield(activation, rule=rule, gain=3.0).fit(X)
    cues = noisy(X)
    assert (cues != X).any(axis=1).all()
    np.testing.assert_array_equal(memory.predict(cues), X)
    graded = memory.recall(cues)
    assert ((graded >= X.min()) & (graded <= X.max())).all()
    assert (np.abs(graded - X) < 0.2).all()
    assert (np.abs(graded - X) > 0).any()
    assert (memory.energy(graded) < memory.energy(cues)).all()
    np.testing.assert_array_equal(memory.patterns_, X)
    assert memory.converged_
    assert 1 < memory.n_iter_ < 1000


def test_the_weights_of_both_rules_and_codings():
    X = patterns()
    overlaps = sum(np.outer(x, x) for x in X) / UNITS
    hebb = fb.ContinuousHopfield().fit(X)
    np.testing.assert_allclose(hebb.weights_, overlaps * (1 - np.eye(UNITS)), atol=1e-6)
    assert not hebb.thresholds_.any()
    projection = X.T @ np.linalg.solve(X @ X.T, X)
    inverse = fb.ContinuousHopfield(rule="pseudoinverse").fit(X)
    np.testing.assert_allclose(inverse.weights_, projection * (1 - np.eye(UNITS)), atol=1e-6)
    bits = fb.ContinuousHopfield("sigmoid").fit(patterns("sigmoid"))
    np.testing.assert_allclose(bits.weights_, 4 * hebb.weights_, atol=1e-6)
    np.testing.assert_allclose(bits.thresholds_, 2 * hebb.weights_.sum(1), atol=1e-5)
    cues = noisy(X)
    np.testing.assert_allclose(bits.recall((1 + cues) / 2), (1 + hebb.recall(cues)) / 2, atol=1e-4)


@pytest.mark.parametrize("method", ["exponential_euler", "euler", "dormand_prince"])
def test_a_trajectory_goes_downhill_from_the_cue_to_the_memory(method):
    X = patterns()
    memory = fb.ContinuousHopfield(method=method).fit(X)
    path = memory.trajectory(noisy(X)[0])
    assert path.times.shape == path.energy.shape == path.states.shape[:1]
    assert path.times[0] == 0
    assert (np.diff(path.times) >= 0).all()
    np.testing.assert_allclose(path.states[0], 0.99 * noisy(X)[0], atol=1e-5)
    np.testing.assert_array_equal(np.sign(path.states[-1]), X[0])
    np.testing.assert_allclose(path.energy, memory.energy(path.states), atol=1e-3)
    assert (np.diff(path.energy) <= 1e-5 * np.abs(path.energy).max()).all()
    np.testing.assert_allclose(path.states[-1], memory.recall(noisy(X)[:1])[0], atol=1e-5)


def test_the_step_is_certified_and_a_larger_one_refused_with_the_number():
    X = patterns()
    lowest = np.linalg.eigvalsh(fb.ContinuousHopfield().fit(X).weights_)[0]
    bound = 2.0 / (1 - 40 * lowest)
    euler = fb.ContinuousHopfield(gain=40.0, tau=2.0, method="euler").fit(X)
    assert euler.step_ == pytest.approx(bound, rel=1e-4)
    exponential = fb.ContinuousHopfield(gain=40.0, tau=2.0, method="exponential_euler").fit(X)
    assert exponential.step_ == pytest.approx(min(2.0, -2.0 * np.log(1 - bound / 2.0)), rel=1e-4)
    with pytest.raises(ConfigurationError, match=f"at most {bound:.4g}, up to which"):
        fb.ContinuousHopfield(gain=40.0, tau=2.0, method="euler", step=1.05 * bound).fit(X)
    assert fb.ContinuousHopfield(gain=40.0, tau=2.0, method="euler", step=0.5 * bound).fit(X).step_ == 0.5 * bound
    assert fb.ContinuousHopfield(method="dormand_prince", step=100.0).fit(X).step_ == 100.0


@CODINGS
def test_a_gain_too_low_to_remember_is_said(activation):
    X = patterns(activation)
    W = fb.ContinuousHopfield().fit(patterns()).weights_
    critical = 1 / np.linalg.eigvalsh(W)[-1]
    with pytest.warns(UserWarning, match=f"critical gain {critical:.3f}"):
        memory = fb.ContinuousHopfield(activation, gain=0.8 * critical).fit(X)
    middle = (X.min() + X.max()) / 2
    np.testing.assert_allclose(memory.recall(noisy(X)), np.full(X.shape, middle), atol=1e-3)
    with pytest.warns(UserWarning, match="5 of 5 stored patterns are no fixed points; raise the gain"):
        fb.ContinuousHopfield(activation, gain=1.2 * critical).fit(X)  # not blank, but blurred
    fb.ContinuousHopfield(activation, gain=3 * critical).fit(X)


def test_weights_by_hand():
    """The lecture's example: W of two patterns; four minima, both patterns and their negatives."""
    W = np.zeros((4, 4))
    W[[0, 1, 2, 3], [1, 0, 3, 2]] = -2
    memory = fb.ContinuousHopfield(weights=W, random_state=0).fit()
    assert memory.n_features_in_ == 4
    assert memory.patterns_.shape == (0, 4)
    found, counts = memory.attractors(64)
    assert counts.sum() == 64
    expected = {(1, -1, -1, 1), (-1, 1, -1, 1), (-1, 1, 1, -1), (1, -1, 1, -1)}
    assert {tuple(row) for row in found.astype(int)} == expected
    again = clone(memory).fit([[1, -1, -1, 1]])
    np.testing.assert_array_equal(again.weights_, W)
    assert again.patterns_.tolist() == [[1, -1, -1, 1]]
    tilted = fb.ContinuousHopfield(weights=W, thresholds=[9.0, 0, 0, 0]).fit()
    assert tilted.predict([[1, -1, -1, 1]])[0, :2].tolist() == [-1, 1]
    with pytest.warns(UserWarning, match="not symmetric"):
        fb.ContinuousHopfield(weights=np.triu(W)).fit()
    with pytest.raises(DataError, match="4 features"):
        fb.ContinuousHopfield(weights=W).fit(patterns())
    with pytest.raises(DataError):
        fb.ContinuousHopfield(weights=W[:2]).fit()


def test_a_limit_that_is_too_short_is_said():
    with pytest.warns(ConvergenceWarning, match="after 2 steps"):
        memory = fb.ContinuousHopfield(max_steps=2).fit(patterns())
    assert not memory.converged_


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("gain", 0.0),
        ("gain", np.inf),
        ("gain", "high"),
        ("tau", -1.0),
        ("step", 0.0),
        ("tolerance", 0.0),
        ("max_steps", 0),
        ("max_steps", 1.5),
        ("activation", "relu"),
        ("rule", "storkey"),
        ("method", "rk4"),
        ("binarize", "yes"),
        ("random_state", "x"),
    ],
)
def test_settings_that_cannot_work(name, value):
    with pytest.raises(ConfigurationError, match=name):
        fb.ContinuousHopfield(**{name: value}).fit(patterns())


def test_patterns_and_cues_that_are_refused():
    X = patterns()
    for bad, word in ((X * 0.5, "row 0"), ((X + 1) / 2, "-1 and 1"), (X * np.nan, "NaN"), (None, "None")):
        with pytest.raises(DataError, match=word):
            fb.ContinuousHopfield().fit(bad)
    with pytest.raises(DataError, match="0 and 1"):
        fb.ContinuousHopfield("sigmoid").fit(X)
    memory = fb.ContinuousHopfield().fit(X)
    for method in (memory.recall, memory.predict, memory.energy):
        with pytest.raises(DataError, match="from -1 to 1"):
            method(2 * X)
        with pytest.raises(DataError):
            method(X[:, :3])
    for method in ("recall", "predict", "energy", "trajectory", "attractors"):
        with pytest.raises(NotFittedError):
            getattr(fb.ContinuousHopfield(), method)(2)


def test_files_and_pickles_keep_the_memory(tmp_path):
    X = patterns()
    memory = fb.ContinuousHopfield(gain=7.0, random_state=3).fit(X)
    fb.save(memory, tmp_path / "memory.flambeau")
    for again in (fb.load(tmp_path / "memory.flambeau"), pickle.loads(pickle.dumps(memory))):
        assert again.get_params() == memory.get_params()
        assert sorted(vars(again)) == sorted(vars(memory))
        np.testing.assert_array_equal(again.recall(noisy(X)), memory.recall(noisy(X)))
        np.testing.assert_array_equal(again.attractors(20)[0], memory.attractors(20)[0])
    by_hand = fb.ContinuousHopfield(weights=memory.weights_).fit()
    fb.save(by_hand, tmp_path / "by_hand")
    np.testing.assert_array_equal(fb.load(tmp_path / "by_hand").weights_, memory.weights_)
