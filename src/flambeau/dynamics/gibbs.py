"""Block Gibbs sampling: all hidden units in parallel given the visible ones, then all visible units given the hidden.

"Start with a training vector on the visible units. Then alternate between updating all the hidden units in parallel
and updating all the visible units in parallel." Every function is pure and compiled by whoever calls it; the number of
steps is data, so another number runs the same program. Beside it, passes through directed layers: sampled upwards by
recognition, downwards by generation.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from flambeau.dynamics.base import AbstractMachine


class Clamp(NamedTuple):
    """Visible units that are held: where ``mask`` is True they keep ``values`` (in-painting, a given label)."""

    values: Float[Array | np.ndarray, "*batch visible"]
    mask: Bool[Array | np.ndarray, "*batch visible"]


def hold(v: Array, clamp: Clamp | None) -> Array:
    """The visible state with the held units put back."""
    return v if clamp is None else jnp.where(clamp.mask, clamp.values, v)


def sample_hidden(machine: AbstractMachine, v: Array, key: Array) -> Array:
    """A sample of P(h | v)."""
    return machine.hidden.sample(machine.hidden_net(v), key)


def sample_visible(machine: AbstractMachine, h: Array, key: Array, clamp: Clamp | None = None) -> Array:
    """A sample of P(v | h), held units apart."""
    return hold(machine.visible.sample(machine.visible_net(h), key), clamp)


def sweep(machine: AbstractMachine, v: Array, key: Array, clamp: Clamp | None = None) -> Array:
    """One step of the chain on v: up, then down."""
    up, down = jax.random.split(key)
    return sample_visible(machine, sample_hidden(machine, v, up), down, clamp)


def gibbs(machine: AbstractMachine, v: Array, steps: int | Array, key: Array, clamp: Clamp | None = None) -> Array:
    """The visible states ``(chains, visible)`` after that many steps.

    >>> from flambeau.networks import rbm
    >>> gibbs(rbm(4, 3, key=jax.random.key(0)), jnp.zeros((4, 4)), 10, jax.random.key(1)).shape
    (4, 4)
    """

    def body(number: Array, v: Array) -> Array:
        return sweep(machine, v, jax.random.fold_in(key, number), clamp)

    return jax.lax.fori_loop(0, steps, body, hold(v, clamp))


def alternate(machine: AbstractMachine, h: Array, steps: int | Array, key: Array) -> tuple[Array, Array, Array]:
    """From hidden states, that many times down and up: ``(v, net input of the hidden units, a sample of them)``.

    The net input belongs to the *last* v, which is what the statistics of contrastive divergence need.
    """

    def body(number: Array, carry: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        down, up = jax.random.split(jax.random.fold_in(key, number))
        v = sample_visible(machine, carry[2], down)
        net = machine.hidden_net(v)
        return v, net, machine.hidden.sample(net, up)

    first = body(jnp.zeros((), jnp.int32), (h, h, h))
    if isinstance(steps, int) and steps == 1:  # CD-1 needs no loop
        return first
    return jax.lax.fori_loop(1, steps, body, first)


def trajectory(machine: AbstractMachine, v: Array, steps: int, key: Array, clamp: Clamp | None = None) -> Array:
    """The visible states after each of ``steps`` steps, ``(steps, chains, visible)``."""

    def body(v: Array, number: Array) -> tuple[Array, Array]:
        v = sweep(machine, v, jax.random.fold_in(key, number), clamp)
        return v, v

    return jax.lax.scan(body, hold(v, clamp), jnp.arange(steps))[1]


def ascend(pairs: Sequence[Any], v: Array, key: Array) -> list[Array]:
    """States sampled upwards, v first."""
    states = [v]
    for pair, own in zip(pairs, jax.random.split(key, len(pairs)), strict=True):
        states.append(pair.upper.sample(pair.up_net(states[-1]), own))
    return states


def descend(pairs: Sequence[Any], x: Array, key: Array) -> list[Array]:
    """States sampled downwards from the penultimate layer's, returned bottom first; the lowest are means."""
    states = [x]
    keys = jax.random.split(key, len(pairs))
    for place in range(len(pairs) - 1, -1, -1):
        pair = pairs[place]
        net = pair.down_net(states[0])
        states.insert(0, pair.lower.sample(net, keys[place]) if place else pair.lower.mean(net))
    return states
