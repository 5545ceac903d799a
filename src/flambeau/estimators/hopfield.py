"""The Hopfield network behind scikit-learn's interface: patterns go in, corrupted ones come back whole."""

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from sklearn.base import OneToOneFeatureMixin, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from flambeau.dynamics import AbstractUpdate, Asynchronous, BlockSequential, Greedy, Settled, Synchronous, settle
from flambeau.dynamics.asynchronous import chosen
from flambeau.errors import ConfigurationError, DataError, check_value, named
from flambeau.estimators.common import row_weights, seed_of
from flambeau.estimators.memory import AbstractAttractor, Patterns, warn
from flambeau.estimators.memory_rules import CODINGS, RULES, advice_for, check_awake, dreamt, stored, subtracted
from flambeau.estimators.parameters import check_parameters, flag, number, one_of, parameters, whole
from flambeau.foundation.rows import by_rows, rows_in_parts
from flambeau.networks import HopfieldNetwork
from flambeau.neurons import Bernoulli, Spin
from flambeau.neurons.levels import check_levels

UPDATES: Mapping[str, AbstractUpdate] = {
    "asynchronous": Asynchronous(),
    "random": Asynchronous("random"),
    "replacement": Asynchronous("replacement"),
    "greedy": Greedy(),
    "synchronous": Synchronous(),
    "block": BlockSequential(2),
}


@parameters
class Hopfield(OneToOneFeatureMixin, TransformerMixin, AbstractAttractor):
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
    ``weights_`` ``(n, n)``, row i for what neuron i receives, ``thresholds_``, ``patterns_`` ``(K, n)``, ``network_``,
    ``history_`` (``loss``, after storing the share of bits that would flip; for rules that repeat, epoch by epoch, and
    ``mistakes``: patterns below the margin), ``n_iter_``, ``n_features_in_``.

    Images ``(n, height, width[, channels])`` are taken as rows. Raises :class:`~flambeau.errors.DataError` for other
    values than the two states, or with "pseudoinverse" as many independent patterns as neurons; warns of patterns that
    are no fixed points, of more than half the projection can hold, and of dependent ones.

    >>> import flambeau as fb
    >>> memory = fb.Hopfield().fit([[1, -1, -1, 1], [-1, 1, -1, 1]])  # the lecture's patterns
    >>> memory.weights_.astype(int).tolist()
    [[0, -2, 0, 0], [-2, 0, 0, 0], [0, 0, 0, -2], [0, 0, -2, 0]]
    >>> memory.recall([[1, 1, -1, 1]]).astype(int).tolist(), memory.energy([[1, 1, -1, 1], [-1, 1, -1, 1]]).tolist()
    ([[-1, 1, -1, 1]], [0.0, -4.0])

    *Limits.* Hebb's rule holds about 0.138 n random patterns; negatives and mixtures of memories are minima too. All
    pairs are connected: n = 10,000 takes 400 MB. Source: Hopfield 1982. Lecture: Hopfield Network, 联想记忆.
    """

    rule: str = one_of("hebbian", RULES)
    _: dataclasses.KW_ONLY
    states: str = one_of("bipolar", CODINGS)
    order: int = whole(1, least=1, most=2)
    margin: float = number(0.0, least=0)
    symmetric: bool = flag(True)
    learning_rate: float | str = number("auto", least=0, also=("auto",))
    max_epochs: int = whole(1000, least=1)
    verbose: bool = flag(False)

    fitted: ClassVar[tuple[str, ...]] = (
        *("network_", "patterns_", "history_", "n_iter_", "n_features_in_", "feature_names_in_"),
        *("_weights", "_activity", "_own", "_unlearned"),
    )

    @classmethod
    def from_weights(cls, weights: Any, thresholds: Any = None, *, states: str = "bipolar") -> "Hopfield":
        """A fitted memory from weights given by hand, row i for what neuron i receives, with no patterns.

        >>> memory = Hopfield.from_weights([[0, -2, 0, 0], [-2, 0, 0, 0], [0, 0, 0, -2], [0, 0, -2, 0]])
        >>> memory.recall([[1, 1, -1, 1]]).astype(int).tolist()
        [[-1, 1, -1, 1]]
        """
        W = np.asarray(weights, float)
        units = len(W) if W.ndim == 2 and W.shape[0] == W.shape[1] else 0
        check_by_hand("weights", W, bool(units), "a square matrix", "give one row and one column per neuron")
        theta = np.zeros(units) if thresholds is None else np.asarray(thresholds, float)
        check_by_hand("thresholds", theta, theta.shape == (units,), f"{units} finite numbers", "give one per neuron")
        model = cls(states=states)
        check_parameters(model)
        unit = Spin() if states == "bipolar" else Bernoulli()
        model.network_ = HopfieldNetwork(W, jnp.asarray(theta, float), unit)
        model.patterns_, model._weights, model.n_features_in_ = np.zeros((0, units)), np.zeros(0), units
        model._own, model._unlearned = None, False
        return model

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "Hopfield":
        """Store the rows of X ``(K, n)``; y is not used.

        A weight of 2 is the pattern stored twice; with "storkey", for which the second time is not like the first, it
        is twice the change instead, and "pseudoinverse" asks only which weights are 0.
        """
        return self._learn(X, sample_weight, anew=True)

    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "Hopfield":
        """Store more rows besides what is stored: what one ``fit`` of all would (for "storkey" in that order).

        "covariance" keeps the activity of the rows that it was fitted with; rules that repeat ("perceptron", "mpf") go
        on from the present weights with all patterns.
        """
        return self._learn(X, sample_weight, anew=False)

    def _patterns(self, X: Any, more: Any, *, fresh: bool) -> Patterns:
        rows = self._read(X, fresh=fresh)
        weights = row_weights(self, rows, None, more)
        return Patterns(rows, weights).at(weights > 0)

    def _check(self) -> None:
        if self.states not in RULES[self.rule].states:
            remedy = "states='binary' with patterns of 0 and 1"
            raise ConfigurationError("Hopfield.states", "binary states for rule='covariance'", self.states, remedy)

    @property
    def _levels(self) -> tuple[float, float]:
        return CODINGS[self.states]

    def _check_coding(self, X: Float[np.ndarray, "n units"], *, stored: bool) -> None:
        other = "0 and 1 say states='binary'" if self.states == "bipolar" else "-1 and 1 say states='bipolar'"
        remedy = f"for {other}; for other values set binarize=, above which a bit is {self._levels[1]:g}"
        check_levels(f"{type(self).__name__}, X", X, self._levels, remedy)

    def _store(self, new: Patterns, *, fresh: bool) -> None:
        """Learn by the rule, from nothing or from what there is."""
        check_awake(self, fresh=fresh)
        self._unlearned = not fresh and bool(vars(self).get("_unlearned"))
        every = new if fresh else self._stored().and_then(new)
        self.network_, self._own, self.history_ = stored(self, new, fresh=fresh)
        self.patterns_, self._weights, self.n_iter_ = every.rows, every.weights, len(self.history_["loss"])

    def _stored(self) -> Patterns:
        return Patterns(self.patterns_, self._weights)

    def _note(self, wrong: Float[np.ndarray, " asked"], lost: str) -> str:
        if not RULES[self.rule].repeats:
            self.history_ = {"loss": np.asarray([wrong.mean()])}
        elif self.history_["mistakes"][-1] > 0:
            return ""  # said after the last epoch
        return f"{lost}{advice_for(self, float(wrong.mean()))}" if lost else ""

    def _forget(self, gone: Patterns, left: Patterns) -> "Hopfield":
        check_awake(self, fresh=False)
        if self.rule != "hebbian":
            return self._store_anew(left)
        self.network_, self.patterns_, self._weights = subtracted(self, gone), left.rows, left.weights
        return self

    def settle(
        self,
        X: Any,
        update: str | AbstractUpdate = "asynchronous",
        *,
        max_sweeps: Any = 100,
        held: Any = None,
        trace: bool = False,
        random_state: Any = None,
    ) -> Settled:
        """Run every row of X until it rests or swings: states, which are fixed, which cycle, sweeps, energies.

        ``update``: "asynchronous" (one neuron after the other), "random" (in a new order every sweep), "replacement",
        "greedy" (steepest first), "synchronous" (all at once), "block" (halves), or an object of
        :mod:`flambeau.dynamics`, for instance ``Glauber(0.5)``. ``held`` marks neurons that keep their values,
        ``(n,)`` or one row each. ``trace`` records the energy after every sweep that was made, and ``rise`` then says
        by how much it ever rose; where it must not (symmetric weights, one neuron at a time), a rise is warned of.
        """
        X = self._cues(X)
        check_value("Hopfield.recall, max_sweeps", max_sweeps, 1, whole=True)
        rule = update_of(update)
        if not isinstance(rule, Synchronous) and not self._is_symmetric():
            text = "the weights are not symmetric, so the energy may rise and recall may never end; use (W + W.T) / 2"
            warn(f"Hopfield: {text} for a memory")
        key = jax.random.key(seed_of(self.random_state if random_state is None else random_state))
        found = settled_rows(self.network_, rule, X, held_rows(held, X), key, int(max_sweeps), trace=bool(trace))
        if trace:
            self._warn_of_rise(rule, found)
        return found

    def recall(self, X: Any, update: str | AbstractUpdate = "asynchronous", **settings: Any) -> np.ndarray:
        """The states ``(rows, n)`` in which the rows of X come to rest; settings as in :meth:`settle`.

        Warns of rows that swing between two states or had not come to rest, except at a temperature, where nothing
        rests. ``settle(X, trace=True).rise`` tells whether the energy ever rose.
        """
        rule, found = update_of(update), self.settle(X, update, **settings)
        moving = ~(found.fixed | found.cycle) & (rule.proof != "none")
        for name, rows in (("swing between two states", found.cycle), ("have not come to rest", moving)):
            if rows.any():
                remedy = self._remedy(rule, swings=rows is found.cycle)
                warn(f"Hopfield: {rows.sum()} of {len(rows)} rows {name}; {remedy}")
        return np.asarray(found.states)

    def predict(self, X: Any) -> np.ndarray:
        """Recall."""
        return self.recall(X)

    def __sklearn_tags__(self) -> Any:
        """States come back in the float type in force."""
        tags = super().__sklearn_tags__()
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def transform(self, X: Any) -> np.ndarray:
        """Recall, as a step of a pipeline: rows cleaned of noise."""
        return self.recall(X)

    def unlearn(self, dreams: Any = 100, rate: Any = 0.01, *, refresh: Any = 0.0) -> "Hopfield":
        """Let the network dream: settle random states and weaken them, ``dreams`` times (see
        :class:`flambeau.rules.Unlearning`).

        ``rate``, 0 to 1, is what a dream loses of what Hebb's rule would have given it; ``refresh`` strengthens a
        random memory at each dream (1: "daydreaming"). ``history_`` is that of the dreams. Only with "hebbian" may
        patterns be added or removed afterwards: other rules would learn again what was unlearned.
        """
        check_is_fitted(self)
        self._check_all()
        check_value("Hopfield.unlearn, dreams", dreams, 1, whole=True)
        check_value("Hopfield.unlearn, rate", rate, 0, 1)
        check_value("Hopfield.unlearn, refresh", refresh, 0)
        if self.rule == "covariance":
            expected, remedy = "a rule for patterns of -1 and +1", "fit with another rule"
            raise ConfigurationError("Hopfield.unlearn, rule", expected, "covariance", remedy)
        if not len(self.patterns_):
            expected, remedy = "at least one stored pattern, which sets the scale", "fit or add patterns first"
            raise ConfigurationError("Hopfield.unlearn", expected, "none", remedy)
        network, history = dreamt(self, int(dreams), float(rate), float(refresh))
        self.network_, self.history_, self._unlearned = network, history, True
        return self

    def _wrong(self, X: Float[np.ndarray, "n units"]) -> Float[np.ndarray, " n"]:
        return np.asarray(by_rows(flipping, self.network_, X))

    def _is_symmetric(self) -> bool:
        """Whether w_ij = w_ji, up to rounding."""
        if self.network_.structure.symmetric:
            return True
        weights = np.asarray(self.network_.structure.weights)
        return bool(np.allclose(weights, weights.T, rtol=1e-4, atol=1e-6 * max(np.abs(weights).max(), 1e-30)))

    def _remedy(self, update: AbstractUpdate, *, swings: bool) -> str:
        """What helps rows that do not come to rest: what asynchronous recall needs to end, then that, then patience."""
        needed = [] if self._is_symmetric() else ["make the weights symmetric, (W + W.T) / 2"]
        if np.diagonal(self.weights_).min() < 0:
            needed.append("set self-connections below 0 to 0")
        if swings and not isinstance(update, Asynchronous | Greedy):
            needed.append("use update='asynchronous', which then always ends")
        patience = [] if swings and needed else ["raise max_sweeps"]
        return ", or ".join([*patience, *([" and ".join(needed)] if needed else [])])

    def _warn_of_rise(self, update: AbstractUpdate, found: Settled) -> None:
        """Symmetric weights, one neuron at a time: the recorded energies must not rise beyond rounding."""
        if not isinstance(update, Asynchronous | Greedy) or not self._is_symmetric():
            return
        rise, largest = np.asarray(found.rise), np.abs(self.weights_).sum() / 2 + np.abs(self.thresholds_).sum()
        rose = rise > 4 * np.finfo(rise.dtype).eps * largest
        if rose.any():
            text = f"the energy of {rose.sum()} of {len(rose)} rows rose, by up to {rise.max():.3g}; it falls for "
            remedy = (
                "certain with w_ij = w_ji and no w_ii below 0: use (W + W.T) / 2 and set self-connections below 0 to 0"
            )
            warn(f"Hopfield: {text}{remedy}", 3)


def check_by_hand(name: str, values: np.ndarray, fits: bool, expected: str, remedy: str) -> None:
    """Refuse numbers of another shape, or that are not finite."""
    where = f"Hopfield.from_weights, {name}"
    if not fits:
        raise DataError(where, expected, f"shape {values.shape}", remedy)
    if not np.isfinite(values).all():
        got = f"{(~np.isfinite(values)).sum()} NaN or infinite"
        raise DataError(where, "finite numbers", got, "replace them, by 0 for no connection")


def flipping(network: HopfieldNetwork, x: Any) -> Array:
    """The share of bits that would change, row by row."""
    x = jnp.asarray(x)
    return (chosen(network.net(x), x, network.levels) != x).mean(1, dtype=x.dtype)


def update_of(update: str | AbstractUpdate) -> AbstractUpdate:
    """The order of change by its name, or as given."""
    return update if isinstance(update, AbstractUpdate) else named("Hopfield.recall, update", UPDATES, update)


def held_rows(held: Any, X: Float[np.ndarray, "n units"]) -> np.ndarray | None:
    """The mask of neurons that keep their values, for every row."""
    if held is None:
        return None
    mask = np.asarray(held)
    if mask.dtype != bool or mask.shape not in (X.shape, X.shape[1:]):
        expected, got = f"a boolean mask of shape {X.shape[1:]} or {X.shape}", f"{mask.dtype} {mask.shape}"
        raise DataError("Hopfield.recall, held", expected, got, "mark the neurons that keep their values with True")
    return np.broadcast_to(mask, X.shape)


def settled_rows(
    network: HopfieldNetwork,
    update: AbstractUpdate,
    X: Float[np.ndarray, "n units"],
    held: np.ndarray | None,
    key: Array,
    max_sweeps: int,
    *,
    trace: bool,
) -> Settled:
    """Every row settled, few programs for any number of them.

    Rows that go together share an order that is drawn; a part of its own, beyond as many as fit, draws another one.
    """
    limit = np.asarray(min(max_sweeps, 2**31 - 1), np.int32)
    if not trace:
        return Settled(*by_rows(settled_part, (network, update, limit), (X, held), key=key))
    parts = []
    for part, size in rows_in_parts(len(X), max(X.shape)):
        own = jax.random.fold_in(key, part.start) if part.start else key
        places = np.minimum(np.arange(part.start, part.start + size), part.stop - 1)  # the last row fills it up
        states, mask = jnp.asarray(X[places]), None if held is None else jnp.asarray(held[places])
        seen = settle(network, states, update, key=own, max_sweeps=int(limit), held=mask, trace=int(limit))
        real = (np.asarray(values)[: part.stop - part.start] for values in seen[:4])
        parts.append(Settled._make([*real, seen.energies]))
    return _joined(parts, len(X))


def settled_part(given: tuple[HopfieldNetwork, AbstractUpdate, Any], rows: tuple[Any, Any], key: Array) -> Settled:
    """Some rows, within a program."""
    (network, update, limit), (x, held) = given, rows
    return settle(network, jnp.asarray(x), update, key=key, max_sweeps=jnp.asarray(limit), held=held)


def _joined(parts: list[Settled], count: int) -> Settled:
    """The parts behind one another; energies NaN where another part went on longer."""
    longest = max(len(part.energies) for part in parts if part.energies is not None)
    energies, at = np.full((longest, count), np.nan, np.asarray(parts[0].energies).dtype), 0
    for part in parts:
        own, rows = np.asarray(part.energies), len(part.states)
        energies[: len(own), at : at + rows] = own[:, :rows]
        at += rows
    states, fixed, cycle, sweeps = (
        np.concatenate(values) for values in zip(*(part[:4] for part in parts), strict=True)
    )
    return Settled(states, fixed, cycle, sweeps, energies)
