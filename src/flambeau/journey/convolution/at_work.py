"""Chapter 5: a small LeNet reads digits, moved ones too, and with three activations."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

import flambeau as fb
from flambeau.journey.chapter import Telling, section
from flambeau.journey.convolution.networks import FIELD, one_hidden, small_lenet
from flambeau.journey.convolution.training import accuracy, in_field, learned_maps, moved_by, right_maps, trained_maps
from flambeau.journey.data import split_digits
from flambeau.journey.samples import Gain, MeanAbove
from flambeau.pictures import panels
from flambeau.pictures.figures import BLUE, GREEN, GREY, SERIES, VERMILLION

ALIKE, WIDE = 9, 64  # hidden units of the perceptrons: as many parameters as the small LeNet, and seven times as many
REACHED = 0.95
SHIFTS = (0, 1, 2, 3)
KINDS = {"a small LeNet": 0, "a perceptron of its size": ALIKE, "a wide perceptron": WIDE}


def _parameters(hidden: int) -> int:
    """What the perceptron with so many hidden units learns; for 0, what the small LeNet learns."""
    if hidden:
        return (FIELD**2 + 1) * hidden + (hidden + 1) * 10
    return int(fb.analysis.parameter_table(small_lenet(0)).trainable)


def _read(hidden: int, seed: int, epochs: int) -> list[float]:
    """Percent of the unseen digits read rightly, where they were and moved by 1, 2 and 3 pixels."""
    shape = (FIELD**2,) if hidden else (FIELD, FIELD, 1)
    run = (
        learned_maps(one_hidden(seed, hidden, WIDE), seed, 3 * epochs, shape) if hidden else trained_maps(seed, epochs)
    )
    data = split_digits(seed)
    images = [moved_by(in_field(data.unseen), shift) for shift in SHIFTS]
    return [
        float(np.mean([right_maps(run.network, each.reshape(-1, *shape), data.truth) for each in every]))
        for every in images
    ]


@section("Two groups of filtering and sub-sampling, then recognition")
def recognition(page: Telling) -> None:
    """A small LeNet against multi-layer perceptrons, on digits where they were and on moved ones."""
    seeds, epochs = page.setting.seeds(5, 7, 12), page.setting.pick(12, 20, 60)
    scores = {name: np.asarray([_read(hidden, seed, epochs) for seed in seeds]) for name, hidden in KINDS.items()}
    lenet, alike, wide = scores.values()
    alone = page.either("it has learned nothing", lenet[:, 0], np.full(len(seeds), 10.0))
    sized = page.either("nothing is shared: its size against itself", lenet[:, 0], alike[:, 0])
    moved = page.either("nothing is shared: the wide one against itself", lenet[:, 1], wide[:, 1])

    def draw(axes: list[Axes]) -> None:
        named = {
            f"{name}\n{_parameters(KINDS[name]):,} parameters": list(values[:, 0]) for name, values in scores.items()
        }
        panels.dots(axes[0], named)
        axes[0].set(xlabel="% of unseen digits right")
        for color, mark, (name, values) in zip(SERIES, "os^", scores.items(), strict=False):
            axes[1].plot(SHIFTS, values.mean(axis=0), color=color, marker=mark, markersize=5, label=name)
        axes[1].set(xlabel="moved by … pixels, never seen in learning", xticks=SHIFTS, ylim=(0, 103), ylabel="% right")
        axes[1].legend()

    page.say(
        "A LeNet in small: 8 kernels of 3 × 3, pooling, 16 kernels, pooling, and ten outputs. It learns 1,297 of "
        "scikit-learn's digits, 8 × 8 pixels in the middle of a field of 14 × 14, and is asked about the other 500. "
        "Beside it two multi-layer perceptrons, one with as many parameters and one with seven times as many. They "
        "see the digits three times as often."
    )
    page.figure(
        "Reading digits, where they were and elsewhere",
        "Left, dots are {count} splits and starts. Right, the same networks on the same digits, moved up, down, left "
        "and right (means).",
        draw,
        "Dots, and three falling curves, LeNet's highest.",
        grid=(1, 2),
        height=2.75,
        options={"width_ratios": [1, 1.15]},
        count=len(seeds),
    )
    page.say(
        "A pixel is an eighth of such a digit, so moving by one is much. The filters do not mind, the top layer does: "
        "it has weights for every place of what the last pooling leaves. So the network forgives part of a shift, not "
        "all. A perceptron, even a wide one that reads the unmoved digits as well, forgives less."
    )
    page.claim(
        "Filtering and sub-sampling twice, then recognition: it reads digits",
        MeanAbove(alone, 94, "{found:.1f}% of 500 unseen, by splits"),
        "it has learned nothing",
    )
    page.beyond(
        "It reads better than a perceptron with as many parameters",
        Gain(alike[:, 0], sized, told="{found:.1f}% right"),
        "nothing is shared: its size against itself",
    )
    page.beyond(
        "It is less upset by a shift, even than a wide perceptron",
        Gain(wide[:, 1], moved, 5.0, "{found:.1f}% right, moved by a pixel"),
        "nothing is shared: the wide one against itself",
    )


def epochs_to(curve: np.ndarray) -> float:
    """The first epoch that reaches the mark; the one after the last if none does."""
    return float(np.argmax(curve >= REACHED) + 1) if (curve >= REACHED).any() else len(curve) + 1.0


@section("ReLU, later")
def later_relu(page: Telling) -> None:
    """The same small LeNet with three activations: epochs until it reads well."""
    seeds, epochs = page.setting.seeds(5, 5, 10), page.setting.pick(12, 20, 60)
    names = {"relu": "ReLU", "scaled_tanh": "LeNet's scaled tanh", "sigmoid": "sigmoid"}
    curves = {name: np.stack([accuracy(trained_maps(seed, epochs, f)) for seed in seeds]) for f, name in names.items()}
    reach = {name: [epochs_to(curve) for curve in each] for name, each in curves.items()}
    faster = page.either("the sigmoid against itself", reach["ReLU"], reach["sigmoid"])

    def draw(axes: list[Axes]) -> None:
        for color, (name, each) in zip((VERMILLION, GREEN, BLUE), curves.items(), strict=False):
            axes[0].plot(np.arange(1, epochs + 1), 100 * (1 - each.mean(axis=0)), color=color, label=name)
        axes[0].axhline(100 * (1 - REACHED), color=GREY, linewidth=0.9, linestyle=(0, (4, 3)))
        axes[0].set(xlabel="epoch", ylabel="% of unseen digits misread", yscale="log", ylim=(1, 100), xlim=(1, epochs))
        axes[0].xaxis.set_major_locator(MaxNLocator(integer=True))
        panels.counts(axes[0].yaxis, (1, 2, 5, 10, 20, 50, 100))
        axes[0].legend()

    page.say(
        "LeNet squashed its sums by $1.7159 tanh(2s/3)$; 后期使用了 ReLu 函数 (later, ReLU was used). Here is the same "
        "network with each of them, and with the sigmoid, all trained by Adam at the same rate."
    )
    page.figure(
        "The same network, three activations",
        "Means of {count} splits and starts. Dashed: {mark:.0%} right.",
        draw,
        "Falling curves of errors; the sigmoid's falls last.",
        height=2.6,
        count=len(seeds),
        mark=REACHED,
    )
    page.say(
        "Until {mark:.0%} are right the network takes {relu:.1f} epochs with ReLUs and {tanh:.1f} with the scaled "
        "tanh: in so few layers a function whose slopes stay where it works loses little.",
        mark=REACHED,
        relu=float(np.mean(reach["ReLU"])),
        tanh=float(np.mean(reach["LeNet's scaled tanh"])),
    )
    page.beyond(
        "ReLU learns in fewer epochs than the sigmoid",
        Gain(faster, reach["sigmoid"], 1.0, "{found:.1f} epochs, ReLU to sigmoid"),
        "the sigmoid against itself",
    )
