"""In what order a batch of images lies in memory: batch innermost, so that every inner loop runs over examples.

To a user images are (batch, height, width, channels). Inside, everything that touches an image, the activation between
two structures included, is written on (channels, height, width, batch), between :func:`innermost` and
:func:`outermost`. Where two layers meet the two transpositions are each other's inverse, and compilation removes both.
"""

from collections.abc import Callable

from jaxtyping import Array, Float

__all__ = ["innermost", "inside", "outermost"]

IMAGES = 4  # axes of a batch of images


def innermost(x: Float[Array, "batch height width channels"]) -> Float[Array, "channels height width batch"]:
    """The batch on the last axis."""
    return x.transpose(3, 1, 2, 0)


def outermost(x: Float[Array, "channels height width batch"]) -> Float[Array, "batch height width channels"]:
    """The batch on the first axis again."""
    return x.transpose(3, 1, 2, 0)


def inside(f: Callable[..., Array], *arrays: Array) -> Array:
    """``f`` of arrays of one shape, element by element: images in the inner order, anything else as it is."""
    if arrays[0].ndim != IMAGES:
        return f(*arrays)
    return outermost(f(*(innermost(array) for array in arrays)))
