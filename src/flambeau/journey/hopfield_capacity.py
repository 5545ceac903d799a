"""The chapter on Hopfield memory, continued: how many random patterns fit, counted and by theory."""

import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Claim, Equation, Figure, Section, Setting, Told
from flambeau.journey.hopfield_experiment import stored, units_of
from flambeau.report.figures import BLUE, GREEN, GREY, INK, VERMILLION, picture

LOADS = (0.02, 0.05, 0.08, 0.10, 0.12, 0.14, 0.16, 0.20, 0.25)


def capacity(setting: Setting) -> Told:
    """Stable patterns, wrong bits and overlaps against the load, with three theories."""
    units, draws = units_of(setting), setting.pick(4, 8, 40)
    found = stored("Hebb", units, LOADS, draws, setting.seed, 0.0)
    counts = np.asarray([round(load * units) for load in LOADS])
    loads = counts / units
    exact = np.asarray([fb.networks.bit_error(int(count), units) for count in counts])
    wrong, stable, overlap = (part.mean(axis=1) for part in (found.wrong, found.stable, found.overlap))
    bits = counts * units * draws
    error = np.maximum(found.wrong.std(axis=1) / np.sqrt(draws), np.sqrt(exact * (1 - exact) / bits) + 1 / bits)
    off = np.abs(wrong - exact) / error
    critical, last = fb.networks.critical_point()
    limit = float(fb.networks.absolute_capacity(units)) / units
    fine = np.linspace(0.005, LOADS[-1], 200)
    theory = np.asarray([fb.networks.replica_overlap(float(load)) for load in fine])
    below = loads < 0.11
    gap = float(np.abs(overlap[below] - [fb.networks.replica_overlap(float(load)) for load in loads[below]]).max())
    at_limit = float(np.interp(limit, loads, stable))

    def draw(axes: list[Axes]) -> None:
        axes[0].plot(loads, stable, color=BLUE, marker="o", markersize=5)
        whole = np.arange(1, counts[-1] + 1)
        alone = [(1 - fb.networks.bit_error(int(count), units)) ** units for count in whole]
        axes[0].plot(whole / units, alone, color=BLUE, linestyle=":", linewidth=1.2)
        axes[0].plot(fine[theory > 0], theory[theory > 0], color=VERMILLION, linewidth=1.2, linestyle="--")  # fmt: skip
        axes[0].plot(loads, overlap, color=VERMILLION, marker="s", markersize=4.5, linewidth=0)  # fmt: skip
        for load, text, side in ((limit, "N / (2 ln N)", "right"), (critical, "0.138 N", "left")):
            axes[0].axvline(load, color=GREY, linewidth=0.9, zorder=0)
            axes[0].text(load, 1.08, text, color=GREY, fontsize=8.5, va="bottom", ha=side)
        axes[0].set(
            xlim=(0, 0.265),
            ylim=(-0.03, 1.07),
            xticks=[0, 0.05, 0.1, 0.15, 0.2, 0.25],
            xlabel="load K / N",
            ylabel="share, or overlap",
        )
        axes[0].text(
            0.172, 0.4, "every bit right\n(dotted: if bits were\nindependent)", color=BLUE, fontsize=8.5, va="center"
        )
        axes[0].text(0.172, 0.98, "overlap left\n(dashed: replica theory)", color=VERMILLION, fontsize=8.5, va="center")
        seen = exact * bits > 3
        axes[1].plot(loads[seen], exact[seen], color=INK, linewidth=1.2, linestyle="--", label="P, exact")
        axes[1].errorbar(loads[seen], np.maximum(wrong[seen], 1e-9), 2 * error[seen], color=GREEN, marker="o",
                         markersize=4, linewidth=0, elinewidth=1.2, label="measured, ±2 errors")  # fmt: skip
        axes[1].set(yscale="log", ylim=(1e-5, 0.3), xlabel="load K / N", ylabel="share of unstable bits")
        axes[1].legend(loc="upper left")

    return Section("How many patterns fit?", (
        f"Random patterns are stored in {units} neurons by the lecture's sum, {draws} networks for each load. Each bit "
        "of a stored pattern hears its own pattern, N − 1 votes, and the others, whose votes are coin tosses:",
        Equation("x_i h_i = (N - 1) + Σ of (K - 1)(N - 1) fair signs,   P = P(x_i h_i < 0)",
                 "a binomial sum, so P is exact"),
        Figure("Capacity, counted and by theory", "Left: patterns of which every bit is stable (blue), and what is "
               "left of a pattern once the network has come to rest from it (red). Right: unstable bits, against the "
               "exact probability.", picture(draw, 1, 2, 3.2, width_ratios=(1.5, 1)),
               "Left, a falling blue curve, and red squares that stay at 1 until they drop near 0.138. Right, dots on "
               "a rising dashed curve."),
        "Two limits answer two questions. Every bit right: up to about N / (2 ln N) patterns (McEliece and others, "
        f"1987), here {limit:.3f} N. A few bits wrong, but near the pattern: up to α = {critical:.6f} (Amit, "
        f"Gutfreund and Sompolinsky, 1987), and there the overlap is still {last:.3f}, after which it does not fade "
        "but *breaks*. That is a statement about infinitely many neurons; in a finite network the break is a slope. "
        "`fb.networks.critical_point()`, `replica_overlap(load)`, `bit_error(K, N)` and `absolute_capacity(N)` are "
        "the theories, `fb.estimators.capacity_curve(model, N, loads)` measures any memory.",
    )), (
        Claim("An unstable bit is a lost vote: P is binomial", "within 4 standard errors at every load",
              f"at most {off.max():.1f} over {len(LOADS)} loads, {int(bits.sum()):,} bits", bool(off.max() < 4)),
        Claim("Most patterns are right in every bit up to N / (2 ln N)",
              f"above a half at {limit:.3f} N, few at N / 4",
              f"{at_limit:.0%} at {limit:.3f} N; {stable[-1]:.0%} at {loads[-1]:.2f} N",
              bool(at_limit > 0.5 and stable[-1] < 0.2)),
        Claim("Below 0.138 N what is left is near the pattern", "the replica theory's overlap up to 0.1 N, to 0.02",
              f"largest difference {gap:.4f}; {overlap[loads.tolist().index(counts[3] / units)]:.4f} at "
              f"{loads[3]:.2f} N", gap < 0.02),
        Claim("Beyond 0.138 N memory breaks down", "overlap below 0.75 at N / 4",
              f"{overlap[-1]:.2f} at {loads[-1]:.2f} N, {overlap[0]:.3f} at {loads[0]:.2f} N",
              bool(overlap[-1] < 0.75)),
    )  # fmt: skip
