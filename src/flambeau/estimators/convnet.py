"""Convolutional networks behind scikit-learn's interface."""

from collections.abc import Sequence
from dataclasses import KW_ONLY
from typing import Any

import numpy as np

from flambeau.estimators.base import Drawing
from flambeau.estimators.classifier import Coding
from flambeau.estimators.descent import whole_sizes
from flambeau.estimators.image_data import AbstractImageClassifier
from flambeau.estimators.options import (
    ActivationLike,
    LossLike,
    image_shapes,
    loss_named,
    one_activation,
    start_named,
    windows,
)
from flambeau.estimators.parameters import one_of, parameters, several
from flambeau.networks import convnet
from flambeau.networks.convnet import POOLINGS
from flambeau.rules import loss

__all__ = ["ConvNetClassifier"]


@parameters
class ConvNetClassifier(AbstractImageClassifier):
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
    initialisation: str = start_named("he")

    def _coding(self, classes: np.ndarray) -> Coding:
        return Coding(len(classes), 0.0, 1.0, loss(self.loss))

    def _drawing(self, shape: tuple[int, ...], coding: Coding) -> Drawing:
        maps, hidden = whole_sizes(self.channels), whole_sizes(self.hidden_layer_sizes)
        sizes = {"image_shape": shape, "channels": maps, "hidden_layer_sizes": hidden, "outputs": coding.columns}
        names = {"kernel_size": "kernel", "stride": "stride", "padding": "padding", "pool_size": "pool"}
        moves = {name: pairs(getattr(self, name)) for name in names}
        settings = {name: getattr(self, name) for name in ("pooling", "activation", "initialisation")}
        settings["dropout"] = float(self.dropout)
        how = {**{names[name]: value for name, value in moves.items()}, **settings}
        return Drawing(
            {**sizes, **moves, **settings}, lambda key: convnet(shape, maps, hidden, coding.columns, **how, key=key)
        )


def pairs(value: Any) -> Any:
    """Lists as tuples, so that they can be told apart by value."""
    return tuple(pairs(part) for part in value) if isinstance(value, list | tuple) else value
