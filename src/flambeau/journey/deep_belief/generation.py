"""Chapter 8: sampled at the top and carried down, and judged by another."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from sklearn.svm import SVC

import flambeau as fb
from flambeau.journey.chapter import Setting, Telling, section
from flambeau.journey.data import SIDE, split_digits
from flambeau.journey.samples import Gain, MeanAbove
from flambeau.pictures.figures import BLUE, GREY, ORANGE
from flambeau.pictures.samples import receptive_fields_picture, samples_picture

LABELLED = 1000  # of the 1,297 digits
SHOWN = 12


def classifier(setting: Setting, seed: int, fine_tune: str | None) -> fb.DBNClassifier:
    """Two layers of 64 units, with a label beside the first one; fine-tuned or not, greedy training is the same."""
    data = split_digits(seed)
    labels = np.where(np.arange(len(data.labels)) < LABELLED, data.labels, -1)
    model = fb.DBNClassifier(
        (64, 64), fine_tune, learning_rate=0.1, l2=0.0, epochs=setting.pick(20, 60, 300), fine_tune_k=3,
        fine_tune_learning_rate=0.05, fine_tune_epochs=setting.pick(20, 50, 300), batch_size=100, random_state=seed
    )  # fmt: skip
    return model.fit(data.inputs, labels)


def _drawn(model: fb.DBNClassifier, count: int, steps: int, turn: int) -> np.ndarray:
    """So many samples of every label, which is clamped at the top (``turn`` labels on): ``(labels, count, pixels)``."""
    return np.asarray([model.sample(count, (label + turn) % 10, steps) for label in range(10)])


def _judged(seed: int, samples: np.ndarray) -> np.ndarray:
    """The percentage of each label's samples to which a judge gives that label: it never met network or its digits."""
    data = split_digits(seed)
    judge = SVC(C=10).fit(data.unseen, data.truth)
    return 100 * np.asarray([np.mean(judge.predict(rows) == label) for label, rows in enumerate(samples)])


def downwards(network: fb.networks.DeepBeliefNetwork) -> np.ndarray:
    """What each unit of the second layer does to the pixels, the sigmoids between left out: ``(units, pixels)``."""
    below = np.asarray(network.lower[0].generation.weights)
    return np.asarray(network.top.structure.weights)[: below.shape[1]].T @ below.T


@section("The network draws digits")
def generation(page: Telling) -> None:
    """A row of samples for every label, before and after up-down learning."""
    setting, seeds = page.setting, page.setting.seeds(3, 3, 6)
    count, steps = setting.pick(20, 60, 500), setting.pick(30, 100, 1000)
    turn = page.either("the next label is held", 0, 1)
    tuned = page.either("up-down learning left out", "up_down", None)
    names: tuple[Any, Any] = (None, tuned)
    models = [{place: classifier(setting, seed, name) for place, name in enumerate(names)} for seed in seeds]
    samples = [[_drawn(each[place], count, steps, turn) for place in (0, 1)] for each in models]
    shares = np.asarray([[_judged(seed, part) for part in each] for seed, each in zip(seeds, samples, strict=True)])
    before, after = shares.mean(axis=2).T
    page.say(
        "在完成自下而上的训练后，DBN 会采样生成最上层的数据，再进行自上而下的传播，使得上层对下层有影响 (after "
        "training from the bottom up, a DBN samples the data of its topmost layers and then propagates them from top "
        "to bottom, so that the upper layers influence the lower)."
    )
    page.say(
        "Here the label is a part of the top: ten more units beside h₁. Hold one of them, alternate between the top "
        "two layers {steps} times, then go down once:",
        steps=steps,
    )
    page.equation("h_2 ~ P(h_2|h_1, label),   h_1 ~ P(h_1|h_2),   … ,   then v = P(v = 1|h_1)", "generation")
    page.shown(
        "Ten labels, and what the network makes of them",
        "The probabilities of ink, P(v = 1 | h₁). Every row starts from the base rates of h₁, with one label held. "
        "Nobody showed the network these digits.",
        lambda: samples_picture(samples[0][1][:, :SHOWN], SIDE, [f"label {label}" for label in range(10)]),
        "Ten rows of twelve images; most rows show the digit of their label.",
    )
    page.say(
        "Are they digits of that label? A judge decides that knows neither the network nor what it learned from: a "
        "support vector machine trained on 500 other digits. {count} samples per label, after layer-by-layer "
        "training and after *up-down* learning, in which what comes up teaches the way down, and what goes down "
        'teaches the way up (`fine_tune="up_down"`, `fb.rules.UpDown`; {more} further epochs, which the other does '
        "not get):",
        count=count,
        more=setting.pick(20, 50, 300),
    )
    page.figure(
        "The judge's verdict",
        "{before:.0f}% of the samples have the label held, and {after:.0f}% after up-down learning (means of {count} "
        "splits).",
        lambda axes: _draw(axes, shares.mean(axis=0)),
        "Two bars for each label, nearly all far above the dotted line.",
        height=2.4,
        before=float(before.mean()),
        after=float(after.mean()),
        count=len(seeds),
    )
    page.shown(
        "What 32 units of the second layer look for",
        "Weights times weights, down to the pixels: combinations of the first layer's strokes.",
        lambda: receptive_fields_picture(downwards(models[0][1].dbn_)[:32], SIDE),
        "Thirty-two images of weights: large, smooth shapes.",
    )
    _claimed_generation(page, after, count, before)


def _claimed_generation(page: Telling, after: Any, count: Any, before: Any) -> None:
    """What is claimed."""
    page.claim(
        "The upper layers influence the lower: a label held at the top shows in the pixels",
        MeanAbove(after, 30, f"{{found:.0f}}% of {10 * count:,} samples judged to be it (chance 10%)"),
        "the next label is held",
    )
    page.beyond(
        "Up-down learning improves the samples",
        Gain(before, after, told="{found:.0f}% judged to be their label"),
        "up-down learning left out",
    )


def _draw(axes: list[Axes], shares: np.ndarray) -> None:
    """Label by label."""
    across = np.arange(10)
    axes[0].bar(across - 0.2, shares[0], 0.4, color=ORANGE, label="layer by layer only")
    axes[0].bar(across + 0.2, shares[1], 0.4, color=BLUE, label="after up-down learning")
    axes[0].axhline(10, color=GREY, linestyle=":", label="chance")
    axes[0].set(xticks=across, xlabel="label that is held at the top", ylabel="% judged to be it", ylim=(0, 132),
                yticks=[0, 50, 100])  # fmt: skip
    axes[0].legend(loc="upper center", ncols=3)
