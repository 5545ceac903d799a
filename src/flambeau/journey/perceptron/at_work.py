"""Chapter 2: the perceptron where no line is right, and on ten digits."""

import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Telling, quietly, section
from flambeau.journey.comparisons import All
from flambeau.journey.data import SIDE, split_digits
from flambeau.journey.samples import Gain, MeanAbove
from flambeau.pictures import panels

VARIANTS = {"rosenblatt": "the last", "pocket": "pocket", "averaged": "averaged", "voted": "voted"}


@section("When no line is right")
def no_line_is_right(page: Telling) -> None:
    """One label in ten is wrong: which weights are worth keeping?"""
    seeds = page.setting.seeds(8, 12, 40)
    noise = page.either("no label is wrong", 0.1, 0.0)
    unseen: dict[str, list[float]] = {variant: [] for variant in VARIANTS}
    for seed in seeds:
        X, y, _ = fb.problems.separable(1000, 10, margin=0.05, random_state=seed)
        flipped = np.random.default_rng(seed).random(200) < noise
        noisy = np.where(flipped, -y[:200], y[:200])
        for variant, scores in unseen.items():
            with quietly():
                model = fb.Perceptron(variant, max_epochs=10, random_state=seed).fit(X[:200], noisy)
            scores.append(100 * model.score(X[200:], y[200:]))

    def draw(axes: list[Axes]) -> None:
        panels.dots(axes[0], {VARIANTS[name]: values for name, values in unseen.items()})
        axes[0].set(xlabel="% of 800 unseen examples answered rightly")

    last = unseen["rosenblatt"]
    page.say(
        "Real labels are sometimes wrong, and then the rule never stops: the last weights are those after the last "
        "surprise. Better ones passed by earlier. *Pocket* keeps the best on the training set (so there it is never "
        "worse than the last); *averaged* keeps the mean of all; *voted* lets every weight vector vote, once for each "
        "example it survived."
    )
    page.figure(
        "What is kept matters: 200 training examples, one label in ten turned round",
        "Each dot is one of {count} data sets with 10 inputs; the bars are means. The rule is the same in all rows.",
        draw,
        "Dots per variant; averaged and voted lie furthest right.",
        height=2.3,
        count=len(seeds),
    )
    page.beyond(
        "Averaging and voting beat the last weights on unseen data",
        All(
            Gain(last, unseen["averaged"], 2.0, "{found:.1f} points by averaging"),
            Gain(last, unseen["voted"], 2.0, "{found:.1f} points by voting"),
        ),
        "no label is wrong",
    )


@section("Ten digits, one layer")
def one_layer_reads(page: Telling) -> None:
    """One layer, ten units: the strongest names the digit."""
    seeds = page.setting.seeds(3, 5, 10)
    models, scores = [], []
    for seed in seeds:
        data = split_digits(seed)
        labels = page.either("the labels are shuffled", data.labels, np.random.default_rng(0).permutation(data.labels))
        with quietly():  # the digits are not quite separable, so the last epoch still has mistakes
            model = fb.Perceptron("averaged", max_epochs=page.setting.pick(5, 20, 100), random_state=seed)
            models.append(model.fit(data.inputs, labels))
        scores.append(100 * models[-1].score(data.unseen, data.truth))
    weights = np.asarray(models[0].network_.layers[0].structure.weights)

    def draw(axes: list[Axes]) -> None:
        names = [str(digit) for digit in models[0].classes_]
        panels.images(axes, [column.reshape(SIDE) for column in weights.T], names, signed=True)

    page.say(
        "With one unit per digit the strongest unit names the digit, and a mistake moves two of them: the right one "
        "towards the picture, the winner away from it (Kesler). A straight cut in 64 dimensions goes a long way. "
        "(Which 500 digits are kept aside matters: half a point either way is luck, so here and below "
        "several splits are drawn.)"
    )
    page.figure(
        "What the ten units look for",
        "Ink on orange speaks for the digit, ink on blue against it.",
        draw,
        "Ten weight pictures of 8 by 8 pixels.",
        grid=(1, 10),
        height=0.95,
    )
    page.beyond(
        "A layer of linear units reads handwritten digits",
        MeanAbove(scores, 90, "{found:.1f}% of 500 unseen, by splits"),
        "the labels are shuffled",
    )
