"""Deep belief networks behind scikit-learn's interface."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from flambeau.analysis import LikelihoodReport, LogPartition, log_likelihood_bound
from flambeau.dynamics import Clamp
from flambeau.errors import ConfigurationError
from flambeau.estimators.boltzmann import (
    bound_report,
    check_sampling,
    forget_partition,
    fresh_bias,
    how_many,
    known_partition,
    partition_of,
    shown,
    trusted_value,
    visible_rows,
)
from flambeau.estimators.common import check_number, outputs, row_weights, seed_of
from flambeau.estimators.deep import Settings, greedy, in_order, joined_history, up_down
from flambeau.estimators.fitting import check_settings, whole_sizes
from flambeau.foundation.random import seed_words
from flambeau.foundation.rows import by_rows, no_rows
from flambeau.networks import DeepBeliefNetwork, dbn, generate
from flambeau.neurons import AbstractUnit, unit
from flambeau.training import optimiser

__all__ = ["DBN", "check_deep", "generated"]

MOST = 10_000  # rows that base rates are counted on


class DBN(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    r"""A deep belief network: layers trained greedily as restricted Boltzmann machines, a generative model of rows.

    P(v, h₁, …, h_l) = P(v | h₁) Π_{i=1}^{l-2} P(h_i | h_{i+1}) · P(h_{l-1}, h_l).

    Parameters
    ----------
    hidden_layer_sizes : units of each layer, bottom first.
    visible : kind of the visible units; hidden ones are Bernoulli.
    algorithm, k, n_chains, n_temperatures, centered, binarize : as for :class:`~flambeau.RBM`, for every layer.
    optimizer, learning_rate, l1, l2, weight_decay, max_norm, clip_norm, batch_size, epochs : of every layer's training.
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

    def __init__(
        self,
        hidden_layer_sizes: Any = (500, 500, 2000),
        *,
        visible: Any = "bernoulli",
        algorithm: Any = "cd",
        k: Any = 1,
        centered: Any = True,
        n_chains: Any = None,
        n_temperatures: Any = 10,
        n_categories: Any = None,
        binarize: Any = None,
        optimizer: Any = "momentum",
        learning_rate: Any = 0.05,
        l1: Any = 0.0,
        l2: Any = 2e-4,
        weight_decay: Any = 0.0,
        max_norm: Any = None,
        clip_norm: Any = None,
        batch_size: Any = 20,
        epochs: Any = 20,
        fine_tune: Any = None,
        fine_tune_k: Any = None,
        fine_tune_epochs: Any = 10,
        fine_tune_learning_rate: Any = 0.01,
        shuffle: Any = True,
        random_state: Any = None,
        verbose: Any = False,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.visible = visible
        self.algorithm = algorithm
        self.k = k
        self.centered = centered
        self.n_chains = n_chains
        self.n_temperatures = n_temperatures
        self.n_categories = n_categories
        self.binarize = binarize
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.l1 = l1
        self.l2 = l2
        self.weight_decay = weight_decay
        self.max_norm = max_norm
        self.clip_norm = clip_norm
        self.batch_size = batch_size
        self.epochs = epochs
        self.fine_tune = fine_tune
        self.fine_tune_k = fine_tune_k
        self.fine_tune_epochs = fine_tune_epochs
        self.fine_tune_learning_rate = fine_tune_learning_rate
        self.shuffle = shuffle
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None, *, monitors: Any = ()) -> "DBN":
        """Learn from X ``(n, features)``; y is ignored. Monitors watch the first layer."""
        sizes = check_deep(self, (None, "up_down"))
        X = visible_rows(self, X, None, reset=True)
        kind = visible_unit(self, X)
        kind.check(X, "DBN, X")
        weights = row_weights(self, X, None, sample_weight)
        kept = weights > 0
        X = shown(X, "threshold", 0) if self.binarize == "threshold" else X
        nothing = np.zeros((int(kept.sum()), 0), X.dtype)
        given = Settings(X[kept], weights[kept], nothing, kind, seed_of(self.random_state))
        given = in_order(given, int(self.batch_size), shuffle=bool(self.shuffle))
        machines, runs = greedy(self, given, sizes, monitors)
        network = dbn(machines)
        if self.fine_tune == "up_down":
            runs.append(up_down(self, given, network))
            network = runs[-1].network
        self._base = fresh_bias(network.top.visible, top_rows(network, given.X), given.weights[:MOST])
        self.network_, self.runs_, self.history_ = network, tuple(runs), joined_history(runs)
        self.n_iter_ = len(self.history_["loss"])
        forget_partition(self)
        return self

    @property
    def _n_features_out(self) -> int:
        return int(self.network_.top.hidden_bias.shape[0])

    def transform(self, X: Any) -> np.ndarray:
        """Means of the top layer ``(n, units)``, by an upward pass."""
        check_is_fitted(self)
        return outputs(self.network_, self._rows(X))

    def sample(self, n_samples: Any = 1, n_steps: Any = 1000) -> np.ndarray:
        """Gibbs sampling in the top machine for ``n_steps``, then down: visible means ``(n, features)``."""
        check_is_fitted(self)
        seed = seed_of(self.random_state)
        return generated(self.network_, self._base, *how_many(self, n_samples, n_steps), seed, None)

    def log_partition(self, method: str = "auto", **options: Any) -> LogPartition:
        """log Z of the top machine, see :meth:`flambeau.RBM.log_partition`."""
        check_is_fitted(self)
        return partition_of(self, self.network_.top, method, options)

    def log_likelihood_bound(
        self, X: Any, log_partition: Any = None, *, samples: int = 1, repeats: int = 10
    ) -> np.ndarray:
        """An estimate per row, nats, of a lower bound of log P(v); the bound rises with ``samples`` towards log P(v).

        A single row's estimate scatters, above log P(v) too; what lies below it is the mean over ``repeats`` and rows.
        log Z of the top is computed once and kept; warns where it is not to be trusted.
        """
        check_is_fitted(self)
        value = trusted_value(self, known_partition(self) if log_partition is None else log_partition)
        seed = 0 if self.random_state is None else seed_of(self.random_state)
        rows = shown(self._rows(X), self.binarize, seed)
        key = seed_words(seed)
        return log_likelihood_bound(self.network_, rows, value, samples=samples, repeats=repeats, key=key)

    def likelihood_report(self, X: Any, log_partition: Any = None) -> LikelihoodReport:
        """The mean bound with its error, the protocol, and whether the top's log Z can be trusted; print it."""
        check_is_fitted(self)
        return bound_report(self, X, log_partition)

    def _rows(self, X: Any) -> np.ndarray:
        X = visible_rows(self, X, self.network_.features)
        return shown(X, "threshold", 0) if self.binarize == "threshold" else X

    def __sklearn_tags__(self) -> Any:
        """Sparse rows are welcome, targets are not needed."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.required = False
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def check_deep(model: Any, tunings: tuple[str | None, ...]) -> tuple[int, ...]:
    """Refuse settings that cannot work; the layers' sizes."""
    name = type(model).__name__
    check_settings(model)
    check_sampling(model)
    if model.fine_tune not in tunings:
        expected = f"one of {', '.join(map(repr, tunings))}"
        raise ConfigurationError(f"{name}.fine_tune", expected, repr(model.fine_tune), "choose one")
    check_number(model, "fine_tune_epochs", 1, whole=True)
    optimiser("sgd", model.fine_tune_learning_rate, l2=model.l2)
    if model.fine_tune_k is not None:
        check_number(model, "fine_tune_k", 1, whole=True)
    sizes = whole_sizes(model, "hidden_layer_sizes", empty=False)
    if model.fine_tune == "up_down" and len(sizes) < 2:
        remedy = "give two sizes or more, or fine_tune=None"
        raise ConfigurationError(f"{name}.fine_tune", "two layers or more for 'up_down'", sizes, remedy)
    return sizes


def visible_unit(model: Any, X: np.ndarray) -> AbstractUnit:
    """The kind of the visible units for these rows."""
    return unit(model.visible, columns=X.shape[1], categories=int(model.n_categories or 0))


def encoded(network: DeepBeliefNetwork, v: Any) -> Array:
    """Means of the penultimate layer."""
    return network.encode(v)


def top_rows(network: DeepBeliefNetwork, X: np.ndarray) -> np.ndarray:
    """What the top machine's visible units see of the first rows: the base rates that annealing starts from."""
    return by_rows(encoded, network, X[:MOST])


def generated(
    network: DeepBeliefNetwork, base: Any, count: int, steps: np.ndarray, seed: int, clamp: Clamp | None
) -> np.ndarray:
    """Means of v after that many steps at the top."""
    given = network, base, steps, clamp
    return by_rows(descended, given, no_rows(count), key=seed_words(seed))


def descended(given: tuple[Any, ...], blank: Any, key: Array) -> Array:
    """Sampled at the top from its base rates, carried down; the number of steps is data."""
    network, base, steps, clamp = given
    first, rest = jax.random.split(key)
    start = network.top.visible.sample(jnp.broadcast_to(base, (len(blank), *base.shape)), first)
    return generate(network, start, steps, rest, clamp)[0]
