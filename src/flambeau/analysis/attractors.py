r"""What a small network remembers, all of it: every state, every resting place, every basin; and what attractors are.

Enumeration answers for up to 20 neurons what is otherwise sampled. Lecture: "the number of patterns a network can store
is decided by the number of local minima of its energy function".
"""

import itertools
from typing import Any, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from flambeau.analysis.enumeration import all_states
from flambeau.dynamics.base import AbstractFeedback
from flambeau.dynamics.settling import AbstractUpdate, Asynchronous, at_rest, settle
from flambeau.errors import ConfigurationError
from flambeau.foundation.precision import dtype
from flambeau.networks.pair_memory import bipolar
from flambeau.neurons import Bernoulli

MOST = 20
CHUNK = 1 << 14
KINDS = ("memory", "negative", "mixture", "other")


class Landscape(NamedTuple):
    """Every state of a network ``(2^N, N)``, its ``energies``, whether it is ``fixed``, where it ends, and how.

    ``ends`` is the number of the state where it comes to rest or was left; ``rests`` whether it came to rest.
    """

    states: Float[np.ndarray, "states units"]
    energies: Float[np.ndarray, " states"]
    fixed: Bool[np.ndarray, " states"]
    ends: Int[np.ndarray, " states"]
    rests: Bool[np.ndarray, " states"]

    @property
    def basins(self) -> dict[int, int]:
        """How many states come to rest in each resting place."""
        places, counts = np.unique(self.ends[self.rests], return_counts=True)
        return dict(zip(places.tolist(), counts.tolist(), strict=True))


def landscape(network: Any, update: AbstractUpdate | None = None, *, max_sweeps: int = 1000) -> Landscape:
    """Enumerate: all 2^N states of a network with feedback, such as an estimator's ``network_``, settled by ``update``
    (asynchronous in cyclic order unless told otherwise).

    >>> from flambeau.networks import HopfieldNetwork
    >>> x = np.asarray([[1, -1, -1, 1], [-1, 1, -1, 1]])
    >>> found = landscape(HopfieldNetwork(jnp.asarray(x.T @ x - 2 * np.eye(4))))
    >>> found.states[found.fixed].astype(int).tolist()
    [[-1, 1, -1, 1], [-1, 1, 1, -1], [1, -1, -1, 1], [1, -1, 1, -1]]
    >>> found.basins
    {5: 4, 6: 4, 9: 4, 10: 4}

    Raises :class:`~flambeau.errors.ConfigurationError` beyond 20 neurons, a million states, or for another network.
    """
    if not isinstance(network, AbstractFeedback):  # of a user, who may give the estimator or a network of real states
        expected, remedy = "a network whose neurons have two values", "give the .network_ of Hopfield or DenseHopfield"
        raise ConfigurationError("landscape, network", expected, type(network).__name__, remedy)
    units = network.units
    if units > MOST:
        expected, remedy = f"at most {MOST} neurons", "settle random states instead, and count where they end"
        raise ConfigurationError("landscape", expected, f"{units} neurons, 2^{units} states", remedy)
    low, high = network.levels
    states = np.asarray(low + (high - low) * all_states(Bernoulli(), units), dtype())
    chunks = (states[at : at + CHUNK] for at in range(0, len(states), CHUNK))
    parts = [parted(network, update or Asynchronous(), chunk, max_sweeps) for chunk in chunks]
    energies, fixed, ends, rests = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Landscape(states, energies, fixed, ends, rests)


def parted(network: AbstractFeedback, update: AbstractUpdate, states: np.ndarray, max_sweeps: int) -> tuple:
    """One chunk's energies, fixed points, ends and whether they rest."""
    found, energies, fixed = settled_from(network, update, states, jnp.asarray(max_sweeps))
    powers = 1 << np.arange(states.shape[1])[::-1]
    ends = (np.asarray(found.states) == network.levels[1]) @ powers
    return np.asarray(energies), np.asarray(fixed), ends, np.asarray(found.fixed)


@eqx.filter_jit
def settled_from(network: AbstractFeedback, update: AbstractUpdate, states: Any, most: Array) -> tuple:
    """Where the states settle, their energies, and which are fixed points already."""
    states = jnp.asarray(states)
    return settle(network, states, update, max_sweeps=most), network.energy(states), at_rest(network, states)


def overlap(states: Any, patterns: Any) -> Float[np.ndarray, "states patterns"]:
    """The order parameter m = (1/N) Σ_i x_i s_i of every state with every pattern, both of -1 and +1.

    >>> overlap([[1, 1, -1, -1]], [[1, 1, 1, 1], [1, 1, -1, -1]]).tolist()
    [[0.0, 1.0]]
    """
    states, patterns = np.asarray(states, float), np.asarray(patterns, float)
    return states @ patterns.T / patterns.shape[1]


def attractor_kinds(states: Any, patterns: Any, *, most: int = 20) -> list[str]:
    """What each state (-1/+1) is: a "memory", its "negative", a "mixture" of three memories, or something "other".

    A mixture is sign(±x^a ± x^b ± x^c), which Hebb's rule stores whether one wants it or not. ``most`` patterns are
    combined. Raises :class:`~flambeau.errors.DataError` for other values. Source: Amit, Gutfreund, Sompolinsky 1985.

    >>> x = [[1, 1, 1, 1, 1], [1, -1, 1, -1, 1], [1, 1, -1, -1, 1]]
    >>> attractor_kinds([x[0], [-1] * 5, [1, 1, 1, -1, 1], [-1, 1, -1, 1, 1]], x)
    ['memory', 'negative', 'mixture', 'other']
    """
    patterns, states = (
        whole_signs(rows, f"attractor_kinds, {name}") for name, rows in (("patterns", patterns), ("states", states))
    )
    known = {state.tobytes(): "mixture" for state in mixtures(patterns[:most])}
    known.update({(-x).tobytes(): "negative" for x in patterns})
    known.update({x.tobytes(): "memory" for x in patterns})
    return [known.get(state.tobytes(), "other") for state in states]


def whole_signs(rows: Any, where: str) -> np.ndarray:
    """Rows of -1 and +1 as whole numbers, whose bytes can be compared; none at all are fine."""
    rows = np.asarray(rows, float)
    if rows.size:
        bipolar(rows, where)
    return rows.astype(int)


def mixtures(patterns: np.ndarray) -> np.ndarray:
    """All sign(±x^a ± x^b ± x^c)."""
    signs = np.asarray(list(itertools.product([1, -1], repeat=3)))
    triples = [patterns[list(three)] for three in itertools.combinations(range(len(patterns)), 3)]
    return np.concatenate([np.sign(signs @ three) for three in triples]) if triples else patterns[:0]


def energy_plane(
    network: AbstractFeedback, first: Any, second: Any, *, draws: int = 20, seed: int = 0
) -> tuple[Float[np.ndarray, " agree"], Float[np.ndarray, " differ"], Float[np.ndarray, "agree differ"]]:
    """The energy seen from two states: mean over random states that share given parts of both, for a picture.

    Of the neurons on which the two agree a share is turned away from them (rows); of those on which they differ a share
    is turned from the first to the second (columns). Corner (0, 0) is the first state, (0, 1) the second.
    Returns ``(shares turned away, shares turned over, energies)``.
    """
    first, second = (np.asarray(state, np.float32) for state in (first, second))
    rng, low_high = np.random.default_rng(seed), sum(network.levels)
    agree, differ = np.flatnonzero(first == second), np.flatnonzero(first != second)
    steps = [np.unique(np.linspace(0, len(part), min(len(part), 20) + 1).astype(int)) for part in (agree, differ)]
    states = np.broadcast_to(first, (len(steps[0]), len(steps[1]), draws, len(first))).copy()
    for (row, away), (column, over) in itertools.product(enumerate(steps[0]), enumerate(steps[1])):
        for draw in range(draws):
            turned = [rng.choice(agree, away, replace=False), rng.choice(differ, over, replace=False)]
            place = np.concatenate(turned).astype(int)
            states[row, column, draw, place] = low_high - states[row, column, draw, place]
    energies = np.asarray(network.energy(jnp.asarray(states))).mean(-1)
    return steps[0] / max(len(agree), 1), steps[1] / max(len(differ), 1), energies
