r"""How much a Hopfield network holds, by theory: the replica curve, the signal-to-noise count, the absolute limits.

K random patterns in N neurons are a load α = K / N. Stored by Hebb's rule they can be read, with a few wrong bits,
up to α_c = 0.138; all bits of them, only up to about 1 / (2 ln N).
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from flambeau.errors import ConfigurationError


class CriticalPoint(NamedTuple):
    """The load beyond which memory fails, and the overlap just before."""

    load: float
    overlap: float


def load_at(y: float) -> float:
    """The load at which y solves the fixed-point equation: √(2α) = erf(y)/y - (2/√π) e^{-y²}."""
    return (math.erf(y) / y - 2 / math.sqrt(math.pi) * math.exp(-y * y)) ** 2 / 2


def halved(rising: Callable[[float], bool], low: float, high: float) -> float:
    """Where an answer turns from yes to no, by bisection down to rounding."""
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) else (low, middle)
    return low


def highest() -> float:
    """The y of the largest load: there the load's slope changes its sign."""
    return halved(lambda y: load_at(y + 1e-6) > load_at(y - 1e-6), 1.0, 3.0)


def critical_point() -> CriticalPoint:
    """The largest load with a solution near a memory, α_c = 0.137906, and the overlap there, 0.9674.

    >>> load, overlap = critical_point()
    >>> round(load, 6), round(overlap, 4)
    (0.137906, 0.9674)

    The replica-symmetric result at zero temperature. Source: Amit, Gutfreund, Sompolinsky 1987.
    """
    y = highest()
    return CriticalPoint(load_at(y), math.erf(y))


def replica_overlap(load: float) -> float:
    """The overlap m = (1/N) Σ x_i s_i of the state near a memory, for N → ∞; 0 beyond the critical load.

    m = erf y for the largest y with y (√(2α) + (2/√π) e^{-y²}) = erf y.

    >>> [round(replica_overlap(load), 4) for load in (0.05, 0.10, 0.137, 0.15)]
    [1.0, 0.998, 0.9754, 0.0]

    Raises :class:`~flambeau.errors.ConfigurationError` for a load of 0 or below. Source: Amit, Gutfreund, Sompolinsky
    1987. Lecture: 联想记忆, "how many patterns a network can store".
    """
    if not load > 0:
        raise ConfigurationError("replica_overlap, load", "patterns per neuron above 0", load, "for instance 0.1")
    y = highest()
    if load > load_at(y):
        return 0.0
    return math.erf(halved(lambda z: load_at(z) > load, y, max(8.0, 4 / math.sqrt(load))))


def bit_error(patterns: int, units: int) -> float:
    """P(a bit of a stored random pattern is unstable): exact, Hebb's rule with an empty diagonal.

    The other patterns' part of x_i h_i is a sum of (K - 1)(N - 1) fair signs, and must stay above -(N - 1).

    >>> round(bit_error(20, 200), 5), bit_error(1, 200)
    (0.00057, 0.0)
    """
    signs, signal = (patterns - 1) * (units - 1), units - 1
    # The sum is 2b - n for b heads among n; it is below -(N - 1) for b < (n - (N - 1)) / 2.
    most = math.ceil((signs - signal) / 2) - 1
    if signs == 0 or most < 0:
        return 0.0
    heads = np.arange(1, most + 1)
    logs = np.concatenate([[0.0], np.cumsum(np.log((signs - heads + 1) / heads))])  # of the binomial coefficients
    return float(np.exp(logs - signs * math.log(2)).sum())


def absolute_capacity(units: int | np.ndarray, *, every: bool = False) -> float | np.ndarray:
    """Patterns of which most (or ``every`` one) are fixed points bit for bit: N / (2 ln N), or N / (4 ln N).

    >>> round(float(absolute_capacity(1000)), 1), round(float(absolute_capacity(1000, every=True)), 1)
    (72.4, 36.2)

    Asymptotic. Source: McEliece, Posner, Rodemich, Venkatesh 1987.
    """
    return units / ((4 if every else 2) * np.log(units))
