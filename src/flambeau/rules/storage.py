r"""Storage by one look at each pattern that asks what the memory knows already: Storkey, projection.

Patterns are the rows of a batch, -1 and +1; each rule says how the weights change so that they become fixed points of
h = Ws - θ. All go through the same loop as every other learning. Lecture: Associative Memories (联想记忆).
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from flambeau.errors import ConfigurationError
from flambeau.rules.base import AbstractRule, Batch
from flambeau.rules.hebbian import Ends, check_patterns, check_states, told
from flambeau.structures.lateral import Lateral, without_diagonal

__all__ = ["Projection", "Storkey"]


class Storkey(AbstractRule):
    r"""Hebb less what the memory already knows; patterns are taken one after the other.

    With local fields h_ij = Σ_{k≠i,j} w_ik x_k,

        order 1:  Δw_ij = (x_i x_j - x_i h_ji - h_ij x_j) / N,      order 2:  Δw_ij = (x_i - h_ij)(x_j - h_ji) / N.

    With a = Wx, order 1 is (2W + xx' - xa' - ax') / N and order 2 is G∘G' / N, G = (x - a)1' + W∘(1x'). A pattern's
    weight multiplies its change, which is not the pattern stored twice: the second time it is known.

    *Limits.* The order of the patterns matters, and none can be taken out again. Source: Storkey 1997; Storkey and
    Valabregue 1999.
    """

    order: int = eqx.field(static=True, default=1)

    def __check_init__(self) -> None:
        if self.order not in (1, 2):
            raise ConfigurationError("Storkey.order", "1 or 2", self.order, "choose one")

    def init(self, network: PyTree, batch: Any) -> PyTree:
        check_states(network, "Storkey")
        return ()

    def propose(
        self, network: PyTree, batch: Batch, state: PyTree, key: Array
    ) -> tuple[PyTree, PyTree, dict[str, PyTree]]:
        """A scan over the patterns; one of weight 0 is not there."""
        ((wiring, patterns, _),) = check_patterns(network, batch, "Storkey")
        change = first_order if self.order == 1 else second_order

        def one(weights: Array, given: tuple[Array, Array]) -> tuple[Array, None]:
            x, weight = given
            now: Any = wiring.with_weights(weights)
            return weights + weight * change(now, x), None

        weights, _ = jax.lax.scan(one, wiring.weights, (patterns, batch.weights))
        return network.changed(weights - wiring.weights), state, told(network, batch)


def first_order(wiring: Lateral, x: Array) -> Array:
    """(2W + xx' - xa' - ax') / N, without its diagonal."""
    a = wiring.project(x)
    both = wiring.correlate(x[None], (x - a)[None]) - wiring.correlate(a[None], x[None])
    return (2 * wiring.weights + both) / x.shape[0]


def second_order(wiring: Lateral, x: Array) -> Array:
    """G∘G' / N, without its diagonal."""
    g = wiring.per_unit(x - wiring.project(x)) + wiring.weights * x[:, None]
    return without_diagonal(g * g.T / x.shape[0])


class Projection(AbstractRule):
    """The pseudo-inverse rule: each wiring maps its patterns exactly, W = Σ_k post_k d_k', the d_k dual to the pre_k.
    Where each pattern is its own partner that is the projection P onto the patterns, and all of them are fixed points.

    With the part r = x - Px of a pattern that is new, q = r / ‖r‖ and e = post - Wx, each adds correlate(q, e / ‖r‖),
    and P += qq'; a pattern that depends on the earlier ones adds nothing. The state is the P of each wiring with its
    diagonal; a network that hears it without has x_i h_i = 1 - P_ii > 0.

    A pattern's weight counts only as 0 or not. Info: besides those of :func:`told`, ``dependent``, how many patterns
    added nothing.

    *Limits.* Fewer independent patterns than neurons (with as many P is the identity, and nothing is left of it without
    its diagonal), useful basins up to about half as many; not local. Source: Personnaz, Guyon,
    Dreyfus 1985; Kanter and Sompolinsky 1987.
    """

    def init(self, network: PyTree, batch: Any) -> PyTree:
        """Nothing is spanned yet."""
        check_states(network, "Projection")
        return tuple(jnp.zeros(wiring.input_shape * 2, wiring.weights.dtype) for wiring in network.wirings)

    def propose(
        self, network: PyTree, batch: Batch, state: PyTree, key: Array
    ) -> tuple[PyTree, PyTree, dict[str, PyTree]]:
        """A scan over the patterns; one of weight 0 is not there."""
        found = [
            widened(each, spanned, batch.weights != 0)
            for each, spanned in zip(check_patterns(network, batch, "Projection"), state, strict=True)
        ]
        changes, spanned, new = zip(*found, strict=True)
        dependent = jnp.sum((batch.weights != 0) & ~new[0])
        return network.changed(*changes), spanned, {**told(network, batch), "dependent": dependent}


def widened(ends: Ends, spanned: Array, there: Array) -> tuple[Array, Array, Array]:
    """``(change of the weights, P with the patterns in its span, which of them were new)``."""
    x, wiring = ends.pre, ends.structure
    apart = x - x @ spanned
    apart = apart - apart @ spanned  # twice, for rounding's sake
    missing = apart if ends.post is None else ends.post - wiring.project(x)
    least = jnp.maximum(1e-9, 100 * jnp.finfo(x.dtype).eps ** 2 * x.shape[1]) * x.shape[1]

    def one(known: tuple[Array, Array], given: tuple[Array, ...]) -> tuple[tuple[Array, Array], Array]:
        (basis, posts), (place, r, error, present) = known, given
        shares = basis @ r
        r, error = r - shares @ basis, error - shares @ posts
        again = basis @ r
        r = r - again @ basis
        length = jnp.sum(r**2)
        take = present & (length > least)
        scale = jnp.where(take, jax.lax.rsqrt(jnp.where(take, length, 1)), 0)
        return (basis.at[place].set(scale * r), posts.at[place].set(scale * error)), take

    start = jnp.zeros_like(apart), jnp.zeros_like(missing)
    places = jnp.arange(len(x))
    (basis, posts), new = jax.lax.scan(one, start, (places, apart, missing, there))
    wider = spanned + basis.T @ basis
    if ends.post is None:
        return heard(wider) - wiring.weights, wider, new
    return wiring.correlate(basis, posts), wider, new


def heard(spanned: Array) -> Array:
    """The projection without its diagonal; where P_ii is 1 the rest of row and column is 0, whatever rounding says.

    A neuron in which alone two patterns differ is one: it hears nothing, and keeps its state.
    """
    own = jnp.diagonal(spanned) > 1 - 100 * jnp.finfo(spanned.dtype).eps
    return jnp.where(own[:, None] | own, 0, without_diagonal(spanned))
