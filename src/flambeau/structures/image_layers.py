"""Where images come in and where they end: the field that a network looks at, and the row of numbers after it."""

import math
from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from flambeau.errors import ConfigurationError
from flambeau.structures.layer import AbstractPassage, Trace
from flambeau.structures.memory_layout import batch_first, batch_last
from flambeau.structures.windows import pair


class Flatten(AbstractPassage):
    """Images as rows: (batch, height, width, maps) to (batch, height · width · maps), the maps counting fastest.

    >>> Flatten()(jnp.zeros((2, 5, 5, 16))).shape
    (2, 400)

    *Limits.* Libraries that keep channels first count them slowest: reorder the next layer's weights when you exchange
    them.
    """

    def __call__(self, x: Array) -> Float[Array, "batch units"]:
        """The rows."""
        return x.reshape(x.shape[0], math.prod(x.shape[1:]))

    def backward(self, trace: Trace, error: Array) -> tuple[Array, "Flatten"]:
        """The error in the images' shape."""
        return error.reshape(trace.x.shape), self


class Retina(AbstractPassage):
    """An image from 0 to 1 in the middle of a larger field, y = paper + (ink - paper) x, with paper around it.

    Arguments: ``image`` and ``field`` (height, width); ``paper``, what 0 becomes, and ``ink``, what 1 becomes. LeNet-5
    takes 28x28 to 32x32 with paper -0.1 and ink 1.175, so that strokes can lie in the middle of the first filters and
    the mean input is about 0.

    >>> Retina.over((1, 1), (3, 3))(jnp.ones((1, 1, 1, 1)))[0, :, :, 0].round(3).tolist()
    [[-0.1..., -0.1..., -0.1...], [-0.1..., 1.17..., -0.1...], [-0.1..., -0.1..., -0.1...]]

    Source: LeCun, Bottou, Bengio, Haffner 1998.
    """

    padding: tuple[tuple[int, int], tuple[int, int]] = eqx.field(static=True)
    paper: float = eqx.field(static=True)
    ink: float = eqx.field(static=True)

    @classmethod
    def over(cls, image: Any, field: Any, paper: float = -0.1, ink: float = 1.175) -> "Retina":
        """Centred; an odd pixel goes to the end.

        Raises :class:`~flambeau.errors.ConfigurationError` for an image larger than the field.
        """
        image, field = pair("image shape", image), pair("field", field)
        missing = field[0] - image[0], field[1] - image[1]
        if min(missing) < 0:
            remedy = "crop or scale the images down, or take a network with a larger field"
            raise ConfigurationError("Retina", f"an image no larger than its field of {field}", image, remedy)
        before = missing[0] // 2, missing[1] // 2
        return cls(((before[0], missing[0] - before[0]), (before[1], missing[1] - before[1])), paper, ink)

    def __call__(self, x: Float[Array, "batch height width maps"]) -> Float[Array, "batch rows columns maps"]:
        """The field."""
        inked = self.paper + (self.ink - self.paper) * batch_last(x)
        return batch_first(jnp.pad(inked, ((0, 0), *self.padding, (0, 0)), constant_values=self.paper))

    def backward(self, trace: Trace, error: Array) -> tuple[Array, "Retina"]:
        """The error where the image lies."""
        (top, _), (left, _) = self.padding
        height, width = trace.x.shape[1:3]
        return error[:, top : top + height, left : left + width] * (self.ink - self.paper), self
