"""The chapter on convolution, its way to train: the same digits in a field with room to move."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import flambeau as fb
from flambeau.journey.convolution_networks import FIELD, small_lenet

RULE = fb.rules.Backpropagation(fb.rules.CrossEntropy())
MARGIN, BATCH = 3, 32


class _Digits(NamedTuple):
    """The bundled digits in the middle of a field of 14 x 14: 1,297 to learn from, 500 to be judged on."""

    problem: fb.problems.Examples
    unseen: np.ndarray
    truth: np.ndarray


@functools.cache
def digits_set(seed: int) -> _Digits:
    """The digits, split by the seed, as images with one channel."""
    bundle = fb.problems.load("digits")
    edges = ((0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN), (0, 0))
    images = np.pad(bundle.data.reshape(-1, 8, 8, 1), edges)
    order = np.random.default_rng(seed).permutation(len(images))
    train, test = order[:1297], order[1297:]
    problem = fb.problems.Examples.of(images[train], np.eye(10)[bundle.target[train]])
    return _Digits(problem, images[test], bundle.target[test])


def pixel_rows(data: _Digits) -> _Digits:
    """The same digits as rows of pixels, for networks that do not know what an image is."""
    x, targets = np.asarray(data.problem.inputs), data.problem.targets
    problem = fb.problems.Examples.of(x.reshape(len(x), -1), targets)
    return _Digits(problem, data.unseen.reshape(len(data.unseen), -1), data.truth)


def moved_by(data: _Digits, pixels: int) -> list[np.ndarray]:
    """The unseen digits moved up, down, left and right; the field has room for 3 pixels."""
    images = data.unseen.reshape(-1, FIELD, FIELD)
    steps = [(axis, step) for axis in (1, 2) for step in (-pixels, pixels)] if pixels else [(1, 0)]
    return [np.roll(images, step, axis=axis).reshape(data.unseen.shape) for axis, step in steps]


def large_digit() -> np.ndarray:
    """A digit 3, smoothly enlarged in the middle of 28 x 28: a picture to look at."""
    small = np.pad(fb.problems.load("digits").data[3].reshape(8, 8), 1)
    return np.pad(np.clip(jax.image.resize(small, (24, 24), "cubic"), 0, 1), 2)


def learned_maps(
    network: fb.networks.FeedForward, data: _Digits, epochs: int, seed: int, rate: float = 0.003
) -> fb.Run:
    """The run of Adam in small batches, with the share of unseen digits read rightly after every epoch."""
    held_out = fb.rules.Batch(jnp.asarray(data.unseen), jax.nn.one_hot(data.truth, 10), jnp.ones(len(data.unseen)))
    watching = fb.monitors.ValidationCurve(fb.rules.Evaluation(RULE.loss, classify=True), held_out)
    steps = epochs * -(-int(data.problem.count) // BATCH)
    return fb.train(network, RULE, data.problem, optimizer=fb.optimiser("adam", rate), steps=steps, batch_size=BATCH,
                    key=seed, monitors=(watching,))  # fmt: skip


@functools.cache
def trained_maps(seed: int, epochs: int, f: str = "relu", rate: float = 0.003, split: int = 0) -> fb.Run:
    """A small LeNet's run on the digits; what one section has trained another need not."""
    return learned_maps(small_lenet(seed, f), digits_set(split), epochs, seed, rate)


def right_set(network: fb.networks.FeedForward, images: Any, labels: np.ndarray) -> float:
    """The share of images that the network names rightly."""
    answers = fb.analysis.feature_maps(network, images)[-1].output
    return float(np.mean(np.asarray(answers).argmax(axis=1) == labels))


@jax.jit
def projected(structure: fb.structures.AbstractStructure, x: Any) -> jax.Array:
    """What a structure's units collect, as one compiled call."""
    return structure.project(x)


@jax.jit
def correlated(structure: fb.structures.AbstractStructure, x: Any, delta: Any) -> jax.Array:
    """∂e/∂w for δ at the units, as one compiled call."""
    return structure.correlate(x, delta)
