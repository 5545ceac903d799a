"""Whoever keeps arrays keeps his own: what the user does to his afterwards changes nothing."""

import jax
import numpy as np
import pytest

import flambeau as fb
from flambeau.foundation.memory import aligned
from flambeau.networks import DenseMemory, HopfieldNetwork, ModernMemory, RestrictedBoltzmannMachine, rbm
from flambeau.neurons import activation, unit
from flambeau.structures import Convolution, Dense, Layer, Window, lateral
from programs import program


def own(*shape):
    """Zeros in memory that JAX would take as it is, without a copy."""
    array = aligned(shape, np.float32)
    array[:] = 0
    return array


BIT = unit("bernoulli")
MADE = {
    "dense": lambda: (array := own(4, 4), Dense(array)),
    "lateral": lambda: (array := own(4, 4), lateral(array)),
    "convolution": lambda: (array := own(3, 3, 1, 2), Convolution(array, Window.over(6, 3))),
    "thresholds": lambda: (array := own(4), Layer(Dense(own(4, 4)), array, activation("tanh"))),
    "visible biases": lambda: (array := own(4), RestrictedBoltzmannMachine(Dense(own(4, 3)), array, own(3), BIT, BIT)),
    "hidden biases": lambda: (array := own(3), RestrictedBoltzmannMachine(Dense(own(4, 3)), own(4), array, BIT, BIT)),
    "biases of a fresh machine": lambda: (array := own(4), rbm(4, 3, visible_bias=array, key=jax.random.key(0))),
    "patterns": lambda: (array := own(4, 4), ModernMemory(array)),
    "patterns of a dense memory": lambda: (array := own(4, 4), DenseMemory(array, fb.networks.Polynomial(2))),
}


@pytest.mark.parametrize("name", MADE)
def test_it_keeps_its_own(name):
    array, made = MADE[name]()
    before = [np.array(leaf) for leaf in jax.tree.leaves(made)]
    array[:] = 7
    for leaf, kept in zip(jax.tree.leaves(made), before, strict=True):
        np.testing.assert_array_equal(leaf, kept)


def energies(x, thresholds):
    """Of memories that are made where they are asked."""
    memories = ModernMemory(x), DenseMemory(x, fb.networks.Polynomial(2)), HopfieldNetwork(x, thresholds)
    return [memory.energy(x) for memory in memories]


def test_what_is_traced_stays_in_its_program():
    rows, thresholds = 2 * np.eye(3, dtype=np.float32) - 1, np.ones(3, np.float32)
    for within, outside in zip(
        program(energies)(rows, thresholds), energies(*jax.device_put((rows, thresholds))), strict=True
    ):
        np.testing.assert_allclose(within, outside, rtol=1e-5)
