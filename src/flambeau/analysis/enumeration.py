"""Sums over all states of one side: log Z exactly, and exact samples, for machines with one small side.

The listed side's states are split into a low table and the high remainder: the net input of a state is the sum of two
rows, so 2^n states cost 2^n additions per unit of the other side, and no product. The other side is summed out by its
log-normaliser. Chunks leave the device as a pair (largest, sum), which the host adds up in double precision.
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from flambeau.dynamics.gibbs import sample_visible
from flambeau.dynamics.samplers import Listing, fewest_states, listed_states
from flambeau.errors import ConfigurationError
from flambeau.foundation.rows import by_rows
from flambeau.networks.rbm import RestrictedBoltzmannMachine
from flambeau.neurons import AbstractUnit
from flambeau.neurons.real_units import AbstractGaussian
from flambeau.structures.dense import written_out

TABLE = 1 << 11  # states of the low table: its net inputs stay in the cache
FEW = 1 << 20  # states that are listed without asking: 20 binary units
MOST = 1 << 25


def all_states(unit: AbstractUnit, columns: int) -> Float[np.ndarray, "states columns"]:
    """Every state of a side of that many columns, one a row; the last unit changes fastest.

    >>> from flambeau.neurons import Spin
    >>> all_states(Spin(), 2).tolist()
    [[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]]

    Raises :class:`~flambeau.errors.ConfigurationError` for continuous units, or more than 2^20 states.
    """
    choices = unit.choices(columns)
    checked(Listing.of("visible", choices), FEW)
    return listed_states(choices)


def enumerable(machine: RestrictedBoltzmannMachine, most: float = FEW) -> bool:
    """Whether log Z is a sum of at most that many states (or has a closed form: Gaussian units on both sides)."""
    return both_gaussian(machine) or listable(machine, most)


def listable(machine: RestrictedBoltzmannMachine, most: float = FEW) -> bool:
    """Whether one side has at most that many states, so that :func:`exact_samples` can draw from their table."""
    found = fewest_states(machine)
    return found is not None and found.total <= most


def exact_log_partition(machine: RestrictedBoltzmannMachine, most: float = MOST) -> float:
    """log Z = log Σ_h e^{-F(h)} over the smaller side, or the only discrete one, nats.

    Gaussian units on both sides have a closed form, through the Cholesky factor of their joint precision; where that is
    not positive definite Z has no end, and the answer is infinity.

    >>> from flambeau.networks import rbm
    >>> round(exact_log_partition(rbm(3, 2, key=jax.random.key(0), deviation=0.0)), 5)  # 5 fair coins
    3.46574

    Raises :class:`~flambeau.errors.ConfigurationError` for more than ``most`` states, or none to list.
    *Limits.* Time doubles with every unit of the smaller side. Sums are in double precision, the states' free energies
    in that of the weights: single precision gives about seven digits.
    """
    if both_gaussian(machine):
        return gaussian_log_partition(machine)
    found = checked(fewest_states(machine), most)
    largest, sums = (np.asarray(part, np.float64) for part in summed(machine, found.side, *tables(machine, found)))
    return float(largest.max() + np.log(np.sum(sums * np.exp(largest - largest.max()))))


def checked(found: Listing | None, most: float) -> Listing:
    """Refuse what cannot be listed, saying how much it would be."""
    remedy = "estimate log Z by annealed importance sampling, log_partition(machine, 'ais'); it samples, too"
    if found is None:
        raise ConfigurationError("enumeration", "finitely many states on one side", "continuous units", remedy)
    if found.total > most:
        units = math.fsum(math.log2(len(states)) for states in found.choices)
        got = f"2^{units:.1f} states on the {found.side} side"
        raise ConfigurationError("enumeration", f"at most 2^{math.log2(most):.0f} states", got, remedy)
    return found


def tables(machine: Any, found: Listing) -> tuple[Array, Array]:
    """The states of the last few units and those of the others, each as rows of the whole side."""
    sizes = np.cumprod([float(len(states)) for states in found.choices[::-1]])
    cut = len(found.choices) - max(1, int(np.searchsorted(sizes, TABLE, side="right")))
    low, high = listed_states(found.choices[cut:]), listed_states(found.choices[:cut])
    before, after = high.shape[1], low.shape[1]
    kind = machine.visible_bias.dtype
    low, high = np.pad(low, ((0, 0), (before, 0))), np.pad(high, ((0, 0), (0, after)))
    return jax.device_put((low.astype(kind), high.astype(kind)))


def log_weights(machine: Any, side: str, low: Array, high: Array) -> tuple[Any, tuple[Array, Array]]:
    """A function from a high row's ``(net input, energy)`` to -F of its states ``(low rows,)``, and all rows' pairs."""
    ours, others = ("hidden", "visible") if side == "hidden" else ("visible", "hidden")
    own, other = getattr(machine, ours), getattr(machine, others)
    own_bias, bias = getattr(machine, f"{ours}_bias"), getattr(machine, f"{others}_bias")
    carry = machine.structure.backproject if side == "hidden" else machine.structure.project
    blank = jnp.zeros_like(low[:1])  # what the other half of a row holds; it is counted once, in the low table
    low_net, empty = carry(own.statistic(low)), carry(own.statistic(blank))
    high_net = bias + carry(own.statistic(high)) - empty
    low_own = own.energy(low, own_bias).sum(-1)
    high_own = (own.energy(high, own_bias) - own.energy(blank, own_bias)).sum(-1)

    def chunk(given: tuple[Array, Array]) -> Array:
        net, energy = given
        return other.log_normaliser(low_net + net, bias).sum(-1) - low_own - energy

    return chunk, (high_net, high_own)


@eqx.filter_jit
def summed(machine: Any, side: str, low: Array, high: Array) -> tuple[Array, Array]:
    """For each high row: the largest log-weight of its chunk, and the sum relative to it."""
    chunk, given = log_weights(machine, side, low, high)

    def total(given: tuple[Array, Array]) -> tuple[Array, Array]:
        weights = chunk(given)
        largest = jnp.max(weights)
        return largest, jnp.sum(jnp.exp(weights - largest))

    return jax.lax.map(total, given)


@eqx.filter_jit
def listed(machine: Any, side: str, low: Array, high: Array) -> Float[Array, "high low"]:
    """The log-weights themselves, of a few chunks."""
    return jax.lax.map(*log_weights(machine, side, low, high))


def both_gaussian(machine: RestrictedBoltzmannMachine) -> bool:
    """Whether the joint distribution is one Gaussian."""
    return isinstance(machine.visible, AbstractGaussian) and isinstance(machine.hidden, AbstractGaussian)


def gaussian_log_partition(machine: Any) -> float:
    """½ n log 2π - ½ log det P + ½ r'P⁻¹r - Σ b²/2s² - Σ c²/2t², P the joint precision, r = (b/s², c/t²)."""
    b, c = (np.asarray(part, np.float64) for part in (machine.visible_bias, machine.hidden_bias))
    w = np.asarray(written_out(machine.structure), np.float64)
    s, t = (
        np.broadcast_to(np.asarray(unit.variance, np.float64), bias.shape)
        for unit, bias in ((machine.visible, b), (machine.hidden, c))
    )
    across = -w / np.outer(s, t)
    precision = np.block([[np.diag(1 / s), across], [across.T, np.diag(1 / t)]])
    try:
        factor = np.linalg.cholesky(precision)
    except np.linalg.LinAlgError:
        return math.inf
    linear = np.concatenate([b / s, c / t])
    solved = np.linalg.solve(factor, linear)
    rest = 0.5 * solved @ solved - 0.5 * (b**2 / s).sum() - 0.5 * (c**2 / t).sum()
    return float(0.5 * len(linear) * np.log(2 * np.pi) - np.log(np.diag(factor)).sum() + rest)


def exact_distribution(machine: RestrictedBoltzmannMachine) -> tuple[np.ndarray, Float[np.ndarray, " states"]]:
    """All visible states ``(states, visible)`` and P(v) of each, for machines of few, discrete visible units.

    >>> from flambeau.networks import rbm
    >>> exact_distribution(rbm(3, 2, key=jax.random.key(0), deviation=0.0))[1].tolist()  # 3 fair coins
    [0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125, 0.125]

    Raises :class:`~flambeau.errors.ConfigurationError` as :func:`all_states`.
    """
    rows = all_states(machine.visible, machine.visible_bias.shape[-1])
    log_p = -free_energies(machine, rows.astype(machine.visible_bias.dtype))
    p = np.exp(log_p - log_p.max())
    return rows, p / p.sum()


def free_energies(machine: RestrictedBoltzmannMachine, rows: np.ndarray) -> Float[np.ndarray, " rows"]:
    """F of any number of rows, in double precision from here on."""
    return by_rows(type(machine).free_energy, machine, rows).astype(np.float64)


def exact_samples(machine: RestrictedBoltzmannMachine, count: int, key: Array) -> Float[Array, "count visible"]:
    """Independent samples of v: states of the smaller side from their exact table, then v given them.

    >>> from flambeau.networks import rbm
    >>> exact_samples(rbm(3, 2, key=jax.random.key(0)), 5, jax.random.key(1)).shape
    (5, 3)

    Raises :class:`~flambeau.errors.ConfigurationError` as :func:`exact_log_partition`.
    """
    found = checked(fewest_states(machine), MOST)
    uniform, drawing = thrown(key, count)
    numbers = np.asarray(uniform, np.float64)
    low, high = tables(machine, found)
    largest, sums = (np.asarray(part, np.float64) for part in summed(machine, found.side, low, high))
    chunks = drawn(np.log(sums) + largest, numbers[0])
    present, place = np.unique(chunks, return_inverse=True)
    weights = np.asarray(listed(machine, found.side, low, np.asarray(high)[present]), np.float64)
    within = np.asarray([drawn(weights[row], number[None])[0] for row, number in zip(place, numbers[1], strict=True)])
    states = jax.device_put(np.asarray(low)[within] + np.asarray(high)[chunks])
    return states if found.side == "visible" else eqx.filter_jit(sample_visible)(machine, states, drawing)


@eqx.filter_jit
def thrown(key: Array, count: int) -> tuple[Float[Array, "2 count"], Array]:
    """Uniform numbers for where each sample lies, and the key for what is drawn then."""
    choosing, drawing = jax.random.split(key)
    return jax.random.uniform(choosing, (2, count)), drawing


def drawn(log_weights: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Places whose share of the whole each uniform number falls into."""
    total = np.cumsum(np.exp(log_weights - log_weights.max()))
    return np.minimum(np.searchsorted(total, numbers * total[-1], side="right"), len(total) - 1)
