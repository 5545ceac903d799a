"""The chapter on Hopfield memory, continued: five letters, recalled from noise while one watches."""

import functools

import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Claim, Figure, Section, Setting, Told
from flambeau.journey.hopfield_loop import one_by_one, quadratic_energy, settled_by_hand, turned
from flambeau.pictures.figures import BLUE, GREEN, LIGHT, VERMILLION, picture

SIDE = 8
CUES = 200  # rows of a recall, here and with the digits: one program
EVERY = 8  # visits from one picture to the next
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


def recalled_letters(setting: Setting) -> Told:
    """Five letters stored by the lecture's sum; a fifth of the pixels turned; and the way back."""
    x, rng = letters(), np.random.default_rng(setting.seed)
    weights = x.T @ x - len(x) * np.eye(SIDE**2)
    memory = fb.Hopfield.from_weights(weights)
    which = np.arange(CUES) % len(x)
    cues = turned(x[which], 0.2, rng)
    ends = memory.recall(cues)
    right = float((ends == x[which]).all(axis=1).mean())
    same = bool((ends == settled_by_hand(weights, cues)).all())
    # Two passes in an order of their own; every pixel's turn is a visit.
    order = np.concatenate([rng.permutation(SIDE**2) for _ in range(2)])
    path = one_by_one(weights, cues[: len(x)], order)
    energies = quadratic_energy(weights, path)
    steps = np.diff(energies, axis=0)
    flips = (path[1:] != path[:-1]).any(axis=2)
    lowest = quadratic_energy(weights, x)
    resting = int(memory.is_stable(path[-1]).sum())

    def draw(axes: list[Axes]) -> None:
        shown = range(0, SIDE**2 + 1, EVERY)
        for row, name in enumerate(list(DRAWN)[:3]):
            for visit in shown:
                tile(axes[0], path[visit, row], visit, 2 - row)
            axes[0].text(-5.2, 2 - row, name, ha="right", va="center", color=(BLUE, VERMILLION, GREEN)[row],
                         fontweight="bold", fontsize=11)  # fmt: skip
        axes[0].set(xlim=(-5, 69), ylim=(-0.55, 2.55), yticks=[], title="every eight visits")
        axes[0].spines[:].set_visible(False)
        axes[0].tick_params(length=0, labelbottom=False)
        axes[0].grid(False)
        for row, (color, mark) in enumerate(zip((BLUE, VERMILLION, GREEN), "os^", strict=True)):
            axes[1].plot(energies[: SIDE**2 + 1, row], color=color, drawstyle="steps-post", marker=mark, markersize=4,
                         markevery=EVERY, label=list(DRAWN)[row])  # fmt: skip
            axes[1].axhline(lowest[row], color=color, linewidth=0.8, linestyle=":")
        axes[1].set(xticks=list(shown), xlabel="visits: one neuron each, in random order", ylabel="energy")
        axes[1].legend(ncols=3, loc="upper right")

    return Section("Association: letters from noise", (
        "存储图像时，每个点对应一个神经元 (*to store images, let each dot be a neuron*). Five letters of 64 dots are "
        "stored by the lecture's sum, ink as 1 and paper as −1. 现在，我们要做的是输入一个信息，使得网络进行“联想” "
        "(*now feed in a message and let the network associate*): a letter of which a fifth of the dots was turned.",
        Figure("Three letters come back", "From left to right 64 visits, every dot once. Below, the energy of the same "
               "states: it falls at every flip, and ends at the stored letter's own (dotted).",
               picture(draw, 2, 1, 4.3, height_ratios=(1.55, 1), sharex=True),
               "Three rows of nine small pictures, noisy on the left, clean letters on the right, and three falling "
               "staircases."),
        f"Of {CUES} such cues {right:.0%} came back as their letter, dot for dot. Nothing looked for the nearest "
        "letter: each dot heard the other 63, and said what most of them would have it be.",
    )), (
        Claim("A message lets the network associate", "of letters with 20% of their dots turned, at least 9 in 10",
              f"{right:.1%} of {CUES} recalled dot for dot", right > 0.9),
        Claim("The energy falls until it reaches a minimum",
              "lower at every flip, unchanged between flips, and in the end no flip lowers it",
              f"{int(flips.sum())} flips, {int((steps[flips] < 0).sum())} downhill; {resting} of {len(x)} at rest",
              bool((steps[flips] < 0).all() and (steps[~flips] == 0).all() and resting == len(x))),
        Claim("`recall` is the plain loop, only faster", "the same states, bit for bit",
              f"{CUES} rows of 64: {'equal' if same else 'not equal'}", same),
    )  # fmt: skip


def tile(axes: Axes, state: np.ndarray, x: float, y: float) -> None:
    """One small picture in the panel's own coordinates."""
    edge = 3.4
    axes.imshow(state.reshape(SIDE, SIDE), cmap="gray_r", vmin=-1, vmax=1, extent=(x - edge, x + edge, y - 0.44,
                y + 0.44), aspect="auto", interpolation="nearest", zorder=2)  # fmt: skip
    axes.plot([x - edge, x + edge, x + edge, x - edge, x - edge], [y - 0.44, y - 0.44, y + 0.44, y + 0.44, y - 0.44],
              color=LIGHT, linewidth=0.8, zorder=3)  # fmt: skip
