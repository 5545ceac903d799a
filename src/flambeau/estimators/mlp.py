"""Multi-layer perceptrons behind scikit-learn's interface."""

from collections.abc import Sequence
from dataclasses import KW_ONLY
from typing import Any, ClassVar

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_is_fitted

from flambeau.errors import DataError
from flambeau.estimators.base import TRAINED, AbstractStreaming, Course, Drawing, Given, Rows
from flambeau.estimators.classifier import AbstractNetworkClassifier, Coding, pair_of
from flambeau.estimators.common import as_floats, checked_data, outputs, row_weights
from flambeau.estimators.descent import AbstractDescending, whole_sizes
from flambeau.estimators.options import ActivationLike, LossLike, hidden_activations, loss_named, start_named
from flambeau.estimators.parameters import parameters, several, whole
from flambeau.networks import mlp
from flambeau.problems import AbstractProblem, Examples
from flambeau.rules import CrossEntropy, loss


@parameters
class AbstractMultiLayer(AbstractDescending):
    """Hidden layers, and how they are drawn."""

    hidden_layer_sizes: int | Sequence[int] = several((100,))
    activation: ActivationLike | Sequence[ActivationLike] = hidden_activations("sigmoid")
    _: KW_ONLY
    initialisation: str = start_named("lecun")

    def _perceptron(self, inputs: int, columns: int, output: str) -> Drawing:
        """A fresh perceptron with these hidden layers."""
        sizes = (inputs, *whole_sizes(self.hidden_layer_sizes), columns)
        hidden: Any = tuple(self.activation) if isinstance(self.activation, list) else self.activation
        drawn = {"dropout": float(self.dropout), "initialisation": self.initialisation}
        outline = {"hidden_layer_sizes": sizes[1:-1], "activation": hidden, **drawn, "inputs": inputs}
        return Drawing({**outline, "outputs": columns}, lambda key: mlp(sizes, hidden, output, **drawn, key=key))


@parameters
class MLPClassifier(AbstractMultiLayer, AbstractNetworkClassifier):
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
    learning_rate : a number; a schedule by name ("cosine", "linear", ...) or object, in epochs; or any function of the
        step's number, Optax's among them.
    batch_size : rows per step ("auto": 200, or all of a smaller set).
    epochs : passes over the data, at most.
    tolerance, patience : stop when the loss has not fallen by ``tolerance`` for ``patience`` epochs; tolerance 0 trains
        for as long as it falls at all, and does not warn when the epochs run out.
    early_stopping : watch held-out rows (``validation_fraction``, or ``validation_data`` at fit) instead of the
        training loss, and keep the best network.
    class_weight : None, "balanced", or label -> weight.
    initialisation : how weights start, see ``flambeau.structures.INITIALISERS``. The default is LeCun's: from
        Glorot's smaller weights a layer of sigmoid units hardly moves (XOR is not learned at all).
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

    _: KW_ONLY
    loss: LossLike = loss_named("cross_entropy", "cross_entropy", "mse")

    fitted: ClassVar[tuple[str, ...]] = (*TRAINED, "classes_")

    def _inputs(self, X: Any, y: Any = "no_validation", *, reset: bool = False) -> Any:
        return checked_data(self, X, y, reset=reset)

    def _coding(self, classes: np.ndarray) -> Coding:
        return Coding(1 if len(classes) == 2 else len(classes), 0.0, 1.0, loss(self.loss))

    def _drawing(self, shape: tuple[int, ...], coding: Coding) -> Drawing:
        softmax = coding.columns > 1 and coding.loss == CrossEntropy()
        return self._perceptron(shape[0], coding.columns, "softmax" if softmax else "sigmoid")

    def _problem(self, examples: Examples) -> AbstractProblem:
        return examples


@parameters
class MLPRegressor(RegressorMixin, AbstractMultiLayer, AbstractStreaming):
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

    _: KW_ONLY
    loss: LossLike = loss_named("mse", "mse")
    patience: int = whole(20, least=1)

    fitted: ClassVar[tuple[str, ...]] = (*TRAINED, "target_mean_", "target_scale_", "_single")

    def _read(self, given: Given, *, fresh: bool) -> Rows:
        X, y = checked_data(self, given.X, given.y, reset=fresh, multi_output=True, y_numeric=True)
        weights = row_weights(self, X, y, given.sample_weight)
        if fresh:
            self._single = np.ndim(y) == 1
            columns = as_floats(self, "y", np.reshape(y, (len(X), -1))).astype(np.float64)
            self.target_mean_ = np.average(columns, axis=0, weights=weights)
            spread = np.sqrt(np.average((columns - self.target_mean_) ** 2, axis=0, weights=weights))
            rounding = 100 * np.finfo(float).eps * np.abs(self.target_mean_)
            self.target_scale_ = np.where(spread > rounding, spread, 1)
        return Rows(X, self._targets(y), weights)

    def _read_held(self, validation_data: Any) -> Rows:
        X, y = checked_data(self, *pair_of(self, validation_data), multi_output=True, y_numeric=True)
        return Rows(X, self._targets(y), np.ones(len(X)))

    def _targets(self, y: np.ndarray) -> np.ndarray:
        """In units of the training targets' mean and standard deviation, one column per output."""
        columns = np.reshape(np.asarray(y, np.float64), (len(y), -1))
        if columns.shape[1] != len(self.target_mean_):
            expected, got = f"{len(self.target_mean_)} target columns", columns.shape[1]
            raise DataError(f"{type(self).__name__}, y", expected, got, "give y the shape of the first call")
        return as_floats(self, "y", (columns - self.target_mean_) / self.target_scale_)

    def _course(self, rows: Rows, held_out: Rows | None, *, stream: bool) -> Course:
        drawing = self._perceptron(rows.inputs.shape[1], rows.targets.shape[1], "identity")
        return self._by_backpropagation(rows, held_out, drawing, loss(self.loss), classify=False, stream=stream)

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
