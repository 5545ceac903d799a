"""The chapter on stability, its first part: an energy that every change lowers, looked at for every change there is."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from flambeau.journey.chapter import Claim, Equation, Figure, Section, Setting, Told
from flambeau.journey.stability_tables import NETWORKS, STATES, UNITS, course, drawn_network, moves
from flambeau.pictures.figures import BLUE, LIGHT, VERMILLION, picture

SHOWN, VISITS = 24, 60


def path(table: Any, network: int, starts: np.ndarray, order: np.ndarray) -> np.ndarray:
    """The energies ``(visits + 1, starts)`` on the way."""
    states = [starts]
    for i in order:
        states.append(table.one[network, i, states[-1]])
    return np.asarray(table.energies[network][np.asarray(states)])


def lyapunov(setting: Setting) -> Told:
    """All changes of many networks, in both codings; and what happens to the energy without symmetry."""
    weights, thresholds = drawn_network(setting.seed)
    found = {name: moves(weights, thresholds, name) for name in ("−1 and +1", "0 and 1")}
    skew = moves(*drawn_network(setting.seed + 1, symmetric=False))
    flips = {name: table.changes() for name, table in found.items()}
    count = {name: int(changed.sum()) for name, (changed, _) in flips.items()}
    down = {name: bool((by[changed] < 0).all() and (by[~changed] == 0).all()) for name, (changed, by) in flips.items()}
    ends = {name: course(table.swept()) for name, table in found.items()}
    rests = {name: bool((end.period == 1).all()) for name, end in ends.items()}
    changed, by = skew.changes()
    uphill = float((by[changed] > 0).mean())
    rng = np.random.default_rng(setting.seed)
    starts, order = rng.integers(0, STATES, SHOWN), rng.integers(0, UNITS, VISITS)

    def draw(axes: list[Axes]) -> None:
        for panel, table, color in zip(axes, (found["−1 and +1"], skew), (BLUE, VERMILLION), strict=True):
            ways = path(table, 0, starts, order)
            panel.plot(ways[:, 1:], color=LIGHT, linewidth=0.9, drawstyle="steps-post")
            panel.plot(ways[:, 0], color=color, drawstyle="steps-post")
            panel.set(xlabel="visits, one neuron each")
        axes[0].set(ylabel="energy", title="w$_{ij}$ = w$_{ji}$: downhill to rest")
        axes[1].set(title="w$_{ij}$ ≠ w$_{ji}$: up and down")

    every = NETWORKS * UNITS * STATES
    return Section("An energy that only falls", (
        "Hopfield 使用 Lyapunov 稳定性来衡量网络的稳定性 (*Hopfield judges a network's stability by Lyapunov's*): "
        "find a number that every change of the network lowers. If it has a floor, the changes must end.",
        Equation("E(s) = -\\frac{1}{2} Σ_{ij} w_{ij} s_i s_j + Σ_i θ_i s_i,   h_i = Σ_j w_{ij} s_j - "
                 "θ_i", "the energy"),
        Equation("ΔE = - Δs_i h_i - \\frac{1}{2} w_{ii} Δs_i^2 = - |Δs_i h_i|   if w_{ij} = w_{ji} and w_{ii} = 0",
                 "a neuron changes only towards the sign of h"),
        "The lecture lets neurons be 1 or 0 here, and 1 or −1 for memories; both are tried. "
        f"{NETWORKS} networks of {UNITS} neurons with random whole numbers for weights and thresholds have "
        f"{STATES:,} states each, and in each state any neuron may be asked: {every:,} possible changes for each "
        "coding, and all of them are looked at. Whole numbers add up without rounding, so there is no tolerance.",
        Figure("Two networks, the same starts, the same order", f"{SHOWN} starts, one of them in colour. Right, wᵢⱼ "
               "and wⱼᵢ were drawn apart.", picture(draw, 1, 2, 2.6), "Left, staircases that only fall and end flat; "
               "right, lines that rise and fall without end."),
        f"With wᵢⱼ and wⱼᵢ drawn apart {uphill:.0%} of all flips go uphill, and E is a number without a meaning.",
    )), (
        *(Claim(f"wᵢⱼ = wⱼᵢ and wᵢᵢ = 0: the energy never rises (states {name})",
                "each flip lowers it, without exception",
                f"{count[name]:,} flips of {every:,} updates in {NETWORKS} networks, "
                f"{'all' if down[name] else 'not all'} "
                "downhill", down[name]) for name in found),
        *(Claim(f"Then the network is stable (states {name})", "from every state of every network it comes to rest",
                f"{NETWORKS} x {STATES:,} starts, {'all rest' if rests[name] else 'not all rest'}", rests[name])
          for name in found),
        Claim("Without wᵢⱼ = wⱼᵢ the energy rises", "some flips uphill",
              f"{uphill:.1%} of {int(changed.sum()):,} flips", uphill > 0.05),
    )  # fmt: skip
