"""The chapter on convolution, continued: a small LeNet reads digits, moved ones too, and with three activations."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

import flambeau as fb
from flambeau.journey.chapter import Claim, Figure, Section, Setting, Told
from flambeau.journey.convolution_networks import FIELD, one_hidden, small_lenet
from flambeau.journey.convolution_training import (
    digits_set,
    learned_maps,
    moved_by,
    pixel_rows,
    right_set,
    trained_maps,
)
from flambeau.pictures import panels
from flambeau.pictures.figures import BLUE, GREEN, GREY, SERIES, VERMILLION, picture

ALIKE, WIDE = 9, 64  # hidden units of the perceptrons: as many parameters as the small LeNet, and seven times as many
REACHED = 0.95
WITH_ARTICLE = {"sigmoid": "the sigmoid"}


def recognition(setting: Setting) -> Told:
    """A small LeNet against multi-layer perceptrons, on digits where they were and on moved ones."""
    data, seeds, epochs = digits_set(setting.seed), setting.seeds(1, 3, 10), setting.pick(2, 20, 60)
    flat, shifts = pixel_rows(data), (0, 1, 2, 3)
    scores: dict[str, np.ndarray] = {}
    kinds = {"a small LeNet": 0, "a perceptron of its size": ALIKE, "a wide perceptron": WIDE}
    costs = {name: _parameters(hidden) for name, hidden in kinds.items()}
    for name, hidden in kinds.items():
        lesson = flat if hidden else data
        runs = [learned_maps(one_hidden(seed, hidden, WIDE), flat, 3 * epochs, seed) if hidden else
                trained_maps(seed, epochs, split=setting.seed) for seed in seeds]  # fmt: skip
        networks = [run.network for run in runs]
        scores[name] = np.asarray([[np.mean([right_set(one, moved, data.truth) for moved in moved_by(lesson, shift)])
                                    for shift in shifts] for one in networks])  # fmt: skip
    at = {name: values.mean(axis=0) for name, values in scores.items()}
    lenet, alike, wide = at.values()

    def draw(axes: list[Axes]) -> None:
        named = {f"{name}\n{costs[name]:,} parameters": list(100 * values[:, 0]) for name, values in scores.items()}
        panels.dots(axes[0], named)
        axes[0].set(xlabel="% of unseen digits right")
        for color, mark, (name, values) in zip(SERIES, "os^", at.items(), strict=False):
            axes[1].plot(shifts, 100 * values, color=color, marker=mark, markersize=5, label=name)
        axes[1].set(xlabel="moved by … pixels, never seen in learning", xticks=shifts, ylim=(0, 103))
        axes[1].legend()

    return Section("Two groups of filtering and sub-sampling, then recognition", (
        "A LeNet in small: 8 kernels of 3 × 3, pooling, 16 kernels, pooling, and ten outputs. It learns 1,297 of "
        "scikit-learn's digits, 8 × 8 pixels in the middle of a field of 14 × 14, and is asked about the other 500. "
        "Beside it two multi-layer perceptrons, one with as many parameters and one with seven times as many. They "
        "see the digits three times as often.",
        Figure("Reading digits, where they were and elsewhere", f"Left, dots are {len(seeds)} starts. Right, the same "
               "networks on the same digits, moved up, down, left and right (means).",
               picture(draw, 1, 2, 2.75, width_ratios=[1, 1.15]), "Dots, and three falling curves, LeNet's highest."),
        "A pixel is an eighth of such a digit, so moving by one is much. The filters do not mind, the top layer does: "
        "it has weights for every place of what the last pooling leaves. So the network forgives part of a shift, not "
        "all. A perceptron, even a wide one that reads the unmoved digits as well, forgives less.",
    )), (Claim("A small LeNet reads digits", "above 96% of 500 unseen", f"{lenet[0]:.1%}", bool(lenet[0] > 0.96)),
         Claim("It reads better than a perceptron with as many parameters",
               f"more than {alike[0]:.1%} ({costs['a perceptron of its size']:,} parameters)",
               f"{lenet[0]:.1%} ({costs['a small LeNet']:,} parameters)", bool(lenet[0] > alike[0])),
         Claim("It is less upset by a shift, even than a wide perceptron", "more digits right when all move by a pixel",
               f"{lenet[1]:.1%} against {wide[1]:.1%}", bool(lenet[1] > wide[1])))  # fmt: skip


def _parameters(hidden: int) -> int:
    """What the perceptron with so many hidden units learns; for 0, what the small LeNet learns."""
    return (
        (FIELD**2 + 1) * hidden + (hidden + 1) * 10 if hidden else fb.analysis.parameter_table(small_lenet(0)).trainable
    )


def later_relu(setting: Setting) -> Told:
    """The same small LeNet with three activations: epochs until it reads well."""
    seeds, epochs = setting.seeds(1, 1, 5), setting.pick(2, 20, 60)
    rates, reach = setting.pick((0.003,), (0.003, 0.01), (0.003, 0.01, 0.03)), {}
    names = {"relu": "ReLU", "scaled_tanh": "LeNet's scaled tanh", "sigmoid": "sigmoid"}
    curves: dict[str, np.ndarray] = {}
    for f, name in names.items():
        tried = [np.mean([accuracy(trained_maps(seed, epochs, f, rate, setting.seed)) for seed in seeds], axis=0)
                 for rate in rates]  # fmt: skip
        curves[name] = min(tried, key=lambda curve: (epochs_to(curve), -curve[-1]))
        reach[name] = epochs_to(curves[name])

    def draw(axes: list[Axes]) -> None:
        for color, (name, curve) in zip((VERMILLION, GREEN, BLUE), curves.items(), strict=False):
            axes[0].plot(np.arange(1, epochs + 1), 100 * (1 - curve), color=color, label=name)
        axes[0].axhline(100 * (1 - REACHED), color=GREY, linewidth=0.9, linestyle=(0, (4, 3)))
        axes[0].set(xlabel="epoch", ylabel="% of unseen digits misread", yscale="log", ylim=(1, 100), xlim=(1, epochs))
        axes[0].xaxis.set_major_locator(MaxNLocator(integer=True))
        panels.counts(axes[0].yaxis, (1, 2, 5, 10, 20, 50, 100))
        axes[0].legend()

    relu, expected = reach.pop("ReLU"), f"half as many or fewer until {REACHED:.0%} are right"
    claims = []
    for name, other in reach.items():
        holds = np.isfinite(relu) and relu <= other / 2
        claims.append(
            Claim(
                f"ReLU learns in fewer epochs than {WITH_ARTICLE.get(name, name)}",
                expected,
                f"{in_words(relu, epochs)} against {in_words(other, epochs)}",
                bool(holds),
                "" if holds else "A function whose slopes stay where it works loses little in few layers.",
            )
        )
    return Section("ReLU, later", (
        "LeNet squashed its sums by $1.7159 tanh(2s/3)$; ReLU came later. Here is the same network with each of them, "
        "and with the sigmoid, all trained by Adam, each at the better of its learning rates.",
        Figure("The same network, three activations", f"Starts: {len(seeds)}. Dashed: {REACHED:.0%} right.",
               picture(draw, 1, 1, 2.6), "Falling curves of errors; the sigmoid's falls last."),
    )), tuple(claims)  # fmt: skip


def accuracy(run: fb.Run) -> np.ndarray:
    """The share of unseen digits read rightly after each epoch."""
    return run.records["validation_curve"]["validation_accuracy"]


def epochs_to(curve: np.ndarray) -> float:
    """The first epoch that reaches the mark; infinity if none does."""
    return float(np.argmax(curve >= REACHED) + 1) if (curve >= REACHED).any() else np.inf


def in_words(epoch: float, epochs: int) -> str:
    """An epoch, or that it was not reached."""
    return f"{epoch:.0f} epochs" if np.isfinite(epoch) else f"more than {epochs} epochs"
