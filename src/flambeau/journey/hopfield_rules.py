"""The chapter on Hopfield memory, continued: other ways to write the same patterns into the same weights."""

from matplotlib.axes import Axes

from flambeau.journey.chapter import Claim, Figure, Section, Setting, Table, Told
from flambeau.journey.hopfield_experiment import RULES, TURNED, stored_share, units_of
from flambeau.pictures.figures import SERIES, picture

LOADS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)


def rules(setting: Setting) -> Told:
    """Four rules at six loads."""
    units, draws = units_of(setting), setting.pick(2, 2, 20)
    found = {name: stored_share(name, units, LOADS, draws, setting.seed + 1, TURNED) for name in RULES}
    stable = {name: part.stable.mean(axis=1) for name, part in found.items()}
    recalled = {name: part.near.mean(axis=1) for name, part in found.items()}
    at = LOADS.index(0.3)
    order = [stable[name][at] for name in RULES]

    def draw(axes: list[Axes]) -> None:
        for name, color, mark in zip(RULES, SERIES, "os^D", strict=False):
            for panel, shares in zip(axes, (stable, recalled), strict=True):
                panel.plot(LOADS, shares[name], color=color, marker=mark, markersize=5, label=name)
        axes[0].set(ylim=(-0.04, 1.04), xlabel="load K / N", ylabel="share of patterns", title="stable, bit for bit")
        axes[1].set(xlabel="load K / N", title="recalled from 10% turned bits")
        axes[0].legend(loc="center", bbox_to_anchor=(0.4, 0.45))

    return Section("Better ways to store", (
        "The sum is only the simplest rule. *Storkey's* rules subtract, for each new pattern, what the weights say "
        "about it already, and still use nothing but what the two ends of a connection know. The *projection* uses "
        f"all. The same {units} neurons, the same kind of patterns:",
        Figure("Four storage rules", f"{draws} networks for each point.", picture(draw, 1, 2, 2.8, sharey=True),
               "Two panels of four falling curves: Hebb's falls first, then Storkey's, the projection's last."),
        Table("Share of patterns stable (and recalled from a tenth of turned bits)",
              ("rule", *(f"{load:g} N" for load in LOADS)),
              tuple((name, *(f"{a:.2f} ({b:.2f})" for a, b in zip(stable[name], recalled[name], strict=True)))
                    for name in RULES)),
        "Stable is not the same as useful. The projection keeps all patterns as fixed points, but their basins shrink: "
        "from about half as many patterns as neurons, a cue with a tenth of its bits turned no longer finds home.",
    )), (
        Claim("Storkey's rule holds more than the sum", "at 0.3 N nearly all patterns, where the sum holds none",
              f"stable {order[1]:.2f} and {order[2]:.2f} (orders 1 and 2) against {order[0]:.2f}",
              bool(order[1] > 0.8 and order[2] > 0.8 and order[0] < 0.1)),
        Claim("The projection keeps every pattern", "stable share 1 at all loads",
              f"at least {stable['projection'].min():.3f}", bool(stable["projection"].min() == 1)),
        Claim("Stable patterns need not be found", "projection at 0.6 N: all stable, few recalled",
              f"{stable['projection'][-1]:.2f} stable, {recalled['projection'][-1]:.2f} recalled",
              bool(recalled["projection"][-1] < 0.5 < recalled["projection"][0])),
    )  # fmt: skip
