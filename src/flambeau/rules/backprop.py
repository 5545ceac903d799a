"""Back-propagation, written from the lecture's derivation on the structure verbs.

    output layer    δ_i  = ∂e/∂y_i · f'(s_i)
    weights         ∂e/∂w = correlate(x, δ)
    layer below     ∂e/∂y' = backproject(δ),   δ' = ∂e/∂y' · f'(s')

and so on downwards: each layer turns the error at its outputs into a proposal for itself and the error at its inputs.
Nothing here is automatic differentiation; ``jax.grad`` is the referee in the tests.
"""

import dataclasses
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from flambeau.errors import ConfigurationError
from flambeau.neurons.activation_base import AbstractActivation
from flambeau.rules.base import AbstractRule, Batch, Proposed, check_inputs, check_targets, mean_over, total
from flambeau.rules.losses import AbstractLoss, MeanSquaredError
from flambeau.structures.layer import Layer, Trace


class Backpropagation(AbstractRule):
    """Gradient of the mean error over a batch, for any depth and any activation per layer.

    Arguments: ``loss``, see :mod:`flambeau.rules.losses`. Info: ``loss``, ``weight``, ``mistakes`` (weighted count of
    examples decided wrongly), ``output``, ``traces`` (one per layer), ``errors`` (∂e/∂y of every layer below the
    top one, downwards) and ``delta`` (∂e/∂s of the top one; e is the mean, so each example brings its share).

    Raises :class:`~flambeau.errors.ConfigurationError` at the start of training for a layer whose activation has no
    slope to follow (step, sign, hardmax), or an output that the loss is not defined for.

    >>> from flambeau.networks import mlp
    >>> network = mlp((2, 4, 1), "tanh", "sigmoid", key=jax.random.key(0))
    >>> batch = Batch(jnp.ones((4, 2)), jnp.ones((4, 1)), jnp.ones(4))
    >>> propose = eqx.filter_jit(Backpropagation().propose)  # not a program for each operation
    >>> proposal, _, info = propose(network, batch, (), jax.random.key(1))
    >>> proposal.layers[0].structure.weights.shape
    (2, 4)

    *Limits.* It finds a stationary point of an error that is not convex in the weights; deep saturating stacks receive
    vanishing gradients. Source: Rumelhart, Hinton, Williams 1986. Lecture: BP 神经网络.
    """

    loss: AbstractLoss = eqx.field(static=True, default=MeanSquaredError())

    def init(self, network: PyTree, batch: Any) -> PyTree:
        """No state; checks that every layer has a slope."""
        for number, layer in enumerate(network.layers):
            if layer.neurons is not None and not layer.neurons.activation.trainable:
                where, f = f"Backpropagation, layer {number}", layer.neurons.activation
                remedy = "give it a surrogate, choose another activation, or use the perceptron rule"
                raise ConfigurationError(where, "an activation with a slope", f, remedy)
        self.loss.check(output_layer(network).activation)
        return ()

    def propose(self, network: PyTree, batch: Batch, state: PyTree, key: Array) -> Proposed:
        """Forward with traces, then the chain rule from the top layer down."""
        *lower, top = network.layers
        check_inputs(network, batch, "Backpropagation")
        traces = trace_forward(network.layers, batch.inputs, key)
        last = traces[-1]
        check_targets(batch, last.output, "Backpropagation")
        values, delta = self.loss(top.activation, last.net, last.output, batch.targets)
        share = batch.weights / total(batch.weights)
        delta = delta * share[:, None]
        error, proposal = top.credit(last, delta)
        proposals, errors = [proposal], []
        for layer, trace in zip(reversed(lower), reversed(traces[:-1]), strict=True):
            errors.append(error)
            error, proposal = layer.backward(trace, error)
            proposals.append(proposal)
        wrong = jnp.any(decide(last.output, top.activation) != decide(batch.targets, top.activation), axis=-1)
        info = {
            "loss": mean_over(values, batch.weights),
            "weight": jnp.sum(batch.weights),
            "mistakes": jnp.sum(wrong * batch.weights),
            "output": last.output,
            "traces": traces,
            "errors": errors,
            "delta": delta,
        }
        return eqx.tree_at(lambda n: n.layers, network, tuple(reversed(proposals))), state, info


def trace_forward(layers: tuple, x: Array, key: Array) -> list[Trace]:
    """Every layer's trace, bottom first; the last one's ``output`` is the network's."""
    traces = []
    for layer, own in zip(layers, jax.random.split(key, len(layers)), strict=True):
        trace = layer.forward(x, own)
        traces.append(trace)
        x = trace.output
    return traces


def output_layer(network: PyTree) -> Layer:
    """The top layer, which must consist of neurons."""
    top = network.layers[-1]
    if top.neurons is None:
        raise ConfigurationError("Backpropagation", "a layer of neurons on top", top, "end the network with a Layer")
    return top.neurons


def decide(output: Float[Array, "batch outputs"], f: AbstractActivation) -> Array:
    """The class an output row stands for: the largest of several, or a single one above the middle of f's range.

    That is ½ for a sigmoid, 0 for a tanh, and ½ for a range without an end.
    """
    if output.shape[-1] > 1:
        return jnp.argmax(output, axis=-1, keepdims=True)
    middle = (f.low + f.high) / 2
    return output > (middle if math.isfinite(middle) else 0.5)


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """``(network, batch) -> (mean loss, numbers for the history)``: what early stopping and validation curves score by.

    A value: two with the same loss are equal, so they share a compiled program. With ``classify`` the numbers include
    the accuracy. What training refuses, inputs or targets of another shape, is refused here too.
    *Limits:* feed-forward networks with a layer of neurons on top.
    """

    loss: AbstractLoss
    classify: bool = False

    def __call__(self, network: PyTree, batch: Batch) -> tuple[Array, dict[str, Array]]:
        """The mean loss, through the stable form at the net inputs, and the share of right decisions."""
        *lower, top = network.layers
        check_inputs(network, batch, "Evaluation")
        x = batch.inputs
        for layer in lower:
            x = layer(x)
        net = top.net(x)
        output = top.activation(net)
        check_targets(batch, output, "Evaluation")
        error = mean_over(self.loss(top.activation, net, output, batch.targets)[0], batch.weights)
        numbers = {"validation_loss": error}
        if self.classify:
            right = jnp.all(decide(output, top.activation) == decide(batch.targets, top.activation), axis=-1)
            numbers["validation_accuracy"] = mean_over(right, batch.weights)
        return error, numbers
