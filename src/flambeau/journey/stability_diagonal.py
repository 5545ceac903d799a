"""The chapter on stability, continued: neurons that hear themselves."""

import numpy as np
from matplotlib.axes import Axes

from flambeau.journey.chapter import Claim, Figure, Section, Setting, Table, Told, worded
from flambeau.journey.stability_tables import NETWORKS, STATES, UNITS, Moves, course, moves
from flambeau.pictures.figures import BLUE, GREY, ORANGE, VERMILLION, picture

PATTERNS = 2


def memories(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Two random patterns for each network ``(networks, 2, units)``, and the lecture's W = Σ x x′ − K I."""
    x = np.where(np.random.default_rng(seed).random((NETWORKS, PATTERNS, UNITS)) < 0.5, -1, 1)
    return x, (x.swapaxes(1, 2) @ x - PATTERNS * np.eye(UNITS)).astype(np.float32)


def corrected(table: Moves, x: np.ndarray) -> float:
    """The share of stored patterns with one bit turned that are given back, in cyclic order."""
    after, powers = table.swept(), 1 << np.arange(UNITS)[::-1]
    for _ in range(UNITS):
        after = np.take_along_axis(after, after, axis=1)
    own = (x > 0) @ powers  # (networks, patterns)
    cues = own[:, :, None] ^ powers
    ends = np.take_along_axis(after, cues.reshape(NETWORKS, -1), axis=1).reshape(cues.shape)
    return float((ends == own[:, :, None]).mean())


def diagonal(setting: Setting) -> Told:
    """The lecture's memory with a diagonal from −2K to 5K."""
    x, weights = memories(setting.seed)
    ratios = np.asarray(setting.pick((-2, 0, 1, 4), (-2, -1, -0.5, 0, 0.5, 1, 2, 3, 4, 5), np.linspace(-2, 5, 29)))
    blank = np.zeros((NETWORKS, UNITS), np.float32)
    tables = [
        moves(weights + np.float32(PATTERNS * ratio) * np.eye(UNITS, dtype=np.float32), blank) for ratio in ratios
    ]
    ends = [course(table.swept()) for table in tables]
    fixed = np.asarray([end.fixed.sum(axis=1).mean() for end in ends])
    right = np.asarray([corrected(table, x) for table in tables])
    restless = np.asarray([end.restless.mean() for end in ends])
    zero, kept = ratios.tolist().index(0), ratios.tolist().index(1)
    up = [int((by[changed] > 0).sum()) for changed, by in (table.changes() for table in tables)]
    descends = all(count == 0 for count, ratio in zip(up, ratios, strict=True) if ratio >= 0)
    single = lone()

    def draw(axes: list[Axes]) -> None:
        axes[0].plot(ratios, np.maximum(fixed, 0.1), color=BLUE, marker="o")
        axes[0].set(yscale="log", ylabel="fixed points, of 1,024", xlabel="w$_{ii}$ / K", title="states that rest")
        axes[1].plot(ratios, 100 * right, color=ORANGE, marker="s", label="one wrong bit corrected")
        axes[1].plot(ratios, 100 * restless, color=VERMILLION, marker="^", label="starts that never rest")
        axes[1].set(ylabel="%", xlabel="w$_{ii}$ / K", title="what that costs", ylim=(-4, 104))
        axes[1].legend(loc="center", bbox_to_anchor=(0.4, 0.45))
        for panel in axes:
            panel.axvline(0, color=GREY, linewidth=0.9, zorder=0)
            panel.set(xticks=range(-2, 6))
        axes[0].text(-0.1, 600, "− K I", ha="right", color=GREY, fontsize=8.5, va="center")

    return Section("Break wᵢᵢ = 0", (
        "Why does the lecture subtract K I? A neuron with $w_{ii} > 0$ votes for what it is. The energy still falls at "
        f"every flip, but flips become rare: more and more states are frozen. {NETWORKS} networks hold two random "
        "patterns each, by the lecture's sum, and their diagonal is then changed:",
        Figure("The diagonal freezes, or unsettles", "wᵢᵢ in multiples of K = 2: the lecture's −K I is at 0, the "
               "bare sum Σ x x′ at 1.", picture(draw, 1, 2, 2.7),
               "Left, a curve that rises steeply to the right; right, a "
               "hump: errors are corrected near 0 only."),
        "And $w_{ii} < 0$ makes a neuron contradict itself. One is enough, and it needs no others: with states 0 and "
        "1, $w_{11} = -2$ and $θ_1 = -\\frac{1}{2}$,",
        Table("One neuron that never rests", ("state", "h = −2 s + ½", "it becomes", "E = s² − s/2", "ΔE"), single[0]),
    )), (
        Claim("wᵢᵢ = 0: without it, wᵢᵢ > 0 freezes states",
              "more fixed points and fewer errors corrected as wᵢᵢ grows",
              f"{fixed[zero]:.1f} fixed points at 0, {fixed[kept]:.1f} at K, {fixed[-1]:.0f} at {ratios[-1]:g}K; one "
              f"wrong bit corrected {right[zero]:.0%}, {right[kept]:.0%}, {right[-1]:.0%}",
              bool(fixed[zero] < fixed[-1] and right[-1] < right[zero])),
        Claim("wᵢᵢ > 0 does not break descent", "no flip uphill", f"0 of all flips for wᵢᵢ from 0 to {ratios[-1]:g}K"
              if descends else "some flips uphill", descends),
        Claim("wᵢᵢ < 0 breaks descent", "flips uphill, and starts that never rest",
              f"at −2K {up[0]:,} flips uphill, {restless[0]:.0%} of the starts never rest",
              bool(up[0] > 0 and restless[0] > 0)),
        Claim("One neuron with wᵢᵢ < 0 need not rest", "0 → 1 → 0 → …, the energy up and down",
              single[1], single[2]),
    )  # fmt: skip


def lone() -> tuple[tuple[tuple[str, ...], ...], str, bool]:
    """Neuron 1 with w = −2, θ = −½ among nine that are silent, in states 0 and 1."""
    weights, thresholds = np.zeros((NETWORKS, UNITS, UNITS), np.float32), np.zeros((NETWORKS, UNITS), np.float32)
    weights[:, 0, 0], thresholds[:, 0] = -2, -0.5
    table = moves(weights, thresholds, "0 and 1")
    off, on = 0, STATES // 2  # the states' numbers: neuron 1 is the highest bit
    swings = table.one[0, 0, off] == on and table.one[0, 0, on] == off
    low, high = (float(table.energies[0, state]) for state in (off, on))
    rows = (
        ("0", "½", "1", worded(low), worded(high - low, "+g")),
        ("1", "−1½", "0", worded(high), worded(low - high, "+g")),
    )
    text = f"{'0 → 1 → 0' if swings else 'it rests'}, E = {worded(low)} and {worded(high)}"
    return rows, text, bool(swings and high > low and (course(table.swept()).period == 2).all())
