"""Activations with a slope to follow: linear, saturating in pieces, and smooth.

ReLU is a special case of the saturating function, and is written so.
"""

import dataclasses
import math

import jax
import jax.numpy as jnp

from flambeau.neurons.activation_base import AbstractUnitwise, Values


@dataclasses.dataclass(frozen=True)
class Identity(AbstractUnitwise):
    """f(s) = s, with slope 1: a linear unit."""

    def __call__(self, net: Values) -> Values:
        """Return the net input."""
        return net

    def slope(self, net: Values, output: Values) -> Values:
        """1 everywhere."""
        return jnp.ones_like(net)


@dataclasses.dataclass(frozen=True)
class Saturating(AbstractUnitwise):
    """f(s) = min(max(s, low), high): linear between two corners, flat outside.

    The slope is 1 strictly inside and 0 at both corners and beyond; ``jax.grad`` of the call agrees with that, which
    a bare ``clip`` does not (it gives ½ on a corner). With ``low=0, high=inf`` this is the rectified linear unit.

    >>> float(Saturating(-1.0, 1.0)(jnp.asarray(3.0)))
    1.0
    """

    low: float = 0.0
    high: float = 1.0
    gradient = "takes the slope at the corners to be 0"

    def __call__(self, net: Values) -> Values:
        """Clip to [low, high]."""
        above = jnp.where(net <= self.low, self.low, net)
        return jnp.where(above >= self.high, self.high, above)

    def slope(self, net: Values, output: Values) -> Values:
        """[low < s < high], seen at the output: the net input need not be computed again."""
        return ((output > self.low) & (output < self.high)).astype(net.dtype)


def ReLU() -> Saturating:  # noqa: N802 - a name of the field, and of a value like the classes beside it
    """Rectified linear unit, max(s, 0): the saturating function whose upper corner is at infinity.

    >>> ReLU() == Saturating(0.0, math.inf)
    True
    """
    return Saturating(0.0, math.inf)


@dataclasses.dataclass(frozen=True)
class LeakyReLU(AbstractUnitwise):
    """f(s) = s for s > 0, else ``leak`` · s, so that no unit dies."""

    leak: float = 0.01
    gradient = "takes the slope at 0 to be the leak"

    @property
    def steepest(self) -> float:  # type: ignore[override]
        """1, or a leak beyond it."""
        return max(1.0, abs(self.leak))

    def __call__(self, net: Values) -> Values:
        """The net input s, or leak · s."""
        return jnp.where(net > 0, net, self.leak * net)

    def slope(self, net: Values, output: Values) -> Values:
        """1 or leak."""
        return jnp.where(net > 0, 1.0, self.leak).astype(net.dtype)


@dataclasses.dataclass(frozen=True)
class Sigmoid(AbstractUnitwise):
    """f(s) = 1 / (1 + e^-s), with slope y (1 - y), at most 1/4."""

    low = 0.0
    high = 1.0
    steepest = 0.25

    def __call__(self, net: Values) -> Values:
        """1 / (1 + e^-s)."""
        return jax.nn.sigmoid(net)

    def slope(self, net: Values, output: Values) -> Values:
        """y (1 - y)."""
        return output * (1 - output)


@dataclasses.dataclass(frozen=True)
class Tanh(AbstractUnitwise):
    """f(s) = tanh(s), with slope 1 - y²."""

    low = -1.0
    high = 1.0

    def __call__(self, net: Values) -> Values:
        """tanh(s)."""
        return jnp.tanh(net)

    def slope(self, net: Values, output: Values) -> Values:
        """1 - y²."""
        return 1 - output * output


@dataclasses.dataclass(frozen=True)
class ScaledTanh(AbstractUnitwise):
    """f(s) = 1.7159 tanh(2s/3), made so that f(±1) ≈ ±1 (LeCun, Bottou, Bengio, Haffner 1998)."""

    low = -1.7159
    high = 1.7159
    steepest = 1.7159 * 2 / 3

    def __call__(self, net: Values) -> Values:
        """1.7159 tanh(2s/3)."""
        return 1.7159 * jnp.tanh(net * (2 / 3))

    def slope(self, net: Values, output: Values) -> Values:
        """(2/3) (1.7159 - y²/1.7159), at most 1.144."""
        return (2 / 3) * (1.7159 - output * output / 1.7159)


@dataclasses.dataclass(frozen=True)
class Softplus(AbstractUnitwise):
    """f(s) = log(1 + e^s), a smooth ReLU, with the sigmoid as its slope."""

    low = 0.0

    def __call__(self, net: Values) -> Values:
        """log(1 + e^s), without overflow."""
        return jax.nn.softplus(net)

    def slope(self, net: Values, output: Values) -> Values:
        """1 / (1 + e^-s)."""
        return jax.nn.sigmoid(net)


@dataclasses.dataclass(frozen=True)
class GELU(AbstractUnitwise):
    """f(s) = s Φ(s), Φ the normal distribution function (exact, not the tanh form)."""

    low = -0.16997120747990369
    steepest = 1.128904145185155  # at s = √2

    def __call__(self, net: Values) -> Values:
        """The product s Φ(s)."""
        return jax.nn.gelu(net, approximate=False)

    def slope(self, net: Values, output: Values) -> Values:
        """Φ(s) + s φ(s)."""
        density = jnp.exp(-net * net / 2) / math.sqrt(2 * math.pi)
        return (1 + jax.lax.erf(net / math.sqrt(2))) / 2 + net * density


@dataclasses.dataclass(frozen=True)
class SiLU(AbstractUnitwise):
    """f(s) = s σ(s), σ the sigmoid (also called swish)."""

    low = -0.2784645427610738
    steepest = 1.099839320128867  # at s = 2.399

    def __call__(self, net: Values) -> Values:
        """The product s σ(s)."""
        return jax.nn.silu(net)

    def slope(self, net: Values, output: Values) -> Values:
        """σ(s) + y (1 - σ(s))."""
        gate = jax.nn.sigmoid(net)
        return gate + output * (1 - gate)


@dataclasses.dataclass(frozen=True)
class HardSigmoid(AbstractUnitwise):
    """f(s) = min(max(s/6 + 1/2, 0), 1): the sigmoid in three straight pieces."""

    low = 0.0
    high = 1.0
    steepest = 1 / 6
    gradient = "takes the slope at the corners to be 0"

    def __call__(self, net: Values) -> Values:
        """min(max(s/6 + 1/2, 0), 1)."""
        return Saturating(0.0, 1.0)(net / 6 + 0.5)

    def slope(self, net: Values, output: Values) -> Values:
        """1/6 inside, 0 outside."""
        return ((net > -3) & (net < 3)).astype(net.dtype) / 6
