"""How well a feed-forward network does on other data."""

import dataclasses

import jax.numpy as jnp
from jaxtyping import Array, PyTree

from flambeau.rules.backprop import decide
from flambeau.rules.base import Batch, check_inputs, check_targets, mean_over
from flambeau.rules.losses import AbstractLoss

__all__ = ["Evaluation"]


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
