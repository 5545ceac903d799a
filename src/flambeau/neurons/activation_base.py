"""What an activation is: the f of y = f(g(x)), with its slope, its range and what a gradient rule may do with it.

Every activation is a small frozen value: two with the same settings are equal, so a compiled program is reused.
The one thing that rules ask of it is :meth:`AbstractActivation.delta`, which carries an error from the outputs y
back to the net inputs s = g(x); for a unit-wise activation that is ``error * f'(s)``.

Lecture: 神经元的模拟 (simulating the neuron).
"""

import abc
import math

from jaxtyping import Array, Float

Values = Float[Array, "*shape"]


class AbstractActivation(abc.ABC):
    r"""f in y = f(s), with s = g(x) the net input.

    ``low`` and ``high`` bound the outputs, ``steepest`` the slope. ``gradient`` says in plain words what a gradient
    rule does with the activation; ``trainable`` is False where it refuses to (the slope is 0 wherever it exists).
    ``unitwise`` is True where each output depends on its own net input only.
    """

    low: float = -math.inf
    high: float = math.inf
    steepest: float = 1.0
    trainable: bool = True
    unitwise: bool = False
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

    unitwise: bool = True

    def delta(self, net: Values, output: Values, error: Values) -> Values:
        """∂e/∂s = ∂e/∂y · f'(s), unit by unit."""
        return error * self.slope(net, output)
