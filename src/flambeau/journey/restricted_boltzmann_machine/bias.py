"""Chapter 7: what contrastive divergence misses with a chain of k steps."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from flambeau.journey.chapter import Telling, section
from flambeau.journey.comparisons import Below, Falling, Near
from flambeau.journey.restricted_boltzmann_machine.bars import YOUNG, learned_bars, on_bars, steps_of
from flambeau.journey.restricted_boltzmann_machine.chain import Chain, chain_of, compared
from flambeau.pictures.figures import BLUE, GREY, INK, VERMILLION

STILL = 1e-12  # a rate at which nothing moves: the machine is only asked what it would do
METHODS = ("CD-1", "CD-5", "CD-25", "PCD")
Rows = dict[str, tuple[float, float]]


def averaged(method: str, steps: int, seed: int) -> np.ndarray:
    """The mean proposal for W of a method on a machine that stands still; the first half lets offsets settle."""
    run = on_bars(learned_bars("exact", YOUNG, seed).network, method, steps, seed + 1000, STILL)
    found = run.records["mean_proposal"]["weights"]
    return -np.asarray(found[len(found) // 2 :]).mean(axis=0)


def enough(chain: Chain) -> str:
    """How many steps (a power of 2) bring the error below a tenth."""
    below = np.flatnonzero(chain.error < 0.1)
    return f"{chain.steps[below[0]]:,}" if len(below) else f"more than {chain.steps[-1]:,}"


def _draw(axes: list[Axes], found: dict[int, Chain], rows: Rows) -> None:
    """Error and cosine against k, exact; and where the sampled ones lie."""
    for (age, chain), color, mark in zip(found.items(), (BLUE, VERMILLION), "os", strict=False):
        label = f"after {age:,} steps of learning"
        axes[0].plot(chain.steps, chain.error, color=color, marker=mark, markersize=4, label=label)
        axes[1].plot(chain.steps, chain.cosine, color=color, marker=mark, markersize=4)
    for place, name in enumerate(METHODS[:3]):
        marks: Any = {"color": INK, "marker": "x", "s": 34, "zorder": 4}
        axes[0].scatter(int(name[3:]), rows[name][1], label=None if place else "sampled, CD-1, CD-5, CD-25", **marks)
        axes[1].scatter(int(name[3:]), rows[name][0], **marks)
    axes[0].axhline(1, color=GREY, linestyle=":", linewidth=1)
    axes[0].set(xscale="log", yscale="log", ylim=(1e-3, 30), xlabel="k, steps of the chain",
                title="|CD-k − gradient| / |gradient|")  # fmt: skip
    axes[1].set(xscale="log", ylim=(None, 1.02), xlabel="k, steps of the chain", title="cosine of the two")
    axes[0].legend(loc="upper right")


@section("How long must the chain be? k → ∞")
def steps_of_the_chain(page: Telling) -> None:
    """CD-k against the exact gradient, on a machine in the middle of its learning and on one at its end."""
    setting = page.setting
    steps, most, moving = (
        setting.pick(400, 1200, 40000),
        setting.pick(11, 14, 15),
        page.either("the chain stands still", True, False),
    )
    found = {age: chain_of(age, setting.seed, most, moving=moving) for age in (YOUNG, steps_of(setting))}
    young, old = found[YOUNG], found[steps_of(setting)]
    rows = {name: compared(averaged(name, steps, setting.seed), young.gradient) for name in METHODS}
    persistent = page.either("chains that start at the data again", rows["PCD"], rows["CD-1"])
    sampled = page.either("twenty-five steps for one", rows["CD-1"], rows["CD-25"])
    drawn = f"{steps // 2:,} steps of {60} chains"
    page.say(
        "The second average is over all states, so it is taken from the chain: to obtain an estimator of the gradient, "
        "says the lecture, *we consider a Gibbs Markov chain* that starts at a training vector, and k → ∞ stands under "
        "its formula. Contrastive divergence stops after k steps, often after one. What that costs is a question with "
        "an exact answer here: the average of CD-k's proposal follows from the chain's matrix. And the rule itself was "
        "asked, {asked:,} times on a machine that stood still (crosses).",
        asked=steps // 2,
    )
    page.figure(
        "Contrastive divergence and the gradient",
        "Left the error, relative to the gradient's length: above the dotted line standing still would be nearer to "
        "it. Right, whether both point the same way. The curves are exact, the crosses were sampled on the machine of "
        "the blue curve, and keep the noise of sampling.",
        lambda axes: _draw(axes, found, rows),
        "Two falling curves on logarithmic axes, two rising ones; crosses near one.",
        grid=(1, 2),
        height=2.9,
    )
    page.table(
        "Mean proposals, sampled after {age:,} steps of learning",
        ("method", "cosine with the gradient", "relative error"),
        [(name, f"{cosine:.3f}", f"{error:.3f}") for name, (cosine, error) in rows.items()],
        age=YOUNG,
    )
    page.say(
        "In the middle of learning {young} steps make the error less than a tenth. At the end, where the chain has to "
        "cross deep valleys, it takes {old}: the true gradient has become small, and CD-1's bias has not. Persistent "
        "chains (PCD) do not start again at the data: they go on from where they were, so their k adds up over the "
        "steps of learning, at the price of CD-1.",
        young=enough(young),
        old=enough(old),
    )
    _claimed_steps_of_the_chain(page, young, drawn, sampled, most, setting, persistent, rows)


def _claimed_steps_of_the_chain(
    page: Telling, young: Any, drawn: Any, sampled: Any, most: Any, setting: Any, persistent: Any, rows: Any
) -> None:
    """What is claimed."""
    page.claim(
        "The chain's gradient is exact as k → ∞",
        Below(
            float(young.error[-1]),
            0.01,
            f"relative error {{found:.4f}} at k = {young.steps[-1]:,} ({young.error[0]:.2f} at 1)",
        ),
        "the chain stands still",
    )
    page.beyond(
        "A longer chain is nearer to the gradient",
        Falling(young.error[:5], "{found:.3f}", among="at k = 1, 2, 4, 8, 16"),
        "the chain stands still",
    )
    page.beyond(
        "The average CD-k proposal is what its chain's matrix says",
        Near(sampled[1], float(chain_of(YOUNG, setting.seed, most).error[0]), 0.1, "k = 1: error {found:.3f}", drawn),
        "twenty-five steps for one",
    )
    page.beyond(
        "Chains that persist do better than chains of one step, at the same cost",
        Below(persistent[1], 0.9 * rows["CD-1"][1], "PCD's error {found:.3f}, nine tenths of CD-1's", drawn),
        "chains that start at the data again",
    )
