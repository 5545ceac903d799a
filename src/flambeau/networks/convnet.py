"""Convolutional networks of any size: filtering and pooling a few times, then a perceptron on what they found."""

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from jaxtyping import Array

from flambeau.errors import ConfigurationError, named
from flambeau.networks.feedforward import FeedForward
from flambeau.neurons.activation_base import AbstractActivation
from flambeau.structures import (
    AbstractLayer,
    AveragePooling,
    Dropout,
    Flatten,
    MaxPooling,
    Window,
    convolution_layer,
    dense_layer,
    draw,
)
from flambeau.structures.initialisation import drawn_at_once

Plan = tuple[tuple[int, int], tuple[int, ...], tuple[int, int, int]]  # image size, kernel shape, what comes out

POOLINGS: dict[str, Any] = {"max": MaxPooling.over, "average": AveragePooling.over}


@drawn_at_once
def convnet(
    image: tuple[int, int, int],
    channels: Sequence[int],
    hidden: Sequence[int],
    outputs: int,
    *,
    kernel: Any = 5,
    stride: Any = 1,
    padding: Any = "same",
    pooling: str | None = "max",
    pool: Any = 2,
    activation: str | AbstractActivation = "relu",
    output: str | AbstractActivation = "softmax",
    dropout: float = 0.0,
    initialisation: str = "he",
    key: Array,
) -> FeedForward:
    """Convolution and pooling for every entry of ``channels``, then dense layers of ``hidden`` units, then outputs.

    Arguments: ``image`` (height, width, channels); ``kernel``, ``stride`` and ``padding`` of every convolution, as
    :meth:`Window.over` takes them; ``pooling`` "max", "average" or None, over windows of ``pool`` side by side;
    ``dropout`` before every dense layer.

    >>> import jax
    >>> network = convnet((8, 8, 1), (3,), (), 2, kernel=3, key=jax.random.key(0))
    >>> [type(layer).__name__ for layer in network.layers]
    ['Layer', 'MaxPooling', 'Flatten', 'Layer']

    Raises :class:`~flambeau.errors.ConfigurationError` for unknown names and windows larger than what they look at.
    Lecture: 卷积神经网络 (two groups of filtering and sub-sampling, then recognition).
    """
    if pooling is not None:
        named("convnet.pooling", POOLINGS, pooling)
    plans = planned(image, channels, kernel, stride, padding, pool if pooling else None)
    flat = plans[-1][2] if plans else image
    sizes = (flat[0] * flat[1] * flat[2], *hidden, outputs)
    dense: list[tuple[int, ...]] = list(pairwise(sizes))
    numbers = draw(key, [shape for _, shape, _ in plans] + dense)
    how = {"stride": stride, "padding": padding, "initialisation": initialisation}
    layers: list[AbstractLayer] = []
    for (size, _, _), own in zip(plans, numbers, strict=False):
        layers.append(convolution_layer(own, size, activation, **how))
        if pooling is not None:
            layers.append(POOLINGS[pooling](layers[-1].structure.unit_shape[:2], pool))  # type: ignore[attr-defined]
    layers.append(Flatten())
    for place, own in enumerate(numbers[len(plans) :], 1):
        last = place == len(dense)
        layers += [Dropout(dropout)] if dropout else []
        start = "glorot" if last else initialisation
        layers.append(dense_layer(own, output if last else activation, initialisation=start))
    return FeedForward(tuple(layers))


def planned(
    image: tuple[int, int, int], channels: Sequence[int], kernel: Any, stride: Any, padding: Any, pool: Any
) -> list[Plan]:
    """Image size, kernel shape and what comes out, for every group of filtering and pooling."""
    plans: list[Plan] = []
    height, width, depth = image
    for group, maps in enumerate(channels, 1):
        try:
            window = Window.over((height, width), kernel, stride, padding)
            places = window.places if pool is None else Window.over(window.places, pool, pool).places
        except ConfigurationError as error:
            where = f"convnet, group {group} of {len(channels)}, on {height}x{width} pixels"
            raise ConfigurationError(where, error.expected, error.got, f"{error.remedy}, or use fewer groups") from None
        plans.append(((height, width), (*window.size, depth, maps), (*places, maps)))
        height, width, depth = *places, maps
    return plans
