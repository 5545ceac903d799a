"""Models in files: the same bits back, and nothing but what the table knows."""

import json
import warnings

import jax
import numpy as np
import optax
import pytest
from safetensors.numpy import save as save_tensors
from sklearn.exceptions import ConvergenceWarning

import flambeau as fb
from flambeau.errors import ConfigurationError, FileFormatError
from table import ESTIMATORS

MODELS = {
    **ESTIMATORS,
    "voted": lambda: fb.Perceptron("voted", unit="sign", max_epochs=5, random_state=0),
    "pocket": lambda: fb.Perceptron("pocket", max_epochs=5, random_state=0),
    "early stopping": lambda: fb.MLPClassifier(
        (8, 8), ("tanh", "relu"), early_stopping=True, epochs=20, random_state=0
    ),
    "unit object": lambda: fb.Perceptron(unit=fb.neurons.Step(at_zero="high"), max_epochs=5, random_state=0),
}


@pytest.fixture
def moons():
    return fb.problems.two_moons(60, noise=0.2, random_state=0)


@pytest.mark.parametrize("name", MODELS)
def test_a_loaded_model_is_the_same_and_goes_on_learning(name, moons, tmp_path):
    X, y = moons
    file = tmp_path / "model.flambeau"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = MODELS[name]().fit(X, y)
    fb.save(model, file)
    loaded = fb.load(file)
    assert loaded.get_params() == model.get_params()
    assert sorted(vars(loaded)) == sorted(vars(model))
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    for each in (loaded, model):
        each.partial_fit(X, y)
    jax.tree.map(np.testing.assert_array_equal, loaded.network_, model.network_)
    assert [path.name for path in tmp_path.iterdir()] == ["model.flambeau"]


BOLTZMANN = {
    "DBN": lambda: fb.DBN((6, 4), epochs=1, random_state=0),
    "DBNClassifier": lambda: fb.DBNClassifier((6, 4), None, epochs=1, random_state=0),
    "DBNClassifier, back-propagation": lambda: fb.DBNClassifier((6, 4), epochs=1, fine_tune_epochs=1, random_state=0),
    "ClassificationRBM": lambda: fb.ClassificationRBM(6, epochs=1, random_state=0),
    "DBM": lambda: fb.DBM((6, 4), epochs=1, n_chains=8, random_state=0),
}


@pytest.mark.parametrize("name", BOLTZMANN)
def test_a_loaded_boltzmann_machine_answers_and_draws_as_the_saved_one(name, tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.integers(0, 2, (40, 9)).astype(float), rng.integers(0, 3, 40)
    model = BOLTZMANN[name]().fit(X, y)
    fb.save(model, tmp_path / "model.flambeau")
    loaded = fb.load(tmp_path / "model.flambeau")
    assert loaded.get_params() == model.get_params()
    for method in ("transform", "predict_proba", "predict"):
        if hasattr(model, method):
            np.testing.assert_array_equal(getattr(loaded, method)(X), getattr(model, method)(X))
    if hasattr(model, "sample"):
        np.testing.assert_array_equal(loaded.sample(3, n_steps=5), model.sample(3, n_steps=5))
    if hasattr(model, "partial_fit"):
        for each in (loaded, model):
            each.partial_fit(X, y)
    jax.tree.map(np.testing.assert_array_equal, loaded.network_, model.network_)


def test_unfitted_models_networks_and_text_labels(moons, tmp_path):
    X, y = moons
    fb.save(fb.MLPClassifier((3,), l2=0.5), tmp_path / "unfitted")
    assert fb.load(tmp_path / "unfitted").l2 == 0.5
    network = fb.networks.mlp((2, 3, 1), fb.neurons.LeakyReLU(0.3), dropout=0.5, key=jax.random.key(0))
    fb.save(network, tmp_path / "network")
    again = fb.load(tmp_path / "network")
    np.testing.assert_array_equal(again(X), network(X))
    assert repr(again) == repr(network)
    model = fb.Perceptron(max_epochs=1, random_state=0).partial_fit(X, np.where(y, "yes", "no"), classes=["yes", "no"])
    fb.save(model, tmp_path / "labels")
    assert set(fb.load(tmp_path / "labels").predict(X)) <= {"yes", "no"}


@pytest.mark.parametrize(
    "part", [optax.adam(0.1), lambda step: 0.1, np.random.default_rng(0)], ids=["optax", "schedule", "rng"]
)
def test_code_is_not_saved_and_no_file_appears(part, tmp_path):
    name = {"GradientTransformationExtraArgs": "optimizer", "function": "learning_rate"}.get(
        type(part).__name__, "random_state"
    )
    with pytest.raises(ConfigurationError, match=name):
        fb.save(fb.MLPClassifier(**{name: part}), tmp_path / "model")
    assert not list(tmp_path.iterdir())


def forged(tmp_path, model, tensors=None, **changes):
    file = tmp_path / "forged"
    manifest = json.dumps({"format": "flambeau model 1", "model": model, **changes})
    file.write_bytes(save_tensors(tensors or {"a": np.ones(1)}, metadata={"flambeau": manifest}))
    return file


@pytest.mark.parametrize(
    ("model", "match"),
    [
        ({"class": "Popen", "fields": {"args": "true"}}, "Popen"),
        ({"class": "BaseEstimator", "fields": {}}, "BaseEstimator"),
        ({"class": "LeakyReLU", "fields": {"leak": 0.1, "__class__": "x"}}, "has the fields"),
        ({"class": "LeakyReLU", "fields": {}}, "has the fields"),
        ({"class": "Perceptron", "fields": {}}, "KeyError"),
        ({"tensor": "nowhere", "device": True}, "nowhere"),
        ({"neither": 1}, "KeyError"),
        ({"class": "LeakyReLU", "fields": {"leak": "abc"}}, "cannot be"),
        ({"class": "FeedForward", "fields": {"layers": "abc"}}, "cannot be"),
        ({"class": "FeedForward", "fields": {"layers": {"tuple": [1, 2]}}}, "cannot be"),
    ],
)
def test_a_forged_manifest_is_refused(tmp_path, model, match):
    with pytest.raises(FileFormatError, match=match):
        fb.load(forged(tmp_path, model))


def test_an_estimator_gets_no_attributes_that_could_be_methods(moons, tmp_path):
    for name in ("predict", "__sklearn_tags__", "evil_"):
        fields = {**fb.Perceptron().get_params(), name: 1}
        with pytest.raises(FileFormatError, match="has no"):
            fb.load(forged(tmp_path, {"class": "Perceptron", "fields": fields}))


def test_broken_files_and_limits(moons, tmp_path):
    file = tmp_path / "model"
    fb.save(fb.networks.perceptron(2, 1), file)
    whole = file.read_bytes()
    for content in (whole[:-1], whole[:20], b"", b"\xff" * 64, whole + b"x", (2**40).to_bytes(8, "little") + whole[8:]):
        file.write_bytes(content)
        with pytest.raises(FileFormatError):
            fb.load(file)
    with pytest.raises(FileFormatError, match="another format"):
        fb.load(forged(tmp_path, 1, format="flambeau model 9"))
    many = {str(i): np.ones(1) for i in range(4097)}
    with pytest.raises(FileFormatError, match="4097 arrays"):
        fb.load(forged(tmp_path, 1, many))
    with pytest.raises(FileFormatError, match="8 dimensions"):
        fb.load(forged(tmp_path, 1, {"deep": np.ones((1,) * 9)}))
    with pytest.raises(FileNotFoundError):
        fb.load(tmp_path / "nothing")


def test_settings_with_keys_keep_them(moons, tmp_path):
    X, y = moons
    model = fb.MLPClassifier((4,), class_weight={0: 1.0, 1: 5.0}, epochs=2, tolerance=0, random_state=0).fit(X, y)
    fb.save(model, tmp_path / "model")
    loaded = fb.load(tmp_path / "model")
    assert loaded.class_weight == {0: 1.0, 1: 5.0}
    loaded.partial_fit(X, y)
