"""Rules for one layer: the perceptron's, the delta rule, and its linear ancestor, least mean squares (Widrow-Hoff).

The lecture calls w += η x (d - y) a gradient descent on the squared error. That is true of a linear unit (least mean
squares), and of a unit with a slope once the slope is in the formula (the delta rule). The perceptron rule serves step,
sign and winner-take-all (Kesler) units: its proposal is ``correlate(x, y - d)``, the gradient of the perceptron
criterion Σ (y - d) s with y held fixed. It is *not* the gradient of the squared error, whose slope through a step is 0.

Pocket, average and vote are keepers (:mod:`flambeau.training.keeping`): they change what is kept, not what is proposed.
Lecture: 单层感知机 (the single-layer perceptron).
"""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from flambeau.errors import ConfigurationError
from flambeau.rules.base import AbstractRule, Batch, Proposed, checked_trace, mean_over, one_layer, total


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


class DeltaRule(AbstractRule):
    """w += η x (d - y) f'(s): gradient descent on ½ Σ (d - y)² for one layer, mean over the batch.

    Info: ``loss``, ``weight``, ``output``. Raises :class:`~flambeau.errors.ConfigurationError` for a threshold unit,
    whose slope is 0 wherever it exists, and :class:`~flambeau.errors.DataError` for shapes that do not fit.

    >>> import jax
    >>> from flambeau.networks import mlp
    >>> unit = mlp((2, 1), output="sigmoid", initialisation="zeros", key=jax.random.key(0))
    >>> batch = Batch(jnp.ones((1, 2)), jnp.ones((1, 1)), jnp.ones(1))
    >>> proposal, _, info = DeltaRule().propose(unit, batch, (), jax.random.key(0))
    >>> float(info["loss"]), proposal.layers[0].bias.tolist()  # ½ (1 - ½)², and (½ - 1) · ¼
    (0.125, [-0.125])

    *Limits.* One layer; the error is not convex in the weights unless the unit is linear.
    Source: Rumelhart, Hinton, Williams 1986, after Widrow and Hoff 1960. Lecture: 单层感知机.
    """

    def init(self, network: PyTree, batch: Any) -> PyTree:
        """No state; refuses hidden layers."""
        unit = one_layer(network, "DeltaRule").activation
        if not unit.trainable:
            raise ConfigurationError("DeltaRule", "an activation with a slope", unit, "use the perceptron rule")
        return ()

    def propose(self, network: PyTree, batch: Batch, state: PyTree, key: Array) -> Proposed:
        """``correlate(x, (y - d) f'(s))``."""
        trace = checked_trace(network, batch, key, "DeltaRule")
        difference = trace.output - batch.targets
        delta = network.layers[0].activation.delta(trace.net, trace.output, difference)
        return teach(network, trace, delta, difference, batch, state)


class LeastMeanSquares(AbstractRule):
    """w += η x (d - s): the error is measured at the net input, before the activation decides (ADALINE).

    Info: ``loss`` (½ Σ (d - s)²), ``weight``, ``output``. The error is a convex bowl; steps below 2 / λ_max of the
    inputs' correlation matrix converge to least squares. Source: Widrow and Hoff 1960. Lecture: 单层感知机.

    >>> import jax
    >>> from flambeau.networks import perceptron
    >>> batch = Batch(jnp.ones((1, 2)), jnp.ones((1, 1)), jnp.ones(1))
    >>> proposal, _, _ = LeastMeanSquares().propose(perceptron(2, 1), batch, (), jax.random.key(0))
    >>> proposal.layers[0].bias.tolist()  # s - d = 0 - 1
    [-1.0]

    *Limits.* It fits numbers, not decisions: an example far on the right side counts as an error too.
    """

    def init(self, network: PyTree, batch: Any) -> PyTree:
        """No state; refuses hidden layers."""
        one_layer(network, "LeastMeanSquares")
        return ()

    def propose(self, network: PyTree, batch: Batch, state: PyTree, key: Array) -> Proposed:
        """``correlate(x, s - d)``."""
        trace = checked_trace(network, batch, key, "LeastMeanSquares")
        difference = trace.net - batch.targets
        return teach(network, trace, difference, difference, batch, state)


def teach(network: PyTree, trace: PyTree, delta: Array, difference: Array, batch: Batch, state: PyTree) -> Proposed:
    """The mean proposal of one layer and what monitors read."""
    share = batch.weights / total(batch.weights)
    _, proposal = network.layers[0].credit(trace, delta * share[:, None])
    info = {
        "loss": mean_over(0.5 * jnp.sum(difference**2, axis=-1), batch.weights),
        "weight": jnp.sum(batch.weights),
        "output": trace.output,
    }
    return eqx.tree_at(lambda n: n.layers, network, (proposal,)), state, info
