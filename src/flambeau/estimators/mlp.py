"""Multi-layer perceptrons behind scikit-learn's interface."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from flambeau.errors import DataError
from flambeau.estimators.classifier import AbstractNetworkClassifier, Coding
from flambeau.estimators.common import as_floats, checked_data, outputs, row_weights
from flambeau.estimators.fitting import Job, Lesson, check_settings, learn, pair, remember, whole_sizes
from flambeau.networks import FeedForward, mlp
from flambeau.neurons import activation
from flambeau.problems import Examples
from flambeau.rules import CrossEntropy, loss
from flambeau.training import Problem, Run

__all__ = ["MLPClassifier", "MLPRegressor"]


class MLPClassifier(AbstractNetworkClassifier):
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

    def _check(self) -> None:
        check_layers(self)

    def _read(self, X: Any, y: Any = "no_validation", *, reset: bool = False) -> Any:
        return checked_data(self, X, y, reset=reset)

    def _coding(self, classes: np.ndarray) -> Coding:
        return Coding(1 if len(classes) == 2 else len(classes), 0.0, 1.0, loss(self.loss))

    def _outline(self, shape: tuple[int, ...], coding: Coding) -> tuple:
        return (shape[0], *whole_sizes(self, "hidden_layer_sizes"), coding.columns)

    def _draw(self, shape: tuple[int, ...], coding: Coding, key: Array) -> FeedForward:
        output = "softmax" if coding.columns > 1 and coding.loss == CrossEntropy() else "sigmoid"
        return drawn(self, self._outline(shape, coding), output, key)

    def _problem(self, examples: Examples) -> Problem:
        return examples


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
        self._check_all()
        again = self.warm_start and hasattr(self, "run_")
        lesson = self._lesson(X, y, sample_weight, validation_data, reset=True, rescale=not again)
        return self._learn(lesson, self.epochs, monitors, self.run_ if again else None)

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
        self._check_all()
        first = not hasattr(self, "run_")
        lesson = self._lesson(X, y, sample_weight, validation_data, reset=first, rescale=first)
        return self._learn(lesson, 1, monitors, None if first else self.run_, stream=True)

    def _check_all(self) -> None:
        check_settings(self)
        check_layers(self)

    def _learn(
        self, lesson: Lesson, epochs: int, monitors: Sequence[Any], earlier: Run | None, *, stream: bool = False
    ) -> Any:
        sizes = (lesson.X.shape[1], *whole_sizes(self, "hidden_layer_sizes"), lesson.targets.shape[1])
        job = Job.by_error(sizes, lambda key: drawn(self, sizes, "identity", key), loss(self.loss), classify=False)
        return remember(self, learn(self, lesson, job, epochs, monitors, earlier, stream), stream)

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


def check_layers(model: Any) -> None:
    """Refuse sizes, losses and activations that do not exist."""
    whole_sizes(model, "hidden_layer_sizes")
    loss(model.loss)
    for name in model.activation if isinstance(model.activation, tuple | list) else (model.activation,):
        activation(name)


def drawn(model: Any, sizes: tuple[int, ...], output: str, key: Array) -> FeedForward:
    """A fresh perceptron of those sizes, with the model's activations."""
    hidden = tuple(model.activation) if isinstance(model.activation, list) else model.activation
    return new_network(sizes, hidden, output, float(model.dropout), model.initialisation, jax.random.key_data(key))


@eqx.filter_jit
def new_network(sizes: tuple, hidden: Any, output: str, dropout: float, start: str, seed: Any) -> FeedForward:
    """A fresh network, drawn in one compiled call."""
    key = jax.random.wrap_key_data(seed)
    return mlp(sizes, hidden, output, dropout=dropout, initialisation=start, key=key)
