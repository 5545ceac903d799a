"""Chapter 10: images resemble each other, and Hebb's sum cannot bear that."""

import functools

import numpy as np

import flambeau as fb
from flambeau.journey.chapter import Telling, section
from flambeau.journey.comparisons import Equal
from flambeau.journey.hopfield_memory.letters import CUES, SIDE
from flambeau.journey.hopfield_memory.loop import turned
from flambeau.journey.samples import ShareAbove
from flambeau.pictures.samples import samples_picture

TURNED = 0.1
SIZES = (10, 20, 30)


@functools.cache
def _ten_digits(each: int = 1) -> np.ndarray:
    """The first handwritten digits of each class, 8 by 8, black 1 and white −1."""
    data = fb.problems.load("digits")
    first = [int(np.flatnonzero(data.target == label)[place]) for place in range(each) for label in range(10)]
    return np.where(data.data[first] > 0.45 * data.data.max(), 1.0, -1.0)


def stable(rule: str, count: int) -> int:
    """How many of so many digits are fixed points of what the rule learned."""
    x = _ten_digits(count // 10)
    memory = fb.Hopfield(rule).fit(x) if rule == "pseudoinverse" else fb.Hopfield.from_weights(_summed(x))
    return int(memory.is_stable(x).sum())


def _summed(x: np.ndarray) -> np.ndarray:
    """The lecture's W."""
    return np.asarray(x.T @ x - len(x) * np.eye(x.shape[1]))


@section("Images: why the sum is not enough")
def stored_images(page: Telling) -> None:
    """Ten digits by the lecture's sum, and by the projection."""
    x, rng = _ten_digits(), np.random.default_rng(page.setting.seed)
    alike = float(np.abs(fb.analysis.overlap(x, x)[np.triu_indices(10, 1)]).mean())
    which = np.arange(CUES) % 10
    cues = turned(x[which], TURNED, rng)
    hebb = fb.Hopfield.from_weights(_summed(x)).recall(cues)
    projection = fb.Hopfield("pseudoinverse").fit(x).recall(cues)
    unlike = page.either("random patterns for digits", stable("hebb", 10), _of_random(rng))
    recalled = page.either("the sum for the projection", projection, hebb)
    kept = [stable(page.either("the sum holds them", "pseudoinverse", "hebb"), count) for count in SIZES]
    page.say(
        "The letters were chosen to be unlike. Ordinary images are not: two of these ten digits agree in {agree:.0%} "
        "of their dots, mean |overlap| {alike:.2f}, where random patterns of 64 have 0.10. In the sum Σ x x′ what they "
        "share is counted ten times, and what tells them apart once.",
        agree=(1 + alike) / 2,
        alike=alike,
    )
    page.shown(
        "Ten digits, a tenth of their dots turned",
        "One column for each digit. The sum leads all of them to a few images that belong to none ({fewer} in all); "
        "the projection gives each one back.",
        lambda: samples_picture(np.stack([x, cues[:10], hebb[:10], projection[:10]]), (SIDE, SIDE),
                                ["stored", "cue", "the sum", "projection"]),
        "Four rows of ten small pictures: digits, noisy digits, one and the same blob, digits again.",
        fewer=len(np.unique(hebb, axis=0))
    )  # fmt: skip
    page.say(
        "The *projection* (pseudo-inverse) rule subtracts what is known already. W projects onto the space that the "
        "patterns span, so every stored pattern hears itself:"
    )
    page.equation(
        "W = X^T (X X^T)^{-1} X,   W x_k = x_k", "X holds the patterns, one a row; the diagonal is emptied in use"
    )
    page.say(
        'In code: `fb.Hopfield("pseudoinverse").fit(images)`. It holds any patterns, as long as none is a sum of the '
        "others and they are fewer than the neurons; up to half as many it also finds them again. The price: a "
        "weight depends on all patterns, not only on the two neurons that it joins."
    )
    page.claim(
        "To store images, a neuron for each dot and W = Σ x xᵀ − K I",
        Equal(unlike, 10, "{found} of 10 digits stable"),
        "random patterns for digits",
        correction="Images resemble each other; the sum holds only patterns that do not.",
    )
    page.beyond(
        "The projection brings them back",
        ShareAbove(
            int((recalled == x[which]).all(axis=1).sum()), CUES, 0.9, "cues with 10% of dots turned, dot for dot"
        ),
        "the sum for the projection",
    )
    page.beyond(
        "Projection: every pattern is a fixed point",
        Equal(kept, list(SIZES), "{found} digits stable"),
        "the sum holds them",
    )


def _of_random(rng: np.random.Generator) -> int:
    """How many of ten are stable if they are unlike: ten of a Hadamard matrix' rows, all at right angles."""
    rows = np.asarray([[1.0]])
    for _ in range(6):
        rows = np.block([[rows, rows], [rows, -rows]])
    x = rows[rng.permutation(64)[:10]]
    return int(fb.Hopfield.from_weights(_summed(x)).is_stable(x).sum())
