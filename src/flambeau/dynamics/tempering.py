"""Parallel tempering: chains on a ladder from independent units to the model, which exchange their states.

Rung β has the visible biases (1 - β) a + β b, the weights βW and the hidden biases βc, where a are the biases of the
data's base rates: the same path that annealed importance sampling takes. Neighbours exchange states with probability
min(1, p*_i(v_j) p*_j(v_i) / p*_i(v_i) p*_j(v_j)), even and odd pairs in turn, which leaves every rung's distribution
as it is; what the hot rungs explore reaches the model.
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PyTree

from flambeau.dynamics.base import AbstractMachine
from flambeau.dynamics.samplers import AbstractSampler, Drawn, Particles, unconnected


class Ladder(NamedTuple):
    """Chains on every rung ``(rungs, chains, visible)``, the rungs' ``betas`` from 0 to 1, the ``base`` biases a.

    ``acceptance`` is the mean probability of an exchange with the next rung, ``steps`` those made.
    """

    visible: Float[Array, "rungs chains visible"]
    betas: Float[Array, " rungs"]
    base: Float[Array, " visible"]
    acceptance: Float[Array, " gaps"]
    steps: Int[Array, ""]


class Tempering(AbstractSampler):
    """Persistent chains at ``rungs`` temperatures; only those of β = 1 enter the gradient.

    Each step is ``k`` sweeps of every rung and one round of exchanges. The spacing adapts slowly towards equal
    acceptance. *Limits.* A step costs ``rungs`` times that of :class:`~flambeau.dynamics.samplers.Persistent`, and a
    ladder with too few rungs exchanges nothing: look at ``Ladder.acceptance``. Source: Desjardins et al. 2010.
    """

    chains: int = eqx.field(static=True, default=100)
    k: int = eqx.field(static=True, default=1)
    rungs: int = eqx.field(static=True, default=10)
    adaptation: float = eqx.field(static=True, default=0.01)

    def init(self, machine: AbstractMachine) -> Ladder:
        """Evenly spaced rungs; every chain starts where the visible biases alone would put it."""
        v = unconnected(machine, self.rungs * self.chains)
        betas = jnp.linspace(0, 1, self.rungs, dtype=v.dtype)
        acceptance = jnp.ones(self.rungs - 1, v.dtype)
        v = v.reshape(self.rungs, self.chains, -1)
        return Ladder(v, betas, machine.visible_bias, acceptance, jnp.zeros((), jnp.int32))

    def draw(self, machine: AbstractMachine, h: Array, share: Array, state: PyTree, key: Array) -> Drawn:
        """Sweeps, exchanges, and the coldest rung's chains."""
        ladder = temper(machine, state, self.k, key, self.adaptation)
        v = ladder.visible[-1]
        each = jnp.full(self.chains, 1 / self.chains, v.dtype)
        return Particles.of(machine, v, machine.hidden_net(v), each), ladder


def temper(machine: AbstractMachine, ladder: Ladder, k: int | Array, key: Array, adaptation: float = 0.0) -> Ladder:
    """``k`` sweeps of every rung, then one round of exchanges."""
    sweeping, swapping = jax.random.split(key)
    beta = ladder.betas[:, None, None]

    def body(number: Array, v: Array) -> Array:
        up, down = jax.random.split(jax.random.fold_in(sweeping, number))
        h = machine.hidden.sample(beta * machine.hidden_net(v), up)
        return machine.visible.sample((1 - beta) * ladder.base + beta * machine.visible_net(h), down)

    ladder = ladder._replace(visible=jax.lax.fori_loop(0, k, body, ladder.visible))
    ladder = exchange(machine, ladder, swapping)
    # Gaps that are crossed more easily than the others grow.
    gaps = jnp.diff(ladder.betas) * jnp.exp(adaptation * (ladder.acceptance - jnp.mean(ladder.acceptance)))
    betas = jnp.concatenate([jnp.zeros(1, gaps.dtype), jnp.cumsum(gaps) / jnp.sum(gaps)])
    return ladder._replace(betas=betas.at[-1].set(1))


def _log_weights(machine: AbstractMachine, ladder: Ladder, betas: Array, nets: Array, v: Array) -> Array:
    """log p*_β(v) ``(rungs, chains)`` of states v at other ``betas``; ``nets``, their hidden net inputs at β = 1."""
    beta = betas[:, None, None]
    summed = machine.hidden.log_normaliser(beta * nets, beta * machine.hidden_bias).sum(-1)
    return summed - machine.visible.energy(v, (1 - beta) * ladder.base + beta * machine.visible_bias).sum(-1)


def exchange(machine: AbstractMachine, ladder: Ladder, key: Array) -> Ladder:
    """One round of exchanges between neighbours: even pairs at even steps, odd pairs at odd ones."""
    v, betas = ladder.visible, ladder.betas
    nets = machine.hidden_net(v)
    own = _log_weights(machine, ladder, betas, nets, v)
    colder = _log_weights(machine, ladder, betas[1:], nets[:-1], v[:-1])  # each state one rung up
    hotter = _log_weights(machine, ladder, betas[:-1], nets[1:], v[1:])  # and one rung down
    odds = colder + hotter - own[:-1] - own[1:]
    turn = (jnp.arange(len(betas) - 1) % 2 == ladder.steps % 2)[:, None]
    swap = turn & (jnp.log(jax.random.uniform(key, odds.shape, odds.dtype)) < odds)
    stay = jnp.zeros_like(swap[:1])
    up, down = jnp.concatenate([swap, stay])[..., None], jnp.concatenate([stay, swap])[..., None]
    moved = jnp.where(up, jnp.roll(v, -1, axis=0), jnp.where(down, jnp.roll(v, 1, axis=0), v))
    rate = jnp.mean(jnp.minimum(1, jnp.exp(jnp.minimum(odds, 0))), axis=1)
    acceptance = ladder.acceptance + 0.05 * (rate - ladder.acceptance)
    return ladder._replace(visible=moved, acceptance=acceptance, steps=ladder.steps + 1)
