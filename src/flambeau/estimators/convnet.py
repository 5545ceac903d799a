"""Convolutional networks behind scikit-learn's interface: free ones, and LeNet in its published forms."""

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY
from typing import Any, ClassVar

import jax
import numpy as np

from flambeau.errors import DataError
from flambeau.estimators import options
from flambeau.estimators.base import TRAINED, Drawing
from flambeau.estimators.classifier import AbstractNetworkClassifier, Coding
from flambeau.estimators.common import checked_data
from flambeau.estimators.descent import whole_sizes
from flambeau.estimators.parameters import number, one_of, parameters, several, whole
from flambeau.networks import convnet, lenet
from flambeau.networks.convnet import POOLINGS
from flambeau.networks.lenet import LENETS
from flambeau.problems import AbstractProblem, Distorted, Distortion, Examples
from flambeau.rules import CrossEntropy, MaximumAPosteriori, MeanSquaredError, loss

BYTES = 127  # whole numbers beyond this are the bytes of an image that nobody scaled
Shape = tuple[int, int, int]


@parameters
class AbstractImageClassifier(AbstractNetworkClassifier):
    """A network for images, all of ``image_shape_``: the parameter's, or (for None) the data's own.

    That is, of rows, a square where their length is a square number, else one line of pixels. ``image_shape`` is a
    parameter that every kind declares in its place. Raises :class:`~flambeau.errors.DataError` for images of another
    shape, channels that do not come last, and bytes that nobody scaled.
    """

    _: KW_ONLY
    distortion: Distortion | None = options.distortions()
    learning_rate: options.Rate = options.learning_rates(0.001)
    batch_size: int | str = whole(128, least=1)
    epochs: int = whole(30, least=1)

    fitted: ClassVar[tuple[str, ...]] = (*TRAINED, "classes_", "image_shape_")

    def _inputs(self, X: Any, y: Any = "no_validation", *, reset: bool = False) -> Any:
        X, given = rows_of_images(X)
        if given is not None and not reset:
            self._check_shape(self.image_shape_, given)
        checked = checked_data(self, X, y, reset=reset)
        rows = checked if isinstance(y, str) else checked[0]
        if reset:
            self.image_shape_: Shape = self._shape_of(given, rows.shape[1])
        if rows.size and rows.max() > BYTES and (rows == np.rint(rows)).all():
            got = f"whole numbers up to {rows.max():g}"
            raise DataError(f"{type(self).__name__}, X", "pixels of about unit size", got, "divide X by 255")
        images = rows.reshape(len(rows), *self.image_shape_)
        return images if isinstance(y, str) else (images, checked[1])

    def _shape_of(self, given: Shape | None, features: int) -> Shape:
        """The images' (height, width, channels), from the parameter, the array or the number of pixels."""
        asked: Sequence[int] | None = vars(self)["image_shape"]
        if asked is None:
            side = math.isqrt(features)
            return given or ((side, side, 1) if side**2 == features else (1, features, 1))
        height, width, channels = (int(side) for side in (*asked, 1)[:3])
        wanted = height, width, channels
        if given is not None:
            self._check_shape(wanted, given)
        if math.prod(wanted) != features:
            expected = f"rows of {' · '.join(map(str, wanted))} = {math.prod(wanted)} pixels"
            remedy = "pass image_shape=(height, width) or (height, width, channels) of your images"
            raise DataError(f"{type(self).__name__}, X", expected, f"rows of {features}", remedy)
        return wanted

    def _check_shape(self, wanted: Shape, given: Shape) -> None:
        """Refuse images of another shape, and say so where only the channels are in the wrong place."""
        if given != wanted:
            first = (given[1], given[2], given[0]) == wanted
            remedy = "put the channels last: np.moveaxis(X, 1, -1)" if first else "pass image_shape of your images"
            expected = f"images of (height, width, channels) {wanted}"
            raise DataError(f"{type(self).__name__}, X", expected, given, remedy + ("" if first else ", or crop them"))

    def _problem(self, examples: Examples) -> AbstractProblem:
        return examples if self.distortion is None else Distorted.of(examples, self.distortion)


def rows_of_images(X: Any) -> tuple[Any, Shape | None]:
    """Images as rows, and their shape; a table, or whatever else it may be, as it is."""
    if not isinstance(X, np.ndarray | jax.Array | list | tuple):
        return X, None
    try:
        images = np.asarray(X)
    except ValueError:  # rows of different lengths: scikit-learn's validation will say so
        return X, None
    if images.ndim not in (3, 4):
        return X, None
    height, width, channels = (*images.shape[1:], 1)[:3]
    return images.reshape(len(images), math.prod(images.shape[1:])), (height, width, channels)


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

    image_shape: Sequence[int] | None = options.image_shapes((28, 28))
    channels: int | Sequence[int] = several((16, 32), empty=False)
    _: KW_ONLY
    kernel_size: int | Sequence[int] = options.windows(5)
    stride: int | Sequence[int] = options.windows(1)
    padding: int | str | Sequence = options.windows("same", least=0, also=("same", "valid"))
    pooling: str | None = one_of("max", POOLINGS, also=(None,))
    pool_size: int | Sequence[int] = options.windows(2)
    hidden_layer_sizes: int | Sequence[int] = several((128,))
    activation: options.ActivationLike = options.one_activation("relu")
    loss: options.LossLike = options.loss_named("cross_entropy", "cross_entropy", "mse")
    initialisation: str = options.start_named("he")

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
    >>> model = LeNetClassifier("modern", image_shape=(8, 8), epochs=5, tolerance=0, random_state=0)
    >>> model.fit(digits.images[:1200], digits.target[:1200]).predict_proba(digits.images[1200:]).shape
    (597, 10)

    *Limits.* One channel, pixels from 0 (paper) to 1 (ink). LeNet-5 as published knows ten classes at most. Trained
    by the optimiser given, not by the paper's diagonal Levenberg-Marquardt method.
    Source: LeCun, Bottou, Bengio, Haffner 1998. Lecture: 卷积神经网络, LeNet.
    """

    variant: str = one_of("lenet-5", LENETS)
    _: KW_ONLY
    image_shape: Sequence[int] | None = options.image_shapes((28, 28))
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
