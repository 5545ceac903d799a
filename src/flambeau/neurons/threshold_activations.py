"""Threshold units: step and sign. Their slope is 0 wherever it exists, so a gradient needs a surrogate's."""

import dataclasses
from typing import Any

import jax.numpy as jnp

from flambeau.errors import ConfigurationError
from flambeau.neurons.activation_base import AbstractActivation, AbstractUnitwise, Values


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


def check_at_zero(unit: str, value: Any, allowed: tuple[str, ...]) -> None:
    """What a threshold unit answers at exactly 0 is one of a few words."""
    if value not in allowed:
        raise ConfigurationError(f"{unit}.at_zero", f"one of {', '.join(allowed)}", repr(value), "choose one")


def surrogate_slope(surrogate: AbstractActivation | None, net: Values) -> Values:
    """The slope that stands in for a threshold's: the surrogate's own, or the true one, 0."""
    return jnp.zeros_like(net) if surrogate is None else surrogate.slope(net, surrogate(net))
