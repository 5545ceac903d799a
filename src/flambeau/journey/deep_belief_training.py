"""The chapter on deep belief networks, its way to train: the digits split for it, and one machine at a time."""

import dataclasses
from typing import NamedTuple

import jax
import numpy as np

import flambeau as fb

SIDE = (8, 8)


class _Digits(NamedTuple):
    """The bundled handwritten digits: 1,297 to learn from, 500 to be judged on."""

    inputs: np.ndarray
    labels: np.ndarray
    unseen: np.ndarray
    truth: np.ndarray


def belief_digits(seed: int, *, cut: bool = False) -> _Digits:
    """The digits, split by the seed; ``cut`` makes every pixel black or white."""
    bundle = fb.problems.load("digits")
    order = np.random.default_rng(seed).permutation(len(bundle.data))
    data, target = bundle.data[order], bundle.target[order]
    data = (data > 0.5).astype(data.dtype) if cut else data
    return _Digits(data[:1297], target[:1297], data[1297:], target[1297:])


def machine(data: np.ndarray, hidden: int, seed: int) -> fb.networks.RestrictedBoltzmannMachine:
    """A fresh machine whose visible biases already give every pixel its mean."""
    mean = np.clip(data.mean(axis=0), 0.01, 0.99)
    return fb.networks.rbm(data.shape[1], hidden, visible_bias=np.log(mean / (1 - mean)), key=jax.random.key(seed))


def mirrored_classifier(network: fb.networks.RestrictedBoltzmannMachine) -> fb.networks.RestrictedBoltzmannMachine:
    """The same machine, upside down: W₂ = W₁', b₂ = c₁, c₂ = b₁."""
    wiring = fb.structures.Dense(network.structure.weights.T)
    return dataclasses.replace(network, structure=wiring, visible_bias=network.hidden_bias,
                               hidden_bias=network.visible_bias)  # fmt: skip
