"""Every structure, in both precisions: project is linear both ways, and the other two verbs are its adjoints."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from flambeau.neurons import Identity, RadialDistance, Tanh, WeightedSum
from flambeau.structures import Dense, Lateral, Layer, derived_backproject, derived_correlate
from programs import program
from table import STRUCTURES, normal

ROWS = 6
COMBINATIONS = {"weighted sum": WeightedSum(), "distance": RadialDistance(), "squared": RadialDistance(squared=True)}


def answers(structure, bias, x, d, other):
    """All that the contract asks of a structure, as one program."""
    unit = jnp.arange(1.0, structure.unit_shape[-1] + 1, dtype=x.dtype)
    return {
        "project": structure.project(x),
        "backproject": structure.backproject(d),
        "correlate": structure.correlate(x, d),
        "derived": (derived_backproject(structure, d), derived_correlate(structure, x, d)),
        "other": structure.with_weights(other).project(x),
        "both": structure.with_weights(structure.weights + 2 * other).project(x),
        "tripled": structure.project(3 * x),
        "scaled": structure.with_weights(structure.per_unit(unit) * structure.weights).project(x),
        "credits": credits(structure, bias, x, d),
    }


def credits(structure, bias, x, d):
    """Of every combination: what a layer gives back by hand, and what JAX does."""

    def both(g):
        layer = Layer(structure, bias, Tanh(), g)
        by_hand_x, by_hand = layer.backward(layer.forward(x, jax.random.key(0)), d)
        error = lambda layer, x: jnp.vdot(d, layer(x))  # noqa: E731
        by_jax, by_jax_x = jax.grad(error, argnums=(0, 1), allow_int=True)(layer, x)
        return tuple((at, one.bias, one.structure.weights) for at, one in ((by_hand_x, by_hand), (by_jax_x, by_jax)))

    return {name: both(g) for name, g in COMBINATIONS.items()}


@pytest.fixture(scope="module", params=STRUCTURES)
def named(request):
    return request.param


@pytest.fixture(scope="module")
def structure(named, precise):
    return STRUCTURES[named]()


@pytest.fixture(scope="module")
def sides(structure, precise):
    return normal(10, ROWS, *structure.input_shape), normal(11, ROWS, *structure.unit_shape)


@pytest.fixture(scope="module")
def told(structure, sides, precise):
    bias, other = normal(13, structure.unit_shape[-1]), normal(12, *structure.weights.shape)
    return program(answers)(structure, bias, *sides, other)


def inner(a, b):
    """<a, b> in double precision, and the size of its terms."""
    terms = np.asarray(a, float) * np.asarray(b, float)
    return terms.sum(), np.abs(terms).sum()


def test_the_three_verbs_are_adjoint(structure, sides, told, precise):
    x, d = sides
    here, size = inner(d, told["project"])
    for there in (inner(told["backproject"], x), inner(told["correlate"], structure.weights)):
        assert abs(here - there[0]) <= precise.tolerance * size


def test_hand_written_adjoints_equal_the_derived_ones(told, precise):
    for by_hand, derived in zip((told["backproject"], told["correlate"]), told["derived"], strict=True):
        precise.close(by_hand, derived)


def test_project_is_linear_in_inputs_and_weights(told, precise):
    precise.close(told["both"], told["project"] + 2 * told["other"])
    precise.close(told["tripled"], 3 * told["project"])


def test_shapes_and_precision_are_what_it_says(structure, sides, told, precise):
    x, d = sides
    assert told["project"].shape == d.shape
    assert told["backproject"].shape == x.shape
    assert told["correlate"].shape == structure.weights.shape
    assert all(leaf.dtype == precise.dtype for leaf in jax.tree.leaves(told))


def test_per_unit_broadcasts_over_the_senders(structure, told, precise):
    precise.close(told["scaled"], told["project"] * np.arange(1, structure.unit_shape[-1] + 1))


def test_combinations_run_on_every_structure_and_credit_is_their_gradient(told, precise):
    assert told["credits"].keys() == COMBINATIONS.keys()
    for by_hand, by_jax in told["credits"].values():
        for ours, theirs in zip(by_hand, by_jax, strict=True):
            precise.close(ours, theirs, 100)


def test_a_symmetric_wiring_learns_both_directions_alike(x64):
    x, d = (np.asarray(normal(seed, ROWS, 5)) for seed in (10, 11))
    found = program(Lateral(jnp.asarray(np.zeros((5, 5))), symmetric=True).correlate)(jnp.asarray(x), jnp.asarray(d))
    one_way = (x.T @ d) * (1 - np.eye(5))
    np.testing.assert_allclose(found, (one_way + one_way.T) / 2, rtol=1e-12)


def test_at_distance_0_the_slope_is_0(x64):
    """Where an input lies on a prototype the distance has a corner; half of its side there is as good as any."""
    prototypes = jax.device_put(np.round(4 * np.asarray(normal(14, 4, 3))) / 4)  # quarters: a distance of 0 is exact
    layer = Layer(Dense(prototypes), None, Identity(), RadialDistance())

    def slopes(layer, x, d):
        def total(x):
            return jnp.vdot(d, layer(x))

        forwards = jax.jacfwd(total)(x)  # the only one that a root without a slope of its own at 0 makes NaN
        return layer.backward(layer.forward(x, jax.random.key(0)), d)[0], jax.grad(total)(x), forwards

    on_one = jnp.asarray(np.asarray(prototypes)[:, :1].T)
    apart = np.asarray(on_one).T - np.asarray(prototypes)  # from each prototype
    expected = (apart[:, 1:] / np.linalg.norm(apart[:, 1:], axis=0)).sum(1)
    for found in program(slopes)(layer, on_one, np.ones((1, 3))):
        np.testing.assert_allclose(found[0], expected, rtol=1e-8)


def test_a_threshold_is_a_bias_with_the_lectures_sign():
    wiring = Dense(jnp.asarray([[1.0, 2.0]]))
    layer = Layer(wiring, jnp.asarray([0.5, -1.0]), Identity())
    np.testing.assert_array_equal(layer.threshold, [-0.5, 1])
    np.testing.assert_array_equal(program(layer)(jnp.asarray([[3.0]])), [[3 - -0.5, 6 - 1]])
    np.testing.assert_array_equal(Layer(wiring, None, Identity()).threshold, [0, 0])


def test_radial_distance_is_the_distance(x64):
    structure, x = STRUCTURES["dense"](), normal(10, 6, 5)
    plain = np.linalg.norm(np.asarray(x)[:, :, None] - np.asarray(structure.weights)[None], axis=1)
    ask = program(lambda structure, x: [RadialDistance(squared=on).combine(structure, x) for on in (False, True)])
    for found, expected in zip(ask(structure, x), (plain, plain**2), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12)
