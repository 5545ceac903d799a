"""Activations in which the units of a layer compete: softmax, softmin, and winner takes all."""

import dataclasses

import jax
import jax.numpy as jnp

from flambeau.neurons.activation_base import AbstractActivation, Values


@dataclasses.dataclass(frozen=True)
class Softmax(AbstractActivation):
    """f(s)_j = e^{s_j} / Σ_k e^{s_k} over the last axis: outputs that are probabilities.

    Every output depends on every net input, so the slope is a matrix, diag(y) - y yᵀ; :meth:`delta` applies it
    without building it, and :meth:`slope` gives its diagonal.
    """

    low = 0.0
    high = 1.0
    steepest = 0.25  # of an output in its own net input

    def __call__(self, net: Values) -> Values:
        """e^s / Σ e^s, without overflow."""
        return jax.nn.softmax(net, axis=-1)

    def slope(self, net: Values, output: Values) -> Values:
        """y (1 - y), the diagonal of the Jacobian."""
        return output * (1 - output)

    def delta(self, net: Values, output: Values, error: Values) -> Values:
        """(diag(y) - y yᵀ) ∂e/∂y."""
        return output * (error - jnp.sum(error * output, axis=-1, keepdims=True))


@dataclasses.dataclass(frozen=True)
class Softmin(AbstractActivation):
    """f(s)_j = e^{-s_j} / Σ_k e^{-s_k} over the last axis: the nearest prototype is the most probable.

    For units whose net input is a distance or a penalty, such as LeNet-5's radial outputs: the softmax of -s.

    >>> Softmin()(jnp.asarray([0.0, 1.0986])).round(2).tolist()
    [0.75, 0.25]
    """

    low = 0.0
    high = 1.0
    steepest = 0.25  # of an output in its own net input

    def __call__(self, net: Values) -> Values:
        """e^-s / Σ e^-s, without overflow."""
        return jax.nn.softmax(-net, axis=-1)

    def slope(self, net: Values, output: Values) -> Values:
        """-y (1 - y), the diagonal of the Jacobian."""
        return -output * (1 - output)

    def delta(self, net: Values, output: Values, error: Values) -> Values:
        """(y yᵀ - diag(y)) ∂e/∂y."""
        return output * (jnp.sum(error * output, axis=-1, keepdims=True) - error)


@dataclasses.dataclass(frozen=True)
class Hardmax(AbstractActivation):
    """Winner takes all over the last axis: 1 for the largest net input (the first of equals), 0 for the others.

    With the perceptron rule this is Kesler's multi-class perceptron: the right class gains x, the winner loses it.
    A gradient rule refuses it: its slope is 0 wherever it exists.
    """

    low = 0.0
    high = 1.0
    steepest = 0.0
    trainable = False
    gradient = "refuses: the slope is 0 wherever it exists; use softmax, or the perceptron rule"

    def __call__(self, net: Values) -> Values:
        """One-hot of the largest."""
        return jax.nn.one_hot(jnp.argmax(net, axis=-1), net.shape[-1], dtype=net.dtype)

    def slope(self, net: Values, output: Values) -> Values:
        """0 everywhere."""
        return jnp.zeros_like(net)

    def delta(self, net: Values, output: Values, error: Values) -> Values:
        """0 everywhere."""
        return jnp.zeros_like(error)
