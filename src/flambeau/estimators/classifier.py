"""What classifiers share: reading labels with rows, coding classes as targets, and the most probable label."""

import abc
from dataclasses import KW_ONLY
from typing import Any, NamedTuple

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from flambeau.errors import DataError
from flambeau.estimators.base import AbstractFitted, AbstractTrainedClassifier, Course, Drawing, Given, Rows
from flambeau.estimators.common import outputs, row_weights
from flambeau.estimators.descent import AbstractDescending
from flambeau.estimators.labels import class_indices, labels_of, read_labels
from flambeau.estimators.options import ClassWeight, class_weights
from flambeau.estimators.parameters import parameters
from flambeau.problems import AbstractProblem, Examples
from flambeau.rules import AbstractLoss


class Coding(NamedTuple):
    """How classes are written as targets: ``off`` and ``on`` in that many columns, and the loss that compares them."""

    columns: int
    off: float
    on: float
    loss: AbstractLoss


class AbstractProbable(ClassifierMixin, AbstractFitted):
    """A classifier that knows how probable every class is."""

    classes_: np.ndarray

    @abc.abstractmethod
    def predict_proba(self, X: Any) -> np.ndarray:
        """Class probabilities ``(n, classes)``, in the order of ``classes_``."""

    def predict(self, X: Any) -> np.ndarray:
        """The most probable label of every row."""
        check_is_fitted(self)
        return self.classes_[np.argmax(self.predict_proba(X), axis=1)]


class AbstractLabelled(ClassifierMixin, AbstractTrainedClassifier):
    """A classifier all of whose rows have a label; ``class_weight`` is a parameter, or None for the whole kind."""

    class_weight: ClassWeight

    @abc.abstractmethod
    def _inputs(self, X: Any, y: Any = "no_validation", *, reset: bool = False) -> Any:
        """Checked inputs in the shape that the network takes, and labels where there are any."""

    @abc.abstractmethod
    def _coded(self, X: np.ndarray, y: np.ndarray, weights: np.ndarray) -> Rows:
        """Rows with their classes written as targets."""

    def _read(self, given: Given, *, fresh: bool) -> Rows:
        X, y = self._inputs(given.X, read_labels(self, given.y)[0], reset=fresh)
        self.classes_ = settled_classes(self, y, given.classes, fresh=fresh)
        weights = row_weights(self, X.reshape(len(X), -1), y, given.sample_weight, self.class_weight)
        return self._coded(X, y, weights)

    def _read_held(self, validation_data: Any) -> Rows:
        X, y = pair_of(self, validation_data)
        X, y = self._inputs(X, read_labels(self, y)[0])
        return self._coded(X, y, np.ones(len(X)))


@parameters
class AbstractNetworkClassifier(AbstractProbable, AbstractDescending, AbstractLabelled):
    """Any feed-forward network as a classifier; kinds say what they read and build."""

    _: KW_ONLY
    class_weight: ClassWeight = class_weights()

    @abc.abstractmethod
    def _coding(self, classes: np.ndarray) -> Coding:
        """How these classes are coded."""

    @abc.abstractmethod
    def _drawing(self, shape: tuple[int, ...], coding: Coding) -> Drawing:
        """The network for examples of ``shape``."""

    @abc.abstractmethod
    def _problem(self, examples: Examples) -> AbstractProblem:
        """The examples as they are learned (distorted, perhaps)."""

    def _coded(self, X: np.ndarray, y: np.ndarray, weights: np.ndarray) -> Rows:
        coding, indices = self._coding(self.classes_), class_indices(self, self.classes_, y)
        if coding.columns == 1:
            return Rows(X, indices[:, None], weights, indices)
        codes = np.where(np.eye(len(self.classes_), dtype=bool), coding.on, coding.off).astype(X.dtype)
        return Rows(X, codes[indices], weights, indices)

    def _course(self, rows: Rows, held_out: Rows | None, *, stream: bool) -> Course:
        coding = self._coding(self.classes_)
        drawing = self._drawing(rows.inputs.shape[1:], coding).besides(classes=self.classes_.tolist())
        return self._by_backpropagation(
            rows, held_out, drawing, coding.loss, classify=True, stream=stream, problem=self._problem
        )

    def predict_proba(self, X: Any) -> np.ndarray:
        """Class probabilities ``(n, classes)``, in the order of ``classes_``.

        Outputs of other units than softmax or sigmoid ones are measured from the low end of their range, and divided
        by their sum: shares rather than probabilities.
        """
        check_is_fitted(self)
        y = outputs(self.network_, self._inputs(X))
        if y.shape[1] == 1:
            return np.hstack([1 - y, y])
        y = y - self.network_.layers[-1].activation.low
        total = y.sum(1, keepdims=True)
        return y / np.where(total > 0, total, 1)


def settled_classes(model: AbstractFitted, y: np.ndarray, named: Any, *, fresh: bool) -> np.ndarray:
    """The classes to be told apart: named by ``partial_fit``, or those of the labels; who goes on keeps to them."""
    if named is not None:
        return named
    found = labels_of(model, y)
    known: np.ndarray | None = None if fresh else vars(model)["classes_"]
    if known is not None and not np.array_equal(known, found):
        where = f"{type(model).__name__}, going on"
        remedy = "fit anew with warm_start=False, or go on with partial_fit, which takes part of the classes"
        raise DataError(where, f"labels of the classes {known}", found, remedy)
    return found if known is None else known


def pair_of(model: Any, validation_data: Any) -> tuple[Any, Any]:
    """The user's (X, y)."""
    if not isinstance(validation_data, tuple | list) or len(validation_data) != 2:
        got, remedy = type(validation_data).__name__, "pass validation_data=(X, y)"
        raise DataError(f"{type(model).__name__}, validation_data", "a pair (X, y)", got, remedy)
    return validation_data[0], validation_data[1]
