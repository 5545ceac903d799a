"""What every layer receives and makes of it, in numbers: one row per layer that learns, one column per question."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree, Shaped

from flambeau.analysis.learning_layers import deltas_of, learning_layers, length, weights_of
from flambeau.errors import ConfigurationError
from flambeau.foundation.precision import dtype
from flambeau.rules.base import AbstractRule, Batch, total
from flambeau.structures import AbstractLayer, Trace

NEEDS = ("traces", "errors", "delta")
SILENT = 0.05  # a unit is silent where |f'(s)| is below this share of the largest slope
COLUMNS = ("delta", "bias_gradient", "weight_gradient", "slope", "saturated", "mean", "deviation")


def flow_numbers(network: PyTree, rule: AbstractRule, batch: Batch, key: Array | None = None) -> dict[str, Array]:
    """The numbers of :class:`~flambeau.monitors.GradientFlow` for one batch, without training (so without ``update``).

    A pure function of arrays: compile it, map it over a population. The ``key`` draws the rule's noise, if any.

    >>> import equinox as eqx
    >>> from flambeau.networks import mlp
    >>> from flambeau.rules import Backpropagation
    >>> network = mlp((2, 4, 1), "tanh", "sigmoid", key=jax.random.key(0))
    >>> batch = Batch(jnp.ones((4, 2)), jnp.ones((4, 1)), jnp.ones(4))
    >>> eqx.filter_jit(flow_numbers)(network, Backpropagation(), batch)["delta"].shape
    (2,)

    Raises :class:`~flambeau.errors.ConfigurationError` for a rule that does not tell what comes down.
    """
    key = jax.random.key(0) if key is None else key
    proposal, _, info = rule.propose(network, batch, rule.init(network, batch), key)
    if not set(NEEDS) <= set(info):
        expected, got = f"a rule whose info has {', '.join(NEEDS)}", type(rule).__name__
        raise ConfigurationError("flow_numbers", expected, got, "use Backpropagation")
    numbers, silent = flow_step_numbers(network, proposal, info, batch.weights)
    return {**numbers, "dead": shares(silent)}


def flow_step_numbers(
    network: PyTree, proposal: PyTree, info: dict[str, Any], weights: Array
) -> tuple[dict[str, Array], tuple[Array, ...]]:
    """One step's ``(column -> one number per row, which units were silent throughout)``."""
    share, deltas = weights / total(weights), deltas_of(network, info)
    rows, silent = [], []
    for place in learning_layers(network):
        layer, trace = network.layers[place], info["traces"][place]
        activity, quiet = activity_of(layer, trace, share)
        rows.append({**gradients_of(deltas[place], proposal.layers[place], share), **activity})
        silent.append(quiet)
    return {name: jnp.stack([row[name] for row in rows]) for name in COLUMNS}, tuple(silent)


def gradients_of(delta: Array, proposal: AbstractLayer, share: Array) -> dict[str, Array]:
    """The three norms; ``delta`` holds each example's δ times its share of the batch."""
    own = example_rows(delta) / jnp.where(share > 0, share, 1)[:, None]
    return {
        "delta": jnp.sqrt(jnp.sum(share * jnp.sum(own**2, axis=1))),
        "bias_gradient": length(delta.reshape(-1, delta.shape[-1]).sum(0)),
        "weight_gradient": length(weights_of(proposal)),
    }


def activity_of(layer: AbstractLayer, trace: Trace, share: Array) -> tuple[dict[str, Array], Array]:
    """``(slope, saturated, mean, deviation; which units were silent)``; padding has no say."""
    output = example_rows(trace.output)
    mean = share @ output.mean(axis=1)
    deviation = jnp.sqrt(share @ ((output - mean) ** 2).mean(axis=1))
    if layer.neurons is None:
        none = jnp.full_like(mean, jnp.nan)
        return {"slope": none, "saturated": none, "mean": mean, "deviation": deviation}, jnp.ones(0, bool)
    f = layer.neurons.activation
    slope = f.slope(trace.net, trace.output)
    quiet = jnp.abs(slope) < SILENT * f.steepest
    numbers = {
        "slope": jnp.sqrt(share @ (example_rows(slope) ** 2).mean(axis=1)),
        "saturated": share @ example_rows(quiet).mean(axis=1, dtype=share.dtype),
        "mean": mean,
        "deviation": deviation,
    }
    unheard = quiet | (share == 0).reshape(-1, *(1,) * (quiet.ndim - 1))
    return numbers, jnp.all(unheard.reshape(-1, quiet.shape[-1]), axis=0)


def example_rows(values: Array) -> Shaped[Array, "batch numbers"]:
    """One row of numbers per example."""
    return values.reshape(values.shape[0], -1)


def units_heard(layer: AbstractLayer) -> int:
    """How many units can fall silent: the last axis of the wiring, none without neurons."""
    return 0 if layer.neurons is None else int(layer.neurons.structure.unit_shape[-1])


def shares(flags: tuple[Array, ...]) -> Float[Array, " rows"]:
    """The share of True in each; NaN of nothing."""
    return jnp.stack([jnp.mean(flag, dtype=dtype()) if flag.size else jnp.asarray(jnp.nan) for flag in flags])


def relative_lengths(update: PyTree, network: PyTree) -> Float[Array, " rows"]:
    """‖ΔW‖ / ‖W‖ of every row; 0 for one that is not learned, and length 1 for weights that are all 0."""
    ratios = []
    for place in learning_layers(network):
        moved, size = (length(weights_of(tree.layers[place])) for tree in (update, network))
        ratios.append(moved / jnp.where(size > 0, size, 1))
    return jnp.stack(ratios)
