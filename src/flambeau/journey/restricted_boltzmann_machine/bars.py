"""Chapter 7, its small world: bars and stripes, where all can be summed."""

import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, PyTree

import flambeau as fb
from flambeau.journey.restricted_boltzmann_machine.monitors import LogLikelihood, MeanProposal
from flambeau.journey.setting import Setting

SIDE, HIDDEN = 4, 8
CEILING = -float(np.log(30))  # nats: no distribution can give 30 patterns more than 1/30 each
RATE = 0.2
CHAINS = 60  # rows of a batch: every picture twice; as many chains
YOUNG = 800  # steps of learning after which a machine is still quick to sample
ROUND = 200  # steps from one look at the likelihood to the next


@functools.cache
def bars() -> np.ndarray:
    """Every picture of 4 by 4 pixels whose rows, or whose columns, are all of one colour: 30 of 65,536."""
    lines = np.indices((2,) * SIDE).reshape(SIDE, -1).T
    return np.unique(np.concatenate([np.repeat(lines, SIDE, axis=1), np.tile(lines, SIDE)]), axis=0).astype(float)


@functools.cache
def every_state(units: int) -> np.ndarray:
    """All states of so many units of 0 or 1, one a row."""
    return fb.analysis.all_states(fb.neurons.unit("bernoulli"), units).astype(np.float32)


class Chains(fb.dynamics.AbstractSampler):
    """CD-k and PCD-k as one program, because they differ in one thing only: where their chains start.

    ``fb.dynamics.FromData(k)`` starts them at the batch, every time; ``fb.dynamics.Persistent(chains, k)`` where they
    were. Here both k and that choice are data, so that all of them are compiled once.
    """

    k: Array
    persistent: Array

    def init(self, machine: Any) -> PyTree:
        """Hidden states, from fair coins."""
        return jnp.round(jax.random.uniform(jax.random.key(1), (CHAINS, HIDDEN)))

    def draw(self, machine: Any, h: Array, share: Array, state: PyTree, key: Array) -> tuple[Any, PyTree]:
        """Down and up k times, from hidden samples of the batch or from where the chains were."""

        def step(number: Array, carry: tuple[Array, Array]) -> tuple[Array, Array]:
            down, up = jax.random.split(jax.random.fold_in(key, number))
            v = fb.dynamics.sample_visible(machine, carry[1], down)
            return v, fb.dynamics.sample_hidden(machine, v, up)

        start = jnp.where(self.persistent, state, h)
        v, h = jax.lax.fori_loop(0, self.k, step, (jnp.zeros((CHAINS, SIDE**2)), start))
        return fb.dynamics.Particles.of(machine, v, machine.hidden_net(v), share), h


def sampler(method: str) -> fb.dynamics.AbstractSampler:
    """By its name: "exact", "PCD", "CD-1", "CD-5", ..."""
    if method == "exact":
        return fb.dynamics.Enumeration()
    k = 1 if method == "PCD" else int(method.removeprefix("CD-"))
    return Chains(jnp.asarray(k, jnp.int32), jnp.asarray(method == "PCD"))


def steps_of(setting: Setting) -> int:
    """How long machines learn."""
    return setting.pick(2400, 3000, 20000)


@functools.cache
def _falling(steps: int) -> Callable[[Any], Any]:
    """A rate that falls to 0 on a cosine; kept, because a schedule is a program too."""
    return optax.cosine_decay_schedule(RATE, steps)


@eqx.filter_jit
def _drawn(key: Array) -> fb.networks.RestrictedBoltzmannMachine:
    """A machine with random weights."""
    return fb.networks.rbm(SIDE**2, HIDDEN, deviation=0.1, key=key)


def fresh(seed: int) -> fb.networks.RestrictedBoltzmannMachine:
    """The seed's own."""
    return _drawn(jax.random.key(seed))


@functools.lru_cache(64)
def learned_bars(method: str, steps: int, seed: int, *, fall: bool = True) -> fb.Run:
    """A fresh machine of 8 hidden units that was taught bars and stripes; kept, as several sections look at it."""
    return on_bars(fresh(seed), method, steps, seed, _falling(steps) if fall else RATE)


def on_bars(machine: fb.networks.RestrictedBoltzmannMachine, method: str, steps: int, seed: int, rate: Any) -> fb.Run:
    """The run on all 30 patterns at once, with everything watched exactly."""
    rows, copies = bars(), ROUND * CHAINS // len(bars())
    problem = fb.problems.Examples.of(np.tile(rows, (copies, 1)), np.zeros(copies * len(rows)), shuffle=False)
    watched = LogLikelihood(jnp.asarray(rows, jnp.float32), jnp.asarray(every_state(HIDDEN)))
    monitors = watched, fb.monitors.ReconstructionError(), MeanProposal()
    return fb.train(machine, fb.rules.ContrastiveDivergence(sampler(method)), problem, steps=steps, key=seed,
                    optimizer=fb.optimizer("sgd", rate), batch_size=CHAINS, monitors=monitors)  # fmt: skip
