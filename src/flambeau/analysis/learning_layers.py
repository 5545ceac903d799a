"""What the rows of a gradient-flow report stand for: one row per layer that learns, bottom first.

Layers without weights (dropout, pooling, flattening) pass activity and credit on and have no row of their own.
"""

import math
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from flambeau.errors import ConfigurationError
from flambeau.neurons import ACTIVATIONS
from flambeau.structures import AbstractLayer


class Row(NamedTuple):
    """A layer as reports name it.

    ``name`` ("layer 1"), ``kind`` ("30 sigmoid units"), ``units`` ("sigmoid"), ``steepest``, the largest slope of its
    activation (NaN without one), ``bounded``, whether the activation is flat at both ends, and ``hidden``, whether
    other layers read the outputs.
    """

    name: str
    kind: str = ""
    units: str = ""
    steepest: float = math.nan
    bounded: bool = False
    hidden: bool = True


def learning_layers(network: PyTree) -> tuple[int, ...]:
    """The places of the layers that have floats to learn, bottom first; a network without any is refused."""
    places = tuple(place for place, layer in enumerate(network.layers) if floats(layer))
    if not places:
        raise ConfigurationError("monitors", "a network with a layer that learns", "none", "watch another network")
    return places


def floats(tree: PyTree) -> list[Array]:
    """The arrays of floats of a pytree."""
    return [leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(jnp.result_type(leaf), jnp.floating)]


def named_floats(tree: PyTree) -> dict[str, Any]:
    """Path -> array (JAX's or NumPy's), for every array of floats."""
    return {
        jax.tree_util.keystr(path, simple=True, separator="."): leaf
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
        if jnp.issubdtype(jnp.result_type(leaf), jnp.floating)
    }


def rows_of(network: PyTree) -> tuple[Row, ...]:
    """The rows of a network's reports.

    >>> from flambeau.networks import mlp
    >>> network = mlp((4, 3, 2), "relu", "softmax", dropout=0.5, key=jax.random.key(0))
    >>> [(row.name, row.kind) for row in rows_of(network)]
    [('layer 1', '3 relu units'), ('layer 2', '2 softmax units')]
    """
    top = len(network.layers) - 1
    return tuple(row_of(f"layer {number}", network.layers[place], hidden=place < top)
                 for number, place in enumerate(learning_layers(network), 1))  # fmt: skip


def row_of(name: str, layer: AbstractLayer, *, hidden: bool) -> Row:
    """One layer's row."""
    if layer.neurons is None:
        return Row(name, type(layer).__name__, hidden=hidden)
    f = layer.neurons.activation
    units = next((word for word, known in ACTIVATIONS.items() if known == f), type(f).__name__)
    shape = "×".join(str(size) for size in layer.neurons.structure.unit_shape)
    bounded = math.isfinite(f.low) and math.isfinite(f.high)
    return Row(name, f"{shape} {units} units", units, f.steepest, bounded, hidden)


def weights_of(layer: AbstractLayer) -> PyTree:
    """The connections of a layer (or of what is shaped like it): a structure's weights, or all that a layer learns."""
    return floats(layer) if layer.neurons is None else layer.neurons.structure.weights


def length(tree: PyTree) -> Array:
    """Euclidean length of all floats together; 0 for a part that is left out."""
    return jnp.sqrt(sum((jnp.sum(leaf**2) for leaf in floats(tree)), jnp.zeros(())))


def deltas_of(network: PyTree, info: dict[str, Any]) -> list[Array]:
    """δ = ∂e/∂s of every layer, bottom first, from what back-propagation tells; ∂e/∂y where there are no neurons."""
    below = zip(network.layers[:-1], info["traces"][:-1], reversed(info["errors"]), strict=True)
    lower = [
        error if layer.neurons is None else layer.neurons.activation.delta(trace.net, trace.output, error)
        for layer, trace, error in below
    ]
    return [*lower, info["delta"]]
