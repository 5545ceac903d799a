"""The chapter on deep belief networks, continued: ten labels per digit, and what digits without labels add."""

import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Claim, Figure, Section, Setting, Told, quietly, worded
from flambeau.journey.deep_belief_training import belief_digits
from flambeau.journey.why_depth_fails_training import tested
from flambeau.pictures.figures import BLUE, GREY, INK, VERMILLION, picture

SIZES, EACH = (64, 64, 64), 10  # hidden units; labels per digit
NAMES = ("random start", "pre-trained on the\n100 labelled digits", "pre-trained on\nall 1,297 digits")


def few(labels: np.ndarray, seed: int) -> np.ndarray:
    """Which rows keep their label: ten of each digit, drawn at random."""
    rng = np.random.default_rng(seed)
    return np.concatenate([rng.permutation(np.flatnonzero(labels == digit))[:EACH] for digit in range(10)])


def _scores(setting: Setting, seed: int) -> tuple[float, float, float]:
    """The share of unseen digits read rightly: from random weights, pre-trained without, and with unlabelled digits."""
    data = belief_digits(seed)
    kept = few(data.labels, seed)
    epochs, steps = setting.pick(20, 60, 200), setting.pick(100, 300, 1000)
    with quietly():
        plain = fb.MLPClassifier(
            SIZES, "sigmoid", optimizer="adam", learning_rate=0.01, batch_size=100, epochs=steps, patience=steps,
            initialisation="glorot", random_state=seed,
        ).fit(data.inputs[kept], data.labels[kept])  # fmt: skip
    deep = fb.DBNClassifier(SIZES, "backprop", learning_rate=0.1, epochs=epochs, l2=0.0, batch_size=100,
                            warm_up_epochs=0,
                            fine_tune_learning_rate=0.01, fine_tune_epochs=steps, random_state=seed)  # fmt: skip
    marked = np.full(len(data.labels), -1)  # -1: no label
    marked[kept] = data.labels[kept]
    again = np.resize(kept, len(marked))  # as many rows, but none that is new
    once = np.where(np.arange(len(again)) < len(kept), data.labels[again], -1)
    without = deep.fit(data.inputs[again], once).score(data.unseen, data.truth)
    return plain.score(data.unseen, data.truth), without, deep.fit(data.inputs, marked).score(data.unseen, data.truth)


def unlabelled(setting: Setting) -> Told:
    """The same network, the same labels, the same fine-tuning, three starts."""
    draws = setting.seeds(2, 6, 20)
    found = 100 * np.asarray([_scores(setting, seed) for seed in draws])
    gain = found[:, 2] - found[:, 0]
    mean, spread = float(gain.mean()), float(gain.std(ddof=1))
    new = float((found[:, 2] - found[:, 1]).mean())

    text, claims = _mnist(setting)

    def draw(axes: list[Axes]) -> None:
        for row in found:
            axes[0].plot(range(3), row, color=GREY, linewidth=0.8, alpha=0.5, zorder=1)
        for place, color in enumerate((VERMILLION, GREY, BLUE)):
            axes[0].scatter(np.full(len(found), place), found[:, place], color=color, s=22, zorder=2)
            axes[0].plot([place - 0.18, place + 0.18], [found[:, place].mean()] * 2, color=INK, linewidth=2, zorder=3)
        axes[0].set(xticks=range(3), xticklabels=NAMES, xlim=(-0.4, 2.4), ylabel="% of unseen digits right")

    return Section("Data without labels", (
        "使得网络的前几层得到充分的训练；并且使得未标注的数据也可以被用于训练 (to let the first layers be trained "
        "fully, and to let unlabelled data be used for training, too): with this the lecture introduced deep belief "
        "networks, as the cure for what ails deep ones.",
        f"So let only {10 * EACH} digits have labels, ten of each kind, and {1297 - 10 * EACH:,} none. A network of "
        "three hidden layers of 64 sigmoids learns the labels by back-propagation, for the same number of steps, from "
        "three starts: random weights (Glorot's); a deep belief network trained on the labelled digits alone, shown "
        "again and again; and one trained on all digits, labelled or not. In code the last is `fb.DBNClassifier((64, "
        "64, 64), \"backprop\").fit(X, y)`, with y = -1 where there is no label.",
        Figure("The same labels, three starts", f"Thin lines join {len(draws)} draws of labels and unseen digits; bars "
               "are means.", picture(draw, 1, 1, 2.8), "Three groups of dots; the last is the highest."),
        f"With the unlabelled digits it reads {worded(mean, '+.1f')} points more of 500 unseen digits (spread "
        f"{spread:.1f}; right in {int((gain > 0).sum())} of {len(gain)} draws). Of these, {worded(new, '+.1f')} points "
        "are owed to the digits without labels; the rest to pre-training as such. The lower layers know what digits "
        "look like before the first label is shown, so the labels need only name what is there.",
        "泛泛地来说，DBN 还是很好的，因为这是对学习方式的变革，只不过现在用的不太多 (by and large, DBNs are still "
        "very good, because they changed how one learns; only they are not much used today). With many labels, "
        "rectifiers and dropout do as well without pre-training. The idea, to learn first from data that nobody "
        "labelled, is in wide use today.",
        text,
    )), (tested("Unlabelled data can be used for training", "more unseen digits right than from random weights",
                f"{worded(mean, '+.1f')} points (spread {spread:.1f}, {len(gain)} draws), "
                f"{found[:, 0].mean():.1f}% to {found[:, 2].mean():.1f}%", mean > 2 * spread / len(gain) ** 0.5,
                "Too few draws or epochs to show it here."),
         tested("It is the unlabelled digits that help", "more than pre-training on the labelled ones alone",
                f"{worded(new, '+.1f')} points of {worded(mean, '.1f')}", new > 0,
                "Too few draws or epochs to show it here."), *claims)  # fmt: skip


def _mnist(setting: Setting) -> tuple[str, tuple[Claim, ...]]:
    """The same on MNIST, at full size and if it is here: a hundred labels, 60,000 digits."""
    here = {row.name: row.where for row in fb.problems.available()}["mnist"] != "not here"
    if not setting.full or not here:
        return "`flambeau journey --full` repeats this on MNIST, if it is on this machine.", ()
    bundle, sizes = fb.problems.load("mnist"), (500, 500, 500)
    kept = few(bundle.target, setting.seed)
    marked = np.full(len(bundle.target), -1)
    marked[kept] = bundle.target[kept]
    with quietly():
        plain = fb.MLPClassifier(sizes, "sigmoid", learning_rate=0.003, batch_size=100, epochs=500, patience=500,
                                 initialisation="glorot", random_state=setting.seed)  # fmt: skip
        plain.fit(bundle.data[kept], bundle.target[kept])
    deep = fb.DBNClassifier(sizes, "backprop", learning_rate=0.05, epochs=5, batch_size=100,
                            warm_up_epochs=0, fine_tune_epochs=500,
                            fine_tune_learning_rate=0.003, random_state=setting.seed)  # fmt: skip
    deep.fit(bundle.data, marked)
    before, after = (100 * model.score(bundle.test_data, bundle.test_target) for model in (plain, deep))
    return (f"On MNIST, with a hundred labels and three layers of 500 units: {before:.1f}% of the 10,000 test digits "
            f"from random weights, {after:.1f}% with 59,900 unlabelled digits."), (
            Claim("The same on MNIST", "more test digits right than from random weights",
                  f"{before:.1f}% to {after:.1f}%", bool(after > before)),)  # fmt: skip
