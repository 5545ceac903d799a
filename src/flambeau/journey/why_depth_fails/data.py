"""Chapter 6: how many labels a deep network needs, and where many starts end."""

import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Telling, section
from flambeau.journey.data import split_digits
from flambeau.journey.samples import Gain
from flambeau.journey.why_depth_fails.layers import ROOM, many_descents, of_depth
from flambeau.journey.why_depth_fails.training import drawn_depths, learned_depths, right_depths, stack
from flambeau.pictures import panels
from flambeau.pictures.figures import BLUE, GREY, VERMILLION

DEEP, DEEPEST = 6, 4  # hidden layers for the digits, and for XOR


def with_labels(depth: int, labels: int, epochs: int, seed: int) -> float:
    """Percent of unseen digits named rightly by a tanh network that was shown so many labels.

    The labelled digits are repeated until there are as many as ever, so that all learn for the same number of steps.
    """
    data = split_digits(seed)
    rows = np.resize(np.arange(labels), len(data.inputs))
    problem = fb.problems.Examples.of(data.inputs[rows], data.targets[rows])
    run = learned_depths(of_depth(stack(ROOM, seed, "tanh"), depth), problem, 0.2, epochs, key=seed)
    return right_depths(run.network, data.unseen, data.truth)


@section("Deeper networks need more data")
def more_data(page: Telling) -> None:
    """The same labels for a shallow and a deep network."""
    seeds, epochs = page.setting.seeds(5, 6, 20), page.setting.pick(6, 12, 60)
    counts = page.setting.pick((30, 480), (30, 60, 120, 480), (30, 60, 120, 240, 480))
    deep = page.either("as shallow as the other", DEEP, 1)
    scores = {depth: np.asarray([[with_labels(each, count, epochs, seed) for seed in seeds] for count in counts])
              for depth, each in ((1, 1), (DEEP, deep))}  # fmt: skip
    behind = scores[1] - scores[DEEP]

    def draw(axes: list[Axes]) -> None:
        for (depth, values), color, mark in zip(scores.items(), (BLUE, VERMILLION), "os", strict=True):
            axes[0].plot(counts, values, color=color, alpha=0.25, linewidth=0.8)
            axes[0].plot(counts, values.mean(axis=1), color=color, marker=mark, markersize=5,
                         label=f"{depth} hidden layer{'s' * (depth > 1)}")  # fmt: skip
        axes[0].set(xscale="log", xlabel="labelled digits", ylabel="% of unseen digits right")
        axes[0].legend(loc="lower right")
        panels.counts(axes[0].xaxis, counts)
        axes[1].bar([str(count) for count in counts], behind.mean(axis=1), color=GREY, width=0.6)
        axes[1].set(xlabel="labelled digits", ylabel="points", title=f"{DEEP} layers behind one")

    page.say(
        "需要更多的数据 (more data are needed). Tanh units, whose gradient does not vanish, learn from {few} to {many} "
        "labelled digits, in networks of one hidden layer and of {deep}, all for as many steps.",
        few=counts[0],
        many=counts[-1],
        deep=DEEP,
    )
    page.figure(
        "Labels and depth",
        "Thin, {count} splits and starts; thick, their mean.",
        draw,
        "Two rising curves, the deep network's below at the left end; falling bars.",
        grid=(1, 2),
        height=2.6,
        options={"width_ratios": (1.4, 1)},
        count=len(seeds),
    )
    page.say(
        "With few labels the deep network is behind; with many less so. Depth adds ways to be right about the "
        "labelled digits and wrong about the others, and only data tell them apart. Unlabelled digits are plenty: 使"
        "得未标注的数据也可以被用于训练 (let the unlabelled data be used for training too), says the lecture, and "
        "the chapters on pre-training will try."
    )
    page.claim(
        "Deeper networks need more data",
        Gain(behind[-1], behind[0], told=f"{{found:.1f}} points behind, {counts[-1]} labels to {counts[0]}"),
        "as shallow as the other",
    )


def ends(hidden: str, depths: tuple[int, ...], steps: int, seeds: range) -> dict[int, np.ndarray]:
    """For every depth the error on XOR after training, and a little earlier: ``(seeds, 2)``."""
    sizes = (2, *(2,) * DEEPEST, 1)
    starts = [of_depth(drawn_depths(sizes, hidden, "sigmoid", seed), depth) for depth in depths for seed in seeds]
    problem = fb.problems.Examples.of(*fb.problems.xor(), shuffle=False)
    losses = np.asarray(many_descents(starts, problem, 0.02, steps)[1])
    both = losses[:, [-1, -steps // 4]].reshape(len(depths), len(seeds), 2)
    return dict(zip(depths, both, strict=True))


@section("More bad ends")
def bad_ends(page: Telling) -> None:
    """XOR by layers of two units, from many starts: how many end elsewhere than at the bottom."""
    depths, steps = page.setting.pick((1, 4), (1, 2, 4), (1, 2, 3, 4)), page.setting.pick(1500, 2000, 6000)
    seeds = page.setting.seeds(40, 80, 240)
    found = {f: ends(f, depths, steps, seeds) for f in ("sigmoid", "tanh")}
    badly = {f: {depth: each[:, 0] > 0.01 for depth, each in rows.items()} for f, rows in found.items()}
    shares = {f: [float(each.mean()) for each in rows.values()] for f, rows in badly.items()}
    regime = {f: page.either(f"{other} units for {f} units", f, other)
              for f, other in (("sigmoid", "tanh"), ("tanh", "sigmoid"))}  # fmt: skip
    those = np.concatenate([each[each[:, 0] > 0.01] for rows in found.values() for each in rows.values()])
    slow = float(np.mean(those[:, 0] > 0.95 * those[:, 1])) if len(those) else 1.0

    def draw(axes: list[Axes]) -> None:
        places = np.arange(len(depths))
        for shift, (f, each), color in zip((-0.2, 0.2), shares.items(), (VERMILLION, BLUE), strict=True):
            axes[0].bar(places + shift, 100 * np.asarray(each), 0.38, color=color, label=f"{f} units")
        axes[0].set(xticks=places, xticklabels=depths, xlabel="hidden layers of two units", ylabel="% that end badly")
        axes[0].grid(False, axis="x")
        axes[0].legend(loc="center left", bbox_to_anchor=(1, 0.5))

    page.say(
        "有更多的局部极小值 (there are more local minima). They cannot be counted; what can be counted is how often "
        "a descent ends in a bad place. XOR by hidden layers of two units, the fewest that can do it, from {count} "
        "starts for each bar:",
        count=len(seeds),
    )
    page.figure(
        "Where the descent ends badly",
        "The share of starts whose error is still above 0.01 after {steps:,} steps of Adam.",
        draw,
        "Bars: with sigmoids they rise with depth, with tanh units they fall.",
        height=2.3,
        steps=steps,
    )
    page.say(
        "Most of those that end badly hardly move any more ({slow:.0%} of them improved by less than 5% in the last "
        "quarter), but they are not *minima*. For the 2-2-1 network it is proved that no finite point but the "
        "solutions is one (Hamey 1998; Sprinkhuizen-Kuyper and Boers 1999): these are plateaus, along which the "
        "weights still grow. So what is measured is bad ends, and the lecture's word is not tested. With sigmoids, "
        "depth makes them more frequent. With tanh units it makes them rarer: further layers are also further ways "
        "out. Once more it is the sigmoid's flat ends, more than depth as such, that make trouble.",
        slow=slow,
    )
    for f, correction in (("sigmoid", ""), ("tanh", "No law: units whose slope is 1 at rest gain ways out by depth.")):
        rows = badly[regime[f]]
        page.claim(
            f"More bad ends with depth: stacks of {f} units",
            Gain(
                100.0 * rows[depths[0]],
                100.0 * rows[depths[-1]],
                told=f"{{found:.0f}}% end badly, {depths[0]} to {depths[-1]} layers",
            ),
            f"{'tanh' if f == 'sigmoid' else 'sigmoid'} units for {f} units",
            correction=correction,
        )
