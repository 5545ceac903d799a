"""The chapter on depth, continued: how long a deep stack of sigmoids takes to start, and which layers move first."""

import itertools

import jax
import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Claim, Figure, Section, Setting, Told
from flambeau.journey.why_depth_fails_layers import ROOM, of_depth, there
from flambeau.journey.why_depth_fails_training import depth_digits, learned_depths, stack
from flambeau.pictures import gradient_flow
from flambeau.pictures.figures import GREY, picture

WATCHED, RATE = 3, 0.5  # hidden layers of the network whose layers are followed; the learning rate
HALF = np.log(10) / 2  # half of the loss of a network that says nothing


def _halved(run: fb.Run) -> float:
    """After how many epochs the loss is half of what it is for pure guessing; infinity if never."""
    below = run.history["loss"] < HALF
    return int(np.argmax(below)) + 1 if below.any() else np.inf


def slow_training(setting: Setting) -> Told:
    """The same descent on stacks of 1 to 8 hidden layers, and how the layers of one of them move."""
    data, seeds, epochs = depth_digits(setting.seed), setting.seeds(1, 2, 5), setting.pick(6, 50, 200)
    depths = setting.pick((1, 3), (1, 2, 3, ROOM), range(1, ROOM + 1))
    times = np.unique(np.geomspace(1, epochs, setting.pick(3, 14, 20)).astype(int))
    stages = [followed(seed, setting, times) for seed in seeds]

    def learn(depth: int, seed: int) -> fb.Run:
        return learned_depths(of_depth(stack(ROOM, seed), depth), data.problem, RATE, epochs, fall=False, key=seed)

    runs = {depth: [run for run, _ in stages] if depth == WATCHED else [learn(depth, seed) for seed in seeds]
            for depth in depths}  # fmt: skip
    ways = np.mean([way for _, way in stages], axis=0)
    waited = [float(np.median([_halved(run) for run in each])) for each in runs.values()]
    told = [f"{epoch:.0f}" if np.isfinite(epoch) else f"not in {epochs}" for epoch in waited]

    def draw(axes: list[Axes]) -> None:
        for (depth, each), epoch, color in zip(runs.items(), waited, gradient_flow.shades(len(runs)), strict=True):
            for run in each:
                axes[0].plot(np.arange(1, epochs + 1), run.history["loss"], color=color, linewidth=1.4, alpha=0.85)
            place, way = ((epoch, HALF), (-7, -5)) if np.isfinite(epoch) else ((epochs / 4, np.log(10)), (0, 5))
            axes[0].annotate(str(depth), place, xytext=way, ha="right", color=color, textcoords="offset points",
                             fontweight="bold")  # fmt: skip
        axes[0].axhline(np.log(10), color=GREY, linestyle=":", linewidth=1.1)
        axes[0].annotate("guessing", (epochs, np.log(10)), xytext=(0, -10), ha="right", color=GREY, fontsize=8,
                         textcoords="offset points")  # fmt: skip
        axes[0].set(xscale="log", xlabel="epoch", ylabel="loss", ylim=(0, 2.7), title="by number of hidden layers")
        axes[1].set(xscale="log", xlabel="epoch", title=f"how far each layer moved, of {WATCHED + 1}")
        gradient_flow.curves(axes[1], ways, [f"layer {row + 1}" for row in range(WATCHED + 1)], times)

    return Section("Training is too slow", (
        "训练太慢 (training is too slow). Plain gradient descent, one rate for all, on stacks of sigmoid layers. A "
        "deep stack does not learn badly: for a long time it does not learn at all. Its top layer finds out how "
        "frequent each digit is, and then waits for the layers below to say something useful, while they wait for a "
        "gradient.",
        Figure("Waiting for depth", f"Left, {len(seeds)} starts for each depth; the loss of guessing is ln 10. Right, "
               "the way of each layer's weights from where they started, ‖W(t) − W(0)‖ / ‖W(0)‖.",
               picture(draw, 1, 2, 3.0, width_ratios=(1.1, 1)),
               "Left loss curves that wait longer with depth, right a curve per layer, the top layer far ahead."),
        f"The top layers move first: after one epoch the top layer's weights have moved by {ways[0, -1]:.1%} of their "
        f"length, the lowest layer's by {ways[0, 0]:.1%}. What the top learns in that time is of little use to it, as "
        "the left side shows; it has nothing to read yet.",
    )), (Claim("Training gets slower with every layer", "more epochs until the loss is halved",
               f"{', '.join(told)} epochs with {', '.join(map(str, depths))} hidden layers",
               all(a < b or not np.isfinite(a) for a, b in itertools.pairwise(waited))),
         Claim("The top layers move first", "after one epoch, three times as far as the lowest layer, or farther",
               ", ".join(f"{part:.1%}" for part in ways[0]) + ", from the bottom up",
               bool(ways[0, -1] > 3 * ways[0, 0])))  # fmt: skip


def followed(seed: int, setting: Setting, times: np.ndarray) -> tuple[fb.Run, np.ndarray]:
    """A run in stages, and after each ‖W(t) - W(0)‖ / ‖W(0)‖ of every layer, ``(times, layers)``."""
    start, data, ways = of_depth(stack(ROOM, seed), WATCHED), depth_digits(setting.seed), []
    run = learned_depths(start, data.problem, RATE, int(times[0]), fall=False, key=seed)
    for time in times:
        run = learned_depths(start, data.problem, RATE, int(time), fall=False, key=seed, resume=run)
        pairs = zip(matrices(run.network), matrices(start), strict=True)
        ways.append([np.linalg.norm(now - then) / np.linalg.norm(then) for now, then in pairs])
    return run, np.asarray(ways)


def matrices(network: fb.networks.FeedForward) -> list[np.ndarray]:
    """The weights of the layers that are there, bottom first."""
    return [np.asarray(leaf) for leaf in jax.tree.leaves(there(network)) if leaf.ndim == 2]
