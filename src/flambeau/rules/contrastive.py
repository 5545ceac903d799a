"""Contrastive divergence and its kin: two averages, one with the data held, one of the model left alone.

    weights   ⟨q v'⟩ of the data - ⟨q v'⟩ of the model,      biases   ⟨v⟩ - ⟨v⟩  and  ⟨q⟩ - ⟨q⟩

Both averages are one ``correlate`` on the structure. How the model's side is drawn is the sampler's business
(:mod:`flambeau.dynamics.samplers`): from the data for CD-k, by persistent chains for PCD-k, tempered, or by
enumeration, where the proposal is the exact gradient of the log-likelihood.
"""

import dataclasses
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from flambeau.dynamics.label_units import complete
from flambeau.dynamics.samplers import AbstractSampler, FromData, Particles
from flambeau.rules.base import AbstractRule, Batch, Proposed, total


class ContrastiveState(NamedTuple):
    """What the next step needs: the sampler's ``chains``, both sides' offsets, and the mean hidden ``activity``."""

    chains: PyTree
    visible_offset: Float[Array, " visible"]
    hidden_offset: Float[Array, " hidden"]
    activity: Float[Array, " hidden"]


class ContrastiveDivergence(AbstractRule):
    """The gradient of the log-likelihood with a sampled second term, centred by default.

    Arguments: ``sampler``; ``centered``, whether activities are measured from moving averages μ, λ (drifting by
    ``drift`` a step), which makes learning indifferent to the data's coding: with Δ the difference of the two averages,

        ΔW = Δ⟨(q - λ)(v - μ)'⟩,   Δb = Δ⟨v⟩ - ΔW'λ,   Δc = Δ⟨q⟩ - ΔWμ;

    ``sparsity_target`` p and ``sparsity_cost``: every hidden unit's running mean activity (it forgets at
    ``sparsity_decay``) is drawn towards p. Rows without a label, in a machine that has one, get theirs drawn from
    P(y | v).

    Info: ``loss``, the mean energy of the data minus that of the particles (its gradient, activities held, is the
    proposal; near 0 when the model has caught up, whatever the likelihood), ``weight``, ``hidden`` (E[h | v] of the
    batch) and ``particles``.

    >>> from flambeau.networks import rbm
    >>> machine, rule = rbm(4, 3, key=jax.random.key(0)), ContrastiveDivergence()
    >>> init, propose = eqx.filter_jit(rule.init), eqx.filter_jit(rule.propose)  # not a program for each operation
    >>> batch = Batch(jnp.ones((4, 4)), jnp.zeros((4, 1)), jnp.ones(4))
    >>> proposal, _, info = propose(machine, batch, init(machine, batch), jax.random.key(1))
    >>> proposal.structure.weights.shape, info["particles"].visible.shape
    ((4, 3), (4, 4))

    *Limits.* CD-k is not the gradient of any function; chains that mix slowly make PCD diverge at large learning rates.
    The centred proposal equals the plain gradient in other coordinates, so it meets the same optimum under any
    optimiser, on another way. Source: Hinton 2002; Tieleman 2008; Melchior, Fischer, Wiskott 2016, How to
    center deep Boltzmann machines. Lecture: 深度信念网络, 学习过程.
    """

    sampler: AbstractSampler = FromData()
    centered: bool = eqx.field(static=True, default=True)
    drift: float = eqx.field(static=True, default=0.01)
    sparsity_target: float = eqx.field(static=True, default=0.1)
    sparsity_cost: float = eqx.field(static=True, default=0.0)
    sparsity_decay: float = eqx.field(static=True, default=0.95)

    def init(self, network: Any, batch: Any) -> ContrastiveState:
        """Offsets where the biases alone put the units: fresh visible biases are those of the data's mean."""
        visible = network.visible.statistic(network.visible.mean(network.visible_bias))
        hidden = network.hidden.statistic(network.hidden.mean(network.hidden_bias))
        target = jnp.full_like(network.hidden_bias, self.sparsity_target)
        return ContrastiveState(self.sampler.init(network), visible, hidden, target)

    def propose(self, network: Any, batch: Batch, state: ContrastiveState, key: Array) -> Proposed:
        filling, up, chain = jax.random.split(key, 3)
        v = complete(network, batch.inputs, filling)
        share = batch.weights / total(batch.weights)
        data = Particles.of(network, v, network.hidden_net(v), share)
        model, chains = self.sampler.draw(network, network.hidden.sample(data.net, up), share, state.chains, chain)
        state = self.moved(network, data, state._replace(chains=chains))
        proposal = self.difference(network, data, model, state)
        loss = _mean_energy(network, data) - _mean_energy(network, model)
        info = {"loss": loss, "weight": jnp.sum(batch.weights), "hidden": data.hidden, "particles": model}
        return proposal, state, info

    def moved(self, network: Any, data: Particles, state: ContrastiveState) -> ContrastiveState:
        """Offsets and running activity after another look at the data."""
        visible = data.share @ network.visible.statistic(data.visible)
        hidden = data.share @ network.hidden.statistic(data.hidden)
        return state._replace(
            visible_offset=state.visible_offset + self.drift * (visible - state.visible_offset),
            hidden_offset=state.hidden_offset + self.drift * (hidden - state.hidden_offset),
            activity=self.sparsity_decay * state.activity + (1 - self.sparsity_decay) * (data.share @ data.hidden),
        )

    def difference(self, network: Any, data: Particles, model: Particles, state: ContrastiveState) -> Any:
        """Model minus data, shaped like the network (the optimiser walks against it)."""
        v, w = (network.visible.statistic(side.visible) for side in (data, model))
        p, q = (network.hidden.statistic(side.hidden) for side in (data, model))
        if self.sparsity_cost:
            p = p - self.sparsity_cost * (state.activity - self.sparsity_target)
        down, across = model.share @ w - data.share @ v, model.share @ q - data.share @ p
        mu, lam = state.visible_offset, state.hidden_offset
        if not self.centered:
            mu, lam = jnp.zeros_like(mu), jnp.zeros_like(lam)
        pre = jnp.concatenate([model.share[:, None] * (w - mu), -data.share[:, None] * (v - mu)])
        weights = network.structure.correlate(pre, jnp.concatenate([q - lam, p - lam]))
        change = network.structure.with_weights(weights)
        if self.centered:
            down, across = down - change.backproject(lam[None])[0], across - change.project(mu[None])[0]
        return dataclasses.replace(
            network,
            structure=change,
            visible_bias=down,
            hidden_bias=across,
            visible=jax.tree.map(jnp.subtract, own_slope(network, model), own_slope(network, data)),
        )


def _mean_energy(network: Any, side: Particles) -> Array:
    """⟨energy(v, E[h | v])⟩, from net inputs that are there already."""
    bias = network.hidden_bias
    across = network.hidden.energy(side.hidden, bias) - network.hidden.statistic(side.hidden) * (side.net - bias)
    own = network.visible.energy(side.visible, network.visible_bias)
    # First over the batch, as a product: a sum over everything at once is not vectorised on a CPU.
    return jnp.sum(side.share @ own) + jnp.sum(side.share @ across)


def own_slope(network: Any, side: Particles) -> Any:
    """What the visible units' own parameters (a learned variance) receive from one side."""
    net = network.visible_net(side.hidden)
    return network.visible.slope(side.visible, net, network.visible_bias, side.share)
