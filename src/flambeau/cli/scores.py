"""The figure by which a model of each kind is judged."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from flambeau.errors import DataError, FlambeauError

__all__ = ["Yardstick", "measured", "yardstick_of"]


class Yardstick(NamedTuple):
    """A name, with its unit, and how it is measured on rows (and targets, where the model has any)."""

    name: str
    measure: Callable[[Any, Any], float]


def yardstick_of(model: Any) -> Yardstick:
    """Accuracy, R², a likelihood, or the share of rows that stay as they are."""
    from sklearn.base import is_classifier, is_regressor

    from flambeau import estimators

    if is_classifier(model):
        return Yardstick("accuracy", model.score)
    if is_regressor(model):
        return Yardstick("R²", model.score)
    if isinstance(model, estimators.RBM):
        return Yardstick("pseudo-log-likelihood, nats per row", lambda X, y: float(np.mean(model.score_samples(X))))
    if isinstance(model, estimators.DBN | estimators.DBM):
        name = "lower bound of the log-likelihood, nats per row"
        return Yardstick(name, lambda X, y: float(np.mean(model.log_likelihood_bound(X))))
    if isinstance(model, estimators.Hopfield | estimators.DenseHopfield):
        return Yardstick("share of rows that are stable", lambda X, y: float(np.mean(model.is_stable(X))))
    return Yardstick("share of cells recalled", lambda X, y: float(np.mean(model.recall(X) == X)))


def measured(yardstick: Yardstick, X: Any, y: Any) -> float:
    """The figure on these rows; what a metric cannot take (predictions beyond all numbers) is said in one line."""
    try:
        return float(yardstick.measure(X, y))
    except FlambeauError:
        raise
    except ValueError as error:
        remedy = "train anew with a lower learning rate or scaled columns"
        raise DataError(yardstick.name, "predictions that can be judged", str(error).rstrip("."), remedy) from error
