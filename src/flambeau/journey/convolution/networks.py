"""Chapter 5, its networks: a LeNet in small, and perceptrons of every width."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np

import flambeau as fb

FIELD = 14
ACTIVATIONS = {name: fb.neurons.activation(name) for name in ("relu", "sigmoid", "scaled_tanh")}


class Switch(fb.structures.AbstractPassage):
    """y = Σ_k choice_k f_k(x): an activation that is chosen by numbers, so that one compiled program serves them all.

    Whole numbers are not learned. Like any layer it goes up by the call and down by ``backward``.
    """

    choice: jax.Array

    def __call__(self, x: jax.Array) -> jax.Array:
        """The chosen activation."""
        return sum(share * f(x) for share, f in zip(self.choice, ACTIVATIONS.values(), strict=True))

    def backward(self, trace: fb.structures.Trace, error: jax.Array) -> tuple[jax.Array, "Switch"]:
        """Times the chosen slope."""
        slopes = [f.slope(trace.x, f(trace.x)) for f in ACTIVATIONS.values()]
        return error * sum(share * slope for share, slope in zip(self.choice, slopes, strict=True)), self


def small_lenet(seed: int, f: str = "relu") -> fb.networks.FeedForward:
    """Two groups of filtering and sub-sampling, then recognition: 14² · 8@12² · 8@6² · 16@4² · 16@2² · 10.

    The activations stand behind the pooling: they rise, so the largest answer is the answer to the largest.
    """
    shapes: list[tuple[int, ...]] = [(3, 3, 1, 8), (3, 3, 8, 16), (64, 10)]
    c1, c3, out = fb.structures.draw(jax.random.key(seed), shapes)
    switch = Switch(jnp.asarray([int(name == f) for name in ACTIVATIONS]))
    return fb.networks.FeedForward((
        fb.structures.convolution_layer(c1, FIELD, "identity", initialisation="glorot"),
        fb.structures.MaxPooling.over(12),
        switch,
        fb.structures.convolution_layer(c3, 6, "identity", initialisation="glorot"),
        fb.structures.MaxPooling.over(4),
        fb.structures.Flatten(),
        switch,
        fb.structures.dense_layer(out, "softmax")
    ))  # fmt: skip


def with_relu(network: fb.networks.FeedForward) -> fb.networks.FeedForward:
    """The same network with ReLUs in the layers, before the pooling, as one would write it."""
    layers = [layer for layer in network.layers if not isinstance(layer, Switch)]
    fire = fb.neurons.ReLU()
    return fb.networks.FeedForward(tuple(
        dataclasses.replace(layer, activation=fire)
        if isinstance(layer, fb.structures.Layer) and isinstance(layer.structure, fb.structures.Convolution) else layer
        for layer in layers))  # fmt: skip


def one_hidden(seed: int, hidden: int, room: int) -> fb.networks.FeedForward:
    """The same field as a row of pixels, one hidden layer of ReLUs: every unit sees all pixels, and shares nothing.

    Filled up to ``room`` units that never answer: a ReLU whose connections are all 0 stays silent for ever, so
    perceptrons of every width share one compiled program.
    """
    rng = np.random.default_rng(seed)
    into, out = np.zeros((FIELD**2, room), np.float32), np.zeros((room, 10), np.float32)
    into[:, :hidden] = rng.normal(0, np.sqrt(2 / FIELD**2), (FIELD**2, hidden))
    limit = np.sqrt(6 / (hidden + 10))
    out[:hidden] = rng.uniform(-limit, limit, (hidden, 10))
    layer, dense = fb.structures.Layer, fb.structures.Dense
    return fb.networks.FeedForward((
        layer(dense(jnp.asarray(into)), jnp.zeros(room), fb.neurons.ReLU()),
        layer(dense(jnp.asarray(out)), jnp.zeros(10), fb.neurons.Softmax())
    ))  # fmt: skip
