"""Chapter 9: neurons that hear themselves."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from flambeau.journey.chapter import Telling, section, worded
from flambeau.journey.comparisons import Above, All, Equal, Falling, Rising
from flambeau.journey.stability.tables import NETWORKS, STATES, UNITS, Moves, course, moves
from flambeau.pictures.figures import BLUE, GREY, ORANGE, VERMILLION

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


@section("Break wᵢᵢ = 0")
def diagonal(page: Telling) -> None:
    """The lecture's memory with a diagonal from −2K to 5K."""
    x, weights = memories(page.setting.seed)
    ratios = np.asarray(page.setting.pick((-2, 0, 1, 4), (-2, -1, -0.5, 0, 0.5, 1, 2, 3, 4, 5), np.linspace(-2, 5, 29)))
    used = ratios * page.either("the diagonal stays empty", 1, 0)
    blank, eye = np.zeros((NETWORKS, UNITS), np.float32), np.eye(UNITS, dtype=np.float32)
    skew = page.either("the weights are drawn apart", 0, 1) * np.triu(
        np.random.default_rng(0).normal(size=(UNITS, UNITS)), 1
    )
    tables = [moves((weights + PATTERNS * ratio * eye + skew).astype(np.float32), blank) for ratio in used]
    ends = [course(table.swept()) for table in tables]
    fixed = np.asarray([float(end.fixed.sum(axis=1).mean()) for end in ends])
    right = np.asarray([corrected(table, x) for table in tables])
    restless = np.asarray([float(end.restless.mean()) for end in ends])
    up = [int((by[changed] > 0).sum()) for changed, by in (table.changes() for table in tables)]
    at = [ratios.tolist().index(0), ratios.tolist().index(1), len(ratios) - 1]
    rows, swings = lone(page.either("it hears nothing of itself", -2, 0))

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

    page.say(
        "Why does the lecture subtract K I? A neuron with $w_{ii} > 0$ votes for what it is. The energy still falls at "
        "every flip, but flips become rare: more and more states are frozen. {networks} networks hold two random "
        "patterns each, by the lecture's sum Σ x x′ − K I (chapter 10 is about it), and their diagonal is then "
        "changed:",
        networks=NETWORKS,
    )
    page.figure(
        "The diagonal freezes, or unsettles",
        "wᵢᵢ in multiples of K = 2: the lecture's −K I is at 0, the bare sum Σ x x′ at 1.",
        draw,
        "Left, a curve that rises steeply to the right; right, a hump: errors are corrected near 0 only.",
        grid=(1, 2),
        height=2.7,
    )
    page.say(
        "And $w_{ii} < 0$ makes a neuron contradict itself. One is enough, and it needs no others: with states 0 and "
        "1, $w_{11} = -2$ and $θ_1 = -\\frac{1}{2}$,"
    )
    page.table("One neuron that never rests", ("state", "h = −2 s + ½", "it becomes", "E = s² − s/2", "ΔE"), rows)
    _claimed_diagonal(page, fixed, at, right, up, ratios, restless, swings)


def _claimed_diagonal(
    page: Telling, fixed: Any, at: Any, right: Any, up: Any, ratios: Any, restless: Any, swings: Any
) -> None:
    """What is claimed."""
    page.claim(
        "wᵢᵢ = 0: without it, wᵢᵢ > 0 freezes states",
        All(
            Rising(list(fixed[at]), "{found:.1f}", among="fixed points at wᵢᵢ = 0, K and the last"),
            Falling(list(right[at[::2]]), "{found:.0%}", among="of wrong bits corrected, at 0 and the last"),
        ),
        "the diagonal stays empty",
    )
    page.beyond(
        "wᵢᵢ > 0 does not break descent",
        Equal(sum(count for count, ratio in zip(up, ratios, strict=True) if ratio >= 0), 0, "{found} flips uphill"),
        "the weights are drawn apart",
    )
    page.claim(
        "wᵢᵢ < 0 breaks descent",
        All(
            Above(up[0], 0, "at −2K {found:,} flips uphill"),
            Above(float(restless[0]), 0.0, "{found:.0%} of the starts never rest"),
        ),
        "the diagonal stays empty",
    )
    page.beyond(
        "One neuron with wᵢᵢ < 0 need not rest", Equal(swings, "0 → 1 → 0 → …", "{found}"), "it hears nothing of itself"
    )


def lone(weight: float) -> tuple[Any, str]:
    """Neuron 1 with that weight to itself and θ = −½ among nine that are silent, in states 0 and 1."""
    weights, thresholds = np.zeros((NETWORKS, UNITS, UNITS), np.float32), np.zeros((NETWORKS, UNITS), np.float32)
    weights[:, 0, 0], thresholds[:, 0] = weight, -0.5
    table = moves(weights, thresholds, "0 and 1")
    off, on = 0, STATES // 2  # the states' numbers: neuron 1 is the highest bit
    swings = table.one[0, 0, off] == on and table.one[0, 0, on] == off
    low, high = (float(table.energies[0, state]) for state in (off, on))
    rows = [
        ("0", "½", "1", worded(low), worded(high - low, "+g")),
        ("1", "−1½", "0", worded(high), worded(low - high, "+g")),
    ]
    return rows, "0 → 1 → 0 → …" if swings and (course(table.swept()).period == 2).all() else "it rests"
