"""Deep belief networks behind scikit-learn's interface."""

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
from sklearn.utils.validation import check_is_fitted

from flambeau.analysis import log_likelihood_bound
from flambeau.estimators.base import Given, Rows
from flambeau.estimators.boltzmann import in_order
from flambeau.estimators.common import seed_of
from flambeau.estimators.deep_belief import STAGED, AbstractDeepBelief, descended
from flambeau.estimators.density import DENSITY, AbstractDensity
from flambeau.estimators.parameters import parameters
from flambeau.foundation.random import seed_words
from flambeau.networks import DeepBeliefNetwork, RestrictedBoltzmannMachine, dbn
from flambeau.neurons import AbstractUnit
from flambeau.training import AbstractMonitor

__all__ = ["DBN"]


@parameters
class DBN(AbstractDeepBelief, AbstractDensity):
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

    fitted: ClassVar[tuple[str, ...]] = (*STAGED, *DENSITY)
    bounded: ClassVar[bool] = True

    def _check(self) -> None:
        self._check_stack()

    def _read(self, X: Any, y: Any, sample_weight: Any) -> Rows:
        rows = self._read_unlabelled(Given(X, None, sample_weight), fresh=True, targets=0)
        return in_order(rows, self.batch_size, shuffle=self.shuffle)

    def _teach(self, rows: Rows, seed: int, monitors: Sequence[AbstractMonitor]) -> None:
        runs = self._greedy(rows, seed, monitors)
        network = dbn([run.network for run in runs])
        if self.fine_tune == "up_down":
            runs.append(self._up_down(rows, network, seed))
            network = runs[-1].network
        self._settle(network, rows, runs)
        self.network_, self._partition = network, None

    @property
    def _generative(self) -> DeepBeliefNetwork:
        return self.network_

    def _features(self) -> AbstractUnit:
        return self.network_.features

    def _partitioned(self) -> RestrictedBoltzmannMachine:
        return self.network_.top

    def _log_p(self, rows: np.ndarray, log_z: float) -> np.ndarray:
        return self._bound(rows, log_z, 1, 10)

    def _bound(self, rows: np.ndarray, log_z: float, samples: int, repeats: int) -> np.ndarray:
        key = seed_words(0 if self.random_state is None else seed_of(self.random_state))
        return log_likelihood_bound(self.network_, rows, log_z, samples=samples, repeats=repeats, key=key)

    def sample(self, n_samples: Any = 1, n_steps: Any = 1000) -> np.ndarray:
        """Gibbs sampling in the top machine for ``n_steps``, then down: visible means ``(n, features)``."""
        check_is_fitted(self)
        return self._drawn_by(descended, self.network_, n_samples, n_steps, lambda count: None)

    def log_likelihood_bound(
        self, X: Any, log_partition: Any = None, *, samples: int = 1, repeats: int = 10
    ) -> np.ndarray:
        """An estimate per row, nats, of a lower bound of log P(v); the bound rises with ``samples`` towards log P(v).

        A single row's estimate scatters, above log P(v) too; what lies below it is the mean over ``repeats`` and rows.
        log Z of the top is computed once and kept; warns where it is not to be trusted.
        """
        check_is_fitted(self)
        return self._bound(self._as_asked(X), self._log_z(log_partition), samples, repeats)
