"""Chapter 7, the restricted Boltzmann machine: an an_energy, a chain of samples, a difference of two averages."""

from flambeau.journey.chapter import Plan, Quote
from flambeau.journey.restricted_boltzmann_machine.bias import steps_of_the_chain
from flambeau.journey.restricted_boltzmann_machine.digits import digit_bits, flipped
from flambeau.journey.restricted_boltzmann_machine.energy import an_energy
from flambeau.journey.restricted_boltzmann_machine.gradient import gradient
from flambeau.journey.restricted_boltzmann_machine.learning import learning, reconstruction
from flambeau.journey.restricted_boltzmann_machine.sampling import sampling

PLAN = Plan(
    "restricted_boltzmann_machine",
    "The restricted Boltzmann machine",
    Quote(
        "每层玻尔兹曼机包含一层可见节点和一层不可见节点，每个节点的数值只能取 0 或 1。采样是指根据隐变量的值来依照概"
        "率生成可见变量的过程，只能通过采样的方式看到网络现在是什么样子。",
        "Every Boltzmann machine holds a layer of visible and a layer of hidden nodes, and each node can only be 0 or "
        "1. Sampling means to generate visible variables, by their probabilities, from the values of the hidden ones; "
        "only by sampling can one see what the network is like now.",
    ),
    (an_energy, sampling, gradient, steps_of_the_chain, learning, reconstruction, digit_bits, flipped),
)
