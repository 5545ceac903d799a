r"""The modern associative memory: states are real, patterns are many, and one update is attention.

    q ← X' p(β X q),      E(q) = -ψ*(β X q) / β + ½ q'q + C / β + ½ M²,      p = ∇ψ*

M is the largest norm of a pattern. ψ* is convex, so each update minimises an upper bound of E that touches it at q, and
E never rises; C, the flattest value of -ψ, makes 0 ≤ E(q) ≤ 2M² for |q| ≤ M. Softmax gives the energy of Ramsauer et
al., sparsemax that of Hu et al. With queries, keys and values for q, X and Y it is scaled dot-product attention.
"""

import math
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from flambeau.dynamics.rest import STILL, until_rest
from flambeau.errors import ConfigurationError, DataError
from flambeau.foundation.memory import in_numpy, kept_apart
from flambeau.foundation.precision import dtype
from flambeau.networks.attention_separations import AbstractSeparation, separation_of
from flambeau.structures.dense import Dense

EXACT = "highest"  # some accelerators round products to ten bits, and the energy would no longer fall

HIDDEN = -1e9  # what is added to hide a key, in the libraries that do not write -inf
Queries = Float[Array, "*batch units"]


class ModernMemory(eqx.Module):
    """Patterns X ``(patterns, units)``, an inverse temperature β, and what the patterns stand for.

    Arguments: ``beta`` β > 0, None for 1/√units as in attention; ``values`` Y ``(patterns, outputs)``, None for the
    patterns themselves; ``separation``: "softmax", "sparsemax", or an object of
    :mod:`flambeau.networks.attention_separations`.

    Raises :class:`~flambeau.errors.ConfigurationError`, :class:`~flambeau.errors.DataError` for shapes that do not fit.

    >>> memory = ModernMemory(jnp.asarray([[2.0, 0.0], [0.0, 2.0]]), beta=4.0)
    >>> q = jnp.asarray([1.0, 0.5])
    >>> np.asarray(memory.retrieve(q)).round(3)
    array([1.964, 0.036], dtype=float32)
    >>> bool(memory.energy(memory.retrieve(q)) < memory.energy(q))
    True

    *Limits.* β decides: low, and all patterns blur into their mean; high, and the one of the largest x'q answers, which
    is the nearest one only among patterns of equal norm. Source: Ramsauer et al. 2020, "Hopfield networks is all you
    need"; Hu et al. 2023; Millidge et al. 2022. Lecture: Hopfield Network, 联想记忆.
    """

    structure: Dense
    beta: Float[Array, ""]
    reading: Dense | None
    separation: AbstractSeparation

    def __init__(
        self, patterns: Any, beta: Any = None, values: Any = None, separation: str | AbstractSeparation = "softmax"
    ) -> None:
        stored = in_numpy(patterns, dtype())
        if stored.ndim != 2 or not len(stored):
            remedy = "give an array (patterns, units)"
            raise DataError("ModernMemory, patterns", "at least one row", stored.shape, remedy)
        self.structure, self.beta = Dense(stored.T), inverse_temperature(beta, stored.shape[1])
        self.separation = separation_of(separation)
        read = None if values is None else in_numpy(values, dtype())
        if read is not None and (read.ndim != 2 or len(read) != len(stored)):
            expected, remedy = f"one row for each of the {len(stored)} patterns", "give an array (patterns, outputs)"
            raise DataError("ModernMemory, values", expected, read.shape, remedy)
        self.reading = None if read is None else Dense(read)

    @property
    def patterns(self) -> Float[Array, "patterns units"]:
        """X, in rows."""
        return self.structure.weights.T

    @property
    def values(self) -> Float[Array, "patterns outputs"] | None:
        """Y, in rows; None where the patterns stand for themselves."""
        return None if self.reading is None else self.reading.weights

    def similarity(self, q: Queries) -> Float[Array, "*batch patterns"]:
        """X q."""
        with jax.default_matmul_precision(EXACT):
            return self.structure.project(q)

    def attention(self, q: Queries) -> Float[Array, "*batch patterns"]:
        """p(β X q): the share of each pattern in the answer."""
        return self.separation.shares(self.beta * self.similarity(q))

    def energy(self, q: Queries) -> Float[Array, "*batch"]:
        """E(q); its gradient is q - X' p(β X q)."""
        largest = (self.structure.weights**2).sum(0).max()
        constant = self.separation.flattest(self.structure.weights.shape[1]) / self.beta + largest / 2
        return (q**2).sum(-1) / 2 + constant - self.separation.conjugate(self.beta * self.similarity(q)) / self.beta

    def update(self, q: Queries) -> Queries:
        """X' p(β X q): one step among the patterns, whatever they stand for."""
        with jax.default_matmul_precision(EXACT):
            return self.structure.backproject(self.attention(q))

    def read(self, q: Queries) -> Float[Array, "*batch outputs"]:
        """Y' p(β X q): what the patterns stand for, mixed by the same shares."""
        if self.reading is None:
            return self.update(q)
        with jax.default_matmul_precision(EXACT):
            return self.reading.project(self.attention(q))

    def retrieve(self, q: Queries, steps: int | Int[Array, ""] = 1) -> Float[Array, "*batch outputs"]:
        """``steps`` updates, at least one, of which the last reads the values.

        Differentiable in reverse where ``steps`` is a plain number.
        """
        return answer(self.separation, self.beta, q, self.patterns, self.values, steps)

    def come_to_rest(
        self, q: Float[Array, "batch units"], max_steps: int | Int[Array, ""] = 100, tolerance: float | Array = 1e-5
    ) -> "Approach":
        """Update until no state moves: the states, after how many updates each still moved, and whether it rests.

        A state rests where an update moves none of its numbers by more than ``tolerance`` of the largest one stored.
        """
        reach = tolerance * jnp.abs(self.structure.weights).max()
        none = jnp.zeros(len(q), jnp.int32)
        start = Approach(q, none, none.astype(bool))
        return until_rest(eqx.Partial(approached, self, reach), STILL, start, max_steps)[0]


class Approach(NamedTuple):
    """The states, after how many updates each still moved, and which are still."""

    states: Float[Array, "batch units"]
    steps: Int[Array, " batch"]
    still: Bool[Array, " batch"]


def approached(memory: ModernMemory, reach: Array, number: Array, now: Approach) -> Approach:
    """One update."""
    states = memory.update(now.states)
    still = (jnp.abs(states - now.states) <= reach).all(-1)
    return Approach(states, jnp.where(still, now.steps, number + 1), still)


def answer(
    separation: AbstractSeparation,
    beta: Array,
    queries: Float[Array, "*batch units"],
    keys: Float[Array, "*stored units"],
    values: Float[Array, "*stored outputs"] | None,
    steps: int | Int[Array, ""] = 1,
    mask: Array | None = None,
) -> Float[Array, "*batch outputs"]:
    """Retrieval as bare arithmetic, for any leading axes that broadcast: softmax(β Q K') V for one step of softmax.

    ``mask`` (broadcastable to queries by keys), see :func:`seen_through`; a query that may see nothing is answered 0.
    """

    def shares(q: Array) -> Array:
        z = beta * jnp.matmul(q, keys.swapaxes(-1, -2), precision=EXACT)
        if mask is None:
            return separation.shares(z)
        seen, added = seen_through(mask)
        return jnp.where(seen, separation.shares(jnp.where(seen, z + added, jnp.finfo(z.dtype).min / 2)), 0)

    def update(_: Any, q: Array) -> Array:
        return jnp.matmul(shares(q), keys, precision=EXACT)

    queries = jax.lax.fori_loop(0, steps - 1, update, queries)
    return jnp.matmul(shares(queries), keys if values is None else values, precision=EXACT)


def seen_through(mask: Array | np.ndarray) -> tuple[Array, Array | float]:
    """Which keys may be seen, and what is added to their similarities.

    A mask of booleans is False where a key may not be seen; one of floats is added, and hides where it is -1e9 or below
    (``-inf``, as other libraries write it). Raises :class:`~flambeau.errors.DataError` for whole numbers, and for
    floats of 0 and 1, which are neither.
    """
    where, expected = "attention, mask", "booleans (True: may be seen) or floats to be added (0, and -inf to hide)"
    if jnp.issubdtype(mask.dtype, jnp.bool_):
        return jnp.asarray(mask), 0.0
    if not jnp.issubdtype(mask.dtype, jnp.floating):
        raise DataError(where, expected, str(mask.dtype), "pass mask.astype(bool) if 1 means that a key may be seen")
    if not isinstance(mask, jax.core.Tracer):
        values = np.asarray(mask)
        if (values == 1).any() and np.isin(values, (0, 1)).all():
            raise DataError(where, expected, "floats of 0 and 1", "pass mask.astype(bool)")
        if np.isnan(values).any() or (values == np.inf).any():
            raise DataError(where, expected, "NaN or +inf", "check how the mask was made")
    seen = jnp.asarray(mask) > HIDDEN
    return seen, jnp.where(seen, mask, 0)


def inverse_temperature(beta: Any, units: int) -> Float[Array, ""]:
    """β as an array, so that another one runs the same program; None is 1/√units."""
    if beta is None:
        return jax.device_put(np.asarray(1 / math.sqrt(max(units, 1)), dtype()))
    if isinstance(beta, int | float) and not 0 < beta < math.inf:
        raise ConfigurationError("ModernMemory.beta", "a finite number above 0", beta, "set beta=1.0")
    return kept_apart(in_numpy(beta, dtype()))


def pattern_separation(patterns: Float[Array, "patterns units"]) -> Float[Array, " patterns"]:
    """Δ_i = x_i·x_i - max_{j≠i} x_i·x_j: how far each pattern leads at its own place; infinite for a single one.

    >>> pattern_separation(jnp.asarray([[2.0, 0.0], [1.0, 1.0]])).tolist()
    [2.0, 0.0]
    """
    products = jnp.matmul(patterns, patterns.T, precision=EXACT)
    others = jnp.where(jnp.eye(len(patterns), dtype=bool), -jnp.inf, products)
    return jnp.diag(products) - others.max(-1)


def one_step_bound(
    patterns: Float[Array, "patterns units"], beta: float | Array, distance: float | Array
) -> Float[Array, " patterns"]:
    """2 (K - 1) exp(-β (Δ_i - 2 d M)) M: how far one softmax update of q may end from pattern i.

    ``distance`` d (a number, or one for each pattern) is at least \\|q - x_i\\|; take the larger of that and
    \\|x*_i - x_i\\|, and it bounds the error against the fixed point x*_i near x_i too. The argument: the others' share
    is at most (K - 1) exp(-β min_j q·(x_i - x_j)), and none of them is further than 2M away.

    >>> bool(one_step_bound(jnp.asarray([[2.0, 0.0], [0.0, 2.0]]), 8.0, 0.5)[0] < 1e-5)
    True

    *Limits.* Loose: it says nothing until Δ_i exceeds 2 d M. Source: Ramsauer et al. 2020. Lecture: 联想记忆.
    """
    largest = jnp.sqrt((patterns**2).sum(-1).max())
    spare = pattern_separation(patterns) - 2 * jnp.asarray(distance) * largest
    return 2 * (len(patterns) - 1) * jnp.exp(-jnp.asarray(beta) * spare) * largest
