"""What every network classifier does: check, code the classes, learn, predict. Its kinds differ in what they build."""

import abc
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array
from sklearn.base import ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from flambeau.errors import DataError
from flambeau.estimators.base import AbstractTrainedClassifier, Course, Given, Rows
from flambeau.estimators.common import outputs, row_weights
from flambeau.estimators.descent import AbstractDescending, by_backpropagation
from flambeau.estimators.labels import class_indices, labels_of, read_labels
from flambeau.networks import FeedForward
from flambeau.problems import AbstractProblem, Examples
from flambeau.rules import AbstractLoss

__all__ = ["AbstractNetworkClassifier", "Coding", "Drawing", "pair_of", "settled_classes"]


class Coding(NamedTuple):
    """How classes are written as targets: ``off`` and ``on`` in that many columns, and the loss that compares them."""

    columns: int
    off: float
    on: float
    loss: AbstractLoss


class Drawing(NamedTuple):
    """A network to be: every setting and size that drawing reads, by name, and how it is drawn from a key."""

    outline: Mapping[str, Any]
    draw: Callable[[Array], FeedForward]


class AbstractNetworkClassifier(ClassifierMixin, AbstractTrainedClassifier, AbstractDescending):
    """fit, partial_fit, predict_proba and predict for any feed-forward network; kinds say what they read and build."""

    class_weight: Any

    @abc.abstractmethod
    def _inputs(self, X: Any, y: Any = "no_validation", *, reset: bool = False) -> Any:
        """Checked inputs in the shape that the network takes, and labels where there are any."""

    @abc.abstractmethod
    def _coding(self, classes: np.ndarray) -> Coding:
        """How these classes are coded."""

    @abc.abstractmethod
    def _drawing(self, shape: tuple[int, ...], coding: Coding) -> Drawing:
        """The network for examples of ``shape``."""

    @abc.abstractmethod
    def _problem(self, examples: Examples) -> AbstractProblem:
        """The examples as they are learned (distorted, perhaps)."""

    def _read(self, given: Given, *, fresh: bool) -> Rows:
        X, y = self._inputs(given.X, read_labels(self, given.y)[0], reset=fresh)
        self.classes_ = settled_classes(self, y, given.classes, fresh=fresh)
        weights = row_weights(self, X.reshape(len(X), -1), y, given.sample_weight, self.class_weight)
        return self._coded(X, y, weights)

    def _read_held(self, validation_data: Any) -> Rows:
        X, y = pair_of(self, validation_data)
        X, y = self._inputs(X, read_labels(self, y)[0])
        return self._coded(X, y, np.ones(len(X)))

    def _coded(self, X: np.ndarray, y: np.ndarray, weights: np.ndarray) -> Rows:
        """Rows with their classes written as targets."""
        coding, indices = self._coding(self.classes_), class_indices(self, self.classes_, y)
        if coding.columns == 1:
            return Rows(X, indices[:, None], weights, indices)
        codes = np.where(np.eye(len(self.classes_), dtype=bool), coding.on, coding.off).astype(X.dtype)
        return Rows(X, codes[indices], weights, indices)

    def _course(self, rows: Rows, held_out: Rows | None, *, stream: bool) -> Course:
        coding = self._coding(self.classes_)
        drawing = self._drawing(rows.inputs.shape[1:], coding)
        return by_backpropagation(
            self,
            rows,
            held_out,
            stream=stream,
            outline={**drawing.outline, "classes": self.classes_.tolist()},
            draw=drawing.draw,
            loss=coding.loss,
            classify=True,
            problem=self._problem,
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

    def predict(self, X: Any) -> np.ndarray:
        """The most probable label of every row."""
        check_is_fitted(self)
        return self.classes_[np.argmax(self.predict_proba(X), axis=1)]


def settled_classes(model: AbstractTrainedClassifier, y: np.ndarray, named: Any, *, fresh: bool) -> np.ndarray:
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
