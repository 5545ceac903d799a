"""The faces of estimators that are probability distributions: how probable rows are, by which log Z, and samples.

:class:`AbstractDensity` asks likelihoods of a network; :class:`AbstractEnergyModel` also learns one, by contrastive
divergence and its kin, from rows without targets, and samples it. A kind says what it draws, by which rule it learns
and what its chains are.
"""

import abc
import warnings
import zlib
from collections.abc import Callable
from dataclasses import KW_ONLY
from typing import Any, ClassVar

import jax
import numpy as np
from jaxtyping import Array
from sklearn.utils.validation import check_is_fitted

from flambeau.analysis import HeldOut, LikelihoodReport, LogPartition, free_energy_excess, log_partition
from flambeau.analysis.log_partition import independent_log_likelihood
from flambeau.estimators.base import AbstractStreaming, Course, Drawing, Given, Rows
from flambeau.estimators.boltzmann import AbstractBoltzmann
from flambeau.estimators.common import row_weights, seed_of
from flambeau.estimators.descent import AbstractPatient, Watched
from flambeau.estimators.parameters import number, parameters, whole
from flambeau.foundation.precision import dtype
from flambeau.monitors import FreeEnergyGap
from flambeau.networks import RestrictedBoltzmannMachine
from flambeau.neurons import AbstractUnit
from flambeau.neurons.units import biases_for
from flambeau.problems import Binarised
from flambeau.rules import AbstractRule
from flambeau.training import Best, Beyond, Last, Run, RunAll

# What every density leaves behind: sum and weight of the rows seen, base biases of the machine with a Z, log Z kept.
DENSITY = ("_totals", "_base", "_partition")
PROTOCOLS = {
    None: "values as they are (between 0 and 1: probabilities)",
    "sample": "stochastic pixels: 0 or 1 drawn once with the value as probability",
    "threshold": "pixels thresholded at 1/2",
}


class AbstractDensity(AbstractBoltzmann):
    """log Z, and likelihoods that say their protocol."""

    bounded: ClassVar[bool]  # whether rows' figures are lower bounds
    _partition: LogPartition | None

    @abc.abstractmethod
    def _partitioned(self) -> RestrictedBoltzmannMachine:
        """The machine whose log Z is asked for."""

    @abc.abstractmethod
    def _log_p(self, rows: np.ndarray, log_z: float) -> np.ndarray:
        """log P(v) of checked rows, nats, or a bound of it."""

    def log_partition(self, method: str = "auto", **options: Any) -> LogPartition:
        """log Z: exactly by listing the smaller side's states (up to 20 units under "auto"), or estimated ("ais").

        Of the machine itself; of a deep belief network's top; of a deep Boltzmann machine's odd layers, the even ones
        summed out. Options are those of :func:`flambeau.analysis.log_partition`: chains, temperatures, base, ...
        """
        check_is_fitted(self)
        given = {"base": self._base, "key": jax.random.key(seed_of(self.random_state)), **options}
        return log_partition(self._partitioned(), method, **given)

    def likelihood_report(self, X: Any, log_partition: Any = None) -> LikelihoodReport:
        """The mean log-likelihood (or bound) with its error, the protocol, and whether log Z can be trusted; print it.

        It also says what units that know nothing of each other would reach.
        """
        check_is_fitted(self)
        given = self._known_partition() if log_partition is None else log_partition
        rows, kind = self._as_asked(X), self._generative.features
        alone = independent_log_likelihood(kind, biases_for(kind, *self._totals), rows).mean()
        each = self._log_p(rows, float(given))
        return LikelihoodReport.of(each, PROTOCOLS[self.binarize], given, bound=self.bounded, independent=float(alone))

    def _as_asked(self, X: Any) -> np.ndarray:
        """Rows as likelihoods see them: drawn once, 0 or 1, where learning draws at every step.

        By a row's own content: the same in whatever order or part it comes.
        """
        rows = self._visible(X)
        if self.binarize != "sample":
            return rows
        seed, drawn = 0 if self.random_state is None else seed_of(self.random_state), np.empty_like(rows)
        for row, place in zip(rows, drawn, strict=True):
            place[:] = np.random.default_rng([seed, zlib.crc32(row.tobytes())]).random(len(row)) < row
        return drawn

    def _known_partition(self) -> LogPartition:
        """log Z under the default settings, computed once for a fitted model."""
        if self._partition is None:
            self._partition = self.log_partition()
        return self._partition

    def _log_z(self, given: Any) -> float:
        """log Z as a number; one that is not to be trusted is not used without a word."""
        given = self._known_partition() if given is None else given
        if isinstance(given, LogPartition) and not given.trusted:
            text = f"{type(self).__name__}: log Z = {given.value:.2f} nats is not to be trusted ({given.reason}); "
            remedy = "log_partition(chains=..., temperatures=...) with more of both may be"
            warnings.warn(text + remedy, UserWarning, stacklevel=3)
        return float(given)

    def _read_unlabelled(self, given: Given, *, fresh: bool, targets: int = 1) -> Rows:
        """Rows in range and counted, with ``targets`` of nothing."""
        X = self._checked(given.X, reset=fresh)
        X = self._in_range(X, self._unit(X.shape[1]), learning=True)
        weights = row_weights(self, X, None, given.sample_weight)
        self._count(X, weights, fresh=fresh)
        return Rows(X, np.zeros((len(X), targets), X.dtype), weights)

    def __sklearn_tags__(self) -> Any:
        """Targets are not needed."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        return tags


@parameters
class AbstractEnergyModel(AbstractDensity, AbstractPatient, AbstractStreaming):
    """Learning from rows without targets, stopped by the free-energy gap, and samples by one chain each."""

    _: KW_ONLY
    tolerance: float = number(0.1, least=0)
    patience: int = whole(5, least=1)

    @abc.abstractmethod
    def _drawing(self, kind: AbstractUnit, bias: np.ndarray) -> tuple[Drawing, AbstractRule]:
        """The machine for visible units of a ``kind`` that start with these biases, and the rule."""

    @abc.abstractmethod
    def _conclude(self, run: Run, rows: Rows) -> None:
        """Refuse a network that is none, and settle ``_base``."""

    @abc.abstractmethod
    def _chain(self) -> Callable[..., Array]:
        """``(network, base, steps), (no rows, clamp), key``: visible states after that many steps from afresh."""

    def _check(self) -> None:
        self._check_showing()

    def _read(self, given: Given, *, fresh: bool) -> Rows:
        return self._in_order(self._read_unlabelled(given, fresh=fresh))

    def _read_held(self, validation_data: Any) -> Rows:
        X = self._checked(validation_data)
        return Rows(self._in_range(X, self._unit(X.shape[1])), np.zeros((len(X), 1), X.dtype), np.ones(len(X)))

    def _course(self, rows: Rows, held_out: Rows | None, *, stream: bool) -> Course:
        kind = self._unit(rows.inputs.shape[1])
        drawing, rule = self._drawing(kind, biases_for(kind, *self._totals))

        def conclude(run: Run) -> str:
            self._partition = None  # that of the network before
            self._conclude(run, rows)
            return ""

        return self._taught(
            rows,
            drawing.besides(visible=self.visible, n_categories=self.n_categories),
            rule,
            self._optimizer(),
            self._judged(rows, held_out),
            problem=Binarised if self.binarize == "sample" else lambda examples: examples,
            conclude=conclude,
        )

    def _judged(self, rows: Rows, held_out: Rows | None) -> Watched:
        """Early stopping watches the free-energy gap; held-out rows without it only give the curve.

        As many training rows as held-out ones, drawn: the first ones may all be of one class.
        """
        if held_out is None:
            return RunAll(), Last(), ()
        count = len(rows.weights)
        chosen = np.sort(np.random.default_rng(0).permutation(count)[: len(held_out.weights)])
        seen, unseen = rows.at(chosen).batch(), held_out.batch()
        gap = (seen.inputs, unseen.inputs, None if (rows.weights == 1).all() else seen.weights, unseen.weights)
        if self.early_stopping:
            patience: Any = self.patience
            data = HeldOut(*gap, np.asarray(self.tolerance, dtype()))
            return Beyond(free_energy_excess, data, patience), Best(newest=True), ()
        return RunAll(), Last(), (FreeEnergyGap(*gap),)

    def sample(self, n_samples: Any = 1, n_steps: Any = 1000, clamp: Any = None) -> np.ndarray:
        """Rows of the model after ``n_steps`` of Gibbs sampling from independent starts.

        ``clamp`` holds visible units at given values, NaN marking the free ones: in-painting, conditional generation.
        """
        check_is_fitted(self)
        return self._drawn_by(self._chain(), n_samples, n_steps, lambda count: self._held(clamp, count))
