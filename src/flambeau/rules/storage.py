r"""Storage by one look at each pattern: Hebb, covariance, Storkey, projection.

Patterns are the rows of a batch, -1 and +1; each rule says how the weights change so that they become fixed points of
h = Ws - θ. All are local or one product, and all go through the same loop as every other learning. The diagonal stays
0. Lecture: Associative Memories (联想记忆), W = Σ x_k x_k' - K I.
"""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from flambeau.errors import ConfigurationError, DataError
from flambeau.neurons import Bernoulli, Spin
from flambeau.rules.base import AbstractRule, Batch

__all__ = ["Covariance", "Hebbian", "Projection", "Storkey", "told", "without_diagonal"]


def without_diagonal(weights: Float[Array, "units units"]) -> Float[Array, "units units"]:
    """No neuron hears itself."""
    return jnp.where(jnp.eye(weights.shape[0], dtype=bool), 0, weights)


def told(network: Any, batch: Batch, wrong: Array | None = None) -> dict[str, PyTree]:
    """What a storage rule reports of the network *before* the step.

    ``loss``, the share of bits that would flip; ``weight``; ``mistakes``, patterns with such a bit. A rule that asks
    for more than a sign says itself which bits are ``wrong`` ``(batch, units)``.
    """
    x = batch.inputs
    if wrong is None:
        low, high = network.levels
        wrong = (x - (low + high) / 2) * network.field(x) < 0
    present = batch.weights != 0
    share = jnp.sum(wrong * present[:, None]) / jnp.maximum(jnp.sum(present) * x.shape[1], 1)
    mistakes = jnp.sum(jnp.any(wrong, axis=1) & present)
    return {"loss": share.astype(x.dtype), "weight": jnp.sum(jnp.abs(batch.weights)), "mistakes": mistakes}


def fit_for(network: Any, rule: str, unit: type = Spin) -> None:
    """Refuse a network that has no place for the rule's weights, or other neurons than it was written for."""
    if not hasattr(network, "weights") or not isinstance(getattr(network, "unit", None), unit):
        values = "-1 and +1" if unit is Spin else "0 and 1"
        remedy = "use flambeau.networks.hopfield, and recoded for the other pair of values"
        raise ConfigurationError(rule, f"a Hopfield network with states {values}", type(network).__name__, remedy)


def fit_batch(network: Any, batch: Batch, rule: str) -> None:
    """Refuse, while compiling, patterns of another length."""
    if batch.inputs.shape[1:] != network.thresholds.shape:
        expected, got = f"patterns of {network.thresholds.shape[0]} bits", batch.inputs.shape[1:]
        raise DataError(f"{rule}, patterns", expected, got, "build the network for their length")


def moved(network: Any, weights: Array, thresholds: Array | None = None) -> Any:
    """The proposal that changes the weights by ``weights`` (and the thresholds) at a learning rate of 1."""
    still = jnp.zeros_like(network.thresholds) if thresholds is None else -thresholds
    return dataclasses.replace(network, weights=-weights, thresholds=still)


class Hebbian(AbstractRule):
    """What fires together wires together: ΔW = Σ_k x_k x_k' with an empty diagonal, the lecture's rule.

    Weights count: 2 is the pattern stored twice, -1 takes it out again, exactly, for the sums are integers.

    >>> from flambeau.networks import hopfield
    >>> x = jnp.asarray([[1.0, -1, -1, 1], [-1, 1, -1, 1]])
    >>> proposal, _, info = Hebbian().propose(hopfield(4), Batch(x, x, jnp.ones(2)), (), jax.random.key(0))
    >>> (-proposal.weights).astype(int)[0].tolist()
    [0, -2, 0, 0]

    *Limits.* Random patterns only, up to about 0.138 per neuron with a few wrong bits. Source: Hebb 1949, Hopfield
    1982. Lecture: 联想记忆.
    """

    def init(self, network: PyTree, batch: Any) -> PyTree:
        """No state."""
        fit_for(network, "Hebbian")
        return ()

    def propose(
        self, network: PyTree, batch: Batch, state: PyTree, key: Array
    ) -> tuple[PyTree, PyTree, dict[str, PyTree]]:
        """One product."""
        fit_batch(network, batch, "Hebbian")
        weights = without_diagonal((batch.inputs * batch.weights[:, None]).T @ batch.inputs)
        return moved(network, weights), state, told(network, batch)


class Covariance(AbstractRule):
    """Hebb for sparse patterns of 0 and 1: ΔW = Σ (x - a)(x - a)' / (N a (1 - a)), a the share of active neurons.

    At a stored pattern the net input is x_i - a on average, so thresholds of ½ - a lie midway; the first pattern sets
    them. Weights count: 2 is the pattern stored twice. *Limits.* Capacity grows like -1/(a ln a) as a falls, a pattern
    then says less. Source: Tsodyks and Feigelman 1988; Buhmann, Divko, Schulten 1989.
    """

    activity: Float[Array, ""]

    def __init__(self, activity: Any) -> None:
        self.activity = jnp.asarray(activity, float)

    def init(self, network: PyTree, batch: Any) -> PyTree:
        """No state."""
        fit_for(network, "Covariance", Bernoulli)
        return ()

    def propose(
        self, network: PyTree, batch: Batch, state: PyTree, key: Array
    ) -> tuple[PyTree, PyTree, dict[str, PyTree]]:
        """One product, and the thresholds put in their place."""
        fit_batch(network, batch, "Covariance")
        a, apart = self.activity, batch.inputs - self.activity
        scale = a * (1 - a) * batch.inputs.shape[1]
        weights = without_diagonal((apart * batch.weights[:, None]).T @ apart) / scale
        return moved(network, weights, 0.5 - a - network.thresholds), state, told(network, batch)


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
        """No state."""
        fit_for(network, "Storkey")
        return ()

    def propose(
        self, network: PyTree, batch: Batch, state: PyTree, key: Array
    ) -> tuple[PyTree, PyTree, dict[str, PyTree]]:
        """A scan over the patterns; one of weight 0 is not there."""
        fit_batch(network, batch, "Storkey")
        change = first_order if self.order == 1 else second_order

        def one(weights: Array, given: tuple[Array, Array]) -> tuple[Array, None]:
            x, weight = given
            return without_diagonal(weights + weight * change(weights, x)), None

        weights, _ = jax.lax.scan(one, network.weights, (batch.inputs, batch.weights))
        return moved(network, weights - network.weights), state, told(network, batch)


def first_order(weights: Array, x: Array) -> Array:
    """(2W + xx' - xa' - ax') / N."""
    a = weights @ x
    return (2 * weights + jnp.outer(x, x) - jnp.outer(x, a) - jnp.outer(a, x)) / x.shape[0]


def second_order(weights: Array, x: Array) -> Array:
    """g∘g' / N."""
    g = (x - weights @ x)[:, None] + weights * x
    return g * g.T / x.shape[0]


class Projection(AbstractRule):
    """The pseudo-inverse rule: W projects onto the patterns, P = X'(XX')⁻¹X, so all of them are fixed points.

    Pattern by pattern: with the part r = x - Px that is new, P += rr' / ‖r‖²; a pattern that depends on the earlier
    ones adds nothing. The state is P with its diagonal, the network hears it without: x_i h_i = 1 - P_ii > 0.

    A pattern's weight counts only as 0 or not. Info: besides those of :func:`told`, ``dependent``, how many patterns
    added nothing.

    *Limits.* Fewer independent patterns than neurons (with as many P is the identity, and nothing is left of it without
    its diagonal), useful basins up to about half as many; not local. Source: Personnaz, Guyon,
    Dreyfus 1985; Kanter and Sompolinsky 1987.
    """

    def init(self, network: PyTree, batch: Any) -> PyTree:
        """Nothing is spanned yet."""
        fit_for(network, "Projection")
        return jnp.zeros_like(network.weights)

    def propose(
        self, network: PyTree, batch: Batch, state: PyTree, key: Array
    ) -> tuple[PyTree, PyTree, dict[str, PyTree]]:
        """A scan over the patterns; one of weight 0 is not there."""
        fit_batch(network, batch, "Projection")

        def one(spanned: Array, given: tuple[Array, Array]) -> tuple[Array, Array]:
            x, weight = given
            spanned, new = widened(spanned, x, weight != 0)
            return spanned, (weight != 0) & ~new

        spanned, known = jax.lax.scan(one, state, (batch.inputs, batch.weights))
        info = {**told(network, batch), "dependent": jnp.sum(known)}
        return moved(network, heard(spanned) - network.weights), spanned, info


def heard(spanned: Array) -> Array:
    """The projection without its diagonal; where P_ii is 1 the rest of row and column is 0, whatever rounding says.

    A neuron in which alone two patterns differ is one: it hears nothing, and keeps its state.
    """
    own = jnp.diagonal(spanned) > 1 - 100 * jnp.finfo(spanned.dtype).eps
    return jnp.where(own[:, None] | own, 0, without_diagonal(spanned))


def widened(spanned: Array, x: Array, there: Array) -> tuple[Array, Array]:
    """The projection with x in its span, and whether x was new; orthogonalised twice, for rounding's sake."""
    new = x - spanned @ x
    new = new - spanned @ new
    length = jnp.sum(new**2)
    least = jnp.maximum(1e-9, 100 * jnp.finfo(x.dtype).eps ** 2 * x.shape[0]) * x.shape[0]
    take = there & (length > least)
    return spanned + jnp.where(take, 1 / jnp.where(take, length, 1), 0) * jnp.outer(new, new), take
