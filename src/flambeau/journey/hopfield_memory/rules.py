"""Chapter 10: other ways to write the same patterns into the same weights."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

from flambeau.journey.chapter import Telling, section
from flambeau.journey.comparisons import All, Equal
from flambeau.journey.hopfield_memory.experiment import RULES, TURNED, stored_share, units_of
from flambeau.journey.samples import MeanAbove, MeanBelow
from flambeau.pictures.figures import SERIES

LOADS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)


@section("Better ways to store")
def rules(page: Telling) -> None:
    """Four rules at six loads."""
    units, draws = units_of(page.setting), page.setting.pick(4, 4, 20)
    found = {name: stored_share(name, units, LOADS, draws, page.setting.seed + 1, TURNED) for name in RULES}
    stable = {name: part.stable for name, part in found.items()}
    recalled = {name: part.near for name, part in found.items()}
    at = LOADS.index(0.3)
    storkey = page.either("the sum for Storkey's rule", "Storkey 2", "Hebb")
    kept = stable[page.either("Storkey's rule for the projection", "projection", "Storkey 1")]
    last = page.either("a third of the patterns", -1, 0)

    def draw(axes: list[Axes]) -> None:
        for name, color, mark in zip(RULES, SERIES, "os^D", strict=False):
            for panel, shares in zip(axes, (stable, recalled), strict=True):
                panel.plot(LOADS, shares[name].mean(axis=1), color=color, marker=mark, markersize=5, label=name)
        axes[0].set(ylim=(-0.04, 1.04), xlabel="load K / N", ylabel="share of patterns", title="stable, bit for bit")
        axes[1].set(xlabel="load K / N", title="recalled from 10% turned bits")
        axes[0].legend(loc="center", bbox_to_anchor=(0.4, 0.45))

    page.say(
        "The sum is only the simplest rule. *Storkey's* rules subtract, for each new pattern, what the weights say "
        "about it already, and still use nothing but what the two ends of a connection know. The *projection* uses "
        "all. The same {units} neurons, the same kind of patterns:",
        units=units,
    )
    page.figure(
        "Four storage rules",
        "Means of {draws} networks for each point.",
        draw,
        "Two panels of four falling curves: Hebb's falls first, then Storkey's, the projection's last.",
        grid=(1, 2),
        height=2.8,
        options={"sharey": True},
        draws=draws,
    )
    page.table(
        "Share of patterns stable (and recalled from a tenth of turned bits)",
        ("rule", *(f"{load:g} N" for load in LOADS)),
        [(name, *map("{:.2f} ({:.2f})".format, stable[name].mean(1), recalled[name].mean(1))) for name in RULES],
    )
    page.say(
        "Stable is not the same as useful. The projection keeps all patterns as fixed points, but their basins shrink: "
        "from about half as many patterns as neurons, a cue with a tenth of its bits turned no longer finds home."
    )
    _claimed_rules(page, at, stable, storkey, kept, last, recalled)


def _claimed_rules(page: Telling, at: Any, stable: Any, storkey: Any, kept: Any, last: Any, recalled: Any) -> None:
    """What is claimed."""
    page.beyond(
        "Storkey's rule holds more than the sum: at 0.3 N nearly all, where the sum holds none",
        All(
            MeanAbove(stable[storkey][at], 0.8, "second order {found:.2f} stable"),
            MeanBelow(stable["Hebb"][at], 0.4, "the sum {found:.2f}"),
        ),
        "the sum for Storkey's rule",
    )
    page.beyond(
        "The projection keeps every pattern",
        Equal(float(np.min(kept)), 1.0, "least share stable {found}, all loads and networks"),
        "Storkey's rule for the projection",
    )
    page.beyond(
        "Stable patterns need not be found",
        All(
            MeanAbove(stable["projection"][last], 0.9, "projection at 0.6 N {found:.2f} stable"),
            MeanBelow(recalled["projection"][last], 0.5, "{found:.2f} recalled"),
        ),
        "a third of the patterns",
    )
