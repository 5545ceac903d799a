"""The chapter on Hopfield memory, continued: how many random patterns fit, counted and by theory."""

from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Claim, Equation, Figure, Section, Setting, Told
from flambeau.journey.hopfield_experiment import stored_share, units_of
from flambeau.pictures.figures import BLUE, GREEN, GREY, INK, VERMILLION, picture

LOADS = (0.02, 0.05, 0.08, 0.10, 0.12, 0.14, 0.16, 0.20, 0.25)


class Counted(NamedTuple):
    """What was counted at every load, beside the exact share of unstable bits and the error of the count."""

    units: int
    draws: int
    counts: np.ndarray
    loads: np.ndarray
    bits: np.ndarray
    exact: np.ndarray
    error: np.ndarray
    wrong: np.ndarray
    stable: np.ndarray
    overlap: np.ndarray


def _counted(setting: Setting) -> Counted:
    """Store, ask every bit, and let the network come to rest from each pattern."""
    units, draws = units_of(setting), setting.pick(4, 8, 40)
    found = stored_share("Hebb", units, LOADS, draws, setting.seed, 0.0)
    counts = np.asarray([round(load * units) for load in LOADS])
    exact = np.asarray([fb.analysis.bit_error(int(count), units) for count in counts])
    wrong, stable, overlap = (part.mean(axis=1) for part in (found.wrong, found.stable, found.overlap))
    bits = counts * units * draws
    error = np.maximum(found.wrong.std(axis=1) / np.sqrt(draws), np.sqrt(exact * (1 - exact) / bits) + 1 / bits)
    return Counted(units, draws, counts, counts / units, bits, exact, error, wrong, stable, overlap)


def draw_shares(axes: Axes, found: Counted) -> None:
    """Whole patterns and overlaps against the load, with both limits."""
    fine = np.linspace(0.005, LOADS[-1], 200)
    theory = np.asarray([fb.analysis.replica_overlap(float(load)) for load in fine])
    axes.plot(found.loads, found.stable, color=BLUE, marker="o", markersize=5)
    whole = np.arange(1, found.counts[-1] + 1)
    alone = [(1 - fb.analysis.bit_error(int(count), found.units)) ** found.units for count in whole]
    axes.plot(whole / found.units, alone, color=BLUE, linestyle=":", linewidth=1.2)
    axes.plot(fine[theory > 0], theory[theory > 0], color=VERMILLION, linewidth=1.2, linestyle="--")
    axes.plot(found.loads, found.overlap, color=VERMILLION, marker="s", markersize=4.5, linewidth=0)
    limits = (limit_of(found), "N / (2 ln N)", "right"), (fb.analysis.critical_point().load, "0.138 N", "left")
    for load, text, side in limits:
        axes.axvline(load, color=GREY, linewidth=0.9, zorder=0)
        axes.text(load, 1.08, text, color=GREY, fontsize=8.5, va="bottom", ha=side)
    ticks = [0, 0.05, 0.1, 0.15, 0.2, 0.25]
    axes.set(xlim=(0, 0.265), ylim=(-0.03, 1.07), xticks=ticks, xlabel="load K / N", ylabel="share, or overlap")
    for height, text, color in (
        (0.4, "every bit right\n(dotted: if bits were\nindependent)", BLUE),
        (0.98, "overlap left\n(dashed: replica theory)", VERMILLION),
    ):
        axes.text(0.172, height, text, color=color, fontsize=8.5, va="center")


def draw_bits(axes: Axes, found: Counted) -> None:
    """Unstable bits against the exact probability, where enough of them are expected."""
    seen = found.exact * found.bits > 3
    loads, wrong, error = found.loads[seen], np.maximum(found.wrong[seen], 1e-9), found.error[seen]
    axes.plot(loads, found.exact[seen], color=INK, linewidth=1.2, linestyle="--", label="P, exact")
    axes.errorbar(loads, wrong, 2 * error, color=GREEN, marker="o", markersize=4, linewidth=0, elinewidth=1.2,
                  label="measured, ±2 errors")  # fmt: skip
    axes.set(yscale="log", ylim=(1e-5, 0.3), xlabel="load K / N", ylabel="share of unstable bits")
    axes.legend(loc="upper left")


def limit_of(found: Counted) -> float:
    """N / (2 ln N), as a load."""
    return float(fb.analysis.absolute_capacity(found.units)) / found.units


def capacity(setting: Setting) -> Told:
    """Stable patterns, wrong bits and overlaps against the load, with three theories."""
    found = _counted(setting)
    limit, (critical, last) = limit_of(found), fb.analysis.critical_point()

    def draw(axes: list[Axes]) -> None:
        draw_shares(axes[0], found)
        draw_bits(axes[1], found)

    return Section(
        "How many patterns fit?",
        (
            f"Random patterns are stored in {found.units} neurons by the lecture's sum, {found.draws} networks for "
            "each load. Each bit of a stored pattern hears its own pattern, N − 1 votes, and the others, whose votes "
            "are coin tosses:",
            Equation(
                "x_i h_i = (N - 1) + Σ of (K - 1)(N - 1) fair signs,   P = P(x_i h_i < 0)",
                "a binomial sum, so P is exact",
            ),
            Figure(
                "Capacity, counted and by theory",
                "Left: patterns of which every bit is stable (blue), and what is "
                "left of a pattern once the network has come to rest from it (red). Right: unstable bits, against the "
                "exact probability.",
                picture(draw, 1, 2, 3.2, width_ratios=(1.5, 1)),
                "Left, a falling blue curve, and red squares that stay at 1 until they drop near 0.138. Right, dots on "
                "a rising dashed curve.",
            ),
            "Two limits answer two questions. Every bit right: up to about N / (2 ln N) patterns (McEliece and others, "
            f"1987), here {limit:.3f} N. A few bits wrong, but near the pattern: up to α = {critical:.6f} (Amit, "
            f"Gutfreund and Sompolinsky, 1987), and there the overlap is still {last:.3f}, after which it does not "
            "fade but *breaks*. That is a statement about infinitely many neurons; in a finite network the break is a "
            "slope. `fb.analysis.critical_point()`, `replica_overlap(load)`, `bit_error(K, N)` and "
            "`absolute_capacity(N)` are the theories, `fb.estimators.capacity_curve(model, N, loads)` measures any "
            "memory.",
        ),
    ), claims(found)


def claims(found: Counted) -> tuple[Claim, ...]:
    """What the theories say, held against the counts."""
    loads, stable, overlap, limit = found.loads, found.stable, found.overlap, limit_of(found)
    off, at_limit = np.abs(found.wrong - found.exact) / found.error, float(np.interp(limit, loads, stable))
    below = loads < 0.11
    gap = float(np.abs(overlap[below] - [fb.analysis.replica_overlap(float(load)) for load in loads[below]]).max())
    return (
        Claim("An unstable bit is a lost vote: P is binomial", "within 4 standard errors at every load",
              f"at most {off.max():.1f} over {len(LOADS)} loads, {int(found.bits.sum()):,} bits", bool(off.max() < 4)),
        Claim("Most patterns are right in every bit up to N / (2 ln N)",
              f"above a half at {limit:.3f} N, few at N / 4",
              f"{at_limit:.0%} at {limit:.3f} N; {stable[-1]:.0%} at {loads[-1]:.2f} N",
              bool(at_limit > 0.5 and stable[-1] < 0.2)),
        Claim("Below 0.138 N what is left is near the pattern", "the replica theory's overlap up to 0.1 N, to 0.02",
              f"largest difference {gap:.4f}; {overlap[3]:.4f} at "
              f"{loads[3]:.2f} N", gap < 0.02),
        Claim("Beyond 0.138 N memory breaks down", "overlap below 0.75 at N / 4",
              f"{overlap[-1]:.2f} at {loads[-1]:.2f} N, {overlap[0]:.3f} at {loads[0]:.2f} N",
              bool(overlap[-1] < 0.75)),
    )  # fmt: skip
