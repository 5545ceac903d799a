"""Chapter 7, what it watches: two monitors, which are also examples of how to write one."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

import flambeau as fb


class LogLikelihood(fb.monitors.AbstractRoundMonitor):
    """Mean log P(v) of given rows at the end of each round, exactly: all hidden states are listed."""

    name: ClassVar[str] = "log_likelihood"
    rows: Array
    states: Array

    def look(self, network: PyTree) -> dict[str, Array]:
        """Log P(v) = -F(v) - log Z, with Z = Σ_h e^{-F(h)}."""
        log_z = jax.nn.logsumexp(-network.hidden_free_energy(self.states))
        return {"nats": -network.free_energy(self.rows).mean() - log_z}


class MeanProposal(fb.monitors.AbstractMonitor):
    """What the rule proposed for the weights, on average over a round: sampling noise averages out, bias does not."""

    name: ClassVar[str] = "mean_proposal"

    def init(self, network: PyTree) -> PyTree:
        """The sum so far, and of how many steps."""
        return jnp.zeros_like(network.structure.weights), jnp.zeros(())

    def observe(self, memory: PyTree, moment: fb.monitors.Moment) -> PyTree:
        """Add the step's."""
        return memory[0] + moment.proposal.structure.weights, memory[1] + 1

    def record(self, memory: PyTree, network: PyTree) -> tuple[PyTree, dict[str, Array]]:
        """The mean; start afresh."""
        return self.init(network), {"weights": memory[0] / memory[1]}
