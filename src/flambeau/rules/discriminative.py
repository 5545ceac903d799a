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

from flambeau.dynamics.label_units import class_scores, each_label, without_label
from flambeau.errors import ConfigurationError
from flambeau.foundation.precision import dtype
from flambeau.rules.base import AbstractRule, Batch, Proposed, mean_over, total
from flambeau.rules.contrastive import ContrastiveDivergence, ContrastiveState


class ByClass(NamedTuple):
    """Σ_k a_k T_k for every row ``(batch, hidden)``, and Σ_rows a_k T_k for every class ``(classes, hidden)``."""

    rows: Float[Array, "batch hidden"]
    classes: Float[Array, "classes hidden"]


def by_class(machine: Any, x: Float[Array, "batch features"], amounts: Float[Array, "batch classes"]) -> ByClass:
    """Hidden statistics T_k = E[t(h) | x, k] of every class, in the given amounts; one class at a time, to save memory.

    With amounts P(y | x) the rows are E[t(h) | x], the label summed out.
    """
    net = machine.hidden_net(without_label(machine, x))
    each = machine.structure.project(each_label(machine, x))

    def add(rows: Array, given: tuple[Array, Array]) -> tuple[Array, Array]:
        weighed = given[1][:, None] * machine.hidden.statistic(machine.hidden.mean(net + given[0]))
        return rows + weighed, weighed.sum(0)

    return ByClass(*jax.lax.scan(add, jnp.zeros_like(net), (each, amounts.T)))


def told_apart(machine: Any, batch: Batch) -> tuple[Array, Array, Array, Array]:
    """``(x, y, weights, log P(y | x))``: a row with no label set counts for nothing."""
    x, y = batch.inputs[:, : -machine.label], batch.inputs[:, -machine.label :]
    return x, y, batch.weights * jnp.any(y > 0, axis=-1), jax.nn.log_softmax(class_scores(machine, x))


class Discriminative(AbstractRule):
    """The exact gradient of the mean -log P(y | x), written with the structure's verbs.

    The label columns of ``batch.inputs`` are the machine's; a row with none set has no label and counts for nothing.
    Info: ``loss``, the mean cross-entropy of the labelled rows; ``weight``, theirs.

    Raises :class:`~flambeau.errors.ConfigurationError` for a machine without a label.

    >>> from flambeau.networks import rbm
    >>> machine = rbm(4, 3, label=2, key=jax.random.key(0))
    >>> propose = eqx.filter_jit(Discriminative().propose)  # not a program for each operation
    >>> rows = jnp.asarray([[1.0, 0, 1, 1, 0, 1], [0, 1, 0, 0, 1, 0]])
    >>> proposal, _, info = propose(machine, Batch(rows, rows, jnp.ones(2)), (), jax.random.key(0))
    >>> proposal.structure.weights.shape, round(float(info["loss"]), 2)
    ((6, 3), 0.69)

    *Limits.* It teaches nothing of how x is distributed: such a machine does not generate. Source: Larochelle and
    Bengio 2008, Classification using discriminative restricted Boltzmann machines. Lecture: 深度信念网络.
    """

    def init(self, network: Any, batch: Any) -> PyTree:
        if not network.label:
            remedy = "build it with one: rbm(784, 500, label=10, key=...)"
            raise ConfigurationError("Discriminative", "a machine with a label", "none", remedy)
        return ()

    def propose(self, network: Any, batch: Batch, state: PyTree, key: Array) -> Proposed:
        """What the classes explain too much of, minus what the right one explains."""
        x, y, weights, log_p = told_apart(network, batch)
        error = (weights / total(weights))[:, None] * (jnp.exp(log_p) - y)
        loss = mean_over(-jnp.sum(y * log_p, axis=-1), weights)
        return self.gradient(network, x, error), state, {"loss": loss, "weight": jnp.sum(weights)}

    def gradient(self, network: Any, x: Array, error: Array) -> Any:
        """Σ_rows Σ_k e_k ∂(log-score of k), shaped like the network; each row's e sums to 0."""
        found, blank = by_class(network, x, error), without_label(network, x)
        pre = jnp.concatenate([network.visible.statistic(blank), each_label(network, x)])
        weights = network.structure.correlate(pre, jnp.concatenate(found))
        bias = network.visible_bias
        return dataclasses.replace(
            network,
            structure=network.structure.with_weights(weights),
            visible_bias=jnp.zeros_like(bias).at[-network.label :].set(error.sum(0)),
            hidden_bias=found.rows.sum(0),
            visible=own_gradient(network, blank, found.rows),
        )


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

    Arguments: ``generative``, a :class:`~flambeau.rules.ContrastiveDivergence` (it draws a missing label from
    P(y | x)); ``generative_weight``, 0.01 by default.

    Info: ``loss`` and ``weight``, those of :class:`Discriminative`; ``generative_loss``, ``hidden``, ``particles`` of
    the other part.

    >>> float(Hybrid(ContrastiveDivergence(), 0.5).generative_weight)
    0.5

    *Limits.* With few labels a larger generative weight does better; it is a number to search. Source: Larochelle and
    Bengio 2008. Lecture: 深度信念网络.
    """

    generative: ContrastiveDivergence
    generative_weight: Float[Array, ""] = eqx.field(
        converter=lambda share: jnp.asarray(np.asarray(share, dtype())), default=0.01
    )

    def init(self, network: Any, batch: Any) -> HybridState:
        Discriminative().init(network, batch)
        return HybridState(self.generative.init(network, batch))

    def propose(self, network: Any, batch: Batch, state: HybridState, key: Array) -> Proposed:
        telling, _, info = Discriminative().propose(network, batch, (), key)
        making, inner, seen = self.generative.propose(network, batch, state.generative, key)
        proposal = jax.tree.map(lambda a, b: a + self.generative_weight.astype(b.dtype) * b, telling, making)
        more = {"generative_loss": seen["loss"], "hidden": seen["hidden"], "particles": seen["particles"]}
        return proposal, HybridState(inner), {**info, **more}


@dataclasses.dataclass(frozen=True)
class LabelEvaluation:
    """``(machine, batch) -> (mean -log P(y | x), numbers for the history)``: what early stopping and curves score by.

    A value: any two are equal and share a program. Rows without a label do not count.
    """

    def __call__(self, network: PyTree, batch: Batch) -> tuple[Array, dict[str, Array]]:
        """Cross-entropy and share of right decisions over the labelled rows; NaN where there are none."""
        _, y, weights, log_p = told_apart(network, batch)
        some = jnp.sum(weights) > 0  # a mean of nothing must never count as the best
        error = jnp.where(some, mean_over(-jnp.sum(y * log_p, axis=-1), weights), jnp.nan)
        right = jnp.argmax(log_p, axis=-1) == jnp.argmax(y, axis=-1)
        accuracy = jnp.where(some, mean_over(right, weights), jnp.nan)
        return error, {"validation_loss": error, "validation_accuracy": accuracy}
