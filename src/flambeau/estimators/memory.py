"""What every associative memory can be asked, said once over the few questions that a kind answers itself.

Storing works on a draft and is committed at its end (:class:`~flambeau.estimators.base.AbstractFitted`). After storing
one question is asked of every memory: which patterns are fixed points? Fewer than all is a warning.
"""

import abc
import warnings
from dataclasses import KW_ONLY
from typing import Any, NamedTuple, TypeVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float
from sklearn.utils.validation import check_is_fitted

from flambeau.errors import DataError
from flambeau.estimators.base import AbstractFitted
from flambeau.estimators.common import checked_data
from flambeau.estimators.options import Seed
from flambeau.estimators.parameters import number, parameters, seed
from flambeau.foundation.rows import by_rows

IMAGES = (3, 4)  # axes of (n, height, width[, channels])
ASKED = 64  # stored patterns that are asked at least, and all of them as long as that is quick
QUICK = 1 << 33  # multiplications
Memory = TypeVar("Memory", bound="AbstractMemory")
Attractor = TypeVar("Attractor", bound="AbstractAttractor")


class Patterns(NamedTuple):
    """Rows to be stored, how often each counts, and what they stand for, if they stand for something."""

    rows: Float[np.ndarray, "patterns units"]
    weights: Float[np.ndarray, " patterns"]
    values: Float[np.ndarray, "patterns outputs"] | None = None

    def at(self, which: Any) -> "Patterns":
        """Some of them."""
        values = None if self.values is None else self.values[which]
        return Patterns(self.rows[which], self.weights[which], values)

    def and_then(self, more: "Patterns") -> "Patterns":
        """These, and more of the same kind."""
        joined = (None if a is None or b is None else np.concatenate([a, b]) for a, b in zip(self, more, strict=True))
        return Patterns(*joined)  # type: ignore[arg-type]


class AbstractMemory(AbstractFitted):
    """An associative memory: patterns are stored, and worn ones come back whole."""

    network_: Any
    n_features_in_: int

    @property
    @abc.abstractmethod
    def _levels(self) -> tuple[float, float] | None:
        """The two values that patterns are made of, the lower one first; None for real numbers."""

    @abc.abstractmethod
    def _coded(self, X: Float[np.ndarray, "n units"], *, stored: bool) -> Float[np.ndarray, "n units"]:
        """Rows as the neurons take them: patterns to be ``stored``, or cues."""

    @abc.abstractmethod
    def _patterns(self, X: Any, more: Any, *, fresh: bool) -> Patterns:
        """The rows of X as patterns, and how often each counts or what it stands for."""

    @abc.abstractmethod
    def _store(self, new: Patterns, *, fresh: bool) -> None:
        """Write patterns into the network and keep them: anew, or besides those that are stored."""

    @abc.abstractmethod
    def _rests(self, X: Float[np.ndarray, "n units"]) -> Bool[np.ndarray, " n"]:
        """Which coded rows are fixed points."""

    @abc.abstractmethod
    def _wrong(self, X: Float[np.ndarray, "n units"]) -> Float[np.ndarray, " n"]:
        """How much of each stored row would be lost: 0 for one that is given back."""

    @abc.abstractmethod
    def _stored(self) -> Patterns:
        """What is stored."""

    @abc.abstractmethod
    def _note(self, wrong: Float[np.ndarray, " asked"], lost: str) -> str:
        """What to say of patterns that are ``lost`` (how many, in words; empty for none), with a remedy; or nothing."""

    @abc.abstractmethod
    def recall(self, X: Any) -> Float[np.ndarray, "n units"]:
        """What the rows of X remind of."""

    @abc.abstractmethod
    def partial_fit(self: Memory, X: Any) -> Memory:
        """Store more rows besides what is stored."""

    @abc.abstractmethod
    def remove(self: Memory, pattern: Any) -> Memory:
        """Forget a stored pattern."""

    def add(self: Memory, pattern: Any) -> Memory:
        """Store one more pattern ``(n_features,)``, or one image."""
        return self.partial_fit(np.asarray(pattern)[None])

    def energy(self, X: Any) -> Float[np.ndarray, " n"]:
        """E of every row."""
        X = self._cues(X)
        return by_rows(energy_of, self.network_, X) + 0  # a product of zeros may be -0.0

    def is_stable(self, X: Any) -> Bool[np.ndarray, " n"]:
        """Which rows are fixed points: recall gives them back as they are."""
        return self._rests(self._cues(X))

    def _learn(self: Memory, X: Any, more: Any = None, *, anew: bool) -> Memory:
        """Store the rows of X: alone, or besides what is stored."""
        self._check_all()
        fresh = anew or "network_" not in vars(self)
        draft = self._draft(going_on=not fresh)
        return self._memorise(draft, draft._patterns(X, more, fresh=fresh), fresh=fresh)

    def _memorise(self: Memory, draft: Memory, new: Patterns, *, fresh: bool) -> Memory:
        """The course of storing: a draft writes the patterns, is asked which of them stay, and is then taken over."""
        draft._store(new, fresh=fresh)
        draft._ask()
        return self._commit(draft)

    def _ask(self) -> None:
        """Which stored patterns are fixed points? All are asked, or evenly chosen ones where that would take long."""
        stored = distinct(np.asarray(self._stored().rows))
        if not len(stored):
            return
        work = len(stored) * max(stored.shape) * stored.shape[1]
        most = max(ASKED, int(QUICK * len(stored) / work))
        asked = stored[np.linspace(0, len(stored) - 1, min(most, len(stored))).astype(int)]
        wrong = self._wrong(asked)
        some = "stored patterns" if len(asked) == len(stored) else f"stored patterns asked, of {len(stored)},"
        lost = f"{(wrong > 0).sum()} of {len(asked)} {some} are no fixed points" if wrong.any() else ""
        if text := self._note(wrong, lost):
            warn(f"{type(self).__name__}: {text}", 4)

    def _read(self, X: Any, *, fresh: bool, stored: bool = True) -> Float[np.ndarray, "n units"]:
        """Rows of a table, or of images, as the neurons take them."""
        known, shape = vars(self).get("n_features_in_"), _shape_of(X)
        if len(shape) in IMAGES:
            X = np.asarray(X).reshape(shape[0], -1)
        elif not fresh and len(shape) == 2 and np.prod(shape) == known and shape[1] != known:
            remedy = "pass X[None] if this is one image"
            raise DataError(f"{type(self).__name__}, X", f"rows of {known} features", f"shape {shape}", remedy)
        return self._coded(checked_data(self, X, reset=fresh), stored=stored)

    def _cues(self, X: Any) -> Float[np.ndarray, "n units"]:
        """What a fitted memory is asked."""
        check_is_fitted(self)
        return self._read(X, fresh=False, stored=False)

    def __sklearn_tags__(self) -> Any:
        """Patterns only, no targets."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        return tags


@parameters
class AbstractAttractor(AbstractMemory):
    """A memory whose weights make rest states of patterns of two levels."""

    _: KW_ONLY
    binarize: float | None = number(None, also=(None,))
    random_state: Seed = seed()

    @property
    @abc.abstractmethod
    def _levels(self) -> tuple[float, float]:
        """The two values that patterns are made of, the lower one first."""

    @abc.abstractmethod
    def _check_coding(self, X: Float[np.ndarray, "n units"], *, stored: bool) -> None:
        """Refuse values that neurons, or patterns to be ``stored``, do not have."""

    @abc.abstractmethod
    def _forget(self: Attractor, gone: Patterns, left: Patterns) -> Attractor:
        """Take one pattern out, so that the others are ``left``."""

    def _coded(self, X: Float[np.ndarray, "n units"], *, stored: bool) -> Float[np.ndarray, "n units"]:
        low, high = self._levels
        if self.binarize is not None:
            return np.where(self.binarize < X, high, low).astype(X.dtype)
        self._check_coding(X, stored=stored)
        return X

    def _rests(self, X: Float[np.ndarray, "n units"]) -> Bool[np.ndarray, " n"]:
        return self._wrong(X) == 0

    def remove(self: Attractor, pattern: Any) -> Attractor:
        """Forget one stored pattern ``(n,)``, or one image: exactly, or by storing all others anew."""
        check_is_fitted(self)
        self._check_all()
        stored, name = self._stored(), type(self).__name__
        places = np.flatnonzero((stored.rows == self._cues(np.asarray(pattern)[None])).all(1))
        if not len(places):
            expected, remedy = f"one of the {len(stored.rows)} stored", "give one of patterns_"
            raise DataError(f"{name}.remove, pattern", expected, "another", remedy)
        others = np.delete(np.arange(len(stored.rows)), places[0])
        return self._forget(stored.at(places[:1]), stored.at(others))

    def _store_anew(self: Attractor, left: Patterns) -> Attractor:
        """Nothing but these patterns, at least one."""
        if not len(left.rows):
            raise DataError(f"{type(self).__name__}.remove", "a pattern that stays", "the last one", "fit anew")
        return self._memorise(self._draft(going_on=True), left, fresh=True)

    @property
    def weights_(self) -> Float[np.ndarray, "n n"]:
        """W ``(n, n)``: row i holds what neuron i receives."""
        check_is_fitted(self)
        return np.asarray(self.network_.structure.weights).T

    @property
    def thresholds_(self) -> Float[np.ndarray, " n"]:
        """θ ``(n,)``."""
        check_is_fitted(self)
        return -np.asarray(self.network_.bias)


def _shape_of(X: Any) -> tuple[int, ...]:
    """The shape as NumPy reads it; none of what it cannot read, which is refused later and by name."""
    try:
        return np.asarray(X).shape
    except ValueError:
        return ()


def distinct(rows: Float[np.ndarray, "n units"]) -> Float[np.ndarray, "some units"]:
    """The rows without those that stand there already, in the order of their first places."""
    keys = np.ascontiguousarray(rows).view(np.dtype((np.void, rows.dtype.itemsize * rows.shape[1]))).ravel()
    return rows[np.sort(np.unique(keys, return_index=True)[1])]


def warn(text: str, level: int = 2, kind: type[Warning] = UserWarning) -> None:
    """A warning that points at the caller's line, ``level`` functions up from here."""
    warnings.warn(text, kind, stacklevel=level + 1)


def energy_of(network: Any, x: Any) -> Array:
    """The network's energy."""
    return network.energy(jnp.asarray(x))
