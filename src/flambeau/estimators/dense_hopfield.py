"""Dense and modern associative memories behind scikit-learn's interface: store, retrieve, energy, forget."""

import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from flambeau.dynamics.settling import Asynchronous, at_rest, settle
from flambeau.errors import ConfigurationError, DataError, check_value, named
from flambeau.estimators.common import as_floats, check_number, checked_data, seed_of
from flambeau.estimators.memory import energy_of
from flambeau.foundation.rows import by_rows
from flambeau.networks.dense_interactions import STEEPEST, Exponential, Polynomial
from flambeau.networks.dense_memory import DenseMemory
from flambeau.networks.modern_memory import ModernMemory

__all__ = ["DenseHopfield"]

DISCRETE = {"polynomial": True, "exponential": True, "softmax": False, "sparsemax": False}
ORDERS = {"cyclic": "cyclic", "random": "random"}
ASKED = 64  # stored patterns that are asked whether they blur
TOLERANCE = 1e-5  # of the largest number stored: a state that moves by no more stands still


class DenseHopfield(BaseEstimator):
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

    def __init__(
        self,
        interaction: Any = "polynomial",
        degree: Any = 3,
        beta: Any = 1.0,
        *,
        steps: Any = None,
        max_sweeps: Any = 100,
        order: Any = "cyclic",
        random_state: Any = None,
    ) -> None:
        self.interaction = interaction
        self.degree = degree
        self.beta = beta
        self.steps = steps
        self.max_sweeps = max_sweeps
        self.order = order
        self.random_state = random_state

    def fit(self, X: Any, y: Any = None) -> "DenseHopfield":
        """Store the patterns X ``(patterns, n_features)`` and nothing else.

        y ``(patterns, outputs)`` are what softmax and sparsemax give back for them (hetero-association). A
        one-dimensional y, labels, is ignored: ``y[memory.predict(cues)]`` are the labels of cues.
        """
        self._check()
        X = checked_data(self, X, reset=True)
        self._remember(X, self._values(y, len(X)))
        self._judge()
        self.n_iter_ = 1
        return self

    def store(self, X: Any, y: Any = None) -> "DenseHopfield":
        """Add patterns, with their y if those before came with one; an empty memory is :meth:`fit`."""
        if not hasattr(self, "network_"):
            return self.fit(X, y)
        self._check()
        X = checked_data(self, X)
        if DISCRETE[self.interaction]:
            check_coded(X)
        known, new = self._known_values(), self._values(y, len(X))
        if width(known) != width(new):
            expected = "no y, as before" if known is None else f"y of shape (patterns, {width(known)}), as before"
            got, remedy = "None" if new is None else new.shape, "give all patterns the same kind of value"
            raise DataError("DenseHopfield.store, y", expected, got, remedy)
        joined = None if known is None or new is None else np.concatenate([known, new])
        self._remember(np.concatenate([self.patterns_, X]), joined)
        self._judge()
        return self

    def partial_fit(self, X: Any, y: Any = None) -> "DenseHopfield":
        """:meth:`store`, under scikit-learn's name."""
        return self.store(X, y)

    def forget(self, pattern: Any) -> "DenseHopfield":
        """Remove one pattern ``(n_features,)`` or several rows; of equal ones the oldest. At least one must stay."""
        check_is_fitted(self)
        stored, known = self.patterns_, self._known_values()
        kept = np.ones(len(stored), bool)
        for row in checked_data(self, np.atleast_2d(np.asarray(pattern))):
            found = np.flatnonzero(kept & (stored == row).all(1))
            if not len(found):
                got, remedy = "one that is not stored", "look for the nearest one, patterns_[predict(X)]"
                raise DataError("DenseHopfield.forget, pattern", "a stored pattern", got, remedy)
            kept[found[0]] = False
        if not kept.any():
            remedy = "fit the next patterns instead, which starts anew"
            raise DataError("DenseHopfield.forget, pattern", "at least one pattern to stay", "all of them", remedy)
        self._remember(stored[kept], None if known is None else known[kept])
        return self

    def _check(self) -> None:
        named("DenseHopfield.interaction", DISCRETE, self.interaction)
        named("DenseHopfield.order", ORDERS, self.order)
        check_number(self, "degree", 2, STEEPEST, whole=True)
        check_number(self, "max_sweeps", 1, whole=True)
        check_steps("DenseHopfield.steps", self.steps)
        check_positive("DenseHopfield.beta", self.beta)
        seed_of(self.random_state)

    def _remember(self, X: np.ndarray, values: np.ndarray | None) -> None:
        """The network of these patterns under the settings in force."""
        if not DISCRETE[self.interaction]:
            self.network_: Any = ModernMemory(X, float(self.beta), values, self.interaction)
            return
        check_coded(X)
        interaction = Exponential() if self.interaction == "exponential" else Polynomial(int(self.degree))
        self.network_ = DenseMemory(jnp.asarray(X), interaction)

    def _judge(self) -> None:
        """Warn of an overload, and of patterns that blur."""
        if self.interaction == "softmax":
            warn_of_blur(self.patterns_, float(self.beta))
        if not self._discrete():
            return
        patterns, units = self.network_.patterns.shape
        limit = self.network_.interaction.capacity(units)
        if patterns > limit:
            polynomial = "raise the degree, use interaction='exponential'"
            remedy = polynomial if self.interaction == "polynomial" else "use interaction='softmax'"
            warnings.warn(
                f"DenseHopfield: {patterns} patterns of {units} features, but only about {limit:.4g} random ones fit; "
                f"beyond that, more and more of them are no fixed points and are recalled with errors; {remedy}, or "
                "store fewer",
                UserWarning,
                stacklevel=3,
            )

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

    def _known_values(self) -> np.ndarray | None:
        values = None if self._discrete() else self.network_.values
        return None if values is None else np.asarray(values)

    def _discrete(self) -> bool:
        """What was fitted, whatever the settings are by now."""
        return isinstance(self.network_, DenseMemory)

    @property
    def patterns_(self) -> np.ndarray:
        """What is stored ``(patterns, n_features)``, in the order of storing."""
        return np.asarray(self.network_.patterns)

    def retrieve(self, X: Any, steps: Any = None, beta: Any = None) -> np.ndarray:
        """What cues X ``(n, n_features)`` remind of: states ``(n, n_features)``, or values ``(n, outputs)``.

        ``steps`` and ``beta`` take the place of the settings for this once. Where values were stored, the last update
        reads them.
        """
        X, network = self._cues(X), self._at(beta)
        return self._settle(network, X, steps)

    def recall(self, X: Any) -> np.ndarray:
        """:meth:`retrieve`, as :class:`flambeau.Hopfield` calls it."""
        return self.retrieve(X)

    def predict(self, X: Any) -> np.ndarray:
        """The index ``(n,)`` of the stored pattern nearest (Euclid; the first of several) to what each cue retrieves.

        Where values were stored, nearest among the patterns that they belong to.
        """
        X, network = self._cues(X), self.network_
        if not self._discrete():
            network = ModernMemory(network.patterns, network.beta, None, network.separation)
        return self._rows(nearest, network, self._settle(network, X, None))

    def energy(self, X: Any) -> np.ndarray:
        """E ``(n,)`` of states; for "exponential" its monotone -log Σ e^(x_μ·s)."""
        return self._rows(energy_of, self.network_, self._cues(X))

    def is_stable(self, X: Any) -> np.ndarray:
        """Which states ``(n,)`` are fixed points: no neuron would change, or (real ones) by no more than rounding."""
        return self._rows(stable, self.network_, self._cues(X))

    def similarity(self, X: Any) -> np.ndarray:
        """The overlaps x_μ·s ``(n, patterns)``, from -n_features to n_features for states of -1 and +1."""
        return self._rows(products, self.network_, self._cues(X))

    def _cues(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        X = checked_data(self, X)
        if self._discrete():
            check_coded(X)
        return X

    def _at(self, beta: Any) -> Any:
        """The network, at another β where one is given."""
        if beta is None:
            return self.network_
        check_positive("DenseHopfield.retrieve, beta", beta)
        if self._discrete():
            expected, remedy = "None: neurons of -1 and +1 have no β", "use interaction='softmax', or leave beta out"
            raise ConfigurationError("DenseHopfield.retrieve, beta", expected, beta, remedy)
        return ModernMemory(self.network_.patterns, float(beta), self.network_.values, self.network_.separation)

    def _settle(self, network: Any, X: np.ndarray, steps: Any) -> np.ndarray:
        """The states (or values) in which cues end; says so where some were still on their way."""
        check_steps("DenseHopfield.retrieve, steps", steps)
        steps = self.steps if steps is None else steps
        limit = jnp.asarray(int(self.max_sweeps if steps is None else steps))
        if self._discrete():
            key = jax.random.key(seed_of(self.random_state))
            found = self._rows(swept, (network, Asynchronous(self.order), key, limit), X)
        else:
            # The last of a given number of updates is the reading; -1 lets no state rest before.
            given = (limit, TOLERANCE) if steps is None else (limit - 1, -1.0)
            found = self._rows(updated, (network, *map(jnp.asarray, given)), X)
        moving = int((found[:, -1] == 0).sum())
        if steps is None and moving:
            warnings.warn(
                f"DenseHopfield: {moving} of {len(X)} cues not at rest after max_sweeps={self.max_sweeps}; raise it, "
                "or set steps to stop there on purpose",
                ConvergenceWarning,
                stacklevel=3,
            )
        return found[:, :-1]

    def _rows(self, compute: Any, given: Any, X: np.ndarray) -> np.ndarray:
        """By rows, few enough at a time for their overlaps with all patterns."""
        return by_rows(compute, given, X)

    def __sklearn_tags__(self) -> Any:
        """Patterns only, no targets."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        return tags


def warn_of_blur(patterns: np.ndarray, beta: float) -> None:
    """Say so where most stored patterns are themselves answered with something nearer to the mean of all."""
    asked = np.linspace(0, len(patterns) - 1, min(len(patterns), ASKED)).astype(int)
    z = patterns[asked] @ patterns.T
    shares = np.exp(beta * (z - z.max(1, keepdims=True)))
    answers = shares @ patterns / shares.sum(1, keepdims=True)
    to_mean, to_self = (np.linalg.norm(answers - x, axis=1) for x in (patterns.mean(0), patterns[asked]))
    if not (blurred := int((to_mean < to_self).sum())) > len(asked) / 2:
        return
    own = z[np.arange(len(asked)), asked].copy()
    z[np.arange(len(asked)), asked] = -np.inf
    lead = float(np.median(own - z.max(1)))  # as flambeau.networks.pattern_separation
    hint = f" to about {(2 + np.log(len(patterns))) / lead:.2g}" if lead > 0 else ", and give patterns like norms"
    text = (
        f"DenseHopfield: at beta={beta:g} an update takes {blurred} of {len(asked)} stored patterns nearer to the mean "
        f"of all than to themselves, so answers blur; raise beta{hint}"
    )
    warnings.warn(text, UserWarning, stacklevel=4)


def width(values: np.ndarray | None) -> int | None:
    """Outputs of each value."""
    return None if values is None else values.shape[1]


def check_positive(where: str, value: Any) -> None:
    """Refuse what is no finite number above 0."""
    number = isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
    if not number or not 0 < value < np.inf:
        raise ConfigurationError(where, "a finite number above 0", repr(value), "set beta=1.0")


def check_steps(where: str, steps: Any) -> None:
    """None, or a whole number of at least 1."""
    if steps is not None:
        check_value(where, steps, 1, whole=True)


def check_coded(X: np.ndarray) -> None:
    """Refuse values other than -1 and +1, naming some of them."""
    wrong = np.abs(X) != 1
    if wrong.any():
        row, column = map(int, np.argwhere(wrong)[0])
        some = ", ".join(f"{value:g}" for value in np.unique(X[wrong])[:3])
        got = f"{int(wrong.sum())} others, among them {some}; the first in row {row}, column {column}"
        remedy = "np.where(X > 0, 1, -1) codes bits and cuts the rest at 0; interaction='softmax' takes real numbers"
        raise DataError("DenseHopfield, X", "values of -1 and +1 only", got, remedy)


def swept(asked: tuple, x: Any) -> Array:
    """States after asynchronous sweeps; whether each is at rest goes in a last column."""
    (network, update, key, limit), x = asked, jnp.asarray(x)
    found = settle(network, x, update, key=key, max_sweeps=limit)
    return jnp.concatenate([found.states, found.fixed[:, None].astype(x.dtype)], axis=1)


def updated(asked: tuple, x: Any) -> Array:
    """What a modern memory answers after its updates; whether each state is at rest goes in a last column."""
    (memory, limit, tolerance), x = asked, jnp.asarray(x)
    states, _, still = memory.come_to_rest(x, limit, tolerance)
    return jnp.concatenate([memory.read(states), still[:, None].astype(x.dtype)], axis=1)


def products(network: Any, x: Any) -> Array:
    """X q."""
    x = jnp.asarray(x)
    return network.overlaps(x) if isinstance(network, DenseMemory) else network.similarity(x)


def nearest(network: Any, x: Any) -> Array:
    """The pattern of least |x_μ - q|."""
    return jnp.argmin((network.patterns**2).sum(1) / 2 - products(network, x), axis=1)


def stable(network: Any, x: Any) -> Array:
    """Whether an update leaves each row where it is."""
    x = jnp.asarray(x)
    if isinstance(network, DenseMemory):
        return at_rest(network, x)
    return (jnp.abs(network.update(x) - x) <= TOLERANCE * jnp.abs(network.patterns).max()).all(1)
