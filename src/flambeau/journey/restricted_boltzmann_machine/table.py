"""Chapter 7, its referee: every joint state in one table, straight from the energy."""

from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

import flambeau as fb
from flambeau.journey.restricted_boltzmann_machine.bars import every_state

BLOCK = 2048


def golden() -> fb.networks.RestrictedBoltzmannMachine:
    """Four visible and three hidden units with weights that anyone can write down: W_ji = sin(1 + 2j + 3i)."""
    weights = np.sin(1 + 2 * np.arange(3)[None] + 3 * np.arange(4)[:, None])
    wiring, unit = fb.structures.Dense(jnp.asarray(weights, jnp.float32)), fb.neurons.unit("bernoulli")
    b, c = jnp.asarray([0.1, -0.2, 0.3, -0.4]), jnp.asarray([-0.2, 0.3, 0.1])
    return fb.networks.RestrictedBoltzmannMachine(wiring, b, c, unit, unit)


def arrays(machine: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """W ``(visible, hidden)``, b and c of a machine."""
    return np.asarray(machine.structure.weights), np.asarray(machine.visible_bias), np.asarray(machine.hidden_bias)


class ExactTable(NamedTuple):
    """Every state v ``(visible states, visible)`` and h, and P(v, h) of every pair; log Z, and the two conditionals.

    ``down`` is P(v | h) and ``up`` is Q(h | v), both ``(visible states, hidden states)``: the joint table with its
    columns, or its rows, made to sum to 1. Nothing here knows the lecture's sigmoids.
    """

    v: np.ndarray
    h: np.ndarray
    joint: np.ndarray
    log_z: float
    down: np.ndarray
    up: np.ndarray

    @classmethod
    def of(cls, machine: Any, kind: Any = np.float64, coupling: float = 0.0) -> "ExactTable":
        """e^{-energy} of all joint states over their sum; ``coupling`` joins two hidden units, which none has."""
        weights, b, c = (values.astype(kind) for values in arrays(machine))
        v, h = every_state(len(b)).astype(kind), every_state(len(c)).astype(kind)
        joint = v @ weights @ h.T + (v @ b)[:, None] + h @ c + kind(coupling) * h[:, 0] * h[:, 1]  # -energy
        largest = joint.max()
        joint = np.exp(joint - largest)
        total = joint.sum(dtype=np.float64)
        joint /= kind(total)
        return cls(v, h, joint, float(largest + np.log(total)), joint / joint.sum(0), joint / joint.sum(1)[:, None])

    def kernel(self) -> np.ndarray:
        """One step of the Gibbs chain as a matrix over the hidden states: down by P(v | h), up by Q(h | v)."""
        parts = (slice(start, start + BLOCK) for start in range(0, len(self.v), BLOCK))  # what the cache can hold
        found = np.sum([self.down[part].T @ self.up[part] for part in parts], axis=0, dtype=np.float64)
        return np.asarray(found / found.sum(axis=1, keepdims=True))

    def walked(self, starts: np.ndarray, most: int, *, moving: bool = True) -> np.ndarray:
        """P(v) of chains that begin with v ~ a row of ``starts``, after 1, 2, 4, ... steps, ``(starts, most, v)``.

        One that is not ``moving`` takes its first step again and again.
        """
        hidden = [(starts.astype(self.up.dtype) @ self.up).astype(np.float64)]
        moved = self.kernel() if moving else np.eye(len(self.h))
        for _ in range(most - 1):  # from k steps to 2k: k more, the kernel's power k
            hidden.append(hidden[-1] @ moved)
            moved = moved @ moved
        every = np.stack(hidden, axis=1).reshape(-1, len(self.h))
        found = (self.down @ every.T.astype(self.down.dtype)).T.astype(np.float64)
        return (found / found.sum(axis=1, keepdims=True)).reshape(len(starts), most, -1)

    def averages(self, visible: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """⟨v h'⟩ ``(visible, hidden)``, ⟨v⟩ and ⟨h⟩ where v has these probabilities and h follows Q(h | v)."""
        shown, q = self.v * visible[:, None], self.up @ self.h
        return shown.T @ q, shown.sum(axis=0), visible @ q
