"""The chapter on the Boltzmann machine, continued: handwritten digits, filters, samples, and data turned inside out."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import numpy as np
import optax
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Claim, Figure, Section, Setting, Told, worded
from flambeau.pictures.figures import BLUE, GREY, picture

WALKS = (1, 10, 100, 1000)


class Data:
    """What is learned: the bundled digits of 8 by 8 pixels, or MNIST's of 28 by 28 at full size; ink is 1, paper 0."""

    def __init__(self, setting: Setting) -> None:
        here = {row.name: row.where for row in fb.problems.available()}["mnist"] != "not here"
        self.name, self.side = ("mnist", 28) if setting.full and here else ("digits", 8)
        bundle = fb.problems.load(self.name)
        rows = (bundle.data > 0.5).astype(np.float32)
        order = np.random.default_rng(setting.seed).permutation(len(rows))
        self.rows = rows[order[: setting.pick(300, 1500, 60000)]]
        held = rows[order[1500:]] if bundle.test_data is None else bundle.test_data > 0.5
        self.unseen = np.asarray(held, np.float32)

    def independent(self) -> float:
        """Nats per unseen row of the best model without hidden units: every pixel for itself."""
        p = (self.rows.sum(axis=0) + 1) / (len(self.rows) + 2)
        return float((self.unseen @ np.log(p) + (1 - self.unseen) @ np.log(1 - p)).mean())


@functools.cache
def data_of(setting: Setting) -> Data:
    """Read once."""
    return Data(setting)


@functools.cache
def _falling(rate: float, steps: int) -> Callable[[Any], Any]:
    """A rate that falls to 0 on a cosine: persistent chains then catch up with the machine."""
    return optax.cosine_decay_schedule(rate, steps)


@functools.cache
def fitted(setting: Setting, *, centered: bool = True, inverted: bool = False) -> Any:
    """An RBM with 16 hidden units, so that its likelihood is exact, taught by persistent chains."""
    rows, epochs = data_of(setting).rows, setting.pick(60, 60, 30)
    rate = _falling(0.05, epochs * len(rows) // 100)
    model = fb.RBM(16, algorithm="pcd", centered=centered, learning_rate=rate, epochs=epochs,
                   random_state=setting.seed)  # fmt: skip
    return model.fit(1 - rows if inverted else rows)


def nats_of(model: Any, rows: np.ndarray) -> float:
    """Mean log-likelihood, exactly: the estimator lists the 65,536 hidden states for log Z."""
    return float(model.log_likelihood(rows).mean())


def digit_bits(setting: Setting) -> Told:
    """Filters, samples and their quality after so many steps."""
    data, model = data_of(setting), fitted(setting)
    shape, start = (data.side, data.side), data.rows[:1000]
    nats, alone = nats_of(model, data.unseen), data.independent()
    walks = WALKS[: setting.pick(3, 4, 4)]
    drawn = [start[:16], *(model.gibbs(start[:16], count) for count in walks)]
    asked = (0, *(2**power for power in range(setting.pick(6, 11, 11))))
    key = jax.random.key(setting.seed)
    found = fb.analysis.quality_against_steps(model.network_, start, asked, start, key)
    spread = np.cov(start.T, bias=True)
    apart = float(np.sqrt(((spread - np.diag(spread.diagonal())) ** 2).mean() + found.covariance_floor**2))
    away = float(found.covariance[-1] / apart)

    def draw(axes: list[Axes]) -> None:
        for panel, values in zip(axes, (found.covariance, found.free_energy), strict=True):
            panel.plot(found.steps[1:], values[1:], color=BLUE, marker="o", markersize=4)
        for height, words, off in (
            (apart, "independent pixels", 3),
            (found.covariance_floor, "digits, by chance", -11),
        ):
            axes[0].axhline(height, color=GREY, linestyle=":")
            axes[0].annotate(words, (asked[-1], height), xytext=(0, off), textcoords="offset points", ha="right",
                             fontsize=8, color=GREY)  # fmt: skip
        axes[1].axhline(0, color=GREY, linestyle=":")
        axes[0].set(xscale="log", xlabel="steps of the chain", ylim=(0, 1.15 * apart),
                    title="Covariances of pixels, off by")  # fmt: skip
        axes[1].set(xscale="log", xlabel="steps of the chain", ylabel="nats", title="Mean F − mean F of digits")

    return Section("Digits", (
        f"{len(data.rows):,} handwritten digits of {data.side} by {data.side} pixels, ink 1 and paper 0, no labels. "
        "`fb.RBM(16, algorithm=\"pcd\").fit(X)` has 16 hidden units, few enough for an exact Z. What each looks for:",
        Figure("The weights of the 16 hidden units", "Orange: ink here switches the unit on, and the unit, once on, "
               "puts ink here. Blue: paper.", fb.pictures.receptive_fields_picture(model, shape),
               "Sixteen small images in orange and blue: strokes and their surroundings."),
        Figure("Left to itself", "Each column starts with a training digit.",
               fb.pictures.samples_picture(np.stack(drawn), shape, ["start", *(f"{count:,} step{'s' * (count > 1)}"
                                                                             for count in walks)]),
               "Rows of digits; further down they have turned into other shapes like digits."),
        f"On {len(data.unseen):,} digits not used for learning it reaches {worded(nats, '.2f')} nats a digit; "
        f"pixels that know nothing of each other reach {worded(alone, '.2f')}. 以便生成与输入数据类似的新数据 "
        f"(to generate "
        "new data like the input data): whether it does can be measured, number of steps by number of steps:",
        Figure("Quality of the samples against steps", f"{len(start):,} chains. Left, how far their "
                                                       f"covariances are from "
               "the digits' (root mean square). Right, above 0 the machine finds its samples less likely than digits.",
               picture(draw, 1, 2, 2.6), "Two curves against steps on a logarithmic axis."),
        f"After {asked[-1]:,} steps what pixels have to do with each other is off by {away:.0%} of what independent "
        "pixels would miss. Sixteen hidden units are few: strokes come out well, rare digits less so.",
    )), (
        Claim("The machine learns the probability distribution of its data",
              "unseen digits: 2 nats or more above independent pixels",
              f"{worded(nats, '.2f')} nats, independent pixels {worded(alone, '.2f')}", nats > alone + 2),
        Claim("It generates new data like the input data",
              f"after {asked[-1]:,} steps, covariances nearer to the digits' than independent pixels'",
              f"off by {away:.0%} of what these miss", away < 1),
    )  # fmt: skip
