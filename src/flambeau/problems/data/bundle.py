"""What every data set arrives in: :class:`DataBundle`; and the digits that come with scikit-learn: no download."""

from dataclasses import dataclass

import numpy as np

from flambeau.errors import DataError

GREY_LEVELS = 16  # each pixel counts the ink in a 4x4 block of the scanned bitmap


@dataclass(frozen=True, eq=False, repr=False)
class DataBundle:
    """A data set: examples as rows, what is to be learned about each, and where it came from.

    ``data`` is ``(n, features)``, ``target`` is ``(n,)``, ``images`` (for pictures) is ``(n, height, width)``.
    Where the publisher split the set, ``data``/``target``/``images`` are the official training part and
    ``test_data``/``test_target``/``test_images`` the official test part; otherwise the ``test_*`` are None.

    Raises :class:`~flambeau.errors.DataError` if the rows of the arrays do not correspond.

    >>> import numpy as np
    >>> DataBundle("gate", np.zeros((4, 2)), np.zeros(4, int), description="always no")
    DataBundle('gate': data (4, 2) float64, target (4,) int64)

    *Limits.* The fields cannot be replaced, but the arrays themselves stay writable. Two bundles are equal only if they
    are the same object. Source: the Bunch of scikit-learn's data sets (Pedregosa et al., 2011), with the fields fixed.
    """

    name: str
    data: np.ndarray
    target: np.ndarray
    images: np.ndarray | None = None
    description: str = ""
    test_data: np.ndarray | None = None
    test_target: np.ndarray | None = None
    test_images: np.ndarray | None = None

    def __post_init__(self) -> None:
        """One row for each example."""
        self.check_rows("target", self.data, self.target)
        self.check_rows("images", self.data, self.data if self.images is None else self.images)
        self.check_rows("test_target", self.test_data, self.test_target)
        if self.test_images is not None:
            self.check_rows("test_images", self.test_data, self.test_images)

    def check_rows(self, field: str, data: np.ndarray | None, other: np.ndarray | None) -> None:
        """Refuse arrays of different numbers of rows."""
        expected, got = (None if array is None else len(array) for array in (data, other))
        if expected != got:
            where = f"DataBundle({self.name!r}).{field}"
            raise DataError(where, f"{expected} rows, as the data has", got, "give one row for each example")

    def __repr__(self) -> str:
        fields = {"data": self.data, "target": self.target, "test_data": self.test_data}
        shown = [f"{name} {a.shape} {a.dtype}" for name, a in fields.items() if a is not None]
        return f"DataBundle({self.name!r}: {', '.join(shown)})"


def digits() -> DataBundle:
    """Return the 1,797 handwritten digits of 8x8 pixels bundled with scikit-learn.

    ``data`` is ``(1797, 64)`` float32 from 0 (paper) to 1 (ink), ``target`` ``(1797,)`` int64 from 0 to 9, ``images``
    ``(1797, 8, 8)``, a view of ``data``.

    >>> digits()
    DataBundle('digits': data (1797, 64) float32, target (1797,) int64)

    *Limits.* There is no official split (``test_data`` is None), and rows of one writer follow each other: an
    unshuffled split tests on new writers and gives lower figures than a shuffled one. Only the test part of the UCI
    set. Source: E. Alpaydin, C. Kaynak, *Optical recognition of handwritten digits*, UCI repository, 1998.
    """
    from sklearn.datasets import load_digits  # here: it takes longer to import than all else in this package

    pixels, target = load_digits(return_X_y=True)
    data = (pixels / GREY_LEVELS).astype(np.float32)
    return DataBundle(
        name="digits",
        data=data,
        target=target.astype(np.int64),
        images=data.reshape(-1, 8, 8),
        description="1,797 handwritten digits of 8x8 pixels (UCI; bundled with scikit-learn)",
    )
