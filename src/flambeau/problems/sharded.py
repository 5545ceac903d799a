"""Rows spread over several devices: every device gathers and computes its own share of each batch."""

from collections.abc import Sequence
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float, Int, PyTree

from flambeau.errors import ConfigurationError
from flambeau.foundation.precision import dtype
from flambeau.foundation.random import permutations
from flambeau.problems.base import AbstractProblem
from flambeau.problems.examples import Examples
from flambeau.rules.base import Batch

ROWS = PartitionSpec("rows")


class Sharded(AbstractProblem):
    """A data set in equal blocks of rows, one on each device; the network is on all of them.

    Every step takes the same number of rows from each block, and the devices exchange what they propose, once a step.
    Rules, optimisers, monitors and the loop are those of one device. ``shuffle`` mixes each block in itself.

    >>> problem = Sharded.of(np.eye(6), np.arange(6.0), devices=jax.devices()[:1])
    >>> problem.feed(np.zeros(2, np.uint32), 0, 1, 4).shape  # (rounds, steps, devices, rows of each)
    (1, 2, 1, 4)

    Raises :class:`~flambeau.errors.ConfigurationError` for a batch size that is no multiple of the number of devices,
    and what :class:`~flambeau.problems.Examples` raises. *Limits.* Rows are mixed within their block; give them in a
    random order. Weights that are not all 1, or a last batch that is not full, cost a second exchange.
    """

    at_once: ClassVar[bool] = False  # drawn step by step, constant weights stay constants: one exchange less
    inputs: Float[Array, "n ..."]
    targets: Float[Array, "n ..."]
    weights: Float[Array, " n"]
    counts: np.ndarray  # real rows of each block
    equal: bool = eqx.field(static=True)
    mesh: Mesh = eqx.field(static=True)
    shuffle: bool = eqx.field(static=True, default=True)

    @classmethod
    def of(
        cls,
        inputs: Any,
        targets: Any,
        weights: Any = None,
        *,
        devices: Sequence[Any] | None = None,
        shuffle: bool = True,
    ) -> "Sharded":
        """From array-likes, over ``devices`` (all that JAX has, unless told otherwise)."""
        mesh = Mesh(np.asarray(jax.devices() if devices is None else devices), ("rows",))
        blocks = -(-np.size(inputs, 0) // mesh.size) if np.ndim(inputs) else 1
        whole = Examples.of(inputs, targets, weights, whole=blocks * mesh.size)
        count, block = int(whole.count), whole.inputs.shape[0] // mesh.size
        own = jnp.ones(whole.inputs.shape[0], dtype()) if whole.weights is None else whole.weights
        x, d, w = jax.device_put((whole.inputs, whole.targets, own), NamedSharding(mesh, ROWS))
        counts = np.clip(count - block * np.arange(mesh.size), 0, block)
        return cls(x, d, w, counts, whole.weights is None and count == block * mesh.size, mesh, shuffle)

    def feed(
        self, seed: np.ndarray, first: int, count: int, batch_size: int
    ) -> Int[np.ndarray, "rounds steps devices rows"]:
        """Permutations of each block's rows, numbered from 0 in each, -1 for padding."""
        devices = self.mesh.size
        if batch_size % devices:
            expected = f"a multiple of {devices} devices"
            remedy = f"for instance {devices * (batch_size // devices + 1)}"
            raise ConfigurationError("Sharded, batch_size", expected, batch_size, remedy)
        block = self.inputs.shape[0] // devices
        width = min(batch_size // devices, block)
        rows = np.full((count, devices, -(-block // width) * width), -1, np.int32)
        for device, real in enumerate(self.counts):
            own = np.asarray(seed, np.uint32) + np.asarray([device, 0], np.uint32)
            rows[:, device, :real] = permutations(own, first, count, int(real)) if self.shuffle else np.arange(real)
        return np.moveaxis(rows.reshape(count, devices, -1, width), 1, 2)

    def init(self, key: Array) -> Array:
        """One number on all devices: what is carried from step to step then is on all of them from the first."""
        return self._everywhere(jnp.zeros((), dtype()))

    def collect(self, memory: PyTree, network: PyTree, key: Array) -> PyTree:
        return memory

    def batch(self, given: Int[Array | np.ndarray, "devices rows"], memory: PyTree, key: Array) -> Batch:
        """Every device its own rows; the batch is laid out over the devices."""

        def gather(numbers: Array, *parts: Array) -> tuple[Array, ...]:
            return tuple(part[numbers[0]] for part in parts)

        placed = jax.shard_map(gather, mesh=self.mesh, in_specs=(ROWS,) * 4, out_specs=(ROWS,) * 3)
        inputs, targets, own = placed(jnp.asarray(given), self.inputs, self.targets, self.weights)
        block = self.inputs.shape[0] // self.mesh.size
        if self.equal and block % given.shape[1] == 0:
            return Batch(inputs, targets, self._everywhere(jnp.ones(given.size, self.inputs.dtype)))
        return Batch(inputs, targets, jnp.where(given.reshape(-1) >= 0, own, 0))

    def _everywhere(self, values: Array) -> Array:
        """A copy on each device."""
        return jax.lax.with_sharding_constraint(values, NamedSharding(self.mesh, PartitionSpec()))
