"""Chapter 10: how many random patterns fit, counted and by theory."""

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from scipy.stats import chi2
from scipy.stats import t as student

import flambeau as fb
from flambeau.journey.chapter import Setting, Telling, section
from flambeau.journey.comparisons import All
from flambeau.journey.hopfield_memory.experiment import stored_share, units_of
from flambeau.journey.samples import Consistent, MeanAbove, MeanBelow, MeanNear
from flambeau.pictures.figures import BLUE, GREEN, GREY, INK, VERMILLION

LOADS = (0.02, 0.05, 0.08, 0.10, 0.12, 0.14, 0.16, 0.20, 0.25)


class Counted(NamedTuple):
    """What was counted at every load ``(loads, draws)``, beside the exact share of unstable bits."""

    units: int
    counts: np.ndarray
    loads: np.ndarray
    exact: np.ndarray
    wrong: np.ndarray
    stable: np.ndarray
    overlap: np.ndarray

    @property
    def limit(self) -> float:
        """N / (2 ln N), as a load."""
        return float(fb.analysis.absolute_capacity(self.units)) / self.units


def _counted(setting: Setting, rule: str) -> Counted:
    """Store, ask every bit, and let the network come to rest from each pattern."""
    units, draws = units_of(setting), setting.pick(20, 12, 40)
    found = stored_share(rule, units, LOADS, draws, setting.seed, 0.0)
    counts = np.asarray([round(load * units) for load in LOADS])
    exact = np.asarray([fb.analysis.bit_error(int(count), units) for count in counts])
    return Counted(units, counts, counts / units, exact, found.wrong, found.stable, found.overlap)


def chance_of(found: Counted) -> float:
    """The probability of shares so far from the exact ones, by the networks' own spread: t-tests, joined by Fisher."""
    far = found.exact * found.counts * found.units > 15  # where enough unstable bits a network are expected
    draws = found.wrong.shape[1]
    t = (found.wrong[far].mean(axis=1) - found.exact[far]) / (found.wrong[far].std(axis=1, ddof=1) / np.sqrt(draws))
    return float(chi2.sf(-2 * np.log(2 * student.sf(np.abs(t), draws - 1)).sum(), 2 * int(far.sum())))


def draw_shares(axes: Axes, found: Counted) -> None:
    """Whole patterns and overlaps against the load, with both limits."""
    fine = np.linspace(0.005, LOADS[-1], 200)
    theory = np.asarray([fb.analysis.replica_overlap(float(load)) for load in fine])
    axes.plot(found.loads, found.stable.mean(axis=1), color=BLUE, marker="o", markersize=5)
    whole = np.arange(1, found.counts[-1] + 1)
    alone = [(1 - fb.analysis.bit_error(int(count), found.units)) ** found.units for count in whole]
    axes.plot(whole / found.units, alone, color=BLUE, linestyle=":", linewidth=1.2)
    axes.plot(fine[theory > 0], theory[theory > 0], color=VERMILLION, linewidth=1.2, linestyle="--")
    axes.plot(found.loads, found.overlap.mean(axis=1), color=VERMILLION, marker="s", markersize=4.5, linewidth=0)
    for load, text, side in (
        (found.limit, "N / (2 ln N)", "right"),
        (fb.analysis.critical_point().load, "0.138 N", "left"),
    ):
        axes.axvline(load, color=GREY, linewidth=0.9, zorder=0)
        axes.text(load, 1.08, text, color=GREY, fontsize=8.5, va="bottom", ha=side)
    axes.set(xlim=(0, 0.265), ylim=(-0.03, 1.07), xticks=[0, 0.05, 0.1, 0.15, 0.2, 0.25], xlabel="load K / N",
             ylabel="share (blue), overlap (orange)")  # fmt: skip
    for height, text, color in (
        (0.4, "every bit right\n(dotted: if bits were\nindependent)", BLUE),
        (0.98, "overlap left\n(dashed: replica theory)", VERMILLION),
    ):
        axes.text(0.172, height, text, color=color, fontsize=8.5, va="center")


def draw_bits(axes: Axes, found: Counted) -> None:
    """Unstable bits against the exact probability, where enough of them are expected."""
    seen = found.exact * found.counts * found.units * found.wrong.shape[1] > 3
    loads, wrong = found.loads[seen], found.wrong[seen]
    error = 2 * wrong.std(axis=1, ddof=1) / np.sqrt(wrong.shape[1])
    axes.plot(loads, found.exact[seen], color=INK, linewidth=1.2, linestyle="--", label="P, exact")
    middle = np.maximum(wrong.mean(axis=1), 1e-9)
    look: Any = {"color": GREEN, "marker": "o", "markersize": 4, "linewidth": 0, "elinewidth": 1.2}
    axes.errorbar(loads, middle, error, label="measured, ±2 errors", **look)
    axes.set(yscale="log", ylim=(1e-5, 0.3), xlabel="load K / N", ylabel="share of unstable bits")
    axes.legend(loc="upper left")


@section("How many patterns fit?")
def capacity(page: Telling) -> None:
    """Stable patterns, wrong bits and overlaps against the load, with three theories."""
    found = _counted(page.setting, page.either("the projection for the sum", "Hebb", "projection"))
    critical, last = fb.analysis.critical_point()
    at = LOADS.index(0.10)
    theory = fb.analysis.replica_overlap(
        float(found.loads[at]) * page.either("the theory at a third more patterns", 1.0, 1.34)
    )
    at_limit = np.asarray([np.interp(found.limit, found.loads, each) for each in found.stable.T])
    few = page.either("as few patterns as at first", -1, 0)

    def draw(axes: list[Axes]) -> None:
        draw_shares(axes[0], found)
        draw_bits(axes[1], found)

    page.say(
        "Random patterns are stored in {units} neurons by the lecture's sum, {draws} networks for each load. Each bit "
        "of a stored pattern hears its own pattern, N − 1 votes, and the others, whose votes are coin tosses:",
        units=found.units,
        draws=found.wrong.shape[1],
    )
    page.equation(
        "x_i h_i = (N - 1) + Σ of (K - 1)(N - 1) fair signs,   P = P(x_i h_i < 0)", "a binomial sum, so P is exact"
    )
    page.figure(
        "Capacity, counted and by theory",
        "Left: patterns of which every bit is stable (blue), and what is left of a pattern once the network has come "
        "to rest from it (orange squares). Right: unstable bits, against the exact probability.",
        draw,
        "Left, a falling blue curve, and orange squares that stay at 1 until they drop near 0.138. Right, dots on a "
        "rising dashed curve.",
        grid=(1, 2),
        height=3.2,
        options={"width_ratios": (1.5, 1)},
    )
    page.say(
        "Two limits answer two questions. Every bit right: up to about N / (2 ln N) patterns (McEliece and others, "
        "1987), here {limit:.3f} N. A few bits wrong, but near the pattern: up to α = {critical:.6f} (Amit, Gutfreund "
        "and Sompolinsky, 1987), and there the overlap is still {last:.3f}, after which it does not fade but *breaks*. "
        "That is a statement about infinitely many neurons; in a finite network the break is a slope. "
        "`fb.analysis.critical_point()`, `replica_overlap(load)`, `bit_error(K, N)` and `absolute_capacity(N)` are the "
        "theories, `fb.estimators.capacity_curve(model, N, loads)` measures any memory.",
        limit=found.limit,
        critical=critical,
        last=last,
    )
    _claimed_capacity(page, found, at_limit, few, theory, at)


def _claimed_capacity(page: Telling, found: Any, at_limit: Any, few: Any, theory: Any, at: Any) -> None:
    """What is claimed."""
    page.beyond(
        "An unstable bit is a lost vote: P is binomial",
        Consistent(chance_of(found), f"unstable bits at all loads, {found.wrong.shape[1]} networks each"),
        "the projection for the sum",
    )
    page.beyond(
        "Most patterns are right in every bit up to N / (2 ln N), few at N / 4",
        All(
            MeanAbove(at_limit, 0.5, f"{{found:.0%}} at {found.limit:.3f} N"),
            MeanBelow(found.stable[few], 0.2, "{found:.0%} at N / 4"),
        ),
        "as few patterns as at first",
    )
    page.beyond(
        "Below 0.138 N what is left is near the pattern, as replica theory says",
        MeanNear(found.overlap[at], theory, 0.01, "overlap {found:.4f} at 0.1 N"),
        "the theory at a third more patterns",
    )
    page.beyond(
        "Beyond 0.138 N memory breaks down",
        MeanBelow(found.overlap[few], 0.85, "overlap {found:.2f} at N / 4"),
        "as few patterns as at first",
    )
