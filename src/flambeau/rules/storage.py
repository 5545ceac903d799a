r"""Storage that asks what the memory knows already: in one look (Storkey, projection), or by repetition.

Patterns are the rows of a batch, -1 and +1; each rule says how the weights change so that they become fixed points of
h = Ws - θ. All go through the same loop as every other learning. The stability of a bit is x_i h_i: positive, it stays;
large against ‖w_i‖, its pattern attracts from afar. Unlearning is the opposite: dreams that are forgotten. Lecture:
Associative Memories (联想记忆).
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from flambeau.dynamics.settling import AbstractUpdate, Asynchronous, settle
from flambeau.errors import ConfigurationError
from flambeau.foundation.random import uniform
from flambeau.rules.base import AbstractRule, Batch, Proposed, mean_over, total
from flambeau.rules.hebbian import AbstractStorage, Ends, check_patterns, check_states, told
from flambeau.structures.lateral import Lateral, without_diagonal


class Storkey(AbstractStorage):
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

    def propose(self, network: PyTree, batch: Batch, state: PyTree, key: Array) -> Proposed:
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

    def propose(self, network: PyTree, batch: Batch, state: PyTree, key: Array) -> Proposed:
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


class MarginPerceptron(AbstractStorage):
    """The perceptron rule for every neuron: where x_i h_i / ‖w_i‖ < κ, w_i += x_i x / N.

    Arguments: ``margin`` κ, which buys basins; ``worst``, whether each neuron learns only from its worst pattern of the
    batch (MinOver). Whether the weights stay symmetric, so that the energy's promise holds, is the wiring's to say.
    Train with ``batch_size=1`` for the classical form, with all patterns at once for speed, and stop at ``NoMistakes``:
    mistakes are patterns with a bit below the margin.

    *Limits.* Up to 2 patterns per neuron (κ = 0, asymmetric weights); beyond, or for too wide a margin, it never ends.
    Source: Gardner 1988; Krauth and Mézard 1987; Diederich and Opper 1987.
    """

    margin: float = 0.0
    worst: bool = eqx.field(static=True, default=False)

    def propose(self, network: PyTree, batch: Batch, state: PyTree, key: Array) -> Proposed:
        """Two products: the stabilities, and the correlation of patterns with what is unstable."""
        ((wiring, x, _),) = check_patterns(network, batch, "MarginPerceptron")
        length = jnp.maximum(jnp.linalg.norm(wiring.weights, axis=0), jnp.finfo(x.dtype).tiny)
        stability = x * network.net(x) / length
        # An empty neuron has stability 0, and so has one that is just in balance: both learn.
        wrong = (stability <= 0) | (stability < self.margin)
        asked = wrong & (batch.weights > 0)[:, None]
        if self.worst:
            least = jnp.argmin(jnp.where(batch.weights[:, None] > 0, stability, jnp.inf), axis=0)
            asked = asked & (jnp.arange(x.shape[0])[:, None] == least)
        weights = wiring.correlate(x, asked * x * batch.weights[:, None]) / x.shape[1]
        return network.changed(weights), state, told(network, batch, wrong)


class ProbabilityFlow(AbstractStorage):
    """Minimum probability flow: descend K = mean_k Σ_i exp(-x_i h_i), the flow from the patterns to their neighbours.

    Convex in (W, θ): -∂K/∂W = mean_k correlate(x, x∘e) and -∂K/∂θ = -mean_k x∘e, e_i = exp(-x_i h_i); in a symmetric
    wiring a weight and its mirror image move together. ``margin``: patterns whose every x_i h_i exceeds it make no
    mistake; stop there (``NoMistakes``), for K has no minimum once all are stable. Loss: K / N.

    *Limits.* A convex problem, not one look: hundreds of steps. Source: Sohl-Dickstein, Battaglino, DeWeese 2011;
    Hillar, Sohl-Dickstein, Koepsell 2012.
    """

    margin: float = 1.0

    def propose(self, network: PyTree, batch: Batch, state: PyTree, key: Array) -> Proposed:
        """The gradient of K: one correlation."""
        ((wiring, x, _),) = check_patterns(network, batch, "ProbabilityFlow")
        stability = x * network.net(x)
        flow = jnp.exp(-stability)
        pushed = x * flow * (batch.weights / total(batch.weights))[:, None]
        info = told(network, batch, stability <= self.margin)
        info["loss"] = mean_over(jnp.mean(flow, axis=1), batch.weights)
        return network.changed(wiring.correlate(x, pushed), bias=pushed.sum(0)), state, info


class Unlearning(AbstractStorage):
    """Dream and weaken: from random states the network settles in s*, and W -= (s* s*' - ρ x x') / N.

    Spurious memories attract the most random states, so they lose the most. ``refresh`` ρ strengthens the batch's
    patterns at the same time (1 is "daydreaming"). One dream per row of the batch. Where the weights are Σ x x' / N the
    learning rate is the ε of Hopfield, Feinstein, Palmer 1983, 0.01 there; for Hebb's Σ x x' here it is ε N.

    *Limits.* Too many dreams without refreshing erase the memories. Source: Hopfield, Feinstein, Palmer 1983;
    Serricchio et al. 2024 (daydreaming).
    """

    refresh: float = 0.0
    update: AbstractUpdate = Asynchronous("random")
    max_sweeps: int = eqx.field(static=True, default=100)

    def __check_init__(self) -> None:
        if not self.refresh >= 0:
            raise ConfigurationError("Unlearning.refresh", "a number of at least 0", self.refresh, "for instance 1")

    def propose(self, network: PyTree, batch: Batch, state: PyTree, key: Array) -> Proposed:
        """Random states, settled; then two correlations."""
        ((wiring, x, _),) = check_patterns(network, batch, "Unlearning")
        share = batch.weights[:, None]
        start, order = jax.random.split(key)
        asleep = jnp.where(uniform(start, x.shape, x.dtype) < 0.5, -1, 1).astype(x.dtype)
        dreams = jnp.asarray(settle(network, asleep, self.update, key=order, max_sweeps=self.max_sweeps).states)
        weights = self.refresh * wiring.correlate(x * share, x) - wiring.correlate(dreams * share, dreams)
        return network.changed(weights / x.shape[1]), state, told(network, batch)
