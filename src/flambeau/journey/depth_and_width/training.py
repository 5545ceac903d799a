"""Chapter 4's way to train: the same for every network, many abreast, so that only their shapes differ."""

import itertools
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax

import flambeau as fb

ROOM = {1: (52,), 2: (12, 12), 3: (9, 9, 9)}  # hidden units there is room for, by the number of hidden layers


def trained_widths(
    shapes: Sequence[tuple[int, ...]], X: np.ndarray, wanted: np.ndarray, steps: int, seeds: range, rate: float = 0.03
) -> list[list[fb.networks.FeedForward]]:
    """For every shape (all of one depth) and seed a tanh network after Adam on all rows, its rate falling to 0."""
    starts = [_drawn(sizes, seed) for sizes in shapes for seed in seeds]
    problem = fb.problems.Examples.of(X, wanted, shuffle=False)
    falling = fb.optimizer("adam", optax.cosine_decay_schedule(rate, steps))
    runs = fb.training.population(
        starts, fb.rules.Backpropagation(), problem, optimizer=falling, steps=steps, batch_size=len(X)
    )
    return [[run.network for run in runs[at : at + len(seeds)]] for at in range(0, len(runs), len(seeds))]


def _drawn(sizes: tuple[int, ...], seed: int) -> fb.networks.FeedForward:
    """A fresh network (Glorot's uniform weights), filled up with silent units to the room of its depth.

    A tanh unit whose connections are all 0 answers 0, receives no gradient and stays so for ever: the network learns
    exactly as it would without it, and networks of every width share one compiled program.
    """
    room = (sizes[0], *ROOM[len(sizes) - 2], sizes[-1])
    functions = (*(fb.neurons.Tanh(),) * (len(sizes) - 2), fb.neurons.Identity())
    rng, layers = np.random.default_rng(seed), []
    for below, above, rows, columns, f in zip(sizes, sizes[1:], room, room[1:], functions, strict=False):
        weights = np.zeros((rows, columns), np.float32)
        limit = np.sqrt(6 / (below + above))
        weights[:below, :above] = rng.uniform(-limit, limit, (below, above))
        layers.append(fb.structures.Layer(fb.structures.Dense(jnp.asarray(weights)), jnp.zeros(columns), f))
    return fb.networks.FeedForward(tuple(layers))


def answers(network: fb.networks.FeedForward, x: np.ndarray) -> np.ndarray:
    """The outputs ``(n,)`` of a network with one output unit, in one compiled call."""
    return np.asarray(compiled(network, jnp.asarray(x, jnp.float32)))[:, 0]


@eqx.filter_jit
def compiled(network: fb.networks.FeedForward, x: jax.Array) -> jax.Array:
    """The network as one program."""
    return network(x)


def parameter_count(sizes: tuple[int, ...]) -> int:
    """Weights and thresholds of a network.

    >>> parameter_count((2, 51, 1)), parameter_count((2, 12, 12, 1))
    (205, 205)
    """
    return sum((below + 1) * above for below, above in itertools.pairwise(sizes))
