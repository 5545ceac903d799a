"""Chapter 9: outputs that return; lateral inhibition."""

import numpy as np
from matplotlib.axes import Axes

from flambeau.journey.chapter import Telling, section
from flambeau.journey.comparisons import Equal
from flambeau.pictures.figures import SERIES

UNITS, PUSH = 6, 0.1  # each unit takes a tenth of every other's activity away


def inhibited(x: np.ndarray, push: float, most: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    """x_i ← max(0, x_i - ε Σ_{j≠i} x_j) until one unit is left: all states of the first row, and all ends."""
    path = [x[0]]
    for _ in range(most):
        x = np.maximum(0, x - push * (x.sum(axis=1, keepdims=True) - x))
        path.append(x[0])
        if ((x > 0).sum(axis=1) <= 1).all():
            break
    return np.asarray(path), x


@section("Outputs that return")
def feedback(page: Telling) -> None:
    """Feedback within a layer: what a network with it can do that one without cannot."""
    count = page.setting.pick(200, 1000, 10_000)
    x = np.random.default_rng(page.setting.seed).uniform(0.2, 1, (count, UNITS))
    path, ends = inhibited(x, page.either("units excite each other", PUSH, -PUSH), 200)
    alone = int(np.sum(((ends > 0).sum(axis=1) == 1) & (ends.argmax(axis=1) == x.argmax(axis=1))))

    def draw(axes: list[Axes]) -> None:
        for unit, color in enumerate(SERIES):
            axes[0].plot(path[:, unit], color=color, marker="o", markersize=3, label=f"unit {unit + 1}")
        axes[0].set(xlabel="rounds", ylabel="activity", ylim=(0, 1.05), xlim=(0, 12))
        axes[0].legend(loc="center left", bbox_to_anchor=(1, 0.5))

    page.say(
        "两种网络的显著区别：不带反馈、带有反馈 (the marked difference between two kinds of networks: without "
        "feedback, and with it). So far signals went up, once. Now outputs return: to the units beside them in the "
        "same layer (层内的传递（侧抑制）, lateral inhibition) or to the layer below (层间的传递). Such a network "
        "has a *history*: what it says now depends on what it said before, and the question is whether it ever stops "
        "changing."
    )
    page.equation("x_i ← max(0, x_i - ε Σ_{j≠i} x_j)", "each unit takes a little away from all others")
    page.figure(
        "The strongest silences the others",
        "Six units with random activities; in every round each loses a tenth of what the others have.",
        draw,
        "Six falling curves; five reach 0 one after the other, one stays.",
        height=2.4,
    )
    page.say(
        "It does stop here: the difference between two units that are still active grows in every round, so the "
        "weakest falls silent, then the next, until one is left. A layer without feedback cannot do that; no unit in "
        "it knows of another."
    )
    page.claim(
        "Feedback within a layer: lateral inhibition leaves the strongest alone",
        Equal(alone, count, "in {found:,} of " + f"{count:,} random starts of {UNITS} units"),
        "units excite each other",
    )
