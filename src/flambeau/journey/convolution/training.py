"""Chapter 5's way to train: the digits of the other chapters, in a field with room to move."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import flambeau as fb
from flambeau.journey.convolution.networks import FIELD, small_lenet
from flambeau.journey.data import split_digits

RULE = fb.rules.Backpropagation(fb.rules.CrossEntropy())
MARGIN, BATCH = 3, 32
EDGES = ((0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN))


def in_field(rows: np.ndarray) -> np.ndarray:
    """Digits of 8 x 8 pixels in the middle of a field of 14 x 14, ``(n, 14, 14)``."""
    return np.pad(rows.reshape(-1, 8, 8), EDGES).astype(np.float32)


def moved_by(images: np.ndarray, pixels: int) -> list[np.ndarray]:
    """The images moved up, down, left and right; the field has room for 3 pixels."""
    steps = [(axis, step) for axis in (1, 2) for step in (-pixels, pixels)] if pixels else [(1, 0)]
    return [np.roll(images, step, axis=axis) for axis, step in steps]


def large_digit() -> np.ndarray:
    """A digit 3, smoothly enlarged in the middle of 28 x 28: a picture to look at."""
    small = np.pad(fb.problems.load("digits").data[3].reshape(8, 8), 1)
    return np.pad(np.clip(jax.image.resize(small, (24, 24), "cubic"), 0, 1), 2)


def learned_maps(
    network: fb.networks.FeedForward, seed: int, epochs: int, shape: tuple[int, ...], rate: float = 0.003
) -> fb.Run:
    """The run of Adam in small batches on the seed's split, with the share of unseen digits right after each epoch."""
    data = split_digits(seed)
    problem = fb.problems.Examples.of(in_field(data.inputs).reshape(-1, *shape), data.targets)
    unseen = jnp.asarray(in_field(data.unseen).reshape(-1, *shape))
    held_out = fb.rules.Batch(unseen, jax.nn.one_hot(data.truth, 10), jnp.ones(len(data.truth)))
    watching = fb.monitors.ValidationCurve(fb.rules.Evaluation(RULE.loss, classify=True), held_out)
    return fb.train(network, RULE, problem, optimizer=fb.optimizer("adam", rate), epochs=epochs, batch_size=BATCH,
                    key=seed, monitors=(watching,))  # fmt: skip


@functools.lru_cache(64)
def trained_maps(seed: int, epochs: int, f: str = "relu", rate: float = 0.003) -> fb.Run:
    """A small LeNet's run; what one section has trained another need not."""
    return learned_maps(small_lenet(seed, f), seed, epochs, (FIELD, FIELD, 1), rate)


def accuracy(run: fb.Run) -> np.ndarray:
    """The share of unseen digits read rightly after each epoch."""
    return np.asarray(run.records["validation_curve"]["validation_accuracy"])


def right_maps(network: fb.networks.FeedForward, images: Any, labels: np.ndarray) -> float:
    """Percent of images that the network names rightly."""
    answers = fb.analysis.feature_maps(network, images)[-1].output
    return 100 * float(np.mean(np.asarray(answers).argmax(axis=1) == labels))


@jax.jit
def projected(structure: fb.structures.AbstractStructure, x: Any) -> jax.Array:
    """What a structure's units collect, as one compiled call."""
    return structure.project(x)


@jax.jit
def correlated(structure: fb.structures.AbstractStructure, x: Any, delta: Any) -> jax.Array:
    """∂e/∂w for δ at the units, as one compiled call."""
    return structure.correlate(x, delta)
