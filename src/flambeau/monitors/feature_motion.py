"""How far every layer has moved: its weights, and what it answers on a fixed set of examples."""

import math
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from flambeau.analysis.learning_layers import floats, learning_layers, length, weights_of
from flambeau.errors import ConfigurationError
from flambeau.foundation.memory import kept_apart, on_device
from flambeau.foundation.precision import dtype
from flambeau.training.monitoring import AbstractMonitor, Moment


class Start(eqx.Module):
    """Where the layers started: their weights, and their features on the probe."""

    weights: tuple[PyTree, ...]
    features: tuple[Array, ...]


class FeatureMotion(AbstractMonitor):
    """How far each layer has come from where it started, at the end of every round.

    Records: ``weights`` ``(rounds, rows)``, ‖W(t) - W(0)‖ / ‖W(0)‖; and for every row ``layer 1``, ``layer 2``, ...
    ``(rounds, examples, units)``, the displacement A(t) - A(0) of its outputs on the ``probe``. Only displacements are
    kept, because they carry their own origin: :func:`learning_curves` needs no network. At most ``units`` outputs
    per layer are followed, evenly spread over it.

    >>> import flambeau as fb, jax
    >>> X, d = fb.problems.xor()
    >>> network = fb.networks.mlp((2, 4, 1), "tanh", "sigmoid", key=jax.random.key(0))
    >>> run = fb.train(network, fb.rules.Backpropagation(), fb.problems.Examples.of(X, d), steps=5, batch_size=4,
    ...                monitors=(FeatureMotion.on(X),))
    >>> run.records["feature_motion"]["layer 1"].shape, run.records["feature_motion"]["weights"].shape
    ((5, 4, 4), (5, 2))

    *Limits.* Memory is examples x units numbers per layer and round (32 KiB for 64 x 128), and the start is carried
    along. Lecture: 为什么传统的 BP 在深度增加后仍有问题 (the top layers solve the task, the lower ones hardly move).
    """

    name: ClassVar[str] = "feature_motion"
    probe: Float[Array, "examples ..."] = eqx.field(converter=kept_apart)
    units: int = eqx.field(static=True, default=128)

    @classmethod
    def on(cls, probe: object, units: int = 128) -> "FeatureMotion":
        """On the inputs ``probe`` ``(examples, ...)``, an array-like."""
        if units < 1:
            raise ConfigurationError("FeatureMotion.units", "at least 1", units, "128 shows a layer well")
        return cls(on_device(probe, dtype()), units)

    def init(self, network: PyTree) -> Start:
        weights = tuple(weights_of(network.layers[place]) for place in learning_layers(network))
        return Start(weights, features(network, self.probe, self.units))

    def observe(self, memory: Start, moment: Moment) -> Start:
        return memory

    def record(self, memory: Start, network: PyTree) -> tuple[Start, dict[str, Array]]:
        places = zip(learning_layers(network), memory.weights, strict=True)
        moved = [travelled(weights_of(network.layers[place]), start) for place, start in places]
        now = zip(features(network, self.probe, self.units), memory.features, strict=True)
        displaced = {f"layer {number}": after - before for number, (after, before) in enumerate(now, 1)}
        return memory, {"weights": jnp.stack(moved), **displaced}


def features(network: PyTree, x: Float[Array | np.ndarray, "examples ..."], units: int = 128) -> tuple[Array, ...]:
    """The outputs ``(examples, units)`` of every layer that learns, without noise; at most ``units``, evenly spread."""
    found, y = [], jnp.asarray(x)
    for place, layer in enumerate(network.layers):
        y = layer(y)
        if place in learning_layers(network):
            size = math.prod(y.shape[1:])
            chosen = np.linspace(0, size - 1, min(units, size)).round().astype(int)
            found.append(y.reshape(len(y), -1)[:, chosen])
    return tuple(found)


def travelled(now: PyTree, start: PyTree) -> Array:
    """‖W - W(0)‖ / ‖W(0)‖, and ‖W‖ itself from a start of zeros."""
    size = length(start)
    return length(jax.tree.map(jnp.subtract, floats(now), floats(start))) / jnp.where(size > 0, size, 1)


def learning_curves(records: dict[str, np.ndarray]) -> np.ndarray:
    """How much of its way to its final features every layer has made: ``(rounds + 1, rows)``, from 0 to 1.

    1 - ‖A(t) - A(T)‖ / ‖A(0) - A(T)‖ over the probe, A(T) being the last round's features. One network is compared
    with itself, unit by unit, so a plain distance says it all; measures that forgive rotations (CCA, CKA) are for two
    networks, and would hide motion here. A layer that never moved has no way to make, and NaN.

    >>> record = {"weights": np.zeros((2, 1)), "layer 1": np.asarray([[[3.0]], [[4.0]]])}
    >>> learning_curves(record)[:, 0].tolist()
    [0.0, 0.75, 1.0]

    Argument: ``run.records["feature_motion"]``. *Limits.* A detour counts as going back (values below 0).
    Source: after Raghu, Gilmer, Yosinski, Sohl-Dickstein 2017, *SVCCA*, who compare with the final state too.
    """
    curves = []
    for number in range(1, np.asarray(records["weights"]).shape[1] + 1):
        way = np.asarray(records[f"layer {number}"])
        left = np.linalg.norm((way - way[-1]).reshape(len(way), -1), axis=1)
        whole = np.linalg.norm(way[-1])
        curve = 1 - left / whole if whole > 0 else np.full(len(way), np.nan)
        curves.append(np.concatenate([[0.0 if whole > 0 else np.nan], curve]))
    return np.stack(curves, axis=1)
