"""Boltzmann machines that classify and also learn from rows without a label."""

from dataclasses import KW_ONLY
from typing import Any

import numpy as np

from flambeau.dynamics import Clamp
from flambeau.errors import DataError
from flambeau.estimators.base import Given, Rows
from flambeau.estimators.boltzmann import AbstractBoltzmann
from flambeau.estimators.classifier import AbstractProbable, settled_classes
from flambeau.estimators.common import checked_data, row_weights
from flambeau.estimators.labels import class_indices, read_labels
from flambeau.estimators.parameters import declared, literal_or_text, parameters
from flambeau.foundation.precision import dtype

__all__ = ["AbstractSemiSupervised", "labels_and_which"]


@parameters
class AbstractSemiSupervised(AbstractProbable, AbstractBoltzmann):
    """Rows with their label beside them; ``unlabelled`` stands for none, beside None and NaN."""

    _: KW_ONLY
    unlabelled: Any = declared(-1, "one label", lambda value: np.ndim(value) == 0, literal_or_text, (None,))

    def _read_joined(self, given: Given, *, fresh: bool) -> Rows:
        """Rows with their label beside them, which is also their target, and its place; -1 where there is none."""
        named: np.ndarray | None = given.classes if fresh else vars(self)["classes_"]
        labels, known = labels_and_which(self, given.y, named)
        X, y = checked_data(self, given.X, labels, reset=fresh, accept_sparse="csr")
        name = type(self).__name__
        if named is None and not known.any():
            raise DataError(f"{name}, y", "at least two classes", "no label at all", "label some rows")
        self.classes_ = settled_classes(self, y[known], given.classes, fresh=fresh)
        weights = row_weights(self, X, y, given.sample_weight)
        if given.classes is None and not (weights[known] > 0).any():
            raise DataError(f"{name}, weights", "a labelled row with weight", "none", "give one some weight")
        return self._joined(X, y, known, weights, learning=True)

    def _joined(
        self, X: np.ndarray, y: np.ndarray, known: np.ndarray, weights: np.ndarray, *, learning: bool = False
    ) -> Rows:
        """Checked rows with their label beside them, one-hot, zeros where there is none."""
        X = self._in_range(X, self._unit(X.shape[1]), learning=learning)
        codes = np.zeros((len(y), len(self.classes_)), X.dtype)
        codes[np.flatnonzero(known), class_indices(self, self.classes_, y[known])] = 1
        return Rows(np.hstack([X, codes]), codes, weights, np.where(known, codes.argmax(1), -1))

    def _held_label(self, label: Any, n_samples: int) -> Clamp | None:
        """A clamp on the label, the last of the columns sampled; None leaves the label free."""
        if label is None:
            return None
        if np.ndim(label):
            where = f"{type(self).__name__}.sample, label"
            raise DataError(where, "one label", label, "sample one class at a time")
        columns, remedy = len(self._base), f"give one of {list(self.classes_)}"
        place = class_indices(self, self.classes_, np.atleast_1d(label), remedy)[0]
        first = columns - len(self.classes_)
        values, mask = np.eye(columns, dtype=dtype())[first + place], np.arange(columns) >= first
        return Clamp(np.broadcast_to(values, (n_samples, columns)), np.broadcast_to(mask, (n_samples, columns)))


def labels_and_which(model: Any, y: Any, classes: np.ndarray | None = None) -> tuple[Any, np.ndarray]:
    """``(labels, which rows have one)`` of a semi-supervised estimator.

    Its ``unlabelled`` is a class like others where ``classes`` say so, or where only one other would remain.
    """
    named = classes is not None and np.isin(model.unlabelled, classes).any()
    labels, known = read_labels(model, y, None if named else model.unlabelled)
    if known is not None and classes is None and len(np.unique(labels[known])) == 1:
        labels, known = read_labels(model, y, None)
    return labels, np.ones(np.shape(labels)[:1], bool) if known is None else known
