"""Networks without feedback: layers one above the other."""

from itertools import pairwise

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from flambeau.errors import ConfigurationError
from flambeau.foundation.precision import dtype
from flambeau.neurons.activation_base import AbstractActivation
from flambeau.structures.initialisation import draw, drawn_at_once
from flambeau.structures.layer import AbstractLayer, Dropout, dense_layer


class FeedForward(eqx.Module):
    """Layers one above the other: each layer's output is the next one's input. Lecture: 不带反馈 (without feedback)."""

    layers: tuple[AbstractLayer, ...]

    def __call__(self, x: Float[Array | np.ndarray, "batch ..."]) -> Float[Array, "batch ..."]:
        """The top layer's output, without noise."""
        x = jnp.asarray(x)
        for layer in self.layers:
            x = layer(x)
        return x


def perceptron(inputs: int, units: int, activation: str | AbstractActivation = "step") -> FeedForward:
    """A single layer of threshold units, starting from zero.

    >>> import jax.numpy as jnp
    >>> perceptron(2, 1)(jnp.ones((1, 2))).tolist()
    [[0.0]]

    Source: Rosenblatt 1958. Lecture: 单层感知机 (the single-layer perceptron).
    """
    return FeedForward((dense_layer(jnp.zeros((inputs, units), dtype()), activation, initialisation="zeros"),))


@drawn_at_once
def mlp(
    sizes: tuple[int, ...],
    hidden: str | AbstractActivation | tuple[str | AbstractActivation, ...] = "sigmoid",
    output: str | AbstractActivation = "identity",
    *,
    dropout: float = 0.0,
    initialisation: str = "glorot",
    key: Array,
) -> FeedForward:
    """A multi-layer perceptron that reads like its paper: ``mlp((784, 300, 10), "tanh", "softmax", key=key)``.

    Arguments: ``sizes`` of inputs, hidden layers and outputs; ``hidden``, one activation or one per hidden layer;
    ``output``; ``dropout``, the share of each hidden layer's outputs that is silenced while learning;
    ``initialisation``, a name in ``INITIALISERS``.

    >>> import jax
    >>> network = mlp((2, 4, 1), "tanh", "sigmoid", key=jax.random.key(0))
    >>> [layer.structure.weights.shape for layer in network.layers]
    [(2, 4), (4, 1)]

    Raises :class:`~flambeau.errors.ConfigurationError` for fewer than two sizes, a size below 1, a dropout outside
    [0, 1), or a number of activations that is not the number of hidden layers. Lecture: 多层感知机.
    """
    if len(sizes) < 2 or min(sizes) < 1:
        raise ConfigurationError("mlp.sizes", "inputs, any hidden layers, outputs", sizes, "give at least two sizes")
    if not 0 <= dropout < 1:
        raise ConfigurationError("mlp.dropout", "a share in [0, 1)", dropout, "0 switches dropout off")
    functions = (*per_layer(hidden, len(sizes) - 2), output)
    layers: list[AbstractLayer] = []
    for numbers, f in zip(draw(key, list(pairwise(sizes))), functions, strict=True):
        if layers and dropout:
            layers.append(Dropout(dropout))
        layers.append(dense_layer(numbers, f, initialisation=initialisation))
    return FeedForward(tuple(layers))


def per_layer(
    hidden: str | AbstractActivation | tuple[str | AbstractActivation, ...], count: int
) -> tuple[str | AbstractActivation, ...]:
    """One activation per hidden layer."""
    if not isinstance(hidden, tuple | list):
        return (hidden,) * count
    if len(hidden) != count:
        raise ConfigurationError("mlp.hidden", f"{count} activations, one per hidden layer", hidden, "give one each")
    return tuple(hidden)
