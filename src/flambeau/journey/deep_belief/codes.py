"""Chapter 8, its codes: a first machine so small that every hidden state can be listed."""

from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.scipy.special import logsumexp

import flambeau as fb

HIDDEN = 10  # units of the first layer: 1,024 states, so that everything can be added up
Machine = fb.networks.RestrictedBoltzmannMachine


def _every_state() -> jax.Array:
    """All states of the first hidden layer, ``(states, hidden)``."""
    return jnp.asarray(fb.analysis.all_states(fb.neurons.Bernoulli(), HIDDEN), jnp.float32)


class Codes(NamedTuple):
    """What the first machine says about some digits, for all states of its hidden layer."""

    states: np.ndarray  # (states, hidden)
    up: np.ndarray  # Q(h | v): (digits, states)
    down: np.ndarray  # log P(v | h): (digits, states)

    @classmethod
    def of(cls, first: Machine, v: np.ndarray) -> "Codes":
        """By the two sigmoids."""
        h = _every_state()
        up, down = (np.asarray(net, np.float64) for net in (first.hidden_net(jnp.asarray(v)), first.visible_net(h)))
        return cls(np.asarray(h), np.exp(log_product(up, np.asarray(h))), log_product(down, v).T)

    def fit(self, log_prior: np.ndarray) -> float:
        """E_Q log P(h): how well a machine above fits the codes, nats per digit."""
        return float((self.up @ log_prior).mean())

    def bound(self, log_prior: np.ndarray) -> float:
        """E_Q [log P(v|h) + log P(h) - log Q(h|v)], nats per digit."""
        spread = np.log(np.maximum(self.up, 1e-300))
        return float((self.up * (self.down + log_prior - spread)).sum(axis=1).mean())

    def likelihood(self, log_prior: np.ndarray) -> float:
        """log P(v) = log Σ_h P(v|h) P(h), nats per digit."""
        each = self.down + log_prior
        most = each.max(axis=1)
        return float((most + np.log(np.exp(each - most[:, None]).sum(axis=1))).mean())


def log_product(net: np.ndarray, of: np.ndarray) -> np.ndarray:
    """log Π_j P(x_j) of every row of ``of`` under every row of net inputs: ``(nets, rows)``."""
    return net @ of.T - np.logaddexp(0, net).sum(axis=1, keepdims=True)


@eqx.filter_jit
def weighed(top: Machine, h: jax.Array) -> jax.Array:
    """-F(h): log P(h) up to a constant."""
    return -top.free_energy(h)


def prior(top: Machine) -> np.ndarray:
    """log P(h) of every state of the first hidden layer, under the machine on top of it."""
    log_p = np.asarray(weighed(top, _every_state()), np.float64)
    return log_p - np.log(np.exp(log_p - log_p.max()).sum()) - log_p.max()


def climb(network: Machine, missed: Callable[[Machine], Any], rounds: int, each: int) -> list[Machine]:
    """The machine before and after each round of so many steps down the slope of ``missed``, without any sampling."""
    adam = optax.adam(0.02)

    @eqx.filter_jit
    def further(network: Machine, state: Any) -> Any:
        def step(_: Any, carry: Any) -> Any:
            change, state = adam.update(eqx.filter_grad(missed)(carry[0]), carry[1])
            return eqx.apply_updates(carry[0], change), state

        return jax.lax.fori_loop(0, each, step, (network, state))

    stages, state = [network], adam.init(eqx.filter(network, eqx.is_inexact_array))
    for _ in range(rounds):
        network, state = further(network, state)
        stages.append(network)
    return stages


def first_layer(start: Machine, data: np.ndarray, steps: int) -> Machine:
    """The machine that makes the data most probable, log Z = log Σ_h e^{-F(h)} being a sum over its hidden states."""
    v, h = jnp.asarray(data, jnp.float32), _every_state()

    def missed(machine: Machine) -> Any:
        return machine.free_energy(v).mean() + logsumexp(-machine.hidden_free_energy(h))

    return climb(start, missed, 1, steps)[-1]


def second_layers(top: Machine, codes: Codes, rounds: int, each: int) -> list[Machine]:
    """The machine on top, before and after each round of steps that make the codes more probable: E_Q log P(h)."""
    h, share = _every_state(), jnp.asarray(codes.up.mean(axis=0), jnp.float32)

    def missed(machine: Machine) -> Any:
        return share @ machine.free_energy(h) + logsumexp(-machine.free_energy(h))

    return climb(top, missed, rounds, each)
