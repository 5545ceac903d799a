"""What the Boltzmann estimators share: reading data in the units' range, building samplers, clamps, small-set order."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from scipy.sparse import issparse

from flambeau.dynamics import AbstractSampler, Clamp, Enumeration, FromData, Persistent, Tempering
from flambeau.errors import ConfigurationError, DataError, DivergenceError
from flambeau.estimators.common import check_number, checked_data
from flambeau.estimators.fitting import Lesson
from flambeau.neurons import AbstractUnit
from flambeau.structures.initialisation import dtype

__all__ = [
    "ALGORITHMS",
    "BINARISE",
    "check_weights",
    "clamp_of",
    "dense",
    "fresh_bias",
    "in_order",
    "sampler_of",
    "shown",
    "visible_rows",
]

ALGORITHMS = ("cd", "pcd", "tempering", "exact")
BINARISE = (None, "sample", "threshold")
LARGEST = 1e3  # a weight or bias beyond this is no model any more


def visible_rows(model: Any, X: Any, unit: AbstractUnit | None, *, reset: bool = False) -> np.ndarray:
    """Checked rows, sparse ones made dense, within the range of the ``unit``."""
    X = checked_data(model, dense(X), reset=reset)
    if unit is not None:
        unit.check(X, f"{type(model).__name__}, X")
    return X


def dense(X: Any) -> Any:
    """Sparse rows as an array; the device holds nothing else."""
    return X.toarray() if issparse(X) else X


def shown(X: np.ndarray, binarise: str | None, seed: int) -> np.ndarray:
    """The rows as the model is asked about them: real-valued, thresholded at ½, or drawn once with that probability."""
    if binarise == "threshold":
        return (X > 0.5).astype(X.dtype)
    if binarise == "sample":
        return (np.random.default_rng(seed).random(X.shape) < X).astype(X.dtype)
    return X


def sampler_of(model: Any, steps: Any = None) -> AbstractSampler:
    """The sampler that ``algorithm``, ``k`` (or ``steps``), ``n_chains`` and ``n_temperatures`` describe."""
    name = type(model).__name__
    if model.algorithm not in ALGORITHMS:
        raise ConfigurationError(
            f"{name}.algorithm", f"one of {', '.join(ALGORITHMS)}", repr(model.algorithm), "choose"
        )
    check_number(model, "k", 1, whole=True)
    if model.n_chains is not None:
        check_number(model, "n_chains", 1, whole=True)
    check_number(model, "n_temperatures", 2, whole=True)
    k = int(steps or model.k)
    chains = int(model.n_chains or model.batch_size)
    if model.algorithm == "exact":
        return Enumeration()
    if model.algorithm == "cd":
        return FromData(k)
    if model.algorithm == "pcd":
        return Persistent(chains, k)
    return Tempering(chains, k, int(model.n_temperatures))


def fresh_bias(unit: AbstractUnit, X: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The visible biases at which unconnected units show these rows' means."""
    total = (weights[:, None] * X).sum(0, dtype=np.float64)
    return np.asarray(unit.bias_for(jnp.asarray(total, dtype()), float(weights.sum())))


def in_order(lesson: Lesson, batch_size: int, *, shuffle: bool) -> Lesson:
    """Rows that fit into one batch, in an order of their own, equal ones merged and their weights added.

    So a small set gives the same model in whatever order it comes, and a row of weight 2 is exactly that row twice.
    """
    if not shuffle or len(lesson.X) > batch_size:
        return lesson
    X, places = np.unique(lesson.X, axis=0, return_inverse=True)
    weights = np.bincount(places.ravel(), weights=lesson.weights, minlength=len(X))
    return Lesson(X, lesson.targets[: len(X)], weights, lesson.held_out)


def clamp_of(model: Any, clamp: Any, unit: AbstractUnit, n_samples: int) -> Clamp | None:
    """A clamp from an array in which NaN marks what is free; one row, or one row per sample."""
    if clamp is None:
        return None
    where = f"{type(model).__name__}.sample, clamp"
    values = np.asarray(clamp, dtype())
    features = model.n_features_in_
    if values.shape not in ((features,), (n_samples, features)):
        expected = f"shape ({features},) or ({n_samples}, {features}), NaN where a unit is free"
        raise DataError(where, expected, values.shape, "give one value or NaN per visible unit")
    values = np.broadcast_to(values, (n_samples, features))
    mask = ~np.isnan(values)
    filled = np.where(mask, values, neutral(unit, features))
    if np.isinf(filled).any():
        raise DataError(where, "finite values", "infinity", "mark free units with NaN")
    unit.check(filled, where)
    return Clamp(jnp.asarray(filled), jnp.asarray(mask))


def neutral(unit: AbstractUnit, features: int) -> np.ndarray:
    """A value that every unit may take, for the free places of a clamp."""
    return np.asarray(unit.mean(jnp.zeros(features, dtype())))


def check_weights(model: Any, network: Any) -> None:
    """Bernoulli machines never reach infinity: they saturate. Weights of a thousand are a divergence all the same."""
    leaves = {
        "weights": network.structure.weights,
        "visible_bias": network.visible_bias,
        "hidden_bias": network.hidden_bias,
    }
    for name, leaf in leaves.items():
        largest = float(np.abs(np.asarray(leaf)).max())
        if not largest < LARGEST:
            raise DivergenceError(
                f"{type(model).__name__}, {name}",
                f"values below {LARGEST:g}",
                f"{largest:.3g}",
                "lower the learning rate (10 to 100 times for Gaussian units), or standardise the data",
            )
