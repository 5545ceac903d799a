"""What a machine has in mind: the patterns its hidden units stand for, and the fantasies its sampler is at."""

import math
from collections.abc import Callable
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from flambeau.errors import ConfigurationError
from flambeau.foundation.precision import dtype
from flambeau.structures import AbstractStructure
from flambeau.training.monitoring import AbstractMonitor, AbstractRoundMonitor, Moment


def _wiring(network: Any) -> AbstractStructure:
    """The connections of a network that has one set of them."""
    return network.structure


class ReceptiveFields(AbstractRoundMonitor):
    """The weights of the first ``units`` hidden units at the end of each round: what each sends down, alone.

    Arguments: ``units``; ``where``, which connections to look at, for networks of several:
    ``lambda network: network.layers[0].structure``. Record: ``fields`` ``(rounds, units, visible)``.

    >>> import flambeau as fb, jax, numpy as np
    >>> problem = fb.problems.Examples.of(np.eye(4), np.zeros(4))
    >>> run = fb.train(fb.networks.rbm(4, 3, key=jax.random.key(0)), fb.rules.ContrastiveDivergence(), problem,
    ...                steps=6, batch_size=2, monitors=(ReceptiveFields(2),))
    >>> run.records["receptive_fields"]["fields"].shape
    (3, 2, 4)

    *Limits.* Memory is units x visible numbers a round (100 KiB for 32 units of 784). Lecture: 深度信念网络.
    """

    name: ClassVar[str] = "receptive_fields"
    units: int = eqx.field(static=True, default=32)
    where: Callable[[PyTree], AbstractStructure] = eqx.field(static=True, default=_wiring)

    def look(self, network: PyTree) -> dict[str, Array]:
        """One unit at a time, downwards."""
        structure = self.where(network)
        size = math.prod(structure.unit_shape)
        alone = jnp.eye(min(self.units, size), size, dtype=structure.weights.dtype)
        return {"fields": structure.backproject(alone.reshape(-1, *structure.unit_shape))}


class FantasyParticles(AbstractMonitor):
    """The first ``particles`` visible states of the sampler at the round's last step.

    Of persistent chains each place is one chain in all rounds, so that a chain which sticks is seen; of contrastive
    divergence it is wherever the first rows of the last batch have been led. A particle that counts for nothing
    (padding) leaves the one before it in its place. Record: ``visible`` ``(rounds, particles, visible)``.

    >>> import flambeau as fb, jax, numpy as np
    >>> problem, rule = fb.problems.Examples.of(np.eye(4), np.zeros(4)), fb.rules.ContrastiveDivergence()
    >>> run = fb.train(fb.networks.rbm(4, 3, key=jax.random.key(0)), rule, problem,
    ...                steps=6, batch_size=2, monitors=(FantasyParticles(2),))
    >>> run.records["fantasy_particles"]["visible"].shape
    (3, 2, 4)

    Raises :class:`~flambeau.errors.ConfigurationError` for more particles than the sampler has. *Limits.* States that
    a sampler lists (``Enumeration``) are no samples. Particles of CD-k begin at the data and look like them also in a
    poor model. Source: Tieleman 2008.
    """

    name: ClassVar[str] = "fantasy_particles"
    particles: int = eqx.field(static=True, default=10)
    needs: ClassVar[tuple[str, ...]] = ("particles",)

    def init(self, network: PyTree) -> Float[Array, "particles visible"]:
        return jnp.zeros((self.particles, *network.visible_bias.shape), dtype())

    def observe(self, memory: Array, moment: Moment) -> Array:
        found = moment.info["particles"]
        if len(found.visible) < self.particles:
            remedy = "watch fewer, or use a larger batch_size or more chains"
            raise ConfigurationError("FantasyParticles", f"at most {len(found.visible)}", self.particles, remedy)
        counts = found.share[: self.particles, None] > 0
        return jnp.where(counts, found.visible[: self.particles], memory).astype(memory.dtype)

    def record(self, memory: Array, network: PyTree) -> tuple[Array, dict[str, Array]]:
        return memory, {"visible": memory}
