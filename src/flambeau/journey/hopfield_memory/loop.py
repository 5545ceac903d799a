"""Chapter 10, its referee: one neuron after the other in plain NumPy, every state kept."""

from collections.abc import Iterable

import numpy as np


def lecture_patterns() -> np.ndarray:
    """The lecture's x¹ and x²."""
    return np.asarray([[1.0, -1, -1, 1], [-1, 1, -1, 1]])


def one_by_one(weights: np.ndarray, states: np.ndarray, order: np.ndarray | Iterable[int]) -> np.ndarray:
    """The states ``(visits + 1, batch, units)``: s_i ← sign(h_i), h = Ws; a neuron with h_i = 0 stays as it is."""
    path = [np.array(states)]
    for i in order:
        s = path[-1].copy()
        h = s @ weights[i]
        s[:, i] = np.where(h == 0, s[:, i], np.sign(h))
        path.append(s)
    return np.stack(path)


def settled_by_hand(weights: np.ndarray, states: np.ndarray, sweeps: int = 100) -> np.ndarray:
    """Where states come to rest in cyclic order."""
    for _ in range(sweeps):
        before, states = states, one_by_one(weights, states, range(len(weights)))[-1]
        if (states == before).all():
            break
    return states


def quadratic_energy(weights: np.ndarray, states: np.ndarray) -> np.ndarray:
    """E(s) = -½ s'Ws, of any number of states."""
    return -((states @ weights.T) * states).sum(-1) / 2


def turned(patterns: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """The patterns with a share of their bits turned, drawn one by one."""
    return np.where(rng.random(patterns.shape) < share, -patterns, patterns)
