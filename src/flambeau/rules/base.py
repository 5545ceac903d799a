"""What a learning rule is: something that looks at a batch and proposes how the connections should change.

A rule returns ``(proposal, state, info)``. The *proposal* is shaped like the network and points uphill in the error
(the optimiser walks against it). The *state* is the little that the rule's own next step needs. The *info* is read by
monitors only; what nobody reads is never computed, because the whole step is compiled as one program.
"""

import abc
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree, Shaped

from flambeau.errors import ConfigurationError, DataError

Proposed = tuple[PyTree, PyTree, dict[str, PyTree]]  # proposal, state, info


class Batch(NamedTuple):
    """Examples with targets and weights; weight 0 marks padding, so the last batch of an epoch needs no new program."""

    inputs: Float[Array, "batch ..."]
    targets: Float[Array, "batch ..."]
    weights: Float[Array, " batch"]

    @classmethod
    def of(cls, inputs: np.ndarray, targets: np.ndarray, weights: np.ndarray | None = None) -> "Batch":
        """NumPy's rows on the device, placed without a program, nor a copy: nobody may write into them afterwards.

        Missing weights count as 1.

        >>> Batch.of(np.zeros((2, 3), np.float32), np.ones((2, 1), np.float32)).weights.tolist()
        [1.0, 1.0]
        """
        own = np.ones(len(inputs), inputs.dtype) if weights is None else weights
        return cls(*jax.device_put((inputs, targets, own)))


class AbstractRule(eqx.Module):
    """A learning rule.

    ``info`` holds at least ``loss``, the number watched while training (a mean over the batch), and ``weight``, how
    much the batch counts in the epoch's mean. A rule says in its docstring what else it offers.
    """

    @abc.abstractmethod
    def init(self, network: PyTree, batch: Any) -> PyTree:
        """The state before the first step; a network that the rule cannot teach is refused here.

        ``batch`` has the shapes of what every step will bring (``jax.ShapeDtypeStruct``, no values), for a state that
        is as wide as the batch. Outside the loop any batch, or None, does for a rule that does not look at it.
        """

    @abc.abstractmethod
    def propose(self, network: PyTree, batch: Any, state: PyTree, key: Array) -> Proposed:
        """One step's ``(proposal, state, info)``."""


def mean_over(values: Shaped[Array, " batch"], weights: Float[Array, " batch"]) -> Float[Array, ""]:
    """Σ w v / Σ w, and 0 for a batch of nothing but padding."""
    return jnp.sum(weights * values) / total(weights)


def total(weights: Float[Array, " batch"]) -> Float[Array, ""]:
    """Σ w, or 1 where that is 0."""
    amount = jnp.sum(weights)
    return jnp.where(amount > 0, amount, 1)


def check_targets(batch: Batch, output: Array, rule: str) -> None:
    """Refuse, while compiling, targets that are not shaped like the output (they would be broadcast, silently)."""
    if batch.targets.shape != output.shape:
        expected, got = f"targets of shape {('batch', *output.shape[1:])}", batch.targets.shape
        raise DataError(f"{rule}, targets", expected, got, "give one column per output unit (one-hot for classes)")


def check_inputs(network: PyTree, batch: Batch, rule: str) -> None:
    """Refuse, while compiling, inputs that the first layer has no senders for."""
    first = network.layers[0].neurons
    if first is not None and batch.inputs.shape[1:] != first.structure.input_shape:
        expected, got = f"examples of shape {first.structure.input_shape}", batch.inputs.shape[1:]
        raise DataError(f"{rule}, inputs", expected, got, "build the network for the data's number of features")


def checked_trace(network: PyTree, batch: Batch, key: Array, rule: str) -> Any:
    """The trace of the only layer of a network; inputs and targets that do not fit are refused."""
    check_inputs(network, batch, rule)
    trace = network.layers[0].forward(batch.inputs, key)
    check_targets(batch, trace.output, rule)
    return trace


def one_layer(network: PyTree, rule: str) -> Any:
    """The only layer of a network, for the rules that teach no hidden units."""
    if len(network.layers) != 1:
        got = f"{len(network.layers)} layers"
        raise ConfigurationError(rule, "a network of one layer", got, "use Backpropagation for hidden layers")
    return network.layers[0]
