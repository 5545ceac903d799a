"""Pooling: neighbours are put together, so that what follows sees more of the image and less of where exactly.

Two kinds. :class:`Subsampling` is a structure with weights, one gain per map, as in 1998; its layer adds a bias and a
squashing function. :class:`AveragePooling` and :class:`MaxPooling` are layers that have nothing to learn.
"""

from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from flambeau.errors import ConfigurationError
from flambeau.foundation.memory import kept_apart
from flambeau.structures.base import AbstractStructure
from flambeau.structures.layer import AbstractLayer, AbstractPassage, Trace
from flambeau.structures.memory_layout import AbstractLayout, ImageLayout, batch_first, batch_last
from flambeau.structures.window_views import first_largest, shared_out, sums, to_elements, window_largest
from flambeau.structures.windows import Window

Pixels = Float[Array, "batch height width channels"]
Units = Float[Array, "batch rows columns maps"]


class Subsampling(AbstractStructure):
    """The pooling of 1998: y[i, j, c] = w_c · Σ_uv x[s i + u, s j + v, c], a window's sum times a gain.

    Arguments: ``weights`` ``(maps,)``, one gain per map; ``window``; ``repeats``, how many maps pool each channel (1;
    2 in LeNet-4). A layer around it adds the bias and f.

    >>> four = Subsampling(jnp.asarray([0.25]), Window.over((2, 2), 2, 2))
    >>> four.project(jnp.asarray([[[[0.0], [1.0]], [[2.0], [3.0]]]])).tolist()
    [[[[1.5]]]]

    *Limits.* One gain per map, so penalties on weights (two axes and more) leave it alone.

    Source: LeCun, Bottou, Bengio, Haffner 1998 (S2 and S4 of LeNet-5). Lecture: 池化（下采样） (sub-sampling).
    """

    weights: Float[Array, " maps"] = eqx.field(converter=kept_apart)
    window: Window = eqx.field(static=True)
    repeats: int = eqx.field(static=True, default=1)
    layout: ClassVar[AbstractLayout] = ImageLayout()

    @property
    def input_shape(self) -> tuple[int, ...]:
        """``(height, width, channels)``."""
        return (*self.window.image, self.weights.shape[0] // self.repeats)

    @property
    def unit_shape(self) -> tuple[int, ...]:
        """``(rows, columns, maps)``."""
        return (*self.window.places, self.weights.shape[0])

    def project(self, x: Pixels) -> Units:
        """Sums of windows, times each map's gain."""
        return self.layout.each(lambda pooled: pooled * self.weights[:, None, None, None], self._pooled(x))

    def backproject(self, d: Units) -> Pixels:
        """Every pixel receives what its windows' units send, times the gain."""
        sent = batch_last(d) * self.weights[:, None, None, None]
        joined = sent if self.repeats == 1 else sent.reshape(-1, self.repeats, *sent.shape[1:]).sum(1)
        return batch_first(shared_out(joined, self.window))

    def correlate(self, pre: Pixels, post: Units) -> Float[Array, " maps"]:
        """Σ of unit times the sum of its window, over places and batch."""
        return jnp.sum(batch_last(self._pooled(pre)) * batch_last(post), axis=(1, 2, 3))

    def per_unit(self, v: Float[Array, " maps"]) -> Array:
        """One number per map is the weights' own shape."""
        return v

    def _pooled(self, x: Pixels) -> Units:
        pooled = sums(batch_last(x), self.window)
        return batch_first(pooled if self.repeats == 1 else jnp.repeat(pooled, self.repeats, axis=0))


class AveragePooling(AbstractPassage):
    """The mean of every window, y = (1 / uv) Σ_uv x; padding counts as 0. Nothing to learn.

    >>> AveragePooling.over((2, 2))(jnp.asarray([[[[0.0], [1.0]], [[2.0], [3.0]]]])).tolist()
    [[[[1.5]]]]

    Lecture: 池化（下采样） (sub-sampling).
    """

    window: Window = eqx.field(static=True)

    @classmethod
    def over(cls, image: Any, size: Any = 2, stride: Any = None, padding: Any = 0) -> "AveragePooling":
        """For images of ``image`` (height, width); the stride is the window's size unless given."""
        return cls(Window.over(image, size, size if stride is None else stride, padding))

    @property
    def share(self) -> float:
        """The weight of one pixel."""
        return 1 / (self.window.size[0] * self.window.size[1])

    def __call__(self, x: Pixels) -> Units:
        """The means."""
        return batch_first(sums(batch_last(x), self.window) * self.share)

    def backward(self, trace: Trace, error: Units) -> tuple[Pixels, "AveragePooling"]:
        """Every pixel receives its share of its windows' errors."""
        return batch_first(shared_out(batch_last(error) * self.share, self.window)), self


class MaxPooling(AbstractPassage):
    """The largest of every window; the error goes back to that pixel alone (of equals, to the first in reading order).

    >>> import jax
    >>> pool = MaxPooling.over((2, 2))
    >>> trace = pool.forward(jnp.asarray([[[[1.0], [3.0]], [[3.0], [2.0]]]]), jax.random.key(0))
    >>> trace.output.item(), pool.backward(trace, jnp.ones((1, 1, 1, 1)))[0].tolist()
    (3.0, [[[[0.0], [1.0]], [[0.0], [0.0]]]])

    *Limits.* ``jax.grad`` of the call shares the error among equals; the two agree where the largest is alone.

    Source: Ranzato, Huang, Boureau, LeCun 2007. Lecture: 每一次池化其实都是在增大感受野 (each pooling enlarges the
    receptive field).
    """

    window: Window = eqx.field(static=True)

    @classmethod
    def over(cls, image: Any, size: Any = 2, stride: Any = None, padding: Any = 0) -> "MaxPooling":
        """For images of ``image`` (height, width); the stride is the window's size unless given."""
        window = Window.over(image, size, size if stride is None else stride, padding)
        if any(edge >= size for edges, size in zip(window.padding, window.size, strict=True) for edge in edges):
            expected, remedy = "padding smaller than the window, so that each window sees a pixel", "take less padding"
            raise ConfigurationError("MaxPooling", expected, f"{window.padding} around {window.size}", remedy)
        return cls(window)

    def __call__(self, x: Pixels) -> Units:
        """The largest."""
        return batch_first(window_largest(batch_last(x), self.window))

    def backward(self, trace: Trace, error: Units) -> tuple[Pixels, "MaxPooling"]:
        """All of a window's error to the first of its largest."""
        winner = first_largest(batch_last(trace.x), batch_last(trace.output), self.window)
        return batch_first(to_elements(batch_last(error), winner, self.window)), self


def is_pooling(layer: AbstractLayer) -> bool:
    """Whether a layer puts neighbours together.

    >>> is_pooling(MaxPooling.over((2, 2)))
    True
    """
    weighted = layer.neurons is not None and isinstance(layer.neurons.structure, Subsampling)
    return weighted or isinstance(layer, MaxPooling | AveragePooling)
