"""Pictures of networks: they are drawn for what can be drawn, and refuse the rest in one sentence."""

import jax
import matplotlib
import numpy as np
import pytest

import flambeau as fb
from table import drawn

KEY = jax.random.key(0)
PNG = b"\x89PNG"
LENET = drawn(fb.networks.lenet, "lenet-5")
MLP = drawn(fb.networks.mlp, (16, 5, 3), "tanh", "softmax")
IMAGE = np.random.default_rng(0).random((28, 28))


@pytest.mark.parametrize("layer", [None, "C1", "C3", "C5", "F6", 1])
def test_filters_of_every_kind(layer):
    image = (10, 12) if layer == "F6" else None  # 120 inputs are no square
    assert fb.pictures.filters(LENET, layer, image=image).startswith(PNG)


def test_filters_of_a_dense_layer_are_square_images():
    assert fb.pictures.filters(MLP) == fb.pictures.filters(MLP, 0, image=(4, 4))
    assert fb.pictures.filters(MLP) != fb.pictures.filters(MLP, 0, image=(2, 8))


@pytest.mark.parametrize(
    ("layer", "image"), [("S2", None), ("retina", None), ("F6", None), ("F6", (5, 5)), ("C9", None)]
)
def test_filters_refuse_what_has_no_picture(layer, image):
    with pytest.raises(fb.errors.ConfigurationError):
        fb.pictures.filters(LENET, layer, image=image)


def test_what_a_table_has_left_out_has_no_kernel():
    kernels = fb.analysis.layer_kernels(LENET, "C3")
    seen = np.asarray(LENET.layers[3].structure.table)
    np.testing.assert_array_equal(np.isnan(kernels).all((0, 1)), ~seen)  # left out


def test_a_network_without_weights_has_no_filters():
    with pytest.raises(fb.errors.ConfigurationError, match="there is none to draw"):
        fb.pictures.filters(fb.networks.FeedForward((fb.structures.Flatten(),)))


def test_maps_saliency_and_fields_of_an_image():
    before = dict(matplotlib.rcParams)
    assert fb.pictures.maps(LENET, IMAGE).startswith(PNG)
    assert fb.pictures.maps(LENET, IMAGE) == fb.pictures.maps(LENET, IMAGE[..., None])
    assert fb.pictures.saliency_map(LENET, np.stack([IMAGE] * 2)).startswith(PNG)
    assert fb.pictures.saliency_map(LENET, IMAGE[None, ..., None], 3).startswith(PNG)
    assert fb.pictures.receptive_field_picture(LENET, IMAGE).startswith(PNG)
    assert dict(matplotlib.rcParams) == before


def test_what_is_no_image_is_refused():
    for draw in (fb.pictures.maps, fb.pictures.receptive_field_picture):
        with pytest.raises(fb.errors.DataError, match="one image"):
            draw(LENET, np.ones(784))
    for images in (IMAGE, np.ones((11, 28, 28))):
        with pytest.raises(fb.errors.DataError, match="1 to 10 images"):
            fb.pictures.saliency_map(LENET, images)
    with pytest.raises(fb.errors.ConfigurationError, match="through windows"):
        fb.pictures.receptive_field_picture(MLP, np.ones((4, 4)))
