r"""Asynchronous updates of many states at once: exactly the neuron-by-neuron result, at the speed of matrix products.

A neuron that is visited sees every change made before it. For a block of neurons the net inputs are one product,
H_b = W_b S + b_b; within the block only the changes of the block's own neurons are missing, and they are added in
groups small enough to be written out. In integers the result is bit for bit that of the plain loop.
"""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array

from flambeau.dynamics.base import Levels, Noise, Order, States
from flambeau.structures.lateral import Lateral

BLOCK = 24  # neurons whose net inputs are one product
GROUP = 4  # neurons written out without a product between them


def chosen(net: Array, state: Array, levels: Levels) -> Array:
    """The upper level above net input 0, the lower one below it; at exactly 0 a neuron keeps its state.

    >>> chosen(jnp.asarray([2.0, 0.0, -1.0]), jnp.asarray([-1.0, -1.0, 1.0]), (-1.0, 1.0)).tolist()
    [1.0, -1.0, -1.0]
    """
    low, high = levels
    return jnp.where(net > 0, high, jnp.where(net < 0, low, state)).astype(state.dtype)


def visit_one_by_one(
    wiring: Lateral, bias: Array, states: States, order: Order, noise: Noise, levels: Levels
) -> States:
    """The plain loop: h_i = Σ_j w_ji s_j + b_i (+ noise), then s_i; a neuron may be visited twice, -1 is nobody."""

    def one(states: Array, given: tuple[Array, Any]) -> tuple[Array, None]:
        number, extra = given
        i = jnp.maximum(number, 0)
        net = (wiring.incoming(i[None]) @ states)[0] + bias[i]
        new = chosen(net if extra is None else net + extra, states[i], levels)
        return states.at[i].set(jnp.where(number < 0, states[i], new)), None

    return jax.lax.scan(one, states.T, (order, noise))[0].T


def visit_by_nets(nets: Callable[[Array], Array], states: States, order: Order, noise: Noise, levels: Levels) -> States:
    """The plain loop for any network, which computes all ``nets`` at every visit and uses one."""

    def one(states: Array, given: tuple[Array, Any]) -> tuple[Array, None]:
        number, extra = given
        i = jnp.maximum(number, 0)
        net = nets(states)[:, i]
        new = chosen(net if extra is None else net + extra, states[:, i], levels)
        return states.at[:, i].set(jnp.where(number < 0, states[:, i], new)), None

    return jax.lax.scan(one, states, (order, noise))[0]


def visit_in_blocks(wiring: Lateral, bias: Array, states: States, order: Order, noise: Noise, levels: Levels) -> States:
    """The same for an order in which no neuron stands twice (else use :func:`visit_one_by_one`).

    >>> wiring = Lateral(jnp.asarray([[0.0, -2.0], [-2.0, 0.0]]))
    >>> s = jnp.asarray([[1.0, 1.0]])
    >>> visit_in_blocks(wiring, jnp.zeros(2), s, jnp.asarray([0, 1]), None, (-1.0, 1.0)).tolist()
    [[-1.0, 1.0]]
    >>> visit_in_blocks(wiring, jnp.zeros(2), s, jnp.asarray([1, 0]), None, (-1.0, 1.0)).tolist()
    [[1.0, -1.0]]
    """
    units, visits = bias.shape[0], order.shape[0]
    block = min(BLOCK, -(-visits // GROUP) * GROUP)
    order = jnp.pad(order, (0, -visits % block), constant_values=-1)
    # Padding stands last, so what it seems to change reaches no neuron; beyond the last one, nothing is written.
    order = jnp.where(order < 0, units, order).reshape(-1, block)
    if noise is not None:
        noise = jnp.pad(noise, ((0, order.size - visits), (0, 0))).reshape(*order.shape, -1)

    def one(states: Array, given: tuple[Array, Any]) -> tuple[Array, None]:
        return block_of(wiring, bias, states, *given, levels), None

    return jax.lax.scan(one, states.T, (order, noise))[0].T


def block_of(wiring: Lateral, bias: Array, states: Array, ids: Array, noise: Any, levels: Levels) -> Array:
    """One block: its net inputs by one product, then group by group."""
    read = jnp.minimum(ids, bias.shape[0] - 1)
    rows = wiring.incoming(read)
    inner = rows.T.at[read].get(mode="promise_in_bounds").T
    net = rows @ states + bias[read][:, None]
    net = net if noise is None else net + noise
    own = states.at[read].get(mode="promise_in_bounds")

    def group(number: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
        own, net = carry
        at = number * GROUP
        before, nets = (jax.lax.dynamic_slice_in_dim(part, at, GROUP) for part in carry)
        new = _written_out(jax.lax.dynamic_slice(inner, (at, at), (GROUP, GROUP)), nets, before, levels)
        net = net + jax.lax.dynamic_slice_in_dim(inner, at, GROUP, axis=1) @ (new - before)
        return jax.lax.dynamic_update_slice_in_dim(own, new, at, 0), net

    def visited() -> Array:
        return jax.lax.fori_loop(0, ids.shape[0] // GROUP, group, (own, net))[0]

    # Where no neuron of the block would change, none does: most blocks of a last sweep, whose cost is then the product.
    # Only the block's own states go through the branch: XLA copies what a branch returns.
    new = jax.lax.cond(jnp.any(chosen(net, own, levels) != own), visited, lambda: own)
    return states.at[ids].set(new, mode="drop")


def _written_out(inner: Array, nets: Array, before: Array, levels: Levels) -> Array:
    """The group's new states, each seeing the changes of those before it; ``inner`` are the weights among them."""
    new: list[Array] = []
    for i in range(GROUP):
        net = nets[i]
        for j in range(i):
            net = net + inner[i, j] * (new[j] - before[j])
        new.append(chosen(net, before[i], levels))
    return jnp.stack(new)
