"""Chapter 4's way to train: the same for every network, so that only their shapes differ."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax

import flambeau as fb

ROOM = {1: (52,), 2: (12, 12), 3: (9, 9, 9)}  # hidden units there is room for, by the number of hidden layers


def trained_widths(
    sizes: tuple[int, ...],
    X: np.ndarray,
    wanted: np.ndarray,
    steps: int,
    seed: int,
    rate: float = 0.03,
    output: str = "identity",
) -> fb.networks.FeedForward:
    """A tanh network after ``steps`` of Adam on all rows, its rate falling to 0 on a cosine."""
    problem = fb.problems.Examples.of(X, wanted, shuffle=False)
    falling = fb.optimiser("adam", optax.cosine_decay_schedule(rate, steps))
    run = fb.train(_drawn(sizes, seed, output), fb.rules.Backpropagation(), problem, optimizer=falling, steps=steps,
                   batch_size=len(X), key=seed)  # fmt: skip
    return run.network


def _drawn(sizes: tuple[int, ...], seed: int, output: str) -> fb.networks.FeedForward:
    """A fresh network (Glorot's uniform weights), filled up with silent units to the room of its depth.

    A tanh unit whose connections are all 0 answers 0, receives no gradient and stays so for ever: the network learns
    exactly as it would without it, and networks of every width share one compiled program.
    """
    room = (sizes[0], *ROOM[len(sizes) - 2], sizes[-1])
    functions = (*(fb.neurons.Tanh(),) * (len(sizes) - 2), fb.neurons.activation(output))
    rng, layers = np.random.default_rng(seed), []
    for below, above, rows, columns, f in zip(sizes, sizes[1:], room, room[1:], functions, strict=False):
        weights = np.zeros((rows, columns), np.float32)
        limit = np.sqrt(6 / (below + above))
        weights[:below, :above] = rng.uniform(-limit, limit, (below, above))
        layers.append(fb.structures.Layer(fb.structures.Dense(jnp.asarray(weights)), jnp.zeros(columns), f))
    return fb.networks.FeedForward(tuple(layers))


def answers(network: fb.networks.FeedForward, x: np.ndarray) -> np.ndarray:
    """The outputs ``(n,)`` of a network with one output unit, in one compiled call."""
    return np.asarray(compiled(network, jnp.asarray(x)))[:, 0]


@jax.jit
def compiled(network: fb.networks.FeedForward, x: jax.Array) -> jax.Array:
    """The network as one program."""
    return network(x)


def parameter_count(sizes: tuple[int, ...]) -> int:
    """Weights and thresholds of a network.

    >>> parameter_count((2, 51, 1)), parameter_count((2, 12, 12, 1))
    (205, 205)
    """
    return sum((below + 1) * above for below, above in itertools.pairwise(sizes))
