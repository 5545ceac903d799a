"""DBN and DBNClassifier behind scikit-learn's interface: bounds, fine-tuning, labels, unlabelled rows, refusals."""

import functools

import jax
import numpy as np
import pytest

import flambeau as fb
from flambeau.errors import ConfigurationError, DataError, DivergenceError
from flambeau.estimators.dbn_classifier import feed_forward
from flambeau.networks import dbn, rbm
from flambeau.neurons import Gaussian
from flambeau.structures import Dropout
from programs import program

RNG = np.random.default_rng(0)
CLASSES = np.repeat([[1.0, 1, 0, 0, 0, 0], [0, 0, 1, 1, 0, 0], [0, 0, 0, 0, 1, 1]], 60, axis=0)
X = np.abs(CLASSES - (RNG.random(CLASSES.shape) < 0.08))
Y = np.repeat(["a", "b", "c"], 60)
QUICK = {"epochs": 20, "batch_size": 10, "learning_rate": 0.1, "random_state": 0}


@pytest.fixture(scope="module")
def two_layers():
    """Whose second layer starts as the mirror of the first."""
    return fb.DBN((5, 6), **QUICK).fit(X)


class TestDBN:
    def test_a_mirrored_second_layer_starts_where_the_first_one_ended(self, two_layers):
        """So the bound of two layers is no worse than one layer's likelihood, and learning raises it from there."""
        alone = fb.DBN((5,), **QUICK).fit(X)
        exact = alone.log_likelihood_bound(X).mean()  # one layer has no recognition to be wrong
        start = fb.DBN((5, 6), **{**QUICK, "learning_rate": 1e-9}).fit(X)  # nothing is learned
        top = start.network_.top
        mirrored = np.asarray(start.network_.lower[0].generation.weights).T
        np.testing.assert_allclose(top.structure.weights, mirrored, atol=1e-4)
        assert two_layers.log_likelihood_bound(X, repeats=50).mean() > exact - 0.05

    def test_the_report_says_bound_protocol_and_verdict(self, two_layers):
        text = str(two_layers.likelihood_report(X))
        assert text.startswith("at least -")
        assert "protocol: values as they are" in text
        assert "exact: a sum over all states" in text

    def test_up_down_learning_does_not_lose_the_data(self):
        model = fb.DBN((5, 6), fine_tune="up_down", fine_tune_epochs=10, fine_tune_learning_rate=0.02, **QUICK).fit(X)
        independent = X.mean(0) * np.log(X.mean(0)) + (1 - X.mean(0)) * np.log(1 - X.mean(0))
        assert model.log_likelihood_bound(X, repeats=20).mean() > independent.sum() + 0.3
        assert len(model.runs_) == 3

    def test_weights_are_repetitions(self):
        rows, weights = X[:8], np.asarray([1.0, 2, 1, 1, 3, 0, 0, 0])  # as many as their sum: the same programs
        some = fb.DBN((5, 4), **QUICK).fit(rows, sample_weight=weights)
        same = fb.DBN((5, 4), **QUICK).fit(np.repeat(rows, weights.astype(int), axis=0))
        np.testing.assert_allclose(some.transform(rows), same.transform(rows), rtol=1e-4)

    def test_refusals(self, two_layers):
        for settings in ({"hidden_layer_sizes": (4,), "fine_tune": "up_down"}, {"batch_size": "auto"},
                         {"fine_tune_learning_rate": 0}):  # fmt: skip
            with pytest.raises(ConfigurationError):
                fb.DBN(**{"hidden_layer_sizes": (4, 3), **settings}).fit(X)
        with pytest.raises(ConfigurationError, match="repeats"):
            two_layers.log_likelihood_bound(X, repeats=0)
        with pytest.raises(DivergenceError, match="lower the learning rate"):
            fb.DBN((5, 6), fine_tune="up_down", fine_tune_learning_rate=1e5, fine_tune_epochs=10, **QUICK).fit(X)


@functools.cache
def classifier(fine_tune):
    settings = {"fine_tune_learning_rate": 0.01, "fine_tune_epochs": 20, **QUICK, "epochs": 40}
    return fb.DBNClassifier((8, 12), fine_tune, **settings).fit(X, Y)


class TestDBNClassifier:
    @pytest.mark.parametrize("fine_tune", [None, "up_down", "backprop"])
    def test_it_classifies_and_generates_what_it_classifies(self, fine_tune):
        model = classifier(fine_tune)
        assert model.score(X, Y) > 0.9
        np.testing.assert_allclose(model.predict_proba(X).sum(1), 1, rtol=1e-5)
        for place, label in enumerate("abc"):
            assert model.sample(40, label=label, n_steps=50).mean(0).argsort()[-2:].tolist() in (
                [2 * place, 2 * place + 1], [2 * place + 1, 2 * place])  # fmt: skip

    def test_rows_without_a_label(self):
        y = np.where(np.arange(180) % 20 == 0, np.repeat([0, 1, 2], 60), -1)
        model = fb.DBNClassifier((8, 12), "backprop", **{**QUICK, "epochs": 40}).fit(X, y)
        assert model.classes_.tolist() == [0, 1, 2]
        assert model.score(X, np.repeat([0, 1, 2], 60)) > 0.9

    def test_refusals(self):
        model = classifier(None)
        with pytest.raises(DataError, match="give one of"):
            model.sample(2, label="d")
        with pytest.raises(DataError, match="one class at a time"):
            model.sample(2, label=["a", "b"])
        with pytest.raises(ConfigurationError, match="two layers"):
            fb.DBNClassifier((4,), "up_down", **QUICK).fit(X, Y)
        with pytest.raises(DataError, match="label some rows"):
            fb.DBNClassifier((4, 3), **QUICK).fit(X, np.full(180, -1))


def test_the_feed_forward_network_starts_as_the_recognition_stack():
    """Gaussian units of another variance too: what is read is v over the variance."""
    keys = map(jax.random.key, range(2))
    kinds = (6, 4, Gaussian(0.25)), (4, 3)
    network = dbn([rbm(*kind, key=key, deviation=1.0) for kind, key in zip(kinds, keys, strict=True)])
    rows = np.random.default_rng(1).normal(size=(5, 6)).astype(np.float32)
    first, second, *_ = feed_forward(network, 2).layers

    def told(rows):
        return second(first(rows)), network(rows)

    np.testing.assert_allclose(*program(told)(rows), rtol=1e-5)


def test_dropout_silences_inputs_and_hidden_layers_while_learning_and_nothing_else():
    network = dbn([rbm(6, 4, key=jax.random.key(0)), rbm(4, 3, key=jax.random.key(1))])
    silent = feed_forward(network, 2, 0.5, 0.25)
    rates = [layer.rate for layer in silent.layers if isinstance(layer, Dropout)]
    assert rates == [0.25, 0.5, 0.5]
    assert isinstance(silent.layers[0], Dropout)
    rows = np.random.default_rng(2).random((5, 6)).astype(np.float32)
    np.testing.assert_array_equal(program(silent)(rows), program(feed_forward(network, 2))(rows))
    model = fb.DBNClassifier((8, 12), input_dropout=0.2, **QUICK).fit(X, Y)
    assert model.score(X, Y) > 0.9
    with pytest.raises(ConfigurationError, match="input_dropout"):
        fb.DBNClassifier((8, 8), input_dropout=1.0, **QUICK).fit(X, Y)


def test_up_down_with_a_hybrid_top_tells_classes_apart_better():
    digits = fb.problems.load("digits")
    rows, y = digits.data, digits.target
    settings = {"epochs": 10, "learning_rate": 0.05, "fine_tune_epochs": 10, "fine_tune_learning_rate": 0.03}
    scores = {}
    for name, kind in {"plain": {}, "hybrid": {"generative_weight": 0.1, "top_rate": 10}}.items():
        models = [fb.DBNClassifier((40, 40), "up_down", random_state=seed, **kind, **settings) for seed in range(3)]
        scores[name] = np.mean([model.fit(rows[:600], y[:600]).score(rows[600:], y[600:]) for model in models])
    assert scores["hybrid"] > scores["plain"] + 0.02
    for wrong in ({"top_rate": -1}, {"generative_weight": -0.1}):
        with pytest.raises(ConfigurationError, match=next(iter(wrong))):
            fb.DBNClassifier((4, 4), "up_down", **wrong, **settings).fit(rows[:50], y[:50])
