"""Chapter 3: handwritten digits the lecture's way, with sigmoid units and the squared error."""

import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Telling, quietly, section
from flambeau.journey.comparisons import Above
from flambeau.journey.data import SIDE, local_mnist, split_digits
from flambeau.journey.samples import MeanAbove
from flambeau.pictures import panels
from flambeau.pictures.figures import BLUE, VERMILLION


def _fitted(seed: int, epochs: int, rate: float) -> fb.MLPClassifier:
    """64 inputs, 64 sigmoid units, ten outputs; the unseen digits are watched."""
    data = split_digits(seed)
    model = fb.MLPClassifier((64,), "sigmoid", loss="mse", learning_rate=rate, batch_size=32, epochs=epochs,
                             patience=epochs, initialisation="glorot", random_state=seed)  # fmt: skip
    with quietly():
        return model.fit(data.inputs, data.labels, validation_data=(data.unseen, data.truth))


@section("Handwritten digits")
def digits_at_work(page: Telling) -> None:
    """Several splits of the bundled digits; MNIST too at full size, if it is on this machine."""
    seeds, epochs = page.setting.seeds(3, 4, 10), page.setting.pick(20, 40, 100)
    rate = page.either("the rate is a millionth", 0.01, 1e-8)
    models = [_fitted(seed, epochs, rate) for seed in seeds]
    scores = [100 * model.score(*split_digits(seed)[2:]) for model, seed in zip(models, seeds, strict=True)]
    model, data = models[0], split_digits(seeds[0])
    answers = model.predict(data.unseen)
    wrong = np.flatnonzero(answers != data.truth)[:8]

    def curve(axes: list[Axes]) -> None:
        shown = np.arange(1, model.n_iter_ + 1)
        axes[0].plot(shown, model.history_["loss"], color=BLUE, label="training examples")
        axes[0].plot(shown, model.history_["validation_loss"], color=VERMILLION, label="unseen examples")
        axes[0].set(xlabel="epoch (once through all examples)", ylabel="error $e$", yscale="log")
        axes[1].plot(shown, 100 * model.history_["validation_accuracy"], color=VERMILLION)
        axes[1].set(xlabel="epoch", ylabel="% of unseen digits right", ylim=(80, 100))
        axes[0].legend()

    page.say(
        "The same rule, 64 inputs, 64 hidden units, ten outputs. 1,297 digits are learned, 500 are kept aside; "
        "{count} splits were drawn. These pictures are small and easy: one layer, the averaged perceptron, reads them "
        "nearly as well.",
        count=len(seeds),
    )
    page.figure(
        "Learning to read",
        "Of one split, {score:.1f}% of the unseen digits are read rightly in the end.",
        curve,
        "Falling error curves and a rising accuracy curve.",
        grid=(1, 2),
        height=2.5,
        score=scores[0],
    )
    page.figure(
        "Some of those it still gets wrong",
        "The first number is what the writer meant.",
        lambda axes: panels.images(axes, list(data.unseen[wrong].reshape(-1, *SIDE)),
                                   [f"{data.truth[row]}, read as {answers[row]}" for row in wrong]),
        "Small pictures of misread digits.",
        grid=(1, 8),
        height=1.15
    )  # fmt: skip
    page.claim(
        "A sigmoid network with squared error reads digits",
        MeanAbove(scores, 95, "{found:.1f}% of 500 unseen, by splits"),
        "the rate is a millionth",
        lecture=False,
    )
    _mnist(page)


def _mnist(page: Telling) -> None:
    """The 60,000 digits of MNIST, at full size and if they are here."""
    bundle = local_mnist() if page.setting.full else None
    if bundle is None:
        return
    rate = page.either("MNIST at a millionth of the rate", 0.001, 1e-9)
    model = fb.MLPClassifier((100,), "sigmoid", batch_size=128, epochs=20, learning_rate=rate, initialisation="glorot",
                             random_state=page.setting.seed)  # fmt: skip
    with quietly():
        model.fit(bundle.data, bundle.target)
    score = 100 * float(model.score(bundle.test_data, bundle.test_target))
    page.say(
        "MNIST has larger pictures, 28 × 28, and 60,000 of them. With 100 hidden units, and all digits seen 20 times "
        "in {seconds:.0f} seconds, {score:.1f}% of its 10,000 test digits are read rightly. There a hidden layer pays: "
        "MNIST's own page has 88% for one linear layer and 95.3% for 300 hidden units.",
        seconds=model.run_.seconds,
        score=score,
    )
    page.beyond(
        "A sigmoid network reads MNIST", Above(score, 95, "{found:.1f}% of 10,000"), "MNIST at a millionth of the rate"
    )
