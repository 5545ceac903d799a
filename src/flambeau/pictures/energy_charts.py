"""Charts of a Boltzmann machine: activity, histograms, free energies, samples against exact probabilities, log Z.

Each function returns PNG bytes.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, PowerNorm
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator
from numpy.typing import ArrayLike

from flambeau.errors import DataError
from flambeau.pictures.figures import BLUE, GREEN, GREY, INK, LIGHT, ORANGE, SKY, VERMILLION, picture, record_of

BUSY = LinearSegmentedColormap.from_list("activity", ["#fbfaf8", "#f6cfa8", "#d9752b", "#6b2c0a"])
SHOWN = (0.001, 0.01, 0.1, 0.5, 0.9, 0.99, 0.999)  # activities that are written at the axis
STATES = 64  # bars side by side that can still be told apart


def activity_picture(records: Mapping[str, ArrayLike], below: float = 0.01, above: float = 0.99) -> bytes:
    """How busy every hidden unit was, epoch by epoch, and which are dead or always on; PNG bytes.

    Left a row per unit, the busiest in the last epoch on top; right their activity in that epoch. Arguments:
    ``run.records["hidden_activity"]`` and the thresholds.

    >>> activity_picture({"activity": np.asarray([[0.5, 0.4, 0.5], [0.2, 0.001, 0.999]])})[:4]
    b'\\x89PNG'

    Raises :class:`~flambeau.errors.ConfigurationError` for other records. *Limits.* For units of 0 or 1.
    """
    activity = record_of(records, "activity", "HiddenActivity", "activity_picture")
    order = np.argsort(activity[-1], kind="stable")
    table = activity[:, order].T

    def draw(axes: list[Axes]) -> None:
        heat(axes[0], table)
        marked(axes[0], int((table[:, -1] < below).sum()), int((table[:, -1] > above).sum()))
        latest(axes[1], table[:, -1], below, above)

    return picture(draw, 1, 2, 3.4, width_ratios=(1.35, 1), sharey=True)


def heat(axes: Axes, table: np.ndarray) -> None:
    """Units by epochs."""
    units, rounds = table.shape
    extent = (0.5, rounds + 0.5, 0.5, units + 0.5)
    shown = axes.imshow(table, origin="lower", aspect="auto", cmap=BUSY, norm=PowerNorm(0.5, 0, 1), extent=extent,
                        interpolation="nearest")  # fmt: skip
    axes.set(xlabel="epoch", ylabel="hidden units, the busiest on top", title="mean activity", yticks=[])
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.grid(False)
    bar = axes.figure.colorbar(shown, ax=axes, pad=0.02, aspect=28, ticks=[0, 0.01, 0.1, 0.25, 0.5, 0.75, 1])
    bar.ax.set_yticklabels(["0", "0.01", "0.1", "0.25", "0.5", "0.75", "1"])
    bar.outline.set_visible(False)


def marked(axes: Axes, dead: int, on: int) -> None:
    """Strips beside the rows of units that are of no use."""
    low, high = axes.get_ylim()
    for start, end, color in ((low, low + dead, BLUE), (high - on, high, VERMILLION)):
        axes.plot([-0.012, -0.012], [start, end], color=color, linewidth=4, solid_capstyle="butt", clip_on=False,
                  transform=axes.get_yaxis_transform())  # fmt: skip


def latest(axes: Axes, activity: np.ndarray, below: float, above: float) -> None:
    """The last epoch: a dot per unit, and the two bands where a unit is of no use."""
    least = 5e-4
    place, height = np.clip(activity, least, 1 - least), np.arange(1, len(activity) + 1)
    axes.set_xscale("logit")
    axes.set(xlim=(least / 1.6, 1 - least / 1.6), ylim=(0.5, len(activity) + 0.5), title="last epoch")
    dead, on = activity < below, activity > above
    size = float(np.clip(900 / len(activity), 4, 26))
    for chosen, color in ((dead, BLUE), (on, VERMILLION), (~dead & ~on, GREY)):
        axes.scatter(place[chosen], height[chosen], s=size, color=color, linewidths=0, zorder=3, clip_on=False)
    axes.axvspan(least / 1.6, below, color=SKY, alpha=0.18, linewidth=0)
    axes.axvspan(above, 1 - least / 1.6, color=ORANGE, alpha=0.18, linewidth=0)
    words: Any = {"va": "bottom", "fontsize": 8.5, "fontweight": "bold", "transform": axes.transAxes}
    axes.text(0, 1.015, f"dead: {dead.sum()}", color=BLUE, ha="left", **words)
    axes.text(1, 1.015, f"always on: {on.sum()}", color=VERMILLION, ha="right", **words)
    axes.xaxis.set_major_locator(FixedLocator(SHOWN))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.set_xlabel("mean activity")
    axes.tick_params(axis="y", length=0)
    axes.grid(False, axis="y")


def histogram_picture(records: Mapping[str, ArrayLike], arrays: Sequence[str] | None = None) -> bytes:
    """How the weights of every array, or their steps, were spread in the first epoch, the middle one and the last.

    Arguments: ``run.records["weight_histogram"]`` or ``run.records["update_histogram"]``; ``arrays``, which of them
    (at most 9, all unless told otherwise). A line marks the thousandth of a weight, which steps should be near.

    >>> histogram_picture({"edges": np.linspace(-1, 1, 5)[None], "w": np.asarray([[0, 1, 4, 4, 1, 0]])})[:4]
    b'\\x89PNG'

    Raises :class:`~flambeau.errors.ConfigurationError` for other records. Source: Hinton 2010, section 7.
    """
    steps = "log10_edges" in records
    edges = record_of(records, "log10_edges" if steps else "edges", "WeightHistogram", "histogram_picture")[0]
    every = [name for name in records if not name.endswith("edges")]
    names = sorted(every, key=lambda name: not name.endswith("weights"))[:9] if arrays is None else list(arrays)[:9]
    what = f"an array of that name ({', '.join(every)})"
    tables = [record_of(records, name, what, "histogram_picture") for name in names]
    columns = min(len(names), 3)

    def draw(axes: list[Axes]) -> None:
        for panel, name, counts in zip(axes, names, tables, strict=False):
            _spread(panel, edges, counts)
            if steps:
                thousandth(panel)
            panel.set_title(name.replace("structure.", "").replace("_", " "))
            panel.set_xlabel("step / weight" if steps else "value")
        for panel in axes[len(names) :]:
            panel.set_axis_off()
        handles, words = axes[0].get_legend_handles_labels()
        axes[0].figure.legend(handles, words, loc="outside upper center", ncols=len(words), handlelength=1.2)

    rows = -(-len(names) // columns)
    return picture(draw, rows, columns, 2.2 * rows + 0.4)


def _spread(axes: Axes, edges: np.ndarray, counts: np.ndarray) -> None:
    """Shares per bin in three epochs, the first as a grey ground; what lies beyond the edges is said in words."""
    chosen = sorted({0, (len(counts) - 1) // 2, len(counts) - 1})
    shares = counts[chosen] / np.maximum(counts[chosen].sum(axis=1, keepdims=True), 1)
    limits = reach(edges, shares)
    edges, inside = merged(edges, shares[:, 1:-1], limits, float(counts[-1].sum()))
    styles = [(LIGHT, 0.0), (SKY, 1.2), (BLUE, 1.8)]
    for number, values, (color, width) in zip(chosen, inside, styles if len(chosen) > 1 else styles[-1:], strict=False):
        ground: Any = {"fill": True, "facecolor": LIGHT} if width == 0 else {"edgecolor": color, "linewidth": width}
        axes.stairs(values, edges, label=f"epoch {number + 1}", **ground)
    axes.set(yticks=[], ylim=(0, None), xlim=limits)
    for place, side, form in ((0, "left", "← {:.0%}"), (-1, "right", "{:.0%} →")):
        if shares[-1, place] >= 0.005:
            words = form.format(shares[-1, place])
            axes.text(-place, 1.01, words, ha=side, va="bottom", color=BLUE, fontsize=8, transform=axes.transAxes)
    axes.grid(False)
    axes.spines["left"].set_visible(False)


def reach(edges: np.ndarray, shares: np.ndarray) -> tuple[float, float]:
    """The part of the axis where all but one in a thousand of each lie, with a bin to spare."""
    below = shares[:, :-1].cumsum(axis=1)
    seen = np.flatnonzero(((below[:, 1:] > 0.0005) & (below[:, :-1] < below[:, -1:] - 0.0005)).any(axis=0))
    if not len(seen):
        return float(edges[0]), float(edges[-1])
    return float(edges[max(seen[0] - 1, 0)]), float(edges[min(seen[-1] + 2, len(edges) - 1)])


def merged(
    edges: np.ndarray, shares: np.ndarray, limits: tuple[float, float], size: float
) -> tuple[np.ndarray, np.ndarray]:
    """Neighbouring bins put together until as many are seen as so many values can fill evenly (Rice's rule)."""
    seen = ((edges[:-1] >= limits[0]) & (edges[1:] <= limits[1])).sum()
    each = max(1, int(seen // np.clip(2 * size ** (1 / 3), 12, 60)))
    first = int(np.searchsorted(edges, limits[0])) % each
    starts = np.unique(np.append(0, np.arange(first, shares.shape[1], each)))
    ends = np.append(edges[starts], edges[-1])
    return ends, np.add.reduceat(shares, starts, axis=1) / np.diff(ends)


def thousandth(axes: Axes) -> None:
    """Powers of ten below, and a line at 10⁻³."""
    low, high = axes.get_xlim()
    axes.set_xlim(min(low, -4), max(high, -2))
    axes.axvline(-3, color=VERMILLION, linewidth=1, linestyle=(0, (3, 2)), zorder=3, label="a thousandth")
    axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"$10^{{{value:.0f}}}$"))


def free_energy_picture(records: Mapping[str, Any], tolerance: float = 0.1) -> bytes:
    """The free-energy gap, epoch by epoch: by how many nats held-out rows are less probable than training rows.

    Arguments: ``run.records["free_energy_gap"]``, which draws a band of ``tolerance`` times the standard deviation of
    the held-out free energies, where a gap is small; or ``run.history`` of early stopping.

    >>> free_energy_picture({"gap": np.asarray([0.1, 0.5, 2.0]), "spread": np.asarray([9.0, 9.5, 10.0])})[:4]
    b'\\x89PNG'

    Raises :class:`~flambeau.errors.ConfigurationError` for other records. Source: Hinton 2010, section 6.
    """
    name = "gap" if "gap" in records else "free_energy_gap"
    gap = record_of(records, name, "FreeEnergyGap", "free_energy_picture")
    band = tolerance * np.asarray(records["spread"], float) if "spread" in records else None
    rounds = np.arange(1, len(gap) + 1)

    def draw(axes: list[Axes]) -> None:
        panel = axes[0]
        if band is not None:
            panel.fill_between(rounds, 0, band, color=SKY, alpha=0.18, linewidth=0)
            words = f"small: below {tolerance:g}\nof the spread of F"
            _beside(panel, len(gap), float(band[-1]) / 2, words, color=BLUE, fontsize=8)
        panel.axhline(0, color=GREY, linewidth=0.8)
        panel.plot(rounds, gap, color=VERMILLION, marker="o" if len(gap) < 3 else None)
        panel.set(xlabel="epoch", ylabel="gap, nats (up: overfitting)")
        panel.set_title("mean F(held out) − mean F(training rows)")
        _beside(panel, len(gap), float(gap[-1]), f"{gap[-1]:+.2g}", color=VERMILLION, fontweight="bold")
        panel.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        panel.margins(x=0.01)

    return picture(draw, height=2.8)


def _beside(axes: Axes, x: float, y: float, words: str, **style: Any) -> None:
    """Words to the right of the end of a line."""
    offset: Any = {"xytext": (6, 0), "textcoords": "offset points", "va": "center", "annotation_clip": False}
    axes.annotate(words, (x, y), **offset, **style)


def gibbs_histogram_picture(empirical: ArrayLike, exact: ArrayLike, samples: int | None = None) -> bytes:
    """How often a sampler was seen in every state, against the states' exact probabilities; PNG bytes.

    States stand in the order of their exact probability, the 64 most probable ones, and "rest" for all others. Below,
    the differences in standard errors √(p(1 - p)/n): about one in twenty lies outside the band of ±2. Arguments:
    ``empirical`` counts ``(states,)``, or frequencies of so many ``samples``; ``exact`` probabilities.

    >>> gibbs_histogram_picture([510, 240, 130, 120], [0.5, 0.25, 0.125, 0.125])[:4]
    b'\\x89PNG'

    Raises :class:`~flambeau.errors.DataError` for what is no such pair. *Limits.* The errors are those of independent
    samples; states of one chain are not, and stray further.
    """
    counts, p = np.asarray(empirical, float), np.asarray(exact, float)
    if counts.shape != p.shape or p.ndim != 1 or counts.min() < 0 or abs(p.sum() - 1) > 1e-3 or counts.sum() <= 0:
        expected, got = (
            "counts and probabilities (states,), these summing to 1",
            f"{counts.shape}, {p.shape}, {p.sum():g}",
        )
        raise DataError("gibbs_histogram_picture", expected, got, "count the states in the order of the probabilities")
    n = float(counts.sum() if samples is None else samples)
    if n <= 1.5:
        raise DataError("gibbs_histogram_picture", "counts, or a number of samples", "frequencies", "pass samples=n")
    seen, p = most_probable(counts / counts.sum(), p)
    error = np.sqrt(p * (1 - p) / n)

    def draw(axes: list[Axes]) -> None:
        against(axes[0], seen, p, error, rest=counts.size > STATES)
        axes[0].set_title(f"{counts.size} states, {n:,.0f} samples")
        _deviations(axes[1], (seen - p) / np.where(error > 0, error, 1))

    return picture(draw, 2, 1, 3.8, sharex=True, height_ratios=(2.6, 1))


def most_probable(seen: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both in the order of p, and the tail as one."""
    order = np.argsort(-p, kind="stable")
    cut = [np.append(values[order[:STATES]], values[order[STATES:]].sum()) for values in (seen, p)]
    return (cut[0], cut[1]) if len(p) > STATES else (seen[order], p[order])


def against(axes: Axes, seen: np.ndarray, p: np.ndarray, error: np.ndarray, *, rest: bool) -> None:
    """Bars are exact, dots were seen."""
    x, size = np.arange(len(p)), float(np.clip(160 / len(p), 2.2, 5))
    axes.bar(x, p, 0.82, color=LIGHT, label="exact")
    axes.errorbar(x, seen, 2 * error, fmt="o", color=VERMILLION, markersize=size, elinewidth=1, linestyle="none",
                  label="seen, ± 2 standard errors", zorder=3, clip_on=False)  # fmt: skip
    axes.set(ylabel="probability", ylim=(0, None), xlim=(-0.7, len(p) - 0.3), xticks=[])
    if rest:
        place: Any = {"xytext": (0, -3), "textcoords": "offset points", "ha": "center", "va": "top"}
        axes.annotate("rest", (len(p) - 1, 0), fontsize=8, **place)
    axes.grid(False, axis="x")
    axes.legend(loc="upper right" if not rest else "upper center")


def _deviations(axes: Axes, z: np.ndarray) -> None:
    """Differences in standard errors."""
    axes.axhspan(-2, 2, color=SKY, alpha=0.18, linewidth=0)
    axes.axhline(0, color=GREY, linewidth=0.8)
    axes.scatter(np.arange(len(z)), z, s=float(np.clip(700 / len(z), 5, 24)), color=VERMILLION, linewidths=0, zorder=3)
    limit = max(3.5, float(np.abs(z).max()) * 1.15)
    axes.set(ylim=(-limit, limit), yticks=(-2, 0, 2))
    axes.set(ylabel="standard\nerrors off", xlabel="states, the most probable first")
    axes.grid(False, axis="x")


def likelihood_picture(log_partition: Any, title: str = "log Z") -> bytes:
    """An estimate of log Z with its interval, and the two directions it came from; PNG bytes.

    Argument: a :class:`~flambeau.analysis.LogPartition`, whose ``forward`` estimate tends to be too low and ``reverse``
    one too high: where they meet, the value can be trusted.

    >>> from types import SimpleNamespace
    >>> found = SimpleNamespace(value=5.1, low=5.0, high=5.2, forward=5.05, reverse=5.14, method="ais", trusted=True)
    >>> likelihood_picture(found)[:4]
    b'\\x89PNG'
    """
    given = (("forward,\nfrom below", log_partition.forward), ("reverse,\nfrom above", log_partition.reverse))
    rows = [(name, float(value)) for name, value in given if value is not None and np.isfinite(value)]
    low, high, value = (float(getattr(log_partition, name)) for name in ("low", "high", "value"))
    color, verdict = (GREEN, "can be trusted") if log_partition.trusted else (VERMILLION, "not to be trusted")
    words = f"{value:.4f}, exact" if low == high else f"{value:.2f}, from {low:.2f} to {high:.2f}: {verdict}"

    def draw(axes: list[Axes]) -> None:
        panel = axes[0]
        panel.axvspan(low, high, color=color, alpha=0.12, linewidth=0)
        panel.plot([low, high], [0, 0], color=color, linewidth=5, alpha=0.55, solid_capstyle="butt")
        panel.scatter([value], [0], color=color, s=60, zorder=3)
        for place, (_, number) in enumerate(rows, 1):
            panel.scatter([number], [place], color=INK, s=36, zorder=3)
        names = [log_partition.method, *(name for name, _ in rows)]
        panel.set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.4, -0.6), xlabel=f"{title}, nats")
        panel.set_title(f"{title} = {words}", color=color)
        panel.margins(x=0.1)
        panel.grid(False, axis="y")
        panel.tick_params(axis="y", length=0)
        panel.spines["left"].set_visible(False)

    return picture(draw, height=0.95 + 0.38 * (len(rows) + 1))
