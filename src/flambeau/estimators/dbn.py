"""Deep belief networks behind scikit-learn's interface: what all of them do, and the one that knows no classes.

Rows are read, layers trained greedily, all of them tuned by wake-sleep, and samples drawn at the top.
"""

import abc
import dataclasses
import functools
import warnings
from collections.abc import Sequence
from dataclasses import KW_ONLY
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from flambeau.analysis import log_likelihood_bound
from flambeau.dynamics import Clamp
from flambeau.errors import ConfigurationError
from flambeau.estimators.base import Given, Rows
from flambeau.estimators.boltzmann import AbstractBoltzmann, samplers, unit_kinds
from flambeau.estimators.common import called, outputs, seed_of
from flambeau.estimators.density import DENSITY, AbstractDensity
from flambeau.estimators.descent import whole_sizes
from flambeau.estimators.options import Rate, learning_rates
from flambeau.estimators.parameters import flag, number, one_of, parameters, several, whole
from flambeau.foundation.random import seed_words
from flambeau.foundation.rows import by_rows
from flambeau.networks import DeepBeliefNetwork, RestrictedBoltzmannMachine, dbn, generate, rbm
from flambeau.neurons import AbstractUnit, Bernoulli, Categorical
from flambeau.neurons.units import biases_for
from flambeau.problems import Binarised, Examples
from flambeau.rules import AbstractRule, ContrastiveDivergence, Hybrid, UpDown
from flambeau.training import AbstractMonitor, Optimizer, Run, optimizer
from flambeau.training.stagewise import Stage, Staged, stagewise

# What both leave behind.
STAGED = ("n_features_in_", "feature_names_in_", "network_", "runs_", "history_", "n_iter_", "_base")
MOST = 10_000  # rows that the base rates at the top are counted on
TUNING = 100  # a stream of random numbers of its own
Deep = TypeVar("Deep", bound="AbstractDeepBelief")


@parameters
class AbstractDeepBelief(AbstractBoltzmann):
    """A stack of machines, trained one after the other; labels, if any, stand beside the last one's inputs.

    Rows are ``inputs`` and one-hot ``targets``, all 0 for a row without a label, no columns where there are no classes.
    """

    hidden_layer_sizes: int | Sequence[int] = several((500, 500, 2000), empty=False)
    _: KW_ONLY
    fine_tune: str | None = one_of(None, ("up_down",), also=(None,))
    visible: str | AbstractUnit = unit_kinds("bernoulli")
    algorithm: str = samplers("cd")
    k: int = whole(1, least=1)
    centered: bool = flag(True)
    l2: float = number(2e-4, least=0)
    batch_size: int = whole(20, least=1)
    epochs: int = whole(20, least=1)
    fine_tune_k: int | None = whole(None, least=1, also=(None,))
    fine_tune_epochs: int = whole(10, least=1)
    fine_tune_learning_rate: Rate = learning_rates(0.01)

    @abc.abstractmethod
    def _read(self, X: Any, y: Any, sample_weight: Any) -> Rows:
        """Checked rows, with one-hot labels or zeros where there are classes."""

    @abc.abstractmethod
    def _teach(self, rows: Rows, seed: int, staged: Staged) -> None:
        """Layer by layer, then all of them where that is asked for."""

    def fit(
        self: Deep,
        X: Any,
        y: Any = None,
        sample_weight: Any = None,
        *,
        monitors: Sequence[AbstractMonitor] = (),
        checkpoint: str | Path | None = None,
        resume: str | Path | None = None,
        time_limit: float | None = None,
    ) -> Deep:
        """Learn from X ``(n, features)``, and labels y ``(n,)``, some missing, where there are classes.

        Monitors watch the first layer. ``checkpoint``, a file renewed while the first layer is trained, with one beside
        it for every later stage (``file.stage2``, ...); ``resume``, such a file of an earlier fit with the same data
        and parameters; ``time_limit`` in seconds, for all stages. Ctrl-C keeps what was learned so far and warns;
        stages that come later then get one epoch each.
        """
        self._check_all()
        draft = self._draft(going_on=False)
        rows = draft._read(X, y, sample_weight)
        staged = Staged(bool(self.verbose), monitors, checkpoint, resume, time_limit)
        draft._teach(rows, seed_of(self.random_state), staged)
        self._commit(draft)
        if staged.interrupted:
            text = "ended early, by Ctrl-C or the time limit: what was learned so far is kept"
            warnings.warn(f"{type(self).__name__}: {text}", ConvergenceWarning, stacklevel=2)
        return self

    def _check_stack(self) -> None:
        """Refuse parameters that exclude each other."""
        self._check_showing()
        optimizer("sgd", self.fine_tune_learning_rate, l2=self.l2)
        sizes = whole_sizes(self.hidden_layer_sizes)
        if self.fine_tune == "up_down" and len(sizes) < 2:
            where, remedy = f"{type(self).__name__}.fine_tune", "give two sizes or more, or fine_tune=None"
            raise ConfigurationError(where, "two layers or more for 'up_down'", sizes, remedy)

    def _greedy(self, rows: Rows, seed: int, staged: Staged) -> list[Run]:
        """A machine on the data, the next on its codes, and so on: layer i + 1 fits the aggregated posterior of i."""
        sizes = whole_sizes(self.hidden_layer_sizes)
        stages = [functools.partial(self._machine, rows, place, size, seed) for place, size in enumerate(sizes)]
        runs = stagewise(rows.inputs, stages, called, staged)
        for run in runs:
            self._check_machine(run.network)
        return runs

    def _machine(
        self,
        rows: Rows,
        place: int,
        size: int,
        seed: int,
        codes: np.ndarray,
        runs: Sequence[Run],
    ) -> Stage:
        """One layer of the stack, the label beside its inputs where it is the last."""
        features, last = codes.shape[1], place == len(whole_sizes(self.hidden_layer_sizes)) - 1
        kind: AbstractUnit = Bernoulli() if place else self._unit(features)
        bias = biases_for(kind, rows.weights @ codes.astype(np.float64), rows.weights.sum())
        label = rows.targets.shape[1] if last else 0
        if label:
            shares = rows.weights @ rows.targets.astype(np.float64)
            bias = np.concatenate([bias, biases_for(Categorical(label), shares, shares.sum())])
            codes = np.hstack([codes, rows.targets.astype(codes.dtype)])
        key = jax.random.fold_in(jax.random.key(seed), place)
        fresh = rbm(features, size, kind, label=label, visible_bias=bias, centered=bool(self.centered), key=key)
        network = mirrored(runs[-1].network, fresh) if runs else fresh
        rule = ContrastiveDivergence(self._sampler(), bool(self.centered))
        given, sampled = Rows(codes, np.zeros((len(codes), 1), codes.dtype), rows.weights), 0 if place else features
        return self._stage(network, rule, given, self._optimizer(), self.epochs, key, sampled)

    def _up_down(
        self,
        rows: Rows,
        network: DeepBeliefNetwork,
        seed: int,
        staged: Staged,
        weight: Any = None,
        top_rate: Any = 1.0,
    ) -> Run:
        """All layers at once, by the contrastive form of wake-sleep; with a weight, the top's rule is hybrid."""
        chains = ContrastiveDivergence(self._sampler(self.fine_tune_k), bool(self.centered))
        rule = UpDown(chains if weight is None else Hybrid(chains, weight))
        targets = rows.targets if network.label else np.zeros((len(rows.inputs), 1), rows.inputs.dtype)
        factors = eqx.tree_at(lambda whole: whole.top, jax.tree.map(lambda _: 1.0, network), float(top_rate))
        tuned = optimizer("sgd", self.fine_tune_learning_rate, l2=self.l2, parts=None if top_rate == 1 else factors)
        key, given = jax.random.fold_in(jax.random.key(seed), TUNING), rows._replace(targets=targets)
        stage = self._stage(network, rule, given, tuned, self.fine_tune_epochs, key, rows.inputs.shape[1])
        run = staged.run(stage)
        self._check_machine(run.network.top)
        for place, pair in enumerate(run.network.lower):
            wirings = {"recognition": pair.recognition.weights, "generation": pair.generation.weights}
            self._check_sizes({f"layer {place + 1}, {name}": weights for name, weights in wirings.items()})
        return run

    def _stage(
        self,
        network: Any,
        rule: AbstractRule,
        rows: Rows,
        chosen: Optimizer,
        epochs: Any,
        key: Array,
        sampled: int = 0,
        **more: Any,
    ) -> Stage:
        """These rows in whole batches; the first ``sampled`` columns drawn anew at every step if that is asked."""
        size = min(int(self.batch_size), len(rows.inputs))
        examples = Examples.of(*rows[:3], shuffle=bool(self.shuffle), whole=size)
        problem = Binarised(examples, sampled) if sampled and self.binarize == "sample" else examples
        return Stage(network, rule, problem, chosen, int(epochs), size, key, **more)

    def _settle(self, network: DeepBeliefNetwork, rows: Rows, runs: Sequence[Run]) -> None:
        """What both remember: base rates at the top, where chains start, and one history of all stages."""
        codes = by_rows(DeepBeliefNetwork.encode, network, rows.inputs[:MOST]).astype(np.float64)
        weights = rows.weights[:MOST]
        base = biases_for(network.top.features, weights @ codes, weights.sum())
        self._base = np.concatenate([base, np.zeros(network.label, base.dtype)])
        loss = [run.history["loss"] for run in runs]
        stage = np.repeat(np.arange(len(runs)), [len(values) for values in loss])
        self.runs_, self.history_ = tuple(runs), {"loss": np.concatenate(loss), "stage": stage}
        self.n_iter_ = len(stage)

    @property
    def _n_features_out(self) -> int:
        return int(self._generative.top.hidden_bias.shape[0])

    def transform(self, X: Any) -> np.ndarray:
        """Means of the top layer ``(n, units)``, by an upward pass (without a label, where there are classes)."""
        check_is_fitted(self)
        return outputs(self._generative, self._visible(X))


def descended(given: tuple[Any, ...], rows: tuple[Array, Clamp | None], key: Array) -> Array:
    """Sampled at the top from its base rates, carried down; the number of steps is data."""
    (network, base, steps), (blank, clamp) = given, rows
    first, rest = jax.random.split(key)
    start = network.top.visible.sample(jnp.broadcast_to(base, (len(blank), *base.shape)), first)
    return generate(network, start, steps, rest, clamp)[0]


def mirrored(below: RestrictedBoltzmannMachine, fresh: RestrictedBoltzmannMachine) -> RestrictedBoltzmannMachine:
    """The machine below turned upside down, where the sizes allow it: it changes the stack's likelihood by nothing.

    From there on, what raises the new machine's likelihood raises the bound of the whole (Hinton, Osindero, Teh 2006).
    """
    sizes = below.hidden_bias.shape, below.visible_bias.shape
    binary = all(isinstance(kind, Bernoulli) for kind in (below.visible, fresh.visible))
    if not binary or sizes != (fresh.visible_bias.shape, fresh.hidden_bias.shape):
        return fresh
    structure = fresh.structure.with_weights(below.structure.weights.T)
    return dataclasses.replace(
        fresh, structure=structure, visible_bias=below.hidden_bias, hidden_bias=below.visible_bias
    )


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
    >>> X = (fb.problems.load("digits").data > 0.5).astype(float)
    >>> model = fb.DBN((16, 8), epochs=5, random_state=0).fit(X)
    >>> model.transform(X).shape, model.sample(3, 100).shape
    ((1797, 8), (3, 64))

    *Limits.* A layer more raises the likelihood only if it is wide enough and trained well; the bound says.
    Source: Hinton, Osindero, Teh 2006. Lecture: 深度信念网络.
    """

    fitted: ClassVar[tuple[str, ...]] = (*STAGED, *DENSITY)
    bounded: ClassVar[bool] = True

    def _check(self) -> None:
        self._check_stack()

    def _read(self, X: Any, y: Any, sample_weight: Any) -> Rows:
        rows = self._read_unlabelled(Given(X, None, sample_weight), fresh=True, targets=0)
        return self._in_order(rows)

    def _teach(self, rows: Rows, seed: int, staged: Staged) -> None:
        runs = self._greedy(rows, seed, staged)
        network = dbn([run.network for run in runs])
        if self.fine_tune == "up_down":
            runs.append(self._up_down(rows, network, seed, staged))
            network = runs[-1].network
        self._settle(network, rows, runs)
        self.network_, self._partition = network, None

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
        return self._drawn_by(descended, n_samples, n_steps, lambda count: None)

    def log_likelihood_bound(
        self, X: Any, log_partition: Any = None, *, samples: int = 1, repeats: int = 10
    ) -> np.ndarray:
        """An estimate per row, nats, of a lower bound of log P(v); the bound rises with ``samples`` towards log P(v).

        A single row's estimate scatters, above log P(v) too; what lies below it is the mean over ``repeats`` and rows.
        log Z of the top is computed once and kept; warns where it is not to be trusted.
        """
        check_is_fitted(self)
        return self._bound(self._as_asked(X), self._log_z(log_partition), samples, repeats)
