"""Annealed importance sampling: chains carried from independent units to the model, with the weight of every passage.

    log w  =  Σ_k log p*_{β_k}(v_{k-1}) - log p*_{β_{k-1}}(v_{k-1}),      v_k ~ a Gibbs step at β_k

Rung β has visible biases (1 - β) a + β b, weights βW, hidden biases βc: one product x = W t(v) serves the weight and
the sampling. Differences are taken unit by unit and summed over few temperatures on the device; the host adds the parts
in double precision, for in single precision 14,500 roundings of sums near 500 cost tenths of a nat.
Source: Neal 2001; Salakhutdinov and Murray 2008, On the quantitative analysis of deep belief networks.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from flambeau.dynamics.base import AbstractMachine
from flambeau.errors import ConfigurationError

PART = 50  # temperatures whose weights are added up on the device
STEPS = ((0.0, 0.5, 1e-3), (0.5, 0.9, 1e-4), (0.9, 1.0, 1e-5))  # 14,500 temperatures


def annealing_temperatures(given: Any = None) -> Float[np.ndarray, " betas"]:
    """β from 0 to 1: the 14,500 temperatures of Salakhutdinov and Murray, or ``given`` many in the same proportions.

    >>> len(annealing_temperatures()), annealing_temperatures(100)[[0, 50, 100]].tolist()
    (14501, [0.0, 0.927..., 1.0])

    ``given`` may also be the rising β themselves, from 0 to 1. Raises :class:`~flambeau.errors.ConfigurationError`.
    """
    if isinstance(given, np.ndarray | list | tuple):
        betas = np.asarray(given, np.float64)
        if betas.ndim != 1 or len(betas) < 2 or betas[0] != 0 or betas[-1] != 1 or not (np.diff(betas) >= 0).all():
            got, remedy = np.array2string(betas, threshold=6), "for instance np.linspace(0, 1, 1001)"
            raise ConfigurationError("temperatures", "β rising from 0 to 1", got, remedy)
        return betas
    if given is not None and (isinstance(given, bool) or not isinstance(given, int | np.integer) or given < 1):
        remedy = "give 1000 for a glance, None for the published 14,500"
        raise ConfigurationError("temperatures", "a whole number of at least 1, or rising β", given, remedy)
    counts = [round((high - low) / step) for low, high, step in STEPS]
    parts = [np.linspace(low, high, count, endpoint=False) for (low, high, _), count in zip(STEPS, counts, strict=True)]
    full = np.append(np.concatenate(parts), 1.0)
    return full if given is None else np.interp(np.linspace(0, len(full) - 1, given + 1), np.arange(len(full)), full)


@eqx.filter_jit
def base_samples(machine: AbstractMachine, base: Any, chains: int, key: Array) -> Float[Array, "chains visible"]:
    """Samples at β = 0: independent visible units with biases ``base``."""
    base = jnp.asarray(base)
    return machine.visible.sample(jnp.broadcast_to(base, (chains, *base.shape)), key)


def base_log_partition(machine: Any, base: Any) -> float:
    """log Z at β = 0: independent visible units with biases ``base``, hidden units without input."""
    return float(sum(np.asarray(part, np.float64).sum() for part in base_normalisers(machine, base)))


@eqx.filter_jit
def base_normalisers(machine: Any, base: Any) -> tuple[Array, Array]:
    """The log-normaliser of every unit of both sides; summed by the host, in double precision."""
    bias, zero = jnp.asarray(base, machine.visible_bias.dtype), jnp.zeros_like(machine.hidden_bias)
    return machine.visible.log_normaliser(bias, bias), machine.hidden.log_normaliser(zero, zero)


def anneal(
    machine: AbstractMachine, start: Any, base: Any, betas: np.ndarray, key: Array
) -> Float[np.ndarray, " chains"]:
    """log w of every chain, nats, in double precision, along ``betas`` (falling ones for the reverse).

    Arguments: ``start`` ``(chains, visible)``, samples at ``betas[0]``: of the base forward, of the model in reverse;
    ``base`` biases a ``(visible,)``. The mean of w is an unbiased estimate of the ratio of the Z of
    ``betas[-1]`` and ``betas[0]``.

    >>> from flambeau.networks import rbm
    >>> machine = rbm(3, 2, key=jax.random.key(0), deviation=0.0)
    >>> anneal(machine, jnp.zeros((4, 3)), machine.visible_bias, annealing_temperatures(10), jax.random.key(1)).tolist()
    [0.0, 0.0, 0.0, 0.0]
    """
    steps = len(betas) - 1
    count = -(-steps // PART)
    padded = np.append(betas, np.repeat(betas[-1], count * PART - steps))  # a repeated β weighs nothing
    v, base = jnp.asarray(start), jnp.asarray(base)
    parts = []
    for number in range(count):
        part = jnp.asarray(padded[number * PART : (number + 1) * PART + 1], v.dtype)
        v, log_w = passage(machine, v, base, part, jax.random.fold_in(key, number))
        parts.append(log_w)
    return np.asarray([np.asarray(part) for part in parts], np.float64).sum(0)


@eqx.filter_jit
def passage(machine: Any, v: Array, base: Array, betas: Float[Array, " part"], key: Array) -> tuple[Array, Array]:
    """The chains' states after a part of the way, and the sums of their log-weights over it.

    Biases are spread over the chains and the temperatures travel with the loop, so that XLA's kernels for sampling and
    weighing read everything in one order: with rows that repeat or a table to look up they are half as fast.
    """
    biases = machine.visible_bias, machine.hidden_bias, base
    *rows, base = (jnp.broadcast_to(bias, (len(v), *bias.shape)) for bias in biases)
    machine = eqx.tree_at(lambda each: (each.visible_bias, each.hidden_bias), machine, tuple(rows))
    away = machine.visible_bias - base

    def step(number: Array, carry: tuple[Array, ...]) -> tuple[Array, ...]:
        v, log_w, old, new = carry
        net = machine.hidden_net(v)
        log_w = log_w + change(machine, v, net, base, away, old, new)
        up, down = jax.random.split(jax.random.fold_in(key, number))
        h = machine.hidden.sample(new * net, up)
        v = machine.visible.sample((1 - new) * base + new * machine.visible_net(h), down)
        return v, log_w, new, betas[number + 2]  # past the end, never used

    return jax.lax.fori_loop(0, len(betas) - 1, step, (v, jnp.zeros(len(v), v.dtype), betas[0], betas[1]))[:2]


def change(
    machine: Any, v: Array, net: Array, base: Array, away: Array, old: Array, new: Array
) -> Float[Array, " chains"]:
    """log p*_new(v) - log p*_old(v), the difference taken unit by unit, where it is small."""
    c = machine.hidden_bias
    hidden = machine.hidden.log_normaliser(new * net, new * c) - machine.hidden.log_normaliser(old * net, old * c)
    visible = machine.visible.energy(v, base + new * away) - machine.visible.energy(v, base + old * away)
    return hidden.sum(-1) - visible.sum(-1)


def log_mean_weight(log_w: np.ndarray) -> tuple[float, float, float]:
    """``(log mean w, its standard error, effective number of samples)``, in double precision.

    The error is that of a small relative deviation, std(w) / (mean(w) √n); the effective number (Σw)² / Σw².
    """
    largest = log_w.max()
    w = np.exp(log_w - largest)
    mean = w.mean()
    error = w.std(ddof=1) / (mean * np.sqrt(len(w))) if len(w) > 1 else np.inf
    return float(largest + np.log(mean)), float(error), float(w.sum() ** 2 / (w**2).sum())


def bennett(forward: np.ndarray, reverse: np.ndarray) -> float:
    """The log Z_1 - log Z_0 on which both directions' log-weights agree best: the acceptance ratio method.

        Σ f(log w_F - x - m)  =  Σ f(log w_R + x + m),      f logistic, m = log(n_F / n_R)

    ``reverse`` are log-weights of passages from 1 to 0; solved for x by bisection.

    >>> round(bennett(np.full(5, 2.0), np.full(5, -2.0)), 6)
    2.0

    Source: Bennett 1976, Efficient estimation of free energy differences from Monte Carlo data.
    """
    m = np.log(len(forward) / len(reverse))

    def logistic(x: np.ndarray) -> np.ndarray:
        return 0.5 * (1 + np.tanh(0.5 * x))  # without overflow

    def excess(x: float) -> float:
        return float(logistic(forward - x - m).sum() - logistic(reverse + x + m).sum())

    low, high = min(forward.min(), -reverse.max()) - 50, max(forward.max(), -reverse.min()) + 50
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if excess(middle) > 0 else (low, middle)
    return float((low + high) / 2)
