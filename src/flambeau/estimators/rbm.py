"""The restricted Boltzmann machine behind scikit-learn's interface."""

from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array
from sklearn.base import BaseEstimator, ClassNamePrefixFeaturesOutMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from flambeau.analysis import (
    HeldOut,
    LikelihoodReport,
    LogPartition,
    free_energy_excess,
    likelihood_report,
    pseudo_log_likelihood,
)
from flambeau.dynamics import gibbs
from flambeau.errors import ConfigurationError, DataError
from flambeau.estimators.boltzmann import (
    PROTOCOLS,
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
from flambeau.estimators.common import check_number, outputs, row_weights, seed_of
from flambeau.estimators.fitting import Job, Lesson, check_settings, learn, remember
from flambeau.foundation.precision import dtype
from flambeau.foundation.random import seed_words
from flambeau.foundation.rows import by_rows, no_rows
from flambeau.monitors import FreeEnergyGap
from flambeau.networks import RestrictedBoltzmannMachine, rbm
from flambeau.neurons import AbstractUnit, unit
from flambeau.problems import AbstractProblem, Binarised, Examples
from flambeau.rules import Batch, ContrastiveDivergence
from flambeau.training import AbstractKeeper, AbstractStopping, Best, Beyond, Last, RunAll

__all__ = ["RBM"]


class RBM(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator):
    r"""A restricted Boltzmann machine: a generative model of rows, and features of them.

    energy(v, h) = -h'Wv - b'v - c'h; learning follows the gradient of the log-likelihood with a sampled second term.

    Parameters
    ----------
    n_components : hidden units.
    visible, hidden : "bernoulli", "spin", "softmax", "gaussian", "relu", "noisy_relu", or units of
        :mod:`flambeau.neurons`; ``n_categories`` columns make one softmax unit; ``learn_variance`` lets Gaussian
        visible units learn theirs.
    algorithm : "cd" (k steps from the data), "pcd" (chains that persist), "tempering" (persistent chains at
        ``n_temperatures``), "exact" (all states, small machines); ``k`` steps; ``n_chains``, None for ``batch_size``.
    centered : measure activities from moving averages; learning then does not depend on the data's coding.
    binarize : None takes values from 0 to 1 as probabilities, "sample" draws 0 or 1 anew at every step, "threshold"
        cuts at ½. Likelihoods are those of rows treated so, and every report says which.
    optimizer, learning_rate, l1, l2, weight_decay, max_norm, clip_norm : see :func:`flambeau.optimiser`; penalties
        touch weights only.
    sparsity_target, sparsity_cost : draw every hidden unit's mean activity towards the target.
    batch_size, epochs, shuffle, warm_start, random_state, verbose : as everywhere.
    early_stopping : stop when the free-energy gap to held-out rows (``validation_fraction``, or ``validation_data``) is
        wider, for ``patience`` epochs, than ``tolerance`` of its spread plus what chance allows
        (:func:`~flambeau.analysis.free_energy_excess`); ``history_`` holds the gap.

    Attributes
    ----------
    ``components_`` ``(n_components, n_features)``, ``intercept_hidden_``, ``intercept_visible_``, ``network_``,
    ``history_``, ``run_``, ``n_iter_``, ``n_features_in_``.

    Raises :class:`~flambeau.errors.ConfigurationError`, :class:`~flambeau.errors.DataError` (values outside the units'
    range), :class:`~flambeau.errors.DivergenceError`.

    >>> import flambeau as fb
    >>> X = (fb.problems.load("digits").data > 0.5).astype(float)
    >>> model = fb.RBM(16, algorithm="pcd", epochs=20, random_state=0).fit(X)
    >>> model.transform(X).shape, model.sample(3, 100).shape
    ((1797, 16), (3, 64))
    >>> bool(model.log_likelihood(X).mean() > -22)  # nats per row; independent pixels reach -25
    True

    *Limits.* Gaussian visible units want standardised data and rates 10 to 100 times smaller. Whether samples are good
    is a question of mixing: see :mod:`flambeau.analysis.mixing`. Source: Hinton 2002; Tieleman 2008; Hinton 2010.
    Lecture: 深度信念网络.
    """

    def __init__(
        self,
        n_components: Any = 256,
        visible: Any = "bernoulli",
        hidden: Any = "bernoulli",
        algorithm: Any = "cd",
        k: Any = 1,
        centered: Any = True,
        *,
        n_chains: Any = None,
        n_temperatures: Any = 10,
        n_categories: Any = None,
        learn_variance: Any = False,
        binarize: Any = None,
        optimizer: Any = "momentum",
        learning_rate: Any = 0.05,
        l1: Any = 0.0,
        l2: Any = 0.0,
        weight_decay: Any = 0.0,
        max_norm: Any = None,
        clip_norm: Any = None,
        sparsity_target: Any = 0.1,
        sparsity_cost: Any = 0.0,
        batch_size: Any = 100,
        epochs: Any = 20,
        early_stopping: Any = False,
        validation_fraction: Any = 0.1,
        tolerance: Any = 0.1,
        patience: Any = 5,
        shuffle: Any = True,
        warm_start: Any = False,
        random_state: Any = None,
        verbose: Any = False,
    ) -> None:
        self.n_components = n_components
        self.visible = visible
        self.hidden = hidden
        self.algorithm = algorithm
        self.k = k
        self.centered = centered
        self.n_chains = n_chains
        self.n_temperatures = n_temperatures
        self.n_categories = n_categories
        self.learn_variance = learn_variance
        self.binarize = binarize
        self.optimizer = optimizer
        self.learning_rate = learning_rate
        self.l1 = l1
        self.l2 = l2
        self.weight_decay = weight_decay
        self.max_norm = max_norm
        self.clip_norm = clip_norm
        self.sparsity_target = sparsity_target
        self.sparsity_cost = sparsity_cost
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
    ) -> "RBM":
        """Learn from X ``(n, features)``, dense or sparse; y is ignored.

        ``validation_data``, rows like X, gives the curve of the free-energy gap, and is what early stopping watches.
        """
        self._check()
        again = self.warm_start and hasattr(self, "run_")
        X = visible_rows(self, X, None, reset=True)
        return self._learn(X, sample_weight, validation_data, monitors, self.epochs, again=again)

    def partial_fit(
        self, X: Any, y: Any = None, sample_weight: Any = None, *, validation_data: Any = None, monitors: Any = ()
    ) -> "RBM":
        """One more pass over these rows, any number of them; chains and optimiser go on where they were."""
        self._check()
        again = hasattr(self, "run_")
        X = visible_rows(self, X, None, reset=not again)
        return self._learn(X, sample_weight, validation_data, monitors, 1, again=again, stream=True)

    def _check(self) -> None:
        check_settings(self)
        check_number(self, "n_components", 1, whole=True)
        check_number(self, "sparsity_target", 0)
        check_number(self, "sparsity_cost", 0)
        if self.learn_variance and self.visible != "gaussian":
            got = f"visible={self.visible!r}"
            raise ConfigurationError("RBM.learn_variance", "visible='gaussian'", got, "set learn_variance=False")
        check_sampling(self)

    def _unit(self, side: str, columns: int) -> AbstractUnit:
        categories, learned = int(self.n_categories or 0), bool(self.learn_variance) and side == "visible"
        return unit(getattr(self, side), columns=columns, categories=categories, learn_variance=learned)

    def _learn(
        self,
        X: np.ndarray,
        sample_weight: Any,
        validation: Any,
        monitors: Sequence[Any],
        epochs: int,
        *,
        again: bool,
        stream: bool = False,
    ) -> "RBM":
        visible, hidden = self._unit("visible", X.shape[1]), self._unit("hidden", int(self.n_components))
        visible.check(X, "RBM, X")
        weights = row_weights(self, X, None, sample_weight)
        X = self._fixed(X)
        lesson = Lesson.of(X, np.zeros((len(X), 1), X.dtype), weights)
        if validation is not None:
            rows = self._fixed(visible_rows(self, validation, visible))
            lesson.held_out = rows, np.zeros((len(rows), 1), rows.dtype), np.ones(len(rows))
        lesson = in_order(lesson, int(self.batch_size), shuffle=bool(self.shuffle))
        self._base = fresh_bias(visible, lesson.X, lesson.weights)
        sizes = X.shape[1], int(self.n_components)
        kinds = repr(jax.tree.map(np.shape, (visible, hidden)))
        job = Job((*sizes, kinds), lambda key: self._draw(sizes, visible, hidden, key), self._rule(), judged,
                  self._problem, classify=False, converges=False)  # fmt: skip
        run = learn(self, lesson, job, epochs, monitors, self.run_ if again else None, stream)
        check_weights(self, run.network)
        self._calls = 0
        forget_partition(self)
        return remember(self, run, stream)

    def _fixed(self, X: np.ndarray) -> np.ndarray:
        """Cut at ½ where that is asked for; drawing is left to every step."""
        return shown(X, "threshold", 0) if self.binarize == "threshold" else X

    def _draw(self, sizes: tuple[int, int], visible: Any, hidden: Any, key: Array) -> RestrictedBoltzmannMachine:
        return new_machine(sizes, visible, hidden, self._base, bool(self.centered), jax.random.key_data(key))

    def _rule(self) -> ContrastiveDivergence:
        return ContrastiveDivergence(
            sampler_of(self),
            bool(self.centered),
            sparsity_target=float(self.sparsity_target),
            sparsity_cost=float(self.sparsity_cost),
        )

    def _problem(self, examples: Examples) -> AbstractProblem:
        return Binarised(examples) if self.binarize == "sample" else examples

    @property
    def components_(self) -> np.ndarray:
        """The weights W, ``(n_components, n_features)``: each row is one hidden unit's receptive field."""
        return np.asarray(self.network_.structure.weights).T

    @property
    def intercept_hidden_(self) -> np.ndarray:
        """The hidden biases c."""
        return np.asarray(self.network_.hidden_bias)

    @property
    def intercept_visible_(self) -> np.ndarray:
        """The visible biases b."""
        return np.asarray(self.network_.visible_bias)

    @property
    def _n_features_out(self) -> int:
        return int(self.network_.hidden_bias.shape[0])

    def transform(self, X: Any) -> np.ndarray:
        """E[h | v] ``(n, n_components)``; for Bernoulli units P(h = 1 | v)."""
        check_is_fitted(self)
        return outputs(self.network_, self._fixed(self._rows(X)))

    def inverse_transform(self, H: Any) -> np.ndarray:
        """E[v | h] ``(n, n_features)`` of hidden values."""
        check_is_fitted(self)
        H = np.asarray(H, self.network_.hidden_bias.dtype)
        if H.ndim != 2 or H.shape[1] != self._n_features_out:
            expected = f"shape (n, {self._n_features_out})"
            raise DataError("RBM.inverse_transform", expected, H.shape, "give what transform returned")
        return by_rows(reconstruct, self.network_, H)

    def free_energy(self, X: Any) -> np.ndarray:
        """F(v) per row, nats, of the rows as ``binarize`` shows them: log P(v) = -F(v) - log Z."""
        check_is_fitted(self)
        return by_rows(free_energy, self.network_, self._shown(X))

    def score_samples(self, X: Any) -> np.ndarray:
        """The exact pseudo-log-likelihood per row, nats: Σ_i log P(v_i | all the others). Deterministic."""
        check_is_fitted(self)
        return np.asarray(pseudo_log_likelihood(self.network_, self._shown(X)))

    def score(self, X: Any, y: Any = None) -> float:
        """The mean of :meth:`score_samples`: what a grid search maximises."""
        return float(self.score_samples(X).mean())

    def log_partition(self, method: str = "auto", **options: Any) -> LogPartition:
        """log Z: exactly by listing the smaller side's states (up to 20 units under "auto"), or estimated ("ais").

        Options are those of :func:`flambeau.analysis.log_partition`: chains, temperatures, reverse_start, base.
        """
        check_is_fitted(self)
        return partition_of(self, self.network_, method, options)

    def log_likelihood(self, X: Any, log_partition: Any = None) -> np.ndarray:
        """log P(v) per row, nats; give ``log_partition`` (or its number), or it is computed once and kept.

        Warns where log Z is not to be trusted.
        """
        check_is_fitted(self)
        value = trusted_value(self, known_partition(self) if log_partition is None else log_partition)
        return -np.asarray(by_rows(free_energy, self.network_, self._shown(X)), np.float64) - value

    def likelihood_report(self, X: Any, log_partition: Any = None) -> LikelihoodReport:
        """Mean log-likelihood with its error, the protocol, and whether log Z can be trusted; print it."""
        check_is_fitted(self)
        given = known_partition(self) if log_partition is None else log_partition
        return likelihood_report(self.network_, self._shown(X), given, protocol=PROTOCOLS[self.binarize])

    def gibbs(self, V: Any, n_steps: Any = 1, random_state: Any = None) -> np.ndarray:
        """The visible states after ``n_steps`` steps of the chain from each row of V.

        Every call goes on with new random numbers, so that calls in a loop are a chain; ``random_state`` fixes them.
        """
        check_is_fitted(self)
        rows, calls = self._fixed(self._rows(V)), None
        seed = seed_of(self.random_state if random_state is None else random_state)
        if random_state is None:
            calls, self._calls = np.asarray(self._calls, np.uint32), self._calls + 1
        given = self.network_, how_many(self, 1, n_steps)[1], calls
        return by_rows(walk, given, rows, key=seed_words(seed))

    def sample(self, n_samples: Any = 1, n_steps: Any = 1000, clamp: Any = None) -> np.ndarray:
        """Rows of the model after ``n_steps`` of Gibbs sampling from independent starts.

        ``clamp`` holds visible units at given values, NaN marking the free ones: in-painting, conditional generation.
        """
        check_is_fitted(self)
        n_samples, steps = how_many(self, n_samples, n_steps)
        held = clamp_of(self, clamp, self.network_.visible, n_samples)
        given, key = (self.network_, self._base, steps), seed_words(seed_of(self.random_state))
        return by_rows(sampled, given, (no_rows(n_samples), held), key=key)

    def _rows(self, X: Any) -> np.ndarray:
        return visible_rows(self, X, self.network_.visible)

    def _shown(self, X: Any) -> np.ndarray:
        seed = 0 if self.random_state is None else seed_of(self.random_state)
        return shown(self._rows(X), self.binarize, seed)

    def __sklearn_tags__(self) -> Any:
        """Sparse rows are welcome, targets are not needed."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        tags.target_tags.required = False
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags


def judged(
    model: Any, examples: Examples, held_out: Batch | None, stream: bool
) -> tuple[AbstractStopping, AbstractKeeper, tuple[Any, ...]]:
    """Early stopping watches the free-energy gap; held-out rows without it only give the curve.

    As many training rows as held-out ones, drawn: the first ones may all be of one class.
    """
    if held_out is None:
        return RunAll(), Last(), ()
    count = int(examples.count)
    chosen = np.sort(np.random.default_rng(0).permutation(count)[: len(held_out.inputs)])
    rows, own = examples.inputs[chosen], examples.weights
    weights = (None if own is None else own[chosen], held_out.weights)
    if model.early_stopping:
        data = HeldOut(rows, held_out.inputs, *weights, np.asarray(model.tolerance, dtype()))
        return Beyond(free_energy_excess, data, model.patience), Best(newest=True), ()
    return RunAll(), Last(), (FreeEnergyGap(rows, held_out.inputs, *weights),)


@eqx.filter_jit
def new_machine(
    sizes: tuple, visible: Any, hidden: Any, bias: Any, centered: bool, seed: Any, label: int = 0
) -> RestrictedBoltzmannMachine:
    """A fresh machine, drawn in one compiled call."""
    key = jax.random.wrap_key_data(seed)
    return rbm(sizes[0], sizes[1], visible, hidden, visible_bias=bias, centered=centered, label=label, key=key)


def walk(given: tuple[Any, ...], rows: Any, key: Array) -> Array:
    """Gibbs sampling from these rows; ``given`` are the network, the number of steps and that of the call, if any."""
    network, steps, call = given
    return gibbs(network, rows, steps, key if call is None else jax.random.fold_in(key, call))


def sampled(given: tuple[Any, ...], rows: tuple[Any, Any], key: Array) -> Array:
    """Gibbs sampling from independent starts; ``given`` are the network, their biases and the number of steps."""
    (network, bias, steps), (blank, clamp) = given, rows
    first, rest = jax.random.split(key)
    start = network.visible.sample(jax.numpy.broadcast_to(bias, (len(blank), *bias.shape)), first)
    return gibbs(network, start, steps, rest, clamp)


def reconstruct(network: RestrictedBoltzmannMachine, h: Any) -> Any:
    """E[v | h]."""
    return network.reconstruct(h)


def free_energy(network: RestrictedBoltzmannMachine, v: Any) -> Any:
    """F(v)."""
    return network.free_energy(v)
