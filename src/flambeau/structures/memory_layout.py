"""In what order a batch lies in memory: images with the batch last, so that every inner loop runs over examples.

To a user images are (batch, height, width, channels). Inside, everything that touches an image, the activation between
two structures included, is written on (channels, height, width, batch), between :func:`batch_last` and
:func:`batch_first`. Where two layers meet the two transpositions are each other's inverse, and compilation removes
both. A structure says which layout its units have; a layer asks it for the three things that it does to all of them.
"""

import abc
import dataclasses
from collections.abc import Callable

from jaxtyping import Array, Float


def batch_last(x: Float[Array, "batch height width channels"]) -> Float[Array, "channels height width batch"]:
    """The batch on the last axis."""
    return x.transpose(3, 1, 2, 0)


def batch_first(x: Float[Array, "channels height width batch"]) -> Float[Array, "batch height width channels"]:
    """The batch on the first axis again."""
    return x.transpose(3, 1, 2, 0)


class AbstractLayout(abc.ABC):
    """How the activities of one batch of units lie in memory."""

    @abc.abstractmethod
    def each(self, f: Callable[..., Array], *arrays: Array) -> Array:
        """``f`` of arrays of one shape, element by element."""

    @abc.abstractmethod
    def plus(self, net: Float[Array, "batch *places units"], bias: Float[Array, " units"]) -> Array:
        """One number per unit of the last axis, added at every place."""

    @abc.abstractmethod
    def sums(self, delta: Float[Array, "batch *places units"]) -> Float[Array, " units"]:
        """Σ over batch and places."""


@dataclasses.dataclass(frozen=True)
class RowLayout(AbstractLayout):
    """Units in rows, the batch first: as they are shown."""

    def each(self, f: Callable[..., Array], *arrays: Array) -> Array:
        """As it stands."""
        return f(*arrays)

    def plus(self, net: Float[Array, "batch *places units"], bias: Float[Array, " units"]) -> Array:
        """As it stands."""
        return net + bias

    def sums(self, delta: Float[Array, "batch *places units"]) -> Float[Array, " units"]:
        """Over all axes but the last."""
        return delta.sum(tuple(range(delta.ndim - 1)))


@dataclasses.dataclass(frozen=True)
class ImageLayout(AbstractLayout):
    """Maps of units (batch, height, width, maps), worked on with the batch last.

    >>> import jax.numpy as jnp
    >>> ImageLayout().plus(jnp.zeros((1, 1, 1, 2)), jnp.asarray([1.0, 2.0])).tolist()
    [[[[1.0, 2.0]]]]
    """

    def each(self, f: Callable[..., Array], *arrays: Array) -> Array:
        """In the inner order."""
        return batch_first(f(*(batch_last(array) for array in arrays)))

    def plus(self, net: Float[Array, "batch height width maps"], bias: Float[Array, " maps"]) -> Array:
        """In the inner order."""
        return self.each(lambda s: s + bias[:, None, None, None], net)

    def sums(self, delta: Float[Array, "batch height width maps"]) -> Float[Array, " maps"]:
        """In the inner order."""
        return batch_last(delta).sum((1, 2, 3))
