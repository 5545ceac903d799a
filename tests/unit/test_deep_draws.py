"""Drawing a network: one program, but for a very deep one, whose program would grow with its layers."""

import jax
import numpy as np

from flambeau.networks import mlp
from flambeau.structures.initialisation import MANY
from programs import COUNTER


def test_a_very_deep_network_is_drawn_layer_by_layer_and_no_other_than_in_one_program():
    before = COUNTER.asked
    deep = mlp((7,) * (MANY + 1), "tanh", key=jax.random.key(0))
    assert 3 < COUNTER.asked - before < MANY  # several, which the layers share
    assert len(deep.layers) == MANY
    whole = jax.jit(lambda key: mlp((7,) * (MANY + 1), "tanh", key=key))(jax.random.key(0))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), deep, whole)
