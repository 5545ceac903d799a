"""Two values of a neuron: which they are, and whether numbers are made of them."""

import numpy as np

from flambeau.errors import DataError
from flambeau.neurons.units import AbstractUnit


def levels_of(unit: AbstractUnit) -> tuple[float, float]:
    """The two values of a kind of neuron, the lower one first.

    >>> from flambeau.neurons import Spin
    >>> levels_of(Spin())
    (-1.0, 1.0)
    """
    low, high = unit.choices(1)[0].ravel()
    return float(low), float(high)


def check_levels(where: str, rows: np.ndarray, levels: tuple[float, float], remedy: str) -> None:
    """Refuse rows ``(n, units)`` of other values than the two, naming some of them and the first's place."""
    low, high = levels
    wrong = (rows != low) & (rows != high)
    if wrong.any():
        row, column = map(int, np.argwhere(wrong)[0])
        some = ", ".join(f"{value:g}" for value in np.unique(rows[wrong])[:3])
        got = f"{int(wrong.sum())} others, among them {some}; the first in row {row}, column {column}"
        raise DataError(where, f"values of {low:g} and {high:g} only", got, remedy)
