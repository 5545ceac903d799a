"""What units that know nothing of each other make of the data: the figure that any density has to beat."""

from typing import Any

import numpy as np
from jaxtyping import Array, Float

from flambeau.foundation.rows import by_rows
from flambeau.neurons import AbstractUnit

__all__ = ["independent_log_likelihood"]


def independent_log_likelihood(unit: AbstractUnit, bias: Any, v: np.ndarray) -> Float[np.ndarray, " rows"]:
    """log P(v) per row, nats, of unconnected units with these biases: -f(v; b) - log ∫ exp(-f(u; b)) du, summed up.

    >>> from flambeau.neurons import Bernoulli
    >>> independent_log_likelihood(Bernoulli(), np.zeros(3, np.float32), np.eye(3, dtype=np.float32)).round(4).tolist()
    [-2.0794, -2.0794, -2.0794]

    Raises :class:`~flambeau.errors.ConfigurationError` for units without a density. *Limits.* Gaussian units of a fixed
    variance are compared with themselves, not with normal distributions of the columns' own variance.
    """
    return by_rows(_alone, (unit, bias), v).astype(np.float64)


def _alone(given: tuple[AbstractUnit, Array], v: Array) -> Float[Array, " rows"]:
    """One part of the rows."""
    unit, bias = given
    return -unit.energy(v, bias).sum(-1) - unit.log_normaliser(bias, bias).sum(-1)
