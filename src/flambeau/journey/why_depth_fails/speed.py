"""Chapter 6: how long a deep stack of sigmoids takes to start, and which layers move first."""

from typing import Any

import jax
import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Telling, section
from flambeau.journey.comparisons import All
from flambeau.journey.data import split_digits
from flambeau.journey.samples import Gain, MeanAbove
from flambeau.journey.why_depth_fails.layers import ROOM, of_depth, there
from flambeau.journey.why_depth_fails.training import learned_depths, stack
from flambeau.pictures import gradient_flow
from flambeau.pictures.figures import GREY

WATCHED, RATE = 3, 0.5  # hidden layers of the network whose layers are followed; the learning rate
HALF = np.log(10) / 2  # half of the loss of a network that says nothing


def _halved(run: fb.Run) -> float:
    """After how many epochs the loss is half of what it is for pure guessing; one more than all if never."""
    below = run.history["loss"] < HALF
    return float(np.argmax(below)) + 1 if below.any() else len(below) + 1.0


def _moved(start: fb.networks.FeedForward, run: fb.Run) -> list[float]:
    """‖W(t) - W(0)‖ / ‖W(0)‖ of every layer."""
    pairs = zip(matrices(run.network), matrices(start), strict=True)
    return [float(np.linalg.norm(now - then) / np.linalg.norm(then)) for now, then in pairs]


def matrices(network: fb.networks.FeedForward) -> list[np.ndarray]:
    """The weights of the layers that are there, bottom first."""
    return [np.asarray(leaf) for leaf in jax.tree.leaves(there(network)) if leaf.ndim == 2]


def _followed(seed: int, times: np.ndarray, hidden: str) -> np.ndarray:
    """How far every layer has moved after so many epochs, ``(times, layers)``."""
    start, problem, run, ways = of_depth(stack(ROOM, seed, hidden), WATCHED), split_digits(seed).problem, None, []
    for time in times:
        run = learned_depths(start, problem, RATE, int(time), fall=False, key=seed, resume=run)
        ways.append(_moved(start, run))
    return np.asarray(ways)


def depth_run(seed: int, depth: int, epochs: int, hidden: str) -> fb.Run:
    """Plain gradient descent at one rate."""
    start = of_depth(stack(ROOM, seed, hidden), depth)
    return learned_depths(start, split_digits(seed).problem, RATE, epochs, fall=False, key=seed)


@section("Training is too slow")
def slow_training(page: Telling) -> None:
    """The same descent on stacks of 1 to 8 hidden layers, and how the layers of one of them move."""
    seeds, epochs = page.setting.seeds(4, 4, 6), page.setting.pick(40, 50, 200)
    depths = page.setting.pick((1, 2, 3), (1, 2, 3, ROOM), range(1, ROOM + 1))
    hidden = page.either("tanh units, which pass the gradient on", "sigmoid", "tanh")
    runs = {depth: [depth_run(seed, depth, epochs, hidden) for seed in seeds] for depth in depths}
    waited = {depth: [_halved(run) for run in each] for depth, each in runs.items()}
    first = np.asarray([_followed(seed, np.asarray([1]), hidden)[0] for seed in seeds])

    def draw(axes: list[Axes]) -> None:
        for (depth, each), color in zip(runs.items(), gradient_flow.shades(len(runs)), strict=True):
            for run in each:
                axes[0].plot(np.arange(1, epochs + 1), run.history["loss"], color=color, linewidth=1.4, alpha=0.85)
            epoch = float(np.mean(waited[depth]))
            place, way = ((epoch, HALF), (-7, -5)) if epoch <= epochs else ((epochs / 4, np.log(10)), (0, 5))
            axes[0].annotate(str(depth), place, xytext=way, ha="right", color=color, textcoords="offset points",
                             fontweight="bold")  # fmt: skip
        axes[0].axhline(np.log(10), color=GREY, linestyle=":", linewidth=1.1)
        axes[0].annotate("guessing", (epochs, np.log(10)), xytext=(0, -10), ha="right", color=GREY, fontsize=8,
                         textcoords="offset points")  # fmt: skip
        axes[0].set(xscale="log", xlabel="epoch", ylabel="loss", ylim=(0, 2.7), title="by number of hidden layers")
        axes[1].set(xscale="log", xlabel="epoch", ylabel="‖W(t) − W(0)‖ / ‖W(0)‖", title="how far each layer moved")
        times = np.unique(np.geomspace(1, epochs, 12).astype(int))
        ways = _followed(seeds[0], times, hidden)
        gradient_flow.curves(axes[1], ways, [f"layer {row + 1}" for row in range(WATCHED + 1)], times)

    page.say(
        "训练太慢 (training is too slow). Plain gradient descent, one rate for all, on stacks of sigmoid layers. A "
        "deep stack does not learn badly: for a long time it does not learn at all. Its top layer finds out how "
        "frequent each digit is, and then waits for the layers below to say something useful, while they wait for a "
        "gradient."
    )
    page.figure(
        "Waiting for depth",
        "Left, {count} splits and starts for each depth (the number at the curve); the loss of guessing is ln 10. "
        "Right, the way of each layer's weights from where they started, in one network of {watched} hidden layers.",
        draw,
        "Left loss curves that wait longer with depth, right a curve per layer, the top layer far ahead.",
        grid=(1, 2),
        height=3.0,
        options={"width_ratios": (1.1, 1)},
        count=len(seeds),
        watched=WATCHED,
    )
    page.say(
        "The top layers move first: after one epoch the top layer's weights have moved by {top:.1%} of their length, "
        "the lowest layer's by {low:.1%}. What the top learns in that time is of little use to it, as the left side "
        "shows; it has nothing to read yet.",
        top=float(first[:, -1].mean()),
        low=float(first[:, 0].mean()),
    )
    told = "{found:.1f} epochs until the loss is halved, from "
    _claimed_slow_training(page, waited, told, first)


def _claimed_slow_training(page: Telling, waited: Any, told: Any, first: Any) -> None:
    """What is claimed."""
    page.claim(
        "Training gets slower with every layer",
        All(*(Gain(waited[a], waited[b], 1.0, f"{told}{a} to {b} layers") for a, b in ((1, 2), (2, 3)))),
        "tanh units, which pass the gradient on",
    )
    page.claim(
        "The top layers move first",
        MeanAbove(
            np.log2(first[:, -1] / first[:, 0]), 1.0, "after an epoch 2^{found:.1f} times as far as the lowest layer"
        ),
        "tanh units, which pass the gradient on",
    )
