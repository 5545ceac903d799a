"""Kinds of panels that several figures share: a network's answers over the plane, decision lines, dots per seed, ..."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import XAxis, YAxis
from matplotlib.ticker import FuncFormatter, NullLocator
from numpy.typing import ArrayLike

from flambeau.pictures.figures import BLUE, DIVERGING, GREY, INK, LIGHT, SERIES, VERMILLION


def bare(axes: Axes) -> None:
    """No ticks, no grid, no frame."""
    axes.set_axis_off()


def classes(axes: Axes, X: ArrayLike, y: ArrayLike, size: float = 26.0) -> None:
    """The points of two classes: blue rings for the low one, orange squares for the high one."""
    points, labels = np.asarray(X), np.asarray(y)
    low = labels == labels.min() if labels.min() != labels.max() else labels < 0.5
    marks: dict[str, Any] = {"s": size, "edgecolors": INK, "linewidths": 0.7 if size > 10 else 0.2, "zorder": 3}
    axes.scatter(points[low, 0], points[low, 1], marker="o", color=BLUE, **marks)
    axes.scatter(points[~low, 0], points[~low, 1], marker="s", color=VERMILLION, **marks)


def surface(
    axes: Axes, points: ArrayLike, outputs: ArrayLike, low: float = 0.0, high: float = 1.0, *, line: bool = True
) -> None:
    """A network's ``outputs`` on a square grid of ``points`` ``(side², 2)``, with the line where it is undecided."""
    grid = np.asarray(points)
    side = round(np.sqrt(len(grid)))
    x, y, z = grid[:side, 0], grid[::side, 1], np.asarray(outputs).reshape(side, side)
    extent = (float(x[0]), float(x[-1]), float(y[0]), float(y[-1]))
    look: Any = {"cmap": DIVERGING, "vmin": low, "vmax": high, "interpolation": "bilinear"}
    axes.imshow(z, origin="lower", extent=extent, aspect="auto", **look)
    middle = (low + high) / 2
    if line and z.min() < middle < z.max():
        axes.contour(x, y, z, levels=[middle], colors=[INK], linewidths=0.9)
    axes.grid(False)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def decision_line(axes: Axes, weights: ArrayLike, **style: Any) -> None:
    """The line θ = w1 x1 + w2 x2 of ``weights`` (bias, w1, w2), if there is one."""
    bias, w1, w2 = np.asarray(weights, float)
    if w1 == 0 and w2 == 0:
        return
    foot = -bias * np.array([w1, w2]) / (w1**2 + w2**2)
    along = np.array([-w2, w1]) / np.hypot(w1, w2) * 10
    axes.plot(*np.stack([foot - along, foot + along]).T, **style)


def bare_labels(axes: Axes) -> None:
    """No names at the left: the panel beside it has them."""
    axes.tick_params(axis="y", labelleft=False, length=0)


def square(axes: Axes, room: float) -> None:
    """The square of binary inputs with some room around it, and no frame."""
    axes.set(xlim=(-room, 1 + room), ylim=(-room, 1 + room), aspect="equal", xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


def dots(axes: Axes, groups: Mapping[str, Sequence[float]]) -> None:
    """One row per group: a dot for every run, a bar at their mean; the first group on top."""
    for row, (color, values) in enumerate(zip(SERIES, groups.values(), strict=False)):
        axes.scatter(values, np.full(len(values), row), color=color, s=22, alpha=0.55, linewidths=0, zorder=3)
        axes.scatter(np.mean(values), row, marker="|", s=330, color=INK, linewidths=2, zorder=4)
    axes.set(yticks=range(len(groups)), yticklabels=list(groups), ylim=(len(groups) - 0.5, -0.5))
    axes.grid(False, axis="y")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def images(axes: Sequence[Axes], pictures: Sequence[np.ndarray], titles: Sequence[str], signed: bool = False) -> None:
    """Small pictures with a title each; ``signed`` ones in blue (negative) and orange (positive)."""
    for panel, pixels, title in zip(axes, pictures, titles, strict=False):
        limit = float(np.abs(pixels).max())
        span = {"cmap": DIVERGING, "vmin": -limit, "vmax": limit} if signed else {"cmap": "gray_r"}
        panel.imshow(pixels, interpolation="nearest", **span)
        panel.set_title(title, fontsize=8.5)
    for panel in axes:
        bare(panel)


def edged(axes: Sequence[Axes]) -> None:
    """A thin frame round each picture, so that an empty one is seen."""
    for panel in axes:
        panel.set_axis_on()
        panel.grid(False)
        panel.set(xticks=[], yticks=[])
        panel.spines[:].set(visible=True, color=LIGHT, linewidth=0.8)


def counts(axis: XAxis | YAxis, values: Sequence[float]) -> None:
    """Label a logarithmic axis with these numbers only, written out."""
    axis.set_ticks(list(values))
    axis.set_minor_locator(NullLocator())
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))


def wiring(axes: Axes, layers: Sequence[Sequence[str]], edges: Mapping[tuple[int, int, int], str], color: str) -> None:
    """A small network: circles that hold their text, and arrows labelled (layer, from, to) -> text."""
    bare(axes)
    places = [[(2.0 * level, 1.0 * (len(layer) - 1) / 2 - row) for row in range(len(layer))]
              for level, layer in enumerate(layers)]  # fmt: skip
    for (level, start, end), text in edges.items():
        (x0, y0), (x1, y1) = places[level][start], places[level + 1][end]
        axes.plot([x0, x1], [y0, y1], color=LIGHT, linewidth=1.6, zorder=1)
        share = 0.33 if abs(y0 - y1) == 1 else 0.5  # lines that cross: keep their labels apart
        place = x0 + share * (x1 - x0), y0 + share * (y1 - y0)
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1.0}
        axes.text(*place, text, ha="center", va="center", fontsize=8, color=color, bbox=box, zorder=2)
    for layer, spots in zip(layers, places, strict=True):
        for text, (x, y) in zip(layer, spots, strict=True):
            axes.scatter(x, y, s=1500, color="white", edgecolors=GREY, linewidths=1.2, zorder=3)
            axes.text(x, y, text, ha="center", va="center", fontsize=7.5, zorder=4)
    room = 0.55 + max(len(layer) - 1 for layer in layers) / 2
    axes.set(xlim=(-0.6, 2.0 * (len(layers) - 1) + 0.6), ylim=(-room, room))
