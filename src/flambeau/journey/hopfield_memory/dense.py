"""Chapter 10: steeper energies, which hold far more patterns than there are neurons."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Telling, section
from flambeau.journey.comparisons import All
from flambeau.journey.samples import MeanAbove, MeanBelow, MeanNear
from flambeau.pictures.figures import GREY, SERIES

UNITS = 50
AT_LIMIT = 12  # networks that hold as many patterns as the formula for z³ says
KINDS = {
    "z²": fb.networks.Polynomial(2),
    "z³": fb.networks.Polynomial(3),
    "z⁴": fb.networks.Polynomial(4),
    "eᶻ": fb.networks.Exponential(),
}


@eqx.filter_jit
def stable_shares(patterns: Any, counts: Any) -> Array:
    """The share of stable patterns ``(networks, interactions)``, of the first 50 of each memory's ``counts``.

    Rows of zeros stand for patterns that are not there: they agree with nothing, and say nothing to a visited neuron.
    """

    def one(given: tuple[Array, Array]) -> Array:
        x, count = given
        asked, order = x[:UNITS], jnp.arange(UNITS)
        there = jnp.arange(UNITS) < count

        def stable(kind: fb.networks.AbstractInteraction) -> Array:
            moved = fb.networks.DenseMemory(x, kind).visit(asked, order, None)
            return ((moved == asked).all(axis=1) & there).sum() / there.sum()

        return jnp.stack([stable(kind) for kind in KINDS.values()])

    return jax.lax.map(one, (jnp.asarray(patterns), jnp.asarray(counts)))


@section("Beyond 0.138 N: steeper energies")
def dense_memories(page: Telling) -> None:
    """Stable patterns against their number, for four interactions."""
    counts = page.setting.pick(
        (5, 100), (5, 10, 20, 50, 100, 200, 500, 1000), (5, 10, 20, 50, 100, 200, 500, 1000, 5000)
    )
    draws = page.setting.pick(4, 4, 20)
    limits = {name: fb.networks.dense_capacity(n, UNITS) for n, name in zip((2, 3, 4), KINDS, strict=False)}
    limit = round(limits["z³"])
    every, room = np.concatenate([np.repeat(counts, draws), np.full(AT_LIMIT, limit)]), max(counts[-1], limit)
    rng = np.random.default_rng(page.setting.seed)
    x = np.where(rng.random((len(every), room, UNITS), np.float32) < 0.5, np.float32(-1), np.float32(1))
    x *= (np.arange(room) < every[:, None])[:, :, None]
    each = np.asarray(stable_shares(x, every))
    found = each[:-AT_LIMIT].reshape(len(counts), draws, -1)
    hundred, at_limit = found[counts.index(100)], each[-AT_LIMIT:]
    steep = page.either("squares for all", 1, 0), page.either("the fourth power for the third", 1, 2)
    # The formula asks for a bit's error of 1 / (N √(4π ln N)), to leading order.
    expected = float(np.exp(-1 / np.sqrt(4 * np.pi * np.log(UNITS))))

    def draw(axes: list[Axes]) -> None:
        for place, (name, color, mark) in enumerate(zip(KINDS, SERIES, "os^D", strict=False)):
            axes[0].plot(
                counts, found[:, :, place].mean(axis=1), color=color, marker=mark, markersize=5, label=f"F(z) = {name}"
            )
            if name in limits and limits[name] <= 1.2 * counts[-1]:
                axes[0].axvline(limits[name], color=color, linestyle=":", linewidth=1.2)
        for load, text in ((0.138 * UNITS, "0.138 N"), (UNITS, "N")):
            axes[0].axvline(load, color=GREY, linewidth=0.9)
            axes[0].text(load * 1.03, 1.06, text, color=GREY, fontsize=8, va="bottom", ha="center")
        axes[0].set(xscale="log", ylim=(-0.04, 1.05), xlabel="patterns", xticks=counts,
                    xticklabels=[f"{count:,}" for count in counts], ylabel="share of patterns stable")  # fmt: skip
        axes[0].minorticks_off()
        axes[0].legend(loc="center", bbox_to_anchor=(0.27, 0.6), frameon=True, facecolor="white", framealpha=1,
                       edgecolor="white")  # fmt: skip

    page.say(
        "Why stop at a square? The lecture's energy adds up the squares of how much the state agrees with each "
        "pattern, $E = -\\frac{1}{2} Σ_k (x_k · s)^2$ and a constant. *Dense* memories (Krotov and Hopfield, 2016) put "
        "a steeper function there, so that the nearest pattern outvotes the crowd:"
    )
    page.equation("E(s) = - Σ_k F(x_k · s),   F(z) = z^n or e^z", "the lecture's network is n = 2")
    page.figure(
        "Patterns in 50 neurons",
        "Means over {draws} networks. Dotted: the theory's limits Nⁿ⁻¹ / (2 (2n − 3)!! ln N), up to which most "
        "patterns are stable.",
        draw,
        "Falling curves: z² falls below 10 patterns, z³ near 100, z⁴ near 1,000, the exponential not at all.",
        height=3.0,
        draws=draws,
    )
    page.say(
        "For z³ the limit grows like $N^2$, for eᶻ like $2^{N/2}$, for large N. In code: "
        '`fb.DenseHopfield(degree=3).store(x)` or `fb.DenseHopfield("exponential")`, then `memory.retrieve(cues)`. '
        "There are no weights any more: the patterns themselves are kept, and every one is asked at each step."
    )
    _claimed_dense_memories(page, hundred, steep, expected, limit, at_limit)


def _claimed_dense_memories(page: Telling, hundred: Any, steep: Any, expected: Any, limit: Any, at_limit: Any) -> None:
    """What is claimed."""
    page.beyond(
        "0.138 N is the limit of the square, not of associative memory: 100 patterns in 50 neurons",
        All(
            MeanBelow(hundred[:, 0], 0.1, "z² {found:.2f} stable"),
            MeanAbove(hundred[:, steep[0]], 0.7, "z³ {found:.2f}"),
            MeanAbove(hundred[:, 3], 0.98, "eᶻ {found:.2f}"),
        ),
        "squares for all",
    )
    page.beyond(
        f"z³ holds N² / (6 ln N) patterns, here {limit}, with a share of exp(−1/√(4π ln N)) stable",
        MeanNear(at_limit[:, steep[1]], expected, 0.1, "{found:.2f} of z³'s stable"),
        "the fourth power for the third",
    )
