"""Chapter 9, its referee: small networks whose every state and every possible change are in a table."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

import flambeau as fb

UNITS, STATES = 10, 1 << 10
NETWORKS = 50  # at a time, so that all of them are one program
KINDS = {"−1 and +1": fb.neurons.Spin(), "0 and 1": fb.neurons.Bernoulli()}


class Moves(NamedTuple):
    """Of every network and state, by the state's number: the ``energies`` ``(networks, states)``; the state after one
    neuron was visited, ``one`` ``(networks, units, states)``; and after all changed ``at_once`` ``(networks, states)``.
    """

    energies: np.ndarray
    one: np.ndarray
    at_once: np.ndarray

    def swept(self, order: Iterable[int] = range(UNITS)) -> np.ndarray:
        """The state after all neurons had their turn ``(networks, states)``."""
        now = np.broadcast_to(np.arange(STATES), self.at_once.shape)
        for i in order:
            now = np.take_along_axis(self.one[:, i], now, axis=1)
        return now

    def changes(self) -> tuple[np.ndarray, np.ndarray]:
        """Whether the visited neuron changes, and by how much the energy does ``(networks, units, states)``."""
        after = np.take_along_axis(self.energies[:, None], self.one, axis=2)
        return self.one != np.arange(STATES), after - self.energies[:, None]


class _Course(NamedTuple):
    """Where repeating a map leads ``(networks, states)``: the period of the cycle at the end, 1 for a fixed point."""

    period: np.ndarray
    fixed: np.ndarray

    @property
    def restless(self) -> np.ndarray:
        """The share of starts that never rest, network by network."""
        return np.asarray((self.period > 1).mean(axis=1))


def course(after: np.ndarray) -> _Course:
    """Follow every state for more steps than there are states, then count until it comes back."""
    end = after
    for _ in range(UNITS):  # 2, 4, ..., 1,024 steps
        end = np.take_along_axis(end, end, axis=1)
    period, now = np.zeros(end.shape, int), end
    for step in range(1, STATES + 1):
        now = np.take_along_axis(after, now, axis=1)
        period[(period == 0) & (now == end)] = step
        if period.all():
            break
    return _Course(period, after == np.arange(STATES))


def drawn_network(seed: int, symmetric: bool = True) -> tuple[np.ndarray, np.ndarray]:
    """Whole numbers from −4 to 4 as weights, none from a neuron to itself; and thresholds: sums without rounding."""
    rng = np.random.default_rng(seed)
    weights = rng.integers(-4, 5, (NETWORKS, UNITS, UNITS)).astype(np.float32)
    lower = np.tril(weights, -1)
    upper = lower.swapaxes(1, 2) if symmetric else np.triu(weights, 1)
    return lower + upper, rng.integers(-3, 4, (NETWORKS, UNITS)).astype(np.float32)


def moves(weights: np.ndarray, thresholds: np.ndarray, states: str = "−1 and +1") -> Moves:
    """The tables of 50 networks, by the library."""
    every = fb.analysis.all_states(KINDS[states], UNITS).astype(np.float32)
    return Moves(*map(np.asarray, tabled(weights, thresholds, KINDS[states], every)))


@eqx.filter_jit
def tabled(weights: Any, thresholds: Any, unit: fb.neurons.AbstractUnit, states: Any) -> tuple[Array, Array, Array]:
    """One network after the other."""
    states, powers = jnp.asarray(states), 1 << jnp.arange(UNITS)[::-1]

    def number(found: Array) -> Array:
        return ((found > 0) * powers).sum(axis=1)  # the state's own number, in bits

    def one(given: tuple[Array, Array]) -> tuple[Array, Array, Array]:
        network = fb.networks.HopfieldNetwork(*given, unit)
        visited = jax.lax.map(lambda i: number(network.visit(states, i[None], None, distinct=False)), jnp.arange(UNITS))
        together = fb.dynamics.Synchronous().sweep(network, states, None, jax.random.key(0), 0)
        return network.energy(states), visited, number(together)

    return jax.lax.map(one, (jnp.asarray(weights), jnp.asarray(thresholds)))
