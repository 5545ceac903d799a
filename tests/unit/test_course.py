"""The course of every fit: what is refused, what is committed and when, and what going on keeps."""

import importlib
import inspect
import tracemalloc
import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import ConvergenceWarning, NotFittedError

import flambeau as fb
from flambeau.estimators import base, labels
from flambeau.estimators.common import row_weights
from flambeau.estimators.parameters import check_parameters, parameters_of
from flambeau.foundation import kept_programs, processes
from flambeau.foundation.memory import aligned

training_loop = importlib.import_module("flambeau.training.train")  # the package's own ``train`` is the function
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def moons():
    return fb.problems.two_moons(60, noise=0.1, random_state=0)


def classifier(**settings):
    return fb.MLPClassifier((4,), **{"activation": "tanh", "epochs": 3, "tolerance": 0, "random_state": 0, **settings})


def regressor(**settings):
    usual = {"activation": "identity", "optimizer": "sgd", "learning_rate": 0.1, "epochs": 3, "tolerance": 0}
    return fb.MLPRegressor((3,), **{**usual, "random_state": 0, **settings})


@pytest.fixture
def line():
    X = np.linspace(-1, 1, 50)[:, None]
    return X, X[:, 0]


def stream(model, X, t):
    for _ in range(20):
        model.partial_fit(X, t)


def test_a_refit_that_diverges_leaves_the_old_model_whole(line):
    X, t = line
    model = regressor().fit(X, t)
    before, scale = model.predict(X), model.target_scale_
    with pytest.raises(fb.errors.DivergenceError):
        model.set_params(learning_rate=1e6, epochs=50).fit(np.hstack([X, X]), 1000 * t + 5000)
    np.testing.assert_array_equal(model.predict(X), before)
    assert model.target_scale_ is scale
    assert model.n_features_in_ == 1
    with pytest.raises(fb.errors.DivergenceError):
        stream(model, X, t)
    assert model.run_.rounds == model.n_iter_ == len(model.history_["loss"]) < 23


def test_an_interrupted_refit_leaves_the_old_model_whole(moons, monkeypatch):
    X, y = moons
    model = classifier().fit(X, y)
    before = model.predict_proba(X)

    def interrupted(*args, **settings):
        raise KeyboardInterrupt

    monkeypatch.setattr(base, "train", interrupted)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X[:, :1], np.where(y, "sun", "moon"))
    np.testing.assert_array_equal(model.predict_proba(X), before)
    assert model.classes_.tolist() == [0, 1]


def test_a_first_fit_that_fails_leaves_nothing_fitted(moons):
    X, y = moons
    model = classifier(activation="step")  # refused by the rule, long after the data were read
    with pytest.raises(fb.errors.ConfigurationError, match="slope"):
        model.fit(X, y)
    assert not [name for name in vars(model) if name.endswith("_") or name.startswith("_")]
    with pytest.raises(NotFittedError):
        model.predict(X)


def test_whatever_fit_leaves_behind_is_declared(moons):
    X, y = moons
    for model in (classifier().fit(X, y), regressor().fit(X, y)):
        assert set(vars(model)) <= {*model.get_params(), *model.fitted}


@pytest.mark.parametrize(
    "change",
    [
        {"activation": "relu"},
        {"dropout": 0.5},
        {"loss": "mse"},
        {"initialisation": "he"},
        {"hidden_layer_sizes": (5,)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_going_on_keeps_every_setting_that_drawing_reads(moons, change):
    X, y = moons
    model = classifier(warm_start=True).fit(X, y)
    with pytest.raises(fb.errors.ConfigurationError, match=f"going on: expected {next(iter(change))}=") as caught:
        model.set_params(**change).fit(X, y)
    assert "warm_start=False" in caught.value.remedy
    with pytest.raises(fb.errors.ConfigurationError, match="going on"):
        model.partial_fit(X, y)
    assert model.set_params(warm_start=False).fit(X, y).n_iter_ == 3


def test_going_on_keeps_the_classes_and_takes_other_rates(moons):
    X, y = moons
    model = classifier(warm_start=True).fit(X, y)
    with pytest.raises(fb.errors.DataError, match=r"labels of the classes \[0 1\], got \[1 2\]"):
        model.fit(X, y + 1)
    assert model.set_params(learning_rate=0.5, l2=0.0, epochs=2).fit(X, y).n_iter_ == 5


@pytest.mark.parametrize("scale", [1e-42, 1e-310, 1e42, 1e300])
def test_weights_outside_single_precision_are_proportions_like_any_other(moons, scale):
    X, y = moons
    plain = np.where(np.arange(len(X)) % 2, 1.0, 2.0)
    expected = classifier().fit(X, y, sample_weight=plain).predict_proba(X)
    scaled = classifier().fit(X, y, sample_weight=plain * scale).predict_proba(X)
    np.testing.assert_allclose(scaled, expected, rtol=1e-4)


def test_weights_of_common_size_stay_as_they_are(moons):
    weights = np.geomspace(1e-3, 1e3, 60)
    np.testing.assert_array_equal(row_weights(classifier(), *moons, weights), weights)


@pytest.mark.parametrize("weights", [{0: -1.0, 1: 1.0}, {0: np.nan, 1: 1.0}, "fair", [1, 2]])
def test_class_weights_that_are_none_are_refused(moons, weights):
    with pytest.raises(ValueError, match="class_weight: expected a weight of at least 0"):
        classifier(class_weight=weights).fit(*moons)


BAD_LABELS = {
    "none": (lambda y: [None if i == 7 else label for i, label in enumerate(y)], "none in 1 of 60 rows .the first: 7"),
    "nan": (lambda y: np.where(np.arange(60) > 57, np.nan, y), "none in 2 of 60 rows"),
    "NA": (lambda y: pd.Series(y, dtype="Int64").mask(np.arange(60) == 3), "none in 1 of 60 rows"),
    "NA in text": (lambda y: pd.Series(y).map({0: "a", 1: "b"}).astype("string").mask(y == 0), "a label in every row"),
    "one-hot": (lambda y: np.eye(2)[y], r"y.argmax\(axis=1\)"),
    "one-hot booleans": (lambda y: np.eye(2, dtype=bool)[y], r"y.argmax\(axis=1\)"),
    "several": (lambda y: np.ones((60, 3), int), "MultiOutputClassifier"),
    "bytes": (lambda y: np.where(y, b"a", b"b"), r"label.decode\(\)"),
    "bytes in objects": (lambda y: np.where(y, b"a", b"b").astype(object), r"label.decode\(\)"),
    "text and numbers": (lambda y: np.asarray([0, "one"], object)[y], r"str\(label\)"),
}


@pytest.mark.parametrize("name", BAD_LABELS)
def test_labels_that_are_none_have_each_its_own_remedy(moons, name):
    X, y = moons
    make, match = BAD_LABELS[name]
    with pytest.raises(fb.errors.DataError, match=match):
        classifier().fit(X, make(y))


GOOD_LABELS = {
    "whole numbers in objects": lambda y: y.astype(object),
    "a nullable column": lambda y: pd.Series(y, dtype="Int64"),
    "truth values in objects": lambda y: y.astype(bool).astype(object),
    "categories": lambda y: pd.Series(np.where(y, "sun", "moon"), dtype="category"),
    "a column of strings": lambda y: pd.Series(np.where(y, "sun", "moon"), dtype="string"),
    "numbers in a list": lambda y: y.tolist(),
}


@pytest.mark.parametrize("name", GOOD_LABELS)
def test_labels_as_tables_bring_them(moons, name):
    X, y = moons
    given = GOOD_LABELS[name](y)
    model = classifier().fit(X, given)
    assert model.classes_.dtype.kind != "O"
    np.testing.assert_array_equal(model.predict_proba(X), classifier().fit(X, y).predict_proba(X))


@pytest.mark.parametrize(
    ("y", "unlabelled", "known"),
    [
        ([0, 1, -1], -1, [1, 1, 0]),
        (["a", "b", None], -1, [1, 1, 0]),
        (np.asarray(["a", "b", -1]), -1, [1, 1, 0]),  # NumPy made it the text '-1'
        (["a", -1, "b"], -1, [1, 0, 1]),
        ([0.0, 1.0, np.nan], None, [1, 1, 0]),
        ([-1, 0, 1], None, [1, 1, 1]),
        (["?", "a", "b"], "?", [0, 1, 1]),
        ([0, 1, 2], "?", [1, 1, 1]),
        (pd.Series([1, 2, None], dtype="Int64"), -1, [1, 1, 0]),
    ],
    ids=str,
)
def test_one_reader_tells_labels_from_none(y, unlabelled, known):
    found, which = labels.read_labels("example", y, unlabelled)
    np.testing.assert_array_equal(which, np.asarray(known, bool))
    assert found.dtype.kind != "O"


def test_data_are_copied_once_for_the_device_and_once_for_their_type():
    X = np.random.default_rng(0).normal(size=(30_000, 256))
    y = np.arange(30_000) % 2
    model = fb.MLPClassifier((), epochs=1, batch_size=2_048, tolerance=0, random_state=0)
    model.fit(X[:3000], y[:3000])
    tracemalloc.start()
    model.fit(X, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2.2 * X.nbytes / 2  # one in single precision, one on the device


def test_data_are_looked_through_once(moons, monkeypatch):
    X, y = moons
    seen = []
    real = np.isfinite
    monkeypatch.setattr(np, "isfinite", lambda values, *more, **how: seen.append(np.size(values)) or real(values))
    classifier().fit(X, y)
    assert X.size not in seen  # a sum tells it


def test_a_rest_where_the_inputs_do_not_matter_is_no_convergence():
    X, y = np.zeros((60, 2)), np.arange(60) % 2
    with pytest.warns(ConvergenceWarning, match="stopped on a plateau: the loss, 0.693, is no better .* 0.693"):
        classifier(epochs=100, tolerance=1e-3, patience=3).fit(X, y)
    with pytest.warns(ConvergenceWarning, match="stopped on a plateau: the loss, 0.5,"):
        regressor(epochs=100, tolerance=1e-3, patience=3).fit(X[:50], np.sin(np.arange(50)))
    with pytest.warns(ConvergenceWarning, match="stopped on a plateau"):  # the shares of unequal classes
        classifier(epochs=300, tolerance=1e-3, patience=3, loss="mse", learning_rate=0.1).fit(X, np.arange(60) % 4)


def test_a_rest_that_has_learned_something_is_not_spoken_of(moons):
    X, y = moons
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = classifier(epochs=300, tolerance=1e-2, patience=5, learning_rate=0.05).fit(X, y)
    assert model.run_.stopped  # it rests, and nothing was said


def test_a_checkpoint_goes_on_to_the_same_bits_and_a_time_limit_keeps_what_was_learned(moons, tmp_path):
    X, y = moons
    file = tmp_path / "half"
    whole = classifier(epochs=6).fit(X, y)
    classifier().fit(X, y, checkpoint=file)
    resumed = classifier(epochs=6).fit(X, y, resume=file)
    np.testing.assert_array_equal(resumed.predict_proba(X), whole.predict_proba(X))
    np.testing.assert_array_equal(resumed.history_["loss"], whole.history_["loss"])
    with pytest.raises(fb.errors.FileFormatError, match="as in this run"):  # so the file is read, not all done anew
        classifier(epochs=6).fit(X + 1, y, resume=file)
    with pytest.warns(ConvergenceWarning, match=r"ended after \d+ of 9000 epochs"):
        short = classifier(epochs=9000, tolerance=1e-9, patience=9000).fit(X, y, time_limit=0)
    assert 0 < short.n_iter_ < 9000
    assert short.run_.interrupted


def test_ctrl_c_keeps_what_was_learned_so_far(moons, tmp_path, monkeypatch):
    X, y = moons
    calls = []

    def interrupted(*args, **settings):  # the keyboard, while the first chunk of epochs is written down
        calls.append(args)
        raise KeyboardInterrupt

    monkeypatch.setattr(training_loop, "save_checkpoint", interrupted)
    model = classifier(epochs=9000, tolerance=1e-9, patience=9000, warm_start=True)
    with pytest.warns(RuntimeWarning, match="interrupted after"):
        model.fit(X, y, checkpoint=tmp_path / "file")
    done = model.n_iter_
    assert len(calls) == 1
    assert 0 < done < 9000
    assert model.score(X, y) > 0.9
    assert model.set_params(epochs=2).fit(X, y).n_iter_ == done + 2


def test_divergence_carries_the_last_finite_run(line):
    X, t = line
    with pytest.raises(fb.errors.DivergenceError) as caught:
        regressor(learning_rate=1e6, epochs=50).fit(X, t)
    run = caught.value.run
    assert 0 < run.rounds < 50
    assert np.isfinite(run.network.layers[0].structure.weights).all()


def test_settings_beside_an_optimizer_object_are_refused_before_data_are_looked_at():
    with pytest.raises(fb.errors.ConfigurationError, match="l2"):
        classifier(optimizer=fb.optimizer("sgd", 0.5), l2=1.0).fit([["not", "data"]], None)


def test_programs_kept_have_an_upper_bound(moons, monkeypatch):
    cleared = []
    monkeypatch.setattr(kept_programs, "KEPT_PROGRAMS", 2)
    monkeypatch.setattr(kept_programs, "_kept", set())
    monkeypatch.setattr(kept_programs.jax, "clear_caches", lambda: cleared.append(len(kept_programs._kept)))
    for kind in ("a", "b", "a", "b"):
        kept_programs.make_room_for(kind)
    assert cleared == []
    kept_programs.make_room_for("c")
    assert cleared == [2]
    kept_programs.make_room_for("a")
    assert cleared == [2]
    monkeypatch.setattr(kept_programs, "_kept", {"other", "others"})
    classifier().fit(*moons)
    assert cleared == [2, 2]  # a fit asks


def test_a_cache_named_in_the_environment_is_switched_on_at_the_first_fit(monkeypatch, tmp_path):
    used = []
    monkeypatch.setattr(kept_programs, "_asked", [])
    monkeypatch.setattr(kept_programs, "enable_compilation_cache", used.append)
    monkeypatch.setattr(
        kept_programs, "jax", SimpleNamespace(config=SimpleNamespace(values={"jax_compilation_cache_dir": None}))
    )
    monkeypatch.delenv("FLAMBEAU_COMPILATION_CACHE", raising=False)
    kept_programs.cache_from_environment()
    assert used == []
    monkeypatch.setenv("FLAMBEAU_COMPILATION_CACHE", str(tmp_path))
    kept_programs.cache_from_environment()
    kept_programs.cache_from_environment()
    assert used == [str(tmp_path)]


def test_a_fork_of_a_process_that_has_computed_is_warned_once(monkeypatch):
    monkeypatch.setattr(processes, "_computed_in", [])
    processes.warn_if_forked()
    processes.warn_if_forked()
    monkeypatch.setattr(processes.os, "getpid", lambda: -1)
    with pytest.warns(RuntimeWarning, match="forked from one that had already computed.*spawn"):
        processes.warn_if_forked()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        processes.warn_if_forked()


def test_the_defaults_learn_what_no_plane_can(moons):
    """XOR ten times of ten, and two half moons: from Glorot's start, sigmoid layers stay where ignoring the inputs is
    all."""
    X, y = (np.asarray(part) for part in fb.problems.xor())
    right = [fb.MLPClassifier(random_state=seed).fit(X, y.ravel()).score(X, y.ravel()) for seed in range(10)]
    assert right == [1.0] * 10
    fits = [fb.MLPRegressor(random_state=seed).fit(X, y.ravel()).score(X, y.ravel()) for seed in range(3)]
    assert min(fits) > 0.95


def test_a_default_that_does_not_learn_says_so():
    X, y = fb.problems.two_spirals()
    with pytest.warns(ConvergenceWarning, match="stopped on a plateau"):
        assert fb.MLPClassifier(random_state=0).fit(X, y).score(X, y) < 0.7


def test_partial_fit_knows_part_of_the_classes_and_a_curve_may_come_and_go(moons):
    X, y = moons
    model = classifier().fit(X, y)
    model.partial_fit(X[y == 1], y[y == 1], validation_data=(X, y))
    model.partial_fit(X, y)
    assert np.isnan(model.history_["validation_loss"]).tolist() == [True, True, True, False, True]
    assert len(model.history_["loss"]) == model.n_iter_ == 5


def test_rows_that_may_not_be_held_out_are_learned_from():
    rows = base.Rows(np.arange(20.0)[:, None], np.zeros((20, 1)), np.ones(20), np.where(np.arange(20) < 12, -1, 1))
    learned, held = base.hold_out(rows, 0.5, 0, "Example")
    assert (held.inputs >= 12).all()
    assert len(held.weights) == 4
    assert sorted([*learned.inputs[:, 0], *held.inputs[:, 0]]) == list(range(20))
    with pytest.raises(fb.errors.DataError, match="at least 2 rows to hold some out"):
        base.hold_out(base.Rows(*rows[:3], np.full(20, -1)), 0.5, 0, "Example")


def test_what_is_kept_shares_no_memory_with_what_was_given():
    inputs = aligned((64, 2), np.float32)
    inputs[:] = np.arange(128).reshape(64, 2)
    rows = base.Rows(inputs, np.zeros((64, 1), np.float32), np.ones(64, np.float32))
    kept = [rows.batch().inputs, rows.examples(64, shuffle=False).inputs]
    inputs -= 1000
    assert all(float(values.min()) == 0 for values in kept)


@pytest.mark.parametrize(
    ("value", "match"),
    [(np.nan, "contains NaN"), (np.inf, "contains infinity"), (-np.inf, "infinity"), (1e39, "scale")],
)
@pytest.mark.parametrize("make", [classifier, regressor, fb.Perceptron], ids=lambda make: make.__name__)
def test_data_that_are_not_finite_are_refused_wherever_they_come_in(moons, make, value, match):
    X, y = moons
    bad = X.copy()
    bad[30, 1] = value
    with pytest.raises(fb.errors.DataError, match=match):
        make().fit(bad, y)
    with pytest.raises(fb.errors.DataError, match=match):
        make().fit(X, y, validation_data=(bad, y))


DECLARED = {name: cls for name, cls in fb.estimators.ESTIMATORS.items() if parameters_of(cls)}


@pytest.mark.parametrize("name", DECLARED)
def test_every_parameter_is_declared_and_refuses_what_it_cannot_be(name):
    cls = DECLARED[name]
    declared = parameters_of(cls)
    assert list(declared) == list(inspect.signature(cls).parameters)
    check_parameters(cls())
    for parameter, declaration in declared.items():
        assert cls().get_params()[parameter] == declaration.default
        if parameter == "unlabelled":
            continue  # any value may mark a row without a label
        with pytest.raises(fb.errors.ConfigurationError, match=f"{name}.{parameter}: expected"):
            cls(**{parameter: object()}).fit([["nothing", "that", "could"], ["be", "looked", "at"]], [0, 1])


@pytest.mark.parametrize(
    ("flag", "value"), [("shuffle", "no"), ("early_stopping", "false"), ("warm_start", 1), ("verbose", None)]
)
def test_flags_are_true_or_false(moons, flag, value):
    with pytest.raises(fb.errors.ConfigurationError, match=f"{flag}: expected True or False"):
        classifier(**{flag: value}).fit(*moons)
