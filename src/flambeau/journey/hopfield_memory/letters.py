"""Chapter 10: five letters, recalled from noise while one watches."""

import functools
from typing import Any

import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Telling, section
from flambeau.journey.comparisons import All, Equal
from flambeau.journey.hopfield_memory.loop import one_by_one, quadratic_energy, settled_by_hand, turned
from flambeau.journey.samples import ShareAbove
from flambeau.pictures.figures import BLUE, GREEN, LIGHT, VERMILLION

SIDE = 8
CUES = 200  # rows of a recall, here and with the digits: one program
EVERY = 8  # visits from one picture to the next
COLORS = (BLUE, VERMILLION, GREEN)
DRAWN = {
    "T": "######## ######## ...##... ...##... ...##... ...##... ...##... ...##...",
    "H": "##....## ##....## ##....## ######## ######## ##....## ##....## ##....##",
    "X": "##....## ###..### .######. ..####.. ..####.. .######. ###..### ##....##",
    "V": "##....## ##....## ##....## ##....## .##..##. .##..##. ..####.. ...##...",
    "F": "######## ######## ##...... ######.. ######.. ##...... ##...... ##......",
}


@functools.cache
def letters() -> np.ndarray:
    """Five letters of 8 by 8 pixels, ink 1 and paper −1, one a row."""
    return np.asarray([[1.0 if dot == "#" else -1.0 for dot in text.replace(" ", "")] for text in DRAWN.values()])


def walked(weights: np.ndarray, states: np.ndarray, rng: np.random.Generator, most: int = 50) -> np.ndarray:
    """Every state on the way to rest: passes in orders of their own until one in which nothing changes."""
    path = [states[None]]
    while len(path) == 1 or ((path[-1][0] != path[-1][-1]).any() and len(path) <= most):
        path.append(one_by_one(weights, path[-1][-1], rng.permutation(SIDE**2)))
    return np.concatenate([path[0], *(each[1:] for each in path[1:])])


@section("Association: letters from noise")
def recalled_letters(page: Telling) -> None:
    """Five letters stored by the lecture's sum; a fifth of the pixels turned; and the way back."""
    x, rng = letters(), np.random.default_rng(page.setting.seed)
    weights = x.T @ x - len(x) * np.eye(SIDE**2)
    memory = fb.Hopfield.from_weights(weights)
    which = np.arange(CUES) % len(x)
    cues = turned(x[which], page.either("half of the dots are turned", 0.2, 0.5), rng)
    ends = memory.recall(cues)
    right = int((ends == x[which]).all(axis=1).sum())
    skew = page.either("w_ij and w_ji drawn apart", 0, 1) * np.triu(rng.normal(0, 4, weights.shape), 1)
    by_hand = settled_by_hand(weights + skew, cues)
    walking = weights + page.either("a dot votes against itself", 0, -12) * np.eye(SIDE**2)
    path = walked(walking, cues[: len(x)], rng)
    energies = quadratic_energy(weights, path)
    steps, flips = np.diff(energies, axis=0), (path[1:] != path[:-1]).any(axis=2)

    page.say(
        "存储图像时，每个点对应一个神经元 (*to store images, let each dot be a neuron*). Five letters of 64 dots are "
        "stored by the lecture's sum, ink as 1 and paper as −1. 现在，我们要做的是输入一个信息，使得网络进行“联想” "
        "(*now feed in a message and let the network associate*): a letter of which a fifth of the dots was turned."
    )
    page.figure(
        "Three letters come back",
        "From left to right the first 64 visits, every dot once. Below, the energy of the same states: it falls at "
        "every flip; dotted, the stored letter's own.",
        lambda axes: _draw(axes, path, energies, quadratic_energy(weights, x)),
        "Three rows of nine small pictures, noisy on the left, clean letters on the right, and three falling "
        "staircases.",
        grid=(2, 1),
        height=4.3,
        options={"height_ratios": (1.55, 1), "sharex": True},
    )
    page.say(
        "Nothing looked for the nearest letter: each dot heard the other 63, and said what most of them would have it "
        "be. In code: `memory.recall(cues)`, which does what a plain loop does, only faster."
    )
    page.claim(
        "Feed in a message, and the network associates",
        ShareAbove(right, CUES, 0.8, "letters with 20% of their dots turned recalled dot for dot"),
        "half of the dots are turned",
    )
    page.claim(
        "The energy falls until it reaches a minimum",
        All(
            Equal(int((steps[flips] >= 0).sum()), 0, f"{{found}} of {int(flips.sum())} flips not downhill"),
            Equal(int(memory.is_stable(path[-1]).sum()), len(x), "{found} of 5 at rest in the end"),
        ),
        "a dot votes against itself",
    )
    page.beyond(
        "`recall` is the plain loop, only faster",
        Equal(int((ends != by_hand).any(axis=1).sum()), 0, f"{{found}} of {CUES} ends differ"),
        "w_ij and w_ji drawn apart",
    )


def _draw(axes: list[Axes], path: np.ndarray, energies: np.ndarray, lowest: np.ndarray) -> None:
    """The letters on their way, above their energies."""
    shown = range(0, SIDE**2 + 1, EVERY)
    for row, (name, color, mark) in enumerate(zip(DRAWN, COLORS, "os^", strict=False)):
        for visit in shown:
            tile(axes[0], path[visit, row], visit, 2 - row)
        axes[0].text(-5.2, 2 - row, name, ha="right", va="center", color=color, fontweight="bold", fontsize=11)
        axes[1].plot(energies[: SIDE**2 + 1, row], color=color, drawstyle="steps-post", marker=mark, markersize=4,
                     markevery=EVERY, label=name)  # fmt: skip
        axes[1].axhline(lowest[row], color=color, linewidth=0.8, linestyle=":")
    axes[0].set(xlim=(-5, 69), ylim=(-0.55, 2.55), yticks=[], title="every eight visits")
    axes[0].spines[:].set_visible(False)
    axes[0].tick_params(length=0, labelbottom=False)
    axes[0].grid(False)
    axes[1].set(xticks=list(shown), xlabel="visits: one neuron each, in random order", ylabel="energy")
    axes[1].legend(ncols=3, loc="upper right")


def tile(axes: Axes, state: np.ndarray, x: float, y: float) -> None:
    """One small picture in the panel's own coordinates."""
    left, right, low, high = x - 3.4, x + 3.4, y - 0.44, y + 0.44
    look: Any = {"cmap": "gray_r", "vmin": -1, "vmax": 1, "aspect": "auto", "interpolation": "nearest", "zorder": 2}
    axes.imshow(state.reshape(SIDE, SIDE), extent=(left, right, low, high), **look)
    axes.plot([left, right, right, left, left], [low, low, high, high, low], color=LIGHT, linewidth=0.8, zorder=3)
