"""How large the weights are and how fast they move, part by part."""

from typing import ClassVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from flambeau.training.monitoring import AbstractMonitor, AbstractRoundMonitor, Moment

__all__ = ["UpdateNorms", "WeightNorms"]


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


def norms(tree: PyTree) -> dict[str, Array]:
    """Path -> Euclidean length, for every array of floats."""
    return {
        jax.tree_util.keystr(path, simple=True, separator="."): jnp.sqrt(jnp.sum(leaf**2))
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
        if jnp.issubdtype(leaf.dtype, jnp.floating)
    }
