"""Errors to be made small. Each is a sum over the outputs of one example; the rule takes the mean over the batch.

A loss gives the value and δ = ∂e/∂s at the *net inputs* of the output layer in one call, because the pairs that belong
together (softmax or sigmoid with cross-entropy) are stable only when they are written together.
"""

import abc
import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from flambeau.errors import ConfigurationError, named
from flambeau.neurons import AbstractActivation, Sigmoid, Softmax, Softmin

Rows = Float[Array, "batch outputs"]


class AbstractLoss(abc.ABC):
    """e(y, d) for output y = f(s) and target d."""

    @abc.abstractmethod
    def check(self, f: AbstractActivation) -> None:
        """Refuse an output activation with which the loss is not defined."""

    @abc.abstractmethod
    def __call__(self, f: AbstractActivation, net: Rows, output: Rows, target: Rows) -> tuple[Array, Rows]:
        """``(e, ∂e/∂s)``: one value per example, and one row of deltas per example."""


@dataclasses.dataclass(frozen=True)
class MeanSquaredError(AbstractLoss):
    """e = ½ Σ_i (d_i - y_i)², the lecture's; δ_i = (y_i - d_i) f'(s_i).

    It is convex in y, not in the weights. Lecture: BP 神经网络.
    """

    def check(self, f: AbstractActivation) -> None:
        """Every activation will do."""

    def __call__(self, f: AbstractActivation, net: Rows, output: Rows, target: Rows) -> tuple[Array, Rows]:
        """Half the summed square, and its delta through f."""
        difference = output - target
        return 0.5 * jnp.sum(difference**2, axis=-1), f.delta(net, output, difference)


@dataclasses.dataclass(frozen=True)
class CrossEntropy(AbstractLoss):
    """e = -Σ_i d_i log y_i for softmax outputs; -Σ_i [d_i log y_i + (1-d_i) log(1-y_i)] for sigmoid ones.

    In both cases δ = y - d (for softmax, targets that sum to 1): the slope of the output cancels, and with it the
    slow start of a saturated output. Computed from the net inputs by logsumexp or softplus, so no log of 0 appears.

    >>> net, target = jnp.asarray([[0.0, 0.0]]), jnp.asarray([[1.0, 0.0]])
    >>> value, delta = CrossEntropy()(Softmax(), net, jnp.asarray([[0.5, 0.5]]), target)
    >>> round(float(value[0]), 4), delta.tolist()  # log 2
    (0.6931, [[-0.5, 0.5]])

    Raises :class:`~flambeau.errors.ConfigurationError` (:meth:`check`) for other output units.
    """

    def check(self, f: AbstractActivation) -> None:
        if not isinstance(f, Softmax | Sigmoid):
            raise ConfigurationError("CrossEntropy", "softmax or sigmoid output units", f, "choose one, or loss='mse'")

    def __call__(self, f: AbstractActivation, net: Rows, output: Rows, target: Rows) -> tuple[Array, Rows]:
        if isinstance(f, Softmax):
            mass = jnp.sum(target, axis=-1, keepdims=True)
            value = jax.nn.logsumexp(net, axis=-1) * mass[..., 0] - jnp.sum(target * net, axis=-1)
            return value, output * mass - target
        return jnp.sum(jax.nn.softplus(net) - target * net, axis=-1), output - target


@dataclasses.dataclass(frozen=True)
class MaximumAPosteriori(AbstractLoss):
    """e = s_d + log(e^-j + Σ_i e^{-s_i}), for outputs whose net inputs s are penalties (distances to prototypes).

    The right class's penalty is pulled down and the others' are pushed up, each by what it takes of the probability;
    the constant j > 0, ``rubbish``, stands for whatever is none of the classes, and keeps penalties that are large
    already from being pushed on. δ_i = d_i - e^{-s_i} / (e^-j + Σ_k e^{-s_k}).

    >>> near, target = jnp.asarray([[0.0, 4.0]]), jnp.asarray([[1.0, 0.0]])
    >>> value, delta = MaximumAPosteriori(rubbish=2.0)(Softmin(), near, Softmin()(near), target)
    >>> round(float(value[0]), 4), delta.round(3).tolist()
    (0.1429, [[0.133..., -0.016...]])

    Raises :class:`~flambeau.errors.ConfigurationError` (:meth:`check`) for other output units than ``Softmin``.
    Source: LeCun, Bottou, Bengio, Haffner 1998, equation 9 (there a mean over the examples, as here by the rule).
    """

    rubbish: float = 1.0

    def check(self, f: AbstractActivation) -> None:
        if not isinstance(f, Softmin):
            raise ConfigurationError("MaximumAPosteriori", "softmin output units", f, "choose them, or another loss")

    def __call__(self, f: AbstractActivation, net: Rows, output: Rows, target: Rows) -> tuple[Array, Rows]:
        """By logsumexp over the classes and the rubbish."""
        mass = jnp.sum(target, axis=-1, keepdims=True)
        every = jnp.concatenate([-net, jnp.full_like(net[..., :1], -self.rubbish)], axis=-1)
        evidence = jax.nn.logsumexp(every, axis=-1, keepdims=True)
        value = jnp.sum(target * net, axis=-1) + (evidence * mass)[..., 0]
        return value, target - jnp.exp(-net - evidence) * mass


LOSSES: dict[str, AbstractLoss] = {
    "mse": MeanSquaredError(),
    "cross_entropy": CrossEntropy(),
    "maximum_a_posteriori": MaximumAPosteriori(),
}


def loss(name: Any) -> AbstractLoss:
    """The loss of that name, or the loss itself.

    >>> loss("mse")
    MeanSquaredError()

    Raises :class:`~flambeau.errors.ConfigurationError` for an unknown name.
    """
    return name if isinstance(name, AbstractLoss) else named("loss", LOSSES, name)
