"""The chapter on Hopfield memory, continued: everything that rests in small networks, by looking at all states."""

import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Claim, Figure, Section, Setting, Told
from flambeau.pictures.figures import BLUE, LIGHT, ORANGE, SKY, picture

UNITS = 12  # with an odd number of patterns nobody ever hears exactly 0
KINDS = {"memory": BLUE, "negative": SKY, "mixture": ORANGE, "other": LIGHT}
PATTERNS = (1, 3, 5, 7)


def _counted(patterns: int, seed: int) -> tuple[np.ndarray, np.ndarray, bool]:
    """One network's minima by kind, the share of states that end in each kind, and whether −x rests for each x."""
    rng = np.random.default_rng([seed, patterns])
    x = np.where(rng.random((patterns, UNITS)) < 0.5, -1.0, 1.0).astype(np.float32)
    weights = jnp.asarray(x.T @ x - patterns * np.eye(UNITS, dtype=np.float32))
    found = fb.analysis.landscape(fb.networks.HopfieldNetwork(weights, jnp.zeros(UNITS)))
    names = np.asarray(fb.analysis.attractor_kinds(found.states[found.fixed], x, most=patterns))
    drawn = np.bincount(found.ends, found.rests, len(found.states))[found.fixed] / len(found.states)
    mirrored = bool((found.fixed == found.fixed[::-1]).all())  # number k from the end is the negative of number k
    kinds = [names == kind for kind in KINDS]
    return np.asarray([k.sum() for k in kinds]), np.asarray([drawn[k].sum() for k in kinds]), mirrored


def minima(setting: Setting) -> Told:
    """All 4,096 states of many networks."""
    rows = {k: [_counted(k, seed) for seed in setting.seeds(24, 24, 200)] for k in PATTERNS}
    number = np.asarray([np.mean([row[0] for row in rows[k]], axis=0) for k in PATTERNS])
    share = np.asarray([np.mean([row[1] for row in rows[k]], axis=0) for k in PATTERNS])
    every = [(k, row) for k in PATTERNS for row in rows[k]]
    networks, most = len(rows[7]), [row[0] for row in rows[7]]
    fewer, kept = sum(kinds.sum() < 7 for kinds in most), sum(kinds[0] == 7 for kinds in most)
    mirrored, whole = all(row[2] for _, row in every), all(abs(row[1].sum() - 1) < 1e-9 for _, row in every)
    more = sum(row[0].sum() > k for k, row in every)

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
        axes[1].set(xlabel="share of all states", title="how many states end there", xlim=(0, 1))
        axes[0].legend(loc="upper right", bbox_to_anchor=(1.02, 1.04), ncols=2, columnspacing=1.0)

    return Section("What else is remembered", (
        "一个网络能储存多少个模式，是由网络能量函数的局部极小值的数目决定的 (*how many patterns a network can store is "
        "decided by the number of local minima of its energy function*). A pattern that is to be remembered must be a "
        "minimum; but not every minimum is a pattern. Networks of 12 neurons have 4,096 states, few enough to try all "
        "of them:",
        Figure("Everything that rests", f"Means over {len(rows[1])} networks of 12 neurons. A mixture is the majority "
               "of three memories, each with either sign.", picture(draw, 1, 2, 2.5, sharey=True),
               "Stacked bars for 1, 3, 5 and 7 patterns: memories and negatives in equal parts, then mixtures, then "
               "others."),
        f"With three patterns there are {number[1].sum():.1f} minima on average, with seven {number[3].sum():.1f}. "
        "Half of them are the negatives of the other half. Seven are too many: "
        f"all are kept in {kept} of {networks} networks, and in {fewer} there are fewer minima than patterns. So the "
        "number of minima bounds the number of patterns; it does not decide it. "
        "`fb.analysis.landscape(network)` lists the minima and the basins of any network up to 20 neurons, and "
        "`fb.analysis.attractor_kinds(states, patterns)` says what they are.",
    )), (
        Claim("Every state comes to rest in a minimum", "in every network",
              f"{len(every)} networks, {len(every) * 4096:,} states: {'all' if whole else 'not all'}", whole),
        Claim("Seven patterns are too many for twelve neurons", "all seven kept in fewer than half of the networks",
              f"in {kept} of {networks}; fewer minima than patterns in {fewer}", bool(kept < networks / 2)),
        Claim("The negative of a minimum is a minimum", "in every network", "in all" if mirrored else "not in all",
              mirrored),
        Claim("The number of minima decides the number of patterns", "as many minima as patterns",
              f"more minima than patterns in {more} of {len(every)} networks; on average "
              f"{', '.join(f'{total:.1f} for {k}' for k, total in zip(PATTERNS, number.sum(axis=1), strict=True))}",
              bool(more == 0), "It is an upper bound: negatives, mixtures and others are minima as well."),
    )  # fmt: skip
