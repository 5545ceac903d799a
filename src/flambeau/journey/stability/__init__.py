"""Chapter 9, stability: when a network whose outputs return to its inputs comes to rest, and when it does not."""

from flambeau.journey.chapter import Plan, Quote
from flambeau.journey.stability.diagonal import diagonal
from flambeau.journey.stability.feedback import feedback
from flambeau.journey.stability.graded import graded_stability
from flambeau.journey.stability.lyapunov import lyapunov
from flambeau.journey.stability.symmetry import all_together, asymmetry
from flambeau.journey.stability.temperature import temperature

PLAN = Plan(
    "stability",
    "Stability",
    Quote(
        "Hopfield 使用 Lyapunov 稳定性来衡量网络的稳定性。假设每个神经元只能取 1 或 0，那么可以证明，如果 wᵢⱼ = wⱼᵢ，"
        "wᵢᵢ = 0，网络就是稳定的。",
        "Hopfield judges a network's stability by Lyapunov's. Let each neuron be 1 or 0; then it can be proved that "
        "the network is stable if wᵢⱼ = wⱼᵢ and wᵢᵢ = 0.",
    ),
    (feedback, lyapunov, asymmetry, diagonal, all_together, temperature, graded_stability),
)
