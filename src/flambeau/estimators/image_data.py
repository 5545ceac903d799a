"""Classifiers of images: (n, height, width[, channels]) or rows of height · width · channels numbers, read alike."""

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY
from typing import Any, ClassVar

import jax
import numpy as np

from flambeau.errors import DataError
from flambeau.estimators.base import TRAINED
from flambeau.estimators.classifier import AbstractNetworkClassifier
from flambeau.estimators.common import checked_data
from flambeau.estimators.options import Rate, distortions, learning_rates
from flambeau.estimators.parameters import parameters, whole
from flambeau.problems import AbstractProblem, Distorted, Distortion, Examples

__all__ = ["AbstractImageClassifier"]

BYTES = 127  # whole numbers beyond this are the bytes of an image that nobody scaled
Shape = tuple[int, int, int]


@parameters
class AbstractImageClassifier(AbstractNetworkClassifier):
    """A network for images, all of ``image_shape_``: the parameter's, or (for None) the data's own.

    That is, of rows, a square where their length is a square number, else one line of pixels. ``image_shape`` is a
    parameter that every kind declares in its place. Raises :class:`~flambeau.errors.DataError` for images of another
    shape, channels that do not come last, and bytes that nobody scaled.
    """

    _: KW_ONLY
    distortion: Distortion | None = distortions()
    learning_rate: Rate = learning_rates(0.001)
    batch_size: int | str = whole(128, least=1)
    epochs: int = whole(30, least=1)

    fitted: ClassVar[tuple[str, ...]] = (*TRAINED, "classes_", "image_shape_")

    def _inputs(self, X: Any, y: Any = "no_validation", *, reset: bool = False) -> Any:
        X, given = rows_of_images(X)
        if given is not None and not reset:
            self._check_shape(self.image_shape_, given)
        checked = checked_data(self, X, y, reset=reset)
        rows = checked if isinstance(y, str) else checked[0]
        if reset:
            self.image_shape_ = self._shape_of(given, rows.shape[1])
        if rows.size and rows.max() > BYTES and (rows == np.rint(rows)).all():
            got = f"whole numbers up to {rows.max():g}"
            raise DataError(f"{type(self).__name__}, X", "pixels of about unit size", got, "divide X by 255")
        images = rows.reshape(len(rows), *self.image_shape_)
        return images if isinstance(y, str) else (images, checked[1])

    def _shape_of(self, given: Shape | None, features: int) -> Shape:
        """The images' (height, width, channels), from the parameter, the array or the number of pixels."""
        asked: Sequence[int] | None = vars(self)["image_shape"]
        if asked is None:
            side = math.isqrt(features)
            return given or ((side, side, 1) if side**2 == features else (1, features, 1))
        height, width, channels = (int(side) for side in (*asked, 1)[:3])
        wanted = height, width, channels
        if given is not None:
            self._check_shape(wanted, given)
        if math.prod(wanted) != features:
            expected = f"rows of {' · '.join(map(str, wanted))} = {math.prod(wanted)} pixels"
            remedy = "pass image_shape=(height, width) or (height, width, channels) of your images"
            raise DataError(f"{type(self).__name__}, X", expected, f"rows of {features}", remedy)
        return wanted

    def _check_shape(self, wanted: Shape, given: Shape) -> None:
        """Refuse images of another shape, and say so where only the channels are in the wrong place."""
        if given != wanted:
            first = (given[1], given[2], given[0]) == wanted
            remedy = "put the channels last: np.moveaxis(X, 1, -1)" if first else "pass image_shape of your images"
            expected = f"images of (height, width, channels) {wanted}"
            raise DataError(f"{type(self).__name__}, X", expected, given, remedy + ("" if first else ", or crop them"))

    def _problem(self, examples: Examples) -> AbstractProblem:
        return examples if self.distortion is None else Distorted.of(examples, self.distortion)


def rows_of_images(X: Any) -> tuple[Any, Shape | None]:
    """Images as rows, and their shape; a table, or whatever else it may be, as it is."""
    if not isinstance(X, np.ndarray | jax.Array | list | tuple):
        return X, None
    try:
        images = np.asarray(X)
    except ValueError:  # rows of different lengths: scikit-learn's validation will say so
        return X, None
    if images.ndim not in (3, 4):
        return X, None
    height, width, channels = (*images.shape[1:], 1)[:3]
    return images.reshape(len(images), math.prod(images.shape[1:])), (height, width, channels)
