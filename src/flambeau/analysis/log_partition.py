"""How probable a machine finds its data: log Z with a verdict, log-likelihoods, and reports that say their protocol.

    log P(v)  =  -F(v) - log Z

F is exact; log Z is a sum over all states of one side, exact for small machines and estimated beyond, from below and
from above. A log Z that is too small makes every row look too probable, so no figure goes without its verdict.
"""

import dataclasses
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from flambeau.analysis.annealed_importance import (
    anneal,
    annealing_temperatures,
    base_log_partition,
    base_samples,
    bennett,
    log_mean_weight,
)
from flambeau.analysis.enumeration import enumerable, exact_log_partition, exact_samples, free_energies, listable
from flambeau.dynamics.gibbs import gibbs
from flambeau.errors import ConfigurationError, DataError
from flambeau.foundation.rows import by_rows
from flambeau.networks.rbm import RestrictedBoltzmannMachine
from flambeau.neurons import AbstractUnit
from flambeau.neurons.units import biases_for

REVERSE_STEPS = 5_000  # of Gibbs sampling before the reverse passage, where no exact samples are to be had
APART = 1.0  # nats between the two directions beyond which nothing is said
SHARE = 0.1  # of the chains that must count
ERRORS = 3.0  # standard errors either way in an interval
SAMPLED = 1 << 22  # states from whose table the reverse passage starts, where they are no more


@dataclasses.dataclass(frozen=True)
class LogPartition:
    """log Z, nats: ``value``, its interval from ``low`` to ``high``, and whether it may be ``trusted``.

    ``forward`` tends to be too low, ``reverse`` too high; both are None where ``method`` is "exact", as is
    ``effective_samples``, the number of equally weighted chains that the poorer direction amounts to. ``reason`` says
    in words why a value is trusted or not. ``float`` of it is the value.
    """

    value: float
    low: float
    high: float
    forward: float | None
    reverse: float | None
    method: str
    trusted: bool
    effective_samples: float | None
    reason: str

    def __float__(self) -> float:
        return self.value

    def __str__(self) -> str:
        if self.method == "exact":
            return f"log Z = {self.value:.4f} nats, exact: {self.reason}"
        interval = f"{self.value:.2f} nats ({self.low:.2f} to {self.high:.2f})"
        directions = f"forward {self.forward:.2f}, reverse {self.reverse:.2f}"
        verdict = "can be trusted" if self.trusted else "NOT to be trusted"
        return f"log Z = {interval}, annealed: {directions}; {verdict}: {self.reason}"


def log_partition(
    machine: RestrictedBoltzmannMachine,
    method: str = "auto",
    *,
    data: Any = None,
    base: Any = None,
    chains: int = 100,
    temperatures: int | Any = None,
    reverse_start: Any = None,
    key: Array | None = None,
) -> LogPartition:
    """log Z, exactly where one side has few states, else by annealed importance sampling in both directions.

    Arguments: ``method`` "exact" (2^25 states at most), "ais", or "auto", which is exact up to 2^20. For annealing:
    ``data`` ``(rows, visible)``, from whose base rates the chains start, or these biases, ``base`` ``(visible,)``,
    themselves (else the machine's own mean); ``chains``; ``temperatures``, None for the 14,500 of Salakhutdinov and
    Murray, a number for as many in the same proportions, or β from 0 to 1; ``reverse_start``, samples of the model to
    go back from, else exact ones where possible, else 5,000 Gibbs steps from the data (from the base without);
    ``key``, which annealing needs.

    The value is Bennett's, which joins both directions, where they agree, else the forward estimate; the interval holds
    both with 3 standard errors. No trust where they differ by more than 1 nat, or where fewer than a tenth of the
    chains count.

    >>> from flambeau.networks import rbm
    >>> print(log_partition(rbm(3, 2, key=jax.random.key(0), deviation=0.0)))
    log Z = 3.4657 nats, exact: a sum over all states
    >>> machine = rbm(3, 2, key=jax.random.key(0))
    >>> found = log_partition(machine, "ais", chains=50, temperatures=50, key=jax.random.key(1))
    >>> found.trusted, abs(found.value - log_partition(machine).value) < 0.01
    (True, True)

    Raises :class:`~flambeau.errors.ConfigurationError` for too many states under "exact", units without a density,
    fewer than 2 chains, or no key. *Limits.* Agreement is evidence, no proof: chains that start the reverse and have
    never seen a mode miss it as the forward ones do. Source: Neal 2001; Salakhutdinov and Murray 2008; Bennett 1976;
    Burda, Grosse, Salakhutdinov 2015 for the reverse bound. Lecture: 深度信念网络.
    """
    if method not in ("auto", "exact", "ais"):
        raise ConfigurationError("log_partition.method", "auto, exact or ais", repr(method), "choose one")
    if method == "exact" or (method == "auto" and enumerable(machine)):
        value = exact_log_partition(machine)
        reason = "a sum over all states" if math.isfinite(value) else "the density has no end (weights too large)"
        return LogPartition(value, value, value, None, None, "exact", math.isfinite(value), None, reason)
    if key is None or isinstance(chains, bool) or not isinstance(chains, int | np.integer) or chains < 2:
        got, remedy = f"key={key}, chains={chains}", "pass key=jax.random.key(0) and chains=100"
        raise ConfigurationError("log_partition", "a key and at least 2 chains for annealing", got, remedy)
    given = ((data, "data"), (reverse_start, "reverse_start"))
    rows, ends = (None if part is None else _rows_of(machine, part, name) for part, name in given)
    return annealed(machine, rows, base, int(chains), annealing_temperatures(temperatures), ends, key)


def _rows_of(machine: RestrictedBoltzmannMachine, rows: Any, name: str) -> Array:
    """Rows of visible values, or a refusal."""
    values = np.asarray(rows, machine.visible_bias.dtype)
    if values.ndim != 2 or not len(values) or values.shape[1:] != machine.visible_bias.shape:
        remedy = "one row per example, one column per visible unit"
        raise DataError(f"likelihood, {name}", f"shape (rows, {machine.visible_bias.shape[0]})", values.shape, remedy)
    return jnp.asarray(values)


def annealed(
    machine: RestrictedBoltzmannMachine,
    data: Array | None,
    base: Any,
    chains: int,
    betas: np.ndarray,
    reverse_start: Array | None,
    key: Array,
) -> LogPartition:
    """Both passages, and what they say together."""
    basing, first, there, last, back = jax.random.split(key, 5)
    a = base_of(machine, data, base, basing)
    start = base_samples(machine, a, chains, first)
    end = reverse_start if reverse_start is not None else model_samples(machine, data, start, last)
    forward = anneal(machine, start, a, betas, there)
    reverse = anneal(machine, end, a, betas[::-1], back)
    return joined(base_log_partition(machine, a), forward, reverse)


def base_of(machine: RestrictedBoltzmannMachine, data: Array | None, base: Any, key: Array) -> Array:
    """Biases at which unconnected visible units look like the data, or else like short runs of the machine itself."""
    kind = machine.visible_bias.dtype
    if base is not None:
        found = jnp.asarray(np.asarray(base), kind)
        if found.shape != machine.visible_bias.shape:
            expected = f"one bias for each of {machine.visible_bias.shape[0]} visible columns"
            raise DataError("log_partition, base", expected, found.shape, "give data instead, to have them computed")
        return found
    if data is None:
        first, rest = jax.random.split(key)
        start = base_samples(machine, machine.visible_bias, 1_000, first)
        data = eqx.filter_jit(gibbs)(machine, start, jnp.asarray(100), rest)
    return jnp.asarray(biases_for(machine.visible, np.asarray(data).sum(0, dtype=np.float64), len(data)), kind)


def model_samples(machine: RestrictedBoltzmannMachine, data: Array | None, start: Array, key: Array) -> Array:
    """As many samples of the model as there are starts: exact ones if possible, else the ends of long chains."""
    count = len(start)
    if listable(machine, SAMPLED):
        return exact_samples(machine, count, key)
    if data is not None:
        start = data[np.linspace(0, len(data) - 1, count).round().astype(int)]
    return eqx.filter_jit(gibbs)(machine, start, jnp.asarray(REVERSE_STEPS), key)


def joined(base: float, forward: np.ndarray, reverse: np.ndarray) -> LogPartition:
    """What both directions' log-weights say of log Z, given that of the base."""
    below, below_error, below_samples = log_mean_weight(forward)
    above, above_error, above_samples = log_mean_weight(reverse)
    low, high = base + below, base - above
    samples = min(below_samples / len(forward), above_samples / len(reverse)) * len(forward)
    apart = abs(low - high)
    trusted = bool(apart <= APART and samples >= SHARE * len(forward))
    agreement = f"the directions differ by {apart:.2f} nats"
    counting = f"{samples:.0f} of {len(forward)} chains count"
    reason = f"{agreement}, {counting}" if trusted else counting if apart <= APART else agreement
    ends = [(low, below_error), (high, above_error)]
    value = base + bennett(forward, reverse) if trusted else low
    least, most = min(end - ERRORS * error for end, error in ends), max(end + ERRORS * error for end, error in ends)
    return LogPartition(value, least, most, low, high, "ais", trusted, samples, reason)


def log_likelihood(
    machine: RestrictedBoltzmannMachine, v: Any, log_partition: LogPartition | float
) -> Float[np.ndarray, " rows"]:
    """log P(v) = -F(v) - log Z per row of ``v`` ``(rows, visible)``, nats.

    >>> from flambeau.networks import rbm
    >>> machine = rbm(3, 2, key=jax.random.key(0), deviation=0.0)
    >>> log_likelihood(machine, np.ones((1, 3)), log_partition(machine)).round(4).tolist()  # 3 fair coins
    [-2.0794]

    *Limits.* As good as its log Z. Values between 0 and 1 count as probabilities, which is another protocol than
    drawing or cutting them: see :class:`LikelihoodReport`.
    """
    return -free_energies(machine, np.asarray(_rows_of(machine, v, "v"))) - float(log_partition)


@dataclasses.dataclass(frozen=True)
class LikelihoodReport:
    """A mean log-likelihood that cannot be quoted without its protocol.

    ``mean`` nats per row, ``standard_error`` over the ``rows``, ``protocol`` (what was done to the values: drawn, cut,
    or taken as probabilities; figures of different protocols are not comparable), ``log_partition``; ``bound`` where
    the rows' figures are lower bounds; ``independent``, the mean of units that know nothing of each other.
    """

    mean: float
    standard_error: float
    rows: int
    protocol: str
    log_partition: LogPartition | float
    bound: bool = False
    independent: float | None = None

    @classmethod
    def of(
        cls,
        each: Float[np.ndarray, " rows"],
        protocol: str,
        log_partition: LogPartition | float,
        *,
        bound: bool = False,
        independent: float | None = None,
    ) -> "LikelihoodReport":
        """From the figure of each row."""
        error = float(each.std(ddof=1) / np.sqrt(len(each))) if len(each) > 1 else math.nan
        return cls(float(each.mean()), error, len(each), protocol, log_partition, bound, independent)

    @property
    def verdict(self) -> str:
        """What is to be said of the figure beside that of independent units; nothing where that is not known."""
        if self.independent is None:
            return ""
        if not self.mean < self.independent - self.standard_error:
            return f"independent units reach {self.independent:.2f}"
        remedy = "lower the learning rate, raise k, or use another algorithm"
        return f"BELOW independent units, {self.independent:.2f}; {remedy}"

    def __str__(self) -> str:
        known = self.log_partition
        partition = str(known) if isinstance(known, LogPartition) else f"log Z = {known:.4f} nats, as given"
        least = "at least " if self.bound else ""
        figure = f"{least}{self.mean:.2f} nats per row (standard error {self.standard_error:.2f}, {self.rows:,} rows)"
        parts = [figure, f"protocol: {self.protocol}", partition, self.verdict]
        return "; ".join(part for part in parts if part)


def likelihood_report(
    machine: RestrictedBoltzmannMachine, v: Any, log_partition: LogPartition | float, *, protocol: str
) -> LikelihoodReport:
    """The mean of :func:`log_likelihood` over the rows of ``v``, with its error and the ``protocol`` in words.

    >>> from flambeau.networks import rbm
    >>> machine = rbm(3, 2, key=jax.random.key(0), deviation=0.0)
    >>> print(likelihood_report(machine, np.eye(3), log_partition(machine), protocol="thresholded at 1/2"))
    -2.08 nats per row (standard error 0.00, 3 rows); protocol: thresholded at 1/2; log Z = 3.4657 nats, exact: ...
    """
    if not isinstance(protocol, str) or not protocol.strip():
        remedy = "for instance 'stochastic pixels', 'thresholded at 1/2', 'real-valued pixels as probabilities'"
        raise ConfigurationError("likelihood_report.protocol", "what was done to the values", repr(protocol), remedy)
    return LikelihoodReport.of(log_likelihood(machine, v, log_partition), protocol, log_partition)


def independent_log_likelihood(unit: AbstractUnit, bias: Any, v: np.ndarray) -> Float[np.ndarray, " rows"]:
    """log P(v) per row, nats, of unconnected units with these biases: -f(v; b) - log ∫ exp(-f(u; b)) du, summed up.

    >>> from flambeau.neurons import Bernoulli
    >>> independent_log_likelihood(Bernoulli(), np.zeros(3, np.float32), np.eye(3, dtype=np.float32)).round(4).tolist()
    [-2.0794, -2.0794, -2.0794]

    Raises :class:`~flambeau.errors.ConfigurationError` for units without a density. *Limits.* Gaussian units of a fixed
    variance are compared with themselves, not with normal distributions of the columns' own variance.
    """
    return by_rows(independent_part, (unit, bias), v).astype(np.float64)


def independent_part(given: tuple[AbstractUnit, Array], v: Array) -> Float[Array, " rows"]:
    """One part of the rows."""
    unit, bias = given
    return -unit.energy(v, bias).sum(-1) - unit.log_normaliser(bias, bias).sum(-1)
