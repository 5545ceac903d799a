"""The perceptron rule w += η x (d - y).

One rule serves step, sign and winner-take-all (Kesler) units: the proposal is ``correlate(x, y - d)``, the gradient of
the perceptron criterion Σ (y - d) s with y held fixed. It is *not* the gradient of the squared error, whose slope
through a step is 0 (the lecture's remark holds for a linear unit, see :class:`~flambeau.rules.delta.LeastMeanSquares`).

Pocket, average and vote are keepers (:mod:`flambeau.training.keeping`): they change what is kept, not what is proposed.
Lecture: 单层感知机 (the single-layer perceptron).
"""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from flambeau.rules.base import AbstractRule, Batch, Proposed, checked_trace, mean_over, one_layer


class PerceptronRule(AbstractRule):
    """w += η x (d - y) after every example (use ``batch_size=1`` for the classical form).

    Info: ``loss`` (the perceptron criterion), ``weight``, ``mistakes`` (examples with y ≠ d), ``output``.

    A separable problem is learned with at most (R/γ)² mistakes, whatever the order and η when the start is zero:
    R = max ‖(x, 1)‖, γ the best margin of a unit vector (Novikoff 1962). *Limits:* one layer; on a problem that is
    not separable it never stops. Source: Rosenblatt 1958. Lecture: 单层感知机.

    >>> import jax
    >>> from flambeau.networks import perceptron
    >>> rule, network = PerceptronRule(), perceptron(2, 1)
    >>> batch = Batch(jnp.asarray([[1.0, 1.0]]), jnp.asarray([[1.0]]), jnp.ones(1))
    >>> proposal, _, info = rule.propose(network, batch, (), jax.random.key(0))
    >>> proposal.layers[0].structure.weights.T.tolist(), int(info["mistakes"])
    ([[-1.0, -1.0]], 1)
    """

    def init(self, network: PyTree, batch: Any) -> PyTree:
        """No state; refuses hidden layers."""
        one_layer(network, "PerceptronRule")
        return ()

    def propose(self, network: PyTree, batch: Batch, state: PyTree, key: Array) -> Proposed:
        """``correlate(x, y - d)``, summed over the batch."""
        trace = checked_trace(network, batch, key, "PerceptronRule")
        difference = trace.output - batch.targets
        _, proposal = network.layers[0].credit(trace, difference * batch.weights[:, None])
        info = {
            "loss": mean_over(jnp.sum(difference * trace.net, axis=-1), batch.weights),
            "weight": jnp.sum(batch.weights),
            "mistakes": jnp.sum(jnp.any(difference != 0, axis=-1) & (batch.weights > 0)),
            "output": trace.output,
        }
        return eqx.tree_at(lambda n: n.layers, network, (proposal,)), state, info
