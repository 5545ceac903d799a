"""Windows: how kernels and pools move over an image, and what they refuse."""

import dataclasses
from typing import Any

import numpy as np

from flambeau.errors import ConfigurationError


@dataclasses.dataclass(frozen=True)
class Window:
    """A window of ``size`` (height, width) that moves by ``stride`` over an image of ``image`` (height, width).

    ``padding`` adds ((top, bottom), (left, right)) pixels around the image. Build one with :meth:`over`.

    >>> Window.over((28, 28), 5, padding="same").places
    (28, 28)
    >>> Window.over((28, 28), 2, stride=2).places
    (14, 14)
    """

    image: tuple[int, int]
    size: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[tuple[int, int], tuple[int, int]]

    @classmethod
    def over(cls, image: Any, size: Any, stride: Any = 1, padding: Any = 0) -> "Window":
        """From numbers or pairs; ``padding`` is a number, a pair, a pair of pairs, "valid" (none) or "same".

        "same" keeps the image's size at stride 1 (⌈size / stride⌉ places), an odd pixel going to the end.

        Raises :class:`~flambeau.errors.ConfigurationError` for numbers out of range, or a window that is larger than
        the padded image.
        """
        image, size, stride = pair("image shape", image), pair("window", size), pair("stride", stride)
        down, across = map(same, image, size, stride) if padding == "same" else sides(padding)
        window = cls(image, size, stride, (down, across))
        if min(window.places) < 1:
            got = f"a window of {text(size)} on {text(window.padded)} pixels"
            remedy = "take a smaller window, add padding (padding='same'), or use larger images"
            raise ConfigurationError("image window", "a window no larger than the padded image", got, remedy)
        return window

    @property
    def padded(self) -> tuple[int, int]:
        """The image's size with its padding."""
        return self.image[0] + sum(self.padding[0]), self.image[1] + sum(self.padding[1])

    @property
    def places(self) -> tuple[int, int]:
        """How many places it has along each axis."""
        down, across = (
            (full - size) // stride + 1 for full, size, stride in zip(self.padded, self.size, self.stride, strict=True)
        )
        return down, across

    @property
    def tiles(self) -> bool:
        """Whether the windows lie side by side and none overlap."""
        return self.stride == self.size and not any(sum(self.padding, ()))


def pair(name: str, value: Any, least: int = 1) -> tuple[int, int]:
    """Two whole numbers of at least ``least``, from one or two.

    >>> pair("stride", 2)
    (2, 2)
    """
    both = tuple(value) if np.iterable(value) else (value, value)
    if len(both) != 2 or not all(isinstance(part, int | np.integer) and part >= least for part in both):
        expected = f"one whole number of at least {least}, or two (height, width)"
        raise ConfigurationError(name, expected, repr(value), "for instance 2, or (2, 2)")
    return int(both[0]), int(both[1])


def sides(padding: Any) -> tuple[tuple[int, int], tuple[int, int]]:
    """((top, bottom), (left, right)) from what people write."""
    if isinstance(padding, str):
        if padding != "valid":
            raise ConfigurationError("padding", "'valid', 'same', or whole numbers", repr(padding), "choose one")
        return (0, 0), (0, 0)
    both = tuple(padding) if np.iterable(padding) else (padding, padding)
    if len(both) != 2:
        expected = "one number, (height, width), or ((top, bottom), (left, right))"
        raise ConfigurationError("padding", expected, repr(padding), "for instance padding=2")
    return pair("padding", both[0], 0), pair("padding", both[1], 0)


def same(image: int, size: int, stride: int) -> tuple[int, int]:
    """Padding for ⌈image / stride⌉ places."""
    missing = max(0, (-(-image // stride) - 1) * stride + size - image)
    return missing // 2, missing - missing // 2


def text(size: tuple[int, int]) -> str:
    """5x5."""
    return f"{size[0]}x{size[1]}"
