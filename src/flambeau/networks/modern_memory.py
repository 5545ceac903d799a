r"""The modern associative memory: states are real, patterns are many, and one update is attention.

    q ← X' p(β X q),      E(q) = -ψ*(β X q) / β + ½ q'q + C / β + ½ M²,      p = ∇ψ*

M is the largest norm of a pattern. ψ* is convex, so each update minimises an upper bound of E that touches it at q, and
E never rises; C, the flattest value of -ψ, makes 0 ≤ E(q) ≤ 2M² for |q| ≤ M. Softmax gives the energy of Ramsauer et
al., sparsemax that of Hu et al. With queries, keys and values for q, X and Y it is scaled dot-product attention.
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from flambeau.errors import ConfigurationError, DataError
from flambeau.networks.attention_separations import AbstractSeparation, separation_of

__all__ = ["ModernMemory", "answer", "one_step_bound", "pattern_separation"]

EXACT = jax.lax.Precision.HIGHEST  # some accelerators round products to ten bits, and the energy would no longer fall

Queries = Float[Array, "*batch units"]


class ModernMemory(eqx.Module):
    """Patterns X ``(patterns, units)``, an inverse temperature β, and what the patterns stand for.

    Arguments: ``beta`` β > 0, None for 1/√units as in attention; ``values`` Y ``(patterns, outputs)``, None for the
    patterns themselves; ``separation``: "softmax", "sparsemax", or an object of
    :mod:`flambeau.networks.attention_separations`.

    Raises :class:`~flambeau.errors.ConfigurationError`, :class:`~flambeau.errors.DataError` for shapes that do not fit.

    >>> memory = ModernMemory(jnp.asarray([[2.0, 0.0], [0.0, 2.0]]), beta=4.0)
    >>> q = jnp.asarray([1.0, 0.5])
    >>> [round(float(number), 3) for number in memory.retrieve(q)]
    [1.964, 0.036]
    >>> bool(memory.energy(memory.retrieve(q)) < memory.energy(q))
    True

    *Limits.* β decides: low, and all patterns blur into their mean; high, and the one of the largest x'q answers, which
    is the nearest one only among patterns of equal norm. Source: Ramsauer et al. 2020, "Hopfield networks is all you
    need"; Hu et al. 2023; Millidge et al. 2022. Lecture: Hopfield Network, 联想记忆.
    """

    patterns: Float[Array, "patterns units"]
    beta: Float[Array, ""]
    values: Float[Array, "patterns outputs"] | None
    separation: AbstractSeparation

    def __init__(
        self, patterns: Any, beta: Any = None, values: Any = None, separation: str | AbstractSeparation = "softmax"
    ) -> None:
        self.patterns = jnp.asarray(patterns, float)
        self.beta = inverse_temperature(beta, self.patterns.shape[-1])
        self.values = None if values is None else jnp.asarray(values, float)
        self.separation = separation_of(separation)

    def __check_init__(self) -> None:
        shape = self.patterns.shape
        if len(shape) != 2 or not shape[0]:
            raise DataError("ModernMemory, patterns", "at least one row", shape, "give an array (patterns, units)")
        if self.values is not None and (self.values.ndim != 2 or len(self.values) != shape[0]):
            expected, remedy = f"one row for each of the {shape[0]} patterns", "give an array (patterns, outputs)"
            raise DataError("ModernMemory, values", expected, self.values.shape, remedy)

    def similarity(self, q: Queries) -> Float[Array, "*batch patterns"]:
        """X q."""
        return jnp.matmul(q, self.patterns.T, precision=EXACT)

    def attention(self, q: Queries) -> Float[Array, "*batch patterns"]:
        """p(β X q): the share of each pattern in the answer."""
        return self.separation.shares(self.beta * self.similarity(q))

    def energy(self, q: Queries) -> Float[Array, "*batch"]:
        """E(q); its gradient is q - X' p(β X q)."""
        largest = (self.patterns**2).sum(-1).max()
        constant = self.separation.flattest(len(self.patterns)) / self.beta + largest / 2
        return (q**2).sum(-1) / 2 + constant - self.separation.conjugate(self.beta * self.similarity(q)) / self.beta

    def update(self, q: Queries) -> Queries:
        """X' p(β X q): one step among the patterns, whatever they stand for."""
        return jnp.matmul(self.attention(q), self.patterns, precision=EXACT)

    def read(self, q: Queries) -> Float[Array, "*batch outputs"]:
        """Y' p(β X q): what the patterns stand for, mixed by the same shares."""
        values = self.patterns if self.values is None else self.values
        return jnp.matmul(self.attention(q), values, precision=EXACT)

    def retrieve(self, q: Queries, steps: int | Int[Array, ""] = 1) -> Float[Array, "*batch outputs"]:
        """``steps`` updates, at least one, of which the last reads the values.

        Differentiable in reverse where ``steps`` is a plain number.
        """
        return answer(self.separation, self.beta, q, self.patterns, self.values, steps)

    def come_to_rest(
        self, q: Float[Array, "batch units"], max_steps: int | Int[Array, ""] = 100, tolerance: float | Array = 1e-5
    ) -> tuple[Float[Array, "batch units"], Int[Array, " batch"], Array]:
        """Update until no state moves: the states, after how many updates each still moved, and whether it rests.

        A state rests where an update moves none of its numbers by more than ``tolerance`` of the largest one stored.
        """
        reach = tolerance * jnp.abs(self.patterns).max()

        def body(carry: tuple[Array, Array, Array, Array]) -> tuple[Array, Array, Array, Array]:
            number, q, steps, still = carry
            moved = jnp.where(still[:, None], q, self.update(q))
            still = still | (jnp.abs(moved - q) <= reach).all(-1)
            return number + 1, moved, jnp.where(still, steps, number + 1), still

        def unfinished(carry: tuple[Array, Array, Array, Array]) -> Array:
            return (carry[0] < max_steps) & ~carry[3].all()

        none = jnp.zeros(len(q), jnp.int32)
        start = jnp.zeros((), jnp.int32), q, none, none.astype(bool)
        return jax.lax.while_loop(unfinished, body, start)[1:]


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

    ``mask`` (broadcastable to queries by keys) is False where a key may not be seen.
    """

    def shares(q: Array) -> Array:
        z = beta * jnp.matmul(q, keys.swapaxes(-1, -2), precision=EXACT)
        return separation.shares(z if mask is None else jnp.where(mask, z, jnp.finfo(z.dtype).min / 2))

    def update(_: Any, q: Array) -> Array:
        return jnp.matmul(shares(q), keys, precision=EXACT)

    queries = jax.lax.fori_loop(0, steps - 1, update, queries)
    return jnp.matmul(shares(queries), keys if values is None else values, precision=EXACT)


def inverse_temperature(beta: Any, units: int) -> Float[Array, ""]:
    """β as an array, so that another one runs the same program; None is 1/√units."""
    if beta is None:
        return jnp.asarray(1 / math.sqrt(max(units, 1)), float)
    if isinstance(beta, int | float) and not 0 < beta < math.inf:
        raise ConfigurationError("ModernMemory.beta", "a finite number above 0", beta, "set beta=1.0")
    return jnp.asarray(beta, float)


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

    >>> bool(one_step_bound(2 * jnp.eye(3), 8.0, 0.5)[0] < 1e-5)
    True

    *Limits.* Loose: it says nothing until Δ_i exceeds 2 d M. Source: Ramsauer et al. 2020. Lecture: 联想记忆.
    """
    largest = jnp.sqrt((patterns**2).sum(-1).max())
    spare = pattern_separation(patterns) - 2 * jnp.asarray(distance) * largest
    return 2 * (len(patterns) - 1) * jnp.exp(-jnp.asarray(beta) * spare) * largest
