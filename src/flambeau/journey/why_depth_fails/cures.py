"""Chapter 6: what helps, before any pre-training."""

import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Telling, section, worded
from flambeau.journey.data import split_digits
from flambeau.journey.samples import MeanAbove
from flambeau.journey.why_depth_fails.layers import ROOM, of_depth
from flambeau.journey.why_depth_fails.training import gradients, learned_depths, right_depths, stack
from flambeau.pictures.figures import BLUE, GREEN, VERMILLION

CURES = {  # units, initial weights, learning rate
    "sigmoid, Glorot": ("sigmoid", "Glorot", 0.5),
    "tanh, Glorot": ("tanh", "Glorot", 0.1),
    "ReLU, He": ("relu", "He", 0.06),
}


def _tried(name: str, seed: int, epochs: int) -> tuple[fb.Run, np.ndarray, float]:
    """Eight hidden layers that way: the run, δ at every layer before the first step, and percent right in the end."""
    hidden, weights, rate = CURES[name]
    data, network = split_digits(seed), stack(ROOM, seed, hidden, weights)
    delta = np.asarray(gradients(network, data.problem.everything()))
    start = network if hidden == "relu" else of_depth(network, ROOM)  # for those two the program is there already
    run = learned_depths(start, data.problem, rate, epochs, key=seed)
    return run, delta, right_depths(run.network, data.unseen, data.truth)


@section("What helps")
def what_helps(page: Telling) -> None:
    """Eight hidden layers of three kinds: the gradient at the start, and what they learn."""
    seeds, epochs = page.setting.seeds(4, 4, 6), page.setting.pick(15, 25, 60)
    found = {name: [_tried(name, seed, epochs) for seed in seeds] for name in CURES}
    scores = {name: [each[2] for each in rows] for name, rows in found.items()}
    deltas = {name: np.mean([each[1] for each in rows], axis=0) for name, rows in found.items()}

    def draw(axes: list[Axes]) -> None:
        for (name, rows), color, mark in zip(found.items(), (VERMILLION, BLUE, GREEN), "os^", strict=True):
            axes[0].plot(range(1, ROOM + 2), deltas[name], color=color, marker=mark, markersize=4)
            axes[1].plot(range(1, epochs + 1), rows[0][0].history["loss"], color=color, label=name)
        axes[0].set(
            yscale="log", xlabel="layer, from the inputs up", ylabel="gradient δ", title="before the first step"
        )
        axes[0].set_xticks(range(1, ROOM + 2))
        axes[1].set(xlabel="epoch", ylabel="loss", title="learning to read, one start")
        axes[1].legend(loc="center right")

    page.say(
        "Two cures. Units whose slope is 1 where they work: tanh round 0, and the rectified linear unit wherever it "
        "answers at all. And initial weights for which a layer neither shrinks nor stretches what passes through it: "
        "variance 2 / (inputs + units) for tanh (Glorot and Bengio 2010), 2 / inputs for ReLUs, of which half are "
        "silent (He et al. 2015)."
    )
    page.figure(
        "Eight hidden layers, three ways",
        "Plain gradient descent, each from a rate that suits it down to 0.",
        draw,
        "Left one steep and two level lines; right one flat and two falling curves.",
        grid=(1, 2),
        height=2.8,
    )
    page.table(
        "The same in numbers (means of {count} splits)",
        ("units and weights", "layer 1's part of the gradient", "unseen digits right"),
        [
            (name, worded(delta[0] / delta[-1], ".2g"), f"{np.mean(scores[name]):.1f}%")
            for name, delta in deltas.items()
        ],
        count=len(seeds),
    )
    page.say(
        "The lecture takes another way, one of the first that worked for layers without shared weights: train the "
        "lower layers before the task is even known, each to model the one below it, and let the gradient only "
        "finish the work. 两个提升：深度信念网络和自动编码器 (two improvements: the deep belief network and the "
        "autoencoder). The first of them is built from the machine of the next chapter."
    )
    for name in list(CURES)[1:]:
        used = page.either(f"sigmoids for {name.split(',')[0]} units", name, "sigmoid, Glorot")
        page.beyond(
            f"Eight hidden layers learn with {name}",
            MeanAbove(scores[used], 85, "{found:.1f}% of 500 unseen, by splits"),
            f"sigmoids for {name.split(',')[0]} units",
        )
