"""What every network classifier does: check, code the classes, learn, predict. Its kinds differ in what they build."""

import abc
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Array
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted

from flambeau.estimators.common import class_indices, known_classes, labels_of, outputs, row_weights
from flambeau.estimators.fitting import Job, Lesson, check_settings, learn, pair, remember
from flambeau.networks import FeedForward
from flambeau.problems import Examples
from flambeau.rules import AbstractLoss
from flambeau.training import Problem, Run

__all__ = ["AbstractNetworkClassifier", "Coding"]


class Coding(NamedTuple):
    """How classes are written as targets: ``off`` and ``on`` in that many columns, and the loss that compares them."""

    columns: int
    off: float
    on: float
    loss: AbstractLoss


class AbstractNetworkClassifier(ClassifierMixin, BaseEstimator, abc.ABC):
    """fit, partial_fit, predict_proba and predict for any feed-forward network; kinds say what they check and build."""

    @abc.abstractmethod
    def _check(self) -> None:
        """Refuse the kind's own parameters."""

    @abc.abstractmethod
    def _read(self, X: Any, y: Any = "no_validation", *, reset: bool = False) -> Any:
        """Checked inputs in the shape that the network takes, and labels where there are any."""

    @abc.abstractmethod
    def _coding(self, classes: np.ndarray) -> Coding:
        """How these classes are coded."""

    @abc.abstractmethod
    def _outline(self, shape: tuple[int, ...], coding: Coding) -> tuple:
        """The sizes of the network for examples of ``shape``, as plain values."""

    @abc.abstractmethod
    def _draw(self, shape: tuple[int, ...], coding: Coding, key: Array) -> FeedForward:
        """A fresh network for examples of ``shape``."""

    @abc.abstractmethod
    def _problem(self, examples: Examples) -> Problem:
        """The examples as they are learned (distorted, perhaps)."""

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        validation_data: Any = None,
        monitors: Sequence[Any] = (),
    ) -> Any:
        """Learn from X ``(n, features)``, or images, and labels y ``(n,)``.

        ``validation_data=(X, y)`` gives a validation curve, and is what early stopping watches.
        """
        self._check_all()
        X, y = self._read(X, y, reset=True)
        classes = labels_of(self, y)
        again = self.warm_start and hasattr(self, "run_") and np.array_equal(getattr(self, "classes_", ()), classes)
        return self._learn(
            X, y, classes, sample_weight, validation_data, monitors, self.epochs, self.run_ if again else None
        )

    def partial_fit(
        self,
        X: Any,
        y: Any,
        classes: Any = None,
        sample_weight: Any = None,
        *,
        validation_data: Any = None,
        monitors: Sequence[Any] = (),
    ) -> Any:
        """One more pass, over these rows; the optimiser goes on where it was.

        The first call names all ``classes``. With early stopping, patience is counted across calls, ``network_`` is
        always the best so far, and once patience is spent further calls change nothing (``run_.stopped``). After a
        ``fit``, a stream starts from the network that was kept, with patience anew.
        """
        self._check_all()
        first = not hasattr(self, "run_")
        classes = known_classes(self, classes)
        X, y = self._read(X, y, reset=first)
        earlier = None if first else self.run_
        return self._learn(X, y, classes, sample_weight, validation_data, monitors, 1, earlier, stream=True)

    def _check_all(self) -> None:
        check_settings(self)
        self._check()

    def _learn(
        self,
        X: np.ndarray,
        y: np.ndarray,
        classes: np.ndarray,
        sample_weight: Any,
        validation: Any,
        monitors: Sequence[Any],
        epochs: int,
        earlier: Run | None,
        *,
        stream: bool = False,
    ) -> Any:
        coding = self._coding(classes)
        weights = row_weights(self, X.reshape(len(X), -1), y, sample_weight, self.class_weight)
        lesson = Lesson.of(X, self._targets(y, classes, coding), weights)
        if validation is not None:
            other_X, other_y = self._read(*pair(self, validation))
            lesson.held_out = other_X, self._targets(other_y, classes, coding), np.ones(len(other_X))
        shape = X.shape[1:]
        outline = self._outline(shape, coding)
        job = Job.by_error(outline, lambda key: self._draw(shape, coding, key), coding.loss, self._problem)
        run = learn(self, lesson, job, epochs, monitors, earlier, stream)
        self.classes_ = classes
        return remember(self, run, stream)

    def _targets(self, y: np.ndarray, classes: np.ndarray, coding: Coding) -> np.ndarray:
        indices = class_indices(self, classes, y)
        if coding.columns == 1:
            return indices[:, None]
        return np.where(np.eye(len(classes), dtype=bool)[indices], coding.on, coding.off).astype(np.float32)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Class probabilities ``(n, classes)``, in the order of ``classes_``.

        Outputs of other units than softmax or sigmoid ones are measured from the low end of their range, and divided
        by their sum: shares rather than probabilities.
        """
        check_is_fitted(self)
        y = outputs(self.network_, self._read(X))
        if y.shape[1] == 1:
            return np.hstack([1 - y, y])
        y = y - self.network_.layers[-1].activation.low
        total = y.sum(1, keepdims=True)
        return y / np.where(total > 0, total, 1)

    def predict(self, X: Any) -> np.ndarray:
        """The most probable label of every row."""
        check_is_fitted(self)
        return self.classes_[np.argmax(self.predict_proba(X), axis=1)]
