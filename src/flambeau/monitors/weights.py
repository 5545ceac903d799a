"""How large weights are and how fast they move, array by array: in one number, and spread out, which a norm hides."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PyTree

from flambeau.analysis.learning_layers import named_floats
from flambeau.foundation.precision import dtype
from flambeau.training.monitoring import AbstractMonitor, AbstractRoundMonitor, Moment


class WeightNorms(AbstractRoundMonitor):
    """‖w‖ of every array of the network at the end of each round. Records are named by the array's path."""

    name: ClassVar[str] = "weight_norms"

    def look(self, network: PyTree) -> dict[str, Array]:
        return norms(network)


class UpdateNorms(AbstractMonitor):
    """Mean over a round of ‖Δw‖ / ‖w‖ for every array: about 1e-3 is healthy, 1e-1 is wild, 1e-6 stands still."""

    name: ClassVar[str] = "update_norms"

    def init(self, network: PyTree) -> tuple[dict[str, Array], Array]:
        return {name: jnp.zeros_like(value) for name, value in norms(network).items()}, jnp.zeros(())

    def observe(self, memory: tuple[dict[str, Array], Array], moment: Moment) -> tuple[dict[str, Array], Array]:
        """Add this step's ratios (an array that is all zero counts as length 1; one that is not learned, as still)."""
        sums, count = memory
        moved, lengths = norms(moment.update), norms(moment.network)
        ratio = {name: moved.get(name, 0) / jnp.where(lengths[name] > 0, lengths[name], 1) for name in sums}
        return {name: sums[name] + ratio[name] for name in sums}, count + 1

    def record(
        self, memory: tuple[dict[str, Array], Array], network: PyTree
    ) -> tuple[tuple[dict[str, Array], Array], dict[str, Array]]:
        sums, count = memory
        return self.init(network), {name: value / jnp.maximum(count, 1) for name, value in sums.items()}


class WeightHistogram(AbstractRoundMonitor):
    """How many weights of every array fall into each of ``bins`` equal bins from -``limit`` to ``limit``, every round.

    Records: ``edges`` ``(rounds, bins + 1)``, the same in all rounds; and under every array's path, its counts
    ``(rounds, bins + 2)``: the first and the last are those beyond the edges, so each round's counts sum to the size.

    >>> import flambeau as fb
    >>> import jax
    >>> network = fb.networks.mlp((2, 4, 1), "tanh", "sigmoid", key=jax.random.key(0))
    >>> run = fb.train(network, fb.rules.Backpropagation(), fb.problems.Examples.of(*fb.problems.xor()), steps=6,
    ...                batch_size=2, monitors=(WeightHistogram(), UpdateHistogram()))
    >>> counts = run.records["weight_histogram"]["layers.0.structure.weights"]
    >>> counts.shape, counts.sum(axis=1).tolist()
    ((3, 1602), [8, 8, 8])

    *Limits.* Bins are fixed beforehand: 0.01 wide, 6 KiB an array and round, unless told otherwise. Source:
    Hinton 2010, section 7.
    """

    name: ClassVar[str] = "weight_histogram"
    limit: float = eqx.field(static=True, default=8.0)
    bins: int = eqx.field(static=True, default=1600)

    def look(self, network: PyTree) -> dict[str, Array]:
        counts = {
            name: _counted(leaf, -self.limit, self.limit, self.bins) for name, leaf in named_floats(network).items()
        }
        return {"edges": jnp.linspace(-self.limit, self.limit, self.bins + 1), **counts}


class UpdateHistogram(AbstractMonitor):
    """How often log10 |Δw| / |w| of single weights falls into each bin, over all steps of a round; about -3 is healthy.

    Of every array at most ``entries`` weights are followed, evenly spread over it. Bins are ``bins`` equal ones from
    10^``low`` to 10^``high``. Records: ``log10_edges`` ``(rounds, bins + 1)``; and under every array's path, its counts
    ``(rounds, bins + 2)``. The first holds smaller ratios and what did not move at all; the last larger ones and
    weights that moved away from 0, as biases do at the start.

    >>> import flambeau as fb
    >>> import jax
    >>> network = fb.networks.mlp((2, 4, 1), "tanh", "sigmoid", key=jax.random.key(0))
    >>> run = fb.train(network, fb.rules.Backpropagation(), fb.problems.Examples.of(*fb.problems.xor()), steps=6,
    ...                batch_size=2, monitors=(WeightHistogram(), UpdateHistogram()))
    >>> counts = run.records["update_histogram"]["layers.0.structure.weights"]
    >>> counts.shape, counts.sum(axis=1).tolist()  # 8 weights, 2 steps
    ((3, 38), [16, 16, 16])

    *Limits.* A weight near 0 has a large ratio whatever the rate: look at the bulk, not at the right tail. Counts are
    32-bit: a round has room for 500,000 steps of 4,096 entries. Source: Hinton 2010, section 7.
    """

    name: ClassVar[str] = "update_histogram"
    low: float = eqx.field(static=True, default=-8.0)
    high: float = eqx.field(static=True, default=1.0)
    bins: int = eqx.field(static=True, default=36)
    entries: int = eqx.field(static=True, default=4096)

    def init(self, network: PyTree) -> dict[str, Int[Array, " bins"]]:
        return {name: jnp.zeros(self.bins + 2, jnp.int32) for name in named_floats(network)}

    def observe(self, memory: dict[str, Array], moment: Moment) -> dict[str, Array]:
        """Count this step's ratios; an array that is not learned stands still."""
        weights, moved = named_floats(moment.network), named_floats(moment.update)
        found = {}
        for name, counts in memory.items():
            w = self.some(weights[name])
            change = self.some(moved[name]) if name in moved else jnp.zeros_like(w)
            found[name] = counts + _counted(log_ratio(change, w), self.low, self.high, self.bins)
        return found

    def some(self, leaf: Array) -> Float[Array, " entries"]:
        """The entries that are followed."""
        if leaf.size <= self.entries:
            return leaf.reshape(-1)
        return leaf.reshape(-1)[np.linspace(0, leaf.size - 1, self.entries).round().astype(np.int32)]

    def record(self, memory: dict[str, Array], network: PyTree) -> tuple[dict[str, Array], dict[str, Array]]:
        edges = jnp.linspace(self.low, self.high, self.bins + 1, dtype=dtype())
        return self.init(network), {"log10_edges": edges, **memory}


def log_ratio(change: Array, w: Array) -> Array:
    """log10 |Δw| / |w|: -∞ for what stands still, also at 0; ∞ for what leaves 0."""
    still = change == 0
    ratio = jnp.log10(jnp.where(still, 1, jnp.abs(change))) - jnp.log10(jnp.abs(w))
    return jnp.where(still, -jnp.inf, ratio)


def _counted(values: Array, low: float, high: float, bins: int) -> Int[Array, " all"]:
    """Counts in equal bins, those below ``low`` before them and those from ``high`` on behind: ``(bins + 2,)``."""
    place = jnp.floor((values.reshape(-1) - low) * (bins / (high - low)))
    return jnp.bincount(jnp.clip(place + 1, 0, bins + 1).astype(jnp.int32), length=bins + 2).astype(jnp.int32)


def norms(tree: PyTree) -> dict[str, Array]:
    """Path -> Euclidean length, for every array of floats."""
    return {name: jnp.sqrt(jnp.sum(leaf**2)) for name, leaf in named_floats(tree).items()}
