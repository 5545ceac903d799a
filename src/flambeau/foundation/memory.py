"""Arrays of one's own: what is kept never shares the memory of what was given; and how much memory there is.

On a CPU ``jax.device_put`` takes an aligned NumPy array as it is, without a copy: who then writes into that array
changes what Flambeau keeps. Every border that keeps arrays copies once, into memory aligned so that JAX needs no copy
of its own.
"""

import math
import os
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, PyTree

ALIGNMENT = 64  # bytes: what XLA asks of memory that it uses as it is


def aligned(shape: tuple[int, ...], kind: Any) -> np.ndarray:
    """An empty array that XLA can use without copying it."""
    size = int(np.prod(shape)) * np.dtype(kind).itemsize
    raw = np.empty(size + ALIGNMENT, np.uint8)
    start = -raw.ctypes.data % ALIGNMENT
    return raw[start : start + size].view(kind).reshape(shape)


def on_device(values: Any, kind: Any, rows: int | None = None) -> Array:
    """One copy of an array-like on the device, cast to ``kind``, with rows of zeros at the end up to ``rows``.

    >>> given = np.ones((2, 3), np.float32)
    >>> kept = on_device(given, np.float32, 4)
    >>> given[:] = 5
    >>> kept[:, 0].tolist()
    [1.0, 1.0, 0.0, 0.0]
    """
    given = np.asarray(values)
    own = aligned((len(given) if rows is None else rows, *given.shape[1:]), kind)
    own[: len(given)] = given
    own[len(given) :] = 0
    return jax.device_put(own)


def in_numpy(values: Any, kind: Any = None) -> Any:
    """An array-like as NumPy's array, for what is made before it is placed (:func:`kept_apart`): JAX compiles a program
    for every operation and shape. What is being traced stays in its program."""
    if isinstance(values, jax.core.Tracer):
        return values if kind is None else values.astype(kind)
    return np.asarray(values, kind)


def placed_zeros(shape: tuple[int, ...], kind: Any) -> Array:
    """Zeros on the device, made without a program."""
    return jax.device_put(np.zeros(shape, kind))


def kept_apart(tree: PyTree) -> PyTree:
    """A pytree whose NumPy arrays are copied to the device; everything else is as it was."""
    return jax.tree.map(lambda leaf: jax.device_put(np.array(leaf)) if isinstance(leaf, np.ndarray) else leaf, tree)


def physical_memory() -> float:
    """Bytes of the machine's memory; infinite where the system does not say."""
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):
        return math.inf
