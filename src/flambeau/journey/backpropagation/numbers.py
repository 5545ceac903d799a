"""Chapter 3: the lecture's small network, its numbers worked out four ways."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import flambeau as fb

# Worked out by hand: x = (1, 0), d = 1, hidden weights (0.1, 0.2) and (0.3, 0.4), output weights (0.5, 0.6), no biases.
BY_HAND = {
    "y′₁": 0.5249791875,
    "y′₂": 0.5744425168,
    "y": 0.64729157,
    "e": 0.0622016183,
    "δ": -0.0805251663,
    "δ′₁": -0.0100405236,
    "δ′₂": -0.0118110277,
    "∂e/∂w₁": -0.0422740364,
    "∂e/∂w₂": -0.0462570792,
    "∂e/∂w′₁₁": -0.0100405236,
    "∂e/∂w′₁₂": -0.0118110277,
    "∂e/∂w′₂₁": 0.0,
    "∂e/∂w′₂₂": 0.0,
}
WEIGHTS = tuple(BY_HAND)[-6:]
Network = fb.networks.FeedForward
Batch = fb.rules.Batch


@jax.jit
def propose(network: Network, batch: Batch) -> tuple[Network, dict[str, Any]]:
    """What back-propagation proposes, ∂e/∂(weights, biases), and the numbers on its way there."""
    proposal, _, info = fb.rules.Backpropagation().propose(network, batch, (), jax.random.key(0))
    return proposal, {name: info[name] for name in ("loss", "output", "traces")}


def network_of(hidden: jax.Array, top: jax.Array) -> Network:
    """Two layers of sigmoid units without thresholds; w_ij leads from sender i to receiver j."""
    f = fb.neurons.Sigmoid()
    layers = [fb.structures.Layer(fb.structures.Dense(w), jnp.zeros(w.shape[1]), f) for w in (hidden, top)]
    return Network(tuple(layers))


@jax.jit
def error(network: Network, batch: Batch) -> jax.Array:
    """e = ½ Σ_i (d_i - y_i)², a mean over the examples."""
    return jnp.mean(jnp.sum((batch.targets - network(batch.inputs)) ** 2, axis=1)) / 2


slope = jax.jit(jax.grad(error))  # the referee: automatic differentiation


def flat(network: Network) -> np.ndarray:
    """The weights (or what is shaped like them) in the table's order: output layer first."""
    matrices = [leaf for layer in reversed(network.layers) for leaf in jax.tree.leaves(layer) if leaf.ndim == 2]
    return np.concatenate([np.ravel(matrix) for matrix in matrices])


def moved_both_ways(hidden: jax.Array, top: jax.Array, batch: Batch, step: float = 1e-5) -> np.ndarray:
    """∂e/∂w without any calculus: move each weight a little to either side and look at the error."""
    start = np.concatenate([np.ravel(top), np.ravel(hidden)])

    def at(values: np.ndarray) -> float:
        return float(error(network_of(jnp.asarray(values[2:].reshape(2, 2)), jnp.asarray(values[:2, None])), batch))

    return np.asarray([(at(start + way) - at(start - way)) / (2 * step) for way in step * np.eye(6)])


def four_ways() -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """Flambeau's numbers, those of ``jax.grad`` and those of small moves."""
    hidden, top = jnp.asarray([[0.1, 0.3], [0.2, 0.4]]), jnp.asarray([[0.5], [0.6]])
    network, batch = network_of(hidden, top), Batch(jnp.asarray([[1.0, 0.0]]), jnp.asarray([[1.0]]), jnp.ones(1))
    proposal, info = propose(network, batch)
    below, above = proposal.layers
    # A bias enters s with slope 1, so its gradient is δ itself.
    ours = [info["traces"][0].output, info["output"], info["loss"], above.bias, below.bias, flat(proposal)]
    values = dict(zip(BY_HAND, np.concatenate([np.ravel(part) for part in ours]).tolist(), strict=True))
    automatic = dict(zip(WEIGHTS, flat(slope(network, batch)).tolist(), strict=True))
    return values, automatic, dict(zip(WEIGHTS, moved_both_ways(hidden, top, batch).tolist(), strict=True))


def two_outputs() -> tuple[Network, Batch]:
    """A 3-4-2 network of sigmoid units and six examples: every path to a hidden weight meets another one."""
    key = jax.random.key(0)
    network = fb.networks.mlp((3, 4, 2), "sigmoid", "sigmoid", key=key)
    return network, Batch(jax.random.normal(key, (6, 3)), jax.random.uniform(key, (6, 2)), jnp.ones(6))


def five_factors(network: Any, batch: Batch, outputs: int) -> np.ndarray:
    """∂e/∂ω_kj as the lecture prints it: for each weight Σ_i of five derivatives, one after the other."""
    below, above = network.layers
    w, v = np.asarray(below.structure.weights), np.asarray(above.structure.weights)
    x, d = np.asarray(batch.inputs), np.asarray(batch.targets)
    hidden = 1 / (1 + np.exp(-(x @ w + np.asarray(below.bias))))
    y = 1 / (1 + np.exp(-(hidden @ v + np.asarray(above.bias))))
    found = np.zeros(w.shape)
    for k, j in np.ndindex(*w.shape):
        for i in range(outputs):
            chain = (y[:, i] - d[:, i], y[:, i] * (1 - y[:, i]), v[j, i], hidden[:, j] * (1 - hidden[:, j]), x[:, k])
            found[k, j] += np.mean(np.prod(np.broadcast_arrays(*chain), axis=0))
    return found


def deeper(break_slope: float) -> float:
    """Largest relative difference from jax.grad on a deeper network, in which every path meets others."""
    key = jax.random.key(0)
    network = fb.networks.mlp((3, 5, 4, 2), ("tanh", "sigmoid"), "sigmoid", key=key)
    batch = Batch(jax.random.normal(key, (6, 3)), jax.random.uniform(key, (6, 2)), jnp.ones(6))
    pairs = zip(jax.tree.leaves(propose(network, batch)[0]), jax.tree.leaves(slope(network, batch)), strict=True)
    return max(float(jnp.abs(break_slope * a - b).max() / jnp.abs(b).max()) for a, b in pairs)
