"""What the multi-layer estimators offer beyond scikit-learn's contract."""

import warnings

import numpy as np
import optax
import pytest
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split

import flambeau as fb

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def digits():
    bundle = fb.problems.load("digits")
    return train_test_split(bundle.data, bundle.target, test_size=0.3, random_state=0, stratify=bundle.target)


def classifier(**settings):
    usual = {"hidden_layer_sizes": (32,), "learning_rate": 0.01, "epochs": 30, "random_state": 0}
    return fb.MLPClassifier(**{**usual, **settings})


def first_weights(model):
    return np.asarray(model.network_.layers[0].structure.weights)


def test_it_learns_digits(digits):
    X, other, y, labels = digits
    model = classifier().fit(X, y)
    assert model.score(other, labels) > 0.95
    np.testing.assert_allclose(model.predict_proba(other).sum(1), 1, rtol=1e-5)
    assert model.history_["loss"][-1] < model.history_["loss"][0] / 5


@pytest.mark.parametrize(
    "settings",
    [
        {"loss": "mse"},
        {"activation": "relu", "initialisation": "he"},
        {"activation": ("tanh",)},
        {"hidden_layer_sizes": (20, 20), "activation": ("relu", "tanh")},
        {"hidden_layer_sizes": ()},
        {"dropout": 0.2},
        {"l1": 1e-4, "l2": 1e-4, "max_norm": 3.0, "clip_norm": 1.0},
        {"optimizer": "momentum", "learning_rate": optax.cosine_decay_schedule(0.3, 300)},
        {"optimizer": optax.adam(0.01)},
        {"optimizer": "adamw", "weight_decay": 0.01},
    ],
    ids=lambda settings: "-".join(settings) if isinstance(settings, dict) else None,
)
def test_every_setting_still_learns(digits, settings):
    X, other, y, labels = digits
    assert classifier(**settings).fit(X, y).score(other, labels) > 0.9


def test_penalties_shrink_and_max_norm_limits(digits):
    X, _, y, _ = digits
    free = first_weights(classifier(epochs=60).fit(X, y))
    assert np.linalg.norm(first_weights(classifier(l2=0.1, epochs=60).fit(X, y))) < 0.5 * np.linalg.norm(free)
    limited = first_weights(classifier(max_norm=0.7).fit(X, y))
    assert np.linalg.norm(limited, axis=0).max() <= 0.7 * (1 + 1e-5)
    sparse = first_weights(classifier(l1=3e-3, epochs=60).fit(X, y))
    assert (np.abs(sparse) < 0.01).mean() > 3 * (np.abs(free) < 0.01).mean()


def test_early_stopping_on_the_users_own_data_gives_both_curves_and_the_best_weights(digits):
    X, other, y, labels = digits
    model = classifier(early_stopping=True, patience=5, epochs=500, tolerance=0, learning_rate=0.05)
    model.fit(X[:200], y[:200], validation_data=(other, labels))
    curves = model.history_
    assert model.run_.stopped
    assert len(curves["loss"]) == len(curves["validation_loss"]) == len(curves["validation_accuracy"]) == model.n_iter_
    best = int(np.argmin(curves["validation_loss"]))
    assert best == model.n_iter_ - 6
    np.testing.assert_allclose(model.score(other, labels), curves["validation_accuracy"][best], atol=1e-6)


def test_early_stopping_without_own_data_holds_a_share_out(digits):
    X, other, y, labels = digits
    model = classifier(early_stopping=True, epochs=300).fit(X, y)
    assert "validation_loss" in model.history_
    assert model.score(other, labels) > 0.94


def test_a_validation_curve_without_early_stopping(digits):
    X, other, y, labels = digits
    watched = classifier(epochs=5).fit(X, y, validation_data=(other, labels))
    alone = classifier(epochs=5).fit(X, y)
    assert len(watched.history_["validation_loss"]) == 5
    np.testing.assert_array_equal(watched.history_["loss"], alone.history_["loss"])


def test_partial_fit_with_early_stopping_counts_patience_across_calls_and_keeps_the_best(digits):
    X, other, y, labels = digits
    model = classifier(early_stopping=True, patience=4, learning_rate=0.05, tolerance=0)
    for _ in range(200):
        model.partial_fit(X[:150], y[:150], classes=np.arange(10), validation_data=(other, labels))
        best = int(np.argmin(model.history_["validation_loss"]))
        np.testing.assert_allclose(model.score(other, labels), model.history_["validation_accuracy"][best], atol=1e-6)
        if model.run_.stopped:
            break
    assert model.run_.stopped
    calls = model.n_iter_
    assert calls == best + 5
    assert model.partial_fit(X, y).n_iter_ == calls  # patience is spent


def test_partial_fit_goes_on_where_it_was_and_streams_batches_of_any_size(digits):
    X, other, y, labels = digits
    stream = classifier()
    for epoch in range(15):
        for part in np.array_split(np.random.default_rng(epoch).permutation(len(X)), 3):
            stream.partial_fit(X[part], y[part], classes=np.arange(10))
    assert stream.n_iter_ == 45
    assert stream.score(other, labels) > 0.93
    fitted = classifier(epochs=5, tolerance=0).fit(X, y)
    fitted.partial_fit(X, y)
    np.testing.assert_array_equal(fitted.history_["loss"], classifier(epochs=6, tolerance=0).fit(X, y).history_["loss"])


def test_warm_start_goes_on_and_a_cold_one_starts_anew(digits):
    X, _, y, _ = digits
    warm = classifier(warm_start=True, epochs=5).fit(X, y)
    first = warm.history_["loss"][0]
    warm.fit(X, y)
    assert warm.n_iter_ == 10
    assert warm.history_["loss"][5] < 0.6 * first  # a cold start is at 1.0


def test_sample_weight_repeats_rows_and_class_weight_is_a_sample_weight(x64):
    X, y = fb.problems.two_moons(60, noise=0.2, random_state=0)
    times = np.random.default_rng(0).integers(0, 4, 60)
    settings = {"batch_size": 1000, "epochs": 50, "tolerance": 0, "learning_rate": 0.05, "random_state": 0}
    model = lambda **more: fb.MLPClassifier((5,), **settings, **more)  # noqa: E731
    weighted = model().fit(X, y, sample_weight=times)
    repeated = model().fit(np.repeat(X, times, axis=0), np.repeat(y, times))
    np.testing.assert_allclose(weighted.predict_proba(X), repeated.predict_proba(X), rtol=1e-6)
    by_class = model(class_weight={0: 1.0, 1: 3.0}).fit(X, y)
    by_row = model().fit(X, y, sample_weight=np.where(y == 1, 3.0, 1.0))
    np.testing.assert_allclose(by_class.predict_proba(X), by_row.predict_proba(X), rtol=1e-6)
    balanced = model(class_weight="balanced").fit(X[: len(X) // 2 + 20], y[: len(X) // 2 + 20])
    assert balanced.score(X, y) > 0.5


def test_the_regressor_learns_in_any_unit_and_several_columns():
    X = np.linspace(-2, 2, 100)[:, None]
    y = np.hstack([1e6 * np.sin(2 * X) + 5e7, 1e-4 * X**2])
    model = fb.MLPRegressor((30,), "tanh", learning_rate=0.02, epochs=600, random_state=0).fit(X, y)
    assert model.predict(X).shape == (100, 2)
    assert model.score(X, y) > 0.98
    single = fb.MLPRegressor((30,), "tanh", learning_rate=0.02, epochs=600, random_state=0).fit(X, y[:, 0])
    assert single.predict(X).shape == (100,)


def test_a_warning_when_the_epochs_run_out(digits):
    X, _, y, _ = digits
    with pytest.warns(ConvergenceWarning, match="not converged after 2 epochs"):
        classifier(epochs=2).fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        classifier(epochs=500, tolerance=0.1).fit(X, y)


def test_two_classes_of_text_labels():
    X, y = fb.problems.two_moons(80, noise=0.1, random_state=0)
    model = fb.MLPClassifier((10,), "tanh", learning_rate=0.05, random_state=0).fit(X, np.where(y, "moon", "sun"))
    assert model.predict_proba(X).shape == (80, 2)
    assert set(model.predict(X)) == {"moon", "sun"}
    assert model.network_.layers[-1].bias.shape == (1,)


@pytest.mark.parametrize(
    ("setting", "match"),
    [
        ({"epochs": 0}, "MLPClassifier.epochs"),
        ({"epochs": 2.5}, "MLPClassifier.epochs"),
        ({"batch_size": -3}, "MLPClassifier.batch_size"),
        ({"learning_rate": -0.1}, "learning_rate"),
        ({"activation": "sigmund"}, "activation"),
        ({"optimizer": "adamant"}, "optimizer"),
        ({"loss": "hinge"}, "loss"),
        ({"hidden_layer_sizes": (10, 0)}, "hidden_layer_sizes"),
        ({"dropout": 1.0}, "dropout"),
        ({"l2": -1.0}, "l2"),
        ({"initialisation": "random"}, "initialisation"),
        ({"activation": ("tanh", "tanh")}, "one per hidden layer"),
        ({"activation": "step"}, "slope"),
        ({"early_stopping": True, "validation_fraction": 1.5}, "validation_fraction"),
        ({"random_state": -1}, "random_state"),
        ({"patience": 0}, "patience"),
    ],
    ids=lambda settings: "-".join(settings) if isinstance(settings, dict) else None,
)
def test_bad_settings_are_typed_errors(digits, setting, match):
    X, _, y, _ = digits
    with pytest.raises(fb.errors.ConfigurationError, match=match):
        classifier(**setting).fit(X[:50], y[:50])


def test_bad_labels_are_typed_errors(digits):
    X, _, y, _ = digits
    with pytest.raises(fb.errors.DataError, match="one class"):
        classifier().fit(X[:5], np.ones(5))
    with pytest.raises(fb.errors.DataError, match="class labels"):
        classifier().fit(X[:5], np.linspace(0, 1, 5))
    with pytest.raises(fb.errors.DataError, match="all class labels at the first call"):
        classifier().partial_fit(X[:5], y[:5])
    model = classifier().partial_fit(X, y, classes=np.arange(10))
    with pytest.raises(fb.errors.DataError, match=r"unseen labels \[11\]"):
        model.partial_fit(X[:2], [1, 11])
    with pytest.raises(fb.errors.DataError, match="classes of the first call"):
        model.partial_fit(X[:2], y[:2], classes=[1, 2])
    with pytest.raises(fb.errors.DataError, match="unseen"):
        classifier().fit(X, y, validation_data=(X[:3], [10, 11, 12]))
    with pytest.raises(fb.errors.DataError, match="a pair"):
        classifier().fit(X, y, validation_data=X)


@pytest.mark.parametrize("weights", [[-1.0, 1.0], [np.nan, 1.0], [0.0, 0.0], [1.0]])
def test_bad_weights_are_typed_errors(weights):
    with pytest.raises(fb.errors.DataError, match="weight"):
        fb.MLPClassifier().fit([[0.0], [1.0]], [0, 1], sample_weight=weights)


def test_a_diverging_fit_says_so_and_leaves_no_model():
    X = np.linspace(-1, 1, 50)[:, None]
    model = fb.MLPRegressor((5,), "identity", optimizer="sgd", learning_rate=1e6, random_state=0)
    with pytest.raises(fb.errors.DivergenceError, match=r"epoch \d+, step \d+, .*layers"):
        model.fit(X, X[:, 0])
    assert not hasattr(model, "network_")


def test_a_stream_after_a_stopped_fit_learns_on_from_what_was_kept(digits):
    X, other, y, labels = digits
    settings = {"early_stopping": True, "patience": 3, "learning_rate": 0.05, "tolerance": 0, "epochs": 500}
    model = classifier(**settings).fit(X[:200], y[:200])
    assert model.run_.stopped
    before, epochs = first_weights(model), model.n_iter_
    model.partial_fit(X[200:], y[200:], validation_data=(other, labels))
    assert model.n_iter_ == epochs + 1
    assert np.abs(first_weights(model) - before).max() > 0
    plain = classifier(**settings).fit(X[:200], y[:200])
    plain.set_params(early_stopping=False, optimizer="adam", learning_rate=1e-9).partial_fit(X, y)
    np.testing.assert_allclose(first_weights(plain), before, atol=1e-5)


def test_a_validation_curve_may_come_late(digits):
    X, other, y, labels = digits
    model = classifier(epochs=3, tolerance=0).fit(X, y)
    model.partial_fit(X, y, validation_data=(other, labels))
    assert np.isnan(model.history_["validation_loss"]).tolist() == [True, True, True, False]


def test_a_call_that_fails_leaves_no_trace(digits):
    X, _, y, _ = digits
    model = classifier()
    with pytest.raises(fb.errors.DataError, match="unseen"):
        model.partial_fit(X[:5], [99] * 5, classes=np.arange(10))
    model.partial_fit(X, y, classes=np.arange(10))
    with pytest.raises(fb.errors.DataError, match="weight"):
        model.fit(X[:50], y[:50] > 4, sample_weight=-np.ones(50))
    assert len(model.classes_) == 10
    assert model.predict(X).max() <= 9


def test_going_on_with_other_sizes_is_refused(digits):
    X, _, y, _ = digits
    model = classifier(warm_start=True, epochs=2, tolerance=0).fit(X, y)
    with pytest.raises(fb.errors.ConfigurationError, match=r"hidden_layer_sizes=\(32,\).*got \(50,\)"):
        model.set_params(hidden_layer_sizes=(50,)).fit(X, y)


def test_rows_of_weight_zero_are_not_held_out_either(digits):
    X, _, y, _ = digits
    weights = (np.arange(len(X)) % 4 > 0).astype(float)
    kept = weights > 0
    weighed = classifier(early_stopping=True).fit(X, y, sample_weight=weights)
    without = classifier(early_stopping=True).fit(X[kept], y[kept])
    np.testing.assert_array_equal(weighed.predict_proba(X), without.predict_proba(X))


def test_a_constant_target_has_no_scale_of_its_own():
    model = fb.MLPRegressor((3,), epochs=2, tolerance=0, random_state=0)
    X = np.linspace(0, 1, 30)[:, None]
    model.partial_fit(X, np.full(30, 0.1), sample_weight=np.random.default_rng(0).random(30))
    assert model.target_scale_ == 1
