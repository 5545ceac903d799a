"""Whether a chain forgets where it came from: autocorrelation, effective sample size, and quality against steps.

A series is one number per step of each chain, ``(steps,)`` or ``(steps, chains)``: a free energy, a unit, a mean.
All in double precision, on the host.
"""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from flambeau.dynamics.base import AbstractMachine
from flambeau.dynamics.gibbs import gibbs
from flambeau.errors import ConfigurationError, DataError


def series_of(series: Any, least: int = 4) -> Float[np.ndarray, "steps chains"]:
    """Chains as columns, checked."""
    values = np.asarray(series, np.float64)
    values = values[:, None] if values.ndim == 1 else values
    if values.ndim != 2 or len(values) < least or not values.size or not np.isfinite(values).all():
        expected = f"finite numbers of shape (steps,) or (steps, chains), at least {least} steps"
        raise DataError("series", expected, f"shape {np.shape(series)}", "give one number per step and chain")
    return values


def autocorrelation(series: Any) -> Float[np.ndarray, " lags"]:
    """ρ(lag) = cov(x_t, x_{t+lag}) / var(x), from the mean of all chains, with the number of steps as divisor.

    >>> autocorrelation([1.0, -1.0, 1.0, -1.0]).round(9).tolist()
    [1.0, -0.75, 0.5, -0.25]

    NaN where nothing moves. Chains that sit at different places are correlated at all lags, as they should be: the mean
    is that of all.
    """
    values = series_of(series)
    steps = len(values)
    spectrum = np.fft.rfft(values - values.mean(), n=2 * steps, axis=0)
    covariance = np.fft.irfft(np.abs(spectrum) ** 2, n=2 * steps, axis=0)[:steps].mean(axis=1)
    if covariance[0] <= 1e-20 * max(float((values**2).sum()), 1e-300):
        return np.full(steps, np.nan)
    return covariance / covariance[0]


def autocorrelation_time(series: Any) -> float:
    """τ = 1 + 2 Σ ρ(lag), steps: a mean over n steps is as good as one of n/τ independent samples.

    Summed to where pairs of neighbours, ρ(2m) + ρ(2m+1), stop being positive, and never rising: for reversible chains,
    as Gibbs sampling of v by h is, these are positive and fall, so what goes on is noise.

    >>> rng = np.random.default_rng(0)
    >>> round(autocorrelation_time(rng.normal(size=(2000, 10))), 1)  # independent
    1.0

    Infinite for a series that never moves. *Limits.* Wants some 50 τ steps; a chain that has never left its mode looks
    well mixed. Source: Geyer 1992, Practical Markov chain Monte Carlo (initial monotone sequence).
    """
    rho = autocorrelation(series)
    if np.isnan(rho[0]):
        return math.inf
    pairs = rho[: len(rho) // 2 * 2].reshape(-1, 2).sum(axis=1)
    ends = np.flatnonzero(pairs <= 0)
    kept = np.minimum.accumulate(pairs[: ends[0] if len(ends) else len(pairs)])
    return float(max(2 * kept.sum() - 1, 1 / len(rho)))


def effective_sample_size(series: Any) -> float:
    """steps x chains / τ: how many independent samples a mean over the series is worth.

    >>> rng = np.random.default_rng(0)
    >>> 9_000 < effective_sample_size(rng.normal(size=(1000, 10))) < 11_000
    True
    """
    values = series_of(series)
    return values.size / autocorrelation_time(values)


def geweke(series: Any, first: float = 0.1, last: float = 0.5) -> Float[np.ndarray, " chains"]:
    """z of every chain: the mean of its first tenth against that of its last half, in standard errors.

    z = (x̄_first - x̄_last) / √(s²τ/n first + s²τ/n last). Beyond 3 the start is still to be seen.

    >>> rng = np.random.default_rng(0)
    >>> bool((np.abs(geweke(rng.normal(size=(1000, 5)))) < 3).all())
    True

    Raises :class:`~flambeau.errors.ConfigurationError` for shares that overlap. Source: Geweke 1992, Evaluating the
    accuracy of sampling-based approaches to the calculation of posterior moments.
    """
    if not (0 < first < 1 and 0 < last < 1 and first + last <= 1):
        got = f"first={first}, last={last}"
        raise ConfigurationError("geweke", "two shares of the steps that do not overlap", got, "first=0.1, last=0.5")
    values = series_of(series, least=math.ceil(4 / min(first, last)))
    steps = len(values)
    parts = values[: int(first * steps)], values[steps - int(last * steps) :]
    return np.asarray([z_score(*(part[:, chain] for part in parts)) for chain in range(values.shape[1])])


def z_score(start: np.ndarray, end: np.ndarray) -> float:
    """The difference of two means in its standard errors."""
    apart = float(start.mean() - end.mean())
    variances = [part.var() * autocorrelation_time(part) / len(part) for part in (start, end) if part.var() > 0]
    if not variances:
        return math.copysign(math.inf, apart) if apart else 0.0
    return apart / math.sqrt(sum(variances))


class Quality(NamedTuple):
    """How far chains are from the reference after so many ``steps``; all arrays ``(checkpoints,)``.

    ``mean`` and ``covariance``, root mean square differences of the visible means, and of the entries of their
    covariance matrix; ``mean_floor`` and ``covariance_floor``, what samples of the reference itself would show, as many
    as there are chains; ``free_energy``, mean F of the chains less that of the reference, nats.
    """

    steps: np.ndarray
    mean: np.ndarray
    covariance: np.ndarray
    free_energy: np.ndarray
    mean_floor: float
    covariance_floor: float


def quality_against_steps(
    machine: AbstractMachine, start: Any, checkpoints: Sequence[int], reference: Any, key: Array
) -> Quality:
    """The chains' means and covariances against the reference's, at several numbers of Gibbs steps.

    Arguments: ``start`` ``(chains, visible)``; ``checkpoints``, rising numbers of steps, 0 for the start itself;
    ``reference`` ``(rows, visible)``, the data. A machine trained with chains too short for its mixing is good at about
    the number of steps it was trained with, and worse before *and after*.

    >>> from flambeau.networks import rbm
    >>> machine, coins = rbm(3, 2, key=jax.random.key(0)), np.indices((2, 2, 2)).reshape(3, -1).T.astype(float)
    >>> found = quality_against_steps(machine, np.zeros((200, 3)), (0, 10), coins, jax.random.key(1))
    >>> float(found.mean[0]), bool(found.mean[1] < 3 * found.mean_floor)
    (0.5, True)

    Raises :class:`~flambeau.errors.ConfigurationError` for steps that do not rise,
    :class:`~flambeau.errors.DataError` for arrays that do not fit.
    *Limits.* Two moments, no more: chains may match both and still miss a mode. Source: Decelle, Furtlehner, Seoane
    2021, Equilibrium and non-equilibrium regimes in the learning of restricted Boltzmann machines.
    """
    counts = np.asarray(checkpoints)
    if counts.ndim != 1 or not len(counts) or counts.dtype.kind not in "iu" or (np.diff(counts, prepend=-1) <= 0).any():
        raise ConfigurationError("checkpoints", "rising whole numbers of at least 0", checkpoints, "(1, 10, 100)")
    v, rows = (_rows_of(values, name) for values, name in ((start, "start"), (reference, "reference")))
    if v.shape[1] != rows.shape[1]:
        remedy = "both have a column per visible unit"
        raise DataError("quality_against_steps", f"{rows.shape[1]} columns in start", v.shape[1], remedy)
    found, state, energy = [], jnp.asarray(v), mean_energy(machine, jnp.asarray(rows))
    for number, count in enumerate(np.diff(counts, prepend=0)):
        state = eqx.filter_jit(gibbs)(machine, state, jnp.asarray(count), jax.random.fold_in(key, number))
        found.append((*distances(np.asarray(state, np.float64), rows), mean_energy(machine, state) - energy))
    mean, covariance, free_energy = np.asarray(found).T
    return Quality(counts, mean, covariance, free_energy, *floors(rows, len(v)))


def _rows_of(values: Any, name: str) -> np.ndarray:
    """At least two rows, in double precision."""
    rows = np.asarray(values, np.float64)
    if rows.ndim != 2 or len(rows) < 2:
        raise DataError(f"quality_against_steps, {name}", "at least two rows", f"shape {rows.shape}", "give more rows")
    return rows


def mean_energy(machine: Any, v: Array) -> float:
    """Mean F."""
    return float(np.asarray(eqx.filter_jit(type(machine).free_energy)(machine, v), np.float64).mean())


def distances(chains: np.ndarray, rows: np.ndarray) -> tuple[float, float]:
    """Root mean square differences of means and covariances."""
    mean = chains.mean(axis=0) - rows.mean(axis=0)
    covariance = np.cov(chains.T, bias=True) - np.cov(rows.T, bias=True)
    return float(np.sqrt((mean**2).mean())), float(np.sqrt((covariance**2).mean()))


def floors(rows: np.ndarray, chains: int) -> tuple[float, float]:
    """The same of that many independent draws from the rows, to be expected from their second and fourth moments."""
    centred = rows - rows.mean(axis=0)
    variance = (centred**2).mean(axis=0)
    covariance = centred.T @ centred / len(rows)
    fourth = (centred**2).T @ centred**2 / len(rows)
    return float(np.sqrt(variance.mean() / chains)), float(np.sqrt((fourth - covariance**2).mean() / chains))
