r"""Learning all layers of a deep Boltzmann machine at once: mean field with the data held, chains of the model alone.

    weights of a pair   ⟨post pre'⟩ of the data's mean field - ⟨post pre'⟩ of the model,      biases   ⟨x⟩ - ⟨x⟩

The model's side comes from any sampler of :mod:`flambeau.dynamics.samplers`, on the restricted machine that a deep one
is (:meth:`flambeau.networks.DeepBoltzmannMachine.sides`): persistent chains, tempered ones, or enumeration.
"""

import dataclasses
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from flambeau.dynamics.base import AbstractLayered
from flambeau.dynamics.mean_field import mean_field
from flambeau.dynamics.samplers import AbstractSampler, Persistent
from flambeau.errors import ConfigurationError
from flambeau.rules.base import AbstractRule, Batch, Proposed, mean_over, total


class DeepBoltzmannState(NamedTuple):
    """What the next step needs: the sampler's ``chains`` and every layer's offset."""

    chains: PyTree
    offsets: tuple[Float[Array, " units"], ...]


class Layered(NamedTuple):
    """States or means of every layer, v first, and what each row counts (sum 1)."""

    layers: tuple[Float[Array, "rows units"], ...]
    share: Float[Array, " rows"]


class DeepBoltzmannLearning(AbstractRule):
    """The gradient of the mean-field bound of log P(v), its model's side sampled; centred by default.

    Arguments: ``sampler``, 100 chains of 5 steps by default; ``rounds`` of mean field; ``centered``, whether every
    layer's activity is measured from a moving average μ_l (drifting by ``drift`` a step): with Δ data minus model,

        ΔW_l = Δ⟨(x_{l+1} - μ_{l+1})(x_l - μ_l)'⟩,      Δb_l = Δ⟨x_l⟩ - ΔW_l'μ_{l+1} - ΔW_{l-1}μ_{l-1}.

    Centring makes joint training work from small random weights; without it the layers need greedy pre-training.

    Info: ``loss``, the mean energy of the data minus that of the particles (its gradient, activities held, is the
    proposal); ``weight``; ``residual``, how far mean field still moved, averaged over the batch.

    >>> from flambeau.networks.dbm import dbm
    >>> machine, rule = dbm((4, 3, 2), key=jax.random.key(0)), DeepBoltzmannLearning()
    >>> init, propose = eqx.filter_jit(rule.init), eqx.filter_jit(rule.propose)  # not a program for each operation
    >>> batch = Batch(jnp.ones((4, 4)), jnp.zeros((4, 1)), jnp.ones(4))
    >>> proposal, _, info = propose(machine, batch, init(machine, batch), jax.random.key(1))
    >>> [wiring.weights.shape for wiring in proposal.structures], bool(info["residual"] < 1e-5)
    ([(4, 3), (3, 2)], True)

    *Limits.* Chains must mix between steps: lower the rate as the weights grow. The bound, not log P(v), is climbed;
    learning therefore favours posteriors that are nearly factorial. Source: Salakhutdinov and Hinton 2009; Montavon
    and Müller 2012, Deep Boltzmann machines and the centering trick; Melchior, Fischer, Wiskott 2016. Lecture:
    深度信念网络.
    """

    sampler: AbstractSampler = Persistent(100, 5)
    rounds: int = eqx.field(static=True, default=10)
    centered: bool = eqx.field(static=True, default=True)
    drift: float = eqx.field(static=True, default=0.01)

    def init(self, network: Any, batch: Any) -> DeepBoltzmannState:
        """Chains, and offsets where the biases alone put the units."""
        if not isinstance(network, AbstractLayered):
            got, remedy = type(network).__name__, "build one with flambeau.networks.dbm, or use ContrastiveDivergence"
            raise ConfigurationError("DeepBoltzmannLearning", "a deep Boltzmann machine", got, remedy)
        pairs = zip(network.units, network.biases, strict=True)
        offsets = tuple(kind.statistic(kind.mean(bias)) for kind, bias in pairs)
        return DeepBoltzmannState(self.sampler.init(network.sides()), offsets)

    def propose(self, network: Any, batch: Batch, state: DeepBoltzmannState, key: Array) -> Proposed:
        up, chain = jax.random.split(key)
        settled = mean_field(network.given(batch.inputs), self.rounds)
        data = Layered((batch.inputs, *settled.layers), batch.weights / total(batch.weights))
        sides = network.sides()
        h = sides.hidden.sample(jnp.concatenate(settled.nets[0::2], axis=-1), up)
        particles, chains = self.sampler.draw(sides, h, data.share, state.chains, chain)
        model = Layered(network.layers(particles.visible, particles.hidden), particles.share)
        state = DeepBoltzmannState(chains, self.moved(network, data, state.offsets))
        loss = data.share @ network.energy(data.layers) - model.share @ network.energy(model.layers)
        info = {"loss": loss, "weight": jnp.sum(batch.weights), "residual": mean_over(settled.residual, batch.weights)}
        return self.difference(network, data, model, state.offsets), state, info

    def moved(self, network: Any, data: Layered, offsets: tuple[Array, ...]) -> tuple[Array, ...]:
        """Offsets after another look at the data."""
        seen = [data.share @ kind.statistic(layer) for kind, layer in zip(network.units, data.layers, strict=True)]
        return tuple(old + self.drift * (new - old) for old, new in zip(offsets, seen, strict=True))

    def difference(self, network: Any, data: Layered, model: Layered, offsets: tuple[Array, ...]) -> Any:
        """Model minus data, shaped like the network (the optimiser walks against it)."""
        mu = offsets if self.centered else tuple(jnp.zeros_like(offset) for offset in offsets)
        kinds = list(enumerate(network.units))
        p, q = ([kind.statistic(side.layers[place]) for place, kind in kinds] for side in (data, model))
        share = jnp.concatenate([model.share, -data.share])[:, None]
        both = [jnp.concatenate([q[place], p[place]]) - mu[place] for place, _ in kinds]
        changes = tuple(
            wiring.with_weights(wiring.correlate(share * below, above))
            for wiring, below, above in zip(network.structures, both, both[1:], strict=False)
        )
        biases = [model.share @ q[place] - data.share @ p[place] for place, _ in kinds]
        if self.centered:
            for place, change in enumerate(changes):
                biases[place] = biases[place] - change.backproject(mu[place + 1][None])[0]
                biases[place + 1] = biases[place + 1] - change.project(mu[place][None])[0]
        own = jax.tree.map(jnp.subtract, _own_slope(network, model), _own_slope(network, data))
        return dataclasses.replace(network, structures=changes, biases=tuple(biases), units=(own, *network.units[1:]))


def _own_slope(network: Any, side: Layered) -> Any:
    """What the visible units' own parameters (a learned variance) receive from one side."""
    net = network.net(side.layers, 0)
    return network.units[0].slope(side.layers[0], net, network.biases[0], side.share)
