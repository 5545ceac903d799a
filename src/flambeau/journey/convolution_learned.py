"""The chapter on convolution, continued: what a trained LeNet has learned, in pictures, and LeNet itself on MNIST."""

from collections.abc import Iterator

import jax
import numpy as np

import flambeau as fb
from flambeau.journey.chapter import Claim, Figure, Section, Setting, Told
from flambeau.journey.convolution_networks import with_relu
from flambeau.journey.convolution_training import RULE, digits_set, right_set, trained_maps


def what_it_learned(setting: Setting) -> Told:
    """Filters, feature maps and slopes of a trained small LeNet; LeNet on MNIST at full size."""
    data = digits_set(setting.seed)
    found = trained_maps(setting.seed, setting.pick(2, 20, 60), split=setting.seed).network
    answers = np.asarray(fb.analysis.feature_maps(found, data.unseen)[-1].output).argmax(axis=1)
    network = with_relu(found)
    shown = [first(data.truth == digit, answers == digit) for digit in range(8)]
    text, claims = _mnist(setting)
    return Section("What it learned", (
        "Nobody set these kernels. They started from random numbers, and back-propagation made of them what helps to "
        "tell digits apart: each asks for ink on one side and for paper on another.",
        Figure("The eight kernels of the first layer", "Orange weights ask for ink, blue ones for none.",
               fb.pictures.filters(network), "Eight kernels of 3 by 3 weights."),
        Figure("A digit on its way up", "The answers of every layer. Strokes become features, features an answer.",
               fb.pictures.maps(network, data.unseen[shown[3]]), "Feature maps of every layer; one output stands out."),
        Figure("What the answers rest on", "Below each digit the slope of its unit: more ink on orange would "
               "strengthen the answer, on blue weaken it. The line is the digit's outline.",
               fb.pictures.saliency_map(network, data.unseen[shown], np.arange(8)),
               "Eight digits, and coloured maps of slopes."),
        text,
    )), claims  # fmt: skip


def first(wanted: np.ndarray, found: np.ndarray) -> int:
    """The first row that is wanted and found, or wanted at least."""
    return int(np.argmax(wanted & found)) if (wanted & found).any() else int(np.argmax(wanted))


def _mnist(setting: Setting) -> tuple[str, tuple[Claim, ...]]:
    """LeNet in its present form on all of MNIST, at full size and if it is here."""
    here = {row.name: row.where for row in fb.problems.available()}["mnist"] != "not here"
    if not setting.full or not here:
        return "`flambeau journey --full` also trains LeNet itself, on MNIST if it is on this machine.", ()
    bundle = fb.problems.load("mnist")
    problem = fb.problems.Examples.of(bundle.data.reshape(-1, 28, 28, 1), np.eye(10)[bundle.target])
    network = fb.networks.lenet("modern", key=jax.random.key(setting.seed))
    run = fb.train(network, RULE, problem, optimizer=fb.optimiser("adam", 0.001), steps=5 * 469, batch_size=128,
                   key=setting.seed)  # fmt: skip
    score = float(np.mean([right_set(run.network, images, target) for images, target in in_parts(bundle)]))
    return (f"LeNet in its present form saw MNIST's 60,000 digits five times in {run.seconds:.0f} seconds and reads "
            f"{score:.1%} of the 10,000 test digits."), (
            Claim("LeNet reads MNIST", "above 98.5% of 10,000 test digits", f"{score:.1%}",
                  score > 0.985),)  # fmt: skip


def in_parts(bundle: fb.problems.DataBundle) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """The test digits with their names, a thousand at a time."""
    data, target = bundle.test_data, bundle.test_target
    if data is None or target is None:
        return
    for start in range(0, len(data), 1000):
        yield data[start : start + 1000].reshape(-1, 28, 28, 1), target[start : start + 1000]
