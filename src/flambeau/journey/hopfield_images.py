"""The chapter on Hopfield memory, continued: images resemble each other, and Hebb's sum cannot bear that."""

import functools

import numpy as np

import flambeau as fb
from flambeau.journey.chapter import Claim, Equation, Figure, Section, Setting, Told
from flambeau.journey.hopfield_letters import CUES, SIDE
from flambeau.journey.hopfield_loop import turned
from flambeau.pictures.samples import samples_picture

TURNED = 0.1
SIZES = (10, 20, 30)


@functools.cache
def _ten_digits(each: int = 1) -> np.ndarray:
    """The first handwritten digits of each class, 8 by 8, black 1 and white −1."""
    data = fb.problems.load("digits")
    first = [int(np.flatnonzero(data.target == label)[place]) for place in range(each) for label in range(10)]
    return np.where(data.data[first] > 0.45 * data.data.max(), 1.0, -1.0)


def _projected(count: int) -> int:
    """How many of so many digits are fixed points of their projection."""
    x = _ten_digits(count // 10)
    return int(fb.Hopfield("pseudoinverse").fit(x).is_stable(x).sum())


def stored_images(setting: Setting) -> Told:
    """Ten digits by the lecture's sum, and by the projection."""
    x, rng = _ten_digits(), np.random.default_rng(setting.seed)
    alike = np.abs(fb.analysis.overlap(x, x)[np.triu_indices(10, 1)]).mean()
    memories = {
        "W = Σ x x′ − K I": fb.Hopfield.from_weights(x.T @ x - 10 * np.eye(SIDE**2)),
        "projection": fb.Hopfield("pseudoinverse").fit(x),
    }
    which = np.arange(CUES) % 10
    cues = turned(x[which], TURNED, rng)
    ends = {name: memory.recall(cues) for name, memory in memories.items()}
    right = {name: float((rows == x[which]).all(axis=1).mean()) for name, rows in ends.items()}
    stable = int(memories["W = Σ x x′ − K I"].is_stable(x).sum())
    resting = {count: _projected(count) for count in SIZES}
    hebb, projection = ends.values()
    fewer = len(np.unique(hebb, axis=0))
    return Section("Images: why the sum is not enough", (
        "The letters were chosen to be unlike. Ordinary images are not: two of these ten digits agree in "
        f"{(1 + alike) / 2:.0%} of their dots, mean |overlap| {alike:.2f}, where random patterns of 64 have 0.10. In "
        "the sum Σ x x′ what they share is counted ten times, and what tells them apart once.",
        Figure("Ten digits, a tenth of their dots turned", "One column for each digit. The sum leads all of them to a "
               "few images that belong to none; the projection gives each one back.",
               samples_picture(np.stack([x, cues[:10], hebb[:10], projection[:10]]), (SIDE, SIDE),
                               ["stored", "cue", "the sum", "projection"]),
               "Four rows of ten small pictures: digits, noisy digits, one and the same blob, digits again."),
        "The *projection* (pseudo-inverse) rule subtracts what is known already. W projects onto the space that the "
        "patterns span, so every stored pattern hears itself:",
        Equation("W = X^T (X X^T)^{-1} X,   W x_k = x_k", "X holds the patterns, one a row; the diagonal is emptied "
                                                          "in use"),
        "In code: `fb.Hopfield(\"pseudoinverse\").fit(images)`. It holds any patterns, as long as none is a sum of the "
        "others and they are fewer than the neurons; up to half as many it also finds them again. The price: a weight "
        "depends on all patterns, not only on the two neurons that it joins.",
    )), (
        Claim("To store images, a neuron for each dot and W = Σ x x′ − K I", "the ten digits are stable",
              f"{stable} of 10 stable; {right['W = Σ x x′ − K I']:.0%} of {CUES} cues recalled, all end in {fewer} "
              f"states", stable == 10,
              f"Images resemble each other (mean |overlap| {alike:.2f}); the sum holds only unlike patterns."),
        Claim("The projection brings them back", "9 in 10 recalled with 10% of dots turned",
              f"{right['projection']:.0%} of {CUES} recalled dot for dot", right["projection"] > 0.9),
        Claim("Projection: every pattern is a fixed point", f"of {', '.join(map(str, SIZES))} digits all",
              ", ".join(f"{rest} of {count}" for count, rest in resting.items()),
              all(rest == count for count, rest in resting.items())),
    )  # fmt: skip
