"""The data of all chapters: the bundled handwritten digits, split anew for every seed, and MNIST where it is."""

import functools
from typing import NamedTuple

import numpy as np

import flambeau as fb

LEARNED = 1297  # of the 1,797 digits; the other 500 are kept aside
SIDE = (8, 8)


class Digits(NamedTuple):
    """Handwritten digits of 8 by 8 pixels, from 0 to 1: 1,297 to learn from, 500 to be judged on."""

    inputs: np.ndarray
    labels: np.ndarray
    unseen: np.ndarray
    truth: np.ndarray

    @property
    def targets(self) -> np.ndarray:
        """One output for each digit."""
        return np.eye(10)[self.labels]

    @property
    def problem(self) -> fb.problems.Examples:
        """What is learned from, with one output for each digit."""
        return fb.problems.Examples.of(self.inputs, self.targets)

    def cut(self) -> "Digits":
        """Every pixel black or white."""
        black = [(rows > 0.5).astype(rows.dtype) for rows in (self.inputs, self.unseen)]
        return self._replace(inputs=black[0], unseen=black[1])


@functools.cache
def split_digits(seed: int) -> Digits:
    """The digits, split by the seed."""
    bundle = fb.problems.load("digits")
    order = np.random.default_rng(seed).permutation(len(bundle.data))
    data, target = bundle.data[order], bundle.target[order]
    return Digits(data[:LEARNED], target[:LEARNED], data[LEARNED:], target[LEARNED:])


def local_mnist() -> fb.problems.DataBundle | None:
    """MNIST, if it is on this machine: nothing is downloaded for a chapter."""
    here = {row.name: row.where for row in fb.problems.available()}["mnist"] != "not here"
    return fb.problems.load("mnist") if here else None
