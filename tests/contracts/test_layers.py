"""Every layer without weights, in both precisions: what comes back is the adjoint of what goes forward."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from flambeau.neurons import activation
from flambeau.structures import Convolution, Dense, Layer, Subsampling, Window
from programs import program
from table import LAYERS, normal

KEY = jax.random.key(0)


def answers(layer, x, error):
    """All that the contract asks of a layer, as one program."""
    trace = layer.forward(x, KEY)
    by_hand, _ = layer.backward(trace, error)
    by_jax = jax.grad(lambda x: jnp.vdot(error, layer.forward(x, KEY).output))(x)
    return {"call": layer(x), "forward": trace.output, "one": layer(x[2:3]), "credit": (by_hand, by_jax)}


@pytest.fixture(scope="module", params=LAYERS)
def named(request):
    return request.param


@pytest.fixture(scope="module")
def layer(named, precise):
    return LAYERS[named]()


@pytest.fixture(scope="module")
def told(layer, precise):
    layer, shape = layer
    x = normal(20, 5, *shape)
    output = jax.eval_shape(layer, x)
    return program(answers)(layer, x, normal(21, *output.shape))


def test_the_call_is_the_forward_pass_without_noise(named, told):
    if named == "dropout":
        pytest.skip("silences inputs while learning, by design")
    np.testing.assert_array_equal(told["call"], told["forward"])


def test_the_error_goes_back_as_the_gradient_says(told, precise):
    precise.close(*told["credit"])


def test_a_layer_proposes_a_layer(layer, precise):
    layer, shape = layer
    x = jax.ShapeDtypeStruct((5, *shape), precise.dtype)

    def proposed(x):
        trace = layer.forward(x, KEY)
        return layer.backward(trace, trace.output)[1]

    assert jax.tree.structure(jax.eval_shape(proposed, x)) == jax.tree.structure(layer)


def test_examples_do_not_mix(told, precise):
    precise.close(told["call"][2:3], told["one"])


@pytest.mark.parametrize(
    ("structure", "shape"),
    [
        (lambda: Dense(normal(1, 6, 3)), (6,)),
        (lambda: Convolution(normal(2, 3, 3, 2, 4), Window.over(6, 3)), (6, 6, 2)),
        (lambda: Subsampling(normal(3, 2), Window.over(6, 2, 2)), (6, 6, 2)),
    ],
    ids=["rows", "images", "maps"],
)
def test_net_input_and_thresholds_by_definition(structure, shape, precise):
    """s = what is gathered, minus the threshold of its unit; ∂e/∂bias = Σ δ over all that share it."""
    wiring = structure()
    bias = normal(4, wiring.unit_shape[-1])
    plain, biased = (Layer(wiring, own, activation("identity")) for own in (None, bias))
    x = normal(5, 3, *shape)

    def told(plain, biased, x, error):
        return plain.net(x), biased.net(x), biased.backward(biased.forward(x, KEY), error)[1].bias

    error = normal(6, *jax.eval_shape(plain, x).shape)
    gathered, net, to_bias = program(told)(plain, biased, x, error)
    precise.close(net, gathered + np.asarray(bias))
    precise.close(to_bias, np.asarray(error).sum(tuple(range(error.ndim - 1))))
