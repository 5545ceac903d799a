"""Chapter 3, back-propagation: the lecture's derivation, every number of it four ways."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.backpropagation_at_work import digits_at_work, exclusive_or, spirals
from flambeau.journey.backpropagation_correction import is_it_convex
from flambeau.journey.chapter import (
    Claim,
    Equation,
    Figure,
    Plan,
    Quote,
    Section,
    Setting,
    Table,
    Told,
    tiny,
    worded,
)
from flambeau.pictures import panels
from flambeau.pictures.figures import BLUE, VERMILLION, picture

# Worked out by hand: x = (1, 0), d = 1, hidden weights (0.1, 0.2) and (0.3, 0.4), output weights (0.5, 0.6), no biases.
BY_HAND = {
    "y′₁": 0.5249791875, "y′₂": 0.5744425168, "y": 0.64729157, "e": 0.0622016183, "δ": -0.0805251663,
    "δ′₁": -0.0100405236, "δ′₂": -0.0118110277, "∂e/∂w₁": -0.0422740364, "∂e/∂w₂": -0.0462570792,
    "∂e/∂w′₁₁": -0.0100405236, "∂e/∂w′₁₂": -0.0118110277, "∂e/∂w′₂₁": 0.0, "∂e/∂w′₂₂": 0.0,
}  # fmt: skip
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


def deeper() -> float:
    """Largest relative difference from jax.grad on a deeper network, in which every path meets others."""
    key = jax.random.key(0)
    network = fb.networks.mlp((3, 5, 4, 2), ("tanh", "sigmoid"), "sigmoid", key=key)
    batch = Batch(jax.random.normal(key, (6, 3)), jax.random.uniform(key, (6, 2)), jnp.ones(6))
    pairs = zip(jax.tree.leaves(propose(network, batch)[0]), jax.tree.leaves(slope(network, batch)), strict=True)
    return max(float(jnp.abs(a - b).max() / jnp.abs(b).max()) for a, b in pairs)


def draw_wiring(values: dict[str, float], axes: list[Axes]) -> None:
    """Outputs on their way up, shares of the error on their way down."""
    w = {(0, 0, 0): "0.1", (0, 0, 1): "0.3", (0, 1, 0): "0.2", (0, 1, 1): "0.4", (1, 0, 0): "0.5", (1, 1, 0): "0.6"}
    up = [["1", "0"], *([worded(values[name], ".3f") for name in layer] for layer in (("y′₁", "y′₂"), ("y",)))]
    down = [["1", "0"], *([worded(values[name], ".4f") for name in layer] for layer in (("δ′₁", "δ′₂"), ("δ",)))]
    panels.wiring(axes[0], up, w, BLUE)
    axes[0].set_title("upwards: the outputs")
    edges = dict(zip([(1, 0, 0), (1, 1, 0), (0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1)],
                     (worded(values[name], ".4f") for name in WEIGHTS), strict=True))  # fmt: skip
    panels.wiring(axes[1], down, edges, VERMILLION)
    axes[1].set_title("downwards: the shares δ")


def derivation(setting: Setting) -> Told:
    """The smallest network with a hidden layer, and what comes down its wires."""
    with jax.enable_x64(True):  # ten digits of every number are compared
        ours, automatic, moved = four_ways()
        apart = deeper()
    others = (automatic, moved)
    rows = tuple((name, *(worded(found[name], ".10f") if name in found else "" for found in (BY_HAND, ours, *others)))
                 for name in BY_HAND)  # fmt: skip
    hand = max(abs(ours[name] - value) for name, value in BY_HAND.items())
    auto, slow = (max(abs(ours[name] - other[name]) for name in WEIGHTS) for other in others)
    return Section("The derivation, with numbers", (
        "One input $x = (1, 0)$ should give $d = 1$. Going up, every unit answers. Going down, every unit learns how "
        "much of the error is its own: call that share $δ$, the slope of the error in the unit's net input $s$.",
        Equation("e = ½ Σ_i (d_i - y_i)^2", "the error to be made small"),
        Equation(r"\frac{∂e}{∂w_{ji}} = \frac{∂e}{∂y_i} \frac{∂y_i}{∂s_i} \frac{∂s_i}{∂w_{ji}} = (y_i - d_i) · "
                 r"y_i (1 - y_i) · y′_j = δ_i y′_j", "output layer: three slopes, one after the other"),
        Equation("δ′_j = y′_j (1 - y′_j) Σ_i w_{ji} δ_i", "hidden layer: paths that meet are added"),
        Figure("The same network, upwards and downwards", "In the circles: left the outputs, right the shares. On the "
               "wires: left the weights, right their gradients.",
               picture(lambda axes: draw_wiring(ours, axes), 1, 2, 2.5), "A 2-2-1 network with its numbers, twice."),
        Table("Every number of it; a prime marks the hidden layer, w′ᵢⱼ leads from input i to hidden unit j",
              ("", "by hand", "Flambeau", "jax.grad", "moved both ways"), rows),
        "The weights from the silent input have gradient 0: what said nothing has no share in the error.",
    )), (Claim("The lecture's formulas, worked out by hand", "equal to Flambeau's, to 10⁻⁹",
               f"largest difference {tiny(hand)}", hand < 1e-9),
         Claim("They are the gradient: against jax.grad", "equal, to 10⁻¹⁴", f"largest difference {tiny(auto)}",
               auto < 1e-14),
         Claim("They are the gradient: against moving each weight both ways", "equal, to 10⁻⁹",
               f"largest difference {tiny(slow)}", slow < 1e-9),
         Claim("Paths that meet are summed, at any depth", "equal to jax.grad, to 10⁻¹² (3-5-4-2 network)",
               f"largest relative difference {tiny(apart)}", apart < 1e-12))  # fmt: skip


PLAN = Plan(
    "backpropagation",
    "Back-propagation",
    Quote("在 BP 神经网络上，激活函数被换成了 Sigmoid 函数（这样的性质利于反向传播的建立）。"
          "求和的连接导数应该被加起来。",
          "In the BP network the activation is replaced by the sigmoid, whose properties help to set up the backward "
          "pass. Derivatives of connections that are summed must be added up."),
    (derivation, exclusive_or, spirals, digits_at_work, is_it_convex),
)  # fmt: skip
