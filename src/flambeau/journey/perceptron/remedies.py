"""Chapter 2: the lecture's remedies for linearity, side by side."""

import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Telling, quietly, section
from flambeau.journey.samples import Gain
from flambeau.pictures import panels
from flambeau.pictures.figures import SERIES

LEARNED, UNSEEN = 200, 1000
REMEDIES = ("one line", "two lines, joined", "the product x₁x₂ as well", "more units: 16")


def chequered(x: np.ndarray) -> np.ndarray:
    """Exclusive or of the signs."""
    return (x[:, 0] * x[:, 1] > 0).astype(int)


def ringed(x: np.ndarray) -> np.ndarray:
    """Inside or outside of a circle."""
    return (np.hypot(*x.T) < 0.75).astype(int)


PROBLEMS = {"exclusive or": chequered, "a ring": ringed}


def model_of(units: int, seed: int, epochs: int) -> fb.Perceptron | fb.MLPClassifier:
    """One line for no hidden units."""
    if not units:
        return fb.Perceptron("averaged", max_epochs=50, random_state=seed)
    options = {"epochs": epochs, "patience": epochs, "batch_size": LEARNED, "random_state": seed}
    return fb.MLPClassifier((units,), "tanh", learning_rate=0.02, **options)


def _scores(function: object, seed: int, hidden: int, epochs: int) -> list[float]:
    """The share of unseen points that each remedy names rightly."""
    x = np.random.default_rng(seed).uniform(-1, 1, (LEARNED + UNSEEN, 2)).astype(np.float32)
    d = function(x)  # type: ignore[operator]
    product = np.column_stack([x, x[:, 0] * x[:, 1]])
    found = []
    for inputs, units in ((x, 0), (x, 2), (product, 0), (x, hidden)):
        model = model_of(units, seed, epochs)
        with quietly():
            model.fit(inputs[:LEARNED], d[:LEARNED])
        found.append(float(model.score(inputs[LEARNED:], d[LEARNED:])))
    return found


@section("Beyond one line")
def remedies(page: Telling) -> None:
    """Several lines, a non-linear function, more complexity: on two problems that no line solves."""
    seeds, epochs = page.setting.seeds(4, 6, 20), page.setting.pick(400, 600, 2000)
    hidden = page.either("no more units than two", 16, 2)
    found = {
        name: 100 * np.asarray([_scores(f, seed, hidden, epochs) for seed in seeds]) for name, f in PROBLEMS.items()
    }
    worst = np.min(list(found.values()), axis=0)  # what is sure, whichever of the two problems one has

    def draw(axes: list[Axes]) -> None:
        for panel, (name, each) in zip(axes, found.items(), strict=True):
            for place, color in enumerate(SERIES[:4]):
                panel.scatter(each[:, place], np.full(len(each), place), color=color, s=20, alpha=0.6, linewidths=0)
                panel.scatter(each[:, place].mean(), place, color=color, s=120, marker="|", linewidths=2.5)
            panel.set(yticks=range(4), yticklabels=REMEDIES, ylim=(3.5, -0.5), title=name, xlim=(40, 102))
            panel.set(xlabel="% of unseen points right")
            panel.grid(False, axis="y")
        panels.bare_labels(axes[1])

    page.say(
        "What to do about it? 解决办法可能是：多条直线拼接，或者使用非线性的函数，实际上最有效的是增加模型的复杂度 "
        "(the solution may be to join several lines, or to use a non-linear function; most effective, in fact, is to "
        "add to the model's complexity). All three, on the exclusive or and on a ring, from {learned} points each:",
        learned=LEARNED,
    )
    page.figure(
        "Four ways to cut the plane",
        "Dots are {count} draws of points and starts, ticks their means. Two lines suffice for the exclusive or, and "
        "so does the one function that happens to fit it; neither helps with the ring.",
        draw,
        "Two panels of four rows of dots; only the lowest row lies far right in both.",
        grid=(1, 2),
        height=2.2,
        options={"sharey": True},
        count=len(seeds),
    )
    page.claim(
        "Most effective is to add to the model's complexity",
        Gain(worst[:, :3].max(axis=1), worst[:, 3], 5.0, "{found:.1f} points on the worse of both problems"),
        "no more units than two",
    )
