"""The chapter on stability, continued: less and less symmetry, and all neurons at once."""

import numpy as np
from matplotlib.axes import Axes

from flambeau.journey.chapter import Claim, Equation, Figure, Section, Setting, Told
from flambeau.journey.stability_tables import NETWORKS, STATES, UNITS, course, drawn_network, moves
from flambeau.pictures.figures import BLUE, GREEN, GREY, ORANGE, VERMILLION, picture


def mixed(share: float, seed: int) -> np.ndarray:
    """(1 − a) symmetric + a antisymmetric; at a = ½ wᵢⱼ and wⱼᵢ are independent."""
    parts = np.tril(np.random.default_rng(seed).normal(size=(2, NETWORKS, UNITS, UNITS)), -1)
    even, odd = parts[0] + parts[0].swapaxes(1, 2), parts[1] - parts[1].swapaxes(1, 2)
    return np.asarray((1 - share) * even + share * odd, np.float32)


def asymmetry(setting: Setting) -> Told:
    """How many networks never rest."""
    shares = np.asarray(setting.pick((0, 0.5, 1), (0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.75, 1), np.linspace(0, 1, 21)))
    blank = np.zeros((NETWORKS, UNITS), np.float32)
    tables = [moves(mixed(float(share), setting.seed), blank) for share in shares]
    ends, together = [course(table.swept()) for table in tables], [course(table.at_once) for table in tables]
    some = np.asarray([(end.restless > 0).mean() for end in ends])
    starts = np.asarray([end.restless.mean() for end in ends])
    never = np.asarray([(end.restless == 1).mean() for end in ends])
    longest, at_once = [np.asarray([end.period.max() for end in found]) for found in (ends, together)]
    half = shares.tolist().index(0.5)
    odd = int(np.median(together[-1].period))

    def draw(axes: list[Axes]) -> None:
        axes[0].plot(shares, 100 * some, color=BLUE, marker="o", label="networks, sometimes")
        axes[0].plot(shares, 100 * starts, color=ORANGE, marker="s", label="single starts")
        axes[0].plot(shares, 100 * never, color=VERMILLION, marker="^", label="networks, always")
        axes[0].set(xlabel="a: 0 symmetric, ½ independent, 1 antisymmetric", ylabel="%", ylim=(-4, 104),
                    title="one neuron at a time: what never rests")  # fmt: skip
        axes[0].legend(loc="upper left", fontsize=8)
        axes[1].plot(shares, longest, color=BLUE, marker="o", label="one at a time (in sweeps)")
        axes[1].plot(shares, at_once, color=GREEN, marker="D", label="all at once (in steps)")
        axes[1].axhline(2, color=GREY, linestyle=":", linewidth=1)
        axes[1].set(yscale="log", ylim=(0.4, 50), xlabel="a", title="longest cycle", yticks=[1, 2, 4, 10, 20, 40],
                    yticklabels=["1", "2", "4", "10", "20", "40"])  # fmt: skip
        axes[1].minorticks_off()
        axes[1].legend(loc="lower center", fontsize=8)

    return Section("Break wᵢⱼ = wⱼᵢ", (
        f"Now mix in an antisymmetric part, wᵢⱼ = −wⱼᵢ. For each mixture {NETWORKS} networks of {UNITS} neurons, all "
        f"{STATES:,} starts, followed in cyclic order until they rest or come back to where they were:",
        Figure("Rest is lost gradually, and then wholly", "Every start of every network was followed to its end. The "
               "dotted line is the longest cycle that symmetry allows, and only all at once.",
               picture(draw, 1, 2, 3.0, width_ratios=(1.3, 1)), "Left, three rising curves; right, cycle lengths that "
               "start at 1 and 2 and grow."),
        f"So the condition is sufficient, and a little more or less does not matter at once: what it gives is a "
        f"certainty. With independent weights {starts[half]:.0%} of the starts never rest. Purely antisymmetric "
        f"networks rest nowhere, and all at once they go round with a period of {odd}.",
    )), (
        Claim("wᵢⱼ = wⱼᵢ: no cycles", "all starts rest at a = 0",
              f"{starts[0]:.0%} of {NETWORKS * STATES:,} never rest", bool(starts[0] == 0)),
        Claim("The less symmetry, the fewer networks rest", "more never rest at a = ½ than at 0, and most at 1",
              ", ".join(f"{part:.0%} at {share:g}" for share, part in zip(shares, some, strict=True)),
              bool(some[0] == 0 < some[half] <= some[-1])),
        Claim("Without symmetry there are cycles longer than two", "all at once, at a = ½",
              f"up to {at_once[half]} steps; {at_once[0]} at a = 0", bool(at_once[half] > 2 >= at_once[0])),
    )  # fmt: skip


def together(setting: Setting) -> Told:
    """All neurons at once: the energy may rise, but the energy of two times does not."""
    weights, thresholds = drawn_network(setting.seed)
    thresholds += 0.5  # nobody hears exactly 0
    table = moves(weights, thresholds)
    period = course(table.at_once).period
    s = 2.0 * ((np.arange(STATES)[:, None] >> np.arange(UNITS)[::-1]) & 1) - 1
    after, index = s[table.at_once], np.arange(NETWORKS)[:, None]
    heard = np.einsum("nsi,nij->nsj", after, weights)
    pair = -(heard * s).sum(-1) + ((after + s) * thresholds[:, None]).sum(-1)  # E₂ of a state and its successor
    later = pair[index, table.at_once]
    rises = float((table.energies[index, table.at_once] > table.energies).mean())
    moved = table.at_once[index, table.at_once] != np.arange(STATES)
    falls = bool((later <= pair).all() and (later[moved] < pair[moved]).all())
    swing = float((period == 2).mean())
    network = int((period == 2).mean(axis=1).argmax())
    walk = [int(np.argmax((period[network] == 2) * (pair[network] - pair[network].min())))]
    for _ in range(9):
        walk.append(int(table.at_once[network, walk[-1]]))

    def draw(axes: list[Axes]) -> None:
        axes[0].plot(2 * table.energies[network, walk], color=ORANGE, marker="s", label="2 E(s(t))", linewidth=1.4)
        axes[0].plot(np.arange(9) + 1, pair[network, walk[:-1]], color=BLUE, marker="o", label="E₂(s(t), s(t − 1))")
        axes[0].set(xlabel="t, all neurons at each step", ylabel="energy", xticks=range(10))
        axes[0].legend(loc="center left", bbox_to_anchor=(1.0, 0.5))

    return Section("All at once", (
        "If all neurons change at the same instant, each acts on what the others *were*. The energy may rise "
        f"({rises:.0%} of the steps here). But look at two times together:",
        Equation("E_2(t) = - s(t)^T W s(t-1) + θ^T (s(t) + s(t-1))", "the energy of a state and the one before"),
        "Each step chooses s(t + 1) to be the best answer to s(t), so $E_2$ cannot rise if W is symmetric, and stands "
        "still only where s(t + 1) = s(t − 1): the network rests, or swings between two states.",
        Figure("One network, all neurons at once", "The energy goes up and down for ever; the energy of two times "
               "falls, then stays.", picture(draw, height=2.3),
               "A zigzag, and beside it a curve that falls and stays flat."),
    )), (
        Claim("All at once: a fixed point or a swing between two", "periods 1 and 2 only",
              f"{NETWORKS * STATES:,} starts: {1 - swing:.0%} rest, {swing:.0%} swing, longest period {period.max()}",
              bool(period.max() <= 2)),
        Claim("All at once: the energy of two times never rises", "lower at every step until s(t + 1) = s(t − 1)",
              f"{NETWORKS * STATES:,} steps, {'none' if falls else 'some'} upwards; E itself rises in "
              f"{rises:.0%}", falls),
    )  # fmt: skip
