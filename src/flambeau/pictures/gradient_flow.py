"""Figures of the gradient flow: a curve per layer over training, and bars per layer."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_hex
from matplotlib.ticker import LogLocator, NullLocator
from numpy.typing import ArrayLike

from flambeau.analysis import rows_of
from flambeau.errors import ConfigurationError
from flambeau.pictures.figures import BLUE, PURPLE, VERMILLION, picture
from flambeau.training import Run

DEPTH = LinearSegmentedColormap.from_list("depth", [VERMILLION, PURPLE, BLUE])


def shades(layers: int) -> list[str]:
    """One colour per layer, from orange at the bottom to blue at the top.

    >>> shades(2)
    ['#d55e00', '#0072b2']
    """
    return [to_hex(DEPTH(place)) for place in np.linspace(0, 1, layers)]


def curves(
    axes: Axes, values: ArrayLike, names: Sequence[str], x: ArrayLike | None = None, *, log: bool = True
) -> None:
    """One curve per layer of ``values`` ``(rounds, layers)``, bottom layer first, each named at its right end."""
    lines = np.asarray(values, float)
    rounds = np.arange(1, len(lines) + 1) if x is None else np.asarray(x)
    if log:
        lines = np.where(lines > 0, lines, np.nan)
        axes.set_yscale("log")
    for line, color in zip(lines.T, shades(lines.shape[1]), strict=True):
        axes.plot(rounds, line, color=color, linewidth=1.5)
    named_at_the_end(axes, lines[-1], names)


def named_at_the_end(axes: Axes, ends: np.ndarray, names: Sequence[str]) -> None:
    """Each curve's name beside its end, moved apart where they would overlap."""
    low, high = axes.get_ylim()
    scale = np.log10 if axes.get_yscale() == "log" else np.asarray
    place = (scale(np.where(np.isfinite(ends), ends, low)) - scale(low)) / (scale(high) - scale(low))
    for row, spot in spread_out(place, 0.075).items():
        color = shades(len(ends))[row]
        axes.annotate(names[row], (1.0, spot), xycoords="axes fraction", xytext=(5, 0), textcoords="offset points",
                      color=color, va="center", fontsize=8, annotation_clip=False)  # fmt: skip


def spread_out(places: np.ndarray, least: float) -> dict[int, float]:
    """The places in their order, at least so far from each other, none moved more than needed from the middle."""
    order = np.argsort(places)
    spots = places[order].copy()
    for _ in range(100):
        gaps = np.diff(spots)
        short = np.maximum(least - gaps, 0) / 2
        if not (short > 1e-6).any():
            break
        spots[1:] += short
        spots[:-1] -= short
    spots -= max(spots[-1] - 1, 0)
    return dict(zip(order.tolist(), spots.tolist(), strict=True))


def _bars(axes: Axes, groups: Sequence[ArrayLike], names: Sequence[str], *, log: bool = True) -> None:
    """Horizontal bars, top layer on top; for each layer one of every group, the last one full."""
    table = np.asarray([np.asarray(values, float) for values in groups])
    rows, height = np.arange(len(names)), 0.8 / len(table)
    for place, values in enumerate(table):
        shift, alpha = (len(table) - 1) / 2 - place, 1.0 if place == len(table) - 1 else 0.4
        axes.barh(rows + shift * height, values, height * 0.9, color=shades(len(names)), alpha=alpha, log=log)
    axes.set(yticks=rows, yticklabels=list(names))
    if log and (table > 0).any():
        axes.set_xlim(table[table > 0].min() / 3, table.max() * 2)
        axes.xaxis.set_major_locator(LogLocator(numticks=6))
        axes.xaxis.set_minor_locator(NullLocator())
    axes.tick_params(axis="y", length=0)
    axes.grid(False, axis="y")


def flow_figure(run: Run, column: str = "delta") -> bytes:
    """The gradient flow of a run watched by ``GradientFlow``, as PNG bytes: a column's curves, and bars at both ends.

    Left one curve per layer over the epochs, right the first epoch (pale) and the last; lengths on logarithmic axes.

    >>> import flambeau as fb, jax
    >>> network = fb.networks.mlp((2, 4, 1), "tanh", "sigmoid", key=jax.random.key(0))
    >>> run = fb.train(network, fb.rules.Backpropagation(), fb.problems.Examples.of(*fb.problems.xor()), steps=8,
    ...                batch_size=4, monitors=(fb.monitors.GradientFlow(),))
    >>> flow_figure(run)[:4]
    b'\\x89PNG'

    Raises :class:`~flambeau.errors.ConfigurationError` for a run without such records.
    """
    records = run.records.get("gradient_flow", {})
    if column not in records:
        offered = ", ".join(records) or "a run without GradientFlow"
        expected = f"a run with a record of {column!r}"
        raise ConfigurationError("flow_figure", expected, offered, "watch with GradientFlow")
    values, names = np.asarray(records[column]), [row.name for row in rows_of(run.network)]
    label = column.replace("_", " ") if column != "delta" else "gradient δ at the net inputs"
    log = column in ("delta", "bias_gradient", "weight_gradient", "update")

    def draw(axes: list[Axes]) -> None:
        curves(axes[0], values, names, log=log)
        axes[0].set(xlabel="epoch", ylabel=label, title="over training")
        _bars(axes[1], (values[0], values[-1]), names, log=log)
        axes[1].set(xlabel=label, title="first epoch (pale) and last")

    return picture(draw, 1, 2, 3.0, width_ratios=(1.25, 1))
