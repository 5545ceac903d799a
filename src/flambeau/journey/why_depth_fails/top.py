"""Chapter 6: what the top layers can do alone, and what then reaches the lower ones."""

from typing import Any

import equinox as eqx
import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.backpropagation.spirals import arms
from flambeau.journey.chapter import Telling, section
from flambeau.journey.data import split_digits
from flambeau.journey.samples import MeanAbove, MeanBelow
from flambeau.journey.why_depth_fails.layers import ROOM, many_descents, of_depth, there
from flambeau.journey.why_depth_fails.training import drawn_depths, gradients, learned_depths, right_depths, stack
from flambeau.pictures import gradient_flow

LAYERS, FROZEN = 4, 2  # the lower two stay as they were drawn
RATES = {"tanh": 0.2, "sigmoid": 0.5}


def spirals_by_the_top(steps: int, seeds: range, frozen: int) -> list[float]:
    """Percent of points between those learned that the top two of four layers name rightly, from many starts."""
    X, d, between, truth = arms()
    starts = [of_depth(drawn_depths((2, 20, 20, 20, 1), "tanh", "sigmoid", seed), LAYERS - 1, frozen) for seed in seeds]
    networks, _ = many_descents(starts, fb.problems.Examples.of(X, d, shuffle=False), 0.01, steps)
    found = np.asarray(eqx.filter_jit(eqx.filter_vmap(lambda network: network(between)))(networks))[:, :, 0]
    return [100 * float(np.mean((each > 0.5) == truth)) for each in found]


def _followed(hidden: str, seed: int, epochs: int, frozen: int = 0) -> tuple[np.ndarray, float]:
    """δ at every layer after 0, 1, 2, 4, ... epochs ``(times, layers)``, and percent right in the end."""
    data, network = split_digits(seed), of_depth(stack(ROOM, seed, hidden), LAYERS - 1, frozen)
    batch, run, flows = data.problem.everything(), None, [gradients(there(network), data.problem.everything())]
    for time in times_of(epochs)[1:]:
        run = learned_depths(network, data.problem, RATES[hidden], int(time), fall=False, key=seed, resume=run)
        flows.append(gradients(there(run.network), batch))
    return np.asarray(flows), right_depths(run.network, data.unseen, data.truth) if run else 10.0


def times_of(epochs: int) -> np.ndarray:
    """0, 1, 2, 4, ... and the last."""
    return np.unique([0, *(2**k for k in range(9) if 2**k < epochs), epochs])


@section("The top layers alone")
def the_top_alone(page: Telling) -> None:
    """Four layers: the top two alone on a random feature map; then all of them, and what reaches the lowest."""
    seeds, epochs = page.setting.seeds(4, 5, 10), page.setting.pick(30, 40, 80)
    frozen = page.either("nothing is frozen", FROZEN, 0)
    alone = [_followed("tanh", seed, epochs, FROZEN)[1] for seed in seeds]
    found = {hidden: [_followed(hidden, seed, epochs) for seed in seeds] for hidden in RATES}
    flows = {hidden: np.stack([each[0] for each in rows]) for hidden, rows in found.items()}
    whole = [each[1] for each in found["tanh"]]
    spirals = spirals_by_the_top(page.setting.pick(1000, 2000, 6000), page.setting.seeds(6, 8, 20), frozen)
    taught = page.either("the top two have learned nothing", alone, [10.0] * len(alone))
    end = {hidden: each[:, -1, 0] / each[:, 0, 0] for hidden, each in flows.items()}
    regime = page.either("tanh units for sigmoids", "sigmoid", "tanh")
    gained = np.asarray(whole) - page.either("compared with itself", alone, whole)

    def draw(axes: list[Axes]) -> None:
        for panel, (hidden, each) in zip(axes, flows.items(), strict=True):
            times = times_of(epochs)
            for layer, color in enumerate(gradient_flow.shades(LAYERS)):
                panel.plot(times + 0.5, each[:, :, layer].mean(axis=0), color=color, marker="o", markersize=3.5,
                           label=f"layer {layer + 1}")  # fmt: skip
            panel.set(xscale="log", yscale="log", xlabel="epochs + ½", title=f"{hidden} units, all layers learn")
        axes[0].set(ylabel="gradient δ")
        axes[0].legend(ncols=2)

    page.say(
        'The lecture\'s reason for slow training: *since top couple layers can usually learn any task "pretty well" … '
        "the error to earlier layers drops quickly … lower layers never get the opportunity to use their capacity to "
        "improve results, they just do a random feature map.* Four sentences, one at a time."
    )
    page.say(
        "Freeze the lower two of four tanh layers as they were drawn, a random feature map, and let the top two learn: "
        "they name {alone:.1f}% of the unseen digits rightly. If all four learn, {whole:.1f}% (means of {count} "
        "splits). So the top alone does pretty well, and the layers below, where the gradient reaches them, do learn "
        "and do help.",
        alone=float(np.mean(alone)),
        whole=float(np.mean(whole)),
        count=len(seeds),
    )
    page.figure(
        "What reaches each layer while all of them learn",
        "Means over {count} splits. With tanh units less and less arrives at the lowest layer, as the task is solved: "
        "the lecture's sentence. With sigmoids thirty times more arrives than in the beginning, and only then less.",
        draw,
        "Left, curves that fall; right, curves of the lower layers that first rise steeply, then fall a little.",
        grid=(1, 2),
        height=3.0,
        count=len(seeds),
    )
    _claimed_the_top_alone(page, taught, spirals, end, regime, gained)


def _claimed_the_top_alone(page: Telling, taught: Any, spirals: Any, end: Any, regime: Any, gained: Any) -> None:
    """What is claimed."""
    page.claim(
        "The top couple of layers can usually learn a task pretty well: digits",
        MeanAbove(taught, 80, "{found:.1f}% of 500 unseen by the top two of four layers"),
        "the top two have learned nothing",
    )
    page.claim(
        "… any task: two spirals",
        MeanAbove(spirals, 85, "{found:.1f}% of 192 points between those learned"),
        "nothing is frozen",
        correction="'Usually' is the word: most random maps of the plane do not unwind spirals.",
    )
    page.claim(
        "The error to earlier layers drops as the top solves the task: tanh units",
        MeanBelow(page.either("sigmoids for tanh units", end["tanh"], end["sigmoid"]), 1.0,
                  "layer 1's δ in the end {found:.2f} of the first"),
        "sigmoids for tanh units"
    )  # fmt: skip
    page.claim(
        "The same with sigmoids",
        MeanBelow(end[regime], 1.0, "layer 1's δ in the end {found:.1f} times the first"),
        "tanh units for sigmoids",
        correction="At the start next to nothing arrives; learning opens the way, and more reaches layer 1, not less.",
    )
    page.claim(
        "Lower layers just do a random feature map",
        MeanBelow(gained, 1.0, "letting them learn gains {found:.1f} points"),
        "compared with itself",
        correction="Where the gradient reaches them they learn, and it pays.",
    )
