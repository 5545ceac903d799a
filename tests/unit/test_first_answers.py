"""What is asked first compiles few programs; a very deep network is no single one, which would grow with its layers.

Sizes are those of no other test, so that nothing is found compiled.
"""

import jax
import numpy as np
import pytest

import flambeau as fb
from flambeau.networks import HopfieldNetwork, hopfield_attention, mlp, rbm
from flambeau.structures.initialisation import MANY
from programs import COUNTER


def asked_by(ask):
    """How many programs it asks for, and its answer."""
    before = COUNTER.asked
    answer = ask()
    return COUNTER.asked - before, answer


DEEP = {
    "in its place": lambda: mlp((17,) * (MANY + 1), key=jax.random.key(0)),
    "by name": lambda: mlp(sizes=(19,) * (MANY + 1), key=jax.random.key(0)),
}


@pytest.mark.parametrize("name", DEEP)
def test_a_very_deep_network_is_drawn_layer_by_layer(name):
    programs, deep = asked_by(DEEP[name])
    assert 3 < programs < MANY  # several, which the layers share
    assert len(deep.layers) == MANY


def test_layer_by_layer_it_is_the_same_network():
    sizes = (5,) * (MANY + 1)
    whole = jax.jit(lambda key: mlp(sizes, key=key))(jax.random.key(0))
    deep = mlp(sizes, key=jax.random.key(0))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), deep, whole)


def annealed():
    machine = rbm(7, 5, key=jax.random.key(0))
    return fb.analysis.log_partition(machine, "ais", chains=7, temperatures=70, key=jax.random.key(1))


@pytest.mark.parametrize(
    ("ask", "most"),
    [
        (lambda: hopfield_attention(7, 5, 3, key=jax.random.key(0)), 4),
        (lambda: fb.analysis.landscape(HopfieldNetwork(np.ones((7, 7)) - np.eye(7))), 8),
        (annealed, 26),
    ],
    ids=["attention", "landscape", "annealing"],
)
def test_what_is_asked_first_compiles_few_programs(ask, most):
    assert asked_by(ask)[0] <= most
