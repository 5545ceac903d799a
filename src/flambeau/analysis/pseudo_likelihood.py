r"""How probable a machine finds each visible unit given all the others: exact, deterministic, and free of Z.

    log P(v_i | the others)  =  -log Σ_k exp(F(v) - F(v with u_k in place of v_i)),      u_0 = v_i

A unit's alternatives u_k change the hidden units' net inputs by few rows of W, so a row costs units x hidden
log-normalisers and no product.
"""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from flambeau.analysis.conditional_densities import log_densities
from flambeau.errors import ConfigurationError, DataError
from flambeau.foundation.rows import by_rows
from flambeau.networks.rbm import RestrictedBoltzmannMachine
from flambeau.neurons import AbstractUnit
from flambeau.neurons.real_units import AbstractGaussian
from flambeau.neurons.units import states_of
from flambeau.structures.dense import written_out


def pseudo_log_likelihood(machine: RestrictedBoltzmannMachine, v: Any) -> Float[np.ndarray, " rows"]:
    """Σ_i log P(v_i | all the others) per row of ``v`` ``(rows, visible)``, nats, over all units.

    >>> from flambeau.networks import rbm
    >>> machine = rbm(3, 2, key=jax.random.key(0), deviation=0.0)
    >>> pseudo_log_likelihood(machine, np.eye(3)).round(4).tolist()  # 3 fair coins
    [-2.0794, -2.0794, -2.0794]

    A value between two states is compared with its mirror image, 1 - v for Bernoulli units as in scikit-learn, -v for
    spins; shares of categories with their rotations.

    Gaussian units are asked for their density, by quadrature (:mod:`flambeau.analysis.conditional_densities`).

    Raises :class:`~flambeau.errors.ConfigurationError` for other continuous units, whose conditionals are integrals.
    *Limits.* Not a likelihood: it looks one unit away from the data and misses modes that are further off. Source:
    Besag 1975, Statistical analysis of non-lattice data.
    """
    return feature_pseudo_log_likelihood(machine, v).sum(axis=1)


def feature_pseudo_log_likelihood(machine: RestrictedBoltzmannMachine, v: Any) -> Float[np.ndarray, "rows units"]:
    """log P(v_i | all the others), unit by unit: which features a machine explains, which rows surprise it where.

    A softmax group is one unit. Everything else as in :func:`pseudo_log_likelihood`.
    """
    columns = machine.visible_bias.shape[0]
    rows = np.asarray(v, machine.visible_bias.dtype)
    if rows.ndim != 2 or rows.shape[1] != columns:
        remedy = "one row per example, one column per visible unit"
        raise DataError("pseudo_log_likelihood, v", f"shape (rows, {columns})", rows.shape, remedy)
    matrix = eqx.filter_jit(written_out)(machine.structure)  # by itself: no product is fused with a sum
    if isinstance(machine.visible, AbstractGaussian):
        return log_densities(machine, matrix, rows)
    kinds = kinds_of(machine.visible, columns)
    found = np.empty((len(rows), sum(len(kind.units) for kind in kinds)))
    for kind in kinds:
        given = machine, matrix, *kind.tables(rows.dtype)
        found[:, kind.units] = by_rows(conditionals, given, rows, len(kind.states) * columns, axes=1).T
    return found


class Kind(NamedTuple):
    """Units with the same states: their numbers, their ``columns`` ``(units, width)``, ``states`` ``(states, width)``.

    ``reading`` ``(width + 1, states)`` turns a unit's values and a 1 into the shares of its states.
    """

    units: np.ndarray
    columns: np.ndarray
    states: np.ndarray
    reading: np.ndarray

    @classmethod
    def of(cls, units: list[int], starts: list[int], states: np.ndarray) -> "Kind":
        """From the units' numbers and first columns."""
        columns = np.asarray(starts)[:, None] + np.arange(states.shape[1])
        reading = np.linalg.pinv(np.concatenate([states, np.ones((len(states), 1))], axis=1))
        return cls(np.asarray(units), columns, states, np.where(np.abs(reading) < 1e-12, 0, reading))

    def tables(self, dtype: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Columns, states and reading, in the machine's own precision."""
        return self.columns, self.states.astype(dtype), self.reading.astype(dtype)


def kinds_of(unit: AbstractUnit, columns: int) -> list[Kind]:
    """The visible units, those with the same states together."""
    choices = states_of(unit, columns)
    if choices is None:
        expected, remedy = "visible units with finitely many states", "use log_likelihood, or compare free energies"
        raise ConfigurationError("pseudo_log_likelihood", expected, type(unit).__name__, remedy)
    starts = np.cumsum([0, *(states.shape[1] for states in choices)])
    groups: dict[tuple, list[int]] = {}
    for place, states in enumerate(choices):
        groups.setdefault((states.shape, states.tobytes()), []).append(place)
    return [Kind.of(places, [int(starts[place]) for place in places], choices[places[0]]) for places in groups.values()]


def conditionals(given: tuple[Any, ...], v: Array) -> Float[Array, "units rows"]:
    """log P(v_i | the others) of all units of one kind, unit after unit."""
    machine, matrix, columns, states, reading = given
    bias = machine.hidden_bias
    net = jax.lax.optimization_barrier(machine.hidden_net(v))
    before = machine.hidden.log_normaliser(net, bias)
    moved, cost = alternatives(machine, v, columns, states, reading)

    def unit(given: tuple[Array, Array, Array]) -> Array:
        rows, change, energy = given  # (width, hidden), (alternatives, rows, width), (alternatives, rows)
        shift = sum(change[..., place, None] * rows[place] for place in range(len(rows)))
        after = machine.hidden.log_normaliser(net + shift, bias)
        odds = (after - before).sum(-1) - energy
        return -jax.scipy.special.logsumexp(jnp.concatenate([jnp.zeros_like(odds[:1]), odds]), axis=0)

    return jax.lax.map(unit, (matrix[columns], moved, cost))


def alternatives(machine: Any, v: Array, columns: Array, states: Array, reading: Array) -> tuple[Array, Array]:
    """How statistics ``(units, alternatives, rows, width)`` and energies ``(units, alternatives, rows)`` change."""
    own = v[:, columns]  # (rows, units, width)
    shares = own @ reading[:-1] + reading[-1]  # of each state
    t, f = machine.visible.statistic(v), machine.visible.energy(v, machine.visible_bias)
    moved, cost = [], []
    for turn in range(1, len(states)):
        other = v.at[:, columns].set(jnp.roll(shares, turn, axis=-1) @ states)
        moved.append((machine.visible.statistic(other) - t)[:, columns])
        cost.append((machine.visible.energy(other, machine.visible_bias) - f)[:, columns].sum(-1))
    return jnp.moveaxis(jnp.stack(moved), 2, 0), jnp.moveaxis(jnp.stack(cost), 2, 0)
