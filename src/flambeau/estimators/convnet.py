"""Convolutional networks behind scikit-learn's interface."""

from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array

from flambeau.errors import ConfigurationError
from flambeau.estimators.classifier import AbstractNetworkClassifier, Coding
from flambeau.estimators.fitting import whole_sizes
from flambeau.estimators.image_data import asked, read_images
from flambeau.networks import FeedForward, convnet
from flambeau.networks.convnet import POOLINGS
from flambeau.neurons import activation
from flambeau.problems import Distorted, Distortion, Examples
from flambeau.rules import loss
from flambeau.structures import initialiser
from flambeau.training import Problem

__all__ = ["ConvNetClassifier", "as_learned", "check_distortion"]


class ConvNetClassifier(AbstractNetworkClassifier):
    r"""A convolutional network that learns classes of images by back-propagation.

    For every entry of ``channels`` a convolution and a pooling, then dense layers of ``hidden_layer_sizes``, then one
    softmax output per class.

    Parameters
    ----------
    image_shape : (height, width) or (height, width, channels); None takes the data's own (rows of a square number are
        square images).
    channels : maps of each convolution.
    kernel_size, stride, padding : of every convolution; numbers or pairs, padding also "same" or "valid".
    pooling, pool_size : "max", "average" or None, over windows side by side.
    hidden_layer_sizes : units of each dense layer.
    activation : name or object of :mod:`flambeau.neurons`.
    loss : "cross_entropy" or "mse" (with softmax outputs).
    distortion : None, or a :class:`flambeau.problems.Distortion` that every step draws anew.
    dropout : share of the inputs of every dense layer silenced while learning.

    The others as for :class:`~flambeau.MLPClassifier`.

    Attributes
    ----------
    ``classes_``, ``network_``, ``history_``, ``run_``, ``n_iter_``, ``n_features_in_``, ``image_shape_``.

    Raises :class:`~flambeau.errors.ConfigurationError`, :class:`~flambeau.errors.DataError`,
    :class:`~flambeau.errors.DivergenceError`.

    >>> import flambeau as fb
    >>> digits = fb.problems.load("digits")
    >>> model = ConvNetClassifier((8, 8), (8,), kernel_size=3, epochs=8, tolerance=0, random_state=0)
    >>> bool(model.fit(digits.images, digits.target).score(digits.data, digits.target) > 0.9)
    True

    *Limits.* Pixels of about unit size, channels last. Compiling a new shape takes seconds, training after it little.
    Source: LeCun, Bottou, Bengio, Haffner 1998. Lecture: 卷积神经网络.
    """

    def __init__(
        self,
        image_shape: Any = (28, 28),
        channels: Any = (16, 32),
        *,
        kernel_size: Any = 5,
        stride: Any = 1,
        padding: Any = "same",
        pooling: Any = "max",
        pool_size: Any = 2,
        hidden_layer_sizes: Any = (128,),
        activation: Any = "relu",
        loss: Any = "cross_entropy",
        distortion: Any = None,
        dropout: Any = 0.0,
        l1: Any = 0.0,
        l2: Any = 0.0,
        weight_decay: Any = 0.0,
        max_norm: Any = None,
        clip_norm: Any = None,
        optimizer: Any = "adam",
        learning_rate: Any = 0.001,
        batch_size: Any = 128,
        epochs: Any = 30,
        tolerance: Any = 1e-4,
        patience: Any = 10,
        early_stopping: Any = False,
        validation_fraction: Any = 0.1,
        class_weight: Any = None,
        initialisation: Any = "he",
        shuffle: Any = True,
        warm_start: Any = False,
        random_state: Any = None,
        verbose: Any = False,
    ) -> None:
        self.image_shape = image_shape
        self.channels = channels
        self.kernel_size = kernel_size
        self.stride = stride
        self.padding = padding
        self.pooling = pooling
        self.pool_size = pool_size
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.loss = loss
        self.distortion = distortion
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
        whole_sizes(self, "channels", empty=False)
        whole_sizes(self, "hidden_layer_sizes")
        loss(self.loss).check(activation("softmax"))
        activation(self.activation)
        initialiser(self.initialisation)
        check_distortion(self)
        if self.image_shape is not None:
            asked(self)
        if self.pooling is not None and self.pooling not in POOLINGS:
            expected = f"one of {', '.join(POOLINGS)}, or None"
            raise ConfigurationError("ConvNetClassifier.pooling", expected, repr(self.pooling), "choose one")

    def _read(self, X: Any, y: Any = "no_validation", *, reset: bool = False) -> Any:
        return read_images(self, X, y, reset=reset)

    def _coding(self, classes: np.ndarray) -> Coding:
        return Coding(len(classes), 0.0, 1.0, loss(self.loss))

    def _outline(self, shape: tuple[int, ...], coding: Coding) -> tuple:
        sizes = whole_sizes(self, "channels"), whole_sizes(self, "hidden_layer_sizes")
        return (shape, *sizes, coding.columns, *self._windows().items())

    def _windows(self) -> dict[str, Any]:
        moves = {"kernel": self.kernel_size, "stride": self.stride, "padding": self.padding, "pool": self.pool_size}
        return {name: pairs(value) for name, value in moves.items()} | {"pooling": self.pooling}

    def _draw(self, shape: tuple[int, ...], coding: Coding, key: Array) -> FeedForward:
        maps, hidden = whole_sizes(self, "channels"), whole_sizes(self, "hidden_layer_sizes")
        noise, start = float(self.dropout), self.initialisation
        settings = {**self._windows(), "activation": self.activation, "dropout": noise, "initialisation": start}
        return new_network(shape, maps, hidden, coding.columns, settings, jax.random.key_data(key))

    def _problem(self, examples: Examples) -> Problem:
        return as_learned(examples, self.distortion)


def pairs(value: Any) -> Any:
    """Lists as tuples, so that they can be told apart by value."""
    return tuple(pairs(part) for part in value) if isinstance(value, list | tuple) else value


def as_learned(examples: Examples, distortion: Distortion | None) -> Problem:
    """The examples, distorted anew at every step where that is asked for."""
    return examples if distortion is None else Distorted.of(examples, distortion)


def check_distortion(model: Any) -> None:
    """Refuse anything but None and a distortion."""
    if model.distortion is not None and not isinstance(model.distortion, Distortion):
        where, remedy = f"{type(model).__name__}.distortion", "for instance fb.problems.Distortion(shift=1.0)"
        raise ConfigurationError(where, "None or a Distortion", repr(model.distortion), remedy)


@eqx.filter_jit
def new_network(shape: Any, maps: Any, hidden: Any, outputs: int, settings: dict[str, Any], seed: Any) -> FeedForward:
    """A fresh network, drawn in one compiled call."""
    return convnet(shape, maps, hidden, outputs, key=jax.random.wrap_key_data(seed), **settings)
