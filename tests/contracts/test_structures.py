"""Every structure: project is linear both ways, and the other two verbs are its adjoints."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from flambeau.neurons import RadialDistance, WeightedSum
from flambeau.structures import Layer, derived_backproject, derived_correlate
from table import STRUCTURES, normal


@pytest.fixture(params=STRUCTURES)
def structure(request, x64):
    return STRUCTURES[request.param]()


def sides(structure, rows=6):
    return normal(10, rows, *structure.input_shape), normal(11, rows, *structure.unit_shape)


def test_the_three_verbs_are_adjoint(structure):
    x, d = sides(structure)
    here = jnp.vdot(d, structure.project(x))
    np.testing.assert_allclose(jnp.vdot(structure.backproject(d), x), here, rtol=1e-12)
    np.testing.assert_allclose(jnp.vdot(structure.correlate(x, d), structure.weights), here, rtol=1e-12)


def test_hand_written_adjoints_equal_the_derived_ones(structure):
    x, d = sides(structure)
    np.testing.assert_allclose(structure.backproject(d), derived_backproject(structure, d), rtol=1e-12, atol=1e-14)
    np.testing.assert_allclose(structure.correlate(x, d), derived_correlate(structure, x, d), rtol=1e-12, atol=1e-14)


def test_project_is_linear_in_inputs_and_weights(structure):
    x, _ = sides(structure)
    other = normal(12, *structure.weights.shape)
    together = structure.with_weights(structure.weights + 2 * other).project(x)
    apart = structure.project(x) + 2 * structure.with_weights(other).project(x)
    np.testing.assert_allclose(together, apart, rtol=1e-10, atol=1e-12)
    np.testing.assert_allclose(structure.project(3 * x), 3 * structure.project(x), rtol=1e-12, atol=1e-14)


def test_shapes_are_what_it_says(structure):
    x, d = sides(structure)
    assert structure.project(x).shape == d.shape
    assert structure.backproject(d).shape == x.shape
    assert structure.correlate(x, d).shape == structure.weights.shape


def test_per_unit_broadcasts_over_the_senders(structure):
    v = jnp.arange(1.0, structure.unit_shape[-1] + 1)
    scaled = structure.with_weights(structure.per_unit(v) * structure.weights)
    x, _ = sides(structure)
    np.testing.assert_allclose(scaled.project(x), structure.project(x) * v, rtol=1e-12)


@pytest.mark.parametrize("g", [WeightedSum(), RadialDistance(), RadialDistance(squared=True)], ids=repr)
def test_combinations_run_on_every_structure_and_credit_is_their_gradient(structure, g):
    from flambeau.neurons import Tanh

    layer = Layer(structure, normal(13, structure.unit_shape[-1]), Tanh(), g)
    x, d = sides(structure)

    def error(layer, x):
        return jnp.vdot(d, layer(x))

    by_hand_x, by_hand = layer.backward(layer.forward(x, jax.random.key(0)), d)
    by_jax, by_jax_x = jax.grad(error, argnums=(0, 1), allow_int=True)(layer, x)
    np.testing.assert_allclose(by_hand_x, by_jax_x, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(by_hand.bias, by_jax.bias, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(by_hand.structure.weights, by_jax.structure.weights, rtol=1e-9, atol=1e-11)


def test_radial_distance_is_the_distance(x64):
    structure, x = STRUCTURES["dense"](), normal(10, 6, 5)
    plain = np.sqrt([[sum((x[b] - structure.weights[:, j]) ** 2) for j in range(3)] for b in range(6)])
    np.testing.assert_allclose(RadialDistance().combine(structure, x), plain, rtol=1e-12)
    np.testing.assert_allclose(RadialDistance(squared=True).combine(structure, x), plain**2, rtol=1e-12)
