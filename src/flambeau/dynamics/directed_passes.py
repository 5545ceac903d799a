"""Passes through directed layers: sampled upwards by recognition, sampled downwards by generation."""

from collections.abc import Sequence
from typing import Any

import jax
from jaxtyping import Array

__all__ = ["ascend", "descend"]


def ascend(pairs: Sequence[Any], v: Array, key: Array) -> list[Array]:
    """States sampled upwards, v first."""
    states = [v]
    for pair, own in zip(pairs, jax.random.split(key, len(pairs)), strict=True):
        states.append(pair.upper.sample(pair.up_net(states[-1]), own))
    return states


def descend(pairs: Sequence[Any], x: Array, key: Array) -> list[Array]:
    """States sampled downwards from the penultimate layer's, returned bottom first; the lowest are means."""
    states = [x]
    keys = jax.random.split(key, len(pairs))
    for place in range(len(pairs) - 1, -1, -1):
        pair = pairs[place]
        net = pair.down_net(states[0])
        states.insert(0, pair.lower.sample(net, keys[place]) if place else pair.lower.mean(net))
    return states
