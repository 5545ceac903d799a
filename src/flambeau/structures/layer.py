"""Layers: a structure with neurons at its receiving end. y = f(g(x)) is written once, here.

A layer answers three calls. ``layer(x)`` is the output a user sees. ``forward`` is the same while learning (it may
draw noise) and leaves a trace. ``backward`` is the lecture's chain rule for this one layer: from the error at the
outputs, ∂e/∂y, to the error at the inputs, ∂e/∂x, and a layer-shaped proposal, ∂e/∂(weights, bias).
"""

import abc
import dataclasses
from collections.abc import Callable
from typing import NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from flambeau.foundation.memory import kept_apart
from flambeau.foundation.random import coin_flips
from flambeau.neurons.activation import activation
from flambeau.neurons.activation_base import AbstractActivation
from flambeau.neurons.combination import AbstractCombination, WeightedSum, combination
from flambeau.structures.base import AbstractStructure
from flambeau.structures.dense import Dense
from flambeau.structures.initialisation import initialiser


class Trace(NamedTuple):
    """What a layer did with one batch: input x, net input s and output y (for dropout, s is the mask)."""

    x: Array
    net: Array
    output: Array


class AbstractLayer(eqx.Module):
    """Anything that passes activity up and credit down."""

    @property
    @abc.abstractmethod
    def neurons(self) -> "Layer | None":
        """The layer of neurons that this is; None for one that only passes on (see :class:`AbstractPassage`)."""

    @abc.abstractmethod
    def __call__(self, x: Float[Array, "batch ..."]) -> Float[Array, "batch ..."]:
        """The output, without noise."""

    @abc.abstractmethod
    def forward(self, x: Float[Array, "batch ..."], key: Array) -> Trace:
        """The output while learning, with what :meth:`backward` will need."""

    @abc.abstractmethod
    def backward(self, trace: Trace, error: Array) -> tuple[Array, "AbstractLayer"]:
        """``(∂e/∂x, ∂e/∂layer)`` from ``error`` = ∂e/∂y."""


class Layer(AbstractLayer):
    """A structure with one neuron per receiving unit: y = f(g(x)), g(x) = combine(x) - θ.

    Arguments: ``structure``; ``bias`` = -θ, one number per unit of the last axis (None: no thresholds); ``activation``
    f and ``combination`` g (fixed, not learned). Stored as a bias and shown as :attr:`threshold`.

    >>> unit = Layer(Dense(jnp.asarray([[1.0], [1.0]])), jnp.asarray([-1.5]), activation("step"))
    >>> unit(jnp.asarray([[0.0, 1.0], [1.0, 1.0]])).tolist()  # AND
    [[0.0], [1.0]]

    Lecture: 神经元的模拟 (simulating the neuron).
    """

    structure: AbstractStructure
    bias: Float[Array, " units"] | None = eqx.field(converter=kept_apart)
    activation: AbstractActivation = eqx.field(static=True)
    combination: AbstractCombination = eqx.field(static=True, default=WeightedSum())

    @property
    def neurons(self) -> "Layer":
        """The layer itself."""
        return self

    @property
    def threshold(self) -> Float[Array, " units"]:
        """θ = -bias, the lecture's sign; zeros where there is none."""
        return jnp.zeros(self.structure.unit_shape[-1]) if self.bias is None else -self.bias

    def net(self, x: Array) -> Array:
        """g(x) - θ: the net input s of every unit."""
        gathered = self.combination.combine(self.structure, x)
        return gathered if self.bias is None else self.structure.layout.plus(gathered, self.bias)

    def __call__(self, x: Array) -> Array:
        """f(g(x))."""
        return self.fire(self.net(x))

    def fire(self, net: Array) -> Array:
        """f(s)."""
        return self.ordered(self.activation, net)

    def ordered(self, f: Callable[..., Array], *arrays: Array) -> Array:
        """A function of the activation's, in the structure's layout unless units depend on each other."""
        return self.structure.layout.each(f, *arrays) if self.activation.unitwise else f(*arrays)

    def forward(self, x: Array, key: Array) -> Trace:
        """f(g(x)), with x and s kept."""
        net = self.net(x)
        return Trace(x, net, self.fire(net))

    def backward(self, trace: Trace, error: Array) -> tuple[Array, "Layer"]:
        """Through the activation (δ = ∂e/∂s), then :meth:`credit`."""
        return self.credit(trace, self.ordered(self.activation.delta, trace.net, trace.output, error))

    def credit(self, trace: Trace, delta: Array) -> tuple[Array, "Layer"]:
        """``(∂e/∂x, ∂e/∂layer)`` from δ = ∂e/∂s: the paths that meet in a weight or an input are summed."""
        layout = self.structure.layout
        gathered = trace.net if self.bias is None else layout.plus(trace.net, -self.bias)
        to_inputs, to_weights = self.combination.credit(self.structure, trace.x, gathered, delta)
        to_bias = None if self.bias is None else layout.sums(delta)
        return to_inputs, dataclasses.replace(self, structure=self.structure.with_weights(to_weights), bias=to_bias)


class AbstractPassage(AbstractLayer):
    """A layer without neurons or noise: activity passes up through the call, and the error down by ``backward``."""

    @property
    def neurons(self) -> None:
        """There are none."""
        return None

    def forward(self, x: Array, key: Array) -> Trace:
        """The output; there is no net input but the output."""
        y = self(x)
        return Trace(x, y, y)


class Dropout(AbstractLayer):
    """While learning, each input is silenced with probability ``rate`` and the others scaled by 1 / (1 - rate).

    >>> silence = Dropout(0.5)
    >>> x = jnp.ones((1, 4))
    >>> silence(x).tolist()  # no noise outside learning
    [[1.0, 1.0, 1.0, 1.0]]
    >>> import jax
    >>> silence.forward(x, jax.random.key(0)).output.tolist()
    [[2.0, 0.0, 2.0, 0.0]]

    Source: Srivastava, Hinton, Krizhevsky, Sutskever, Salakhutdinov 2014, "Dropout".
    """

    rate: float = eqx.field(static=True)

    @property
    def neurons(self) -> None:
        """There are none."""
        return None

    def __call__(self, x: Array) -> Array:
        """The input itself."""
        return x

    def forward(self, x: Array, key: Array) -> Trace:
        """The input times a random mask with mean 1."""
        mask = coin_flips(key, 1 - self.rate, x.shape).astype(x.dtype) / (1 - self.rate)
        return Trace(x, mask, x * mask)

    def backward(self, trace: Trace, error: Array) -> tuple[Array, "Dropout"]:
        """The same mask; nothing to learn."""
        return error * trace.net, self


def dense_layer(
    numbers: Float[Array, "inputs units"],
    f: str | AbstractActivation = "sigmoid",
    g: str | AbstractCombination = "weighted_sum",
    *,
    initialisation: str = "glorot",
) -> Layer:
    """A dense layer with weights made of uniform ``numbers`` in (0, 1), and zero thresholds.

    >>> dense_layer(jnp.full((3, 2), 0.5), "tanh").bias.shape
    (2,)

    Raises :class:`~flambeau.errors.ConfigurationError` for an unknown name.
    """
    weights = initialiser(initialisation)(numbers)
    return Layer(Dense(weights), jnp.zeros(numbers.shape[1], numbers.dtype), activation(f), combination(g))
