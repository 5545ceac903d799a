"""Activations: the f of y = f(g(x)), each with its slope, its range and what a gradient rule may do with it.

Every activation is a small frozen value: two with the same settings are equal, so a compiled program is reused.
The one thing that rules ask of it is :meth:`AbstractActivation.delta`, which carries an error from the outputs y
back to the net inputs s = g(x); for a unit-wise activation that is ``error * f'(s)``.

Lecture: 神经元的模拟 (simulating the neuron). ReLU is a special case of the saturating function, and is written so.
"""

import abc
import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from flambeau.errors import ConfigurationError, named

__all__ = [
    "ACTIVATIONS",
    "GELU",
    "AbstractActivation",
    "HardSigmoid",
    "Hardmax",
    "Identity",
    "LeakyReLU",
    "ReLU",
    "Saturating",
    "ScaledTanh",
    "SiLU",
    "Sigmoid",
    "Sign",
    "Softmax",
    "Softmin",
    "Softplus",
    "Step",
    "Tanh",
    "activation",
]

Values = Float[Array, "*shape"]


class AbstractActivation(abc.ABC):
    r"""f in y = f(s), with s = g(x) the net input.

    ``low`` and ``high`` bound the outputs, ``steepest`` the slope. ``gradient`` says in plain words what a gradient
    rule does with the activation; ``trainable`` is False where it refuses to (the slope is 0 wherever it exists).
    """

    low: float = -math.inf
    high: float = math.inf
    steepest: float = 1.0
    trainable: bool = True
    gradient: str = "follows the slope, which exists everywhere"

    @abc.abstractmethod
    def __call__(self, net: Values) -> Values:
        """Outputs y = f(s), of the same shape as ``net``."""

    @abc.abstractmethod
    def slope(self, net: Values, output: Values) -> Values:
        """f'(s); ``output`` is f(s), already known, and saves work where f' is simplest in y."""

    @abc.abstractmethod
    def delta(self, net: Values, output: Values, error: Values) -> Values:
        """The error at the net inputs, ∂e/∂s, from the error at the outputs, ∂e/∂y."""


class AbstractUnitwise(AbstractActivation):
    """An activation in which each output depends on its own net input only."""

    def delta(self, net: Values, output: Values, error: Values) -> Values:
        """∂e/∂s = ∂e/∂y · f'(s), unit by unit."""
        return error * self.slope(net, output)


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
        inside = (net > self.low) & (net < self.high)
        return jnp.where(inside, net, jax.lax.stop_gradient(jnp.clip(net, self.low, self.high)))

    def slope(self, net: Values, output: Values) -> Values:
        """[low < s < high]."""
        return ((net > self.low) & (net < self.high)).astype(net.dtype)


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


@dataclasses.dataclass(frozen=True)
class Step(AbstractUnitwise):
    """The 0-1 threshold unit: f(s) = [s > 0]; what happens at exactly 0 is ``at_zero``: "low" (0) or "high" (1).

    The slope is 0 wherever it exists, so no gradient reaches the weights. A gradient rule refuses a bare step; given
    a ``surrogate`` activation it uses that one's slope instead, and the network still computes the step.

    >>> Step(at_zero="high")(jnp.asarray([-1.0, 0.0, 2.0])).tolist()
    [0.0, 1.0, 1.0]
    """

    at_zero: Any = "low"
    surrogate: AbstractActivation | None = None
    low = 0.0
    high = 1.0
    gradient = "refuses: the slope is 0 wherever it exists; give a surrogate, or use the perceptron rule"

    def __post_init__(self) -> None:
        """Refuse an unknown convention."""
        check_at_zero("Step", self.at_zero, ("low", "high"))

    @property
    def trainable(self) -> bool:  # type: ignore[override]
        """True with a surrogate."""
        return self.surrogate is not None

    @property
    def steepest(self) -> float:  # type: ignore[override]
        """The surrogate's, or 0."""
        return 0.0 if self.surrogate is None else self.surrogate.steepest

    def __call__(self, net: Values) -> Values:
        """[s > 0], or [s >= 0] with ``at_zero="high"``."""
        fired = net >= 0 if self.at_zero == "high" else net > 0
        return fired.astype(net.dtype)

    def slope(self, net: Values, output: Values) -> Values:
        """The surrogate's slope, or 0."""
        return surrogate_slope(self.surrogate, net)


@dataclasses.dataclass(frozen=True)
class Sign(AbstractUnitwise):
    """The ±1 threshold unit: f(s) = sign(s); at exactly 0 "low" (-1), "middle" (0) or "high" (+1).

    Trained as :class:`Step` is: refused by a gradient rule unless it has a ``surrogate``.
    """

    at_zero: Any = "middle"
    surrogate: AbstractActivation | None = None
    low = -1.0
    high = 1.0
    gradient = "refuses: the slope is 0 wherever it exists; give a surrogate, or use the perceptron rule"

    def __post_init__(self) -> None:
        """Refuse an unknown convention."""
        check_at_zero("Sign", self.at_zero, ("low", "middle", "high"))

    @property
    def trainable(self) -> bool:  # type: ignore[override]
        """True with a surrogate."""
        return self.surrogate is not None

    @property
    def steepest(self) -> float:  # type: ignore[override]
        """The surrogate's, or 0."""
        return 0.0 if self.surrogate is None else self.surrogate.steepest

    def __call__(self, net: Values) -> Values:
        """-1 or +1, and ``at_zero`` between."""
        middle = {"low": -1.0, "middle": 0.0, "high": 1.0}[self.at_zero]
        return jnp.where(net == 0, jnp.asarray(middle, net.dtype), jnp.sign(net))

    def slope(self, net: Values, output: Values) -> Values:
        """The surrogate's slope, or 0."""
        return surrogate_slope(self.surrogate, net)


@dataclasses.dataclass(frozen=True)
class Softmax(AbstractActivation):
    """f(s)_j = e^{s_j} / Σ_k e^{s_k} over the last axis: outputs that are probabilities.

    Every output depends on every net input, so the slope is a matrix, diag(y) - y yᵀ; :meth:`delta` applies it
    without building it, and :meth:`slope` gives its diagonal.
    """

    low = 0.0
    high = 1.0
    steepest = 0.25  # of an output in its own net input

    def __call__(self, net: Values) -> Values:
        """e^s / Σ e^s, without overflow."""
        return jax.nn.softmax(net, axis=-1)

    def slope(self, net: Values, output: Values) -> Values:
        """y (1 - y), the diagonal of the Jacobian."""
        return output * (1 - output)

    def delta(self, net: Values, output: Values, error: Values) -> Values:
        """(diag(y) - y yᵀ) ∂e/∂y."""
        return output * (error - jnp.sum(error * output, axis=-1, keepdims=True))


@dataclasses.dataclass(frozen=True)
class Softmin(AbstractActivation):
    """f(s)_j = e^{-s_j} / Σ_k e^{-s_k} over the last axis: the nearest prototype is the most probable.

    For units whose net input is a distance or a penalty, such as LeNet-5's radial outputs: the softmax of -s.

    >>> Softmin()(jnp.asarray([0.0, math.log(3.0)])).round(2).tolist()
    [0.75, 0.25]
    """

    low = 0.0
    high = 1.0
    steepest = 0.25  # of an output in its own net input

    def __call__(self, net: Values) -> Values:
        """e^-s / Σ e^-s, without overflow."""
        return jax.nn.softmax(-net, axis=-1)

    def slope(self, net: Values, output: Values) -> Values:
        """-y (1 - y), the diagonal of the Jacobian."""
        return -output * (1 - output)

    def delta(self, net: Values, output: Values, error: Values) -> Values:
        """(y yᵀ - diag(y)) ∂e/∂y."""
        return output * (jnp.sum(error * output, axis=-1, keepdims=True) - error)


@dataclasses.dataclass(frozen=True)
class Hardmax(AbstractActivation):
    """Winner takes all over the last axis: 1 for the largest net input (the first of equals), 0 for the others.

    With the perceptron rule this is Kesler's multi-class perceptron: the right class gains x, the winner loses it.
    A gradient rule refuses it: its slope is 0 wherever it exists.
    """

    low = 0.0
    high = 1.0
    steepest = 0.0
    trainable = False
    gradient = "refuses: the slope is 0 wherever it exists; use softmax, or the perceptron rule"

    def __call__(self, net: Values) -> Values:
        """One-hot of the largest."""
        return jax.nn.one_hot(jnp.argmax(net, axis=-1), net.shape[-1], dtype=net.dtype)

    def slope(self, net: Values, output: Values) -> Values:
        """0 everywhere."""
        return jnp.zeros_like(net)

    def delta(self, net: Values, output: Values, error: Values) -> Values:
        """0 everywhere."""
        return jnp.zeros_like(error)


def check_at_zero(unit: str, value: Any, allowed: tuple[str, ...]) -> None:
    """What a threshold unit answers at exactly 0 is one of a few words."""
    if value not in allowed:
        raise ConfigurationError(f"{unit}.at_zero", f"one of {', '.join(allowed)}", repr(value), "choose one")


def surrogate_slope(surrogate: AbstractActivation | None, net: Values) -> Values:
    """The slope that stands in for a threshold's: the surrogate's own, or the true one, 0."""
    return jnp.zeros_like(net) if surrogate is None else surrogate.slope(net, surrogate(net))


ACTIVATIONS: dict[str, AbstractActivation] = {
    "identity": Identity(),
    "step": Step(),
    "sign": Sign(),
    "saturating": Saturating(),
    "relu": ReLU(),
    "leaky_relu": LeakyReLU(),
    "sigmoid": Sigmoid(),
    "logistic": Sigmoid(),  # scikit-learn's word
    "tanh": Tanh(),
    "scaled_tanh": ScaledTanh(),
    "softplus": Softplus(),
    "softmax": Softmax(),
    "softmin": Softmin(),
    "hardmax": Hardmax(),
    "hard_sigmoid": HardSigmoid(),
    "gelu": GELU(),
    "silu": SiLU(),
}


def activation(name: Any) -> AbstractActivation:
    """The activation of that name, or the activation itself.

    >>> activation("tanh")
    Tanh()
    >>> activation(LeakyReLU(0.2))
    LeakyReLU(leak=0.2)

    Raises :class:`~flambeau.errors.ConfigurationError` for a name that is not in ``ACTIVATIONS``.
    """
    if isinstance(name, AbstractActivation):
        return name
    return named("activation", ACTIVATIONS, name)
