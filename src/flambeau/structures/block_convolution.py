"""Convolution as few large matrix products: the form that is fastest on a CPU inside a compiled loop.

Cut the image into blocks of S x S pixels and count the pixels of a block as channels ("space to depth"). A convolution
with a k x k kernel and stride s is then a convolution of *blocks*: a block of t x t outputs (S = t s) sees only n x n
neighbouring blocks, n = ⌈((t-1) s + k) / S⌉, with weights that repeat the kernel at t x t places. So an image is copied
n² times instead of k² times into the patch matrix, and the product has t² times as many rows, which is what matrix
units like; the price is multiplying by the zeros between the repeated kernels.

    kernel 5, stride 1, t = 4:  n = 2, 4 copies instead of 25, 2.6 times the multiplications

All arrays here hold the batch on the *last* axis, (channels, height, width, batch): every inner loop then runs over
examples, with no remainder at an image's edge.
"""

import functools
import math
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

MOST_PER_SIDE = 8
FLOPS = 100e9  # per second of a product with many rows, and bytes per second of building patches: orders of magnitude
BYTES = 8e9
HALF_SPEED_ROWS = 16  # a product with so few rows reaches half of that rate

Image = Float[Array, "channels height width batch"]
Maps = Float[Array, "units down across batch"]
Kernel = Float[Array, "rows columns channels units"]


class Axis(NamedTuple):
    """One axis of a convolution: ``size`` pixels (padding included), and how its ``outputs`` are cut into blocks."""

    size: int
    kernel: int
    stride: int
    side: int  # outputs per block, t

    @property
    def outputs(self) -> int:
        """Places of the kernel."""
        return (self.size - self.kernel) // self.stride + 1

    @property
    def tiles(self) -> int:
        """Blocks of outputs."""
        return -(-self.outputs // self.side)

    @property
    def step(self) -> int:
        """Pixels of a block, S = t s."""
        return self.side * self.stride

    @property
    def reach(self) -> int:
        """Neighbouring blocks that a block of outputs sees, n."""
        return -(-((self.side - 1) * self.stride + self.kernel) // self.step)

    @property
    def blocks(self) -> int:
        """Blocks of pixels."""
        return self.tiles + self.reach - 1


class Blocks(NamedTuple):
    """How a convolution is cut into blocks, along both axes."""

    rows: Axis
    columns: Axis


@functools.cache
def blocks_for(size: tuple[int, int], kernel: tuple[int, int, int, int], stride: tuple[int, int]) -> Blocks:
    """The cut with the least estimated time for an image of ``size`` and weights (height, width, inputs, units).

    >>> cut = blocks_for((32, 32), (5, 5, 1, 6), (1, 1))
    >>> cut.rows.side > 1, cut.rows.outputs
    (True, 28)
    """
    cuts = []
    for side in range(1, MOST_PER_SIDE + 1):
        axes = [Axis(*given, 1) for given in zip(size, kernel[:2], stride, strict=True)]
        cuts.append(Blocks(*(axis._replace(side=min(side, axis.outputs)) for axis in axes)))
    return min(cuts, key=lambda cut: seconds(cut, *kernel[2:]))


def seconds(cut: Blocks, inputs: int, units: int) -> float:
    """Estimated time per example: the product, slower with few rows, and building its patches."""
    places = cut.rows.tiles * cut.columns.tiles
    terms = inputs * math.prod(axis.reach * axis.step for axis in cut)
    rows = units * cut.rows.side * cut.columns.side
    return 2 * places * terms * rows / FLOPS * (1 + HALF_SPEED_ROWS / rows) + 4 * places * terms / BYTES


def convolve(x: Image, w: Kernel, cut: Blocks) -> Maps:
    """y[o, i, j] = Σ_cuv x[c, s i + u, s j + v] w[u, v, c, o], for an image that is padded already."""
    product = _repeated(w, cut).T @ patches(x, cut)
    return pixels_of(product.reshape(-1, cut.rows.tiles, cut.columns.tiles, x.shape[-1]), outputs_of(cut))


def convolve_back(d: Maps, w: Kernel, cut: Blocks) -> Image:
    """The adjoint of :func:`convolve` in the image."""
    spread = _repeated(w, cut) @ blocks_of(d, outputs_of(cut)).reshape(-1, block_products(cut, d))
    return joined_blocks(spread.reshape(-1, cut.rows.tiles, cut.columns.tiles, d.shape[-1]), cut)


def correlate_kernel(x: Image, d: Maps, cut: Blocks) -> Kernel:
    """The adjoint of :func:`convolve` in the weights: the repeated kernel's, folded back."""
    outputs = blocks_of(d, outputs_of(cut)).reshape(-1, block_products(cut, d))
    whole = jax.lax.dot_general(patches(x, cut), outputs, (((1,), (1,)), ((), ())))
    return folded(whole, x.shape[0], d.shape[0], cut)


def block_products(cut: Blocks, d: Array) -> int:
    """Columns of the matrix product: blocks of outputs times examples."""
    return cut.rows.tiles * cut.columns.tiles * d.shape[-1]


class Grid(NamedTuple):
    """An image as blocks: its size in pixels, pixels per block, and number of blocks, for both axes."""

    size: tuple[int, int]
    side: tuple[int, int]
    blocks: tuple[int, int]


def inputs_of(cut: Blocks) -> Grid:
    """The grid that the image is cut into."""
    rows, columns = cut
    return Grid((rows.size, columns.size), (rows.step, columns.step), (rows.blocks, columns.blocks))


def outputs_of(cut: Blocks) -> Grid:
    """The grid that the outputs are cut into."""
    rows, columns = cut
    return Grid((rows.outputs, columns.outputs), (rows.side, columns.side), (rows.tiles, columns.tiles))


def blocks_of(x: Image, grid: Grid) -> Float[Array, "pixels rows columns batch"]:
    """Space to depth: (channels, height, width, batch) to (channels · S · S, blocks, blocks, batch)."""
    _, (down, across), (rows, columns) = grid
    x = resized(x, rows * down, columns * across)
    x = x.reshape(-1, rows, down, columns, across, x.shape[-1]).transpose(0, 2, 4, 1, 3, 5)
    return x.reshape(-1, rows, columns, x.shape[-1])


def pixels_of(x: Float[Array, "pixels rows columns batch"], grid: Grid) -> Image:
    """Depth to space, the inverse of :func:`blocks_of` (what it cut off is 0)."""
    (height, width), (down, across), (rows, columns) = grid
    x = x.reshape(-1, down, across, rows, columns, x.shape[-1]).transpose(0, 3, 1, 4, 2, 5)
    return resized(x.reshape(-1, rows * down, columns * across, x.shape[-1]), height, width)


def resized(x: Image, height: int, width: int) -> Array:
    """Cut off, or filled up with zeros, at the end of both axes."""
    x = x[:, :height, :width]
    missing = height - x.shape[1], width - x.shape[2]
    return jnp.pad(x, ((0, 0), (0, missing[0]), (0, missing[1]), (0, 0))) if any(missing) else x


def patches(x: Image, cut: Blocks) -> Float[Array, "terms products"]:
    """The patch matrix: n x n shifted copies of the image of blocks, one above the other."""
    rows, columns = cut
    blocks = blocks_of(x, inputs_of(cut))
    shifted = [blocks[:, a : a + rows.tiles, b : b + columns.tiles] for a, b in shifts(cut)]
    return jnp.concatenate(shifted).reshape(-1, block_products(cut, x))


def joined_blocks(spread: Float[Array, "terms rows columns batch"], cut: Blocks) -> Image:
    """The adjoint of :func:`patches`: every copy back in its place, and the copies summed."""
    parts = spread.reshape(cut.rows.reach, cut.columns.reach, -1, *spread.shape[1:])
    across = summed_blocks([moved_blocks(parts[:, b], b, cut.columns, axis=3) for b in range(cut.columns.reach)])
    down = summed_blocks([moved_blocks(across[a], a, cut.rows, axis=1) for a in range(cut.rows.reach)])
    return pixels_of(down, inputs_of(cut))


def summed_blocks(parts: list[Array]) -> Array:
    """Σ of arrays."""
    return functools.reduce(jnp.add, parts)


def moved_blocks(x: Array, place: int, along: Axis, axis: int) -> Array:
    """Zeros before and after, so that block 0 comes to ``place`` among all blocks of that axis."""
    edges = [(0, 0)] * x.ndim
    edges[axis] = (place, along.reach - 1 - place)
    return jnp.pad(x, edges)


def shifts(cut: Blocks) -> list[tuple[int, int]]:
    """Where the n x n neighbours of a block lie."""
    return [(a, b) for a in range(cut.rows.reach) for b in range(cut.columns.reach)]


def _repeated(w: Kernel, cut: Blocks) -> Float[Array, "terms products"]:
    """The kernel at its t x t places in a patch: one row per term of a patch, one column per output of a block."""
    places = where(cut)
    elements = jnp.asarray(places.reshape(-1, w.shape[0] * w.shape[1]).T, w.dtype)
    spread = w.reshape(elements.shape[0], -1).T @ elements
    spread = spread.reshape(*w.shape[2:], *places.shape[:6]).transpose(2, 3, 0, 4, 5, 1, 6, 7)
    return spread.reshape(math.prod(spread.shape[:5]), -1)


def folded(whole: Float[Array, "terms products"], inputs: int, units: int, cut: Blocks) -> Array:
    """The adjoint of :func:`_repeated`: the kernel's places summed."""
    places = where(cut)
    a, b, down, across, t, u = places.shape[:6]
    whole = whole.reshape(a, b, inputs, down, across, units, t, u).transpose(2, 5, 0, 1, 3, 4, 6, 7)
    elements = jnp.asarray(places.reshape(-1, math.prod(places.shape[6:])), whole.dtype)
    kernel = whole.reshape(inputs * units, -1) @ elements
    return kernel.T.reshape(*places.shape[6:], inputs, units)


@functools.cache
def where(cut: Blocks) -> np.ndarray:
    """1 where pixel (block, block, row, column) meets kernel element (u, v) for output (row, column) of a block."""
    return np.einsum("argu,bshv->abrsghuv", *(where_along(axis) for axis in cut))


def where_along(axis: Axis) -> np.ndarray:
    """The same along one axis: (neighbour, pixel, output, kernel element)."""
    met = np.zeros((axis.reach * axis.step, axis.side, axis.kernel), np.int8)
    for output in range(axis.side):
        for element in range(axis.kernel):
            met[output * axis.stride + element, output, element] = 1
    return met.reshape(axis.reach, axis.step, axis.side, axis.kernel)
