"""The chapter on the Boltzmann machine, continued: learning by four methods, judged by the exact likelihood."""

import numpy as np
from matplotlib.axes import Axes

from flambeau.journey.boltzmann_bars import CEILING, ROUND, learned_bars, steps_of
from flambeau.journey.chapter import Claim, Figure, Section, Setting, Table, Told, worded
from flambeau.pictures.figures import BLUE, GREEN, GREY, INK, ORANGE, VERMILLION, picture

METHODS = {"exact": (BLUE, "-"), "CD-5": (GREEN, "-"), "PCD": (ORANGE, "-"), "CD-1": (VERMILLION, "-")}


def _curves(setting: Setting, method: str, record: tuple[str, str], *, fall: bool = True) -> np.ndarray:
    """One record of every seed's run, ``(seeds, rounds)``."""
    runs = [learned_bars(method, steps_of(setting), seed, fall=fall) for seed in setting.seeds(2, 3, 10)]
    return np.asarray([run.records[record[0]][record[1]] for run in runs], float)


def learning(setting: Setting) -> Told:
    """The exact log-likelihood while each method learns bars and stripes."""
    nats = {name: _curves(setting, name, ("log_likelihood", "nats")) for name in METHODS}
    hurried = _curves(setting, "PCD", ("log_likelihood", "nats"), fall=False)
    ends = {name: each[:, -1] for name, each in nats.items()}
    mean = {name: float(each.mean()) for name, each in ends.items()}
    steps, seeds = ROUND * np.arange(1, nats["exact"].shape[1] + 1), len(hurried)
    best = max(float(each.max()) for each in (*nats.values(), hurried))

    def draw(axes: list[Axes]) -> None:
        for name, (color, style) in METHODS.items():
            axes[0].plot(steps, nats[name].T, color=color, alpha=0.3, linewidth=0.8)
            axes[0].plot(steps, nats[name].mean(axis=0), color=color, linestyle=style, label=name)
        axes[1].plot(steps, hurried.T, color=GREY, alpha=0.4, linewidth=0.8)
        axes[1].plot(steps, hurried.mean(axis=0), color=GREY, label="PCD, rate kept")
        axes[1].plot(steps, nats["PCD"].mean(axis=0), color=ORANGE, label="PCD, rate falls to 0")
        for panel in axes:
            panel.axhline(CEILING, color=INK, linestyle=":", linewidth=1)
            panel.set(xlabel="steps of learning", ylabel="log P(v), nats a picture", ylim=(-8, CEILING + 1.2))
        axes[0].legend(loc="lower right")
        axes[1].legend(loc="upper left")

    return Section("Four ways to learn", (
        f"Bars and stripes again, from {seeds} random starts each: by the exact gradient, by CD-1 and CD-5, and by PCD "
        "with as many chains as a batch has rows. All take steps of the same rate, which falls to 0. The "
        "likelihood is exact throughout.",
        Figure("Log-likelihood while learning", f"Thin, each start; thick, their mean; dotted, the ceiling log 1/30 = "
               f"{worded(CEILING, '.2f')}. Right: PCD believes its chains, which must keep up with a machine that "
               "changes under them. If the rate stays high they do not, and learning falls apart again and again.",
               picture(draw, 1, 2, 3.2), "Rising curves that end at different heights; on the right a jagged one."),
        Table("Log-likelihood at the end, nats a picture", ("method", "mean", "from", "to"),
              tuple((name, *(worded(value, ".3f") for value in (mean[name], each.min(), each.max())))
                    for name, each in ends.items())),
        "Each nat is a factor of 2.7 in the probability of every training picture. CD-1 finds the pictures "
        "quickly, and "
        "stops short: its chain stays close to the data, so it never hears of states far away that the machine finds "
        "probable, and does nothing about them. Five steps hear of more; so do chains that persist, as long as "
        "they keep up.",
    )), (
        Claim("No machine passes the ceiling", f"log-likelihood at most log 1/30 = {worded(CEILING, '.4f')} nats",
              f"{worded(best, '.4f')} at best, of all runs at all times", best <= CEILING + 1e-4),
        Claim("The gradient's average needs a long chain", "CD-1 ends below the exact gradient by 0.1 nats or more",
              f"{worded(mean['exact'] - mean['CD-1'], '.3f')} nats below", mean["exact"] - mean["CD-1"] > 0.1,
              "" if mean["exact"] - mean["CD-1"] > 0.1 else "Too few steps of learning to show it here."),
        Claim("Five steps of the chain are better than one", "CD-5 ends nearer to the exact gradient than CD-1",
              f"{worded(mean['exact'] - mean['CD-5'], '.3f')} nats below it, "
              f"CD-1 {worded(mean['exact'] - mean['CD-1'], '.3f')}",
              mean["CD-5"] > mean["CD-1"]),
        Claim("Persistent chains need a falling rate", "PCD ends higher with it than with a rate that stays",
              f"{worded(mean['PCD'], '.2f')} nats, {worded(hurried[:, -1].mean(), '.2f')} without",
              bool(mean["PCD"] > hurried[:, -1].mean())),
    )  # fmt: skip


def reconstruction(setting: Setting) -> Told:
    """The reconstruction error beside the likelihood, on the same runs."""
    record = "reconstruction_error", "reconstruction_error"
    error = {name: _curves(setting, name, record) for name in METHODS}
    nats = {name: _curves(setting, name, ("log_likelihood", "nats")) for name in METHODS}
    last = {name: float(each[:, -1].mean()) for name, each in error.items()}
    ends = {name: float(each[:, -1].mean()) for name, each in nats.items()}
    lowest, best = min(last, key=last.__getitem__), max(ends, key=ends.__getitem__)
    steps = ROUND * np.arange(1, error["exact"].shape[1] + 1)

    def draw(axes: list[Axes]) -> None:
        for name, (color, style) in METHODS.items():
            axes[0].plot(steps, error[name].mean(axis=0), color=color, linestyle=style, label=name)
            for place, each in enumerate(zip(error[name][:, -1], nats[name][:, -1], strict=True)):
                axes[1].scatter(*each, color=color, s=30, alpha=0.7, linewidths=0, label=None if place else name)
        axes[0].set(yscale="log", xlabel="steps of learning", ylabel="error, summed over 16 pixels",
                    title="Reconstruction error")  # fmt: skip
        axes[1].set(xlabel="reconstruction error at the end", ylabel="log P(v), nats", title="Each run")
        axes[1].locator_params(axis="x", nbins=5)
        for panel in axes:
            panel.legend()

    return Section("What judges a machine, and what does not", (
        "A number that is easily had, and often shown, is the *reconstruction error*: go up from a picture and down "
        "again, and compare. In the runs above it falls and falls, for all four methods alike; their "
        "likelihoods differ.",
        Figure("Reconstruction error and likelihood", "Right: a good judge would put the dots on one falling line.",
               picture(draw, 1, 2, 2.9), "Falling curves; dots that lie on no common line."),
        f"The lowest error at the end belongs to {lowest}, with {worded(ends[lowest], '.2f')} nats; the best "
        f"likelihood, "
        f"{worded(ends[best], '.2f')} nats, to {best}. A machine that copies everything has "
        "no error, and no idea of what is probable. Judge by the likelihood, exact or estimated with its error "
        "(`fb.analysis.log_partition`), or by samples.",
    )), (
        Claim("The reconstruction error judges a machine", "the method with the lowest error has the best likelihood",
              "; ".join(f"{name}: error {last[name]:.4f}, {worded(ends[name], '.2f')} nats" for name in METHODS),
              lowest == best,
              "" if lowest == best else "States far from the data make P(v) small, and do not enter the error."),
    )  # fmt: skip
