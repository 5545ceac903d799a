"""Any number of rows in few compiled programs: parts of a fixed size, the last one padded to a power of two."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import PyTree

__all__ = ["by_rows"]

CHUNK = 4_096


@eqx.filter_jit
def compiled_rows(compute: Callable[[PyTree, Any], Any], network: PyTree, x: Any) -> Any:
    """A function of a network and rows, as one program."""
    return compute(network, x)


def by_rows(compute: Callable[[PyTree, Any], Any], network: PyTree, X: np.ndarray, chunk: int = CHUNK) -> np.ndarray:
    """``compute(network, rows)`` for any number of rows, padded to a power of two so that few programs are compiled.

    ``compute`` is a function of a module (a new one each time would be compiled each time); one result per row.
    """
    parts = []
    for start in range(0, len(X), chunk):
        part = X[start : start + chunk]
        padded = np.zeros((max(16, 1 << (len(part) - 1).bit_length()), *X.shape[1:]), X.dtype)
        padded[: len(part)] = part
        parts.append(np.asarray(compiled_rows(compute, network, padded))[: len(part)])
    return np.concatenate(parts)
