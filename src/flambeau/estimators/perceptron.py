"""The perceptron behind scikit-learn's interface: mistakes counted, margin and bound measured."""

import dataclasses
import warnings
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from flambeau.analysis.separability import separation
from flambeau.errors import ConfigurationError
from flambeau.estimators.common import (
    check_number,
    checked_data,
    class_indices,
    known_classes,
    labels_of,
    outputs,
    row_weights,
    seed_of,
)
from flambeau.networks import perceptron
from flambeau.neurons import Hardmax, Sign, Step
from flambeau.problems import Examples
from flambeau.rules import PerceptronRule
from flambeau.training import (
    AbstractKeeper,
    Average,
    Last,
    NoMistakes,
    Pocket,
    Run,
    Votes,
    optimiser,
    train,
    voted_output,
)
from flambeau.training.keeping import PocketState

__all__ = ["Perceptron"]

EXACT_MARGIN_LIMIT = 200_000  # numbers in the data up to which the exact margin takes about a second


class Perceptron(ClassifierMixin, BaseEstimator):
    r"""A single layer of threshold units that learns from its mistakes: w += η x (d - y).

    Parameters
    ----------
    variant : "rosenblatt" keeps the last weights; "pocket" those that were right longest and err least on the training
        set; "averaged" their mean over all examples; "voted" lets every weight vector vote.
    unit : "step" (0-1) or "sign" (±1), or an activation object (for instance ``Step(at_zero="high")``).
    multi_class : for three and more classes, "kesler" (one machine: the right class gains x, the winner loses it) or
        "one_vs_rest" (one unit per class).
    learning_rate : η; with the zero start it only scales the weights.
    max_epochs : passes over the data, at most; training ends after a pass without a mistake.
    shuffle : a new order every epoch; False keeps the order given.
    max_votes : how many weight vectors "voted" may store.
    random_state, verbose : as in scikit-learn.

    Attributes
    ----------
    ``mistakes_`` (per epoch), ``converged_`` (a pass without a mistake), ``margin_`` γ and ``mistake_bound_`` (R/γ)²
    (0 and infinity if no plane separates the classes), ``classes_``, ``network_``, ``history_``, ``run_``, ``n_iter_``.
    For two classes and up to 200,000 numbers the margin is the exact best one, found whether or not the perceptron
    converged; otherwise it is that of the weights found (a weaker bound, still valid), or NaN if none were.

    Raises :class:`~flambeau.errors.ConfigurationError`, :class:`~flambeau.errors.DataError`.

    >>> import flambeau as fb
    >>> X, y = fb.problems.logic_gate("and")
    >>> unit = Perceptron(shuffle=False).fit(X, y)
    >>> unit.mistakes_.tolist(), unit.predict(X).tolist()
    ([1, 3, 3, 2, 1, 0], [0, 0, 0, 1])
    >>> bool(unit.mistakes_.sum() <= unit.mistake_bound_)
    True

    *Limits.* Linear decisions only: on XOR it never converges. Sample weights scale the updates, so a row of weight 2
    is not the row seen twice and the mistake bound, proved for equal weights, is given as infinite. Margins below
    1e-9 R count as none. Source: Rosenblatt 1958; Novikoff 1962; Gallant 1990; Freund and Schapire 1999.
    Lecture: 单层感知机 (the single-layer perceptron).
    """

    def __init__(
        self,
        variant: Any = "rosenblatt",
        *,
        unit: Any = "step",
        multi_class: Any = "kesler",
        learning_rate: Any = 1.0,
        max_epochs: Any = 1000,
        shuffle: Any = True,
        max_votes: Any = 10_000,
        random_state: Any = None,
        verbose: Any = False,
    ) -> None:
        self.variant = variant
        self.unit = unit
        self.multi_class = multi_class
        self.learning_rate = learning_rate
        self.max_epochs = max_epochs
        self.shuffle = shuffle
        self.max_votes = max_votes
        self.random_state = random_state
        self.verbose = verbose

    def fit(self, X: Any, y: Any, sample_weight: Any = None, *, monitors: Sequence[Any] = ()) -> "Perceptron":
        """Learn from X ``(n, features)`` and labels y ``(n,)`` until a pass without a mistake, or ``max_epochs``."""
        self._check()
        X, y = checked_data(self, X, y, reset=True)
        classes = labels_of(self, y)
        kept, run = self._train(X, y, classes, sample_weight, self.max_epochs, monitors, None)
        self._measure(X[kept > 0], y[kept > 0], equal=len(np.unique(kept[kept > 0])) == 1)
        if self.variant in ("rosenblatt", "voted") and not self.converged_:
            warnings.warn(
                f"Perceptron: still {int(self.mistakes_[-1])} mistakes in epoch {run.rounds}; the classes may not be "
                "separable by a plane (see mistake_bound_): try variant='pocket' or 'averaged', or MLPClassifier",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None, *, monitors: Sequence[Any] = ()
    ) -> "Perceptron":
        """One more pass over these rows. The first call names all ``classes``; margin and bound are not measured."""
        self._check()
        first = not hasattr(self, "run_")
        classes = known_classes(self, classes)
        X, y = checked_data(self, X, y, reset=first)
        self._train(X, y, classes, sample_weight, 1, monitors, None if first else self.run_)
        self.margin_, self.mistake_bound_ = np.nan, np.inf
        return self

    def _check(self) -> None:
        """Refuse parameters that cannot work."""
        for name in ("max_epochs", "max_votes"):
            check_number(self, name, 1, whole=True)
        choices = {
            "variant": ("rosenblatt", "pocket", "averaged", "voted"),
            "multi_class": ("kesler", "one_vs_rest"),
            "unit": ("step", "sign"),
        }
        for name, allowed in choices.items():
            value = getattr(self, name)
            if value not in allowed and not (name == "unit" and isinstance(value, Step | Sign)):
                expected = f"one of {', '.join(allowed)}"
                raise ConfigurationError(f"Perceptron.{name}", expected, repr(value), "choose one")
        optimiser("sgd", self.learning_rate)

    def _activation(self, classes: np.ndarray) -> Any:
        """The unit's activation: winner-take-all for Kesler's machine."""
        if len(classes) > 2 and self.multi_class == "kesler":
            return Hardmax()
        return {"step": Step(), "sign": Sign()}.get(self.unit, self.unit) if isinstance(self.unit, str) else self.unit

    def _targets(self, y: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """One column for two classes, one per class for more; 0-1, or ±1 for sign units."""
        indices = class_indices(self, classes, y)
        columns = indices[:, None] if len(classes) == 2 else np.eye(len(classes))[indices]
        return 2 * columns - 1 if isinstance(self._activation(classes), Sign) else columns

    def _train(
        self,
        X: np.ndarray,
        y: np.ndarray,
        classes: np.ndarray,
        sample_weight: Any,
        epochs: int,
        monitors: Sequence[Any],
        earlier: Run | None,
    ) -> tuple[np.ndarray, Run]:
        """Train (on) and remember: ``(weights, run)``; a row that weighs nothing is a row that is not there."""
        weights = row_weights(self, X, y, sample_weight)
        kept = weights > 0
        problem = Examples.of(X[kept], self._targets(y[kept], classes), weights[kept], shuffle=self.shuffle)
        keep = self._keeper(problem)
        if earlier is not None and isinstance(keep, Pocket) and isinstance(earlier.progress.keeping, PocketState):
            recounted = keep.init(earlier.progress.keeping.network)  # its errors were counted on other rows
            earlier = dataclasses.replace(earlier, progress=earlier.progress._replace(keeping=recounted))
        run = train(
            perceptron(X.shape[1], problem.targets.shape[1], self._activation(classes))
            if earlier is None
            else earlier.network,
            PerceptronRule(),
            problem,
            optimizer=optimiser("sgd", float(self.learning_rate)),
            steps=(earlier.steps if earlier else 0) + epochs * int(kept.sum()),
            batch_size=1,
            key=seed_of(self.random_state) if earlier is None else earlier.seed[-1],
            monitors=monitors,
            stopping=NoMistakes(),
            keep=keep,
            verbose=self.verbose,
            resume=earlier,
        )
        self._check_votes(run)
        self.classes_ = classes
        self._remember(run)
        return weights, run

    def _keeper(self, problem: Examples) -> AbstractKeeper:
        """Which network is kept."""
        if self.variant == "pocket":
            return Pocket(problem.everything())
        if self.variant == "averaged":
            return Average()
        return Votes(int(self.max_votes)) if self.variant == "voted" else Last()

    def _remember(self, run: Run) -> None:
        """Fitted attributes."""
        self.run_, self.network_, self.n_iter_ = run, run.network, run.rounds
        self.mistakes_ = run.history["mistakes"].astype(int)
        self.history_ = {"loss": run.history["loss"], "mistakes": self.mistakes_}
        self.converged_ = bool(self.mistakes_[-1] == 0)

    def _check_votes(self, run: Run) -> None:
        """Refuse a vote in which not every weight vector has its seat."""
        if self.variant == "voted" and int(run.progress.keeping.mistakes) >= self.max_votes:
            expected, got = f"fewer mistakes than max_votes={self.max_votes}", int(run.progress.keeping.mistakes)
            remedy = "raise max_votes, lower max_epochs, or use variant='averaged'"
            raise ConfigurationError("Perceptron.max_votes", expected, got, remedy)

    def _measure(self, X: np.ndarray, y: np.ndarray, *, equal: bool) -> None:
        """``margin_`` and ``mistake_bound_`` (which Novikoff proved for rows of equal weight only)."""
        if len(self.classes_) == 2 and X.size <= EXACT_MARGIN_LIMIT:
            found = separation(X, 2 * class_indices(self, self.classes_, y) - 1)
            self.margin_, self.mistake_bound_ = found.margin, found.mistake_bound
        elif self.converged_:
            self.margin_, self.mistake_bound_ = margin_of(self.run_, X, class_indices(self, self.classes_, y))
        else:
            self.margin_, self.mistake_bound_ = np.nan, np.inf
        if not equal:
            self.mistake_bound_ = np.inf

    def decision_function(self, X: Any) -> np.ndarray:
        """Net inputs s = wx - θ: ``(n,)`` for two classes, ``(n, classes)`` for more; for "voted" the ballots."""
        check_is_fitted(self)
        X = checked_data(self, X)
        voted = self.variant == "voted"
        scores = outputs(self._ballot() if voted else NetInput(self.network_), X)
        if scores.shape[1] > 1:
            return scores
        if voted and isinstance(
            self._activation(self.classes_), Step
        ):  # 0-1 ballots: half of all votes is the threshold
            return scores[:, 0] - np.asarray(self.run_.progress.keeping.survived).sum() / 2
        return scores[:, 0]

    def _ballot(self) -> "Ballot":
        """The stored networks with the last one seated."""
        progress = self.run_.progress
        last = eqx.combine(progress.network, self.network_)
        return Ballot(Votes(int(self.max_votes)).seated(progress.keeping, last))

    def predict(self, X: Any) -> np.ndarray:
        """The label of every row."""
        scores = self.decision_function(X)
        if scores.ndim > 1:
            return self.classes_[np.argmax(scores, axis=1)]
        high = scores >= 0 if getattr(self._activation(self.classes_), "at_zero", "low") == "high" else scores > 0
        return self.classes_[high.astype(int)]


class NetInput(eqx.Module):
    """A one-layer network without its threshold, callable like a network."""

    network: Any

    def __call__(self, x: Any) -> Any:
        """Net inputs."""
        return self.network.layers[0].net(x)


class Ballot(eqx.Module):
    """The vote of all stored networks, callable like a network."""

    state: Any

    def __call__(self, x: Any) -> Any:
        """Ballots."""
        return voted_output(self.state, x)


def margin_of(run: Run, X: np.ndarray, indices: np.ndarray) -> tuple[float, float]:
    """Margin and mistake bound of the last (separating) weights, in double precision.

    One machine for many classes (Kesler) is a perceptron on the differences φ(x, right) - φ(x, other), of length
    √2 ‖(x, 1)‖. One unit per class is a perceptron each; their bounds add up.
    """
    last = run.progress.network.layers[0]
    w = np.vstack([np.asarray(last.structure.weights, float), np.asarray(last.bias, float)])
    x = np.hstack([X, np.ones((len(X), 1))]).astype(float)
    radius, s = np.linalg.norm(x, axis=1).max(), x @ w
    if isinstance(last.activation, Hardmax):
        rows = np.arange(len(s))
        right = s[rows, indices].copy()
        s[rows, indices] = -np.inf
        margin = (right - s.max(axis=1)).min() / np.linalg.norm(w)
        return positive(margin, 2 * radius**2)
    d = 2 * (indices[:, None] == np.arange(w.shape[1])) - 1 if w.shape[1] > 1 else 2 * indices[:, None] - 1
    margins = (d * s).min(axis=0) / np.linalg.norm(w, axis=0)
    return (
        (float(margins.min()), float((radius / margins).dot(radius / margins))) if margins.min() > 0 else (0.0, np.inf)
    )


def positive(margin: float, squared_radius: float) -> tuple[float, float]:
    """``(margin, bound)``, or no margin and no bound for weights that touch a point."""
    return (float(margin), float(squared_radius / margin**2)) if margin > 0 else (0.0, np.inf)
