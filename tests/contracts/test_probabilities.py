"""Every classifier's probabilities are a distribution, whatever its output units are, and agree with its answers."""

import numpy as np
import pytest

import flambeau as fb

FEW = {"epochs": 3, "random_state": 0}
ROWS = np.random.default_rng(0).random((24, 9))
LABELS = np.resize(["a", "b", "c"], 24)
PICTURES = np.random.default_rng(1).random((24, 9, 8))
# Outputs of every kind: softmax, several sigmoids, scaled tanh from -1.7, distances, one sigmoid.
CLASSIFIERS = {
    "softmax": lambda: fb.MLPClassifier((4,), **FEW).fit(ROWS, LABELS),
    "squared error": lambda: fb.MLPClassifier((4,), loss="mse", **FEW).fit(ROWS, LABELS),
    "one output": lambda: fb.MLPClassifier((4,), **FEW).fit(ROWS, LABELS == "a"),
    "one output, squared error": lambda: fb.MLPClassifier((4,), loss="mse", **FEW).fit(ROWS, LABELS == "a"),
    "scaled tanh": lambda: fb.LeNetClassifier("lenet-1", image_shape=(9, 8), **FEW).fit(PICTURES, LABELS),
    "distances": lambda: fb.LeNetClassifier("lenet-5", image_shape=(9, 8), **FEW).fit(PICTURES, LABELS),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_probabilities_are_a_distribution_that_agrees_with_the_answers(name):
    model = CLASSIFIERS[name]()
    X = PICTURES if isinstance(model, fb.LeNetClassifier) else ROWS
    p = model.predict_proba(X)
    assert p.shape == (len(X), len(model.classes_))
    assert (p >= 0).all()
    np.testing.assert_allclose(p.sum(1), 1, rtol=1e-5)
    np.testing.assert_array_equal(model.predict(X), model.classes_[p.argmax(1)])
