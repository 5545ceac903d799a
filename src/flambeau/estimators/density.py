"""The faces of estimators that are probability distributions: how probable rows are, by which log Z, and samples.

:class:`AbstractDensity` asks likelihoods of a network; :class:`AbstractEnergyModel` also learns one, by contrastive
divergence and its kin, from rows without targets, and samples it. A kind says what it draws, by which rule it learns
and what its chains are.
"""

import abc
import warnings
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, PyTree
from sklearn.utils.validation import check_is_fitted

from flambeau.analysis import HeldOut, LikelihoodReport, LogPartition, free_energy_excess, log_partition
from flambeau.analysis.log_partition import independent_log_likelihood
from flambeau.estimators.base import AbstractStreaming, Course, Given, Rows
from flambeau.estimators.boltzmann import AbstractBoltzmann, biases_for, how_many, in_order
from flambeau.estimators.common import row_weights, seed_of
from flambeau.estimators.descent import rows_per_step
from flambeau.foundation.precision import dtype
from flambeau.foundation.random import seed_words
from flambeau.foundation.rows import by_rows, no_rows
from flambeau.monitors import FreeEnergyGap
from flambeau.networks import RestrictedBoltzmannMachine
from flambeau.neurons import AbstractUnit
from flambeau.problems import Binarised
from flambeau.rules import AbstractRule
from flambeau.training import AbstractKeeper, AbstractMonitor, AbstractStopping, Best, Beyond, Last, Run, RunAll

__all__ = ["DENSITY", "AbstractDensity", "AbstractEnergyModel", "Drawn"]

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
    _base: np.ndarray
    _partition: LogPartition | None

    @abc.abstractmethod
    def _features(self) -> AbstractUnit:
        """The kind of the fitted network's visible units."""

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
        rows, kind = self._as_asked(X), self._features()
        alone = independent_log_likelihood(kind, biases_for(kind, *self._totals), rows).mean()
        each = self._log_p(rows, float(given))
        return LikelihoodReport.of(each, PROTOCOLS[self.binarize], given, bound=self.bounded, independent=float(alone))

    def _as_asked(self, X: Any) -> np.ndarray:
        """Rows as likelihoods see them."""
        seed = 0 if self.random_state is None else seed_of(self.random_state)
        return self._drawn(self._visible(X, self._features()), seed)

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

    def __sklearn_tags__(self) -> Any:
        """Targets are not needed."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        return tags


class Drawn(NamedTuple):
    """What a kind learns: the settings that drawing reads, how a fresh network is drawn, and the rule."""

    outline: Mapping[str, Any]
    draw: Callable[[Array], PyTree]
    rule: AbstractRule


class AbstractEnergyModel(AbstractDensity, AbstractStreaming):
    """Learning from rows without targets, stopped by the free-energy gap, and samples by one chain each."""

    epochs: int
    tolerance: float
    patience: int

    @abc.abstractmethod
    def _drawing(self, kind: AbstractUnit, bias: np.ndarray) -> Drawn:
        """The machine for visible units of a ``kind`` that start with these biases."""

    @abc.abstractmethod
    def _conclude(self, run: Run, rows: Rows) -> None:
        """Refuse a network that is none, and settle ``_base``."""

    @abc.abstractmethod
    def _chain(self) -> Callable[..., Array]:
        """``(network, base, steps), (no rows, clamp), key``: visible states after that many steps from afresh."""

    def _read(self, given: Given, *, fresh: bool) -> Rows:
        kind_of = self._unit
        X = self._checked(given.X, reset=fresh)
        X = self._in_range(X, kind_of(X.shape[1]), learning=True)
        weights = row_weights(self, X, None, given.sample_weight)
        self._count(X, weights, fresh=fresh)
        return in_order(Rows(X, np.zeros((len(X), 1), X.dtype), weights), self.batch_size, shuffle=self.shuffle)

    def _read_held(self, validation_data: Any) -> Rows:
        X = self._checked(validation_data)
        return Rows(self._in_range(X, self._unit(X.shape[1])), np.zeros((len(X), 1), X.dtype), np.ones(len(X)))

    def _course(self, rows: Rows, held_out: Rows | None, *, stream: bool) -> Course:
        batch_size = rows_per_step(self.batch_size, len(rows.weights))
        examples = rows.examples(batch_size, shuffle=bool(self.shuffle))
        problem = Binarised(examples) if self.binarize == "sample" else examples
        kind = self._unit(rows.inputs.shape[1])
        drawn = self._drawing(kind, biases_for(kind, *self._totals))
        outline = {"visible": self.visible, "n_categories": self.n_categories, **drawn.outline}
        judged = self._judged(rows, held_out)

        def conclude(run: Run) -> str:
            self._partition = None  # that of the network before
            self._conclude(run, rows)
            return ""

        return Course(
            outline, drawn.draw, drawn.rule, problem, self._optimizer(), batch_size, self.epochs, *judged, conclude
        )

    def _judged(
        self, rows: Rows, held_out: Rows | None
    ) -> tuple[AbstractStopping, AbstractKeeper, tuple[AbstractMonitor, ...]]:
        """Early stopping watches the free-energy gap; held-out rows without it only give the curve.

        As many training rows as held-out ones, drawn: the first ones may all be of one class.
        """
        if held_out is None:
            return RunAll(), Last(), ()
        count = len(rows.weights)
        chosen = np.sort(np.random.default_rng(0).permutation(count)[: len(held_out.weights)])
        seen, unseen = rows.at(chosen).batch(), held_out.batch()
        weights = None if (rows.weights == 1).all() else seen.weights
        if self.early_stopping:
            patience: Any = self.patience
            data = HeldOut(seen.inputs, unseen.inputs, weights, unseen.weights, np.asarray(self.tolerance, dtype()))
            return Beyond(free_energy_excess, data, patience), Best(newest=True), ()
        return RunAll(), Last(), (FreeEnergyGap(seen.inputs, unseen.inputs, weights, unseen.weights),)

    def sample(self, n_samples: Any = 1, n_steps: Any = 1000, clamp: Any = None) -> np.ndarray:
        """Rows of the model after ``n_steps`` of Gibbs sampling from independent starts.

        ``clamp`` holds visible units at given values, NaN marking the free ones: in-painting, conditional generation.
        """
        check_is_fitted(self)
        n_samples, steps = how_many(self, n_samples, n_steps)
        held = self._held(clamp, self._features(), n_samples)
        given, key = (self.network_, self._base, steps), seed_words(seed_of(self.random_state))
        return np.asarray(by_rows(self._chain(), given, (no_rows(n_samples), held), key=key))
