"""LeNet behind scikit-learn's interface, in its published forms and the one trained today."""

from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array

from flambeau.errors import DataError, named
from flambeau.estimators.classifier import AbstractNetworkClassifier, Coding
from flambeau.estimators.common import check_number
from flambeau.estimators.convnet import as_learned, check_distortion
from flambeau.estimators.image_data import asked, read_images
from flambeau.networks import FeedForward, lenet
from flambeau.networks.lenet import LENETS
from flambeau.problems import Examples
from flambeau.rules import CrossEntropy, MaximumAPosteriori, MeanSquaredError
from flambeau.training import Problem

__all__ = ["LeNetClassifier"]


class LeNetClassifier(AbstractNetworkClassifier):
    r"""LeNet on grey images, by back-propagation.

    Parameters
    ----------
    variant : "lenet-1", "lenet-4", "lenet-5" (as published) or "modern", see :func:`flambeau.networks.lenet`. The
        first two learn targets ±1 by the squared error, LeNet-5 the classes' bitmaps by the loss of 1998
        (:class:`~flambeau.rules.MaximumAPosteriori`), the modern form by cross-entropy.
    image_shape : (height, width), no larger than the network's field of 32x32 (28x28 for LeNet-1); smaller images lie
        in its middle. None takes the data's own.
    rubbish : LeNet-5's constant j: penalties beyond it are not pushed up any more.
    dropout : share of the inputs of every layer above the last pooling silenced while learning.
    distortion : None, or a :class:`flambeau.problems.Distortion` that every step draws anew.

    The others as for :class:`~flambeau.MLPClassifier`.

    Attributes
    ----------
    ``classes_``, ``network_``, ``history_``, ``run_``, ``n_iter_``, ``n_features_in_``, ``image_shape_``.

    Raises :class:`~flambeau.errors.ConfigurationError`, :class:`~flambeau.errors.DataError`,
    :class:`~flambeau.errors.DivergenceError`.

    >>> import flambeau as fb
    >>> digits = fb.problems.load("digits")
    >>> model = LeNetClassifier("lenet-1", image_shape=(8, 8), epochs=2, tolerance=0, random_state=0)
    >>> model.fit(digits.images[:500], digits.target[:500]).predict_proba(digits.images[:1]).shape
    (1, 10)

    *Limits.* One channel, pixels from 0 (paper) to 1 (ink). LeNet-5 as published knows ten classes at most. Trained
    by the optimiser given, not by the paper's diagonal Levenberg-Marquardt method.
    Source: LeCun, Bottou, Bengio, Haffner 1998. Lecture: 卷积神经网络, LeNet.
    """

    def __init__(
        self,
        variant: Any = "lenet-5",
        *,
        image_shape: Any = (28, 28),
        rubbish: Any = 5.0,
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
        shuffle: Any = True,
        warm_start: Any = False,
        random_state: Any = None,
        verbose: Any = False,
    ) -> None:
        self.variant = variant
        self.image_shape = image_shape
        self.rubbish = rubbish
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
        self.shuffle = shuffle
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def _check(self) -> None:
        named("LeNetClassifier.variant", LENETS, self.variant)
        check_number(self, "rubbish", 0)
        check_distortion(self)
        if self.image_shape is not None:
            asked(self)

    def _read(self, X: Any, y: Any = "no_validation", *, reset: bool = False) -> Any:
        images = read_images(self, X, y, reset=reset)
        if self.image_shape_[2] != 1:
            expected, got = "grey images, one channel", f"{self.image_shape_[2]} channels"
            raise DataError("LeNetClassifier, X", expected, got, "average the channels, or use ConvNetClassifier")
        return images

    def _coding(self, classes: np.ndarray) -> Coding:
        if self.variant == "modern":
            return Coding(len(classes), 0.0, 1.0, CrossEntropy())
        if self.variant == "lenet-5":
            return Coding(len(classes), 0.0, 1.0, MaximumAPosteriori(float(self.rubbish)))
        return Coding(len(classes), -1.0, 1.0, MeanSquaredError())

    def _outline(self, shape: tuple[int, ...], coding: Coding) -> tuple:
        return (self.variant, *shape[:2], coding.columns)

    def _draw(self, shape: tuple[int, ...], coding: Coding, key: Array) -> FeedForward:
        return new_network(self.variant, shape[:2], coding.columns, float(self.dropout), jax.random.key_data(key))

    def _problem(self, examples: Examples) -> Problem:
        return as_learned(examples, self.distortion)


@eqx.filter_jit
def new_network(variant: str, image: Any, classes: int, dropout: float, seed: Any) -> FeedForward:
    """A fresh network, drawn in one compiled call."""
    return lenet(variant, image, classes, dropout=dropout, key=jax.random.wrap_key_data(seed))
