"""Chapter 10: everything that rests in small networks, by looking at all states."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Telling, section
from flambeau.journey.comparisons import Equal
from flambeau.journey.samples import MeanAbove, ShareBelow
from flambeau.pictures.figures import BLUE, LIGHT, ORANGE, SKY

UNITS = 12  # with an odd number of patterns nobody ever hears exactly 0
STATES = 2**UNITS
KINDS = {"memory": BLUE, "negative": SKY, "mixture": ORANGE, "other": LIGHT}
PATTERNS = (1, 3, 5, 7)


class Rests(NamedTuple):
    """Of one network: its minima and the states that end in them, by kind; whether −x rests for each x that does; how
    many states end in a lowest one, and how many nowhere.
    """

    number: np.ndarray
    drawn: np.ndarray
    mirrored: bool
    lowest: float
    restless: int


def looked_at(patterns: int, seed: int, threshold: float, skew: float) -> Rests:
    """All 4,096 states of one network."""
    rng = np.random.default_rng([seed, patterns])
    x = np.where(rng.random((patterns, UNITS)) < 0.5, -1.0, 1.0).astype(np.float32)
    weights = x.T @ x - patterns * np.eye(UNITS) + skew * np.triu(rng.normal(size=(UNITS, UNITS)), 1)
    network = fb.networks.HopfieldNetwork(jnp.asarray(weights, jnp.float32), jnp.full(UNITS, threshold))
    found = fb.analysis.landscape(network)
    names = np.asarray(fb.analysis.attractor_kinds(found.states[found.fixed], x, most=patterns))
    ends = np.bincount(found.ends, found.rests, len(found.states)) / len(found.states)
    kinds = [names == kind for kind in KINDS]
    drawn = ends[found.fixed]
    lowest = float(drawn[found.energies[found.fixed] <= found.energies.min() + 1e-4].sum())
    mirrored = bool((found.fixed == found.fixed[::-1]).all())  # number k from the end is the negative of number k
    return Rests(np.asarray([k.sum() for k in kinds]), np.asarray([drawn[k].sum() for k in kinds]), mirrored, lowest,
                 int((~found.rests).sum()))  # fmt: skip


@section("What else is remembered")
def minima(page: Telling) -> None:
    """All 4,096 states of many networks."""
    seeds = page.setting.seeds(24, 24, 200)
    threshold, skew = (
        page.either("the neurons have thresholds", 0.0, 3.3),
        page.either("w_ij and w_ji drawn apart", 0.0, 6.0),
    )
    rows = {k: [looked_at(k, seed, threshold, skew) for seed in seeds] for k in PATTERNS}
    number = np.asarray([np.mean([row.number for row in rows[k]], axis=0) for k in PATTERNS])
    share = np.asarray([np.mean([row.drawn for row in rows[k]], axis=0) for k in PATTERNS])
    every = [row for k in PATTERNS for row in rows[k]]
    many = page.either("one pattern for seven", 7, 1)
    kept = sum(int(row.number[0] == many) for row in rows[many])
    counted = sum(int(row.number.sum() > k) for k in PATTERNS for row in rows[k])
    extra = page.either("negatives, mixtures and others are not counted", counted, 0)
    lowest = [row.lowest for row in rows[page.either("one pattern for five", 5, 1)]]

    def draw(axes: list[Axes]) -> None:
        for panel, table in zip(axes, (number, share), strict=True):
            base = np.zeros(len(PATTERNS))
            for kind, values in zip(KINDS, table.T, strict=True):
                panel.barh(range(len(PATTERNS)), values, 0.6, base, color=KINDS[kind], label=kind, edgecolor="white")
                base = base + values
            panel.grid(False, axis="y")
        names = [f"{k} pattern{'s' * (k > 1)}" for k in PATTERNS]
        axes[0].set(yticks=range(len(PATTERNS)), yticklabels=names, xlabel="minima", title="how many there are")
        axes[0].invert_yaxis()
        axes[1].set(xlabel="share of all states", title="how many states end there", xlim=(0, 1.02))
        axes[0].legend(loc="upper right", bbox_to_anchor=(1.02, 1.04), ncols=2, columnspacing=1.0)

    page.say(
        "一个网络能储存多少个模式，是由网络能量函数的局部极小值的数目决定的 (*how many patterns a network can store "
        "is decided by the number of local minima of its energy function*). A pattern that is to be remembered must "
        "be a minimum; but not every minimum is a pattern. Networks of 12 neurons have 4,096 states, few enough to "
        "try all of them:"
    )
    page.figure(
        "Everything that rests",
        "Means over {count} networks of 12 neurons. A mixture is the majority of three memories, each with either "
        "sign.",
        draw,
        "Stacked bars for 1, 3, 5 and 7 patterns: memories and negatives in equal parts, then mixtures and others.",
        grid=(1, 2),
        height=2.5,
        options={"sharey": True},
        count=len(seeds),
    )
    page.say(
        "With three patterns there are {three:.1f} minima on average, with seven {seven:.1f}; half of them are the "
        "negatives of the other half. So the number of minima bounds the number of patterns; it does not decide it. "
        "Nor does going downhill find *the* minimum (最小值), the lowest of all: with five patterns {lowest:.0%} of "
        "the states end there, the others in a valley of their own. For a memory that is as it should be. "
        "`fb.analysis.landscape(network)` lists the minima and the basins of any network up to 20 neurons, and "
        "`fb.analysis.attractor_kinds(states, patterns)` says what they are.",
        three=float(number[1].sum()),
        seven=float(number[3].sum()),
        lowest=float(np.mean(lowest)),
    )
    _claimed_minima(page, every, lowest, extra, kept, seeds)


def _claimed_minima(page: Telling, every: Any, lowest: Any, extra: Any, kept: Any, seeds: Any) -> None:
    """What is claimed."""
    page.claim(
        "Every state comes to rest in a minimum",
        Equal(
            sum(row.restless for row in every),
            0,
            f"{{found:,}} of {len(every) * STATES:,} states of {len(every)} networks do not",
        ),
        "w_ij and w_ji drawn apart",
    )
    page.claim(
        "The network finds the minimum (最小值) of its energy",
        MeanAbove(lowest, 0.999, "{found:.1%} of all states end in a lowest one, five patterns"),
        "one pattern for five",
        correction="It finds a local minimum, which is what a memory needs.",
    )
    page.beyond(
        "The negative of a minimum is a minimum",
        Equal(sum(not row.mirrored for row in every), 0, f"{{found}} of {len(every)} networks without that symmetry"),
        "the neurons have thresholds",
    )
    page.claim(
        "The number of minima decides the number of patterns",
        Equal(extra, 0, f"{{found}} of {len(every)} networks with more minima than patterns"),
        "negatives, mixtures and others are not counted",
        correction="It is an upper bound: negatives, mixtures and others are minima as well.",
    )
    page.beyond(
        "Seven patterns are too many for twelve neurons",
        ShareBelow(kept, len(seeds), 0.5, "networks keep all seven"),
        "one pattern for seven",
    )
