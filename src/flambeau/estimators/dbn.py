"""Deep belief networks behind scikit-learn's interface."""

from collections.abc import Sequence
from dataclasses import KW_ONLY
from typing import Any, ClassVar

import numpy as np
from sklearn.utils.validation import check_is_fitted

from flambeau.analysis import log_likelihood_bound
from flambeau.estimators.base import Rows
from flambeau.estimators.boltzmann import ALGORITHMS, BINARISE, in_order, rates_by_algorithm, unit_kinds
from flambeau.estimators.common import outputs, row_weights, seed_of
from flambeau.estimators.deep_belief import STAGED, AbstractDeepBelief
from flambeau.estimators.density import DENSITY, AbstractDensity
from flambeau.estimators.options import OptimizerLike, Rate, Seed, learning_rates, optimizer_named
from flambeau.estimators.parameters import flag, number, one_of, parameters, seed, several, whole
from flambeau.foundation.random import seed_words
from flambeau.networks import RestrictedBoltzmannMachine, dbn
from flambeau.neurons import AbstractUnit
from flambeau.training import AbstractMonitor

__all__ = ["DBN"]


@parameters
class DBN(AbstractDensity, AbstractDeepBelief):
    r"""A deep belief network: layers trained greedily as restricted Boltzmann machines, a generative model of rows.

    P(v, h₁, …, h_l) = P(v | h₁) Π_{i=1}^{l-2} P(h_i | h_{i+1}) · P(h_{l-1}, h_l).

    Parameters
    ----------
    hidden_layer_sizes : units of each layer, bottom first.
    visible : kind of the visible units; hidden ones are Bernoulli.
    algorithm, k, n_chains, n_temperatures, centered, binarize : as for :class:`~flambeau.RBM`, for every layer.
    optimizer, learning_rate, l1, l2, weight_decay, max_norm, clip_norm, batch_size, epochs : of every layer's training;
        the rate "auto" is 0.05, and 0.01 where chains persist.
    fine_tune : None, or "up_down": wake-sleep over all layers for ``fine_tune_epochs`` at ``fine_tune_learning_rate``,
        with ``fine_tune_k`` steps at the top (None for ``k``).

    Attributes
    ----------
    ``network_``, ``history_`` (``loss`` per epoch and the ``stage`` it belongs to), ``runs_`` (one per stage),
    ``n_iter_``, ``n_features_in_``.

    Raises :class:`~flambeau.errors.ConfigurationError`, :class:`~flambeau.errors.DataError`,
    :class:`~flambeau.errors.DivergenceError`.

    >>> import flambeau as fb
    >>> X = fb.problems.load("digits").data[:500]
    >>> model = fb.DBN((32, 16), epochs=5, random_state=0).fit(X)
    >>> model.transform(X).shape, model.sample(2, 50).shape
    ((500, 16), (2, 64))

    *Limits.* A layer more raises the likelihood only if it is wide enough and trained well; the bound says.
    Source: Hinton, Osindero, Teh 2006. Lecture: 深度信念网络.
    """

    hidden_layer_sizes: int | Sequence[int] = several((500, 500, 2000), empty=False)
    _: KW_ONLY
    visible: str | AbstractUnit = unit_kinds("bernoulli")
    algorithm: str = one_of("cd", ALGORITHMS)
    k: int = whole(1, least=1)
    centered: bool = flag(True)
    n_chains: int | None = whole(None, least=1, also=(None,))
    n_temperatures: int = whole(10, least=2)
    n_categories: int | None = whole(None, least=2, also=(None,))
    binarize: str | None = one_of(None, BINARISE, also=(None,))
    optimizer: OptimizerLike = optimizer_named("momentum")
    learning_rate: Rate = rates_by_algorithm()
    l1: float = number(0.0, least=0)
    l2: float = number(2e-4, least=0)
    weight_decay: float = number(0.0, least=0)
    max_norm: float | None = number(None, least=0, also=(None,))
    clip_norm: float | None = number(None, least=0, also=(None,))
    batch_size: int = whole(20, least=1)
    epochs: int = whole(20, least=1)
    fine_tune: str | None = one_of(None, ("up_down",), also=(None,))
    fine_tune_k: int | None = whole(None, least=1, also=(None,))
    fine_tune_epochs: int = whole(10, least=1)
    fine_tune_learning_rate: Rate = learning_rates(0.01)
    shuffle: bool = flag(True)
    random_state: Seed = seed()
    verbose: bool = flag(False)

    fitted: ClassVar[tuple[str, ...]] = (*STAGED, *DENSITY)
    rates: ClassVar[dict[str, float]] = {"cd": 0.05, "pcd": 0.01, "tempering": 0.01, "exact": 0.05}
    bounded: ClassVar[bool] = True

    def _check(self) -> None:
        self._check_stack()

    def fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, *, monitors: Sequence[AbstractMonitor] = ()
    ) -> "DBN":
        """Learn from X ``(n, features)``; y is ignored. Monitors watch the first layer."""
        self._check_all()
        draft = self._draft(going_on=False)
        draft._learn(X, sample_weight, monitors)
        return self._commit(draft)

    def _learn(self, X: Any, sample_weight: Any, monitors: Sequence[AbstractMonitor]) -> None:
        """Layer by layer, then all of them where that is asked for."""
        X = self._checked(X, reset=True)
        X = self._in_range(X, self._unit(X.shape[1]), learning=True)
        weights = row_weights(self, X, None, sample_weight)
        self._count(X, weights, fresh=True)
        rows = Rows(X, np.zeros((len(X), 0), X.dtype), weights)
        rows, seed = in_order(rows, self.batch_size, shuffle=self.shuffle), seed_of(self.random_state)
        runs = self._greedy(rows, seed, monitors)
        network = dbn([run.network for run in runs])
        if self.fine_tune == "up_down":
            runs.append(self._up_down(rows, network, seed))
            network = runs[-1].network
        self._settle(network, rows, runs)
        self.network_, self._partition = network, None

    def _features(self) -> AbstractUnit:
        return self.network_.features

    def _partitioned(self) -> RestrictedBoltzmannMachine:
        return self.network_.top

    def _log_p(self, rows: np.ndarray, log_z: float) -> np.ndarray:
        return self._bound(rows, log_z, 1, 10)

    def _bound(self, rows: np.ndarray, log_z: float, samples: int, repeats: int) -> np.ndarray:
        key = seed_words(0 if self.random_state is None else seed_of(self.random_state))
        return log_likelihood_bound(self.network_, rows, log_z, samples=samples, repeats=repeats, key=key)

    @property
    def _n_features_out(self) -> int:
        return int(self.network_.top.hidden_bias.shape[0])

    def transform(self, X: Any) -> np.ndarray:
        """Means of the top layer ``(n, units)``, by an upward pass."""
        check_is_fitted(self)
        return outputs(self.network_, self._visible(X, self._features()))

    def sample(self, n_samples: Any = 1, n_steps: Any = 1000) -> np.ndarray:
        """Gibbs sampling in the top machine for ``n_steps``, then down: visible means ``(n, features)``."""
        check_is_fitted(self)
        return self._generated(self.network_, n_samples, n_steps, None)

    def log_likelihood_bound(
        self, X: Any, log_partition: Any = None, *, samples: int = 1, repeats: int = 10
    ) -> np.ndarray:
        """An estimate per row, nats, of a lower bound of log P(v); the bound rises with ``samples`` towards log P(v).

        A single row's estimate scatters, above log P(v) too; what lies below it is the mean over ``repeats`` and rows.
        log Z of the top is computed once and kept; warns where it is not to be trusted.
        """
        check_is_fitted(self)
        return self._bound(self._as_asked(X), self._log_z(log_partition), samples, repeats)
