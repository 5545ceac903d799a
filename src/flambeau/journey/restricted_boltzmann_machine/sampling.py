"""Chapter 7: the Gibbs chain, its histogram, and how long it remembers."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from matplotlib.axes import Axes
from scipy.stats import chisquare

import flambeau as fb
from flambeau.journey.chapter import Telling, section
from flambeau.journey.comparisons import All, Below, Falling
from flambeau.journey.restricted_boltzmann_machine.bars import (
    CEILING,
    HIDDEN,
    SIDE,
    YOUNG,
    bars,
    learned_bars,
    steps_of,
)
from flambeau.journey.restricted_boltzmann_machine.chain import Chain, chain_of, numbers_of
from flambeau.journey.samples import Consistent
from flambeau.pictures.figures import BLUE, GREY, VERMILLION


@eqx.filter_jit
def _walk(machine: fb.networks.RestrictedBoltzmannMachine, v: Array, steps: Array, key: Array) -> Array:
    """Start with these visible states, then alternate: all hidden units, all visible units."""
    return fb.dynamics.gibbs(machine, v, steps, key)


def cells(expected: np.ndarray, least: float = 10.0) -> np.ndarray:
    """The cell of every state: the most probable ones have theirs, rarer ones share until so many are expected."""
    cell, number, filled = np.zeros(len(expected), int), 0, 0.0
    for state in np.argsort(-expected, kind="stable"):
        cell[state], filled = number, filled + expected[state]
        if filled >= least:
            number, filled = number + 1, 0.0
    return np.minimum(cell, max(number - 1, 0))  # what is left over joins the last full one


def _draw(axes: list[Axes], lasting: dict[int, Chain]) -> None:
    """How long chains of two machines remember where they began."""
    for (age, chain), color, mark in zip(lasting.items(), (BLUE, VERMILLION), "os", strict=False):
        label = f"after {age:,} steps of learning"
        axes[0].plot(chain.steps, chain.memory, color=color, marker=mark, markersize=4, label=label)
    axes[0].axhline(0.01, color=GREY, linestyle=":", linewidth=1)
    axes[0].set(xscale="log", ylim=(-0.02, 1.02), xlabel="steps of the chain", ylabel="total variation",
                title="How long the first picture is remembered")  # fmt: skip
    axes[0].legend(loc="upper right")


@section("Seeing what the machine is like: sampling")
def sampling(page: Telling) -> None:
    """Chains from training vectors against the exact distribution of a machine that knows bars and stripes."""
    setting = page.setting
    steps, chains, length = steps_of(setting), setting.pick(1000, 2000, 20000), setting.pick(300, 500, 4000)
    run = learned_bars("exact", steps, setting.seed)
    machine, nats = run.network, float(run.records["log_likelihood"]["nats"][-1])
    walker = page.either("the hidden biases are forgotten on the way",
                         machine, dataclasses.replace(machine, hidden_bias=0 * machine.hidden_bias))  # fmt: skip
    start = jnp.asarray(np.resize(bars(), (chains, SIDE**2)), jnp.float32)
    # fb.analysis.exact_distribution(machine) lists all 65,536 visible states with their probabilities.
    exact = fb.analysis.exact_distribution(machine)[1]
    shown = [np.asarray(_walk(machine, start, jnp.asarray(k), jax.random.key(setting.seed))) for k in (1, 10, 100)]
    ends = np.asarray(_walk(walker, start, jnp.asarray(length), jax.random.key(setting.seed + 1)))
    counts = np.bincount(numbers_of(ends), minlength=len(exact))
    cell = cells(exact * chains)
    seen, wanted = np.bincount(cell, counts), np.bincount(cell, exact * chains)
    p, off = float(chisquare(seen, wanted).pvalue), 0.5 * float(np.abs(seen - wanted).sum()) / chains
    floor = float(np.sqrt(wanted / chains * (1 - wanted / chains) / chains / (2 * np.pi)).sum())
    most, moving = setting.pick(11, 14, 16), page.either("the chain stands still", True, False)
    lasting = {age: chain_of(age, setting.seed, most, moving=moving) for age in (YOUNG, steps)}
    page.say(
        "想要获知网络输出了什么，你需要进行采样 (to know what the network puts out, you have to sample). The lecture's "
        "recipe: *Start with a training vector on the visible units. Then alternate between updating all the hidden "
        "units in parallel and updating all the visible units in parallel.* In code: "
        "`fb.dynamics.gibbs(machine, v, steps, key)`."
    )
    page.say(
        "The machine here has {visible} visible units, a picture of 4 by 4, and {hidden} hidden ones. It was shown "
        "*bars and stripes*: the 30 pictures whose rows or columns are each of one colour, out of 65,536. How it "
        "learned comes below; for now, it gives them {share:.0%} of all probability (log-likelihood {nats:.2f} nats a "
        "picture; no machine can pass {ceiling:.2f}, which is log 1/30).",
        visible=SIDE**2,
        hidden=HIDDEN,
        share=float(exact[numbers_of(bars())].sum()),
        nats=nats,
        ceiling=CEILING,
    )
    page.shown(
        "What chains show on their way",
        "Each column is a chain that started with the picture on top.",
        lambda: fb.pictures.samples_picture(np.stack([np.asarray(start), *shown, ends])[:, :16], (SIDE, SIDE),
                                            ["start", "1 step", "10 steps", "100 steps", f"{length:,} steps"]),
        "Rows of small black and white pictures, most of them bars or stripes."
    )  # fmt: skip
    page.say(
        "只能通过采样的方式看到网络现在是什么样子 (only by sampling can one see what the network is like): so it is "
        "for large machines. This one is small enough to list P(v) for all 65,536 states, so the chain need not be "
        "taken on trust. {chains:,} chains took {length:,} steps each:",
        chains=chains,
        length=length,
    )
    page.shown(
        "The chain's histogram and the exact distribution",
        "Left to right the most probable states. Nearly all dots lie on their bars: what differs is the luck of "
        "counting.",
        lambda: fb.pictures.gibbs_histogram_picture(counts, exact),
        "Bars of equal height with dots at their ends.",
    )
    _mixing(page, lasting)
    _claimed_sampling(page, p, off, floor, chains, seen, lasting, most)


def _claimed_sampling(
    page: Telling, p: Any, off: Any, floor: Any, chains: Any, seen: Any, lasting: Any, most: Any
) -> None:
    """What is claimed."""
    page.claim(
        "Start with a training vector, then alternate: this samples P(v, h)",
        All(
            Consistent(p, f"{len(seen)} cells, {chains:,} chains"),
            Below(off, 1.5 * floor, "total variation {found:.3f}"),
        ),
        "the hidden biases are forgotten on the way",
    )
    page.claim(
        "The chain forgets its training vector",
        All(
            *(Falling(chain.memory[::4], "{found:.2f}", 1e-5, f"({age:,} steps)") for age, chain in lasting.items()),
            Below(float(lasting[YOUNG].memory[-1]), 0.01, f"{{found:.4f}} after {2 ** (most - 1):,} steps"),
        ),
        "the chain stands still",
    )


def _mixing(page: Telling, lasting: dict[int, Chain]) -> None:
    """How long a chain remembers."""
    page.say(
        "How many steps are enough? For this machine the chain's exact distribution after any number of steps is a "
        "power of a matrix of 256 by 256. The better it has learned, the deeper the valleys between its pictures, and "
        "the longer a chain remembers where it began:"
    )
    page.figure(
        "Mixing",
        "All chains start with the blank picture; the dotted line is a difference of one in a hundred. Nothing here is "
        "sampled.",
        lambda axes: _draw(axes, lasting),
        "Two falling curves, one far later.",
        height=2.7,
    )
