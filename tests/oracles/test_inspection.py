"""Looking into networks: against automatic differentiation, brute force, and the table of the paper."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import flambeau as fb
from flambeau.analysis import effective_field, feature_maps, layer_names, parameter_table, receptive_field, saliency
from flambeau.networks import FeedForward, lenet, mlp
from flambeau.neurons import activation
from flambeau.structures import AveragePooling, Convolution, Dense, Dropout, Flatten, Layer, MaxPooling
from programs import program
from table import drawn

KEY = jax.random.key(0)
LENET_5 = [
    ("C1", (28, 28, 6), 156, 0, 122_304),
    ("S2", (14, 14, 6), 12, 0, 5_880),
    ("C3", (10, 10, 16), 1_516, 0, 151_600),
    ("S4", (5, 5, 16), 32, 0, 2_000),
    ("C5", (1, 1, 120), 48_120, 0, 48_120),
    ("F6", (84,), 10_164, 0, 10_164),
    ("output", (10,), 0, 840, 840),
]


def small(hidden="tanh", pooling=MaxPooling, dropout=0.5):
    """9x10 images, a strided and padded convolution, pooling, dropout, three outputs; nothing is compiled for it."""
    rng = np.random.default_rng(0)
    kernels, weights = rng.normal(size=(3, 4, 2, 4)) / 5, rng.normal(size=(2 * 4 * 4, 3)) / 5
    layers = (
        layer_of(Convolution.over((9, 10), jnp.asarray(kernels), stride=(2, 1), padding=1), hidden),
        pooling.over((5, 9), 2, 2),
        Dropout(dropout),
        Flatten(),
        layer_of(Dense(jnp.asarray(weights)), "softmax"),
    )
    return FeedForward(layers), jnp.asarray(rng.normal(size=(5, 9, 10, 2)))


def layer_of(structure, f):
    return Layer(structure, jnp.asarray(np.linspace(-0.2, 0.3, structure.unit_shape[-1])), activation(f))


def test_lenet_5_costs_what_the_paper_says():
    table = parameter_table(drawn(lenet, "lenet-5"))
    found = [(row.name, row.units, row.trainable, row.fixed, row.connections) for row in table.rows]
    assert found == LENET_5
    assert (table.trainable, table.fixed, table.connections) == (60_000, 840, 340_908)


@pytest.mark.parametrize(
    ("variant", "trainable", "connections"),
    [("lenet-1", 2_578, 98_442), ("lenet-4", 50_698, 262_306), ("modern", 61_706, None)],
)
def test_what_the_other_lenets_cost(variant, trainable, connections):
    table = parameter_table(drawn(lenet, variant))
    assert table.trainable == trainable
    assert connections in (None, table.connections)
    assert table.fixed == 0


def test_wires_into_padding_are_no_connections():
    layer = layer_of(Convolution.over((4, 4), jnp.asarray(np.full((3, 3, 1, 1), 0.5)), padding="same"), "sigmoid")
    found = parameter_table(FeedForward((layer,)))
    inside = sum(1 for i in range(4) for j in range(4) for u in (-1, 0, 1) for v in (-1, 0, 1)
                 if 0 <= i + u < 4 and 0 <= j + v < 4)  # fmt: skip
    assert (found.trainable, found.connections) == (10, inside + 16)


def test_a_multi_layer_perceptron_has_one_wire_per_weight():
    table = parameter_table(drawn(mlp, (5, 4, 3)))
    assert (table.trainable, table.connections) == (6 * 4 + 5 * 3, 6 * 4 + 5 * 3)
    assert str(table).splitlines()[1].split() == ["F1", "4", "24", "0", "24"]


def test_feature_maps_are_the_layers_outputs():
    network, x = small()
    found = feature_maps(network, x)
    assert [row.name for row in found] == ["C1", "S2", "dropout", "flatten", "output"] == list(layer_names(network))
    one_by_one = program(lambda network, below: [f(at) for f, at in zip(network.layers, below, strict=True)])
    for row, expected in zip(found, one_by_one(network, [x, *(row.output for row in found[:-1])]), strict=True):
        np.testing.assert_allclose(row.output, expected, rtol=1e-5, atol=1e-6)


def slopes_by_jax(network, x, several):
    """Of the net inputs of the winning units, of unit 2, and of one unit per example."""

    def net_of(x, units):
        for layer in network.layers[:-1]:
            x = layer(x)
        return jnp.sum(network.layers[-1].net(x)[jnp.arange(len(x)), units])

    units = jnp.stack([network(x).argmax(axis=-1), jnp.full(len(x), 2), several])
    return jax.vmap(lambda units: jax.grad(net_of)(x, units))(units)


@pytest.mark.parametrize("hidden", ["tanh", "relu"])
@pytest.mark.parametrize("pooling", [MaxPooling, AveragePooling])
def test_saliency_against_automatic_differentiation(x64, hidden, pooling):
    network, x = small(hidden, pooling)
    several = np.asarray([0, 1, 2, 1, 0])
    found = saliency(network, x), saliency(network, x, 2), saliency(network, x, several)
    for ours, theirs in zip(found, program(slopes_by_jax)(network, x, several), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-14)


def test_saliency_of_radial_units(x64):
    network, x = drawn(lenet, "lenet-5"), np.random.default_rng(1).random((2, 28, 28, 1))

    def distance(x):
        for layer in network.layers[:-1]:
            x = layer(x)
        return jnp.sum(network.layers[-1].net(x)[:, 3])

    np.testing.assert_allclose(
        saliency(network, x, 3), jax.jit(jax.grad(distance))(jnp.asarray(x)), rtol=1e-8, atol=1e-10
    )


@pytest.mark.parametrize("unit", [3, -1, 1.5, (0, 1), "two"])
def test_saliency_refuses_units_that_are_not_there(unit):
    network, x = small()
    with pytest.raises(fb.errors.ConfigurationError, match=r"saliency\.unit: expected a whole number from 0 to 2"):
        saliency(network, x, unit)


@pytest.mark.parametrize(
    ("variant", "sizes"),
    [("lenet-5", (5, 6, 14, 16, 32, 32, 32)), ("modern", (5, 6, 14, 16, 32, 32, 32)), ("lenet-1", (5, 6, 14, 16, 28))],
)
def test_receptive_fields_of_the_lenets(variant, sizes):
    network = drawn(lenet, variant)
    names = [name for name in layer_names(network) if name not in ("retina", "flatten")]
    assert tuple(receptive_field(network, name).size[0] for name in names) == sizes
    assert receptive_field(network, "C3").jump == (2, 2)


@pytest.mark.parametrize("layer", ["C1", "S2"])
def test_a_unit_depends_on_its_receptive_field_and_nothing_else(x64, layer):
    network, x = small("tanh", AveragePooling)
    field = receptive_field(network, layer)
    upto = network.layers[: layer_names(network).index(layer) + 1]

    def unit(x, row, column):
        for part in upto:
            x = part(x)
        return jnp.sum(x[:, row, column])

    slope = jax.jit(jax.grad(unit))
    for row in range(field.places[0]):
        for column in range(field.places[1]):
            seen = np.asarray(slope(x, row, column)).any(axis=(0, 3))
            (top, bottom), (left, right) = field.of(row, column)
            expected = np.zeros(seen.shape, bool)
            expected[max(top, 0) : bottom, max(left, 0) : right] = True
            np.testing.assert_array_equal(seen, expected)


def test_the_effective_field_is_the_mean_slope_of_the_central_unit(x64):
    network, x = small("tanh", AveragePooling)

    def middle(x, number):
        return jnp.sum(network.layers[1](network.layers[0](x))[:, 1, 2, number])

    slope = jax.jit(jax.grad(middle))
    slopes = [np.abs(slope(x, number)).mean(axis=(0, 3)) for number in range(4)]
    np.testing.assert_allclose(effective_field(network, "S2", x), np.mean(slopes, axis=0), rtol=1e-10, atol=1e-14)
    with pytest.raises(fb.errors.DataError, match="images"):
        effective_field(network, "S2", np.ones((5, 90)))


def test_layers_without_a_place_in_the_image_are_refused():
    with pytest.raises(fb.errors.ConfigurationError, match="through windows"):
        receptive_field(drawn(mlp, (4, 3, 2)), 0)
    network = drawn(lenet, "lenet-5")
    for layer in ("retina", "C9", 9):
        with pytest.raises(fb.errors.ConfigurationError):
            receptive_field(network, layer)
    assert receptive_field(network, -1) == receptive_field(network, "output")
