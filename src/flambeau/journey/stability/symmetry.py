"""Chapter 9: less and less symmetry, and all neurons at once."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from flambeau.journey.chapter import Telling, section
from flambeau.journey.comparisons import Above, All, Equal, Rising
from flambeau.journey.stability.tables import NETWORKS, STATES, UNITS, course, drawn_network, moves
from flambeau.pictures.figures import BLUE, GREEN, GREY, ORANGE, VERMILLION


def mixed(share: float, seed: int) -> np.ndarray:
    """(1 − a) symmetric + a antisymmetric; at a = ½ wᵢⱼ and wⱼᵢ are independent."""
    parts = np.tril(np.random.default_rng(seed).normal(size=(2, NETWORKS, UNITS, UNITS)), -1)
    even, odd = parts[0] + parts[0].swapaxes(1, 2), parts[1] - parts[1].swapaxes(1, 2)
    return np.asarray((1 - share) * even + share * odd, np.float32)


@section("Break wᵢⱼ = wⱼᵢ")
def asymmetry(page: Telling) -> None:
    """How many networks never rest."""
    setting = page.setting
    shares = np.asarray(setting.pick((0, 0.5, 1), (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1), np.linspace(0, 1, 21)))
    used = shares * page.either("the antisymmetric part is left out", 1, 0) + page.either(
        "a little asymmetry everywhere", 0, 0.3
    )
    blank = np.zeros((NETWORKS, UNITS), np.float32)
    tables = [moves(mixed(float(share), setting.seed), blank) for share in used]
    ends, at_once = [course(table.swept()) for table in tables], [course(table.at_once) for table in tables]
    some = np.asarray([(end.restless > 0).mean() for end in ends])
    starts = np.asarray([end.restless.mean() for end in ends])
    never = np.asarray([(end.restless == 1).mean() for end in ends])
    longest, steps = [np.asarray([int(end.period.max()) for end in found]) for found in (ends, at_once)]
    half = shares.tolist().index(0.5)

    def draw(axes: list[Axes]) -> None:
        axes[0].plot(shares, 100 * some, color=BLUE, marker="o", label="networks with such starts")
        axes[0].plot(shares, 100 * starts, color=ORANGE, marker="s", label="starts")
        axes[0].plot(shares, 100 * never, color=VERMILLION, marker="^", label="networks with no others")
        axes[0].set(xlabel="a: 0 symmetric, ½ independent, 1 antisymmetric", ylabel="%", ylim=(-4, 104),
                    title="one neuron at a time: what never rests")  # fmt: skip
        axes[0].legend(loc="upper left", fontsize=8)
        axes[1].plot(shares, longest, color=BLUE, marker="o", label="one at a time (in sweeps)")
        axes[1].plot(shares, steps, color=GREEN, marker="D", label="all at once (in steps)")
        axes[1].axhline(2, color=GREY, linestyle=":", linewidth=1)
        axes[1].set(yscale="log", ylim=(0.4, 50), xlabel="a", ylabel="period", title="longest cycle",
                    yticks=[1, 2, 4, 10, 20, 40], yticklabels=["1", "2", "4", "10", "20", "40"])  # fmt: skip
        axes[1].minorticks_off()
        axes[1].legend(loc="lower center", fontsize=8)

    page.say(
        "Now mix in an antisymmetric part, wᵢⱼ = −wⱼᵢ. For each mixture {networks} networks of {units} neurons, all "
        "{states:,} starts, followed in cyclic order until they rest or come back to where they were:",
        networks=NETWORKS,
        units=UNITS,
        states=STATES,
    )
    page.figure(
        "Rest is lost gradually, and then wholly",
        "Every start of every network was followed to its end. The dotted line is the longest cycle that symmetry "
        "allows, and only all at once.",
        draw,
        "Left, three rising curves; right, cycle lengths that start at 1 and 2 and grow.",
        grid=(1, 2),
        height=3.0,
        options={"width_ratios": (1.3, 1)},
    )
    page.say(
        "So the condition is sufficient, and a little more or less does not matter at once: what it gives is a "
        "certainty. With independent weights {lost:.0%} of the starts never rest. Purely antisymmetric networks rest "
        "nowhere.",
        lost=float(starts[half]),
    )
    _claimed_asymmetry(page, starts, some, half, steps)


def _claimed_asymmetry(page: Telling, starts: Any, some: Any, half: Any, steps: Any) -> None:
    """What is claimed."""
    page.claim(
        "wᵢⱼ = wⱼᵢ: no cycles",
        Equal(float(starts[0]), 0.0, "{found:.0%} of " + f"{NETWORKS * STATES:,} starts never rest"),
        "a little asymmetry everywhere",
    )
    page.beyond(
        "The less symmetry, the fewer networks rest",
        Rising(
            [float(part) for part in some[[0, half]]],
            "{found:.0%}",
            among="of networks with restless starts, at a = 0, ½",
        ),
        "the antisymmetric part is left out",
    )
    page.beyond(
        "Without symmetry there are cycles longer than two, all at once",
        All(Above(int(steps[half]), 2, "{found} steps at a = ½")),
        "the antisymmetric part is left out",
    )


@section("All at once")
def all_together(page: Telling) -> None:
    """All neurons at once: the energy may rise, but the energy of two times does not."""
    weights, thresholds = drawn_network(page.setting.seed, page.either("w_ij and w_ji drawn apart", True, False))
    thresholds += 0.5  # nobody hears exactly 0
    table = moves(weights, thresholds)
    period = course(table.at_once).period
    s = 2.0 * ((np.arange(STATES)[:, None] >> np.arange(UNITS)[::-1]) & 1) - 1
    after, index = s[table.at_once], np.arange(NETWORKS)[:, None]
    heard = np.einsum("nsi,nij->nsj", after, weights)
    pair = -(heard * s).sum(-1) + ((after + s) * thresholds[:, None]).sum(-1)  # E₂ of a state and its successor
    later = pair[index, table.at_once]
    moved = table.at_once[index, table.at_once] != np.arange(STATES)
    against = int((later > pair).sum() + (later[moved] >= pair[moved]).sum())

    page.say(
        "If all neurons change at the same instant, each acts on what the others *were*. The energy may rise "
        "({rises:.0%} of the steps here). But look at two times together:",
        rises=float((table.energies[index, table.at_once] > table.energies).mean()),
    )
    page.equation("E_2(t) = - s(t)^T W s(t-1) + θ^T (s(t) + s(t-1))", "the energy of a state and the one before")
    page.say(
        "Each step chooses s(t + 1) to be the best answer to s(t), so $E_2$ cannot rise if W is symmetric, and stands "
        "still only where s(t + 1) = s(t − 1): the network rests, or swings between two states."
    )
    page.figure(
        "One network, all neurons at once",
        "The energy (doubled, as E₂ counts every pair twice) goes up and down for ever; the energy of two times falls, "
        "then stays.",
        lambda axes: draw_pair(axes, table, period, pair),
        "A zigzag, and beside it a curve that falls and stays flat.",
        height=2.3,
    )
    page.beyond(
        "All at once: a fixed point or a swing between two",
        Equal(
            sorted({int(each) for each in np.unique(period)}),
            [1, 2],
            f"periods {{found}} of {NETWORKS * STATES:,} starts",
        ),
        "w_ij and w_ji drawn apart",
    )
    page.beyond(
        "All at once: the energy of two times never rises",
        Equal(against, 0, "{found} of " + f"{NETWORKS * STATES:,} steps not downhill before s(t + 1) = s(t − 1)"),
        "w_ij and w_ji drawn apart",
    )


def draw_pair(axes: list[Axes], table: object, period: np.ndarray, pair: np.ndarray) -> None:
    """The longest way into a swing, of the network that swings most."""
    network = int((period == 2).mean(axis=1).argmax())
    walk = [int(np.argmax((period[network] == 2) * (pair[network] - pair[network].min())))]
    for _ in range(9):
        walk.append(int(table.at_once[network, walk[-1]]))  # type: ignore[attr-defined]
    energies = 2 * table.energies[network, walk]  # type: ignore[attr-defined]
    axes[0].plot(energies, color=ORANGE, marker="s", label="2 E(s(t))", linewidth=1.4)
    axes[0].plot(np.arange(9) + 1, pair[network, walk[:-1]], color=BLUE, marker="o", label="E₂(s(t), s(t − 1))")
    axes[0].set(xlabel="t, all neurons at each step", ylabel="energy", xticks=range(10))
    axes[0].legend(loc="center left", bbox_to_anchor=(1.0, 0.5))
