"""Logic as a learning problem: the gates of two inputs, and the parity of many."""

import numpy as np
from numpy.typing import NDArray

from flambeau.errors import ConfigurationError

MOST_BITS = 20
GATES = {
    "and": (0, 0, 0, 1),
    "or": (0, 1, 1, 1),
    "nand": (1, 1, 1, 0),
    "nor": (1, 0, 0, 0),
    "xor": (0, 1, 1, 0),
    "xnor": (1, 0, 0, 1),
}


def logic_gate(name: str) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return the truth table of a gate of two inputs as a problem ``(X, y)``.

    ``X`` is ``(4, 2)`` with the rows 00, 01, 10, 11; ``y`` is ``(4,)`` of 0 and 1. ``name`` is one of and, or,
    nand, nor, xor, xnor.

    Raises :class:`~flambeau.errors.ConfigurationError` for any other name.

    >>> X, y = logic_gate("nand")
    >>> X.tolist(), y.tolist()
    ([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], [1, 1, 1, 0])

    *Limits.* ``xor`` and ``xnor`` are not linearly separable: no single-layer perceptron learns them.
    Source: M. Minsky, S. Papert, *Perceptrons*, 1969. Lecture: 单层感知机.
    """
    if name not in GATES:
        known = ", ".join(GATES)
        raise ConfigurationError("logic_gate.name", f"one of {known}", repr(name), "write the gate in lower case")
    return binary_rows(2), np.array(GATES[name], dtype=np.int64)


def xor() -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return exclusive or, ``y = x1 XOR x2``: ``X`` ``(4, 2)``, ``y`` ``(4,)``, the problem that stopped perceptrons.

    >>> xor()[1].tolist()
    [0, 1, 1, 0]

    *Limits.* Four rows are the whole problem; there is nothing to generalise to.
    Source: M. Minsky, S. Papert, *Perceptrons*, 1969. Lecture: 单层感知机.
    """
    return logic_gate("xor")


def parity(bits: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return all rows of the parity of ``bits`` inputs: ``y = (x1 + ... + xn) mod 2``.

    ``X`` is ``(2**bits, bits)`` in counting order (the first column is the highest bit), ``y`` is ``(2**bits,)``.

    Raises :class:`~flambeau.errors.ConfigurationError` unless 1 <= bits <= 20.

    >>> X, y = parity(3)
    >>> X.shape, y.tolist()
    ((8, 3), [0, 1, 1, 0, 1, 0, 0, 1])

    *Limits.* The rows double with every bit. Every input matters to every answer, so a learner that looks at single
    inputs learns nothing. Source: D. Rumelhart, G. Hinton, R. Williams, *Learning internal representations by error
    propagation*, 1986. Lecture: 多层感知机.
    """
    if not 1 <= bits <= MOST_BITS:
        expected = f"a whole number from 1 to {MOST_BITS}"
        raise ConfigurationError("parity.bits", expected, bits, "ask for fewer bits: the rows number 2**bits")
    X = binary_rows(bits)
    return X, X.sum(axis=1).astype(np.int64) % 2


def binary_rows(bits: int) -> NDArray[np.float64]:
    """All rows of so many bits, in counting order."""
    numbers = np.arange(2**bits)[:, None]
    return (numbers >> np.arange(bits)[::-1] & 1).astype(np.float64)
