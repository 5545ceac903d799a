"""The chapter on the Boltzmann machine, concluded: the same digits in black on white and in white on black."""

from matplotlib.axes import Axes

from flambeau.journey.boltzmann_digits import data_of, fitted, nats_of
from flambeau.journey.chapter import Claim, Figure, Section, Setting, Told, worded
from flambeau.pictures.figures import BLUE, GREY, VERMILLION, picture


def flipped(setting: Setting) -> Told:
    """White on black instead of black on white: the same digits, with and without centring."""
    data, most, nats = data_of(setting), setting.pick(1, 1, 2), {}
    for centered in (True, False):
        for inverted in (False, True):
            model = fitted(setting, centered=centered, inverted=inverted)
            rows = 1 - data.unseen if inverted else data.unseen
            nats[centered, inverted] = nats_of(model, rows)
    gap = {centered: nats[centered, False] - nats[centered, True] for centered in (True, False)}

    def draw(axes: list[Axes]) -> None:
        for row, centered in enumerate((True, False)):
            ends = [nats[centered, inverted] for inverted in (False, True)]
            axes[0].plot(ends, [row, row], color=GREY, linewidth=2, zorder=1)
            for value, color, mark, label in zip(ends, (BLUE, VERMILLION), "os", ("ink 1", "ink 0"), strict=True):
                axes[0].scatter(value, row, color=color, marker=mark, s=60, zorder=3, label=None if row else label)
        axes[0].set(yticks=(0, 1), yticklabels=("centred", "plain"), ylim=(1.5, -0.5), xlabel="log P(v), nats a digit")
        axes[0].grid(False, axis="y")
        axes[0].legend(loc="center left", bbox_to_anchor=(1, 0.5))

    return Section("Black on white, white on black", (
        "Whether ink is called 1 or 0 is a matter of taste, and what can be said of the digits does not depend on it. "
        "Learning does: a gradient measured from 0 mixes what a weight should do with what the biases should. "
        "*Centring* "
        "measures every activity from its mean; `fb.rules.ContrastiveDivergence` does so by default.",
        Figure("Likelihood of unseen digits, learned from either", "Further right is better. Same rate, same steps.",
               picture(draw, height=1.5), "Two rows with two marks each; near each other when centred."),
    )), (
        Claim("Learning does not depend on what is called 1", f"centred: flipped digits within {most} "
                                                              f"nat{'s' * (most > 1)}",
              f"{abs(gap[True]):.2f} nats apart; without centring {abs(gap[False]):.2f}", abs(gap[True]) < most),
        Claim("Centring helps", "centred learning ahead of plain on digits and on flipped digits",
              f"{worded(nats[True, False] - nats[False, False], '+.2f')} and "
              f"{worded(nats[True, True] - nats[False, True], '+.2f')} nats",
              min(nats[True, inverted] - nats[False, inverted] for inverted in (False, True)) > 0),
    )  # fmt: skip
