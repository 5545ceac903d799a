"""What holds for every associative memory: images, lost patterns, failed fits, curves, files, few programs."""

import inspect
import warnings

import jax
import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

import flambeau as fb
from flambeau.errors import ConfigurationError, DataError
from flambeau.estimators.memory import AbstractMemory

UNITS = 36
MEMORIES = {
    "hebbian": lambda: fb.Hopfield(),
    "binary": lambda: fb.Hopfield("pseudoinverse", states="binary"),
    "covariance": lambda: fb.Hopfield("covariance", states="binary"),
    "dense": lambda: fb.DenseHopfield("exponential"),
    "softmax": lambda: fb.DenseHopfield("softmax"),
    "tanh": lambda: fb.ContinuousHopfield(),
    "sigmoid": lambda: fb.ContinuousHopfield("sigmoid", rule="pseudoinverse"),
}


def low_of(model) -> float:
    low, _ = model._levels or (-1.0, 1.0)
    return low


def patterns(model, count: int = 3, units: int = UNITS, seed: int = 0) -> np.ndarray:
    """Unlike patterns in the model's coding, as many of either value as fit."""
    bits = np.random.default_rng(seed).random((count, units)).argsort(1) < units // 2
    return np.where(bits, 1.0, low_of(model))


def turned(model, x: np.ndarray, share: float = 0.08) -> np.ndarray:
    places = np.random.default_rng(9).random(x.shape).argsort(1) < round(share * x.shape[1])
    return np.where(places, 1.0 + low_of(model) - x, x)


@pytest.fixture(scope="module")
def fitted():
    """Each memory with three patterns."""
    made = {name: make() for name, make in MEMORIES.items()}
    return {name: model.fit(patterns(model)) for name, model in made.items()}


def test_the_table_is_closed_over_all_memories():
    shown = {thing for thing in vars(fb.estimators).values() if inspect.isclass(thing)}
    memories = {cls for cls in shown if issubclass(cls, AbstractMemory) and not inspect.isabstract(cls)}
    assert memories == {type(make()) for make in MEMORIES.values()}


@pytest.mark.parametrize("name", MEMORIES)
def test_every_memory_answers_every_question(name, fitted):
    model, x = fitted[name], patterns(fitted[name])
    assert model.is_stable(x).tolist() == [True] * 3
    middle = (1 + low_of(model)) / 2
    np.testing.assert_array_equal(model.recall(turned(model, x)) > middle, x > middle)
    assert (model.energy(x) < model.energy(turned(model, x))).all()
    np.testing.assert_array_equal(model.patterns_, x)
    assert set(vars(model)) - set(model.get_params()) <= set(model.fitted)


@pytest.mark.parametrize("name", MEMORIES)
def test_images_are_rows(name, fitted):
    model, x = fitted[name], patterns(fitted[name])
    for shape in ((3, 6, 6), (3, 3, 4, 3)):
        np.testing.assert_array_equal(model.recall(x.reshape(shape)), model.recall(x))
    with pytest.raises(DataError, match=r"X\[None\] if this is one image"):
        model.recall(x[0].reshape(6, 6))
    np.testing.assert_array_equal(model.recall(x[0].reshape(6, 6)[None]), model.recall(x[:1]))


@pytest.mark.parametrize("name", MEMORIES)
def test_patterns_come_and_go_and_a_failure_leaves_what_was(name):
    model = MEMORIES[name]()
    x = patterns(model, 4)
    with pytest.raises(NotFittedError):
        model.recall(x)
    with pytest.raises(DataError, match="Hopfield"):
        model.fit(np.full((2, UNITS), np.nan))
    with pytest.raises(NotFittedError):
        model.is_stable(x)
    model.fit(x[:3].reshape(3, 6, 6)).add(x[3].reshape(6, 6))
    np.testing.assert_array_equal(model.patterns_, x)
    before = model.recall(turned(model, x))
    for bad in (np.full((1, UNITS), np.inf), x[:, :5]):
        with pytest.raises(DataError, match="Hopfield"):
            model.partial_fit(bad)
    with pytest.raises(DataError, match="Hopfield"):
        model.fit(np.full((2, 7), np.nan))
    np.testing.assert_array_equal(model.recall(turned(model, x)), before)
    model.remove(x[1])
    np.testing.assert_array_equal(model.patterns_, x[[0, 2, 3]])
    with pytest.raises(DataError, match="stored"):
        model.remove(x[1])


@pytest.mark.parametrize("name", MEMORIES)
def test_curves_take_every_memory(name):
    # Few sparse patterns would be all the same to a rule that measures their activity.
    curve = fb.estimators.capacity_curve(MEMORIES[name](), UNITS, (0.06,), draws=1, flips=0.05)
    assert curve.stable[0, 0] == curve.recalled[0, 0] == 1
    assert curve.overlap[0, 0] > 0.99


def test_curves_refuse_what_is_no_memory():
    with pytest.raises(ConfigurationError, match="an associative memory, got RBM"):
        fb.estimators.basin_curve(fb.RBM(), 20, 0.1, (0.1,))


def digits(count: int) -> np.ndarray:
    return np.where(fb.problems.load("digits").images[:count] > 0.5, 1, -1)


def test_patterns_that_are_lost_are_counted_and_the_remedy_holds_them():
    x = digits(5)
    with pytest.warns(UserWarning, match=r"5 of 5 stored patterns are no fixed points \(.*% of their bits") as said:
        model = fb.Hopfield().fit(x)
    assert not model.is_stable(x).any()
    flips = (np.sign(x.reshape(5, -1) @ model.weights_) * x.reshape(5, -1) < 0).mean()
    assert model.history_["loss"].tolist() == [pytest.approx(flips)]
    assert "use rule='pseudoinverse', or fb.DenseHopfield(\"exponential\")" in str(said[0].message)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for better in (fb.Hopfield(rule="pseudoinverse"), fb.DenseHopfield("exponential")):
            assert better.fit(x).is_stable(x).all()


@pytest.mark.parametrize(
    "model",
    [
        fb.Hopfield("storkey"),
        fb.ContinuousHopfield(),
        fb.DenseHopfield(degree=2),
        fb.DenseHopfield("softmax", beta=0.01),
    ],
    ids=["storkey", "graded", "dense", "softmax"],
)
def test_every_memory_says_what_it_lost(model):
    x = digits(30)
    lost = "stored patterns" if model.get_params().get("interaction") == "softmax" else "stored patterns are no fixed"
    with pytest.warns(UserWarning, match=lost):
        model.fit(x)
    if model.get_params().get("interaction") != "softmax":
        assert not model.is_stable(x).all()


def test_pairs_and_sequences_say_what_they_lost():
    x = digits(8).reshape(8, -1)
    with pytest.warns(UserWarning, match="of 8 pairs would not stay; use rule='pseudoinverse'"):
        fb.networks.bidirectional_memory(x, x[::-1])
    with pytest.warns(UserWarning, match="of 7 steps would go astray; use rule='pseudoinverse'"):
        fb.networks.sequence_memory(x)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        pairs = fb.networks.bidirectional_memory(x, x[::-1], rule="pseudoinverse")
        path = fb.networks.sequence_memory(x, rule="pseudoinverse").run(x[:1], 21)
    np.testing.assert_array_equal(pairs.recall(x).y, x[::-1])
    np.testing.assert_array_equal(path[-1, 0], x[-1])


def test_a_pattern_stored_often_is_counted_once():
    x = np.repeat(patterns(fb.Hopfield(), 2), 30, axis=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fb.Hopfield().fit(x)  # 60 rows in 36 neurons, two patterns
        fb.Hopfield("pseudoinverse").fit(x)
        fb.DenseHopfield(degree=2).fit(x)


def test_bits_of_small_whole_numbers_are_coded_by_the_remedy():
    bits = digits(3).reshape(3, -1) > 0
    for model in (fb.DenseHopfield(), fb.ContinuousHopfield()):
        with pytest.raises(DataError) as said:
            model.fit(bits.astype(np.uint8))
        assert str(said.value).count("Remedy:") == 1
    X = bits.astype(np.uint8)
    assert fb.DenseHopfield("exponential").fit(np.where(X > 0, 1, -1)).is_stable(np.where(X > 0, 1, -1)).all()


def test_a_limit_is_no_size():
    x = patterns(fb.Hopfield(), 2)
    model = fb.Hopfield().fit(x)
    found = model.settle(turned(model, x), trace=True, max_sweeps=10**9)
    assert found.energies.shape[0] < 10
    assert found.fixed.all()
    graded = fb.ContinuousHopfield(max_steps=10**9).fit(x)
    assert len(graded.trajectory(x[0]).times) < 1_000


def test_the_weights_stand_once_in_memory_and_in_the_file(tmp_path):
    x = np.where(np.random.default_rng(3).random((5, 200)) < 0.5, -1.0, 1.0)
    model = fb.Hopfield("pseudoinverse").fit(x)
    leaves = [leaf for leaf in jax.tree.leaves(vars(model)) if getattr(leaf, "size", 0) >= 200 * 200]
    assert len(leaves) == 1
    fb.save(model, tmp_path / "memory.flambeau")
    assert (tmp_path / "memory.flambeau").stat().st_size < 1.2 * 4 * 200 * 200
    again = fb.load(tmp_path / "memory.flambeau").add(x[0] * np.where(np.arange(200) < 90, -1, 1))
    expected = fb.Hopfield("pseudoinverse").fit(again.patterns_)
    np.testing.assert_allclose(again.weights_, expected.weights_, atol=1e-5)


def test_graded_units_end_where_the_flow_ends_by_default():
    x = np.random.default_rng(5).choice([-1.0, 1.0], (6, 40))
    cues = np.random.default_rng(6).choice([-1.0, 1.0], (64, 40))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ends = fb.ContinuousHopfield().fit(x).predict(cues)
        slow = fb.ContinuousHopfield(method="exponential_euler", step=0.005, max_steps=100_000).fit(x).predict(cues)
    assert (ends == slow).all(1).mean() > 0.98


def test_what_is_not_symmetric_keeps_its_direction():
    w = np.random.default_rng(7).normal(size=(9, 9)) * (1 - np.eye(9))
    model, s = fb.Hopfield.from_weights(w), np.random.default_rng(8).choice([-1.0, 1.0], (5, 9))
    np.testing.assert_array_equal(model.weights_, w.astype(np.float32))
    with pytest.warns(UserWarning, match="not symmetric"):
        one = model.settle(s, max_sweeps=1).states
    expected = s.copy()
    for row in expected:
        for i in range(9):
            row[i] = np.sign(w[i] @ row)
    np.testing.assert_array_equal(one, expected)
    assert not model.network_.structure.symmetric


def test_twenty_numbers_of_rows_are_few_programs(fitted):
    """The last test of this file, for it forgets what the others have compiled."""
    model, x = fitted["hebbian"], patterns(fitted["hebbian"])
    counts = [1, 2, 3, 5, 8, 13, 17, 20, 21, 22, 23, 34, 50, 55, 64, 89, 100, 144, 233, 377]
    seen = []
    listen = lambda event, *_, **__: seen.append(event) if event.endswith("backend_compile_duration") else None  # noqa: E731
    jax.clear_caches()
    jax.monitoring.register_event_duration_secs_listener(listen)
    try:
        for count in counts:
            cues = np.resize(turned(model, x), (count, UNITS))
            np.testing.assert_array_equal(model.recall(cues), np.resize(x, (count, UNITS)))
    finally:
        jax.monitoring.unregister_event_duration_listener(listen)
    assert 1 <= len(seen) <= 6
