"""Chapter 3: the derivation, with numbers."""

from typing import Any

import jax
import numpy as np
from matplotlib.axes import Axes

from flambeau.journey.backpropagation.numbers import (
    BY_HAND,
    WEIGHTS,
    deeper,
    five_factors,
    four_ways,
    slope,
    two_outputs,
)
from flambeau.journey.chapter import Telling, section, worded
from flambeau.journey.comparisons import All, Below
from flambeau.pictures import panels
from flambeau.pictures.figures import BLUE, VERMILLION

UP = {(0, 0, 0): "0.1", (0, 0, 1): "0.3", (0, 1, 0): "0.2", (0, 1, 1): "0.4", (1, 0, 0): "0.5", (1, 1, 0): "0.6"}
DOWN = ((1, 0, 0), (1, 1, 0), (0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1))


def draw_wiring(values: dict[str, float], axes: list[Axes]) -> None:
    """Outputs on their way up, shares of the error on their way down."""
    up = [["1", "0"], *([worded(values[name], ".3f") for name in layer] for layer in (("y′₁", "y′₂"), ("y",)))]
    down = [["1", "0"], *([worded(values[name], ".4f") for name in layer] for layer in (("δ′₁", "δ′₂"), ("δ",)))]
    panels.wiring(axes[0], up, UP, BLUE)
    axes[0].set_title("upwards: the outputs")
    edges = dict(zip(DOWN, (worded(values[name], ".4f") for name in WEIGHTS), strict=True))
    panels.wiring(axes[1], down, edges, VERMILLION)
    axes[1].set_title("downwards: the shares δ")


@section("The derivation, with numbers")
def derivation(page: Telling) -> None:
    """The smallest network with a hidden layer, and what comes down its wires."""
    with jax.enable_x64(True):  # ten digits of every number are compared
        ours, automatic, moved = four_ways()
        network, batch = two_outputs()
        printed = five_factors(network, batch, page.either("only the first output's path", 2, 1))
        referee = np.asarray(slope(network, batch).layers[0].structure.weights)
        apart = deeper(page.either("δ a hundredth too large", 1.0, 1.01))
    weight = page.either("the weight above is forgotten", 1.0, 0.0)
    hand = max(abs(ours[name] - (value if "δ′" not in name else weight * value)) for name, value in BY_HAND.items())
    auto, slow = (max(abs(ours[name] - other[name]) for name in WEIGHTS) for other in (automatic, moved))
    page.say(
        "One input $x = (1, 0)$ should give $d = 1$. Going up, every unit answers. Going down, every unit learns how "
        "much of the error is its own: call that share $δ$, the slope of the error in the unit's net input $σ$."
    )
    page.equation("e = ½ Σ_i (d_i - y_i)^2,   ω ← ω - η \\frac{∂e}{∂ω}", "the error to be made small, and the way")
    page.equation(
        r"\frac{∂e}{∂ω_{ji}} = \frac{∂e}{∂y_i} \frac{∂y_i}{∂σ_i} \frac{∂σ_i}{∂ω_{ji}} = (y_i - d_i) · "
        r"y_i (1 - y_i) · y′_j = δ_i y′_j",
        "output layer: three slopes, one after the other",
    )
    page.equation(
        r"\frac{∂e}{∂ω_{kj}} = Σ_i \frac{∂e}{∂y_i} \frac{∂y_i}{∂σ} \frac{∂σ}{∂y′_j} \frac{∂y′_j}{∂σ′} "
        r"\frac{∂σ′}{∂ω_{kj}}",
        "hidden layer, as the lecture prints it: five slopes, summed over the outputs",
    )
    page.equation("δ′_j = y′_j (1 - y′_j) Σ_i ω_{ji} δ_i", "the same with the shares: paths that meet are added")
    page.figure(
        "The same network, upwards and downwards",
        "In the circles: left the outputs, right the shares. On the wires: left the weights, right their gradients.",
        lambda axes: draw_wiring(ours, axes),
        "A 2-2-1 network with its numbers, twice.",
        grid=(1, 2),
        height=2.5,
    )
    columns = (BY_HAND, ours, automatic, moved)
    page.table(
        "Every number of it; a prime marks the hidden layer, w′ᵢⱼ leads from input i to hidden unit j",
        ("", "by hand", "Flambeau", "jax.grad", "moved both ways"),
        [(name, *(worded(found[name], ".10f") if name in found else "" for found in columns)) for name in BY_HAND],
    )
    page.say("The weights from the silent input have gradient 0: what said nothing has no share in the error.")
    _claimed_derivation(page, hand, auto, slow, printed, referee, apart)


def _claimed_derivation(page: Telling, hand: Any, auto: Any, slow: Any, printed: Any, referee: Any, apart: Any) -> None:
    """What is claimed."""
    page.claim(
        "The lecture's formulas for the output and the hidden layer",
        All(
            Below(hand, 1e-9, "worked out by hand {found:tiny} apart"),
            Below(auto, 1e-14, "jax.grad {found:tiny}"),
            Below(slow, 1e-9, "weights moved both ways {found:tiny}"),
        ),
        "the weight above is forgotten",
    )
    page.claim(
        "For a hidden layer: five derivatives, and the sum over i",
        Below(float(np.abs(printed - referee).max()), 1e-12, "a 3-4-2 network against jax.grad: {found:tiny}"),
        "only the first output's path",
    )
    page.claim(
        "Derivatives of connections that are summed are added up, at any depth",
        Below(apart, 1e-12, "a 3-5-4-2 network against jax.grad, relative: {found:tiny}"),
        "δ a hundredth too large",
    )
