"""The deep Boltzmann machine behind scikit-learn's interface."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from flambeau.analysis import LikelihoodReport, LogPartition
from flambeau.dynamics import Clamp, gibbs
from flambeau.estimators.boltzmann import (
    bound_report,
    check_sampling,
    check_weights,
    clamp_of,
    forget_partition,
    fresh_bias,
    how_many,
    in_order,
    known_partition,
    partition_of,
    sampler_of,
    shown,
    trusted_value,
    visible_rows,
)
from flambeau.estimators.common import check_number, row_weights, seed_of
from flambeau.estimators.fitting import Job, Lesson, check_settings, learn, remember, whole_sizes
from flambeau.estimators.rbm import judged
from flambeau.foundation.random import seed_words
from flambeau.foundation.rows import by_rows, no_rows
from flambeau.networks.dbm import DeepBoltzmannMachine, dbm, mean_field_bound
from flambeau.neurons import AbstractUnit, unit
from flambeau.problems import Binarised, Examples
from flambeau.rules.deep_boltzmann import DeepBoltzmannLearning
from flambeau.training import Problem

__all__ = ["DBM"]

MOST = 10_000  # rows that base rates are counted on


class DBM(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    r"""A deep Boltzmann machine: layers wired both ways, trained together, a generative model of rows.

    energy = -h₁'W₁v - h₂'W₂h₁ - … - biases; learning climbs the mean-field bound of log P(v), the model's side sampled.

    Parameters
    ----------
    hidden_layer_sizes : units of each layer, bottom first, all of them Bernoulli.
    visible : kind of the visible units; ``n_categories`` as for :class:`~flambeau.RBM`.
    mean_field_steps : rounds of mean field, in learning, in ``transform`` and in the bound.
    algorithm, k, n_chains, n_temperatures, centered, binarize : as for :class:`~flambeau.RBM`; persistent chains by
        default. Centring is what makes joint training work without greedy pre-training.
    optimizer, learning_rate, l1, l2, weight_decay, max_norm, clip_norm : see :func:`flambeau.optimiser`.
    batch_size, epochs, shuffle, warm_start, random_state, verbose : as everywhere.
    early_stopping : stop when the gap of variational free energies to held-out rows (``validation_fraction``, or
        ``validation_data``) is wider, for ``patience`` epochs, than ``tolerance`` of its spread plus what chance allows
        (:func:`~flambeau.analysis.free_energy_excess`); ``history_`` holds the gap.

    Attributes
    ----------
    ``network_``, ``history_``, ``run_``, ``n_iter_``, ``n_features_in_``.

    Raises :class:`~flambeau.errors.ConfigurationError`, :class:`~flambeau.errors.DataError` (values outside the units'
    range), :class:`~flambeau.errors.DivergenceError`.

    >>> import flambeau as fb
    >>> X = (fb.problems.load("digits").data > 0.5).astype(float)
    >>> model = DBM((16, 8), epochs=40, random_state=0).fit(X)
    >>> model.transform(X).shape, model.sample(3, 100).shape
    ((1797, 24), (3, 64))
    >>> bool(model.log_likelihood_bound(X).mean() > -21)  # nats per row; independent pixels reach -24.5
    True

    *Limits.* The bound is loose where the posterior is far from factorial. Lower the rate (a schedule) when samples get
    stuck. Source: Salakhutdinov and Hinton 2009; Melchior, Fischer, Wiskott 2016, How to center deep Boltzmann
    machines. Lecture: 深度信念网络, whose undirected sibling this is.
    """

    def __init__(
        self,
        hidden_layer_sizes: Any = (500, 1000),
        visible: Any = "bernoulli",
        mean_field_steps: Any = 10,
        algorithm: Any = "pcd",
        k: Any = 5,
        centered: Any = True,
        *,
        n_chains: Any = 100,
        n_temperatures: Any = 10,
        n_categories: Any = None,
        binarize: Any = None,
        optimizer: Any = "momentum",
        learning_rate: Any = 0.02,
        l1: Any = 0.0,
        l2: Any = 0.0,
        weight_decay: Any = 0.0,
        max_norm: Any = None,
        clip_norm: Any = None,
        batch_size: Any = 100,
        epochs: Any = 10,
        early_stopping: Any = False,
        validation_fraction: Any = 0.1,
        tolerance: Any = 0.1,
        patience: Any = 5,
        shuffle: Any = True,
        warm_start: Any = False,
        random_state: Any = None,
        verbose: Any = False,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.visible = visible
        self.mean_field_steps = mean_field_steps
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
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.tolerance = tolerance
        self.patience = patience
        self.shuffle = shuffle
        self.warm_start = warm_start
        self.random_state = random_state
        self.verbose = verbose

    def fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, *, validation_data: Any = None, monitors: Any = ()
    ) -> "DBM":
        """Learn from X ``(n, features)``, dense or sparse; y is ignored.

        ``validation_data``, rows like X, gives the curve of the free-energy gap, and is what early stopping watches.
        """
        sizes = self._check()
        again = self.warm_start and hasattr(self, "run_")
        X = visible_rows(self, X, None, reset=True)
        return self._learn(X, sizes, sample_weight, validation_data, monitors, self.epochs, again=again)

    def partial_fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, *, validation_data: Any = None, monitors: Any = ()
    ) -> "DBM":
        """One more pass over these rows; chains and optimiser go on where they were."""
        sizes = self._check()
        again = hasattr(self, "run_")
        X = visible_rows(self, X, None, reset=not again)
        return self._learn(X, sizes, sample_weight, validation_data, monitors, 1, again=again, stream=True)

    def _check(self) -> tuple[int, ...]:
        check_settings(self)
        check_number(self, "mean_field_steps", 1, whole=True)
        check_sampling(self)
        return whole_sizes(self, "hidden_layer_sizes", empty=False)

    def _learn(
        self,
        X: np.ndarray,
        hidden: tuple[int, ...],
        sample_weight: Any,
        validation: Any,
        monitors: Sequence[Any],
        epochs: int,
        *,
        again: bool,
        stream: bool = False,
    ) -> "DBM":
        kind = unit(self.visible, columns=X.shape[1], categories=int(self.n_categories or 0))
        kind.check(X, "DBM, X")
        weights = row_weights(self, X, None, sample_weight)
        X = self._fixed(X)
        lesson = Lesson.of(X, np.zeros((len(X), 1), X.dtype), weights)
        if validation is not None:
            rows = self._fixed(visible_rows(self, validation, kind))
            lesson.held_out = rows, np.zeros((len(rows), 1), rows.dtype), np.ones(len(rows))
        lesson = in_order(lesson, int(self.batch_size), shuffle=bool(self.shuffle))
        bias, sizes = fresh_bias(kind, lesson.X, lesson.weights), (X.shape[1], *hidden)
        outline = *sizes, repr(jax.tree.map(np.shape, kind))
        job = Job(outline, lambda key: new_network(sizes, kind, bias, jax.random.key_data(key)), self._rule(), judged,
                  self._problem, classify=False, converges=False)  # fmt: skip
        run = learn(self, lesson, job, epochs, monitors, self.run_ if again else None, stream)
        check_weights(self, run.network.sides())
        self._base = odd_base(run.network, lesson)
        forget_partition(self)
        return remember(self, run, stream)

    def _rule(self) -> DeepBoltzmannLearning:
        return DeepBoltzmannLearning(sampler_of(self), int(self.mean_field_steps), bool(self.centered))

    def _problem(self, examples: Examples) -> Problem:
        return Binarised(examples) if self.binarize == "sample" else examples

    def _fixed(self, X: np.ndarray) -> np.ndarray:
        """Cut at ½ where that is asked for; drawing is left to every step."""
        return shown(X, "threshold", 0) if self.binarize == "threshold" else X

    @property
    def _n_features_out(self) -> int:
        return sum(self.network_.sizes[1:])

    def transform(self, X: Any) -> np.ndarray:
        """Mean-field means of *all* hidden layers side by side, h₁ first: ``(n, Σ hidden_layer_sizes)``."""
        check_is_fitted(self)
        given = self.network_, np.asarray(self.mean_field_steps, np.int32)
        return by_rows(settled, given, self._fixed(self._rows(X)))

    def free_energy(self, X: Any) -> np.ndarray:
        """The variational free energy per row, nats: log P(v) ≥ -F - log Z."""
        return -self.log_likelihood_bound(X, 0.0)

    def log_partition(self, method: str = "auto", **options: Any) -> LogPartition:
        """log Z: exactly where the odd or the even layers have up to 20 units ("auto"), or estimated ("ais").

        Annealing moves the odd layers; the even ones, v among them, are summed out. Options are those of
        :func:`flambeau.analysis.log_partition`.
        """
        check_is_fitted(self)
        return partition_of(self, self.network_.sides(1), method, options)

    def log_likelihood_bound(self, X: Any, log_partition: Any = None) -> np.ndarray:
        """A lower bound of log P(v) per row, nats: E_q[-energy] + H(q) - log Z, q from mean field.

        log Z is computed once and kept; warns where it is not to be trusted.
        """
        check_is_fitted(self)
        value = trusted_value(self, known_partition(self) if log_partition is None else log_partition)
        seed = 0 if self.random_state is None else seed_of(self.random_state)
        rows = shown(self._rows(X), self.binarize, seed)
        return mean_field_bound(self.network_, rows, value, rounds=int(self.mean_field_steps))

    def score_samples(self, X: Any) -> np.ndarray:
        """:meth:`log_likelihood_bound`."""
        return self.log_likelihood_bound(X)

    def likelihood_report(self, X: Any, log_partition: Any = None) -> LikelihoodReport:
        """The mean bound with its error, the protocol, and whether log Z can be trusted; print it."""
        check_is_fitted(self)
        return bound_report(self, X, log_partition)

    def sample(self, n_samples: Any = 1, n_steps: Any = 1000, clamp: Any = None) -> np.ndarray:
        """Rows of the model after ``n_steps`` of Gibbs sampling over all layers.

        ``clamp`` holds visible units at given values, NaN marking the free ones: in-painting, conditional generation.
        """
        check_is_fitted(self)
        n_samples, steps = how_many(self, n_samples, n_steps)
        held = clamp_of(self, clamp, self.network_.units[0], n_samples)
        given, key = (self.network_, self._base, steps), seed_words(seed_of(self.random_state))
        return by_rows(generate, given, (no_rows(n_samples), held), key=key)

    def _rows(self, X: Any) -> np.ndarray:
        return visible_rows(self, X, self.network_.units[0])

    def __sklearn_tags__(self) -> Any:
        """Sparse rows are welcome, targets are not needed."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.required = False
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


@eqx.filter_jit
def new_network(sizes: tuple[int, ...], kind: AbstractUnit, bias: Any, seed: Any) -> DeepBoltzmannMachine:
    """A fresh machine, drawn in one compiled call."""
    return dbm(sizes, kind, visible_bias=bias, key=jax.random.wrap_key_data(seed))


def settled(given: tuple[DeepBoltzmannMachine, Any], v: Any) -> Array:
    """Means of the hidden layers."""
    return given[0](v, given[1])


def odd_base(network: DeepBoltzmannMachine, lesson: Lesson) -> np.ndarray:
    """Biases at which unconnected odd layers show their mean activity on the data: what annealing starts from."""
    means = by_rows(odd_means, network, lesson.X[:MOST])
    return fresh_bias(network.sides(1).visible, means, lesson.weights[:MOST])


def odd_means(network: DeepBoltzmannMachine, v: Any) -> Array:
    """Mean-field means of h₁, h₃, …"""
    ends = np.cumsum(network.sizes[1:])[:-1]
    return jax.numpy.concatenate(jax.numpy.split(network(v), ends, axis=-1)[0::2], axis=-1)


def generate(given: tuple[Any, ...], rows: tuple[Any, Clamp | None], key: Array) -> Array:
    """From the odd layers' base rates down to v, then Gibbs sampling; v of the last step."""
    (network, base, steps), (blank, held) = given, rows
    odd, even, rest = jax.random.split(key, 3)
    sides, size = network.sides(), network.sizes[0]
    h = sides.hidden.sample(jax.numpy.broadcast_to(base, (len(blank), *base.shape)), odd)
    start = sides.visible.sample(sides.visible_net(h), even)
    clamp = None
    if held is not None:
        more = ((0, 0), (0, start.shape[-1] - size))
        clamp = Clamp(jax.numpy.pad(held.values, more), jax.numpy.pad(held.mask, more))
    return gibbs(sides, start, steps, rest, clamp)[:, :size]
