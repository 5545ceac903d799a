"""Chapter 6's way to train: the same digits and descent, networks that differ in depth and units."""

import functools
import itertools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array

import flambeau as fb

RULE = fb.rules.Backpropagation(fb.rules.CrossEntropy())
BATCH = 32
SPREADS = {  # the variance of a weight between so many inputs and so many units
    "Glorot": lambda inputs, units: 2 / (inputs + units),
    "He": lambda inputs, units: 2 / inputs,
    "LeCun": lambda inputs, units: 1 / inputs,
}


def drawn_depths(
    sizes: tuple[int, ...], hidden: str, output: str, seed: int, weights: str = "Glorot", thresholds: float = 0.0
) -> fb.networks.FeedForward:
    """A fresh network with normal weights, and thresholds of that deviation (``fb.networks.mlp`` has them 0)."""
    rng, layers = np.random.default_rng(seed), []
    for row, (inputs, units) in enumerate(itertools.pairwise(sizes), 1):
        w = rng.normal(scale=np.sqrt(SPREADS[weights](inputs, units)), size=(inputs, units))
        wiring, bias = fb.structures.Dense(jnp.asarray(w)), jnp.asarray(rng.normal(scale=thresholds, size=units))
        f = fb.neurons.activation(output if row == len(sizes) - 1 else hidden)
        layers.append(fb.structures.Layer(wiring, bias, f))
    return fb.networks.FeedForward(tuple(layers))


def stack(depth: int, seed: int, hidden: str = "sigmoid", weights: str = "Glorot") -> fb.networks.FeedForward:
    """A network for the digits, of ``depth`` hidden layers of 32 units, with a softmax on top."""
    return drawn_depths((64, *(32,) * depth, 10), hidden, "softmax", seed, weights)


@functools.cache
def _falling(rate: float, steps: int) -> Callable[[Any], Any]:
    """A rate that falls to 0 on a cosine; kept, because a schedule is a program too."""
    return optax.cosine_decay_schedule(rate, steps)


def learned_depths(
    network: fb.networks.FeedForward, problem: fb.problems.Examples, rate: float, epochs: int, *, fall: bool = True,
    **options: Any
) -> fb.Run:  # fmt: skip
    """The run of plain gradient descent in small batches; ``options`` go to ``fb.train``."""
    steps = epochs * -(-len(problem.inputs) // BATCH)
    descent = fb.optimizer("sgd", _falling(rate, steps) if fall else rate)
    return fb.train(network, RULE, problem, optimizer=descent, steps=steps, batch_size=BATCH, **options)


def right_depths(network: fb.networks.FeedForward, inputs: np.ndarray, labels: np.ndarray) -> float:
    """Percent of digits that the network names rightly."""
    return 100 * float(np.mean(np.asarray(_answers(network, inputs)).argmax(axis=1) == labels))


@eqx.filter_jit
def _answers(network: fb.networks.FeedForward, inputs: np.ndarray | Array) -> Array:
    """The network as one program."""
    return network(inputs)


@eqx.filter_jit
def gradients(network: fb.networks.FeedForward, batch: fb.rules.Batch) -> Array:
    """‖δ‖ at every layer; the other numbers of the report are not asked for, and not computed."""
    return fb.analysis.flow_numbers(network, RULE, batch)["delta"]
