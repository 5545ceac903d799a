"""The Hopfield network behind scikit-learn's interface: patterns go in, corrupted ones come back whole."""

import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from flambeau.dynamics import Settled, Synchronous, at_rest, settle
from flambeau.errors import ConfigurationError, DataError, check_value
from flambeau.estimators.common import checked_data, row_weights, seed_of
from flambeau.estimators.memory import (
    RULES,
    bits_of,
    check_memory,
    energy_of,
    held_rows,
    remedy_for,
    start_of,
    stored,
    symmetric,
    update_of,
    warn_of_load,
    warn_of_rise,
)
from flambeau.foundation.rows import by_rows
from flambeau.networks import HopfieldNetwork, recoded
from flambeau.neurons import Bernoulli, Spin
from flambeau.problems import Examples
from flambeau.rules import Batch, Hebbian, Unlearning, taught
from flambeau.training import Run, optimiser, train

__all__ = ["Hopfield"]


class Hopfield(TransformerMixin, BaseEstimator):
    r"""An associative memory: stored patterns are minima of E(s) = -½ s'Ws + θ's, and recall slides down to one.

    Parameters
    ----------
    rule : "hebbian" (W = Σ x x' - K I), "covariance" (Hebb for sparse patterns of 0 and 1), "storkey", "pseudoinverse"
        (projection: any independent patterns, also correlated ones such as images), "perceptron" (Gardner: every bit
        stable, with ``margin`` to spare), "mpf" (minimum probability flow).
    states : "bipolar" (-1 and +1) or "binary" (0 and 1): all rules but "covariance" learn in -1 and +1, and for 0 and 1
        the same memory has 4 W and θ = 2 W 1.
    binarize : None takes patterns as they are and refuses other values; a number cuts there, bits are high above it.
    order : 1 or 2, of Storkey's rule.
    margin, symmetric, learning_rate, max_epochs : of "perceptron" (x_i h_i / ‖w_i‖ of at least ``margin``; at 0 above
        0, which buys no basin) and "mpf" (x_i h_i above 1 + ``margin``); "auto" is 1 for the perceptron, for the flow
        1 / λ_max(X'X / K).
    random_state, verbose : as in scikit-learn.

    Attributes
    ----------
    ``weights_`` ``(n, n)``, ``thresholds_``, ``patterns_`` ``(K, n)``, ``network_``, ``run_``, ``history_`` (``loss``
    and, for rules that repeat, ``mistakes``: patterns below the margin), ``n_iter_``, ``n_features_in_``.

    Raises :class:`~flambeau.errors.DataError` for other values than the two states, or with "pseudoinverse" as many
    independent patterns as neurons; warns of more than Hebb's rule or half the projection can hold, and of dependent
    ones.

    >>> import flambeau as fb
    >>> memory = fb.Hopfield().fit([[1, -1, -1, 1], [-1, 1, -1, 1]])  # the lecture's patterns
    >>> memory.weights_.astype(int).tolist()
    [[0, -2, 0, 0], [-2, 0, 0, 0], [0, 0, 0, -2], [0, 0, -2, 0]]
    >>> memory.recall([[1, 1, -1, 1]]).astype(int).tolist(), memory.energy([[1, 1, -1, 1], [-1, 1, -1, 1]]).tolist()
    ([[-1, 1, -1, 1]], [0.0, -4.0])

    *Limits.* Hebb's rule holds about 0.138 n random patterns; negatives and mixtures of memories are minima too. All
    pairs are connected: n = 10,000 takes 400 MB. Source: Hopfield 1982. Lecture: Hopfield Network, 联想记忆.
    """

    _unlearned = False  # also of a memory saved before there was such a mark

    def __init__(
        self,
        rule: Any = "hebbian",
        *,
        states: Any = "bipolar",
        binarize: Any = None,
        order: Any = 1,
        margin: Any = 0.0,
        symmetric: Any = True,
        learning_rate: Any = "auto",
        max_epochs: Any = 1000,
        random_state: Any = None,
        verbose: Any = False,
    ) -> None:
        self.rule = rule
        self.states = states
        self.binarize = binarize
        self.order = order
        self.margin = margin
        self.symmetric = symmetric
        self.learning_rate = learning_rate
        self.max_epochs = max_epochs
        self.random_state = random_state
        self.verbose = verbose

    @classmethod
    def from_weights(cls, weights: Any, thresholds: Any = None, *, states: str = "bipolar") -> "Hopfield":
        """A fitted memory from weights given by hand, with no patterns.

        >>> Hopfield.from_weights([[0, -2], [-2, 0]]).recall([[1, 1]]).astype(int).tolist()
        [[-1, 1]]
        """
        weights = np.asarray(weights, np.float64)
        units = weights.shape[0] if weights.ndim == 2 else 0
        if not units or weights.shape != (units, units):
            remedy = "give one row and one column per neuron"
            raise DataError("Hopfield.from_weights, weights", "a square matrix", f"shape {weights.shape}", remedy)
        theta = np.zeros(units) if thresholds is None else np.asarray(thresholds, np.float64)
        if theta.shape != (units,):
            expected, got = f"{units} finite numbers", f"shape {theta.shape}"
            raise DataError("Hopfield.from_weights, thresholds", expected, got, "give one per neuron")
        for name, values in (("weights", weights), ("thresholds", theta)):
            if not np.isfinite(values).all():
                got, remedy = f"{(~np.isfinite(values)).sum()} NaN or infinite", "replace them, by 0 for no connection"
                raise DataError(f"Hopfield.from_weights, {name}", "finite numbers", got, remedy)
        model = cls(states=states)
        check_memory(model)
        unit = Spin() if states == "bipolar" else Bernoulli()
        model.network_ = HopfieldNetwork(jnp.asarray(weights, float), jnp.asarray(theta, float), unit)
        model._symmetric, model._weights = symmetric(model.network_), np.zeros(0)
        model.patterns_, model.n_features_in_ = np.zeros((0, units)), units
        return model

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "Hopfield":
        """Store the rows of X ``(K, n)``; y is not used.

        A weight of 2 is the pattern stored twice; with "storkey", for which the second time is not like the first, it
        is twice the change instead, and "pseudoinverse" asks only which weights are 0.
        """
        check_memory(self)
        X = bits_of(self, checked_data(self, X, reset=True))
        weights = row_weights(self, X, None, sample_weight)
        return self._store(X[weights > 0], weights[weights > 0], fresh=True)

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "Hopfield":
        """Store more rows besides what is stored: what one ``fit`` of all would (for "storkey" in that order).

        "covariance" keeps the activity of the rows that it was fitted with; rules that repeat ("perceptron", "mpf") go
        on from the present weights with all patterns.
        """
        if not hasattr(self, "network_"):
            return self.fit(X, y, sample_weight)
        check_memory(self)
        X = bits_of(self, checked_data(self, X))
        weights = row_weights(self, X, None, sample_weight)
        return self._store(X[weights > 0], weights[weights > 0], fresh=False)

    def add(self, pattern: Any) -> "Hopfield":
        """Store one more pattern ``(n,)``."""
        return self.partial_fit(np.asarray(pattern)[None])

    def remove(self, pattern: Any) -> "Hopfield":
        """Forget one stored pattern ``(n,)``: by exact subtraction with "hebbian", else by storing all others anew."""
        check_is_fitted(self)
        check_awake(self)
        x = bits_of(self, checked_data(self, np.asarray(pattern)[None]))
        places = np.flatnonzero((self.patterns_ == x).all(1))
        if not len(places):
            remedy = "give one of patterns_"
            raise DataError("Hopfield.remove, pattern", f"one of the {len(self.patterns_)} stored", "another", remedy)
        weight, rest = self._weights[places[0]], np.arange(len(self.patterns_)) != places[0]
        others, weights = self.patterns_[rest], self._weights[rest]
        if self.rule == "hebbian":
            network, row = start_of(self, self.network_), jnp.asarray(start_values(self, x), float)
            return self._keep(taught(network, Hebbian(), Batch(row, row, -jnp.full(1, weight))), others, weights)
        if not len(others):
            raise DataError("Hopfield.remove", "a pattern that stays", "the last one", "fit anew")
        return self._store(others, weights, fresh=True)

    def _store(self, X: np.ndarray, weights: np.ndarray, *, fresh: bool) -> "Hopfield":
        """Learn by the rule, from nothing or from what there is."""
        if fresh:
            self._unlearned = False
        check_awake(self)
        known = (X[:0], weights[:0]) if fresh else (self.patterns_, self._weights)
        every = np.concatenate([known[0], X]), np.concatenate([known[1], weights])
        warn_of_load(self, start_values(self, every[0]))
        repeats = RULES[self.rule].repeats
        rows, counts = every if repeats else (X, weights)
        self._ran(stored(self, start_values(self, rows), counts, fresh=fresh))
        self.n_iter_ = self.run_.rounds
        if repeats and self.history_["mistakes"][-1] > 0:
            text = f"Hopfield: {int(self.history_['mistakes'][-1])} patterns are below the margin after {self.n_iter_} "
            remedy = "epochs; raise max_epochs, lower the margin, or store fewer patterns"
            warnings.warn(text + remedy, ConvergenceWarning, stacklevel=3)
        return self._keep(self.run_.network, *every)

    def _ran(self, run: Run) -> None:
        """The last run and its curves."""
        self.run_ = run
        self.history_ = {name: np.asarray(values) for name, values in run.history.items()}

    def _keep(self, network: HopfieldNetwork, patterns: np.ndarray, weights: np.ndarray) -> "Hopfield":
        """Fitted attributes; the network in the coding asked for."""
        native = self.rule == "covariance"
        self.network_ = network if self.states == "bipolar" or native else recoded(network)
        self.patterns_, self._weights, self._symmetric = patterns, weights, symmetric(self.network_)
        return self

    @property
    def weights_(self) -> np.ndarray:
        """W ``(n, n)``: row i holds what neuron i receives."""
        check_is_fitted(self)
        return np.asarray(self.network_.structure.matrix)

    @property
    def thresholds_(self) -> np.ndarray:
        """θ ``(n,)``."""
        check_is_fitted(self)
        return np.asarray(self.network_.threshold)

    def settle(
        self,
        X: Any,
        update: Any = "asynchronous",
        *,
        max_sweeps: int = 100,
        held: Any = None,
        trace: bool = False,
        random_state: Any = None,
    ) -> Settled:
        """Run every row of X until it rests or swings: states, which are fixed, which cycle, sweeps, energies.

        ``update``: "asynchronous" (one neuron after the other), "random" (in a new order every sweep), "replacement",
        "greedy" (steepest first), "synchronous" (all at once), "block" (halves), or an object of
        :mod:`flambeau.dynamics`, for instance ``Glauber(0.5)``. ``held`` marks neurons that keep their values,
        ``(n,)`` or one row each. ``trace`` records the energy after every sweep, and ``rise`` then says by how much it
        ever rose; where it must not (symmetric weights, one neuron at a time), a rise is warned of.
        """
        check_is_fitted(self)
        X = bits_of(self, checked_data(self, X))
        check_value("Hopfield.recall, max_sweeps", max_sweeps, 1, whole=True)
        rule = update_of(update)
        if not isinstance(rule, Synchronous) and not self._symmetric:
            warnings.warn(
                "Hopfield: the weights are not symmetric, so the energy may rise and recall may never end; use "
                "(W + W.T) / 2 for a memory",
                UserWarning,
                stacklevel=3,
            )
        found = settle(
            self.network_,
            jnp.asarray(X),
            rule,
            key=jax.random.key(seed_of(self.random_state if random_state is None else random_state)),
            max_sweeps=max_sweeps,
            held=held_rows(held, X),
            trace=int(max_sweeps) if trace else None,
        )
        if trace:
            warn_of_rise(self, rule, found)
        return jax.tree.map(np.asarray, found)

    def recall(self, X: Any, update: Any = "asynchronous", **settings: Any) -> np.ndarray:
        """The states ``(rows, n)`` in which the rows of X come to rest; settings as in :meth:`settle`.

        Warns of rows that swing between two states or had not come to rest, except at a temperature, where nothing
        rests. ``settle(X, trace=True).rise`` tells whether the energy ever rose.
        """
        rule, found = update_of(update), self.settle(X, update, **settings)
        moving = ~(found.fixed | found.cycle) & (rule.proof != "none")
        for name, rows in (("swing between two states", found.cycle), ("have not come to rest", moving)):
            if rows.any():
                remedy = remedy_for(self, rule, swings=rows is found.cycle)
                warnings.warn(f"Hopfield: {rows.sum()} of {len(rows)} rows {name}; {remedy}", stacklevel=2)
        return np.asarray(found.states)

    def predict(self, X: Any) -> np.ndarray:
        """Recall."""
        return self.recall(X)

    def transform(self, X: Any) -> np.ndarray:
        """Recall, as a step of a pipeline: rows cleaned of noise."""
        return self.recall(X)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """The input's names: recall changes values, not columns."""
        check_is_fitted(self)
        names = getattr(self, "feature_names_in_", input_features)
        return np.asarray([f"x{i}" for i in range(self.n_features_in_)] if names is None else names, dtype=object)

    def __sklearn_tags__(self) -> Any:
        """Targets are not needed; states come back in the float type in force."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def energy(self, X: Any) -> np.ndarray:
        """E ``(rows,)``."""
        check_is_fitted(self)
        return by_rows(energy_of, self.network_, bits_of(self, checked_data(self, X)))

    def is_stable(self, X: Any) -> np.ndarray:
        """Whether no neuron of a row would change ``(rows,)``."""
        check_is_fitted(self)
        return by_rows(at_rest, self.network_, bits_of(self, checked_data(self, X)))

    def unlearn(self, dreams: Any = 100, rate: Any = 0.01, *, refresh: Any = 0.0) -> "Hopfield":
        """Let the network dream: settle random states and weaken them, ``dreams`` times (see :class:`Unlearning`).

        ``rate``, 0 to 1, is what a dream loses of what Hebb's rule would have given it; ``refresh`` strengthens a
        random memory at each dream (1: "daydreaming"). ``run_`` and ``history_`` are those of the dreams. Only with
        "hebbian" may patterns be added or removed afterwards: other rules would learn again what was unlearned.
        """
        check_is_fitted(self)
        check_value("Hopfield.unlearn, dreams", dreams, 1, whole=True)
        check_value("Hopfield.unlearn, rate", rate, 0, 1)
        check_value("Hopfield.unlearn, refresh", refresh, 0)
        if self.rule == "covariance":
            expected, remedy = "a rule for patterns of -1 and +1", "fit with another rule"
            raise ConfigurationError("Hopfield.unlearn, rule", expected, "covariance", remedy)
        if not len(self.patterns_):
            expected, remedy = "at least one stored pattern, which sets the scale", "fit or add patterns first"
            raise ConfigurationError("Hopfield.unlearn", expected, "none", remedy)
        network, rows = start_of(self, self.network_), start_values(self, self.patterns_)
        scale = float(np.abs(np.asarray(network.structure.weights)).sum() / max(hebbian_size(rows), 1e-30))
        run = train(
            network,
            Unlearning(refresh=float(refresh)),
            Examples.of(rows, np.zeros(len(rows)), shuffle=True),
            optimizer=optimiser("sgd", float(rate) * scale * rows.shape[1]),
            steps=int(dreams),
            batch_size=1,
            key=seed_of(self.random_state),
            verbose=self.verbose,
        )
        self._ran(run)
        self._unlearned = True
        return self._keep(run.network, self.patterns_, self._weights)


def check_awake(model: Any) -> None:
    """Refuse to store anew what was unlearned: only Hebb's sum changes by what is added or removed, and no more."""
    if model._unlearned and model.rule != "hebbian":
        expected, remedy = "a memory that was not unlearned, or rule='hebbian'", "fit all patterns anew, then unlearn"
        raise ConfigurationError("Hopfield, adding or removing patterns", expected, f"rule={model.rule!r}", remedy)


def hebbian_size(rows: np.ndarray) -> float:
    """The sum of |w_ij| that Hebb's rule would have given, so that ε means the same for all rules."""
    weights = rows.T @ rows
    np.fill_diagonal(weights, 0)
    return float(np.abs(weights).sum())


def start_values(model: Any, X: np.ndarray) -> np.ndarray:
    """Patterns in the coding in which the rule learns."""
    return X if model.states == "bipolar" or model.rule == "covariance" else 2 * X - 1
