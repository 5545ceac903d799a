"""The chapter on depth, continued: how many labels a deep network needs, and where many starts end."""

import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Figure, Section, Setting, Told
from flambeau.journey.why_depth_fails_layers import ROOM, many_descents, of_depth
from flambeau.journey.why_depth_fails_training import (
    Digits,
    depth_digits,
    drawn_depths,
    learned_depths,
    right_depths,
    stack,
    tested,
)
from flambeau.pictures import panels
from flambeau.pictures.figures import BLUE, GREY, VERMILLION, picture

DEEP, DEEPEST = 6, 4  # hidden layers for the digits, and for XOR


def with_labels(data: Digits, depth: int, labels: int, epochs: int, seed: int) -> float:
    """The share of unseen digits named rightly by a tanh network that was shown so many labels.

    The labelled digits are repeated until there are as many as ever, so that all learn for the same number of steps.
    """
    rows = np.resize(np.random.default_rng(seed).permutation(len(data.inputs))[:labels], len(data.inputs))
    problem = fb.problems.Examples.of(data.inputs[rows], np.eye(10)[data.labels[rows]])
    run = learned_depths(of_depth(stack(ROOM, seed, "tanh"), depth), problem, 0.2, epochs, key=seed)
    return right_depths(run.network, data.unseen, data.truth)


def more_data(setting: Setting) -> Told:
    """The same labels for a shallow and a deep network."""
    data, seeds, epochs = depth_digits(setting.seed), setting.seeds(1, 4, 20), setting.pick(2, 12, 60)
    counts = setting.pick((30, 480), (30, 60, 120, 480), (30, 60, 120, 240, 480))
    scores = {depth: np.asarray([[with_labels(data, depth, count, epochs, seed) for seed in seeds] for count in counts])
              for depth in (1, DEEP)}  # fmt: skip
    behind = 100 * (scores[1] - scores[DEEP]).mean(axis=1)

    def draw(axes: list[Axes]) -> None:
        for (depth, values), color, mark in zip(scores.items(), (BLUE, VERMILLION), "os", strict=True):
            axes[0].plot(counts, 100 * values, color=color, alpha=0.25, linewidth=0.8)
            axes[0].plot(counts, 100 * values.mean(axis=1), color=color, marker=mark, markersize=5,
                         label=f"{depth} hidden layer{'s' * (depth > 1)}")  # fmt: skip
        axes[0].set(xscale="log", xlabel="labelled digits", ylabel="% of unseen digits right")
        axes[0].legend(loc="lower right")
        panels.counts(axes[0].xaxis, counts)
        axes[1].bar([str(count) for count in counts], behind, color=GREY, width=0.6)
        axes[1].set(xlabel="labelled digits", ylabel="points", title=f"{DEEP} layers behind one")

    return Section("Deeper networks need more data", (
        f"需要更多的数据 (more data are needed). Tanh units, whose gradient does not vanish, learn from {counts[0]} to "
        f"{counts[-1]} labelled digits, in networks of one hidden layer and of {DEEP}, all for as many steps.",
        Figure("Labels and depth", f"Thin, {len(seeds)} starts with labels of their own; thick, their mean.",
               picture(draw, 1, 2, 2.6, width_ratios=(1.4, 1)),
               "Two rising curves, the deep network's below at the left end; falling bars."),
        "With few labels the deep network is behind; with many it is level. Depth adds ways to be right about the "
        "labelled digits and wrong about the others, and only data tell them apart. Unlabelled digits are plenty: 使得"
        "未标注的数据也可以被用于训练 (let the unlabelled data be used for training too), says the lecture, and the "
        "chapters on pre-training will do so.",
    )), (tested("Deeper networks need more data", "further behind with few labels than with many",
               f"{behind[0]:.1f} points behind with {counts[0]} labels, {behind[-1]:.1f} with {counts[-1]}",
               bool(behind[0] > max(behind[-1], 0)),
               "Too few starts or steps to show it here."),)  # fmt: skip


def ends(hidden: str, depths: tuple[int, ...], steps: int, seeds: range) -> dict[int, np.ndarray]:
    """For every depth the error on XOR after training, and a little earlier: ``(seeds, 2)``."""
    sizes = (2, *(2,) * DEEPEST, 1)
    starts = [of_depth(drawn_depths(sizes, hidden, "sigmoid", seed), depth) for depth in depths for seed in seeds]
    losses = many_descents(starts, fb.problems.Examples.of(*fb.problems.xor()), 0.02, steps)[1]
    both = np.asarray(losses)[:, [-1, -steps // 4]].reshape(len(depths), len(seeds), 2)
    return dict(zip(depths, both, strict=True))


def local_minima(setting: Setting) -> Told:
    """XOR by layers of two units, from many starts: how many end elsewhere than at the bottom."""
    depths, steps = setting.pick((1, 4), (1, 2, 4), (1, 2, 3, 4)), setting.pick(500, 2000, 6000)
    seeds = setting.seeds(6, 24, 200)
    found = {f: ends(f, depths, steps, seeds) for f in ("sigmoid", "tanh")}
    badly = {f: [float(np.mean(each[:, 0] > 0.01)) for each in rows.values()] for f, rows in found.items()}
    those = np.concatenate([each[each[:, 0] > 0.01] for rows in found.values() for each in rows.values()])
    resting = float(np.mean(those[:, 0] > 0.95 * those[:, 1])) if len(those) else 1.0

    def draw(axes: list[Axes]) -> None:
        for panel, (f, rows), color in zip(axes, found.items(), (VERMILLION, BLUE), strict=True):
            for place, each in enumerate(rows.values()):
                spread = np.linspace(-0.28, 0.28, len(each))
                panel.scatter(place + spread, np.sort(each[:, 0]), color=color, s=12, alpha=0.6, linewidths=0)
            panel.set(xticks=range(len(depths)), xticklabels=depths, xlabel="hidden layers of two units", title=f)
        axes[0].set(ylabel="error where it ended", yticks=[0, 1 / 16, 1 / 12], yticklabels=["0", "1/16", "1/12"])

    told = {f: f"{', '.join(f'{part:.0%}' for part in each)} of {len(seeds)} starts with "
            f"{', '.join(map(str, depths))} hidden layers" for f, each in badly.items()}  # fmt: skip
    return Section("More local minima?", (
        "有更多的局部极小值 (there are more local minima). They cannot be counted; what can be counted is how often a "
        "descent ends in a bad place. XOR by hidden layers of two units, the fewest that can do it:",
        Figure("Where the descent ends", "One dot per start, sorted; at error 0 it has learned XOR. At 1/16 two of the "
               "four rows are answered by their mean, at 1/12 three.",
               picture(draw, 1, 2, 2.6, sharey=True), "Dots at three heights; with sigmoids more of them above."),
        f"Those that end badly have come to rest: {resting:.0%} of them improved by less than 5% in the last quarter. "
        "With sigmoids, depth makes bad ends more frequent. With tanh units it makes them rarer: further layers are "
        "also further ways out. Once more it is the sigmoid's flat ends, more than depth as such, that make trouble.",
    )), (tested("More local minima with depth: stacks of sigmoids", "more starts end badly, the deeper",
               told["sigmoid"], badly["sigmoid"][-1] > badly["sigmoid"][0],
               "Too few starts or steps to show it here."),
         tested("More local minima with depth: stacks of tanh units", "more starts end badly, the deeper",
               told["tanh"], badly["tanh"][-1] > badly["tanh"][0],
               "No law: units whose slope is 1 where they rest gain ways out by depth."))  # fmt: skip
