r"""Storage by repetition, until every pattern sits safely in its place; and the opposite, dreams that are unlearned.

The stability of a bit is x_i h_i: positive, it stays; large against ‖w_i‖, its pattern attracts from afar.
"""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from flambeau.dynamics.settling import AbstractUpdate, Asynchronous, settle
from flambeau.errors import ConfigurationError
from flambeau.foundation.random import uniform
from flambeau.rules.base import AbstractRule, Batch, mean_over, total
from flambeau.rules.hebbian import check_patterns, check_states, told

__all__ = ["MarginPerceptron", "ProbabilityFlow", "Unlearning"]


class MarginPerceptron(AbstractRule):
    """The perceptron rule for every neuron: where x_i h_i / ‖w_i‖ < κ, w_i += x_i x / N.

    Arguments: ``margin`` κ, which buys basins; ``worst``, whether each neuron learns only from its worst pattern of the
    batch (MinOver). Whether the weights stay symmetric, so that the energy's promise holds, is the wiring's to say.
    Train with ``batch_size=1`` for the classical form, with all patterns at once for speed, and stop at ``NoMistakes``:
    mistakes are patterns with a bit below the margin.

    *Limits.* Up to 2 patterns per neuron (κ = 0, asymmetric weights); beyond, or for too wide a margin, it never ends.
    Source: Gardner 1988; Krauth and Mézard 1987; Diederich and Opper 1987.
    """

    margin: float = 0.0
    worst: bool = eqx.field(static=True, default=False)

    def init(self, network: PyTree, batch: Any) -> PyTree:
        check_states(network, "MarginPerceptron")
        return ()

    def propose(
        self, network: PyTree, batch: Batch, state: PyTree, key: Array
    ) -> tuple[PyTree, PyTree, dict[str, PyTree]]:
        """Two products: the stabilities, and the correlation of patterns with what is unstable."""
        ((wiring, x, _),) = check_patterns(network, batch, "MarginPerceptron")
        length = jnp.maximum(jnp.linalg.norm(wiring.weights, axis=0), jnp.finfo(x.dtype).tiny)
        stability = x * network.net(x) / length
        # An empty neuron has stability 0, and so has one that is just in balance: both learn.
        wrong = (stability <= 0) | (stability < self.margin)
        asked = wrong & (batch.weights > 0)[:, None]
        if self.worst:
            least = jnp.argmin(jnp.where(batch.weights[:, None] > 0, stability, jnp.inf), axis=0)
            asked = asked & (jnp.arange(x.shape[0])[:, None] == least)
        weights = wiring.correlate(x, asked * x * batch.weights[:, None]) / x.shape[1]
        return network.changed(weights), state, told(network, batch, wrong)


class ProbabilityFlow(AbstractRule):
    """Minimum probability flow: descend K = mean_k Σ_i exp(-x_i h_i), the flow from the patterns to their neighbours.

    Convex in (W, θ): -∂K/∂W = mean_k correlate(x, x∘e) and -∂K/∂θ = -mean_k x∘e, e_i = exp(-x_i h_i); in a symmetric
    wiring a weight and its mirror image move together. ``margin``: patterns whose every x_i h_i exceeds it make no
    mistake; stop there (``NoMistakes``), for K has no minimum once all are stable. Loss: K / N.

    *Limits.* A convex problem, not one look: hundreds of steps. Source: Sohl-Dickstein, Battaglino, DeWeese 2011;
    Hillar, Sohl-Dickstein, Koepsell 2012.
    """

    margin: float = 1.0

    def init(self, network: PyTree, batch: Any) -> PyTree:
        check_states(network, "ProbabilityFlow")
        return ()

    def propose(
        self, network: PyTree, batch: Batch, state: PyTree, key: Array
    ) -> tuple[PyTree, PyTree, dict[str, PyTree]]:
        """The gradient of K: one correlation."""
        ((wiring, x, _),) = check_patterns(network, batch, "ProbabilityFlow")
        stability = x * network.net(x)
        flow = jnp.exp(-stability)
        pushed = x * flow * (batch.weights / total(batch.weights))[:, None]
        info = told(network, batch, stability <= self.margin)
        info["loss"] = mean_over(jnp.mean(flow, axis=1), batch.weights)
        return network.changed(wiring.correlate(x, pushed), bias=pushed.sum(0)), state, info


class Unlearning(AbstractRule):
    """Dream and weaken: from random states the network settles in s*, and W -= (s* s*' - ρ x x') / N.

    Spurious memories attract the most random states, so they lose the most. ``refresh`` ρ strengthens the batch's
    patterns at the same time (1 is "daydreaming"). One dream per row of the batch. Where the weights are Σ x x' / N the
    learning rate is the ε of Hopfield, Feinstein, Palmer 1983, 0.01 there; for Hebb's Σ x x' here it is ε N.

    *Limits.* Too many dreams without refreshing erase the memories. Source: Hopfield, Feinstein, Palmer 1983;
    Serricchio et al. 2024 (daydreaming).
    """

    refresh: float = 0.0
    update: AbstractUpdate = Asynchronous("random")
    max_sweeps: int = eqx.field(static=True, default=100)

    def __check_init__(self) -> None:
        if not self.refresh >= 0:
            raise ConfigurationError(
                "Unlearning.refresh", "a number of at least 0", self.refresh, "0 or 1, for instance"
            )

    def init(self, network: PyTree, batch: Any) -> PyTree:
        check_states(network, "Unlearning")
        return ()

    def propose(
        self, network: PyTree, batch: Batch, state: PyTree, key: Array
    ) -> tuple[PyTree, PyTree, dict[str, PyTree]]:
        """Random states, settled; then two correlations."""
        ((wiring, x, _),) = check_patterns(network, batch, "Unlearning")
        share = batch.weights[:, None]
        start, order = jax.random.split(key)
        asleep = jnp.where(uniform(start, x.shape, x.dtype) < 0.5, -1, 1).astype(x.dtype)
        dreams = settle(network, asleep, self.update, key=order, max_sweeps=self.max_sweeps).states
        dreams = jnp.asarray(dreams)
        weights = self.refresh * wiring.correlate(x * share, x) - wiring.correlate(dreams * share, dreams)
        return network.changed(weights / x.shape[1]), state, told(network, batch)
