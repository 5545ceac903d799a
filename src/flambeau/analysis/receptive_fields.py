"""What part of an image a unit can see, and what part of it the unit does look at."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from numpy.typing import ArrayLike

from flambeau.analysis.feature_maps import error_at_inputs, layer_number, noiseless
from flambeau.errors import ConfigurationError, DataError
from flambeau.networks.feedforward import FeedForward
from flambeau.rules.backprop import trace_forward
from flambeau.structures import (
    AbstractLayer,
    AveragePooling,
    Convolution,
    Dense,
    Layer,
    MaxPooling,
    Retina,
    Subsampling,
    Window,
)


@dataclasses.dataclass(frozen=True)
class ReceptiveField:
    """The part of the image that the units of a layer can see.

    Arguments, each as (down, across) in pixels: ``size`` r of what one unit sees; ``jump`` j between neighbours;
    ``start``, the first pixel that the first unit sees (below 0 where it begins in the padding); ``places``, how many
    units there are.

    >>> ReceptiveField((5, 5), (1, 1), (-2, -2), (28, 28)).of(3, 0)
    ((1, 6), (-2, 3))
    """

    size: tuple[int, int]
    jump: tuple[int, int]
    start: tuple[int, int]
    places: tuple[int, int]

    def of(self, row: int, column: int) -> tuple[tuple[int, int], tuple[int, int]]:
        """((top, bottom), (left, right)) of what the unit at (row, column) sees; the ends are excluded."""
        first = [begin + place * jump for begin, place, jump in zip(self.start, (row, column), self.jump, strict=True)]
        (top, left), (high, wide) = first, self.size
        return (top, top + high), (left, left + wide)

    @property
    def centre(self) -> tuple[tuple[int, int], tuple[int, int]]:
        """What the unit in the middle sees."""
        return self.of(self.places[0] // 2, self.places[1] // 2)

    def seen_through(self, window: Window) -> "ReceptiveField":
        """The field of units that see these units through a window."""
        edges = [before for before, _ in window.padding]
        each = list(zip(self.size, self.jump, self.start, window.size, window.stride, edges, strict=True))
        size = [r + (k - 1) * j for r, j, _, k, _, _ in each]
        jump = [j * stride for _, j, _, _, stride, _ in each]
        start = [begin - edge * j for _, j, begin, _, _, edge in each]
        return ReceptiveField((size[0], size[1]), (jump[0], jump[1]), (start[0], start[1]), window.places)


def looked_through(layer: AbstractLayer, field: ReceptiveField | None) -> ReceptiveField | None:
    """The field after this layer, by the structure in it; layers that look at each unit by itself change nothing."""
    part: Any = layer.structure if isinstance(layer, Layer) else layer
    if isinstance(part, Convolution | Subsampling | MaxPooling | AveragePooling):
        before = ReceptiveField((1, 1), (1, 1), (0, 0), part.window.image) if field is None else field
        return before.seen_through(part.window)
    if isinstance(part, Dense):
        return None if field is None else field.seen_through(Window.over(field.places, field.places))
    if isinstance(part, Retina):
        (top, _), (left, _) = part.padding
        return ReceptiveField((1, 1), (1, 1), (-top, -left), (0, 0))
    return field


def receptive_field(network: FeedForward, layer: int | str) -> ReceptiveField:
    """What one unit of a layer can see of the image: r_l = r_{l-1} + (k - 1) j_{l-1}, j_l = j_{l-1} stride.

    ``layer`` is a number in ``network.layers`` or a name of :func:`~flambeau.analysis.layer_names`.

    >>> from flambeau.networks import lenet
    >>> network = lenet("lenet-5", key=jax.random.key(0))
    >>> [receptive_field(network, name).size[0] for name in ("C1", "S2", "C3", "S4", "C5")]
    [5, 6, 14, 16, 32]

    Raises :class:`~flambeau.errors.ConfigurationError` for a layer that is not there, and for one that no window leads
    to: without windows nothing says where in an image an input lies.
    *Limits.* It is what a unit *can* see. What it mostly looks at is smaller: :func:`effective_field`.
    Lecture: 每一次池化其实都是在增大感受野 (each pooling enlarges the receptive field).
    """
    field: ReceptiveField | None = None
    for part in network.layers[: layer_number(network, layer) + 1]:
        field = looked_through(part, field)
    if field is None or not all(field.places):
        expected = "a layer that sees an image through windows"
        raise ConfigurationError("receptive_field", expected, layer, "ask for a convolution, a pooling, or above one")
    return field


def effective_field(network: FeedForward, layer: int | str, images: ArrayLike) -> Float[np.ndarray, "height width"]:
    """What the central unit of a layer does look at: |∂y / ∂pixel|, a mean over images, maps and channels.

    ``images`` ``(n, height, width, channels)``.

    >>> from flambeau.networks import convnet
    >>> network = convnet((8, 8, 1), (3,), (), 2, kernel=3, activation="tanh", key=jax.random.key(0))
    >>> rows, columns = np.nonzero(effective_field(network, "C1", np.ones((2, 8, 8, 1), np.float32)))
    >>> [int(end) for end in (rows.min(), rows.max(), columns.min(), columns.max())]
    [3, 5, 3, 5]

    Raises :class:`~flambeau.errors.DataError` for inputs that are no images, and what :func:`receptive_field` raises.
    *Limits.* One backward pass per map: take few images for a layer of many maps.
    Source: Luo, Li, Urtasun, Zemel 2016, *Understanding the effective receptive field*. Lecture: 感受野.
    """
    x = jnp.asarray(images)
    if x.ndim != 4:
        raise DataError("effective_field", "images (n, height, width, channels)", x.shape, "reshape them")
    receptive_field(network, layer)
    layers = noiseless(network.layers[: layer_number(network, layer) + 1])
    return np.asarray(strengths(layers, x))


@eqx.filter_jit
def strengths(layers: tuple[AbstractLayer, ...], x: Array) -> Array:
    """The mean slope's size for every pixel, one map after the other."""
    traces = trace_forward(layers, x, jax.random.key(0))
    top = traces[-1].output
    middle = tuple(side // 2 for side in top.shape[1:-1])
    still = jnp.zeros_like(top)

    def of_map(number: Array) -> Array:
        chosen = still.at[(slice(None), *middle, number)].set(1)
        return jnp.abs(error_at_inputs(layers, traces, chosen)).mean(axis=(0, 3))

    return jax.lax.map(of_map, jnp.arange(top.shape[-1])).mean(axis=0)
