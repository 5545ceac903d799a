"""Image classifiers: what they learn, how they read images, and what they refuse."""

import functools

import jax
import numpy as np
import pytest
from sklearn.base import clone

import flambeau as fb
from flambeau.networks.lenet import CODES
from flambeau.problems import Distorted, Distortion, Examples
from programs import program

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


@pytest.fixture(scope="module")
def digits():
    return fb.problems.load("digits")


def small(**options):
    settings = {"image_shape": (8, 8), "channels": (6,), "kernel_size": 3, "hidden_layer_sizes": (), "epochs": 8}
    return fb.ConvNetClassifier(**{**settings, "learning_rate": 0.01, "random_state": 0, **options})


@pytest.fixture(scope="module")
def fitted(digits):
    return small().fit(digits.images[:1200], digits.target[:1200])


def test_it_learns_digits(fitted, digits):
    assert fitted.score(digits.images[1200:], digits.target[1200:]) > 0.88
    assert fitted.image_shape_ == (8, 8, 1)
    assert fitted.n_features_in_ == 64
    assert len(fitted.history_["loss"]) == fitted.n_iter_ == 8


def test_rows_images_and_images_with_a_channel_axis_are_the_same(fitted, digits):
    expected = fitted.predict_proba(digits.data[:20])
    np.testing.assert_array_equal(fitted.predict_proba(digits.images[:20]), expected)
    np.testing.assert_array_equal(fitted.predict_proba(digits.images[:20, :, :, None]), expected)
    np.testing.assert_allclose(expected.sum(1), 1, rtol=1e-5)


def test_the_datas_own_shape_is_taken_where_none_is_given(digits):
    model = small(image_shape=None, epochs=1).fit(digits.data[:1200], digits.target[:1200])  # `fitted`'s own program
    assert model.image_shape_ == (8, 8, 1)
    assert small(image_shape=None, epochs=1, pooling=None).fit(
        digits.data[:100, :10], digits.target[:100]
    ).image_shape_ == (1, 10, 1)


@functools.cache
def learned(variant):
    """A LeNet that has learned the first digits; LeNet-5 by an optimiser that would pull at its bitmaps too."""
    bundle, more = fb.problems.load("digits"), {}
    if variant == "lenet-5":
        more = {"optimizer": "adamw", "weight_decay": 0.1}
    model = fb.LeNetClassifier(variant, image_shape=(8, 8), epochs=20, learning_rate=0.003, batch_size=64,
                               random_state=0, **more)  # fmt: skip
    return model.fit(bundle.images[:600], bundle.target[:600])


@pytest.mark.parametrize("variant", ["lenet-1", "lenet-4", "lenet-5", "modern"])
def test_every_lenet_learns_its_first_digits(variant, digits):
    model = learned(variant)
    assert model.history_["loss"][-1] < model.history_["loss"][0] / 2
    assert model.score(digits.images[:600], digits.target[:600]) > 0.8
    assert model.predict_proba(digits.images[:3]).min() >= 0


@pytest.mark.as_users_compile
def test_lenet_5_answers_with_the_nearest_bitmap(digits):
    model = learned("lenet-5")
    features, net = program(features_and_net)(model.network_, digits.images[:600, :, :, None].astype(np.float32))
    codes = np.asarray(model.network_.layers[-1].structure.weights, float)
    assert set(codes.ravel()) == {-1, 1}
    distances = ((features.astype(float)[:, :, None] - codes) ** 2).sum(1)
    np.testing.assert_array_equal(model.predict(digits.images[:600]), distances.argmin(1))  # 600: see RadialDistance
    np.testing.assert_allclose(net, distances, rtol=1e-3)


def features_and_net(network, x):
    """What the top layer sees, and its net input."""
    *lower, top = network.layers
    for layer in lower:
        x = layer(x)
    return x, top.net(x)


def test_a_fixed_prototype_is_never_learned():
    top = learned("lenet-5").network_.layers[-1]
    np.testing.assert_array_equal(top.structure.weights, CODES.T)
    assert top.bias is None


def test_a_stream_goes_on_and_a_file_brings_the_same_bits_back(digits, tmp_path):
    X, y = digits.images[:300], digits.target[:300]
    model = small(distortion=Distortion(shift=0.5, rotation=5.0))
    model.partial_fit(X, y, classes=range(10)).partial_fit(X, y)
    assert model.n_iter_ == 2
    fb.save(model, tmp_path / "net.flambeau")
    again = fb.load(tmp_path / "net.flambeau")
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert again.distortion == model.distortion
    again.partial_fit(X, y)
    model.partial_fit(X, y)
    np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_the_same_seed_gives_the_same_network(fitted, digits):
    again = clone(fitted).fit(digits.images[:1200], digits.target[:1200])
    np.testing.assert_array_equal(again.history_["loss"], fitted.history_["loss"])


def test_distortion_is_drawn_anew_at_every_step_and_the_rows_stay_theirs(digits):
    examples = Examples.of(digits.images[:, :, :, None], digits.target)
    problem = Distorted.of(examples, Distortion(shift=1.0, elastic=8.0, smoothness=2.0))
    rows, ask = np.arange(30), program(problem.batch)
    first, second = (ask(rows, (), jax.random.key(k)) for k in (0, 1))
    assert not np.allclose(first.inputs, second.inputs)
    np.testing.assert_array_equal(first.targets, digits.target[:30, None])
    np.testing.assert_array_equal(ask(rows, (), jax.random.key(0)).inputs, first.inputs)


def rotated(channels):
    return lambda images: np.repeat(images[:, None], channels, axis=1)


@pytest.mark.parametrize(
    ("change", "settings", "match"),
    [
        (lambda images: images[:, :7], {}, r"images of \(height, width, channels\) \(8, 8, 1\), got \(7, 8, 1\)"),
        (lambda images: images.reshape(-1, 64)[:, :60], {}, "rows of 8 · 8 · 1 = 64 pixels, got rows of 60"),
        (rotated(3), {"image_shape": (8, 8, 3)}, r"channels last: np.moveaxis\(X, 1, -1\)"),
        (lambda images: (images * 255).astype(np.uint8), {}, "whole numbers up to 255.*divide X by 255"),
        (lambda images: images, {"kernel_size": 12, "padding": 0}, "group 1 of 1, on 8x8 pixels.*12x12"),
        (lambda images: images, {"channels": (4, 4, 4, 4, 4)}, "group 4 of 5, on 1x1.*fewer groups"),
        (lambda images: images, {"image_shape": (8,)}, "image_shape.*None, "),
        (lambda images: images, {"channels": ()}, "channels.*at least 1"),
        (lambda images: images, {"channels": (4.5,)}, "channels.*whole"),
        (lambda images: images, {"pooling": "min"}, "pooling.*'max', 'average', or None"),
        (lambda images: images, {"distortion": 3}, "a Distortion.*or None"),
        (lambda images: images, {"initialisation": "hee"}, "initialisation"),
        (lambda images: np.where(images > 0.9, np.nan, images), {}, "NaN"),
    ],
)
def test_bad_images_and_settings_are_typed_errors_with_a_remedy(digits, change, settings, match):
    with pytest.raises(fb.errors.FlambeauError, match=match) as caught:
        small(**settings).fit(change(digits.images[:50]), digits.target[:50])
    assert isinstance(caught.value, ValueError)
    assert "Remedy" in str(caught.value)


@pytest.mark.parametrize(
    ("settings", "shape", "match"),
    [
        ({"variant": "lenet-6"}, (8, 8), "one of 'lenet-1', 'lenet-4', 'lenet-5', 'modern'"),
        ({}, (8, 8, 3), "grey images"),
        ({"image_shape": (40, 40)}, (40, 40), "no larger than its field"),
        ({"rubbish": -1}, (8, 8), "rubbish.*at least 0"),
    ],
)
def test_lenet_refuses_what_it_cannot_see(settings, shape, match):
    with pytest.raises(ValueError, match=match):
        fb.LeNetClassifier(**{"image_shape": shape, "epochs": 1, **settings}).fit(np.zeros((4, *shape)), [0, 1, 0, 1])


def test_more_classes_than_bitmaps_need_the_modern_form():
    X, y = np.random.default_rng(0).random((33, 8, 8)), np.arange(33) % 11
    with pytest.raises(fb.errors.ConfigurationError, match=r"2 to 10 classes.*variant='modern'"):
        fb.LeNetClassifier(image_shape=(8, 8), epochs=1).fit(X, y)


@pytest.mark.parametrize(
    "amounts", [{"shift": -1}, {"smoothness": 0}, {"rotation": float("nan")}, {"scale": float("inf")}]
)
def test_an_amount_that_is_none_is_refused(amounts):
    with pytest.raises(fb.errors.ConfigurationError, match=next(iter(amounts))):
        Distortion(**amounts)
