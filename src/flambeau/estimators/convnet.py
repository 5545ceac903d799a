"""Convolutional networks behind scikit-learn's interface."""

from collections.abc import Sequence
from dataclasses import KW_ONLY
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Array

from flambeau.estimators.base import TRAINED
from flambeau.estimators.classifier import AbstractNetworkClassifier, Coding, Drawing
from flambeau.estimators.descent import whole_sizes
from flambeau.estimators.image_data import read_images
from flambeau.estimators.options import (
    ActivationLike,
    ClassWeight,
    LossLike,
    OptimizerLike,
    Rate,
    Seed,
    class_weights,
    distortions,
    image_shapes,
    learning_rates,
    loss_named,
    one_activation,
    optimizer_named,
    start_named,
    windows,
)
from flambeau.estimators.parameters import flag, number, one_of, parameters, seed, several, whole
from flambeau.networks import FeedForward, convnet
from flambeau.networks.convnet import POOLINGS
from flambeau.neurons import activation
from flambeau.problems import AbstractProblem, Distorted, Distortion, Examples
from flambeau.rules import loss

__all__ = ["ConvNetClassifier", "as_learned"]


@parameters
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

    image_shape: Sequence[int] | None = image_shapes((28, 28))
    channels: int | Sequence[int] = several((16, 32), empty=False)
    _: KW_ONLY
    kernel_size: int | Sequence[int] = windows(5)
    stride: int | Sequence[int] = windows(1)
    padding: int | str | Sequence = windows("same", least=0, also=("same", "valid"))
    pooling: str | None = one_of("max", POOLINGS, also=(None,))
    pool_size: int | Sequence[int] = windows(2)
    hidden_layer_sizes: int | Sequence[int] = several((128,))
    activation: ActivationLike = one_activation("relu")
    loss: LossLike = loss_named("cross_entropy", "cross_entropy", "mse")
    distortion: Distortion | None = distortions()
    dropout: float = number(0.0, least=0, below=1)
    l1: float = number(0.0, least=0)
    l2: float = number(0.0, least=0)
    weight_decay: float = number(0.0, least=0)
    max_norm: float | None = number(None, least=0, also=(None,))
    clip_norm: float | None = number(None, least=0, also=(None,))
    optimizer: OptimizerLike = optimizer_named("adam")
    learning_rate: Rate = learning_rates(0.001)
    batch_size: int | str = whole(128, least=1)
    epochs: int = whole(30, least=1)
    tolerance: float = number(1e-4, least=0)
    patience: int = whole(10, least=1)
    early_stopping: bool = flag(False)
    validation_fraction: float = number(0.1, above=0, below=1)
    class_weight: ClassWeight = class_weights()
    initialisation: str = start_named("he")
    shuffle: bool = flag(True)
    warm_start: bool = flag(False)
    random_state: Seed = seed()
    verbose: bool = flag(False)

    fitted: ClassVar[tuple[str, ...]] = (*TRAINED, "classes_", "image_shape_")

    def _check(self) -> None:
        self._optimizer()
        loss(self.loss).check(activation("softmax"))

    def _inputs(self, X: Any, y: Any = "no_validation", *, reset: bool = False) -> Any:
        return read_images(self, X, y, reset=reset)

    def _coding(self, classes: np.ndarray) -> Coding:
        return Coding(len(classes), 0.0, 1.0, loss(self.loss))

    def _drawing(self, shape: tuple[int, ...], coding: Coding) -> Drawing:
        maps, hidden = whole_sizes(self.channels), whole_sizes(self.hidden_layer_sizes)
        moves = {"kernel_size": self.kernel_size, "stride": self.stride, "padding": self.padding,
                 "pool_size": self.pool_size}  # fmt: skip
        windows = {name: pairs(value) for name, value in moves.items()}
        settings = {"pooling": self.pooling, "activation": self.activation, "dropout": float(self.dropout),
                    "initialisation": self.initialisation}  # fmt: skip
        sizes = {"image_shape": shape, "channels": maps, "hidden_layer_sizes": hidden, "outputs": coding.columns}

        def draw(key: Array) -> FeedForward:
            how = {"kernel": windows["kernel_size"], "stride": windows["stride"], "padding": windows["padding"],
                   "pool": windows["pool_size"], **settings}  # fmt: skip
            return convnet(shape, maps, hidden, coding.columns, **how, key=key)

        return Drawing({**sizes, **windows, **settings}, draw)

    def _problem(self, examples: Examples) -> AbstractProblem:
        return as_learned(examples, self.distortion)


def pairs(value: Any) -> Any:
    """Lists as tuples, so that they can be told apart by value."""
    return tuple(pairs(part) for part in value) if isinstance(value, list | tuple) else value


def as_learned(examples: Examples, distortion: Distortion | None) -> AbstractProblem:
    """The examples, distorted anew at every step where that is asked for."""
    return examples if distortion is None else Distorted.of(examples, distortion)
