"""The perceptron behind scikit-learn's interface: mistakes counted, margin and bound measured."""

import dataclasses
from dataclasses import KW_ONLY
from typing import Any, ClassVar

import equinox as eqx
import numpy as np
from sklearn.utils.validation import check_is_fitted

from flambeau.analysis.separability import separation
from flambeau.errors import ConfigurationError
from flambeau.estimators.base import TRAINED, Course, Rows
from flambeau.estimators.classifier import AbstractLabelled
from flambeau.estimators.common import checked_data, outputs
from flambeau.estimators.labels import class_indices
from flambeau.estimators.options import Rate, Seed, learning_rates
from flambeau.estimators.parameters import declared, flag, one_of, parameters, seed, whole
from flambeau.monitors import ValidationCurve
from flambeau.networks import perceptron
from flambeau.neurons import Hardmax, Sign, Step
from flambeau.rules import Evaluation, MeanSquaredError, PerceptronRule
from flambeau.training import AbstractKeeper, Average, Last, NoMistakes, Pocket, Run, Votes, optimiser, voted_output
from flambeau.training.keeping import PocketState, VotesState

EXACT_MARGIN_LIMIT = 200_000  # numbers in the data up to which the exact margin takes about a second


UNITS = {"step": Step(), "sign": Sign()}


def threshold_units(default: str) -> Any:
    """A threshold unit, by name or as an activation object."""

    def fits(value: Any) -> bool:
        return isinstance(value, Step | Sign) or (isinstance(value, str) and value in UNITS)

    return declared(default, "'step', 'sign', or a Step or Sign object", fits, str.strip, (), UNITS)


@parameters
class Perceptron(AbstractLabelled):
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
    warm_start, random_state, verbose : as in scikit-learn.

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

    variant: str = one_of("rosenblatt", ("rosenblatt", "pocket", "averaged", "voted"))
    _: KW_ONLY
    unit: str | Step | Sign = threshold_units("step")
    multi_class: str = one_of("kesler", ("kesler", "one_vs_rest"))
    learning_rate: Rate = learning_rates(1.0)
    max_epochs: int = whole(1000, least=1)
    shuffle: bool = flag(True)
    max_votes: int = whole(10_000, least=1)
    warm_start: bool = flag(False)
    random_state: Seed = seed()
    verbose: bool = flag(False)

    fitted: ClassVar[tuple[str, ...]] = (
        *(*TRAINED, "classes_", "mistakes_", "converged_", "margin_", "mistake_bound_"),
    )
    early_stopping = False  # it ends with the mistakes
    validation_fraction = 0.0
    class_weight = None

    def _check(self) -> None:
        """Every parameter goes with every other."""

    def _inputs(self, X: Any, y: Any = "no_validation", *, reset: bool = False) -> Any:
        return checked_data(self, X, y, reset=reset)

    def _coded(self, X: np.ndarray, y: np.ndarray, weights: np.ndarray) -> Rows:
        """Targets in one column for two classes, one per class for more; 0-1, or ±1 for sign units."""
        indices = class_indices(self, self.classes_, y)
        columns = indices[:, None] if len(self.classes_) == 2 else np.eye(len(self.classes_), dtype=int)[indices]
        return Rows(X, 2 * columns - 1 if isinstance(self._activation(), Sign) else columns, weights, indices)

    def _activation(self) -> Any:
        """The unit's activation: winner-take-all for Kesler's machine."""
        if len(self.classes_) > 2 and self.multi_class == "kesler":
            return Hardmax()
        return UNITS[self.unit] if isinstance(self.unit, str) else self.unit

    def _course(self, rows: Rows, held_out: Rows | None, *, stream: bool) -> Course:
        inputs, units, f = rows.inputs.shape[1], rows.targets.shape[1], self._activation()
        score = Evaluation(MeanSquaredError(), classify=True)
        keep = self._keeper(rows)
        return Course(
            {"unit": f, "inputs": inputs, "classes": self.classes_.tolist()},
            lambda key: perceptron(inputs, units, f),
            PerceptronRule(),
            rows.examples(1, shuffle=bool(self.shuffle)),
            optimiser("sgd", self.learning_rate),
            1,
            self.max_epochs,
            NoMistakes(),
            keep,
            () if held_out is None else (ValidationCurve(score, held_out.batch()),),
            lambda run: self._conclude(rows, run, stream=stream),
            lambda run: recounted(run, keep),
        )

    def _keeper(self, rows: Rows) -> AbstractKeeper:
        """Which network is kept."""
        if self.variant == "pocket":
            return Pocket(rows.batch())
        if self.variant == "averaged":
            return Average()
        return Votes(int(self.max_votes)) if self.variant == "voted" else Last()

    def _conclude(self, rows: Rows, run: Run, *, stream: bool) -> str:
        """Mistakes, margin and bound; a word where planes do not do."""
        self._check_votes(run)
        self.mistakes_ = run.history["mistakes"].astype(int)
        self.converged_ = bool(self.mistakes_[-1] == 0)
        self.margin_, self.mistake_bound_ = (np.nan, np.inf) if stream else self._measured(rows, run)
        if stream or self.converged_ or self.variant in ("pocket", "averaged"):
            return ""
        return (
            f"still {int(self.mistakes_[-1])} mistakes in epoch {run.rounds}; the classes may not be "
            "separable by a plane (see mistake_bound_): try variant='pocket' or 'averaged', or MLPClassifier"
        )

    def _check_votes(self, run: Run) -> None:
        """Refuse a vote in which not every weight vector has its seat."""
        if self.variant == "voted" and int(run.progress.keeping.mistakes) >= self.max_votes:
            expected, got = f"fewer mistakes than max_votes={self.max_votes}", int(run.progress.keeping.mistakes)
            remedy = "raise max_votes, lower max_epochs, or use variant='averaged'"
            raise ConfigurationError("Perceptron.max_votes", expected, got, remedy)

    def _measured(self, rows: Rows, run: Run) -> tuple[float, float]:
        """Margin and mistake bound (which Novikoff proved for rows of equal weight only)."""
        X, indices = rows.inputs, np.asarray(rows.strata)
        if len(self.classes_) == 2 and X.size <= EXACT_MARGIN_LIMIT:
            found = separation(X, 2 * indices - 1)
            margin, bound = found.margin, found.mistake_bound
        else:
            margin, bound = margin_of(run, X, indices) if self.converged_ else (np.nan, np.inf)
        return margin, bound if len(np.unique(rows.weights)) == 1 else np.inf

    def decision_function(self, X: Any) -> np.ndarray:
        """Net inputs s = wx - θ: ``(n,)`` for two classes, ``(n, classes)`` for more; for "voted" the ballots."""
        check_is_fitted(self)
        X = checked_data(self, X)
        voted = self.variant == "voted"
        scores = outputs(self._ballot(), X, voted_output) if voted else outputs(self.network_, X, net_input)
        if scores.shape[1] > 1:
            return scores
        if voted and isinstance(self._activation(), Step):  # 0-1 ballots: half of all votes is the threshold
            return scores[:, 0] - np.asarray(self.run_.progress.keeping.survived).sum() / 2
        return scores[:, 0]

    def _ballot(self) -> VotesState:
        """The stored networks with the last one seated."""
        progress = self.run_.progress
        last = eqx.combine(progress.network, self.network_)
        return Votes(int(self.max_votes)).seated(progress.keeping, last)

    def predict(self, X: Any) -> np.ndarray:
        """The label of every row."""
        scores = self.decision_function(X)
        if scores.ndim > 1:
            return self.classes_[np.argmax(scores, axis=1)]
        f = self._activation()
        high = scores >= 0 if isinstance(f, Step | Sign) and f.at_zero == "high" else scores > 0
        return self.classes_[high.astype(int)]


def recounted(earlier: Run, keep: AbstractKeeper) -> Run:
    """A pocket's errors were counted on other rows: count them anew."""
    pocket = earlier.progress.keeping
    if not (isinstance(keep, Pocket) and isinstance(pocket, PocketState)):
        return earlier
    return dataclasses.replace(earlier, progress=earlier.progress._replace(keeping=keep.init(pocket.network)))


def net_input(network: Any, x: Any) -> Any:
    """What the units compare with 0."""
    return network.layers[0].net(x)


def margin_of(run: Run, X: np.ndarray, indices: np.ndarray) -> tuple[float, float]:
    """Margin and mistake bound of the last (separating) weights, in double precision; 0 and infinity if they touch.

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
        margins, radius = (right - s.max(axis=1)).min(keepdims=True) / np.linalg.norm(w), np.sqrt(2) * radius
    else:
        d = 2 * (indices[:, None] == np.arange(w.shape[1])) - 1 if w.shape[1] > 1 else 2 * indices[:, None] - 1
        margins = (d * s).min(axis=0) / np.linalg.norm(w, axis=0)
    return (float(margins.min()), float(((radius / margins) ** 2).sum())) if margins.min() > 0 else (0.0, np.inf)
