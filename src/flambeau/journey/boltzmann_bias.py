"""The chapter on the Boltzmann machine, continued: what contrastive divergence misses with a chain of k steps."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from flambeau.journey import chapter
from flambeau.journey.boltzmann_bars import YOUNG, learned_bars, on_bars, steps_of
from flambeau.journey.boltzmann_chain import Chain, chain_of, compared
from flambeau.journey.chapter import Claim, Figure, Section, Setting, Told
from flambeau.pictures.figures import BLUE, GREY, INK, VERMILLION, picture

STILL = 1e-12  # a rate at which nothing moves: the machine is only asked what it would do


def averaged(method: str, steps: int, seed: int) -> np.ndarray:
    """The mean proposal for W of a method on a machine that stands still; the first half lets offsets settle."""
    run = on_bars(learned_bars("exact", YOUNG, seed).network, method, steps, seed + 1000, STILL)
    found = run.records["mean_proposal"]["weights"]
    return -found[len(found) // 2 :].mean(axis=0)


def enough(chain: Chain) -> str:
    """How many steps (a power of 2) bring the error below a tenth."""
    below = np.flatnonzero(chain.error < 0.1)
    return f"{chain.steps[below[0]]:,}" if len(below) else f"more than {chain.steps[-1]:,}"


def steps_of_the_chain(setting: Setting) -> Told:
    """CD-k against the exact gradient, on a machine in the middle of its learning and on one at its end."""
    steps, most = setting.pick(400, 1200, 40000), setting.pick(9, 14, 15)
    found = {age: chain_of(age, setting.seed, most) for age in (YOUNG, steps_of(setting))}
    young, old = found[YOUNG], found[steps_of(setting)]
    methods = ("CD-1", "CD-5", "CD-25", "PCD")
    rows = {name: compared(averaged(name, steps, setting.seed), young.gradient) for name in methods}
    places = [(int(name[3:]), *rows[name]) for name in methods[:3]]
    cost = abs(rows["CD-1"][1] - young.error[0])

    def draw(axes: list[Axes]) -> None:
        for (age, chain), color, mark in zip(found.items(), (BLUE, VERMILLION), "os", strict=False):
            label = f"after {age:,} steps of learning"
            axes[0].plot(chain.steps, chain.error, color=color, marker=mark, markersize=4, label=label)
            axes[1].plot(chain.steps, chain.cosine, color=color, marker=mark, markersize=4)
        for place, (k, cosine, error) in enumerate(places):
            marks: Any = {"color": INK, "marker": "x", "s": 34, "zorder": 4}
            axes[0].scatter(k, error, label=None if place else "sampled, CD-1, CD-5, CD-25", **marks)
            axes[1].scatter(k, cosine, **marks)
        axes[0].axhline(1, color=GREY, linestyle=":", linewidth=1)
        axes[0].set(xscale="log", yscale="log", ylim=(1e-3, 30), xlabel="k, steps of the chain",
                    title="|CD-k − gradient| / |gradient|")  # fmt: skip
        axes[1].set(xscale="log", ylim=(None, 1.02), xlabel="k, steps of the chain", title="cosine of the two")
        axes[0].legend(loc="upper right")

    return Section("How long must the chain be? k → ∞", (
        "The second average is over all states, so it is taken from the chain: to obtain an estimator of the gradient, "
        "says the lecture, *we consider a Gibbs Markov chain* that starts at a training vector, and k → ∞ stands under "
        "its formula. Contrastive divergence stops after k steps, often after one. What that costs is a "
        "question with an "
        "exact answer here: the average of CD-k's proposal follows from the chain's matrix. And the rule itself was "
        f"asked, {steps // 2:,} times on a machine that stood still (crosses).",
        Figure("Contrastive divergence and the gradient", "Left the error, relative to the gradient's length: "
                                                          "above the "
               "dotted line standing still would be nearer to it. Right, whether both point the same way. The curves "
               "are exact, the crosses were sampled on the machine of the blue curve, and keep the noise of sampling.",
               picture(draw, 1, 2, 2.9), "Two falling curves on logarithmic axes, two rising ones; crosses near one."),
        chapter.Table(f"Mean proposals, sampled after {YOUNG:,} steps of learning",
                      ("method", "cosine with the gradient", "relative error"),
                      tuple((name, f"{cosine:.3f}", f"{error:.3f}") for name, (cosine, error) in rows.items())),
        f"In the middle of learning {enough(young)} steps make the error less than a tenth. At the end, where "
        f"the chain "
        f"has to cross deep valleys, it takes {enough(old)}: the true gradient has become small, and CD-1's bias has "
        "not. Persistent chains (PCD) do not start again at the data: they go on from where they "
        "were, so their k adds up over the steps of learning, at the price of CD-1.",
    )), (
        Claim("The chain's gradient is exact as k → ∞", "the error of the average proposal falls below 0.01",
              f"from {young.error[0]:.2f} at k = 1 to {young.error[-1]:.4f} at k = {young.steps[-1]:,}",
              bool(young.error[-1] < 0.01)),
        Claim("The average CD-k proposal is what its chain's matrix says", "k = 1: error within 0.15 of the exact one",
              f"sampled {rows['CD-1'][1]:.3f}, exact {young.error[0]:.3f}", bool(cost < 0.15)),
        Claim("A longer chain is nearer to the gradient", "the error falls with every doubling of k",
              ", ".join(f"{error:.3f}" for error in young.error[:5]) + " at k = 1, 2, 4, 8, 16",
              bool((np.diff(young.error) < 1e-4).all())),
        Claim("Chains that persist do better than chains of one step", "PCD's error below CD-1's, at the same cost",
              f"{rows['PCD'][1]:.3f}, CD-1 {rows['CD-1'][1]:.3f}", rows["PCD"][1] < rows["CD-1"][1]),
    )  # fmt: skip
