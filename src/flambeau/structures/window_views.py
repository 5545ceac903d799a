"""What windows see, position by position: for each element of a window, an image of that element at every place.

Arrays hold the batch on the last axis, (channels, height, width, batch); see :mod:`flambeau.structures.memory_layout`.
Where windows lie side by side all is done by reshaping, which is several times as fast as strided slices.
"""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from flambeau.structures.windows import Window

Image = Float[Array, "channels height width batch"]
Places = Float[Array, "channels rows columns batch"]


def padded(x: Image, window: Window, fill: float = 0.0) -> Array:
    """The image with its padding around it."""
    if not any(sum(window.padding, ())):
        return x
    return jnp.pad(x, ((0, 0), *window.padding, (0, 0)), constant_values=fill)


def views(x: Image, window: Window, fill: float) -> list[Places]:
    """One array per element of the window, in reading order; padding reads as ``fill``."""
    x = padded(x, window, fill)
    (rows, columns), (down, across) = window.places, window.stride
    if window.tiles:
        tiles = in_tiles(x, window)
        return [tiles[:, :, u, :, v] for u, v in elements(window)]
    ends = (rows - 1) * down + 1, (columns - 1) * across + 1
    return [x[:, u : u + ends[0] : down, v : v + ends[1] : across] for u, v in elements(window)]


def elements(window: Window) -> list[tuple[int, int]]:
    """(row, column) of every element of the window, in reading order."""
    return [(u, v) for u in range(window.size[0]) for v in range(window.size[1])]


def in_tiles(x: Image, window: Window) -> Float[Array, "channels down tall across wide batch"]:
    """The image as windows side by side; what is left over at the end is cut off."""
    (rows, columns), (height, width) = window.places, window.size
    return x[:, : rows * height, : columns * width].reshape(-1, rows, height, columns, width, x.shape[-1])


def sums(x: Image, window: Window) -> Places:
    """Σ of every window."""
    if window.tiles:
        return in_tiles(x, window).sum((2, 4))
    return functools.reduce(jnp.add, views(x, window, 0.0))


def window_largest(x: Image, window: Window) -> Places:
    """The maximum of every window."""
    if window.tiles:
        return in_tiles(x, window).max((2, 4))
    return functools.reduce(jnp.maximum, views(x, window, -jnp.inf))


def first_largest(x: Image, y: Places, window: Window) -> Int[Array, "channels rows columns batch"]:
    """Which element of its window is the maximum ``y``: the first one in reading order."""
    looks = views(x, window, -jnp.inf)
    winner = jnp.full(y.shape, len(looks) - 1, jnp.int32)
    for place in reversed(range(len(looks) - 1)):
        winner = jnp.where(looks[place] == y, place, winner)
    return winner


def shared_out(d: Places, window: Window) -> Image:
    """The adjoint of :func:`sums`: every element of a window receives what the window has."""
    if window.tiles:
        return from_tiles(enlarged(d, window), window)
    return laid_back([d] * len(elements(window)), window)


def to_elements(d: Places, winner: Int[Array, "channels rows columns batch"], window: Window) -> Image:
    """Every window's number to the one element that ``winner`` names, 0 to the others."""
    if window.tiles:
        height, width = window.size
        own = (jnp.arange(height)[:, None] * width + jnp.arange(width)).reshape(1, 1, height, 1, width, 1)
        return from_tiles(jnp.where(enlarged(winner, window) == own, enlarged(d, window), 0), window)
    return laid_back([jnp.where(winner == place, d, 0) for place in range(len(elements(window)))], window)


def enlarged(d: Array, window: Window) -> Array:
    """Every number at all elements of its window."""
    channels, rows, columns, batch = d.shape
    return jnp.broadcast_to(d[:, :, None, :, None], (channels, rows, window.size[0], columns, window.size[1], batch))


def from_tiles(tiles: Float[Array, "channels down tall across wide batch"], window: Window) -> Image:
    """The inverse of :func:`in_tiles`, with 0 where it cut off."""
    (rows, columns), (height, width) = window.places, window.size
    x = tiles.reshape(-1, rows * height, columns * width, tiles.shape[-1])
    missing = window.image[0] - x.shape[1], window.image[1] - x.shape[2]
    return jnp.pad(x, ((0, 0), (0, missing[0]), (0, missing[1]), (0, 0))) if any(missing) else x


def laid_back(parts: list[Places], window: Window) -> Image:
    """The adjoint of :func:`views`: every part where its element lies, summed, and the padding cut off."""
    whole = [placed(part, u, v, window) for part, (u, v) in zip(parts, elements(window), strict=True)]
    return functools.reduce(jnp.add, whole)


def placed(part: Places, u: int, v: int, window: Window) -> Image:
    """Numbers at the pixels that element (u, v) of the window meets, 0 elsewhere (negative edges cut padding off)."""
    edges = [(0, 0, 0)]
    for axis, start in ((0, u), (1, v)):
        stride, (before, _) = window.stride[axis], window.padding[axis]
        low = start - before
        length = (window.places[axis] - 1) * stride + 1
        edges.append((low, window.image[axis] - low - length, stride - 1))
    return jax.lax.pad(part, jnp.zeros((), part.dtype), [*edges, (0, 0, 0)])
