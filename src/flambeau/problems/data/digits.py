"""The handwritten digits that come with scikit-learn: no download."""

import numpy as np

from flambeau.problems.data.bundle import DataBundle

__all__ = ["digits"]

GREY_LEVELS = 16  # each pixel counts the ink in a 4x4 block of the scanned bitmap


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
