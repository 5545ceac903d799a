"""What to watch of a Boltzmann machine while it learns: free energies, reconstructions, pseudo-likelihoods.

And what it has in mind: how busy its hidden units are, the patterns that they stand for, its sampler's fantasies.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, PyTree

from flambeau.analysis.free_energy import free_energy_gap
from flambeau.analysis.pseudo_likelihood import kinds_of
from flambeau.errors import ConfigurationError
from flambeau.foundation.memory import kept_apart, on_device
from flambeau.foundation.precision import dtype
from flambeau.structures import AbstractStructure
from flambeau.training.monitoring import AbstractMonitor, AbstractRoundMonitor, Moment

LOW, HIGH = 0.01, 0.99  # mean activities of a unit that is of no use


class FreeEnergyGap(AbstractRoundMonitor):
    """Mean F(held out) - mean F(training rows) at the end of each round; log Z cancels, so it is exact.

    A growing gap is overfitting. Records: ``free_energy_gap`` in nats, ``spread``, the standard deviation of the
    held-out F. Source: Hinton 2010, section 6.
    """

    name: ClassVar[str] = "free_energy_gap"
    rows: Float[Array, "n visible"] = eqx.field(converter=kept_apart)
    held_out: Float[Array, "m visible"] = eqx.field(converter=kept_apart)
    weights: Float[Array, " n"] | None = eqx.field(converter=kept_apart, default=None)
    held_out_weights: Float[Array, " m"] | None = eqx.field(converter=kept_apart, default=None)

    def look(self, network: PyTree) -> dict[str, Array]:
        rows, held_out = jnp.asarray(self.rows), jnp.asarray(self.held_out)
        gap, spread = free_energy_gap(network, rows, held_out, self.weights, self.held_out_weights)
        return {"free_energy_gap": gap, "spread": spread}


class ReconstructionError(AbstractMonitor):
    """Mean over the round's examples of ‖v - E[v | E[h | v]]‖², each with the network before its step.

    Record: ``reconstruction_error``, summed over the visible units.

    >>> import flambeau as fb
    >>> network, problem = fb.networks.rbm(4, 3, key=jax.random.key(0)), fb.problems.Examples.of(np.eye(4), np.zeros(4))
    >>> run = fb.train(network, fb.rules.ContrastiveDivergence(), problem, steps=6, batch_size=2,
    ...                monitors=(ReconstructionError(), HiddenActivity()))
    >>> run.records["reconstruction_error"]["reconstruction_error"].shape
    (3,)

    *Limits.* It judges nothing about the density: a machine that copies has an error of 0 whatever its Z, and a better
    model may have a larger one. A low, steady curve says only that learning did not break. Label columns that the rule
    fills in count as they are given. It costs a step one product with W, where CD-1 takes five. Source: Hinton 2010,
    section 5, "use it but don't trust it".
    """

    name: ClassVar[str] = "reconstruction_error"
    needs: ClassVar[tuple[str, ...]] = ("hidden",)

    def init(self, network: PyTree) -> tuple[Array, Array]:
        return jnp.zeros((), dtype()), jnp.zeros((), dtype())

    def observe(self, memory: tuple[Array, Array], moment: Moment) -> tuple[Array, Array]:
        """Add the batch; padding weighs nothing."""
        error, weight = memory
        missed = (moment.batch.inputs - moment.network.reconstruct(moment.info["hidden"])) ** 2
        own = moment.batch.weights
        return (error + (own @ missed).sum()).astype(error.dtype), (weight + own.sum()).astype(weight.dtype)

    def record(self, memory: tuple[Array, Array], network: PyTree) -> tuple[tuple[Array, Array], dict[str, Array]]:
        return self.init(network), {"reconstruction_error": memory[0] / jnp.where(memory[1] > 0, memory[1], 1)}


class PseudoLikelihood(AbstractRoundMonitor):
    r"""Mean pseudo-log-likelihood of given rows at the end of each round, nats a row:

        Σ_i log P(v_i | all the others)  ≈  (units / asked) Σ_{i asked} log P(v_i | all the others).

    Every row is asked for ``asked`` units of its own, drawn with ``seed`` and the same in every round, so that the
    curve moves with the network and not with the draw; with ``asked`` at the number of units it is exact. A value
    between two states counts as their mixture. Record: ``pseudo_log_likelihood``.

    >>> import flambeau as fb
    >>> rows = np.eye(4)
    >>> run = fb.train(fb.networks.rbm(4, 3, key=jax.random.key(0)), fb.rules.ContrastiveDivergence(),
    ...                fb.problems.Examples.of(rows, np.zeros(4)), optimizer=fb.optimiser("sgd", 0.001), steps=6,
    ...                batch_size=2, monitors=(PseudoLikelihood.on(rows),))
    >>> [round(float(nats), 1) for nats in run.records["pseudo_likelihood"]["pseudo_log_likelihood"]]  # 4 fair coins
    [-2.8, -2.8, -2.8]

    Raises :class:`~flambeau.errors.ConfigurationError` for continuous visible units. *Limits.* Not a likelihood: it
    looks one unit away from the data and misses modes that are further off. A round costs rows x asked x states free
    energies. Source: Besag 1975, Statistical analysis of non-lattice data.
    """

    name: ClassVar[str] = "pseudo_likelihood"
    rows: Float[Array, "n visible"] = eqx.field(converter=kept_apart)
    asked: int = eqx.field(static=True, default=16)
    seed: int = eqx.field(static=True, default=0)

    @classmethod
    def on(cls, rows: Any, asked: int = 16, seed: int = 0) -> "PseudoLikelihood":
        """On ``rows`` ``(n, visible)``, an array-like."""
        if asked < 1:
            raise ConfigurationError("PseudoLikelihood.asked", "at least 1", asked, "16 units give a smooth curve")
        return cls(on_device(rows, dtype()), asked, seed)

    def look(self, network: PyTree) -> dict[str, Array]:
        rows = jnp.asarray(self.rows)
        table = StateTable.of(network.visible, rows.shape[-1])
        units = len(table.columns)
        # Drawn while compiling: the draw is a constant of the program.
        order = np.random.default_rng(self.seed).random((len(rows), units)).argsort(axis=1)
        chosen = jnp.asarray(order[:, : self.asked].T)
        found = jax.lax.map(lambda own: _conditionals(network, rows, own, table).mean(), chosen)
        return {"pseudo_log_likelihood": units * found.mean()}


class StateTable(NamedTuple):
    """For every unit its ``columns`` ``(units, width)``, its ``states`` ``(units, count, width)`` and what reads them.

    Units of fewer columns or states are filled up: columns beyond the last, which are never written, and states that
    are not ``real``. ``reading`` ``(units, count, width + 1)`` turns a unit's values and a 1 into its states' shares.
    """

    columns: np.ndarray
    states: np.ndarray
    real: np.ndarray
    reading: np.ndarray

    @classmethod
    def of(cls, unit: Any, columns: int) -> "StateTable":
        """Tables of the units behind that many columns."""
        kinds = kinds_of(unit, columns)
        units = sum(len(kind.units) for kind in kinds)
        count, width = (max(kind.states.shape[axis] for kind in kinds) for axis in (0, 1))
        table = cls(
            np.full((units, width), columns),
            np.zeros((units, count, width)),
            np.zeros((units, count), bool),
            np.zeros((units, count, width + 1)),
        )
        for kind in kinds:
            many, wide = kind.states.shape
            table.columns[kind.units, :wide] = kind.columns
            table.states[kind.units, :many, :wide] = kind.states
            table.real[kind.units, :many] = True
            table.reading[kind.units, :many, :wide] = kind.reading[:-1].T
            table.reading[kind.units, :many, -1] = kind.reading[-1]
        return table


def _conditionals(network: Any, v: Array, units: Array, table: StateTable) -> Float[Array, " rows"]:
    """log P(v_i | all the others) of one unit i per row, from the free energies of the row with each state put in."""
    states, columns, reading = (jnp.asarray(part)[units] for part in (table.states, table.columns, table.reading))
    n, count, _ = states.shape
    tried = jnp.broadcast_to(v[:, None], (n, count, v.shape[-1]))
    rows, which = jnp.arange(n)[:, None, None], jnp.arange(count)[None, :, None]
    tried = tried.at[rows, which, columns[:, None]].set(states.astype(v.dtype), mode="drop")
    real = jnp.asarray(table.real)[units]
    logs = jax.nn.log_softmax(jnp.where(real, -network.free_energy(tried), -jnp.inf), axis=-1)
    own = jnp.take_along_axis(v, jnp.minimum(columns, v.shape[-1] - 1), axis=-1)
    own = jnp.concatenate([own, jnp.ones((n, 1), v.dtype)], axis=-1)
    share = jnp.einsum("nsw,nw->ns", reading.astype(v.dtype), own)
    return jnp.sum(jnp.where(real, share * jnp.where(real, logs, 0), 0), axis=-1)


class HiddenActivity(AbstractMonitor):
    """Mean over the round's examples of E[h | v], unit by unit: q_j in Hinton's guide.

    Records: ``activity`` ``(rounds, hidden)``; ``dead`` and ``always_on``, the shares of units whose activity is below
    ``low`` or above ``high``. :func:`dead_units` and :func:`always_on_units` name them.

    >>> import flambeau as fb
    >>> network, problem = fb.networks.rbm(4, 3, key=jax.random.key(0)), fb.problems.Examples.of(np.eye(4), np.zeros(4))
    >>> run = fb.train(network, fb.rules.ContrastiveDivergence(), problem, steps=6, batch_size=2,
    ...                monitors=(ReconstructionError(), HiddenActivity()))
    >>> run.records["hidden_activity"]["activity"].shape, dead_units(run.records["hidden_activity"]).tolist()
    ((3, 3), [])

    *Limits.* Thresholds are for units of 0 or 1. A mean cannot tell a dead unit from one that answers one example in a
    thousand, and strongly: look at its receptive field before it is removed. Source: Hinton 2010, sections 11 and 15.
    """

    name: ClassVar[str] = "hidden_activity"
    low: float = eqx.field(static=True, default=LOW)
    high: float = eqx.field(static=True, default=HIGH)
    needs: ClassVar[tuple[str, ...]] = ("hidden",)

    def init(self, network: PyTree) -> tuple[Array, Array]:
        return jnp.zeros(network.hidden_bias.shape, dtype()), jnp.zeros((), dtype())

    def observe(self, memory: tuple[Array, Array], moment: Moment) -> tuple[Array, Array]:
        """Add the batch; padding weighs nothing."""
        sums, weight = memory
        own = moment.batch.weights
        return (sums + own @ moment.info["hidden"]).astype(sums.dtype), (weight + own.sum()).astype(weight.dtype)

    def record(self, memory: tuple[Array, Array], network: PyTree) -> tuple[tuple[Array, Array], dict[str, Array]]:
        activity = memory[0] / jnp.where(memory[1] > 0, memory[1], 1)
        dead = jnp.mean(activity < self.low, dtype=activity.dtype)
        always_on = jnp.mean(activity > self.high, dtype=activity.dtype)
        return self.init(network), {"activity": activity, "dead": dead, "always_on": always_on}


def dead_units(records: Mapping[str, Any], at: int = -1, below: float = LOW) -> Int[np.ndarray, " dead"]:
    """Numbers of the units whose mean activity was below that in round ``at`` (the last, unless told otherwise).

    Argument: ``run.records["hidden_activity"]``.

    >>> dead_units({"activity": np.asarray([[0.2, 0.001, 0.5]])}).tolist()
    [1]
    """
    return np.flatnonzero(np.asarray(records["activity"])[at] < below)


def always_on_units(records: Mapping[str, Any], at: int = -1, above: float = HIGH) -> Int[np.ndarray, " on"]:
    """Numbers of the units whose mean activity was above that in round ``at``; they act as a second bias.

    >>> always_on_units({"activity": np.asarray([[0.2, 0.001, 0.995]])}).tolist()
    [2]
    """
    return np.flatnonzero(np.asarray(records["activity"])[at] > above)


def _wiring(network: Any) -> AbstractStructure:
    """The connections of a network that has one set of them."""
    return network.structure


class ReceptiveFields(AbstractRoundMonitor):
    """The weights of the first ``units`` hidden units at the end of each round: what each sends down, alone.

    Arguments: ``units``; ``where``, which connections to look at, for networks of several:
    ``lambda network: network.layers[0].structure``. Record: ``fields`` ``(rounds, units, visible)``.

    >>> import flambeau as fb
    >>> network, problem = fb.networks.rbm(4, 3, key=jax.random.key(0)), fb.problems.Examples.of(np.eye(4), np.zeros(4))
    >>> run = fb.train(network, fb.rules.ContrastiveDivergence(), problem, steps=6, batch_size=2,
    ...                monitors=(ReceptiveFields(2), FantasyParticles(2)))
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

    >>> import flambeau as fb
    >>> network, problem = fb.networks.rbm(4, 3, key=jax.random.key(0)), fb.problems.Examples.of(np.eye(4), np.zeros(4))
    >>> run = fb.train(network, fb.rules.ContrastiveDivergence(), problem, steps=6, batch_size=2,
    ...                monitors=(ReceptiveFields(2), FantasyParticles(2)))
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
