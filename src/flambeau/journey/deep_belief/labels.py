"""Chapter 8: a few labels, and what digits without labels add."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Telling, quietly, section
from flambeau.journey.comparisons import Above
from flambeau.journey.data import local_mnist, split_digits
from flambeau.journey.samples import Gain
from flambeau.pictures.figures import BLUE, GREY, INK, VERMILLION

SIZES = (64, 64, 64)  # hidden units
NAMES = ("random start", "pre-trained on the\nlabelled digits", "pre-trained on\nall 1,297 digits")


def few(labels: np.ndarray, seed: int, each: int) -> np.ndarray:
    """Which rows keep their label: so many of each digit, drawn at random."""
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.permutation(np.flatnonzero(labels == digit))[:each] for digit in range(10)])


def _scores(seed: int, each: int, epochs: int, steps: int) -> tuple[float, float, float]:
    """Percent of unseen digits right: from random weights, pre-trained without, and with unlabelled digits."""
    data = split_digits(seed)
    kept = few(data.labels, seed, each)
    with quietly():
        plain = fb.MLPClassifier(
            SIZES, "sigmoid", optimizer="adam", learning_rate=0.01, batch_size=100, epochs=steps, patience=steps,
            initialisation="glorot", random_state=seed
        ).fit(data.inputs[kept], data.labels[kept])  # fmt: skip
    deep = fb.DBNClassifier(SIZES, "backprop", learning_rate=0.1, epochs=epochs, l2=0.0, batch_size=100,
                            warm_up_epochs=0, fine_tune_learning_rate=0.01, fine_tune_epochs=steps,
                            random_state=seed)  # fmt: skip
    marked = np.full(len(data.labels), -1)  # -1: no label
    marked[kept] = data.labels[kept]
    again = np.resize(kept, len(marked))  # as many rows, but none that is new
    once = np.where(np.arange(len(again)) < len(kept), data.labels[again], -1)
    without = deep.fit(data.inputs[again], once).score(data.unseen, data.truth)
    whole = deep.fit(data.inputs, marked).score(data.unseen, data.truth)
    return 100 * plain.score(data.unseen, data.truth), 100 * without, 100 * whole


@section("Data without labels")
def unlabelled(page: Telling) -> None:
    """The same network, the same labels, the same fine-tuning, three starts."""
    draws, each = page.setting.seeds(6, 8, 20), 10  # labels of each digit
    epochs, steps = page.setting.pick(30, 60, 200), page.setting.pick(100, 200, 1000)
    found = np.asarray([_scores(seed, each, epochs, steps) for seed in draws])
    plain, without, whole = found.T
    helped = page.either("the random start against itself", whole, plain)
    without_new = page.either("no digit is new", whole, without)

    def draw(axes: list[Axes]) -> None:
        for row in found:
            axes[0].plot(range(3), row, color=GREY, linewidth=0.8, alpha=0.5, zorder=1)
        for place, color in enumerate((VERMILLION, GREY, BLUE)):
            axes[0].scatter(np.full(len(found), place), found[:, place], color=color, s=22, zorder=2)
            axes[0].plot([place - 0.18, place + 0.18], [found[:, place].mean()] * 2, color=INK, linewidth=2, zorder=3)
        axes[0].set(xticks=range(3), xticklabels=NAMES, xlim=(-0.4, 2.4), ylabel="% of unseen digits right")

    page.say(
        "使得网络的前几层得到充分的训练；并且使得未标注的数据也可以被用于训练 (to let the first layers be trained "
        "fully, and to let unlabelled data be used for training, too): with this the lecture introduced deep belief "
        "networks, as the cure for what ails deep ones."
    )
    page.say(
        "So let only {labelled} digits have labels, {each} of each kind, and {others:,} none. A network of three "
        "hidden layers of 64 sigmoids learns the labels by back-propagation, for the same number of steps, from "
        "three starts: random weights (Glorot's); a deep belief network trained on the labelled digits alone, shown "
        "again and again; and one trained on all digits, labelled or not. In code the last is `fb.DBNClassifier((64, "
        '64, 64), "backprop").fit(X, y)`, with y = -1 where there is no label.',
        labelled=10 * each,
        each=each,
        others=1297 - 10 * each,
    )
    page.figure(
        "The same labels, three starts",
        "Thin lines join {count} draws of labels and unseen digits; bars are means: {means:.1f}%.",
        draw,
        "Three groups of dots.",
        height=2.8,
        count=len(draws),
        means=found.mean(axis=0),
    )
    page.say(
        "泛泛地来说，DBN 还是很好的，因为这是对学习方式的变革，只不过现在用的不太多 (by and large, DBNs are still "
        "very good, because they changed how one learns; only they are not much used today). With many labels, "
        "rectifiers and dropout do as well without pre-training. The idea, to learn first from data that nobody "
        "labelled, is in wide use today."
    )
    _claimed_unlabelled(page, plain, helped, without, without_new)
    _mnist(page)


def _claimed_unlabelled(page: Telling, plain: Any, helped: Any, without: Any, without_new: Any) -> None:
    """What is claimed."""
    page.claim(
        "The first layers are trained fully: pre-training helps where labels are few",
        Gain(plain, helped, told="{found:.1f}% right, random start to pre-trained"),
        "the random start against itself",
        decides="More draws of labels, or MNIST (`--full`).",
    )
    page.claim(
        "Unlabelled data can be used for training: they add to pre-training on the labelled ones",
        Gain(without, without_new, told="{found:.1f}% right, labelled only to all digits"),
        "no digit is new",
        correction="Not on these digits: pre-training on the labelled ones alone does as well.",
        decides="More draws of labels, or MNIST (`--full`).",
    )


def _mnist(page: Telling) -> None:
    """The same on MNIST, at full size and if it is here: a hundred labels, 60,000 digits."""
    bundle, sizes = local_mnist() if page.setting.full else None, (500, 500, 500)
    if bundle is None:
        return
    kept = few(bundle.target, page.setting.seed, 10)
    marked = np.full(len(bundle.target), -1)
    marked[kept] = bundle.target[kept]
    with quietly():
        plain = fb.MLPClassifier(sizes, "sigmoid", learning_rate=0.003, batch_size=100, epochs=500, patience=500,
                                 initialisation="glorot", random_state=page.setting.seed)  # fmt: skip
        plain.fit(bundle.data[kept], bundle.target[kept])
    deep = fb.DBNClassifier(sizes, "backprop", learning_rate=0.05, epochs=5, batch_size=100, warm_up_epochs=0,
                            fine_tune_epochs=500, fine_tune_learning_rate=0.003,
                            random_state=page.setting.seed)  # fmt: skip
    deep.fit(bundle.data, marked)
    before, after = (100 * model.score(bundle.test_data, bundle.test_target) for model in (plain, deep))
    gained = page.either("MNIST from random weights, twice", after - before, 0.0)
    page.beyond(
        "The same on MNIST, with 59,900 digits without a label",
        Above(gained, 0, f"{{found:.1f}} points more of 10,000 (from {before:.1f}%)"),
        "MNIST from random weights, twice",
    )
