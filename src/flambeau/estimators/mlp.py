"""Multi-layer perceptrons behind scikit-learn's interface."""

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from flambeau.errors import DataError
from flambeau.estimators.common import (
    as_floats,
    checked_data,
    class_indices,
    known_classes,
    labels_of,
    outputs,
    row_weights,
    seed_of,
)
from flambeau.estimators.mlp_fitting import Lesson, check_settings, fit_mlp, hold_out
from flambeau.rules import CrossEntropy, loss
from flambeau.training import Run

__all__ = ["MLPClassifier", "MLPRegressor"]


class MLPClassifier(ClassifierMixin, BaseEstimator):
    r"""A multi-layer perceptron that learns classes by back-propagation.

    y_l = f_l(y_{l-1} W_l - θ_l); two classes give one sigmoid output, more give softmax (``loss="cross_entropy"``) or
    one sigmoid each (``loss="mse"``, the lecture's).

    Parameters
    ----------
    hidden_layer_sizes : units of each hidden layer.
    activation : name or object of :mod:`flambeau.neurons`, or one per hidden layer.
    loss : "cross_entropy" or "mse".
    dropout : share of each hidden layer's outputs silenced while learning.
    l1, l2 : penalties l1 Σ|w| + ½ l2 Σw² in the error (weights only).
    weight_decay : decoupled decay, rate · weight_decay · w per step.
    max_norm, clip_norm : longest incoming weight vector of a unit; longest gradient.
    optimizer : "sgd", "momentum", "nesterov", "rmsprop", "adagrad", "adam", "adamw", or an Optax transformation (which
        brings its own rate and penalties).
    learning_rate : a number or an Optax schedule (step -> rate).
    batch_size : rows per step ("auto": 200, or all of a smaller set).
    epochs : passes over the data, at most.
    tolerance, patience : stop when the loss has not fallen by ``tolerance`` for ``patience`` epochs; tolerance 0 trains
        for as long as it falls at all, and does not warn when the epochs run out.
    early_stopping : watch held-out rows (``validation_fraction``, or ``validation_data`` at fit) instead of the
        training loss, and keep the best network.
    class_weight : None, "balanced", or label -> weight.
    initialisation : how weights start, see ``flambeau.structures.INITIALISERS``.
    shuffle, warm_start, random_state, verbose : as in scikit-learn; ``verbose`` shows a progress bar.

    Attributes
    ----------
    ``classes_``, ``network_`` (Equinox), ``history_`` (name -> one value per epoch: loss, validation_loss, ...),
    ``run_`` (:class:`~flambeau.training.Run`), ``n_iter_``, ``n_features_in_``.

    Raises :class:`~flambeau.errors.ConfigurationError`, :class:`~flambeau.errors.DataError`,
    :class:`~flambeau.errors.DivergenceError`.

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> model = MLPClassifier((10,), random_state=0).fit(X, y)
    >>> bool(model.score(X, y) > 0.95)
    True

    *Limits.* Dense float input, scaled to about unit size by the user; one label per row. Sample weights enter each
    batch's mean, so a row of weight k equals k rows exactly only when a batch holds all rows.
    Source: Rumelhart, Hinton, Williams 1986. Lecture: BP 神经网络.
    """

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "sigmoid",
        *,
        loss: Any = "cross_entropy",
        dropout: Any = 0.0,
        l1: Any = 0.0,
        l2: Any = 0.0,
        weight_decay: Any = 0.0,
        max_norm: Any = None,
        clip_norm: Any = None,
        optimizer: Any = "adam",
        learning_rate: Any = 0.01,
        batch_size: Any = "auto",
        epochs: Any = 500,
        tolerance: Any = 1e-4,
        patience: Any = 10,
        early_stopping: Any = False,
        validation_fraction: Any = 0.1,
        class_weight: Any = None,
        initialisation: Any = "glorot",
        shuffle: Any = True,
        warm_start: Any = False,
        random_state: Any = None,
        verbose: Any = False,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.loss = loss
        self.dropout = dropout
        self.l1 = l1
        self.l2 = l2
        self.weight_decay = weight_decay
        self.max_norm = max_norm
        self.clip_norm = clip_norm
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.epochs = epochs
        self.tolerance = tolerance
        self.patience = patience
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.class_weight = class_weight
        self.initialisation = initialisation
        self.shuffle = shuffle
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        validation_data: Any = None,
        monitors: Sequence[Any] = (),
    ) -> "MLPClassifier":
        """Learn from X ``(n, features)`` and labels y ``(n,)``.

        ``validation_data=(X, y)`` gives a validation curve, and is what early stopping watches.
        """
        check_settings(self)
        X, y = checked_data(self, X, y, reset=True)
        classes = labels_of(self, y)
        again = self.warm_start and hasattr(self, "run_") and np.array_equal(getattr(self, "classes_", ()), classes)
        lesson = self._lesson(X, y, classes, sample_weight, validation_data)
        return self._learn(lesson, classes, self.epochs, monitors, earlier=self.run_ if again else None)

    def partial_fit(
        self,
        X: Any,
        y: Any,
        classes: Any = None,
        sample_weight: Any = None,
        *,
        validation_data: Any = None,
        monitors: Sequence[Any] = (),
    ) -> "MLPClassifier":
        """One more pass, over these rows; the optimiser goes on where it was.

        The first call names all ``classes``. With early stopping, patience is counted across calls, ``network_`` is
        always the best so far, and once patience is spent further calls change nothing (``run_.stopped``). After a
        ``fit``, a stream starts from the network that was kept, with patience anew.
        """
        check_settings(self)
        first = not hasattr(self, "run_")
        classes = known_classes(self, classes)
        X, y = checked_data(self, X, y, reset=first)
        lesson = self._lesson(X, y, classes, sample_weight, validation_data)
        return self._learn(lesson, classes, 1, monitors, earlier=None if first else self.run_, stream=True)

    def _lesson(self, X: np.ndarray, y: np.ndarray, classes: np.ndarray, sample_weight: Any, validation: Any) -> Lesson:
        """Targets in columns, weights by row and class, and the user's own held-out rows."""
        weights = row_weights(self, X, y, sample_weight, self.class_weight)
        lesson = Lesson.of(X, self._targets(y, classes), weights)
        if validation is not None:
            other_X, other_y = checked_data(self, *pair(self, validation))
            lesson.held_out = other_X, self._targets(other_y, classes), np.ones(len(other_X))
        return lesson

    def _targets(self, y: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """One column for two classes, one per class for more."""
        indices = class_indices(self, classes, y)
        return indices[:, None] if len(classes) == 2 else np.eye(len(classes), dtype=np.float32)[indices]

    def _learn(
        self,
        lesson: Lesson,
        classes: np.ndarray,
        epochs: int,
        monitors: Sequence[Any],
        *,
        earlier: Run | None,
        stream: bool = False,
    ) -> Any:
        output = "softmax" if len(classes) > 2 and loss(self.loss) == CrossEntropy() else "sigmoid"
        run = learn(self, lesson, epochs, monitors, earlier, stream, output, classify=True)
        self.classes_ = classes
        return remember(self, run, stream)

    def predict_proba(self, X: Any) -> np.ndarray:
        """Class probabilities ``(n, classes)``, in the order of ``classes_``."""
        check_is_fitted(self)
        y = outputs(self.network_, checked_data(self, X))
        if len(self.classes_) == 2:
            return np.hstack([1 - y, y])
        total = y.sum(1, keepdims=True)
        return y / np.where(total > 0, total, 1)

    def predict(self, X: Any) -> np.ndarray:
        """The most probable label of every row."""
        check_is_fitted(self)
        return self.classes_[np.argmax(self.predict_proba(X), axis=1)]


class MLPRegressor(RegressorMixin, BaseEstimator):
    r"""A multi-layer perceptron that learns numbers by back-propagation of the squared error.

    Parameters, attributes and limits as for :class:`MLPClassifier`; the outputs are linear, ``loss`` is "mse", and y
    may have several columns. Targets are learned in units of their own mean and standard deviation, and predicted in
    the user's: without that the useful learning rate would depend on the unit of measurement. ``target_mean_`` and
    ``target_scale_`` hold the two.

    >>> X = np.linspace(-1, 1, 64)[:, None]
    >>> model = MLPRegressor((20,), "tanh", random_state=0).fit(X, X[:, 0] ** 2)
    >>> bool(model.score(X, X[:, 0] ** 2) > 0.95)
    True

    Lecture: BP 神经网络; 3 层的网络可以表达所有连续函数.
    """

    def __init__(
        self,
        hidden_layer_sizes: Any = (100,),
        activation: Any = "sigmoid",
        *,
        loss: Any = "mse",
        dropout: Any = 0.0,
        l1: Any = 0.0,
        l2: Any = 0.0,
        weight_decay: Any = 0.0,
        max_norm: Any = None,
        clip_norm: Any = None,
        optimizer: Any = "adam",
        learning_rate: Any = 0.01,
        batch_size: Any = "auto",
        epochs: Any = 500,
        tolerance: Any = 1e-4,
        patience: Any = 20,
        early_stopping: Any = False,
        validation_fraction: Any = 0.1,
        initialisation: Any = "glorot",
        shuffle: Any = True,
        warm_start: Any = False,
        random_state: Any = None,
        verbose: Any = False,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.loss = loss
        self.dropout = dropout
        self.l1 = l1
        self.l2 = l2
        self.weight_decay = weight_decay
        self.max_norm = max_norm
        self.clip_norm = clip_norm
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.epochs = epochs
        self.tolerance = tolerance
        self.patience = patience
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.initialisation = initialisation
        self.shuffle = shuffle
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        validation_data: Any = None,
        monitors: Sequence[Any] = (),
    ) -> "MLPRegressor":
        """Learn from X ``(n, features)`` and targets y ``(n,)`` or ``(n, outputs)``."""
        check_settings(self)
        again = self.warm_start and hasattr(self, "run_")
        lesson = self._lesson(X, y, sample_weight, validation_data, reset=True, rescale=not again)
        return remember(self, learn(self, lesson, self.epochs, monitors, self.run_ if again else None), False)

    def partial_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        validation_data: Any = None,
        monitors: Sequence[Any] = (),
    ) -> "MLPRegressor":
        """One more pass, over these rows; the targets' scale is that of the first call."""
        check_settings(self)
        first = not hasattr(self, "run_")
        lesson = self._lesson(X, y, sample_weight, validation_data, reset=first, rescale=first)
        return remember(self, learn(self, lesson, 1, monitors, None if first else self.run_, stream=True), True)

    def _lesson(self, X: Any, y: Any, sample_weight: Any, validation: Any, *, reset: bool, rescale: bool) -> Lesson:
        X, y = checked_data(self, X, y, reset=reset, multi_output=True, y_numeric=True)
        weights = row_weights(self, X, y, sample_weight)
        if rescale:
            self._single = np.ndim(y) == 1
            columns = as_floats(self, "y", np.reshape(y, (len(X), -1))).astype(np.float64)
            self.target_mean_ = np.average(columns, axis=0, weights=weights)
            spread = np.sqrt(np.average((columns - self.target_mean_) ** 2, axis=0, weights=weights))
            rounding = 100 * np.finfo(float).eps * np.abs(self.target_mean_)
            self.target_scale_ = np.where(spread > rounding, spread, 1)
        lesson = Lesson.of(X, self._targets(y), weights)
        if validation is not None:
            other_X, other_y = checked_data(self, *pair(self, validation), multi_output=True, y_numeric=True)
            lesson.held_out = other_X, self._targets(other_y), np.ones(len(other_X))
        return lesson

    def _targets(self, y: np.ndarray) -> np.ndarray:
        """In units of the training targets' mean and standard deviation, one column per output."""
        columns = np.reshape(np.asarray(y, np.float64), (len(y), -1))
        if columns.shape[1] != len(self.target_mean_):
            expected, got = f"{len(self.target_mean_)} target columns", columns.shape[1]
            raise DataError(f"{type(self).__name__}, y", expected, got, "give y the shape of the first call")
        return as_floats(self, "y", (columns - self.target_mean_) / self.target_scale_)

    def __sklearn_tags__(self) -> Any:
        """Several target columns are welcome."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags

    def predict(self, X: Any) -> np.ndarray:
        """The outputs, ``(n,)`` or ``(n, outputs)`` as y was."""
        check_is_fitted(self)
        y = outputs(self.network_, checked_data(self, X)) * self.target_scale_ + self.target_mean_
        return y[:, 0] if self._single else y


def learn(
    model: Any,
    lesson: Lesson,
    epochs: int,
    monitors: Sequence[Any],
    earlier: Run | None,
    stream: bool = False,
    output: str = "identity",
    *,
    classify: bool = False,
) -> Run:
    """Hold rows out where early stopping asks for it and none were given, then train; a spent stream stays as it is."""
    if stream and earlier is not None and earlier.stopped and model.early_stopping and model._stream:
        return earlier
    seed = earlier.seed[-1] if earlier is not None else seed_of(model.random_state)
    if model.early_stopping and lesson.held_out is None:
        lesson = hold_out(model, lesson, seed, classify=classify)
    run = fit_mlp(
        model, lesson, output, seed, classify=classify, epochs=epochs, stream=stream, monitors=monitors, earlier=earlier
    )
    if not stream and not run.stopped and model.tolerance > 0:
        warnings.warn(
            f"{type(model).__name__}: not converged after {epochs} epochs: the loss has not yet stood still for "
            f"{model.patience}; raise epochs, the learning rate or the tolerance",
            ConvergenceWarning,
            stacklevel=4 if classify else 3,
        )
    return run


def remember(model: Any, run: Run, stream: bool) -> Any:
    """Fitted attributes; a validation curve that was asked for late is NaN before."""
    model.run_, model.network_, model.n_iter_, model._stream = run, run.network, run.rounds, stream
    model.history_ = {name: np.asarray(values) for name, values in run.history.items()}
    for name, values in run.records.get("validation_curve", {}).items():
        late = np.full(run.rounds - len(values), np.nan)
        model.history_[name] = np.concatenate([late, values])
    return model


def pair(model: Any, validation: Any) -> tuple[Any, Any]:
    """The user's (X, y)."""
    if not isinstance(validation, tuple | list) or len(validation) != 2:
        got = type(validation).__name__
        raise DataError(f"{type(model).__name__}, validation_data", "a pair (X, y)", got, "pass validation_data=(X, y)")
    return validation[0], validation[1]
