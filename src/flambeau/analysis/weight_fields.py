"""What hidden units look for: the weights from the lowest layer of a network, a row of visible units for each."""

import functools
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


@functools.singledispatch
def weight_fields(network: Any) -> Float[np.ndarray, "units visible"]:
    """The weights ``(units, visible)`` of a network's lowest layer of hidden units: w_j, one row per unit j.

    ``network`` is a restricted or deep Boltzmann machine, a belief network (its generative connections), a perceptron,
    or such an array itself.

    >>> import jax
    >>> from flambeau.networks import rbm
    >>> weight_fields(rbm(6, 2, key=jax.random.key(0))).shape
    (2, 6)

    Raises :class:`~flambeau.errors.ConfigurationError` for what has no such weights. *Limits.* Of a wiring that shares
    its weights (a convolution) there is no row for each unit: see :func:`~flambeau.pictures.filters`.
    Lecture: 深度信念网络.
    """
    # An array is taken as it stands; a new kind of network registers where its lowest weights lie.
    fields = np.asarray(network)
    if fields.ndim != 2 or fields.dtype.kind not in "biuf":
        raise without_fields(type(network).__name__)
    return fields.astype(float)


@weight_fields.register
def _(network: AbstractStructure) -> np.ndarray:
    if network.weights.ndim != 2:
        raise without_fields(type(network).__name__)
    return np.asarray(network.weights, float).T


@weight_fields.register
def _(network: RestrictedBoltzmannMachine) -> np.ndarray:
    return weight_fields(network.structure)


@weight_fields.register
def _(network: DeepBoltzmannMachine) -> np.ndarray:
    return weight_fields(network.structures[0])


@weight_fields.register
def _(network: DeepBeliefNetwork) -> np.ndarray:
    return weight_fields(network.lower[0].generation if network.lower else network.top.structure)


@weight_fields.register
def _(network: FeedForward) -> np.ndarray:
    for layer in network.layers:
        if layer.neurons is not None:
            return weight_fields(layer.neurons.structure)
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
    >>> layer_kernels(mlp((4, 3, 2), key=jax.random.key(0))).shape
    (3, 4)
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


@functools.singledispatch
def kernels_of(structure: AbstractStructure) -> np.ndarray | None:
    """A structure's weights for pictures; None where one number says it all."""
    return None


@kernels_of.register
def _(structure: Dense) -> np.ndarray:
    return np.asarray(structure.weights, float).T


@kernels_of.register
def _(structure: Convolution) -> np.ndarray:
    weights = np.asarray(structure.weights, float)
    return weights if structure.table is None else np.where(np.asarray(structure.table), weights, np.nan)
