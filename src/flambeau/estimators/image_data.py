"""Images as data: (n, height, width[, channels]) or rows of height · width · channels numbers, checked alike."""

import math
from typing import Any

import jax
import numpy as np

from flambeau.errors import DataError
from flambeau.estimators.common import checked_data

__all__ = ["read_images"]

BYTES = 127  # whole numbers beyond this are the bytes of an image that nobody scaled

Shape = tuple[int, int, int]


def read_images(model: Any, X: Any, y: Any = "no_validation", *, reset: bool = False) -> Any:
    """Images ``(n, height, width, channels)`` in the float type in force, and labels where there are any.

    At the first call ``image_shape_`` is settled: the parameter's, or (for None) the data's own, which for rows is a
    square where their length is a square number, else one line of pixels.

    Raises :class:`~flambeau.errors.DataError` for images of another shape, channels that do not come last, bytes that
    nobody scaled, and whatever scikit-learn's own validation refuses.
    """
    X, given = rows_of_images(X)
    if given is not None and not reset:
        check_shape(model, model.image_shape_, given)
    checked = checked_data(model, X, y, reset=reset)
    rows = checked if isinstance(y, str) else checked[0]
    if reset:
        model.image_shape_ = settled(model, given, rows.shape[1])
    check_scale(model, rows)
    images = rows.reshape(len(rows), *model.image_shape_)
    return images if isinstance(y, str) else (images, checked[1])


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


def settled(model: Any, given: Shape | None, features: int) -> Shape:
    """The images' (height, width, channels)."""
    if model.image_shape is None:
        side = math.isqrt(features)
        return given or ((side, side, 1) if side**2 == features else (1, features, 1))
    wanted = asked(model)
    if given is not None:
        check_shape(model, wanted, given)
    if math.prod(wanted) != features:
        expected = f"rows of {' · '.join(map(str, wanted))} = {math.prod(wanted)} pixels"
        remedy = "pass image_shape=(height, width) or (height, width, channels) of your images"
        raise DataError(f"{type(model).__name__}, X", expected, f"rows of {features}", remedy)
    return wanted


def asked(model: Any) -> Shape:
    """The parameter ``image_shape`` as (height, width, channels)."""
    height, width, channels = (int(side) for side in (*model.image_shape, 1)[:3])
    return height, width, channels


def check_shape(model: Any, wanted: Shape, given: Shape) -> None:
    """Refuse images of another shape, and say so where only the channels are in the wrong place."""
    if given == wanted:
        return
    where, expected = f"{type(model).__name__}, X", f"images of (height, width, channels) {wanted}"
    first = (given[1], given[2], given[0]) == wanted
    remedy = (
        "put the channels last: np.moveaxis(X, 1, -1)" if first else "pass image_shape of your images, or crop them"
    )
    raise DataError(where, expected, given, remedy)


def check_scale(model: Any, rows: np.ndarray) -> None:
    """Refuse bytes: whole numbers up to 255 saturate every unit."""
    if rows.size and rows.max() > BYTES and (rows == np.rint(rows)).all():
        where = f"{type(model).__name__}, X"
        raise DataError(where, "pixels of about unit size", f"whole numbers up to {rows.max():g}", "divide X by 255")
