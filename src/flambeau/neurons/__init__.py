"""The neuron, y = f(g(x)): combinations g and activations f."""

from flambeau.neurons.activation import ACTIVATIONS, activation
from flambeau.neurons.activation_base import AbstractActivation
from flambeau.neurons.combination import COMBINATIONS, AbstractCombination, RadialDistance, WeightedSum, combination
from flambeau.neurons.competing_activations import Hardmax, Softmax, Softmin
from flambeau.neurons.real_units import Gaussian, LearnedGaussian, NoisyReLU, RectifiedGaussian
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
from flambeau.neurons.unit_kinds import UNITS, Mixed, unit
from flambeau.neurons.units import AbstractUnit, Bernoulli, Categorical, Spin

__all__ = [
    "ACTIVATIONS",
    "COMBINATIONS",
    "GELU",
    "UNITS",
    "AbstractActivation",
    "AbstractCombination",
    "AbstractUnit",
    "Bernoulli",
    "Categorical",
    "Gaussian",
    "HardSigmoid",
    "Hardmax",
    "Identity",
    "LeakyReLU",
    "LearnedGaussian",
    "Mixed",
    "NoisyReLU",
    "RadialDistance",
    "ReLU",
    "RectifiedGaussian",
    "Saturating",
    "ScaledTanh",
    "SiLU",
    "Sigmoid",
    "Sign",
    "Softmax",
    "Softmin",
    "Softplus",
    "Spin",
    "Step",
    "Tanh",
    "WeightedSum",
    "activation",
    "combination",
    "unit",
]
