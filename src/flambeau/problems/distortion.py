"""Distorted images: at every step each picture is moved, turned, sheared and bent anew, inside the compiled program.

Lecture: 需要更多的数据 (more data are needed): a digit that is bent a little is the same digit.
"""

import dataclasses
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PyTree

from flambeau.errors import ConfigurationError, DataError
from flambeau.foundation.random import uniforms
from flambeau.problems.base import AbstractMemoryless
from flambeau.problems.examples import Examples
from flambeau.rules.base import Batch

FLOAT = jnp.dtype("float32")  # a displacement needs no more
AFFINE = 7  # numbers drawn per image: two shifts, angle, scale, squeeze, two shears


@dataclasses.dataclass(frozen=True)
class Distortion:
    """What may happen to an image; every amount is drawn uniformly between minus and plus its largest.

    Arguments: ``shift`` in pixels along both axes, ``rotation`` in degrees, ``scale`` and ``squeeze`` (one axis against
    the other) as shares, ``shear`` as a slope, along both axes; ``elastic``, the strength α of two fields of random
    displacements U(-1, 1), smoothed by a Gaussian of deviation ``smoothness`` pixels and multiplied by α. What comes in
    from outside the image is 0. Pixels between pixels are interpolated bilinearly.

    >>> bend = jax.jit(Distortion(shift=1.0))  # not a program for each operation
    >>> bend(jnp.ones((2, 5, 5, 1)), jax.random.key(0)).shape
    (2, 5, 5, 1)

    Raises :class:`~flambeau.errors.ConfigurationError` for an amount below 0, or a smoothness of 0. *Limits.* No flips:
    a mirrored digit is another sign. Source: Simard, Steinkraus, Platt 2003, *Best practices for convolutional neural
    networks* (α = 34, σ = 4 for 28x28); LeCun, Bottou, Bengio, Haffner 1998 (the affine part).
    """

    shift: float = 0.0
    rotation: float = 0.0
    scale: float = 0.0
    squeeze: float = 0.0
    shear: float = 0.0
    elastic: float = 0.0
    smoothness: float = 4.0

    def __post_init__(self) -> None:
        """Refuse what cannot be an amount."""
        for field in dataclasses.fields(self):
            amount = getattr(self, field.name)
            good = isinstance(amount, int | float) and math.isfinite(amount) and amount >= 0
            if not good or (field.name == "smoothness" and amount == 0):
                expected = "a number above 0" if field.name == "smoothness" else "a number of at least 0"
                raise ConfigurationError(f"Distortion.{field.name}", expected, repr(amount), "0 switches an amount off")

    def __call__(self, x: Float[Array, "batch height width channels"], key: Array) -> Array:
        """Every image distorted in its own way."""
        batch, height, width, _ = x.shape
        where = jnp.asarray(grid((height, width)))[None] + self.displacement((batch, height, width), key)
        return interpolated(x, where)

    def displacement(self, shape: tuple[int, int, int], key: Array) -> Float[Array, "batch height width 2"]:
        """How far from each pixel its new value is fetched, (down, across) in pixels.

        ``shape`` is (batch, height, width).
        """
        affine, elastic = jax.random.split(key)
        moved = self._affine(shape, affine)
        return moved + self._elastic(shape, elastic) if self.elastic else moved

    def _affine(self, shape: tuple[int, int, int], key: Array) -> Array:
        batch, size = shape[0], shape[1:]
        numbers = 2 * uniforms(key, AFFINE * batch, FLOAT).reshape(AFFINE, batch) - 1
        down, across, turn, grow, squeeze, lean, tilt = numbers
        angle = turn * math.radians(self.rotation)
        rows, columns = (1 + self.scale * grow) * (1 + self.squeeze * squeeze), 1 + self.scale * grow
        cos, sin, lean, tilt = jnp.cos(angle), jnp.sin(angle), self.shear * lean, self.shear * tilt
        matrix = jnp.stack([jnp.stack([rows * cos, lean - sin], -1), jnp.stack([tilt + sin, columns * cos], -1)], -2)
        centred = grid(size) - (jnp.asarray(size, jnp.float32) - 1) / 2
        fetched = jnp.einsum("bij,hwj->bhwi", matrix, centred)
        return fetched - centred + self.shift * jnp.stack([down, across], -1)[:, None, None]

    def _elastic(self, shape: tuple[int, int, int], key: Array) -> Array:
        fields = 2 * uniforms(key, 2 * math.prod(shape), FLOAT).reshape(2, *shape) - 1
        rows, columns = (bell(side, self.smoothness) for side in shape[1:])
        return self.elastic * jnp.einsum("ih,kbhw,jw->bijk", rows, fields, columns)


def grid(size: tuple[int, int]) -> Float[np.ndarray, "height width 2"]:
    """The place of every pixel."""
    return np.stack(np.meshgrid(*(np.arange(side, dtype=np.float32) for side in size), indexing="ij"), axis=-1)


def bell(side: int, deviation: float) -> Float[np.ndarray, "side side"]:
    """Smoothing along one axis as a matrix: a Gaussian of that deviation around every pixel."""
    away = np.arange(side)[:, None] - np.arange(side)
    return (np.exp(-(away**2) / (2 * deviation**2)) / (deviation * math.sqrt(2 * math.pi))).astype(np.float32)


def interpolated(
    x: Float[Array, "batch height width channels"], where: Float[Array, "batch height width 2"]
) -> Float[Array, "batch height width channels"]:
    """The images' values at real-valued places, bilinearly; 0 outside."""
    batch, height, width, channels = x.shape
    framed = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))  # one pixel of nothing, where places outside are sent to
    limits = jnp.asarray([height + 1, width + 1], where.dtype)
    place = jnp.clip(where + 1, 0, limits)
    corner = jnp.minimum(jnp.floor(place), limits - 1)
    down, across = jnp.moveaxis(place - corner, -1, 0)
    first = corner[..., 0].astype(jnp.int32) * (width + 1) + corner[..., 1].astype(jnp.int32)
    # The four neighbours of every place lie side by side, so that one look-up per pixel fetches them all.
    corners = framed[:, :-1, :-1], framed[:, :-1, 1:], framed[:, 1:, :-1], framed[:, 1:, 1:]
    four = jnp.stack(corners, axis=-1).reshape(batch, -1, 4 * channels)
    fetched = jax.vmap(lambda pixels, places: pixels.at[places].get(mode="promise_in_bounds"))(four, first)
    weights = (1 - down) * (1 - across), (1 - down) * across, down * (1 - across), down * across
    return jnp.sum(fetched.reshape(*x.shape, 4) * jnp.stack(weights, axis=-1)[..., None, :], axis=-1)


class Distorted(AbstractMemoryless):
    """A data set of images of which no step sees the same twice.

    >>> problem = Distorted.of(Examples.of(np.ones((4, 5, 5, 1)), np.eye(4)), Distortion(shift=1.0))
    >>> batch = eqx.filter_jit(problem.batch)  # not a program for each operation
    >>> batch(np.arange(2), (), jax.random.key(0)).inputs.shape
    (2, 5, 5, 1)
    """

    examples: Examples
    distortion: Distortion = eqx.field(static=True)

    @classmethod
    def of(cls, examples: Examples, distortion: Distortion) -> "Distorted":
        """Raises :class:`~flambeau.errors.DataError` for inputs that are no images."""
        if examples.inputs.ndim != 4:
            expected, got = "images (n, height, width, channels)", examples.inputs.shape
            raise DataError("Distorted", expected, got, "reshape the inputs")
        return cls(examples, distortion)

    def feed(self, seed: np.ndarray, first: int, count: int, batch_size: int) -> Int[np.ndarray, "rounds steps batch"]:
        return self.examples.feed(seed, first, count, batch_size)

    def batch(self, given: Int[Array | np.ndarray, " batch"], memory: PyTree, key: Array) -> Batch:
        batch = self.examples.rows(given)
        return batch._replace(inputs=self.distortion(batch.inputs, key))
