"""Chapter 9: an energy that every change lowers, looked at for every change there is."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from flambeau.journey.chapter import Telling, section
from flambeau.journey.comparisons import Above, All, Equal
from flambeau.journey.stability.tables import NETWORKS, STATES, UNITS, course, drawn_network, moves
from flambeau.pictures.figures import BLUE, LIGHT, VERMILLION

SHOWN, VISITS = 24, 60
EVERY = NETWORKS * UNITS * STATES


def path(table: Any, network: int, starts: np.ndarray, order: np.ndarray) -> np.ndarray:
    """The energies ``(visits + 1, starts)`` on the way."""
    states = [starts]
    for i in order:
        states.append(table.one[network, i, states[-1]])
    return np.asarray(table.energies[network][np.asarray(states)])


def _draw(axes: list[Axes], tables: tuple[Any, Any], seed: int) -> None:
    """Energies of two networks from the same starts, in the same order."""
    rng = np.random.default_rng(seed)
    starts, order = rng.integers(0, STATES, SHOWN), rng.integers(0, UNITS, VISITS)
    for panel, table, color in zip(axes, tables, (BLUE, VERMILLION), strict=True):
        ways = path(table, 0, starts, order)
        panel.plot(ways[:, 1:], color=LIGHT, linewidth=0.9, drawstyle="steps-post")
        panel.plot(ways[:, 0], color=color, drawstyle="steps-post")
        panel.set(xlabel="visits, one neuron each")
    axes[0].set(ylabel="energy", title="w$_{ij}$ = w$_{ji}$: downhill to rest")
    axes[1].set(title="w$_{ij}$ ≠ w$_{ji}$: up and down")


@section("An energy that only falls")
def lyapunov(page: Telling) -> None:
    """All changes of many networks, in both codings; and what happens to the energy without symmetry."""
    seed = page.setting.seed
    alike = page.either("w_ij and w_ji are drawn apart", True, False)
    found = {name: moves(*drawn_network(seed, alike), name) for name in ("−1 and +1", "0 and 1")}
    skew = moves(*drawn_network(seed + 1, page.either("w_ij = w_ji after all", False, True)))
    uphill, unmoved, rests = {}, {}, {}
    for name, table in found.items():
        changed, by = table.changes()
        uphill[name], unmoved[name] = int((by[changed] >= 0).sum()), int((by[~changed] != 0).sum())
        rests[name] = int((course(table.swept()).period == 1).sum())
    changed, by = skew.changes()
    page.say(
        "Hopfield 使用 Lyapunov 稳定性来衡量网络的稳定性 (*Hopfield judges a network's stability by Lyapunov's*): "
        "find a number that every change of the network lowers. If it has a floor, and each change takes at least "
        "some least amount, the changes must end: there are only so many such steps down to the floor. A network of "
        "n neurons has 2ⁿ states, so the energy has a lowest value and a least difference."
    )
    page.equation(
        "E(s) = -\\frac{1}{2} Σ_{ij} w_{ij} s_i s_j + Σ_i θ_i s_i,   h_i = Σ_j w_{ij} s_j - θ_i", "the energy"
    )
    page.equation(
        "ΔE = - Δs_i h_i - \\frac{1}{2} w_{ii} Δs_i^2 = - |Δs_i h_i|   if w_{ij} = w_{ji} and w_{ii} = 0",
        "a neuron changes only towards the sign of h",
    )
    page.say(
        "The lecture lets neurons be 1 or 0 here, and 1 or −1 for memories; both are tried. {networks} networks of "
        "{units} neurons with random whole numbers for weights and thresholds have {states:,} states each, and in each "
        "state any neuron may be asked: {every:,} possible changes for each coding, and all of them are looked at. "
        "Whole numbers add up without rounding, so there is no tolerance.",
        networks=NETWORKS,
        units=UNITS,
        states=STATES,
        every=EVERY,
    )
    page.figure(
        "Two networks, the same starts, the same order",
        "{shown} starts, one of them in colour. Right, wᵢⱼ and wⱼᵢ were drawn apart.",
        lambda axes: _draw(axes, (found["−1 and +1"], skew), seed),
        "Left, staircases that only fall and end flat; right, lines that rise and fall without end.",
        grid=(1, 2),
        height=2.6,
        shown=SHOWN,
    )
    _claimed_lyapunov(page, found, rests, uphill, unmoved, by, changed)


def _claimed_lyapunov(page: Telling, found: Any, rests: Any, uphill: Any, unmoved: Any, by: Any, changed: Any) -> None:
    """What is claimed."""
    for name in found:
        page.claim(
            f"wᵢⱼ = wⱼᵢ and wᵢᵢ = 0: the energy never rises (states {name})",
            All(
                Equal(uphill[name], 0, f"{{found}} flips of {EVERY:,} visits not downhill"),
                Equal(unmoved[name], 0, "{found} changes of the energy without a flip"),
            ),
            "w_ij and w_ji are drawn apart",
        )
        page.claim(
            f"Then the network is stable (states {name})",
            Equal(rests[name], NETWORKS * STATES, "{found:,} of " + f"{NETWORKS * STATES:,} starts come to rest"),
            "w_ij and w_ji are drawn apart",
        )
    page.claim(
        "Without wᵢⱼ = wⱼᵢ the energy rises",
        Above(float((by[changed] > 0).mean()), 0.05, "{found:.1%} of all flips uphill"),
        "w_ij = w_ji after all",
    )
