"""Chapter 10, its map: the lecture's 16 states on a grid, with the ways that they go."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from flambeau.pictures.figures import DIVERGING, GREY, INK, LIGHT, VERMILLION

Pairs = tuple[tuple[int, int], ...]
RING: Pairs = ((-1, -1), (-1, 1), (1, 1), (1, -1))  # neighbours differ in one neuron, the last and the first as well
SWINGING: Pairs = ((-1, -1), (1, 1), (-1, 1), (1, -1))  # the pairs that swing into each other come first
SIGNS = {-1: "−", 1: "+"}


def cube(axes: list[Axes], weights: np.ndarray, energies: np.ndarray, states: np.ndarray, patterns: np.ndarray) -> None:
    """Two maps of the 16 states, coloured by energy: one neuron at a time, and all at once."""
    named = {tuple(x): f"x{mark}" for x, mark in zip(patterns, "¹²", strict=True)}
    named.update({tuple(-x): f"−x{mark}" for x, mark in zip(patterns, "¹²", strict=True)})
    for panel, pairs in zip(axes, (RING, SWINGING), strict=True):
        board(panel, energies, states, named, pairs)
    for s in states:
        singly(axes[0], weights, s)
        _together(axes[1], weights, s)
    axes[0].set_title("one neuron at a time: downhill")
    axes[1].set_title("all at once: twelve states swing")


def place(s: np.ndarray, pairs: Pairs) -> tuple[int, int]:
    """Column by x₃x₄, row by x₁x₂."""
    return pairs.index((int(s[2]), int(s[3]))), pairs.index((int(s[0]), int(s[1])))


def board(
    panel: Axes, energies: np.ndarray, states: np.ndarray, named: dict[tuple[float, ...], str], pairs: Pairs
) -> None:
    """Sixteen tiles: the signs, the energy, and the name of a pattern."""
    for s, e in zip(states, energies, strict=True):
        x, y = place(s, pairs)
        rest = tuple(s) in named
        panel.add_patch(FancyBboxPatch((x - 0.3, y - 0.26), 0.6, 0.52, boxstyle="round,pad=0,rounding_size=0.08",
                        facecolor=DIVERGING(0.5 + float(e) / 10), edgecolor=INK if rest else LIGHT,
                        linewidth=1.8 if rest else 0.8, zorder=2))  # fmt: skip
        panel.text(x, y - 0.09, "".join(SIGNS[int(unit)] for unit in s), ha="center", va="center", fontsize=9, zorder=4,
                   family="DejaVu Sans Mono")  # fmt: skip
        panel.text(x, y + 0.1, f"E = {e:.0f}".replace("-", "−"), ha="center", va="center", fontsize=7, zorder=4)
        if rest:
            badge: Any = {"boxstyle": "round,pad=0.2", "facecolor": INK, "linewidth": 0}
            panel.text(x + 0.31, y - 0.27, named[tuple(s)], ha="center", va="center", fontsize=8, zorder=5,
                       color="white", fontweight="bold", bbox=badge)  # fmt: skip
    ticks = ["".join(SIGNS[unit] for unit in pair) for pair in pairs]
    panel.set(xlim=(-0.75, 3.55), ylim=(3.55, -0.75), xticks=range(4), yticks=range(4), xticklabels=ticks,
              yticklabels=ticks, xlabel="x₃ x₄", ylabel="x₁ x₂", aspect="equal")  # fmt: skip
    panel.grid(False)
    panel.spines[:].set_visible(False)
    panel.tick_params(length=0)


def singly(panel: Axes, weights: np.ndarray, s: np.ndarray) -> None:
    """An arrow for every neuron that would change: dark for the first in order, pale for the others."""
    wants = np.flatnonzero(s * (weights @ s) < 0)
    for rank, i in enumerate(wants):
        after = s.copy()
        after[i] *= -1
        (x, y), (to_x, to_y) = place(s, RING), place(after, RING)
        dx, dy = to_x - x, to_y - y
        dx, dy = (dx, dy) if abs(dx) + abs(dy) == 1 else (-np.sign(dx), -np.sign(dy))  # over the edge
        edge: Any = {"color": INK if rank == 0 else GREY, "linewidth": 1.5 if rank == 0 else 0.8}
        edge["linestyle"] = "-" if rank == 0 else (0, (3, 2))
        arrow(panel, (x + 0.32 * dx, y + 0.28 * dy), (x + 0.69 * dx, y + 0.73 * dy), "-|>", **edge)


def _together(panel: Axes, weights: np.ndarray, s: np.ndarray) -> None:
    """A double arrow between two states that swing."""
    after = np.sign(weights @ s)
    (x, y), (to_x, to_y) = place(s, SWINGING), place(after, SWINGING)
    if (x, y) < (to_x, to_y):
        dx, dy = np.sign(to_x - x), np.sign(to_y - y)
        start, end = (x + 0.32 * dx, y + 0.28 * dy), (to_x - 0.32 * dx, to_y - 0.28 * dy)
        arrow(panel, start, end, "<|-|>", color=VERMILLION, linewidth=1.4)


def arrow(panel: Axes, start: Any, end: Any, style: str, **options: Any) -> None:
    """One arrow above the tiles' ground."""
    options.setdefault("shrinkA", 0)
    options.setdefault("shrinkB", 0)
    panel.add_patch(FancyArrowPatch(start, end, arrowstyle=style, mutation_scale=8, zorder=3, clip_on=False, **options))
