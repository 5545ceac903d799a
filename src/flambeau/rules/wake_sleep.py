"""Up-down learning, the contrastive form of wake-sleep: what happens upwards teaches the way down, and the reverse."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from flambeau.dynamics.gibbs import ascend, descend
from flambeau.errors import ConfigurationError
from flambeau.rules.base import AbstractRule, Batch, Proposed, mean_over, total
from flambeau.rules.contrastive import ContrastiveDivergence


class UpDown(AbstractRule):
    """Fine-tunes all layers of a deep belief network at once, with or without a label beside the penultimate one.

    1. Up: every directed layer is sampled by recognition, h₁, h₂, … from v.
    2. Top: the machine there learns by the rule ``top`` (CD-k from the states that came up; a
       :class:`~flambeau.rules.Hybrid` also teaches it to tell the labels apart). It may learn faster than the rest
       by a factor of its rate: ``optimizer(..., parts=...)``.
    3. Down: from the top's particles every layer is sampled by generation, v' as means.
    4. Generation learns to predict what came up, recognition what went down:

        ΔG = correlate(x - E[x | h by G], h),      ΔR = correlate(x', h' - E[h' | x' by R]).

    Batches: ``inputs`` v; ``targets`` one-hot labels where the top has a label, all zeros for a row without one. Info:
    ``loss``, the mean squared error of v predicted from h₁, ``weight``.

    *Limits.* It follows no single objective; the rate must be small, and the pre-training good. Source: Hinton,
    Osindero, Teh 2006, appendix B. Lecture: 深度信念网络.
    """

    top: AbstractRule = ContrastiveDivergence()

    def init(self, network: Any, batch: Any) -> PyTree:
        if not network.lower:
            remedy = "use ContrastiveDivergence for a single machine"
            raise ConfigurationError("UpDown", "a network with directed layers", "none", remedy)
        return self.top.init(network.top, batch)

    def propose(self, network: Any, batch: Batch, state: PyTree, key: Array) -> Proposed:
        up, middle, down = jax.random.split(key, 3)
        rising = ascend(network.lower, batch.inputs, up)
        shown = jnp.concatenate([rising[-1], batch.targets], axis=-1) if network.label else rising[-1]
        top, state, info = self.top.propose(network.top, batch._replace(inputs=shown), state, middle)
        particles = info["particles"]
        sinking = descend(network.lower, particles.visible[..., : rising[-1].shape[-1]], down)
        share = batch.weights / total(batch.weights)
        lower = tuple(
            _taught(pair, rising[place : place + 2], share, sinking[place : place + 2], particles.share)
            for place, pair in enumerate(network.lower)
        )
        bottom = network.lower[0]
        missed = batch.inputs - bottom.lower.mean(bottom.down_net(rising[1]))
        loss = mean_over(jnp.sum(missed**2, axis=-1), batch.weights)
        proposal = dataclasses.replace(network, lower=lower, top=top)
        return proposal, state, {"loss": loss, "weight": jnp.sum(batch.weights), "particles": particles}


def _taught(pair: Any, rising: list[Array], share: Array, sinking: list[Array], weight: Array) -> Any:
    """One pair of layers' proposal, pointing uphill in the error as every proposal does."""
    x, h = rising
    missed = pair.lower.statistic(pair.lower.mean(pair.down_net(h))) - pair.lower.statistic(x)
    below, above = sinking
    strayed = pair.upper.statistic(pair.upper.mean(pair.up_net(below))) - pair.upper.statistic(above)
    missed, strayed = missed * share[:, None], strayed * weight[:, None]
    return dataclasses.replace(
        pair,
        recognition=pair.recognition.with_weights(pair.recognition.correlate(pair.lower.statistic(below), strayed)),
        recognition_bias=strayed.sum(0),
        generation=pair.generation.with_weights(pair.generation.correlate(missed, pair.upper.statistic(h))),
        generation_bias=missed.sum(0),
    )
