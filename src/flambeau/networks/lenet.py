"""LeNet in its published forms, and in the form that is trained today. Each reads like the table in its paper."""

from collections.abc import Callable
from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from flambeau.errors import ConfigurationError, named
from flambeau.networks.feedforward import FeedForward
from flambeau.neurons import RadialDistance, ReLU, ScaledTanh, Softmax, Softmin
from flambeau.structures import (
    AbstractLayer,
    AbstractStructure,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    Layer,
    MaxPooling,
    Retina,
    Subsampling,
    Window,
    convolution_layer,
    dense_layer,
    draw,
)
from flambeau.structures.initialisation import drawn_at_once
from flambeau.structures.pooling import is_pooling

Layers = tuple[AbstractLayer, ...]

# LeNet-5's output layer: ten stylised digits, 7 x 12 bitmaps of ink +1 and paper -1. The paper drew its codes so that
# characters that look alike have codes that are alike (an O and a 0), and took bitmaps rather than random codes because
# a person can read them. These are drawn after its figure; it prints no table of its pixels.
DRAWN = """
..###.. ...#... ..###.. #######  ....##. #######  ..####. #######  .#####. ..####.
.#...#. ..##... .#...#. .....##  ....##. #......  .#..... #.....#  ##...## .#....#
.#...#. .###... #.....# ....##.  ...#.#. #......  #...... ......#  #.....# #.....#
#.....# ...#... ......# ...##..  ...#.#. #......  #...... .....#.  #.....# #.....#
#.....# ...#... .....## ..####.  ..#..#. #.####.  #.####. .....#.  ##...## #.....#
#.....# ...#... ....##. .....##  ..#..#. ##....#  ##....# ....#..  .#####. #....##
#.....# ...#... ...##.. ......#  .#...#. ......#  #.....# ....#..  ##...## .####.#
#.....# ...#... ..##... ......#  .#...#. ......#  #.....# ...#...  #.....# ......#
#.....# ...#... .##.... ......#  ####### ......#  #.....# ...#...  #.....# ......#
.#...#. ...#... ##..... #.....#  .....#. #.....#  #.....# ..#....  #.....# ......#
.#...#. ...#... #...... .#...#.  .....#. .#...#.  .#...#. ..#....  ##...## .....#.
..###.. .#####. ####### ..###..  .....#. ..###..  ..###.. ..#....  .#####. .####..
"""

CODES: np.ndarray = np.asarray(
    [
        [1 if mark == "#" else -1 for line in DRAWN.split("\n")[1:-1] for mark in line.split()[digit]]
        for digit in range(10)
    ],
    np.int8,
)


def channel_table(*maps: str) -> np.ndarray:
    """Which channels each map sees, from strings of channel numbers: (channels, maps) of booleans."""
    channels = 1 + max(int(channel) for seen in maps for channel in seen)
    return np.asarray([[str(channel) in seen for seen in maps] for channel in range(channels)])


# S2 maps seen by each C3 map. LeNet-5: 6 contiguous triples, 6 contiguous quadruples, 3 broken ones, all.
LENET_1 = channel_table("0", "01", "01", "1", "01", "01", "2", "23", "23", "3", "23", "23")
LENET_4 = channel_table(*(f"{n % 8}{(n + 1) % 8}{(n + 2 + n // 8) % 8}" for n in range(16)))
LENET_5 = channel_table("012", "123", "234", "345", "045", "015", "0123", "1234", "2345", "0345", "0145", "0125",
                        "0134", "1245", "0235", "012345")  # fmt: skip


@drawn_at_once
def lenet(
    variant: str = "lenet-5", image: Any = (28, 28), classes: int = 10, *, dropout: float = 0.0, key: Array
) -> FeedForward:
    """LeNet for images of ``image`` (height, width), one channel, pixels from 0 to 1.

    ``variant``:

    - ``"lenet-1"`` (1990): 4 and 12 maps, 28x28 field, 2,578 parameters, 98,442 connections;
    - ``"lenet-4"`` (1994): 4, 8 and 16 maps, 120 units, 32x32 field;
    - ``"lenet-5"`` (1998): 6 and 16 maps, 120 and 84 units, radial outputs with fixed bitmaps, 32x32 field, 60,000
      trainable parameters, 340,908 connections;
    - ``"modern"``: LeNet-5 with all connections of C3, max pooling, ReLU and softmax, 61,706 parameters.

    ``dropout`` silences that share of the inputs of every layer above the last sub-sampling while learning (but not of
    the radial outputs); it is younger than the networks, and changes nothing of what is learned in the end.

    The three old ones squash by 1.7159 tanh(2s/3), pool by a trainable gain and bias, wire C3 as their tables say, and
    start from U(±2.4 / fan-in). Smaller images lie in the middle of the field.

    >>> import jax
    >>> network = lenet("lenet-5", key=jax.random.key(0))
    >>> [layer.neurons.structure.unit_shape for layer in network.layers if layer.neurons]
    [(28, 28, 6), (14, 14, 6), (10, 10, 16), (5, 5, 16), (1, 1, 120), (84,), (10,)]

    Raises :class:`~flambeau.errors.ConfigurationError` for an unknown variant, images larger than the field, or more
    classes than bitmaps. *Limits.* The papers print neither LeNet-4's tables nor a count that fits its description: a
    full layer of 120 on 16 maps of 5x5 has 48,120 parameters alone, against "about 17,000"; ours has 50,698, and
    262,306 connections against "about 260,000". LeNet-1's table is recalled; it fits both published counts. Sources:
    LeCun et al. 1990, *Handwritten digit recognition with a back-propagation network*; Bottou et al. 1994, *Comparison
    of classifier methods*; LeCun, Bottou, Bengio, Haffner 1998. Lecture: 卷积神经网络, LeNet.
    """
    layers = named("lenet.variant", LENETS, variant)(image, classes, key)
    return FeedForward(with_dropout(layers, dropout))


def lenet_1(image: Any, classes: int, key: Array) -> Layers:
    """28x28 · 4@24 · 4@12 · 12@8 · 12@4 · outputs."""
    c1, s2, c3, s4, out = draw(key, [(5, 5, 1, 4), (4,), (5, 5, 4, 12), (12,), (192, classes)])
    return (
        Retina.over(image, 28),
        filter_maps(28, c1),
        subsampled(24, s2),
        filter_maps(12, c3, LENET_1),
        subsampled(8, s4),
        Flatten(),
        squashed(Dense(lenet_uniform(out, 192))),
    )


def lenet_4(image: Any, classes: int, key: Array) -> Layers:
    """32x32 · 4@28 · 8@14 (two for each map) · 16@10 · 16@5 · 120 · outputs."""
    shapes: list[tuple[int, ...]] = [(5, 5, 1, 4), (8,), (5, 5, 8, 16), (16,), (5, 5, 16, 120), (120, classes)]
    c1, s2, c3, s4, c5, out = draw(key, shapes)
    return (
        Retina.over(image, 32),
        filter_maps(32, c1),
        subsampled(28, s2, repeats=2),
        filter_maps(14, c3, LENET_4),
        subsampled(10, s4),
        filter_maps(5, c5),
        Flatten(),
        squashed(Dense(lenet_uniform(out, 120))),
    )


def lenet_5(image: Any, classes: int, key: Array) -> Layers:
    """32x32 · 6@28 · 6@14 · 16@10 · 16@5 · 120 · 84 · distances to the bitmaps."""
    shapes: list[tuple[int, ...]] = [(5, 5, 1, 6), (6,), (5, 5, 6, 16), (16,), (5, 5, 16, 120), (120, 84)]
    c1, s2, c3, s4, c5, f6 = draw(key, shapes)
    return (
        Retina.over(image, 32),
        filter_maps(32, c1),
        subsampled(28, s2),
        filter_maps(14, c3, LENET_5),
        subsampled(10, s4),
        filter_maps(5, c5),
        Flatten(),
        squashed(Dense(lenet_uniform(f6, 120))),
        Layer(Dense(jnp.asarray(codes(classes))), None, Softmin(), RadialDistance(squared=True)),
    )


def modern(image: Any, classes: int, key: Array) -> Layers:
    """32x32 · 6@28 · max 14 · 16@10 · max 5 · 120 · 84 · softmax."""
    c1, c3, c5, f6, out = draw(key, [(5, 5, 1, 6), (5, 5, 6, 16), (400, 120), (120, 84), (84, classes)])
    return (
        Retina.over(image, 32, paper=0.0, ink=1.0),
        convolution_layer(c1, 32),
        MaxPooling.over(28),
        convolution_layer(c3, 14),
        MaxPooling.over(10),
        Flatten(),
        dense_layer(c5, ReLU(), initialisation="he"),
        dense_layer(f6, ReLU(), initialisation="he"),
        dense_layer(out, Softmax()),
    )


LENETS: dict[str, Callable[[Any, int, Array], Layers]] = {
    "lenet-1": lenet_1,
    "lenet-4": lenet_4,
    "lenet-5": lenet_5,
    "modern": modern,
}


def with_dropout(layers: Layers, rate: float) -> Layers:
    """Noise before every layer of weights above the last pooling, the radial outputs excepted."""
    if not 0 <= rate < 1:
        raise ConfigurationError("lenet.dropout", "a share in [0, 1)", rate, "0 switches dropout off")
    last = max(place for place, layer in enumerate(layers) if is_pooling(layer))
    noisy: list[AbstractLayer] = []
    for place, layer in enumerate(layers):
        dense = place > last and layer.neurons is not None and layer.neurons.bias is not None
        noisy += [Dropout(rate), layer] if rate and dense else [layer]
    return tuple(noisy)


def lenet_uniform(numbers: Array, fan_in: Any) -> Array:
    """U(±2.4 / fan-in), from uniform numbers in (0, 1); ``fan_in`` of each unit or of all."""
    return (2 * numbers - 1) * 2.4 / fan_in


def filter_maps(
    size: int, numbers: Float[Array, "height width channels maps"], seen: np.ndarray | None = None
) -> Layer:
    """Maps of squashing units; with a table, a unit's fan-in counts the channels that it sees."""
    channels = numbers.shape[2] if seen is None else seen.sum(0)
    return squashed(Convolution.over(size, lenet_uniform(numbers, 25 * channels), table=seen))


def subsampled(size: int, numbers: Float[Array, " maps"], repeats: int = 1) -> Layer:
    """2x2 sub-sampling with a gain and a bias per map, squashed."""
    return squashed(Subsampling(lenet_uniform(numbers, 4), Window.over(size, 2, 2), repeats))


def squashed(structure: AbstractStructure) -> Layer:
    """Units with biases from 0 and 1.7159 tanh(2s/3)."""
    return Layer(structure, jnp.zeros(structure.unit_shape[-1], structure.weights.dtype), ScaledTanh())


def codes(classes: int) -> np.ndarray:
    """The bitmaps of the first ``classes`` digits as prototypes, ``(84, classes)`` of ±1.

    >>> codes(10).shape, sorted(set(codes(10).ravel().tolist()))
    ((84, 10), [-1, 1])

    Raises :class:`~flambeau.errors.ConfigurationError` for more classes than there are bitmaps.
    """
    if not 2 <= classes <= len(CODES):
        remedy = "use variant='modern', whose outputs are learned"
        raise ConfigurationError("LeNet-5", f"2 to {len(CODES)} classes, one bitmap each", classes, remedy)
    return CODES[:classes].T
