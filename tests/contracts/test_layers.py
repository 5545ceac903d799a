"""Every layer without weights: what comes back is the adjoint of what goes forward, in this order of axes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from table import LAYERS, normal

KEY = jax.random.key(0)


@pytest.fixture(params=LAYERS)
def layer_and_inputs(request, x64):
    layer, shape = LAYERS[request.param]()
    return layer, normal(20, 5, *shape)


def test_the_call_is_the_forward_pass_without_noise(layer_and_inputs):
    layer, x = layer_and_inputs
    if type(layer).__name__ == "Dropout":
        pytest.skip("silences inputs while learning, by design")
    np.testing.assert_array_equal(layer(x), layer.forward(x, KEY).output)


def test_the_error_goes_back_as_the_gradient_says(layer_and_inputs):
    layer, x = layer_and_inputs
    trace = layer.forward(x, KEY)
    error = normal(21, *trace.output.shape)
    by_hand, proposal = layer.backward(trace, error)
    by_jax = jax.jit(jax.grad(lambda x: jnp.vdot(error, layer.forward(x, KEY).output)))(x)
    np.testing.assert_allclose(by_hand, by_jax, rtol=1e-12, atol=1e-14)
    assert jax.tree.structure(proposal) == jax.tree.structure(layer)


def test_examples_do_not_mix(layer_and_inputs):
    layer, x = layer_and_inputs
    np.testing.assert_allclose(layer(x)[2:3], layer(x[2:3]), rtol=1e-14)
