"""Looking into a network of layers: what each layer answers, and what an answer rests on.

Numbers only; :mod:`flambeau.report` draws them. Layers are named as in the papers on LeNet: C convolution, S
sub-sampling or pooling, F full connection, numbered from the bottom, and the top one ``output``.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from flambeau.errors import ConfigurationError, named
from flambeau.networks.feedforward import FeedForward
from flambeau.rules.backprop import output_layer, trace_forward
from flambeau.structures import (
    AbstractLayer,
    AveragePooling,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPooling,
    Retina,
    Subsampling,
)

# The papers' letters for structures, and for layers of their own.
LETTERS = {Subsampling: "S", MaxPooling: "S", AveragePooling: "S", Convolution: "C", Dense: "F"}


def letter(layer: AbstractLayer) -> str:
    """The papers' letter for a layer, by the structure in it if it has one; empty for one without units of its own."""
    part, other = (layer.structure, "L") if isinstance(layer, Layer) else (layer, "")
    return next((own for kind, own in LETTERS.items() if isinstance(part, kind)), other)


def layer_names(network: FeedForward) -> tuple[str, ...]:
    """One name per layer of the network; layers without units of their own are called by their kind.

    >>> from flambeau.networks import lenet
    >>> layer_names(lenet("lenet-5", key=jax.random.key(0)))
    ('retina', 'C1', 'S2', 'C3', 'S4', 'C5', 'flatten', 'F6', 'output')

    Source: the names of LeCun, Bottou, Bengio, Haffner 1998. Lecture: 卷积神经网络, LeNet.
    """
    letters = [letter(layer) for layer in network.layers]
    numbers = np.cumsum([bool(sign) for sign in letters])
    names = [
        f"{sign}{number}" if sign else type(layer).__name__.lower()
        for layer, sign, number in zip(network.layers, letters, numbers, strict=True)
    ]
    return (*names[:-1], names[-1] if network.layers[-1].neurons is None else "output")


def has_units(layer: AbstractLayer) -> bool:
    """Whether a layer answers something of its own: not a frame, another order, or silence while learning."""
    return not isinstance(layer, Retina | Flatten | Dropout)


def layer_number(network: FeedForward, layer: int | str) -> int:
    """Where a layer lies in ``network.layers``, by its number or by its name."""
    if isinstance(layer, str):
        return named("layer", {name: place for place, name in enumerate(layer_names(network))}, layer)
    count = len(network.layers)
    if not -count <= layer < count:
        raise ConfigurationError("layer", f"a number below {count}, or a name", layer, "see layer_names(network)")
    return layer % count


class FeatureMap(NamedTuple):
    """What one layer answers: its ``name`` and ``output`` ``(batch, rows, columns, maps)`` or ``(batch, units)``."""

    name: str
    output: Array


def feature_maps(network: FeedForward, x: Float[Array | np.ndarray, "batch ..."]) -> list[FeatureMap]:
    """The output of every layer for a batch, bottom layer first, without noise: y_l = f_l(y_{l-1}), y_0 = x.

    ``x`` ``(batch, height, width, channels)`` or whatever the network takes.

    >>> from flambeau.networks import convnet
    >>> network = convnet((8, 8, 1), (3,), (), 2, kernel=3, key=jax.random.key(0))
    >>> [(found.name, found.output.shape) for found in feature_maps(network, jnp.zeros((1, 8, 8, 1)))][:2]
    [('C1', (1, 8, 8, 3)), ('S2', (1, 4, 4, 3))]

    Lecture: 特征的数目就是通道数 (there are as many features as channels).
    """
    return [
        FeatureMap(*pair) for pair in zip(layer_names(network), layer_outputs(network, jnp.asarray(x)), strict=True)
    ]


@eqx.filter_jit
def layer_outputs(network: FeedForward, x: Array) -> list[Array]:
    """The layers' outputs in one compiled call."""
    found = []
    for layer in network.layers:
        x = layer(x)
        found.append(x)
    return found


def saliency(
    network: FeedForward, x: Float[Array | np.ndarray, "batch ..."], unit: Any = None
) -> Float[Array, "batch ..."]:
    """How the net input of a top unit rises with every input: ∂s_unit / ∂x, shaped like ``x``.

    By the layers' own chain rule: δ is 1 at the unit and 0 elsewhere, and goes down through ``credit`` and
    ``backward``. ``unit`` is a number, or one per example; by default each example's winning unit.

    >>> from flambeau.networks import perceptron
    >>> unit = perceptron(2, 1, "sigmoid")
    >>> saliency(unit, jnp.ones((1, 2))).tolist()
    [[0.0, 0.0]]

    Raises :class:`~flambeau.errors.ConfigurationError` for a unit that is not there, a number of units that is not the
    number of examples, or a network without neurons on top.
    *Limits.* A slope is local: it says what a small change does, not what the answer needs; where ReLU is off and
    sigmoids are saturated it is 0. For radial units s is a distance, so a positive slope speaks against the unit.
    Source: Simonyan, Vedaldi, Zisserman 2014, *Deep inside convolutional networks*. Lecture: 误差反向传播.
    """
    x = jnp.asarray(x)
    units = output_layer(network).structure.unit_shape[0]
    if unit is None:
        return slopes(network, x, None)
    chosen = np.asarray(unit)
    fits = chosen.dtype.kind in "iu" and chosen.shape in ((), (len(x),))
    if not fits or not np.all((chosen >= 0) & (chosen < units)):
        expected = f"a whole number from 0 to {units - 1}, or one for each of {len(x)} examples"
        raise ConfigurationError("saliency.unit", expected, unit, "leave it out for the winning unit")
    return slopes(network, x, jnp.broadcast_to(chosen, len(x)))


@eqx.filter_jit
def slopes(network: FeedForward, x: Array, unit: Array | None) -> Array:
    """Forward with traces, then down from the net input of the chosen units."""
    layers = noiseless(network.layers)
    *below, last = trace_forward(layers, x, jax.random.key(0))
    chosen = jnp.argmax(last.output, axis=-1) if unit is None else unit
    delta = jax.nn.one_hot(chosen, last.net.shape[-1], dtype=last.net.dtype)
    error, _ = output_layer(network).credit(last, delta)
    return error_at_inputs(layers[:-1], below, error)


def noiseless(layers: tuple[AbstractLayer, ...]) -> tuple[AbstractLayer, ...]:
    """The layers that do something outside learning: dropout is silent then."""
    return tuple(layer for layer in layers if not isinstance(layer, Dropout))


def error_at_inputs(layers: tuple[AbstractLayer, ...], traces: list, error: Array) -> Array:
    """∂e/∂x at the bottom from ``error`` = ∂e/∂y at the top of these layers."""
    for layer, trace in zip(reversed(layers), reversed(traces), strict=True):
        error, _ = layer.backward(trace, error)
    return error
