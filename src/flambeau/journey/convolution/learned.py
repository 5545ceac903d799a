"""Chapter 5: what a trained LeNet has learned, in pictures, and LeNet itself on MNIST."""

import jax
import numpy as np

import flambeau as fb
from flambeau.journey.chapter import Telling, section
from flambeau.journey.comparisons import Above
from flambeau.journey.convolution.networks import with_relu
from flambeau.journey.convolution.training import RULE, in_field, right_maps, trained_maps
from flambeau.journey.data import local_mnist, split_digits


def first(wanted: np.ndarray, found: np.ndarray) -> int:
    """The first row that is wanted and found, or wanted at least."""
    return int(np.argmax(wanted & found)) if (wanted & found).any() else int(np.argmax(wanted))


@section("What it learned")
def what_it_learned(page: Telling) -> None:
    """Filters, feature maps and slopes of a trained small LeNet; LeNet on MNIST at full size."""
    seed = page.setting.seeds(1, 1, 1)[0]
    data, found = split_digits(seed), trained_maps(seed, page.setting.pick(12, 20, 60)).network
    images = in_field(data.unseen)[..., None]
    answers = np.asarray(fb.analysis.feature_maps(found, images)[-1].output).argmax(axis=1)
    network = with_relu(found)
    shown = [first(data.truth == digit, answers == digit) for digit in range(8)]
    page.say(
        "Nobody set these kernels. They started from random numbers, and back-propagation made of them what helps to "
        "tell digits apart: each asks for ink on one side and for paper on another."
    )
    page.shown(
        "The eight kernels of the first layer",
        "Orange weights ask for ink, blue ones for none.",
        lambda: fb.pictures.filters(network),
        "Eight kernels of 3 by 3 weights.",
    )
    page.shown(
        "A digit on its way up",
        "The answers of every layer. Strokes become features, features an answer.",
        lambda: fb.pictures.maps(network, images[shown[3]]),
        "Feature maps of every layer; one output stands out.",
    )
    page.shown(
        "What the answers rest on",
        "Below each digit the slope of its unit: more ink on orange would strengthen the answer, on blue weaken it. "
        "The line is the digit's outline.",
        lambda: fb.pictures.saliency_map(network, images[shown], np.arange(8)),
        "Eight digits, and coloured maps of slopes.",
    )
    _mnist(page)


def _mnist(page: Telling) -> None:
    """LeNet in its present form on all of MNIST, at full size and if it is here."""
    bundle = local_mnist() if page.setting.full else None
    if bundle is None:
        return
    problem = fb.problems.Examples.of(bundle.data.reshape(-1, 28, 28, 1), np.eye(10)[bundle.target])
    network = fb.networks.lenet("modern", key=jax.random.key(page.setting.seed))
    rate = page.either("LeNet at a millionth of the rate", 0.001, 1e-9)
    run = fb.train(network, RULE, problem, optimizer=fb.optimizer("adam", rate), epochs=5, batch_size=128,
                   key=page.setting.seed)  # fmt: skip
    images, truth = (np.asarray(part) for part in (bundle.test_data, bundle.test_target))
    parts = zip(images.reshape(-1, 1000, 28, 28, 1), truth.reshape(-1, 1000), strict=True)
    score = float(np.mean([right_maps(run.network, *part) for part in parts]))
    page.say(
        "LeNet in its present form saw MNIST's 60,000 digits five times in {seconds:.0f} seconds and reads "
        "{score:.1f}% of the 10,000 test digits.",
        seconds=run.seconds,
        score=score,
    )
    page.beyond("LeNet reads MNIST", Above(score, 98.5, "{found:.2f}% of 10,000"), "LeNet at a millionth of the rate")
