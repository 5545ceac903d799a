"""Chapter 7: learning by four methods, judged by the exact likelihood."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from scipy.stats import spearmanr

from flambeau.journey.chapter import Setting, Telling, section, worded
from flambeau.journey.comparisons import Above
from flambeau.journey.restricted_boltzmann_machine.bars import CEILING, ROUND, learned_bars, steps_of
from flambeau.journey.samples import Gain
from flambeau.pictures.figures import BLUE, GREEN, GREY, INK, ORANGE, VERMILLION

METHODS = {"exact": (BLUE, "-"), "CD-5": (GREEN, "-"), "PCD": (ORANGE, "-"), "CD-1": (VERMILLION, "-")}
NATS, ERROR = ("log_likelihood", "nats"), ("reconstruction_error", "reconstruction_error")


def _curves(setting: Setting, method: str, record: tuple[str, str], *, fall: bool = True) -> np.ndarray:
    """One record of every seed's run, ``(seeds, rounds)``."""
    seeds = [setting.seed, *setting.seeds(4, 6, 10)[1:]]
    runs = [learned_bars(method, steps_of(setting), seed, fall=fall) for seed in seeds]
    return np.asarray([run.records[record[0]][record[1]] for run in runs], float)


@section("Four ways to learn")
def learning(page: Telling) -> None:
    """The exact log-likelihood while each method learns bars and stripes."""
    nats = {name: _curves(page.setting, name, NATS) for name in METHODS}
    hurried = _curves(page.setting, "PCD", NATS, fall=False)
    ends = {name: each[:, -1] for name, each in nats.items()}
    steps = ROUND * np.arange(1, nats["exact"].shape[1] + 1)
    longer = page.either("CD-1 against itself", ends["exact"], ends["CD-1"])
    five = page.either("one step against one", ends["CD-5"], ends["CD-1"])
    late = {
        name: each[:, -len(steps) // 4 :].mean(axis=1) for name, each in (("falls", nats["PCD"]), ("stays", hurried))
    }
    fallen = page.either("both rates stay", late["falls"], late["stays"])

    def draw(axes: list[Axes]) -> None:
        for name, (color, style) in METHODS.items():
            axes[0].plot(steps, nats[name].T, color=color, alpha=0.3, linewidth=0.8)
            axes[0].plot(steps, nats[name].mean(axis=0), color=color, linestyle=style, label=name)
        axes[1].plot(steps, hurried.T, color=GREY, alpha=0.4, linewidth=0.8)
        axes[1].plot(steps, hurried.mean(axis=0), color=GREY, label="PCD, rate kept")
        axes[1].plot(steps, nats["PCD"].mean(axis=0), color=ORANGE, label="PCD, rate falls to 0")
        for panel in axes:
            panel.axhline(CEILING, color=INK, linestyle=":", linewidth=1)
            panel.set(xlabel="steps of learning", ylabel="log P(v), nats a picture", ylim=(-8, CEILING + 1.2))
        axes[0].legend(loc="lower right")
        axes[1].legend(loc="upper left")

    page.say(
        "Bars and stripes again, from {count} random starts each: by the exact gradient, by CD-1 and CD-5, and by PCD "
        "with as many chains as a batch has rows. All take steps of the same rate, which falls to 0. The likelihood is "
        "exact throughout.",
        count=len(hurried),
    )
    page.figure(
        "Log-likelihood while learning",
        "Thin, each start; thick, their mean; dotted, the ceiling log 1/30 = {ceiling:.2f}, which no machine can pass. "
        "Right: PCD believes its chains, which must keep up with a machine that changes under them. If the rate stays "
        "high they do not, and learning falls apart again and again.",
        draw,
        "Rising curves that end at different heights; on the right a jagged one.",
        grid=(1, 2),
        height=3.2,
        ceiling=CEILING,
    )
    page.table(
        "Log-likelihood at the end, nats a picture",
        ("method", "mean", "from", "to"),
        [
            (name, *(worded(value, ".3f") for value in (each.mean(), each.min(), each.max())))
            for name, each in ends.items()
        ],
    )
    page.say(
        "Each nat is a factor of 2.7 in the probability of every training picture. CD-1 finds the pictures quickly, "
        "and stops short: its chain stays close to the data, so it never hears of states far away that the machine "
        "finds probable, and does nothing about them. Five steps hear of more; so do chains that persist, as long as "
        "they keep up."
    )
    _claimed_learning(page, longer, ends, five, fallen, late)


def _claimed_learning(page: Telling, longer: Any, ends: Any, five: Any, fallen: Any, late: Any) -> None:
    """What is claimed."""
    page.beyond(
        "One step of the chain is not enough: CD-1 ends below the exact gradient",
        Gain(ends["CD-1"], longer, 0.1, "{found:.3f} nats, CD-1 to exact"),
        "CD-1 against itself",
    )
    page.beyond(
        "Five steps of the chain are better than one",
        Gain(ends["CD-1"], five, told="{found:.3f} nats, CD-1 to CD-5"),
        "one step against one",
    )
    page.beyond(
        "Persistent chains need a falling rate",
        Gain(late["stays"], fallen, told="{found:.2f} nats in the last quarter, rate kept to rate falling"),
        "both rates stay",
    )


@section("What judges a machine, and what does not")
def reconstruction(page: Telling) -> None:
    """The reconstruction error beside the likelihood, on the same runs."""
    error, nats = ({name: _curves(page.setting, name, record) for name in METHODS} for record in (ERROR, NATS))
    low = np.concatenate([-each[:, -1] for each in error.values()])
    likely = np.concatenate([each[:, -1] for each in nats.values()])
    judge = page.either("the likelihood judges itself", low, likely)
    agreement = float(spearmanr(judge, likely).statistic)
    steps = ROUND * np.arange(1, error["exact"].shape[1] + 1)
    last, ends = ({name: float(each[:, -1].mean()) for name, each in found.items()} for found in (error, nats))
    lowest, best = min(last, key=last.__getitem__), max(ends, key=ends.__getitem__)

    def draw(axes: list[Axes]) -> None:
        for name, (color, style) in METHODS.items():
            axes[0].plot(steps, error[name].mean(axis=0), color=color, linestyle=style, label=name)
            for place, each in enumerate(zip(error[name][:, -1], nats[name][:, -1], strict=True)):
                axes[1].scatter(*each, color=color, s=30, alpha=0.7, linewidths=0, label=None if place else name)
        axes[0].set(yscale="log", xlabel="steps of learning", ylabel="error, summed over 16 pixels",
                    title="Reconstruction error")  # fmt: skip
        axes[1].set(xlabel="reconstruction error at the end", ylabel="log P(v), nats", title="Each run")
        axes[1].locator_params(axis="x", nbins=5)
        for panel in axes:
            panel.legend()

    page.say(
        "A number that is easily had, and often shown, is the *reconstruction error*: go up from a picture and down "
        "again, and compare. In the runs above it falls and falls, for all four methods alike; their likelihoods "
        "differ."
    )
    page.figure(
        "Reconstruction error and likelihood",
        "Right: a good judge would put the dots on one falling line.",
        draw,
        "Falling curves; dots that lie on no common line.",
        grid=(1, 2),
        height=2.9,
    )
    page.say(
        "The lowest error at the end belongs to {lowest}, with {its:.2f} nats; the best likelihood, {most:.2f} nats, "
        "to {best}. A machine that copies everything has no error, and no idea of what is probable. Judge by the "
        "likelihood, exact or estimated with its error (`fb.analysis.log_partition`), or by samples.",
        lowest=lowest,
        its=ends[lowest],
        most=ends[best],
        best=best,
    )
    page.beyond(
        "The reconstruction error judges a machine",
        Above(agreement, 0.7, "rank correlation with the likelihood {found:.2f}", f"{len(low)} runs"),
        "the likelihood judges itself",
        correction="States far from the data make P(v) small, and do not enter the error.",
    )
