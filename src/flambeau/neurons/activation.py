"""Activations by their names: the f of y = f(g(x)).

Lecture: 神经元的模拟 (simulating the neuron).
"""

from typing import Any

from flambeau.errors import named
from flambeau.neurons.activation_base import AbstractActivation
from flambeau.neurons.competing_activations import Hardmax, Softmax, Softmin
from flambeau.neurons.smooth_activations import (
    GELU,
    HardSigmoid,
    Identity,
    LeakyReLU,
    ReLU,
    Saturating,
    ScaledTanh,
    Sigmoid,
    SiLU,
    Softplus,
    Tanh,
)
from flambeau.neurons.threshold_activations import Sign, Step

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
