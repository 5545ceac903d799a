"""Dense and modern associative memories behind scikit-learn's interface: store, retrieve, energy, forget."""

import dataclasses
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from flambeau.dynamics.settling import Asynchronous, at_rest, settle
from flambeau.errors import ConfigurationError, DataError
from flambeau.estimators.common import as_floats, seed_of
from flambeau.estimators.memory import AbstractMemory, Patterns, distinct, warn
from flambeau.estimators.parameters import number, one_of, parameters, parameters_of, seed, whole
from flambeau.foundation.rows import by_rows
from flambeau.networks.dense_interactions import STEEPEST, Exponential, Polynomial
from flambeau.networks.dense_memory import DenseMemory
from flambeau.networks.modern_memory import ModernMemory
from flambeau.neurons.levels import check_levels

DISCRETE = {"polynomial": True, "exponential": True, "softmax": False, "sparsemax": False}
ORDERS = ("cyclic", "random")
TOLERANCE = 1e-5  # of the largest number stored: a state that moves by no more stands still


@parameters
class DenseHopfield(AbstractMemory):
    r"""An associative memory for many patterns: cues become the stored patterns that they remind of.

    E(s) = -Σ F(x_μ·s) for patterns of -1 and +1, neuron by neuron; E(q) = -ψ*(βXq)/β + ½ q'q + constants for real
    patterns, all at once: q ← X' p(βXq), which is attention.

    Parameters
    ----------
    interaction : "polynomial", F(z) = N (z/N)^``degree``, or "exponential", F(z) = eᶻ, for patterns of -1 and +1;
        "softmax" or "sparsemax" for real ones.
    degree : n of the polynomial, 2 (Hebb's rule) to 64.
    beta : β of softmax and sparsemax, an inverse temperature. Too low, and patterns blur into their mean: it should be
        well above 1 over the gap between a pattern's squared norm and its products with the others
        (:func:`flambeau.networks.pattern_separation`). Storing warns where softmax blurs most patterns.
    steps : of one retrieval, sweeps over all neurons or updates; None goes on until nothing changes, at most
        ``max_sweeps`` times.
    order : in which neurons take their turn: "cyclic", or "random" anew for every sweep, from ``random_state``.

    Attributes
    ----------
    ``network_`` (a :class:`~flambeau.networks.DenseMemory` or :class:`~flambeau.networks.ModernMemory`), ``patterns_``
    ``(patterns, n_features)``, ``n_features_in_``, ``n_iter_`` (1: storing is one pass).

    Images ``(n, height, width[, channels])`` are taken as rows. Warns of patterns that are no fixed points, or blur.
    Raises :class:`~flambeau.errors.ConfigurationError`; :class:`~flambeau.errors.DataError` for values other than -1
    and +1 where neurons have no others, a pattern to forget that is not there, values that do not fit.

    >>> import flambeau as fb
    >>> X = np.sign(np.random.default_rng(0).normal(size=(100, 50)))  # 14 times what Hebb's rule holds
    >>> memory = fb.DenseHopfield(degree=3).fit(X[:60])
    >>> cue = X[7].copy()
    >>> cue[:5] *= -1
    >>> bool((memory.retrieve([cue])[0] == X[7]).all()), memory.predict([cue]).tolist()
    (True, [7])
    >>> images = fb.problems.load("digits").data[:100]
    >>> images = images / np.linalg.norm(images, axis=1, keepdims=True)
    >>> upper = images[:5] * (np.arange(64) < 56)  # without the last row of pixels
    >>> fb.DenseHopfield("softmax", beta=200.0).store(images).predict(upper).tolist()
    [0, 1, 2, 3, 4]

    *Limits.* Patterns are kept one by one: a retrieval costs their number times ``n_features`` a sweep. Softmax finds
    the largest product rather than the smallest distance, so patterns should have like norms. Source: Krotov and
    Hopfield 2016; Demircigil et al. 2017; Ramsauer et al. 2020; Hu et al. 2023. Lecture: Hopfield Network, 联想记忆.
    """

    interaction: str = one_of("polynomial", DISCRETE)
    degree: int = whole(3, least=2, most=STEEPEST)
    beta: float = number(1.0, above=0)
    _: dataclasses.KW_ONLY
    steps: int | None = whole(None, least=1, also=(None,))
    max_sweeps: int = whole(100, least=1)
    order: str = one_of("cyclic", ORDERS)
    random_state: Any = seed()

    fitted: ClassVar[tuple[str, ...]] = ("network_", "n_features_in_", "feature_names_in_", "n_iter_")

    def fit(self, X: Any, y: Any = None) -> "DenseHopfield":
        """Store the patterns X ``(patterns, n_features)`` and nothing else.

        y ``(patterns, outputs)`` are what softmax and sparsemax give back for them (hetero-association). A
        one-dimensional y, labels, is ignored: ``y[memory.predict(cues)]`` are the labels of cues.
        """
        return self._learn(X, y, anew=True)

    def store(self, X: Any, y: Any = None) -> "DenseHopfield":
        """Add patterns, with their y if those before came with one; an empty memory is :meth:`fit`."""
        return self._learn(X, y, anew=False)

    partial_fit = store

    def _patterns(self, X: Any, more: Any, *, fresh: bool) -> Patterns:
        rows = self._read(X, fresh=fresh)
        return Patterns(rows, np.ones(len(rows)), self._values(more, len(rows)))

    def forget(self, pattern: Any) -> "DenseHopfield":
        """Remove one pattern ``(n_features,)`` or several rows; of equal ones the oldest. At least one must stay."""
        check_is_fitted(self)
        stored = self._stored()
        kept = np.ones(len(stored.rows), bool)
        for row in self._cues(np.atleast_2d(np.asarray(pattern))):
            found = np.flatnonzero(kept & (stored.rows == row).all(1))
            if not len(found):
                got, remedy = "one that is not stored", "look for the nearest one, patterns_[predict(X)]"
                raise DataError("DenseHopfield.forget, pattern", "a stored pattern", got, remedy)
            kept[found[0]] = False
        if not kept.any():
            remedy = "fit the next patterns instead, which starts anew"
            raise DataError("DenseHopfield.forget, pattern", "at least one pattern to stay", "all of them", remedy)
        self.network_ = self._network(stored.at(kept))
        return self

    remove = forget

    def _check(self) -> None:
        pass

    @property
    def _levels(self) -> tuple[float, float] | None:
        return (-1.0, 1.0) if DISCRETE[self.interaction] else None

    def _coded(self, X: Float[np.ndarray, "n units"], *, stored: bool) -> Float[np.ndarray, "n units"]:
        """Real numbers as they are, unless what was fitted (or is about to be) has neurons of two values."""
        network = vars(self).get("network_")
        if DISCRETE[self.interaction] if network is None else isinstance(network, DenseMemory):
            remedy = "np.where(X > 0, 1, -1) codes bits and cuts others at 0; interaction='softmax' takes real numbers"
            check_levels("DenseHopfield, X", X, (-1.0, 1.0), remedy)
        return X

    def _store(self, new: Patterns, *, fresh: bool) -> None:
        every = new if fresh else self._joined(new)
        if DISCRETE[self.interaction]:
            self._coded(every.rows, stored=True)
        self.network_, self.n_iter_ = self._network(every), 1

    def _joined(self, new: Patterns) -> Patterns:
        """What is stored and what is new, which must have values of the same kind."""
        known = self._stored()
        wide = tuple(None if values is None else values.shape[1] for values in (known.values, new.values))
        if wide[0] != wide[1]:
            expected = "no y, as before" if wide[0] is None else f"y of shape (patterns, {wide[0]}), as before"
            got, remedy = "None" if new.values is None else new.values.shape, "give all patterns the same kind of value"
            raise DataError("DenseHopfield.store, y", expected, got, remedy)
        return known.and_then(new)

    def _network(self, stored: Patterns) -> DenseMemory | ModernMemory:
        """The network of these patterns under the settings in force."""
        if not DISCRETE[self.interaction]:
            return ModernMemory(stored.rows, float(self.beta), stored.values, self.interaction)
        interaction = Exponential() if self.interaction == "exponential" else Polynomial(int(self.degree))
        return DenseMemory(stored.rows, interaction)

    def _stored(self) -> Patterns:
        values = None if isinstance(self.network_, DenseMemory) else self.network_.values
        rows = self.patterns_
        return Patterns(rows, np.ones(len(rows)), None if values is None else np.asarray(values))

    def _values(self, y: Any, count: int) -> np.ndarray | None:
        """A table of values, one row for each pattern; None where y is missing or one-dimensional."""
        if y is None or np.ndim(y) < 2:
            return None
        if DISCRETE[self.interaction]:
            expected, remedy = "softmax or sparsemax where y are values", "set interaction='softmax', or leave y out"
            raise ConfigurationError("DenseHopfield.interaction", expected, repr(self.interaction), remedy)
        values = np.asarray(y)
        if values.shape[0] != count or values.ndim != 2 or values.dtype.kind not in "biuf":
            expected, got = f"numbers, shape ({count}, outputs)", f"{values.dtype}, {values.shape}"
            raise DataError("DenseHopfield, y", expected, got, "give one row of numbers for each pattern")
        return as_floats(self, "y", values)

    def _note(self, wrong: Float[np.ndarray, " asked"], lost: str) -> str:
        """Of real patterns: too low a β. Of others: an overload, whether patterns are lost already or not."""
        if not DISCRETE[self.interaction] and lost:
            text = f"at beta={self.beta:g} an update takes {int(wrong.sum())} of {len(wrong)} stored patterns nearer to"
            return f"{text} others or the mean of all than to themselves, so answers blur; {_hint(self)}"
        if not DISCRETE[self.interaction]:
            return ""
        patterns, units = distinct(self.patterns_).shape
        limit = self.network_.interaction.capacity(units)
        if patterns <= limit and not lost:
            return ""
        steeper = "raise the degree, use interaction='exponential'"
        remedy = steeper if self.interaction == "polynomial" else "use interaction='softmax'"
        known = f"{patterns} patterns of {units} features, but only about {limit:.4g} random ones fit"
        return f"{known}; {lost or 'all are fixed points yet'}; {remedy}, or store fewer"

    def _rests(self, X: Float[np.ndarray, "n units"]) -> Bool[np.ndarray, " n"]:
        return np.asarray(self._rows(_rests, self.network_, X))

    def _wrong(self, X: Float[np.ndarray, "n units"]) -> Float[np.ndarray, " n"]:
        return np.asarray(self._rows(amiss, self.network_, X))

    @property
    def patterns_(self) -> Float[np.ndarray, "patterns units"]:
        """What is stored ``(patterns, n_features)``, in the order of storing."""
        check_is_fitted(self)
        return np.asarray(self.network_.structure.weights).T

    def retrieve(self, X: Any, steps: int | None = None, beta: float | None = None) -> np.ndarray:
        """What cues X ``(n, n_features)`` remind of: states ``(n, n_features)``, or values ``(n, outputs)``.

        ``steps`` and ``beta`` take the place of the settings for this once. Where values were stored, the last update
        reads them.
        """
        X = self._cues(X)
        return self._settle(self._at(beta), X, steps)

    recall = retrieve

    def predict(self, X: Any) -> np.ndarray:
        """The index ``(n,)`` of the stored pattern nearest (Euclid; the first of several) to what each cue retrieves.

        Where values were stored, nearest among the patterns that they belong to.
        """
        X = self._cues(X)
        return np.asarray(self._rows(nearest, self.network_, self._settle(by_itself(self.network_), X, None)))

    def similarity(self, X: Any) -> np.ndarray:
        """The overlaps x_μ·s ``(n, patterns)``, from -n_features to n_features for states of -1 and +1."""
        X = self._cues(X)
        return np.asarray(self._rows(products, self.network_, X))

    def _at(self, beta: float | None) -> DenseMemory | ModernMemory:
        """The network, at another β where one is given."""
        network: Any = self.network_
        if beta is None:
            return network
        parameters_of(type(self))["beta"].check("DenseHopfield.retrieve, beta", beta)
        if isinstance(network, DenseMemory):
            expected, remedy = "None: neurons of -1 and +1 have no β", "use interaction='softmax', or leave beta out"
            raise ConfigurationError("DenseHopfield.retrieve, beta", expected, beta, remedy)
        return ModernMemory(self.patterns_, float(beta), network.values, network.separation)

    def _settle(self, network: DenseMemory | ModernMemory, X: np.ndarray, steps: int | None) -> np.ndarray:
        """The states (or values) in which cues end; says so where some were still on their way."""
        parameters_of(type(self))["steps"].check("DenseHopfield.retrieve, steps", steps)
        steps = self.steps if steps is None else steps
        limit = np.asarray(int(self.max_sweeps if steps is None else steps), np.int32)
        if isinstance(network, DenseMemory):
            key = jax.random.key(seed_of(self.random_state))
            found, still = self._rows(swept, (network, Asynchronous(self.order), key, limit), X)
        else:
            # The last of a given number of updates is the reading; -1 lets no state rest before.
            given = (limit, np.asarray(TOLERANCE)) if steps is None else (limit - 1, np.asarray(-1.0))
            found, still = self._rows(updated, (network, *given), X)
        if steps is None and not still.all():
            text = f"DenseHopfield: {int((~still).sum())} of {len(X)} cues not at rest after "
            remedy = f"max_sweeps={self.max_sweeps}; raise it, or set steps to stop there on purpose"
            warn(text + remedy, 3, ConvergenceWarning)
        return np.asarray(found)

    def _rows(self, compute: Any, given: Any, X: np.ndarray) -> Any:
        """By rows, few enough at a time for their overlaps with all patterns."""
        return by_rows(compute, given, X, max(self.network_.structure.weights.shape) // 4)


def by_itself(network: Any) -> Any:
    """The network without what its patterns stand for."""
    if isinstance(network, DenseMemory):
        return network
    return ModernMemory(np.asarray(network.structure.weights).T, network.beta, None, network.separation)


def _hint(model: DenseHopfield) -> str:
    """The β at which an update gives most patterns back, by how far each leads at its own place."""
    rows = distinct(model.patterns_)
    asked = rows[np.linspace(0, len(rows) - 1, min(len(rows), 64)).astype(int)]
    z = asked @ rows.T
    own = (asked**2).sum(1)
    others = np.where(np.isclose(z, own[:, None]) & (asked[:, None] == rows[None]).all(-1), -np.inf, z)
    lead = float(np.quantile(own - others.max(1), 0.1))  # as flambeau.networks.pattern_separation
    return f"raise beta to about {(2 + np.log(len(rows))) / lead:.2g}" if lead > 0 else "give patterns like norms"


def swept(asked: tuple, x: Any) -> tuple[Array, Array]:
    """States after asynchronous sweeps, and whether each is at rest."""
    network, update, key, limit = asked
    found = settle(network, jnp.asarray(x), update, key=key, max_sweeps=jnp.asarray(limit))
    return jnp.asarray(found.states), jnp.asarray(found.fixed)


def updated(asked: tuple, x: Any) -> tuple[Array, Array]:
    """What a modern memory answers after its updates, and whether each state is at rest."""
    memory, limit, tolerance = asked
    found = memory.come_to_rest(jnp.asarray(x), jnp.asarray(limit), jnp.asarray(tolerance, jnp.asarray(x).dtype))
    return memory.read(found.states), found.still


def products(network: Any, x: Any) -> Array:
    """X q."""
    return network.structure.project(jnp.asarray(x))


def nearest(network: Any, x: Any) -> Array:
    """The pattern of least |x_μ - q|."""
    return jnp.argmin((network.structure.weights**2).sum(0) / 2 - products(network, x), axis=1)


def _rests(network: Any, x: Any) -> Array:
    """Whether an update leaves each row where it is."""
    x = jnp.asarray(x)
    if isinstance(network, DenseMemory):
        return at_rest(network, x)
    return (jnp.abs(network.update(x) - x) <= TOLERANCE * jnp.abs(network.structure.weights).max()).all(1)


def amiss(network: Any, x: Any) -> Array:
    """1 for a stored pattern that would be lost: one that is no fixed point, or whose answer is nearer to another."""
    x = jnp.asarray(x)
    if isinstance(network, DenseMemory):
        return 1.0 - at_rest(network, x).astype(x.dtype)
    answer = network.update(x)
    to_itself = ((answer - x) ** 2).sum(-1)
    to_mean = ((answer - network.structure.weights.mean(1)) ** 2).sum(-1)
    to_other = ((answer - network.structure.weights.T[nearest(network, answer)]) ** 2).sum(-1)
    spare = 1e-3 * (x**2).sum(-1)  # equal patterns are the same place
    return (to_itself > jnp.minimum(to_mean, to_other) + spare).astype(x.dtype)
