"""What hidden units look for: the weights from the lowest layer of a network, a row of visible units for each."""

from typing import Any

import numpy as np
from jaxtyping import Float

from flambeau.analysis.feature_maps import layer_names, layer_number
from flambeau.errors import ConfigurationError
from flambeau.networks.dbm import DeepBoltzmannMachine
from flambeau.networks.dbn import DeepBeliefNetwork
from flambeau.networks.feedforward import FeedForward
from flambeau.networks.rbm import RestrictedBoltzmannMachine
from flambeau.structures import AbstractStructure, Convolution, Dense


def weight_fields(network: Any) -> Float[np.ndarray, "units visible"]:
    """The weights ``(units, visible)`` of a network's lowest layer of hidden units: w_j, one row per unit j.

    ``network`` is a restricted or deep Boltzmann machine, a belief network (its generative connections), a perceptron,
    or such an array itself.

    >>> import jax
    >>> from flambeau.networks import rbm
    >>> weight_fields(rbm(4, 3, key=jax.random.key(0))).shape
    (3, 4)

    Raises :class:`~flambeau.errors.ConfigurationError` for what has no such weights. *Limits.* Of a wiring that shares
    its weights (a convolution) there is no row for each unit: see :func:`~flambeau.pictures.filters`.
    Lecture: 深度信念网络.
    """
    lowest = lowest_structure(network)
    fields = np.asarray(lowest.weights).T if isinstance(lowest, AbstractStructure) else np.asarray(lowest)
    if fields.ndim != 2 or fields.dtype.kind not in "biuf":
        raise without_fields(type(lowest).__name__)
    return fields.astype(float)


def lowest_structure(network: Any) -> Any:
    """The lowest wiring of a network; anything else is a wiring itself, or an array."""
    if isinstance(network, RestrictedBoltzmannMachine):
        return network.structure
    if isinstance(network, DeepBoltzmannMachine):
        return network.structures[0]
    if isinstance(network, DeepBeliefNetwork):
        return network.lower[0].generation if network.lower else network.top.structure
    if not isinstance(network, FeedForward):
        return network
    for layer in network.layers:
        if layer.neurons is not None:
            return layer.neurons.structure
    raise without_fields("a network without neurons")


def without_fields(got: str) -> ConfigurationError:
    """What is said of anything else."""
    expected, remedy = "a network with dense weights, or fields (units, visible)", "pass the network or an estimator"
    return ConfigurationError("weight_fields", expected, got, remedy)


def layer_kernels(network: FeedForward, layer: int | str | None = None) -> np.ndarray:
    """The weights of one layer as pictures need them; without ``layer``, of the lowest that has any.

    Kernels ``(height, width, channels, maps)`` of a convolution, with NaN where a table leaves a connection out; else
    fields ``(units, inputs)``. Raises :class:`~flambeau.errors.ConfigurationError` for a layer without such weights.

    >>> import jax
    >>> from flambeau.networks import mlp
    >>> layer_kernels(mlp((2, 4, 1), "tanh", "sigmoid", key=jax.random.key(0))).shape
    (4, 2)
    """
    if layer is not None:
        number = layer_number(network, layer)
        own = network.layers[number].neurons
        found = None if own is None else kernels_of(own.structure)
        if found is None:
            name, remedy = layer_names(network)[number], "choose a convolution or a dense layer"
            raise ConfigurationError("filters.layer", "a layer with weight pictures", name, remedy)
        return found
    for part in network.layers:
        found = None if part.neurons is None else kernels_of(part.neurons.structure)
        if found is not None:
            return found
    raise ConfigurationError("filters", "a convolution or a dense layer", layer_names(network), "there is none to draw")


def kernels_of(structure: AbstractStructure) -> np.ndarray | None:
    """A structure's weights for pictures; None where one number says it all."""
    if isinstance(structure, Dense):
        return np.asarray(structure.weights, float).T
    if not isinstance(structure, Convolution):
        return None
    weights = np.asarray(structure.weights, float)
    return weights if structure.table is None else np.where(np.asarray(structure.table), weights, np.nan)
