"""LeNet behind scikit-learn's interface, in its published forms and the one trained today."""

from collections.abc import Sequence
from dataclasses import KW_ONLY

import numpy as np

from flambeau.errors import DataError
from flambeau.estimators.base import Drawing
from flambeau.estimators.classifier import Coding
from flambeau.estimators.image_data import AbstractImageClassifier
from flambeau.estimators.options import image_shapes
from flambeau.estimators.parameters import number, one_of, parameters
from flambeau.networks import lenet
from flambeau.networks.lenet import LENETS
from flambeau.rules import CrossEntropy, MaximumAPosteriori, MeanSquaredError

__all__ = ["LeNetClassifier"]


@parameters
class LeNetClassifier(AbstractImageClassifier):
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

    variant: str = one_of("lenet-5", LENETS)
    _: KW_ONLY
    image_shape: Sequence[int] | None = image_shapes((28, 28))
    rubbish: float = number(5.0, least=0)

    def _coding(self, classes: np.ndarray) -> Coding:
        if self.variant == "modern":
            return Coding(len(classes), 0.0, 1.0, CrossEntropy())
        if self.variant == "lenet-5":
            return Coding(len(classes), 0.0, 1.0, MaximumAPosteriori(float(self.rubbish)))
        return Coding(len(classes), -1.0, 1.0, MeanSquaredError())

    def _drawing(self, shape: tuple[int, ...], coding: Coding) -> Drawing:
        if shape[2] != 1:
            expected, got = "grey images, one channel", f"{shape[2]} channels"
            raise DataError("LeNetClassifier, X", expected, got, "average the channels, or use ConvNetClassifier")
        variant, image, count, dropout = self.variant, shape[:2], coding.columns, float(self.dropout)
        outline = {"variant": variant, "image_shape": image, "outputs": count, "dropout": dropout}
        return Drawing(outline, lambda key: lenet(variant, image, count, dropout=dropout, key=key))
