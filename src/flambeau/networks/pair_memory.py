r"""Memories of pairs and of sequences: what Hebb's sum does when the two ends of a connection differ.

Pairs (Kosko's bidirectional associative memory): y = sign(Wx), x = sign(W'y), E = -y'Wx, which never rises. Sequences:
the next pattern in place of the same one, h = Ws(t) + λ W's(t - τ), with no energy and no rest.
"""

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from flambeau.dynamics.asynchronous import chosen
from flambeau.errors import ConfigurationError, DataError, check_value, named
from flambeau.rules.storage import without_diagonal

__all__ = ["BidirectionalNetwork", "PairsFound", "SequenceNetwork", "bidirectional_memory", "sequence_memory"]

LEVELS = (-1.0, 1.0)


class PairsFound(NamedTuple):
    """Where pairs came to rest: ``x``, ``y``, whether they are ``fixed``, and after how many there-and-backs."""

    x: Float[Array, "batch left"]
    y: Float[Array, "batch right"]
    fixed: Bool[Array, " batch"]
    sweeps: Int[Array, ""]


class BidirectionalNetwork(eqx.Module):
    """Two layers, wired both ways by the same weights ``(right, left)``; states -1 and +1.

    >>> network = bidirectional_memory([[1, -1, 1, -1], [1, 1, -1, -1]], [[1, 1], [1, -1]])
    >>> found = network.recall(jnp.asarray([[1.0, -1, 1, 1]]))
    >>> found.x.tolist(), found.y.tolist()
    ([[1.0, -1.0, 1.0, -1.0]], [[1.0, 1.0]])

    *Limits.* At most as many pairs as the smaller layer has neurons; of random ones, far fewer come back. Source: Kosko
    1988. Lecture: 联想记忆.
    """

    weights: Float[Array, "right left"]

    def energy(self, x: Float[Array, "batch left"], y: Float[Array, "batch right"]) -> Float[Array, " batch"]:
        """E = -y'Wx."""
        return -((x @ self.weights.T) * y).sum(-1)

    def forward(self, x: Float[Array, "batch left"], y: Float[Array, "batch right"]) -> Float[Array, "batch right"]:
        """y = sign(Wx); where that is 0, y stays."""
        return chosen(x @ self.weights.T, y, LEVELS)

    def backward(self, y: Float[Array, "batch right"], x: Float[Array, "batch left"]) -> Float[Array, "batch left"]:
        """x = sign(W'y); where that is 0, x stays."""
        return chosen(y @ self.weights, x, LEVELS)

    def recall(self, x: Any, max_sweeps: int | Array = 100) -> PairsFound:
        """There and back from x ``(batch, left)`` until nothing changes: layer by layer it always ends.

        A y that hears exactly 0 at the first look is +1, where all y start.
        """
        return self.run(cues(x, self.weights.shape[1], "BidirectionalNetwork.recall, x"), jnp.asarray(max_sweeps))

    @eqx.filter_jit
    def run(self, x: Float[Array, "batch left"], limit: Int[Array, ""]) -> PairsFound:
        """The loop, as one program; the limit is data."""
        start = self.forward(x, jnp.ones((x.shape[0], self.weights.shape[0]), x.dtype))

        def body(carry: tuple) -> tuple:
            number, x, y, _ = carry
            back = self.backward(y, x)
            there = self.forward(back, y)
            return number + 1, back, there, jnp.all(back == x, axis=1) & jnp.all(there == y, axis=1)

        begin = jnp.zeros((), jnp.int32), x, start, jnp.zeros(x.shape[0], bool)
        sweeps, x, y, fixed = jax.lax.while_loop(lambda c: (c[0] < limit) & ~jnp.all(c[3]), body, begin)
        return PairsFound(x, y, fixed, sweeps)


def bidirectional_memory(x: np.ndarray | list, y: np.ndarray | list, *, rule: str = "hebbian") -> BidirectionalNetwork:
    """A memory of pairs ``(K, left)``, ``(K, right)`` of -1 and +1: W = Σ y x', or Y'(XX')⁻¹X with "pseudoinverse".

    The pseudo-inverse maps every x to its y exactly, and only forwards; where the x depend linearly on each other that
    may be impossible, and it says so.
    """
    solve = named("bidirectional_memory, rule", PAIRINGS, rule)
    x, y = np.asarray(x, np.float64), np.asarray(y, np.float64)
    if len(x) != len(y):
        raise DataError("bidirectional_memory", "as many x as y", f"{len(x)} and {len(y)}", "give one y for every x")
    for name, values in (("x", x), ("y", y)):
        bipolar(values, f"bidirectional_memory, {name}")
    weights = y.T @ solve(x)
    missed = (np.abs(x @ weights.T - y) > 1e-6).any(1).sum() if rule == "pseudoinverse" else 0
    if missed:
        text = (
            f"bidirectional_memory: {missed} of {len(x)} x are not mapped to their y exactly, for they depend linearly "
            "on others whose y do not fit; leave some out, or make x wider"
        )
        warnings.warn(text, UserWarning, stacklevel=2)
    return BidirectionalNetwork(jnp.asarray(weights, float))


PAIRINGS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "hebbian": lambda x: x,
    "pseudoinverse": lambda x: np.linalg.pinv(x).T,
}


class SequenceNetwork(eqx.Module):
    """Patterns and the steps between them: h = Ws(t) + λ W's(t - τ).

    W holds each pattern in place, W' = Σ x^{k+1} x^k' / N pulls towards the next one; with a delay τ the pull comes
    after the pattern has stood for τ steps, so λ > 1 makes it move on, about every τ + 1 steps.

    >>> x = np.asarray([[1, 1, 1, 1, -1, -1, -1, -1], [1, 1, -1, -1, 1, 1, -1, -1], [1, -1, 1, -1, 1, -1, 1, -1]])
    >>> path = sequence_memory(x, cyclic=True).run(jnp.asarray(x[:1], float), steps=9)
    >>> [int(np.argmax(x @ state)) for state in np.asarray(path[:, 0])]
    [0, 0, 0, 1, 1, 1, 2, 2, 2, 0]

    *Limits.* Synchronous; not symmetric, so no energy is claimed. Source: Sompolinsky and Kanter 1986; Kleinfeld 1986.
    """

    weights: Float[Array, "units units"]
    transition: Float[Array, "units units"]
    strength: float | Array = 2.0
    delay: int = eqx.field(static=True, default=2)

    def __check_init__(self) -> None:
        if not isinstance(self.strength, jax.core.Tracer) and not 0 <= self.strength < np.inf:
            expected, remedy = "a finite number of at least 0", "say 2, above 1 it moves on"
            raise ConfigurationError("sequence memory, strength", expected, self.strength, remedy)
        check_value("sequence memory, delay", self.delay, 0, whole=True)

    def run(self, start: Any, steps: int) -> Float[Array, "times batch units"]:
        """The states at times 0 to ``steps``, from ``start`` ``(batch, units)``; before time 0 nothing pulls."""
        return self._walk(cues(start, self.weights.shape[0], "SequenceNetwork.run, start"), steps)

    @eqx.filter_jit
    def _walk(self, start: Float[Array, "batch units"], steps: int) -> Float[Array, "times batch units"]:

        def one(past: Array, _: None) -> tuple[Array, Array]:
            net = past[-1] @ self.weights.T + self.strength * (past[0] @ self.transition.T)
            new = chosen(net, past[-1], LEVELS)
            return jnp.concatenate([past[1:], new[None]]), new

        past = jnp.broadcast_to(start, (self.delay + 1, *start.shape))
        waiting = past.at[:-1].set(0) if self.delay else past  # nothing pulls until the start has been seen for τ steps
        return jnp.concatenate([start[None], jax.lax.scan(one, waiting, None, steps)[1]])


def sequence_memory(
    x: np.ndarray | list, *, strength: float = 2.0, delay: int = 2, cyclic: bool = False
) -> SequenceNetwork:
    """A memory of the sequence of rows of x ``(K, units)``, -1 and +1; ``cyclic`` leads the last back to the first."""
    x = np.asarray(x, np.float64)
    bipolar(x, "sequence_memory")
    following = np.roll(x, -1, axis=0) if cyclic else x[1:]
    before = x if cyclic else x[:-1]
    weights = without_diagonal(jnp.asarray(x.T @ x / x.shape[1], float))
    return SequenceNetwork(weights, jnp.asarray(following.T @ before / x.shape[1], float), strength, delay)


def bipolar(values: np.ndarray, where: str) -> None:
    """Rows of -1 and +1."""
    if values.ndim != 2:
        raise DataError(where, "rows of -1 and +1", f"shape {values.shape}", "give one row for each state")
    strange = np.setdiff1d(values, (-1, 1))
    if len(strange):
        got, remedy = ", ".join(f"{value:g}" for value in strange[:4]), "code bits as 2 * bits - 1, graded x as sign(x)"
        raise DataError(where, "rows of -1 and +1", f"{got}, shape {values.shape}", remedy)


def cues(x: Any, units: int, where: str) -> Float[Array, "batch units"]:
    """Rows of -1 and +1, one number for each neuron; while a program is compiled only their shape is known."""
    if not isinstance(x, jax.core.Tracer):
        values = np.asarray(x, float)
        bipolar(values, where)
        x = jnp.asarray(values, float)
    if x.shape[1:] != (units,):
        raise DataError(where, f"rows of {units} states", f"shape {x.shape}", "give one for each neuron")
    return x
