"""How much a memory holds and from how far it recalls: measured, with its spread, as learning curves are."""

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float
from sklearn.base import clone

from flambeau.errors import ConfigurationError, check_value
from flambeau.estimators.memory import AbstractMemory
from flambeau.foundation.progress import progress_bar


class MemoryCurve(NamedTuple):
    """For every load or share of flips ``at``: draws in rows, of the share of patterns that are ``stable`` bit for bit,
    of those ``recalled`` (overlap above 0.99), and of the mean ``overlap`` with what was stored.
    """

    at: Float[np.ndarray, " points"]
    stable: Float[np.ndarray, "points draws"]
    recalled: Float[np.ndarray, "points draws"]
    overlap: Float[np.ndarray, "points draws"]


def capacity_curve(
    model: Any, units: int, loads: Sequence[float], *, draws: int = 5, flips: float = 0.1, seed: int = 0,
    verbose: bool = False,
) -> MemoryCurve:  # fmt: skip
    """Store K = load · N random patterns of two values, ask which are stable, and recall them with a share ``flips`` of
    the bits of each turned.

    ``model``: any memory, fitted or not; patterns are drawn in its own coding (graded answers are read by the nearer
    level). For an ``overlap`` to hold
    against :func:`~flambeau.analysis.replica_overlap` set ``flips=0``: the theory starts at the pattern.

    >>> import flambeau as fb
    >>> curve = capacity_curve(fb.Hopfield(), 100, (0.05, 0.5), draws=2)
    >>> curve.stable.mean(1).round(1).tolist()
    [1.0, 0.0]
    """
    points = [(load, load, flips) for load in loads]
    return _measured("capacity_curve", model, units, points, draws, seed, verbose)


def basin_curve(
    model: Any, units: int, load: float, flips: Sequence[float], *, draws: int = 5, seed: int = 0, verbose: bool = False
) -> MemoryCurve:
    """At one load, recall from more and more turned bits: where ``recalled`` falls is the basin's radius.

    >>> import flambeau as fb
    >>> basin_curve(fb.Hopfield(), 100, 0.05, (0.1, 0.5), draws=2).recalled.mean(1).round(1).tolist()
    [1.0, 0.0]
    """
    points = [(share, load, share) for share in flips]
    return _measured("basin_curve", model, units, points, draws, seed, verbose)


def _measured(
    where: str, model: Any, units: int, points: list[tuple[float, float, float]], draws: int, seed: int, verbose: bool
) -> MemoryCurve:
    """Every point ``(at, load, flips)``, every draw."""
    if not isinstance(model, AbstractMemory):
        expected, remedy = "an associative memory", "give fb.Hopfield(), fb.DenseHopfield() or fb.ContinuousHopfield()"
        raise ConfigurationError(f"{where}, model", expected, type(model).__name__, remedy)
    check_value(f"{where}, units", units, 1, whole=True)
    check_value(f"{where}, draws", draws, 1, whole=True)
    for _, load, flips in points:
        check_value(f"{where}, flips", flips, 0, 1)
        check_value(f"{where}, load", load, 0, 1e6)
        if round(load * units) < 1:
            expected, remedy = "at least one pattern", "raise units or the load"
            raise ConfigurationError(f"{where}, load", expected, f"{load} of {units} neurons", remedy)
    found = np.empty((3, len(points), draws))
    with progress_bar(verbose, len(points) * draws, name="storing", unit="draws", watched="stable") as show:
        for place, (_, load, flips) in enumerate(points):
            for draw in range(draws):
                found[:, place, draw] = _drawn(model, units, load, flips, np.random.default_rng([seed, place, draw]))
                show(place * draws + draw + 1, found[0, place, draw])
    return MemoryCurve(np.asarray([at for at, _, _ in points]), *found)


def _drawn(model: Any, units: int, load: float, flips: float, rng: np.random.Generator) -> tuple[float, float, float]:
    """One draw: the share stable, the share recalled, the mean overlap."""
    low, high = model._levels or (-1.0, 1.0)
    spins, middle = rng.choice([-1.0, 1.0], (round(load * units), units)), (low + high) / 2
    x = middle + (high - low) / 2 * spins
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of lost patterns, which is what is measured
        memory = clone(model).fit(x)
        # As many in every pattern: at a basin's edge those with fewer by chance would be recalled.
        places = rng.random(x.shape).argsort(1) < round(flips * units)
        ends = memory.recall(np.where(places, low + high - x, x))
    overlap = (np.sign(ends - middle) * spins).mean(1)
    return float(memory.is_stable(x).mean()), float((overlap > 0.99).mean()), float(overlap.mean())
