"""The chapter on depth, concluded: what helps, before any pre-training."""

import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Claim, Figure, Section, Setting, Table, Told, worded
from flambeau.journey.why_depth_fails_layers import ROOM, of_depth
from flambeau.journey.why_depth_fails_training import depth_digits, gradients, learned_depths, right_depths, stack
from flambeau.pictures.figures import BLUE, GREEN, VERMILLION, picture

HEADER = "units and weights", "layer 1's part of the gradient", "verdict", "unseen digits right"
CURES = {  # units, initial weights, learning rate
    "sigmoid, Glorot": ("sigmoid", "Glorot", 0.5),
    "tanh, Glorot": ("tanh", "Glorot", 0.1),
    "ReLU, He": ("relu", "He", 0.06),
}


def what_helps(setting: Setting) -> Told:
    """Eight hidden layers of three kinds: the gradient at the start, and what they learn."""
    data, epochs = depth_digits(setting.seed), setting.pick(3, 25, 60)
    batch, verdicts, runs = data.problem.everything(), {}, {}
    for name, (hidden, weights, rate) in CURES.items():
        network = stack(ROOM, setting.seed, hidden, weights)
        delta = np.asarray(gradients(network, batch))
        verdicts[name] = fb.analysis.judge(fb.analysis.rows_of(network), {"delta": delta})
        start = network if hidden == "relu" else of_depth(network, ROOM)  # for those two the program is there already
        runs[name] = learned_depths(start, data.problem, rate, epochs, key=setting.seed)
    scores = {name: right_depths(run.network, data.unseen, data.truth) for name, run in runs.items()}
    share = {name: verdict.numbers["delta"][0] / verdict.numbers["delta"][-1] for name, verdict in verdicts.items()}

    def draw(axes: list[Axes]) -> None:
        for (name, verdict), color, mark in zip(verdicts.items(), (VERMILLION, BLUE, GREEN), "os^", strict=True):
            axes[0].plot(range(1, ROOM + 2), verdict.numbers["delta"], color=color, marker=mark, markersize=4)
            axes[1].plot(range(1, epochs + 1), runs[name].history["loss"], color=color, label=name)
        axes[0].set(
            yscale="log", xlabel="layer, from the inputs up", ylabel="gradient δ", title="before the first step"
        )
        axes[0].set_xticks(range(1, ROOM + 2))
        axes[1].set(xlabel="epoch", ylabel="loss", title="learning to read")
        axes[1].legend(loc="center right")

    rows = tuple((name, worded(share[name], ".2g"), ", ".join(verdict.kinds), f"{scores[name]:.1%}")
                 for name, verdict in verdicts.items())  # fmt: skip
    claims = tuple(
        Claim(f"Eight hidden layers learn with {name}", "above 90% of the unseen digits", f"{scores[name]:.1%} after "
              f"{epochs} epochs; layer 1 starts with {share[name]:.2g} of the top's gradient",
              bool(scores[name] > 0.9)) for name in list(CURES)[1:])  # fmt: skip
    return Section("What helps", (
        "Two cures came after this lecture's question. Units whose slope is 1 where they work: tanh round 0, and the "
        "rectified linear unit wherever it answers at all. And initial weights for which a layer neither shrinks nor "
        "stretches what passes through it: variance 2 / (inputs + units) for tanh (Glorot and Bengio 2010), "
        "2 / inputs for ReLUs, of which half are silent (He et al. 2015).",
        Figure("Eight hidden layers, three ways", "Plain gradient descent, each from a rate that suits it down to 0.",
               picture(draw, 1, 2, 2.8), "Left one steep and two level lines; right one flat and two falling curves."),
        Table("The same in numbers", HEADER, rows),
        "The lecture takes another way, historically the first that worked: train the lower layers before the task is "
        "even known, each to model the one below it, and let the gradient only finish the work. "
        "两个提升：深度信念网络和自动编码器 (two improvements: the deep belief network and the autoencoder). Those are "
        "the next chapters.",
    )), claims  # fmt: skip
