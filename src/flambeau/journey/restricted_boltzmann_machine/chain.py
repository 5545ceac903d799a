"""Chapter 7, its chain: where it is after k steps, exactly, as powers of a matrix."""

import functools
from typing import NamedTuple

import numpy as np

from flambeau.journey.restricted_boltzmann_machine.bars import SIDE, bars, learned_bars
from flambeau.journey.restricted_boltzmann_machine.table import ExactTable


class Chain(NamedTuple):
    """A machine's Gibbs chain after k = ``steps`` steps, and what its own end would give for the gradient.

    ``memory``, the total variation to the machine of a chain that began with the blank picture; ``gradient``, exact, of
    the weights; ``cosine`` and ``error`` of the average CD-k proposal: its angle, and its relative distance.
    """

    steps: np.ndarray
    memory: np.ndarray
    gradient: np.ndarray
    cosine: np.ndarray
    error: np.ndarray


@functools.lru_cache(16)
def chain_of(learning_steps: int, seed: int, most: int, *, moving: bool = True) -> Chain:
    """Of the machine that the exact gradient has taught for so many steps; k = 1, 2, 4, ..., ``most`` of them."""
    table = ExactTable.of(learned_bars("exact", learning_steps, seed).network, np.float32)
    q, model = table.up @ table.h, table.joint.sum(axis=1, dtype=np.float64)
    blank = np.eye(1, len(model))[0]
    data = np.bincount(numbers_of(bars()), minlength=len(model)) / len(bars())
    v, q = table.v - data.astype(np.float32) @ table.v, q - data.astype(np.float32) @ q  # centred, as the rule does

    def correlation(p: np.ndarray) -> np.ndarray:
        return (v * p[:, None].astype(np.float32)).T @ q

    held, gradient = correlation(data), correlation(data) - correlation(model)
    from_blank, from_data = table.walked(np.stack([blank, data]), most, moving=moving)
    memory = 0.5 * np.abs(from_blank - model).sum(axis=1)
    found = [compared(held - correlation(p), gradient) for p in from_data]
    cosine, error = np.asarray(found).T
    return Chain(2 ** np.arange(most), memory, gradient, cosine, error)


def numbers_of(rows: np.ndarray) -> np.ndarray:
    """Which row of the list of all visible states each state is."""
    return (np.asarray(rows) @ 2 ** np.arange(SIDE**2 - 1, -1, -1)).astype(int)


def compared(given: np.ndarray, wanted: np.ndarray) -> tuple[float, float]:
    """Cosine and relative error."""
    lengths = np.linalg.norm(given), np.linalg.norm(wanted)
    return float((given * wanted).sum() / lengths[0] / lengths[1]), float(np.linalg.norm(given - wanted) / lengths[1])
