"""The chapter on deep belief networks, continued: sampled at the top and carried down, and judged by another."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from sklearn.svm import SVC

import flambeau as fb
from flambeau.journey.chapter import Equation, Figure, Section, Setting, Told
from flambeau.journey.deep_belief_training import SIDE, belief_digits
from flambeau.journey.why_depth_fails_training import tested
from flambeau.pictures.figures import BLUE, GREY, ORANGE, picture
from flambeau.pictures.samples import receptive_fields_picture, samples_picture

LABELLED = 1000  # of the 1,297 digits
SHOWN = 12
SHORT = "Too few epochs to show it here."


def classifier(setting: Setting, fine_tune: str | None) -> fb.DBNClassifier:
    """Two layers of 64 units, with a label beside the first one; fine-tuned or not, greedy training is the same."""
    return fb.DBNClassifier(
        (64, 64), fine_tune, learning_rate=0.1, l2=0.0, epochs=setting.pick(20, 60, 300), fine_tune_k=3,
        fine_tune_learning_rate=0.05, fine_tune_epochs=setting.pick(10, 50, 300), batch_size=100,
        random_state=setting.seed,
    )  # fmt: skip


def _drawn(model: fb.DBNClassifier, count: int, steps: int) -> np.ndarray:
    """So many samples of every label, which is clamped at the top: ``(labels, count, pixels)``."""
    return np.asarray([model.sample(count, label, steps) for label in range(10)])


def found(judge: Any, samples: np.ndarray) -> np.ndarray:
    """The share of each label's samples to which the judge gives that label."""
    return np.asarray([np.mean(judge.predict(rows) == label) for label, rows in enumerate(samples)])


def downwards(network: fb.networks.DeepBeliefNetwork) -> np.ndarray:
    """What each unit of the second layer does to the pixels, the sigmoids between left out: ``(units, pixels)``."""
    below = np.asarray(network.lower[0].generation.weights)
    return np.asarray(network.top.structure.weights)[: below.shape[1]].T @ below.T


def generation(setting: Setting) -> Told:
    """A row of samples for every label, before and after up-down learning."""
    data = belief_digits(setting.seed)
    labels = np.where(np.arange(len(data.labels)) < LABELLED, data.labels, -1)
    judge = SVC(C=10).fit(data.unseen, data.truth)  # it never meets the network, nor the digits that taught it
    judged = float(judge.score(data.inputs, data.labels))
    count, steps = setting.pick(10, 60, 500), setting.pick(20, 100, 1000)
    models = {name: classifier(setting, name).fit(data.inputs, labels) for name in (None, "up_down")}
    samples = {name: _drawn(model, count, steps) for name, model in models.items()}
    shares = {name: found(judge, rows) for name, rows in samples.items()}
    before, after = (float(shares[name].mean()) for name in (None, "up_down"))
    right = [float(model.score(data.unseen, data.truth)) for model in models.values()]

    def draw(axes: list[Axes]) -> None:
        across = np.arange(10)
        axes[0].bar(across - 0.2, 100 * shares[None], 0.4, color=ORANGE, label="layer by layer only")
        axes[0].bar(across + 0.2, 100 * shares["up_down"], 0.4, color=BLUE, label="after up-down learning")
        axes[0].axhline(10, color=GREY, linestyle=":", label="chance")
        axes[0].set(xticks=across, xlabel="label that is held at the top", ylabel="% judged to be it", ylim=(0, 132),
                    yticks=[0, 50, 100])  # fmt: skip
        axes[0].legend(loc="upper center", ncols=3)

    return Section("The network draws digits", (
        "在完成自下而上的训练后，DBN 会采样生成最上层的数据，再进行自上而下的传播，使得上层对下层有影响 (after "
        "training from the bottom up, a DBN samples the data of its topmost layers and then propagates them from top "
        "to bottom, so that the upper layers influence the lower).",
        "Here the label is a part of the top: ten more units beside h₁. Hold one of them, alternate between the top "
        f"two layers {steps} times, then go down once:",
        Equation("h_2 ~ P(h_2|h_1, label),   h_1 ~ P(h_1|h_2),   … ,   then v = P(v = 1|h_1)", "generation"),
        Figure("Ten labels, and what the network makes of them", "Every row starts from the base rates of h₁, with one "
               "label held. Nobody showed the network these digits.",
               samples_picture(samples["up_down"][:, :SHOWN], SIDE, [f"label {label}" for label in range(10)]),
               "Ten rows of twelve images; most rows show the digit of their label."),
        f"Are they digits of that label? A judge decides that knows neither the network nor what it learned from: a "
        f"support vector machine trained on {len(data.unseen)} other digits, which reads {judged:.0%} of the real "
        f"ones rightly. {count} samples per label, after layer-by-layer training and after *up-down* learning, in "
        "which what comes up teaches the way down, and what goes down teaches the way up (`fine_tune=\"up_down\"`, "
        "`fb.rules.UpDown`):",
        Figure("The judge's verdict", f"{before:.0%} of the samples have the label held, and {after:.0%} after up-down "
               "learning.", picture(draw, 1, 1, 2.4), "Two bars for each label, nearly all far above the dotted line."),
        Figure("What 32 units of the second layer look for", "Weights times weights, down to the pixels: combinations "
               "of the first layer's strokes.", receptive_fields_picture(downwards(models["up_down"].dbn_)[:32], SIDE),
               "Thirty-two images of weights: large, smooth shapes."),
        f"By the top's free energy, the two read {right[0]:.1%} and {right[1]:.1%} of the unseen digits rightly: one "
        "network, used in both directions.",
    )), (tested("The upper layers influence the lower", "a label held at the top shows in the pixels: far above 10%",
                f"{after:.0%} of {10 * count:,} samples judged to be it", after > 0.5, SHORT),
         tested("Layer-by-layer training alone generates", "far above 10%", f"{before:.0%} judged to be it",
                before > 0.3, SHORT),
         tested("Up-down learning improves the samples", "a larger share judged rightly",
                f"{before:.0%} before, {after:.0%} after", after > before, SHORT))  # fmt: skip
