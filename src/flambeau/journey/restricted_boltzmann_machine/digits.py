"""Chapter 7: handwritten digits, filters, samples, and data turned inside out."""

import functools
from typing import Any

import jax
import numpy as np
import optax
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Telling, section
from flambeau.journey.comparisons import All
from flambeau.journey.data import SIDE, split_digits
from flambeau.journey.samples import Gain, MeanBelow, MeanNear
from flambeau.pictures.figures import BLUE, GREY, VERMILLION

WALKS = (1, 10, 100, 1000)
UNITS = 16  # so few that the likelihood is exact


@functools.cache
def _falling(steps: int) -> Any:
    """A rate that falls to 0 on a cosine: persistent chains then catch up with the machine."""
    return optax.cosine_decay_schedule(0.05, steps)


@functools.lru_cache(64)
def _fitted(seed: int, epochs: int, *, centered: bool = True, inverted: bool = False) -> Any:
    """An RBM with 16 hidden units taught by persistent chains on black and white digits."""
    rows = split_digits(seed).cut().inputs.astype(np.float32)
    model = fb.RBM(UNITS, algorithm="pcd", centered=centered, learning_rate=_falling(epochs * -(-len(rows) // 100)),
                   epochs=epochs, random_state=seed)  # fmt: skip
    return model.fit(1 - rows if inverted else rows)


def nats_of(model: Any, rows: np.ndarray) -> float:
    """Mean log-likelihood, exactly: the estimator lists the 65,536 hidden states for log Z."""
    return float(model.log_likelihood(rows.astype(np.float32)).mean())


def _independent(seed: int) -> float:
    """Nats per unseen row of the best model without hidden units: every pixel for itself."""
    data = split_digits(seed).cut()
    p = (data.inputs.sum(axis=0) + 1) / (len(data.inputs) + 2)
    return float((data.unseen @ np.log(p) + (1 - data.unseen) @ np.log(1 - p)).mean())


def mixture(seed: int, parts: int = 16, rounds: int = 60) -> float:
    """Nats per unseen row of a mixture of 16 sets of independent pixels (1,039 numbers; the machine has 1,104)."""
    data, rng = split_digits(seed).cut(), np.random.default_rng(seed)
    p, share = rng.uniform(0.25, 0.75, (parts, data.inputs.shape[1])), np.full(parts, 1 / parts)

    def each(rows: np.ndarray) -> np.ndarray:
        return rows @ np.log(p).T + (1 - rows) @ np.log(1 - p).T + np.log(share)

    for _ in range(rounds):
        log = each(data.inputs)
        own = np.exp(log - np.logaddexp.reduce(log, axis=1, keepdims=True))
        p, share = (own.T @ data.inputs + 0.5) / (own.sum(axis=0)[:, None] + 1), own.mean(axis=0) + 1e-9
    return float(np.logaddexp.reduce(each(data.unseen), axis=1).mean())


def quality(seed: int, epochs: int, asked: tuple[int, ...]) -> tuple[Any, float]:
    """How samples of one machine compare with its digits, and how far independent pixels' covariances are off."""
    start = split_digits(seed).cut().inputs[:1000].astype(np.float32)
    network = _fitted(seed, epochs).network_
    found = fb.analysis.quality_against_steps(network, start, asked, start, jax.random.key(seed))
    spread = np.cov(start.T, bias=True)
    return found, float(np.sqrt(((spread - np.diag(spread.diagonal())) ** 2).mean() + found.covariance_floor**2))


@section("Digits")
def digit_bits(page: Telling) -> None:
    """Filters, samples and their quality after so many steps."""
    seeds, epochs = page.setting.seeds(3, 4, 8), page.setting.pick(60, 100, 300)
    asked = (0, *(2**power for power in range(page.setting.pick(8, 11, 11))))
    model, start = _fitted(seeds[0], epochs), split_digits(seeds[0]).cut().inputs[:16].astype(np.float32)
    ours = [nats_of(_fitted(seed, epochs), split_digits(seed).cut().unseen) for seed in seeds]
    alone, mixed = ([of(seed) for seed in seeds] for of in (_independent, mixture))
    taught = page.either("independent pixels against themselves", ours, alone)
    judged = [quality(seed, epochs, asked) for seed in seeds]
    away = np.asarray([found.covariance[-1] / apart for found, apart in judged])
    shown = page.either("independent pixels instead of samples", away, np.ones(len(away)))
    walks = WALKS[: page.setting.pick(3, 4, 4)]
    page.say(
        "1,297 handwritten digits of 8 by 8 pixels, ink 1 and paper 0, no labels. `fb.RBM(16, "
        'algorithm="pcd").fit(X)` has 16 hidden units, few enough for an exact Z. What each looks for:'
    )
    page.shown(
        "The weights of the 16 hidden units",
        "Orange: ink here switches the unit on, and the unit, once on, puts ink here. Blue: paper.",
        lambda: fb.pictures.receptive_fields_picture(model, SIDE),
        "Sixteen small images in orange and blue: strokes and their surroundings.",
    )
    page.shown(
        "Left to itself",
        "Each column starts with a training digit.",
        lambda: fb.pictures.samples_picture(
            np.stack([start, *(model.gibbs(start, count) for count in walks)]), SIDE,
            ["start", *(f"{count:,} step{'s' * (count > 1)}" for count in walks)]),
        "Rows of digits; further down they have turned into other shapes, some of them like digits."
    )  # fmt: skip
    page.say(
        "On 500 digits not used for learning it reaches {ours:.2f} nats a digit; pixels that know nothing of each "
        "other reach {alone:.2f}. That is not yet much: a mixture of 16 sets of independent pixels, with fewer "
        "numbers to learn, reaches {mixed:.2f} (means of {count} splits). 以便生成与输入数据类似的新数据 (to "
        "generate new data like the input data): whether it does can be measured, number of steps by number of steps:",
        ours=float(np.mean(ours)),
        alone=float(np.mean(alone)),
        mixed=float(np.mean(mixed)),
        count=len(seeds),
    )
    page.figure(
        "Quality of the samples against steps",
        "1,000 chains of one machine. Left, how far their covariances are from the digits' (root mean square). Right, "
        "above 0 the machine finds its samples less likely than digits.",
        lambda axes: draw_quality(axes, *judged[0]),
        "Two curves against steps on a logarithmic axis.",
        grid=(1, 2),
        height=2.6,
    )
    _claimed_digit_bits(page, alone, taught, shown, asked)


def _claimed_digit_bits(page: Telling, alone: Any, taught: Any, shown: Any, asked: Any) -> None:
    """What is claimed."""
    page.claim(
        "The machine learns the probability distribution of its data",
        Gain(alone, taught, 2.0, "{found:.2f} nats a digit, independent pixels to the machine"),
        "independent pixels against themselves",
    )
    page.claim(
        "It generates new data like the input data",
        MeanBelow(
            shown, 0.8, f"after {asked[-1]:,} steps covariances off by {{found:.0%}} of what independent pixels miss"
        ),
        "independent pixels instead of samples",
    )


def draw_quality(axes: list[Axes], found: Any, apart: float) -> None:
    """Covariances and free energies against steps."""
    for panel, values in zip(axes, (found.covariance, found.free_energy), strict=True):
        panel.plot(found.steps[1:], values[1:], color=BLUE, marker="o", markersize=4)
        panel.set(xscale="log", xlabel="steps of the chain")
    for height, words, off in ((apart, "independent pixels", 3), (found.covariance_floor, "digits, by chance", -11)):
        axes[0].axhline(height, color=GREY, linestyle=":")
        axes[0].annotate(words, (found.steps[-1], height), xytext=(0, off), textcoords="offset points", ha="right",
                         fontsize=8, color=GREY)  # fmt: skip
    axes[1].axhline(0, color=GREY, linestyle=":")
    axes[0].set(ylim=(0, 1.15 * apart), ylabel="covariance", title="Covariances of pixels, off by")
    axes[1].set(ylabel="nats", title="Mean F − mean F of digits")


@section("Black on white, white on black")
def flipped(page: Telling) -> None:
    """White on black instead of black on white: the same digits, with and without centring."""
    seeds, epochs = page.setting.seeds(3, 4, 8), page.setting.pick(60, 100, 300)
    nats = {(centered, inverted): np.asarray([_nats(seed, epochs, centered, inverted) for seed in seeds])
            for centered in (True, False) for inverted in (False, True)}  # fmt: skip
    gap = {centered: nats[centered, False] - nats[centered, True] for centered in (True, False)}
    measured = page.either("without centring", True, False)
    better = page.either("plain against itself", True, False)

    def draw(axes: list[Axes]) -> None:
        for row, centered in enumerate((True, False)):
            ends = [float(nats[centered, inverted].mean()) for inverted in (False, True)]
            axes[0].plot(ends, [row, row], color=GREY, linewidth=2, zorder=1)
            for value, color, mark, label in zip(ends, (BLUE, VERMILLION), "os", ("ink 1", "ink 0"), strict=True):
                axes[0].scatter(value, row, color=color, marker=mark, s=60, zorder=3, label=None if row else label)
        axes[0].set(yticks=(0, 1), yticklabels=("centred", "plain"), ylim=(1.5, -0.5), xlabel="log P(v), nats a digit")
        axes[0].grid(False, axis="y")
        axes[0].legend(loc="center left", bbox_to_anchor=(1, 0.5))

    page.say(
        "Whether ink is called 1 or 0 is a matter of taste, and what can be said of the digits does not depend on it. "
        "Learning does: a gradient measured from 0 mixes what a weight should do with what the biases should. "
        "*Centring* measures every activity from its mean; `fb.rules.ContrastiveDivergence` does so by default."
    )
    page.figure(
        "Likelihood of unseen digits, learned from either",
        "Further right is better. Same rate, same steps; means of {count} splits.",
        draw,
        "Two rows with two marks each; near each other when centred.",
        height=1.5,
        count=len(seeds),
    )
    page.beyond(
        "Learning does not depend on what is called 1, if it is centred",
        MeanNear(gap[measured], 0.0, 0.5, "{found:.2f} nats between digits and flipped digits"),
        "without centring",
    )
    page.beyond(
        "Centring helps",
        All(*(Gain(nats[False, inverted], nats[better, inverted], told=f"{{found:.2f}} nats on {name}")
              for inverted, name in ((False, "digits"), (True, "flipped digits")))),
        "plain against itself"
    )  # fmt: skip


def _nats(seed: int, epochs: int, centered: bool, inverted: bool) -> float:
    """Of unseen digits, flipped if the machine learned flipped ones."""
    rows = split_digits(seed).cut().unseen
    return nats_of(_fitted(seed, epochs, centered=centered, inverted=inverted), 1 - rows if inverted else rows)
