r"""Learning to tell classes apart with a Boltzmann machine: the exact gradient of log P(y | x), alone or hybrid.

The last ``classes`` visible columns are the label y, one softmax group. With p = P(y | x) from
:func:`flambeau.dynamics.class_scores`, e = p - y, and T_k = E[t(h) | x, k] at net inputs c + W t(x) + U_k,

    ∂(-log P(y | x))     weights   t(x) Σ_k e_k T_k' and, for U_k, e_k T_k;    c   Σ_k e_k T_k;    d   e,

which is one ``correlate``: nothing is sampled, nothing is approximated.
"""

import dataclasses
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from flambeau.dynamics.label_units import class_scores
from flambeau.errors import ConfigurationError
from flambeau.foundation.precision import dtype
from flambeau.rules.base import AbstractRule, Batch, mean_over, total
from flambeau.rules.contrastive import ContrastiveDivergence, ContrastiveState

__all__ = ["Discriminative", "Hybrid", "LabelEvaluation", "by_class"]


class ByClass(NamedTuple):
    """Σ_k a_k T_k for every row ``(batch, hidden)``, and Σ_rows a_k T_k for every class ``(classes, hidden)``."""

    rows: Float[Array, "batch hidden"]
    classes: Float[Array, "classes hidden"]


def by_class(machine: Any, x: Float[Array, "batch features"], amounts: Float[Array, "batch classes"]) -> ByClass:
    """Hidden statistics T_k = E[t(h) | x, k] of every class, in the given amounts; one class at a time, to save memory.

    With amounts P(y | x) the rows are E[t(h) | x], the label summed out.
    """
    classes = amounts.shape[-1]
    net = machine.hidden_net(jnp.concatenate([x, jnp.zeros_like(amounts)], axis=-1))
    each = machine.structure.project(codes(x.shape[-1], classes, x.dtype))

    def add(rows: Array, given: tuple[Array, Array]) -> tuple[Array, Array]:
        weighed = given[1][:, None] * machine.hidden.statistic(machine.hidden.mean(net + given[0]))
        return rows + weighed, weighed.sum(0)

    return ByClass(*jax.lax.scan(add, jnp.zeros_like(net), (each, amounts.T)))


def codes(features: int, classes: int, kind: Any) -> Array:
    """Visible rows ``(classes, features + classes)`` that show a label and nothing else."""
    return jnp.concatenate([jnp.zeros((classes, features), kind), jnp.eye(classes, dtype=kind)], axis=-1)


class Discriminative(AbstractRule):
    """The exact gradient of the mean -log P(y | x), written with the structure's verbs.

    Arguments: ``classes``, the label columns at the end of ``batch.inputs``; a row with none set has no label and
    counts for nothing. Info: ``loss``, the mean cross-entropy of the labelled rows; ``weight``, theirs.

    Raises :class:`~flambeau.errors.ConfigurationError` for a network without such columns.

    >>> from flambeau.networks import rbm
    >>> from flambeau.neurons import Bernoulli, Categorical, Mixed
    >>> machine = rbm(6, 3, Mixed((Bernoulli(), Categorical(2)), (4, 2)), key=jax.random.key(0))
    >>> rule, rows = Discriminative(2), jnp.asarray([[1.0, 0, 1, 1, 0, 1], [0, 1, 0, 0, 1, 0]])
    >>> proposal, _, info = rule.propose(machine, Batch(rows, rows, jnp.ones(2)), (), jax.random.key(0))
    >>> proposal.structure.weights.shape, round(float(info["loss"]), 2)
    ((6, 3), 0.69)

    *Limits.* It teaches nothing of how x is distributed: such a machine does not generate. Source: Larochelle and
    Bengio 2008, Classification using discriminative restricted Boltzmann machines. Lecture: 深度信念网络.
    """

    classes: int = eqx.field(static=True)

    def init(self, network: Any) -> PyTree:
        """Nothing to remember."""
        columns = network.visible_bias.shape[-1]
        if not 2 <= self.classes < columns:
            expected = f"from 2 to {columns - 1} classes, beside at least one other of {columns} visible columns"
            remedy = "make the last columns a softmax group: Mixed((Bernoulli(), Categorical(10)), (784, 10))"
            raise ConfigurationError("Discriminative.classes", expected, self.classes, remedy)
        return ()

    def propose(
        self, network: Any, batch: Batch, state: PyTree, key: Array
    ) -> tuple[PyTree, PyTree, dict[str, PyTree]]:
        """What the classes explain too much of, minus what the right one explains."""
        x, y = batch.inputs[:, : -self.classes], batch.inputs[:, -self.classes :]
        weights = batch.weights * jnp.any(y > 0, axis=-1)
        log_p = jax.nn.log_softmax(class_scores(network, x, self.classes))
        error = (weights / total(weights))[:, None] * (jnp.exp(log_p) - y)
        loss = mean_over(-jnp.sum(y * log_p, axis=-1), weights)
        return self.gradient(network, x, error), state, {"loss": loss, "weight": jnp.sum(weights)}

    def gradient(self, network: Any, x: Array, error: Array) -> Any:
        """Σ_rows Σ_k e_k ∂(log-score of k), shaped like the network; each row's e sums to 0."""
        found, blank = by_class(network, x, error), jnp.concatenate([x, jnp.zeros_like(error)], axis=-1)
        pre = jnp.concatenate([network.visible.statistic(blank), codes(x.shape[-1], self.classes, x.dtype)])
        weights = network.structure.correlate(pre, jnp.concatenate(found))
        bias = network.visible_bias
        return dataclasses.replace(
            network,
            structure=network.structure.with_weights(weights),
            visible_bias=jnp.zeros_like(bias).at[-self.classes :].set(error.sum(0)),
            hidden_bias=found.rows.sum(0),
            visible=own_gradient(network, blank, found.rows),
        )

    def conclude(self, network: PyTree, state: PyTree) -> PyTree:
        """The last network."""
        return network


def own_gradient(network: Any, v: Array, rows: Array) -> Any:
    """What the visible units' own parameters (a learned variance) receive: their slope's part that depends on h."""
    bias, each = network.visible_bias, jnp.ones(len(v), v.dtype)
    back = bias + network.structure.backproject(rows)
    with_h, without = (network.visible.slope(v, net, bias, each) for net in (back, jnp.broadcast_to(bias, back.shape)))
    return jax.tree.map(jnp.subtract, with_h, without)


class HybridState(NamedTuple):
    """What the generative part needs; the other needs nothing."""

    generative: ContrastiveState


class Hybrid(AbstractRule):
    """Discriminative learning with a share of generative learning, which regularises it and uses rows without a label:

        -mean log P(y | x) over the labelled rows  -  generative_weight · mean log P(x, y) over all rows.

    Arguments: ``generative``, a :class:`~flambeau.rules.ContrastiveDivergence` whose ``classes`` are the label columns
    (it draws a missing label from P(y | x)); ``generative_weight``, 0.01 by default.

    Info: ``loss`` and ``weight``, those of :class:`Discriminative`; ``generative_loss``, ``hidden``, ``particles`` of
    the other part.

    >>> Hybrid(ContrastiveDivergence(classes=10)).discriminative.classes
    10

    *Limits.* With few labels a larger generative weight does better; it is a number to search. Source: Larochelle and
    Bengio 2008. Lecture: 深度信念网络.
    """

    generative: ContrastiveDivergence
    generative_weight: Float[Array, ""] = eqx.field(
        converter=lambda share: jnp.asarray(np.asarray(share, dtype())), default=0.01
    )

    @property
    def discriminative(self) -> Discriminative:
        """The other part."""
        return Discriminative(self.generative.classes)

    def init(self, network: Any) -> HybridState:
        """The generative part's state."""
        self.discriminative.init(network)
        return HybridState(self.generative.init(network))

    def propose(
        self, network: Any, batch: Batch, state: HybridState, key: Array
    ) -> tuple[PyTree, HybridState, dict[str, PyTree]]:
        """The two proposals, added."""
        telling, _, info = self.discriminative.propose(network, batch, (), key)
        making, inner, seen = self.generative.propose(network, batch, state.generative, key)
        proposal = jax.tree.map(lambda a, b: a + self.generative_weight.astype(b.dtype) * b, telling, making)
        more = {"generative_loss": seen["loss"], "hidden": seen["hidden"], "particles": seen["particles"]}
        return proposal, HybridState(inner), {**info, **more}

    def conclude(self, network: PyTree, state: PyTree) -> PyTree:
        """The last network."""
        return network


@dataclasses.dataclass(frozen=True)
class LabelEvaluation:
    """``(machine, batch) -> (mean -log P(y | x), numbers for the history)``: what early stopping and curves score by.

    A value: two for the same number of ``classes`` are equal and share a program. Rows without a label do not count.
    """

    classes: int

    def __call__(self, network: PyTree, batch: Batch) -> tuple[Array, dict[str, Array]]:
        """Cross-entropy and share of right decisions over the labelled rows."""
        x, y = batch.inputs[:, : -self.classes], batch.inputs[:, -self.classes :]
        weights = batch.weights * jnp.any(y > 0, axis=-1)
        log_p = jax.nn.log_softmax(class_scores(network, x, self.classes))
        error = mean_over(-jnp.sum(y * log_p, axis=-1), weights)
        right = jnp.argmax(log_p, axis=-1) == jnp.argmax(y, axis=-1)
        return error, {"validation_loss": error, "validation_accuracy": mean_over(right, weights)}
