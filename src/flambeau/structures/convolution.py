"""Convolution: every unit sees a small window, and all units of a map share their weights. It is filtering."""

from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from flambeau.errors import ConfigurationError
from flambeau.foundation.memory import kept_apart
from flambeau.neurons.activation import activation
from flambeau.neurons.activation_base import AbstractActivation
from flambeau.structures.base import AbstractStructure
from flambeau.structures.block_convolution import Blocks, blocks_for, convolve, convolve_back, correlate_kernel
from flambeau.structures.initialisation import initialiser
from flambeau.structures.layer import Layer
from flambeau.structures.memory_layout import AbstractLayout, ImageLayout, batch_first, batch_last
from flambeau.structures.window_views import padded
from flambeau.structures.windows import Window


class Convolution(AbstractStructure):
    """Maps of units that share a kernel: project(x)[i, j, o] = Σ_uvc x[s i + u, s j + v, c] w[u, v, c, o].

    Arguments: ``weights`` ``(height, width, channels, maps)``; ``window``, where the kernel goes; ``table``, which maps
    see which channels, a boolean array ``(channels, maps)`` (C3 of LeNet-5) or None for all. Images are
    ``(batch, height, width, channels)``, outputs ``(batch, rows, columns, maps)``. (The field says convolution for what
    is a correlation: the kernel is not flipped.) Build one with :meth:`over`.

    >>> edge = Convolution.over((1, 4), jnp.asarray([[[[-1.0]], [[1.0]]]]))
    >>> image = jnp.asarray([[[[0.0], [0.0], [1.0], [1.0]]]])
    >>> edge.project(image).tolist()  # it answers where the image becomes brighter
    [[[[0.0], [1.0], [0.0]]]]

    *How.* On a CPU one product of large matrices per call, batch batch_last
    (:mod:`flambeau.structures.block_convolution`); elsewhere the platform's own convolution. *Limits.* Two axes, no
    dilation, no groups (a table does what groups do).

    Source: LeCun, Bottou, Bengio, Haffner 1998, *Gradient-based learning applied to document recognition*.
    Lecture: 卷积提取到的是局部特征，这相当于一个滤波的运算 (convolution extracts local features: it is filtering).
    """

    weights: Float[Array, "tall wide channels maps"] = eqx.field(converter=kept_apart)
    window: Window = eqx.field(static=True)
    table: Bool[Array, "channels maps"] | None = eqx.field(converter=kept_apart, default=None)
    layout: ClassVar[AbstractLayout] = ImageLayout()

    @classmethod
    def over(
        cls, image: Any, weights: Float[Array, "tall wide channels maps"], *, stride: Any = 1, padding: Any = 0,
        table: Any = None,
    ) -> "Convolution":  # fmt: skip
        """For images of ``image`` (height, width); ``stride`` and ``padding`` as :meth:`Window.over` takes them.

        Raises :class:`~flambeau.errors.ConfigurationError` for a kernel larger than the padded image, and a table of
        another shape than (channels, maps).
        """
        if table is not None and np.shape(table) != weights.shape[2:]:
            expected, remedy = f"shape (channels, maps) = {weights.shape[2:]}", "one row per channel, one column a map"
            raise ConfigurationError("Convolution.table", expected, np.shape(table), remedy)
        window = Window.over(image, weights.shape[:2], stride, padding)
        return cls(weights, window, None if table is None else jnp.array(table, bool))

    @property
    def input_shape(self) -> tuple[int, ...]:
        """``(height, width, channels)``."""
        return (*self.window.image, self.weights.shape[2])

    @property
    def unit_shape(self) -> tuple[int, ...]:
        """``(rows, columns, maps)``."""
        return (*self.window.places, self.weights.shape[3])

    @property
    def kernel(self) -> Float[Array, "tall wide channels maps"]:
        """The weights of the connections that exist, 0 elsewhere."""
        return self.weights if self.table is None else jnp.where(self.table, self.weights, 0)

    def project(self, x: Float[Array, "batch height width channels"]) -> Float[Array, "batch rows columns maps"]:
        """The image filtered by every kernel."""
        return fastest(in_blocks_filtered, filtered_by_platform, x, self.kernel, self.window)

    def backproject(self, d: Float[Array, "batch rows columns maps"]) -> Float[Array, "batch height width channels"]:
        """What every pixel receives from the units that see it: a full convolution with the flipped kernel."""
        return fastest(in_blocks_spread, spread_by_platform, d, self.kernel, self.window)

    def correlate(
        self, pre: Float[Array, "batch height width channels"], post: Float[Array, "batch rows columns maps"]
    ) -> Float[Array, "tall wide channels maps"]:
        """For every kernel element the correlation of its pixels with its units, summed over places and batch."""
        found = fastest(in_blocks_gathered, gathered_by_platform, pre, post, self.window)
        return found if self.table is None else jnp.where(self.table, found, 0)

    def per_unit(self, v: Float[Array, " maps"]) -> Array:
        """One number per map, on the last axis."""
        return v[None, None, None]


def fastest(blocks: Callable, platform: Callable, a: Array, b: Array, window: Window) -> Array:
    """The form in blocks on a CPU, the platform's own convolution elsewhere; chosen when the program is compiled."""
    return jax.lax.platform_dependent(
        a, b, cpu=lambda a, b: blocks(a, b, window), default=lambda a, b: platform(a, b, window)
    )


def in_blocks_filtered(x: Array, w: Array, window: Window) -> Array:
    """The images filtered, by :func:`flambeau.structures.block_convolution.convolve`."""
    return batch_first(convolve(padded(batch_last(x), window), w, cut_of(window, (w.shape[2], w.shape[3]))))


def in_blocks_spread(d: Array, w: Array, window: Window) -> Array:
    """The adjoint in the images."""
    (top, _), (left, _) = window.padding
    height, width = window.image
    whole = convolve_back(batch_last(d), w, cut_of(window, (w.shape[2], w.shape[3])))
    return batch_first(whole[:, top : top + height, left : left + width])


def in_blocks_gathered(x: Array, d: Array, window: Window) -> Array:
    """The adjoint in the kernels."""
    return correlate_kernel(padded(batch_last(x), window), batch_last(d), cut_of(window, (x.shape[-1], d.shape[-1])))


def cut_of(window: Window, channels: tuple[int, int]) -> Blocks:
    """How this convolution is cut into blocks."""
    return blocks_for(window.padded, (*window.size, *channels), window.stride)


def filtered_by_platform(x: Array, w: Array, window: Window) -> Array:
    """The images filtered, by the platform's convolution."""
    axes = ("NHWC", "HWIO", "NHWC")
    return jax.lax.conv_general_dilated(x, w, window.stride, window.padding, dimension_numbers=axes)


def spread_by_platform(d: Array, w: Array, window: Window) -> Array:
    """The adjoint in the images."""
    x = jax.ShapeDtypeStruct((d.shape[0], *window.image, w.shape[2]), d.dtype)
    return jax.linear_transpose(lambda x: filtered_by_platform(x, w, window), x)(d)[0]


def gathered_by_platform(x: Array, d: Array, window: Window) -> Array:
    """The adjoint in the kernels."""
    w = jax.ShapeDtypeStruct((*window.size, x.shape[-1], d.shape[-1]), x.dtype)
    return jax.linear_transpose(lambda w: filtered_by_platform(x, w, window), w)(d)[0]


def convolution_layer(
    numbers: Float[Array, "tall wide channels maps"],
    image: Any,
    f: str | AbstractActivation = "relu",
    *,
    stride: Any = 1,
    padding: Any = 0,
    initialisation: str = "he",
) -> Layer:
    """A layer of maps over images of ``image`` (height, width), its kernels made of uniform ``numbers`` in (0, 1).

    >>> convolution_layer(jnp.full((5, 5, 1, 6), 0.5), 28, padding="same", initialisation="glorot").structure.unit_shape
    (28, 28, 6)

    Raises :class:`~flambeau.errors.ConfigurationError` for an unknown name, or a kernel larger than the padded image.
    """
    structure = Convolution.over(image, initialiser(initialisation)(numbers), stride=stride, padding=padding)
    return Layer(structure, jnp.zeros(numbers.shape[-1], numbers.dtype), activation(f))
