"""The chapter on the Boltzmann machine, continued: the Gibbs chain, its histogram, and how long it remembers."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from matplotlib.axes import Axes
from scipy.stats import chisquare

import flambeau as fb
from flambeau.journey.boltzmann_bars import CEILING, HIDDEN, SIDE, YOUNG, bars, learned_bars, steps_of
from flambeau.journey.boltzmann_chain import Chain, chain_of, numbers_of
from flambeau.journey.chapter import Claim, Figure, Section, Setting, Told, worded
from flambeau.pictures.figures import BLUE, GREY, VERMILLION, picture


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


def _memory_picture(lasting: dict[int, Chain]) -> bytes:
    """How long chains of two machines remember where they began."""

    def draw(axes: list[Axes]) -> None:
        for (age, chain), color, mark in zip(lasting.items(), (BLUE, VERMILLION), "os", strict=False):
            label = f"after {age:,} steps of learning"
            axes[0].plot(chain.steps, chain.memory, color=color, marker=mark, markersize=4, label=label)
        axes[0].axhline(0.01, color=GREY, linestyle=":", linewidth=1)
        axes[0].set(xscale="log", ylim=(-0.02, 1.02), xlabel="steps of the chain", ylabel="total variation",
                    title="How long the first picture is remembered")  # fmt: skip
        axes[0].legend(loc="upper right")

    return picture(draw, height=2.7)


def sampling(setting: Setting) -> Told:
    """Chains from training vectors against the exact distribution of a machine that knows bars and stripes."""
    steps, chains, length = steps_of(setting), setting.pick(1000, 2000, 20000), setting.pick(100, 500, 4000)
    run = learned_bars("exact", steps, setting.seed)
    machine, nats = run.network, float(run.records["log_likelihood"]["nats"][-1])
    start = jnp.asarray(np.resize(bars(), (chains, SIDE**2)), jnp.float32)
    # fb.analysis.exact_distribution(machine) lists all 65,536 visible states with their probabilities.
    exact = fb.analysis.exact_distribution(machine)[1]
    shown = [np.asarray(_walk(machine, start, jnp.asarray(k), jax.random.key(setting.seed))) for k in (1, 10, 100)]
    ends = np.asarray(_walk(machine, start, jnp.asarray(length), jax.random.key(setting.seed + 1)))
    counts = np.bincount(numbers_of(ends), minlength=len(exact))
    cell = cells(exact * chains)
    seen, wanted = np.bincount(cell, counts), np.bincount(cell, exact * chains)
    p, off = float(chisquare(seen, wanted).pvalue), 0.5 * float(np.abs(seen - wanted).sum()) / chains
    floor = float(np.sqrt(wanted / chains * (1 - wanted / chains) / chains / (2 * np.pi)).sum())
    share = float(exact[numbers_of(bars())].sum())
    most = setting.pick(9, 14, 16)
    lasting = {age: chain_of(age, setting.seed, most) for age in (YOUNG, steps)}
    forgotten = float(lasting[YOUNG].memory[-1])

    return Section("Seeing what the machine is like: sampling", (
        "想要获知网络输出了什么，你需要进行采样 (to know what the network puts out, you have to sample). The lecture's "
        "recipe: *Start with a training vector on the visible units. Then alternate between updating all the hidden "
        "units in parallel and updating all the visible units in parallel.* In code: "
        "`fb.dynamics.gibbs(machine, v, steps, key)`.",
        f"The machine here has {SIDE**2} visible units, a picture of 4 by 4, and {HIDDEN} hidden ones. It was shown "
        "*bars and stripes*: the 30 pictures whose rows or columns are each of one colour, out of 65,536. How it "
        f"learned comes below; for now, it gives them {share:.0%} of all probability (log-likelihood "
        f"{worded(nats, '.2f')} nats a "
        f"picture; no machine can pass {worded(CEILING, '.2f')}, which is log 1/30).",
        Figure("What chains show on their way", "Each column is a chain that started with the picture on top.",
               fb.pictures.samples_picture(np.stack([np.asarray(start), *shown, ends])[:, :16], (SIDE, SIDE),
                                         ["start", "1 step", "10 steps", "100 steps", f"{length:,} steps"]),
               "Rows of small black and white pictures, most of them bars or stripes."),
        "只能通过采样的方式看到网络现在是什么样子 (only by sampling can one see what the network is like): so it is "
        "for large machines. This one is small enough to list P(v) for all 65,536 states, so the chain need not be "
        f"taken on trust. {chains:,} chains took "
        f"{length:,} steps each:",
        Figure("The chain's histogram and the exact distribution", "Left to right the most probable states. Nearly all "
               "dots lie on their bars: what differs is the luck of counting.",
               fb.pictures.gibbs_histogram_picture(counts, exact), "Bars of equal height with dots at their ends."),
        "How many steps are enough? For this machine the chain's exact distribution after any number of steps is a "
        "power of a matrix of 256 by 256. The better it has learned, the deeper the valleys between its pictures, and "
        "the longer a chain remembers where it began:",
        Figure("Mixing", "All chains start with the blank picture; the dotted line is a difference of one in a "
               "hundred. Nothing here is sampled.", _memory_picture(lasting), "Two falling curves, one far later."),
    )), (
        Claim("Start with a training vector, then alternate: this samples P(v, h)",
              "the exact P(v): chi-square p above 0.001, total variation below 1.5 times what counting alone gives",
              f"p = {p:.3f} over {len(seen)} cells; total variation {off:.4f}, {floor:.4f} by counting alone",
              bool(p > 0.001 and off < 1.5 * floor)),
        Claim("The chain forgets its training vector", "total variation never rises, and ends below 0.01",
              f"{forgotten:.4f} after {2 ** (most - 1):,} steps, once {YOUNG:,} steps have been learned",
              all(bool((np.diff(chain.memory) < 1e-5).all()) for chain in lasting.values()) and forgotten < 0.01),
    )  # fmt: skip
