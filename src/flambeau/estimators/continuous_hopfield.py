"""The Hopfield network of graded units behind scikit-learn's interface: a memory whose recall can be watched."""

import warnings
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from flambeau.dynamics import FLOWS, Flowed, flow
from flambeau.errors import ConfigurationError, DataError, named
from flambeau.estimators.common import check_number, checked_data, seed_of
from flambeau.foundation.precision import dtype
from flambeau.networks.graded_hopfield import GradedHopfield, graded_hopfield
from flambeau.neurons.units import within

__all__ = ["ContinuousHopfield", "Trajectory"]

ACTIVATIONS = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0)}
SHARPEST = (
    0.99  # of the way from the middle to a level: where a cue at the level itself starts, as g⁻¹ is infinite there
)


class Trajectory(NamedTuple):
    """The way of one cue: ``times`` ``(t,)``, graded ``states`` ``(t, n_features)``, ``energy`` ``(t,)``."""

    times: np.ndarray
    states: np.ndarray
    energy: np.ndarray


class ContinuousHopfield(BaseEstimator):
    r"""An associative memory of graded units: a cue flows downhill in energy to the pattern it reminds of.

    τ du/dt = -u + W v - θ, v = g(βu); E = -½ v'Wv + θ'v + (1/β) Σ ∫ g⁻¹, which never rises while it recalls.

    Parameters
    ----------
    activation : "tanh" for patterns of -1 and +1, "sigmoid" for 0 and 1. Both give the same memory, gain for gain:
        the sigmoid's weights are 4 W and its thresholds 2 W 1, so that energies differ by a constant only.
    gain : β. Low gains blur: below the critical gain 1 / (λ_max · steepest slope) nothing is remembered, which ``fit``
        says; high gains give the discrete network.
    tau : τ, the unit of time.
    rule : "hebbian", W = X'X / n_features without its diagonal, for few and unlike patterns; "pseudoinverse", the
        projection on the patterns without its diagonal, for patterns alike.
    method : "exponential_euler", "euler", "dormand_prince": see :func:`flambeau.dynamics.flow`.
    step : None takes the largest step certain to lower the energy, at most τ; larger ones than that are refused. For
        "dormand_prince", which controls its own, the first step.
    tolerance : a state rests when within τ no unit would move by more, relative to the largest.
    max_steps : of one recall.
    weights, thresholds : given by hand, they replace those of the rule; ``fit`` then needs no patterns.
    binarize : None takes patterns of exactly two levels and cues between them; a number cuts both there, as in
        scikit-learn's BernoulliNB.
    random_state : of the starts that :meth:`attractors` draws.

    Attributes
    ----------
    ``weights_`` ``(n_features, n_features)``, ``thresholds_``, ``patterns_``, ``network_``, ``n_features_in_``;
    ``step_`` (the one in use); ``n_iter_`` and ``converged_``: the steps until every stored pattern was at rest, and
    whether it was.

    Raises :class:`~flambeau.errors.ConfigurationError`, :class:`~flambeau.errors.DataError` (patterns of other levels).

    >>> import flambeau as fb
    >>> X = np.asarray([[1, 1, 1, 1, -1, -1, -1, -1], [1, -1, 1, -1, 1, -1, 1, -1]])
    >>> memory = fb.ContinuousHopfield().fit(X)
    >>> memory.predict([[1, 1, 1, -1, -1, -1, -1, -1]])
    array([[ 1.,  1.,  1.,  1., -1., -1., -1., -1.]], dtype=float32)
    >>> path = memory.trajectory([1, 1, 1, -1, -1, -1, -1, -1])
    >>> bool((np.diff(path.energy) <= 1e-6).all())
    True

    *Limits.* The negative of a pattern and mixtures of several are remembered as well; Hebbian weights hold about 0.14
    patterns per unit, unlike ones. ``fit`` costs n_features³ for the eigenvalues. Source: Hopfield 1984; Personnaz,
    Guyon and Dreyfus 1985 (projection). Lecture: Hopfield Network, 联想记忆.
    """

    def __init__(
        self,
        activation: Any = "tanh",
        *,
        gain: Any = 10.0,
        tau: Any = 1.0,
        rule: Any = "hebbian",
        method: Any = "exponential_euler",
        step: Any = None,
        tolerance: Any = 1e-5,
        max_steps: Any = 10_000,
        weights: Any = None,
        thresholds: Any = None,
        binarize: Any = None,
        random_state: Any = None,
    ) -> None:
        self.activation = activation
        self.gain = gain
        self.tau = tau
        self.rule = rule
        self.method = method
        self.step = step
        self.tolerance = tolerance
        self.max_steps = max_steps
        self.weights = weights
        self.thresholds = thresholds
        self.binarize = binarize
        self.random_state = random_state

    def fit(self, X: Any = None, y: Any = None) -> "ContinuousHopfield":
        """Store the patterns X ``(patterns, n_features)``, which may be left out where weights are given."""
        self._check()
        if X is None and self.weights is None:
            where = "ContinuousHopfield.fit, X"
            raise DataError(where, "patterns", "None", "give patterns, or set weights")
        patterns = None if X is None else self._levelled(checked_data(self, X, reset=True))
        network = self._network(patterns)
        if patterns is None:
            self.n_features_in_ = len(network.bias)
            patterns = np.zeros((0, self.n_features_in_), dtype())
        self._judge(network)
        self.network_, self.patterns_ = network, patterns
        settled = self._settle(patterns)
        self.n_iter_, self.converged_ = int(settled.steps.max(initial=1)), bool(settled.still.all())
        return self

    def _check(self) -> None:
        named("ContinuousHopfield.activation", ACTIVATIONS, self.activation)
        named("ContinuousHopfield.rule", RULES, self.rule)
        named("ContinuousHopfield.method", FLOWS, self.method)
        for name in ("gain", "tau", "tolerance", *(["step"] if self.step is not None else [])):
            check_number(self, name, 0)
            if not 0 < getattr(self, name) < np.inf:
                where, got = f"ContinuousHopfield.{name}", getattr(self, name)
                raise ConfigurationError(where, "a finite number above 0", got, f"set {name} above 0")
        check_number(self, "max_steps", 1, whole=True)
        if self.binarize is not None:
            check_number(self, "binarize", -np.inf)
        seed_of(self.random_state)

    def _levelled(self, X: np.ndarray) -> np.ndarray:
        """Patterns of exactly two levels."""
        X = self._cut(X)
        low, high = ACTIVATIONS[self.activation]
        wrong = ~np.isin(X, (low, high))
        if wrong.any():
            row, column = map(int, np.argwhere(wrong)[0])
            where, got = "ContinuousHopfield, X", f"{X[row, column]:g} in row {row}, column {column}"
            remedy = "code them so, choose the activation of their coding, or set binarize to where they should be cut"
            raise DataError(where, f"patterns of {low:g} and {high:g} for {self.activation}", got, remedy)
        return X

    def _cut(self, X: np.ndarray) -> np.ndarray:
        """The level on each value's side of ``binarize``, or the values themselves."""
        return X if self.binarize is None else self._coded(X, self.binarize)

    def _coded(self, X: np.ndarray, middle: float) -> np.ndarray:
        low, high = ACTIVATIONS[self.activation]
        return np.where(middle < X, high, low).astype(dtype())

    def _network(self, patterns: np.ndarray | None) -> GradedHopfield:
        """The rule's weights, or those given."""
        W, theta = self.weights, self.thresholds
        if W is None and patterns is not None:
            W, ready = connections(self.rule, patterns, self.activation)
            theta = ready if theta is None else theta
        network = graded_hopfield(
            np.asarray(W, float), theta, self.activation, gain=float(self.gain), tau=float(self.tau)
        )
        if patterns is not None and patterns.shape[1] != len(network.bias):
            expected, got = f"patterns of {len(network.bias)} features", patterns.shape[1]
            raise DataError("ContinuousHopfield, X", expected, got, "one feature for each row of weights")
        return network

    def _judge(self, network: GradedHopfield) -> None:
        """Certify the step, and say where there is no energy or no memory."""
        critical, certified = map(float, limits(network, self.method))
        if not np.allclose(network.structure.weights, network.structure.weights.T, rtol=1e-5, atol=1e-7):
            warnings.warn(
                "ContinuousHopfield: the weights are not symmetric, so no energy is certain to fall and states may go "
                "round for ever; use (W + W.T) / 2 for a memory",
                UserWarning,
                stacklevel=3,
            )
            # Without an energy a step is good as long as it does not overshoot the drive.
            certified = float(self.tau) if self.method == "euler" else np.inf
        elif critical >= self.gain:
            warnings.warn(
                f"ContinuousHopfield: gain={self.gain:g} is not above the critical gain {critical:.4g}, so there is "
                "one rest state only and every cue ends there; raise the gain, or store patterns",
                UserWarning,
                stacklevel=3,
            )
        if self.step is not None and self.step > certified * (1 + 1e-6):
            expected = f"at most {certified:.4g}, up to which the energy is certain to fall"
            remedy = "lower it, leave it None, or use method='dormand_prince'"
            raise ConfigurationError("ContinuousHopfield.step", expected, self.step, remedy)
        self.step_ = float(min(certified, self.tau)) if self.step is None else float(self.step)

    def _start(self, X: np.ndarray) -> np.ndarray:
        """Internal states whose outputs are the cues, a little inside the levels."""
        low, high = ACTIVATIONS[self.activation]
        middle, reach = (low + high) / 2, SHARPEST * (high - low) / 2
        return np.asarray(internal(self.network_, np.clip(X, middle - reach, middle + reach)))

    def _settle(self, X: np.ndarray, trace: Any = None) -> Flowed:
        """The flow from cues, as NumPy arrays."""
        count = len(X)
        if not count:
            none = np.zeros(0)
            return Flowed(X, none.astype(int), none, none.astype(bool), None)  # type: ignore[arg-type]
        rows = np.zeros(max(16, 1 << (count - 1).bit_length()), int)
        rows[:count] = np.arange(count)  # few programs; what is added is the first row again, so nobody waits for it
        end = flow(
            self.network_.velocity,
            jnp.asarray(self._start(X[rows] if trace is None else X)),
            method=self.method,
            step=self.step_,
            tau=float(self.tau),
            tolerance=float(self.tolerance),
            max_steps=int(self.max_steps),
            trace=trace,
        )
        settled: Flowed = jax.tree.map(np.asarray, end)
        states, steps, time, still, kept = settled
        settled = Flowed(states[:count], steps[:count], time[:count], still[:count], kept)
        if not settled.still.all():
            warnings.warn(
                f"ContinuousHopfield: {int((~settled.still).sum())} of {count} states not at rest after "
                f"{self.max_steps} steps; raise max_steps or the tolerance",
                ConvergenceWarning,
                stacklevel=3,
            )
        return settled

    def _cues(self, X: Any) -> np.ndarray:
        check_is_fitted(self)
        X = self._cut(checked_data(self, X))
        self._inside(X)
        return X

    def _inside(self, X: np.ndarray) -> None:
        remedy = "scale them, choose the activation of their coding, or set binarize to where they should be cut"
        within(X, *ACTIVATIONS[self.activation], "ContinuousHopfield, X", f"units of {self.activation}", remedy)

    @property
    def weights_(self) -> np.ndarray:
        """W ``(n_features, n_features)``."""
        return np.asarray(self.network_.structure.matrix)

    @property
    def thresholds_(self) -> np.ndarray:
        """Θ ``(n_features,)``."""
        return np.asarray(self.network_.threshold)

    def recall(self, X: Any) -> np.ndarray:
        """The graded states ``(n, n_features)`` in which cues X come to rest."""
        states = self._settle(self._cues(X)).states
        return np.asarray(output(self.network_, states))

    def predict(self, X: Any) -> np.ndarray:
        """:meth:`recall` in the patterns' own coding: each unit at the level that it is nearer to."""
        return self._coded(self.recall(X), sum(ACTIVATIONS[self.activation]) / 2)

    def energy(self, X: Any) -> np.ndarray:
        """E ``(n,)`` of graded states, with the integral term; not of internal states, and never binarised."""
        check_is_fitted(self)
        X = checked_data(self, X)
        self._inside(X)
        return np.asarray(energy(self.network_, X))

    def trajectory(self, x: Any) -> Trajectory:
        """The whole way of one cue ``(n_features,)``: times, graded states and energies, from the start to rest."""
        cue = self._cues(np.asarray(x)[None])
        end = self._settle(cue, trace=eqx.Partial(watched, self.network_))
        times, (states, energies) = end.trace
        there = ~np.isnan(times[:, 0])
        return Trajectory(times[there, 0], states[there, 0], energies[there, 0])

    def attractors(self, n_starts: int = 100) -> tuple[np.ndarray, np.ndarray]:
        """The distinct states, coded, that random starts end in, and how many starts each drew; most frequent first.

        Among them memories, negatives, mixtures: an estimate of how large each one's basin is.
        """
        check_is_fitted(self)
        draws = np.random.default_rng(seed_of(self.random_state)).uniform(size=(int(n_starts), self.n_features_in_))
        low, high = ACTIVATIONS[self.activation]
        ends = output(self.network_, self._settle((low + (high - low) * draws).astype(dtype())).states)
        found, counts = np.unique(self._coded(np.asarray(ends), (low + high) / 2), axis=0, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        return found[order], counts[order]

    def __sklearn_tags__(self) -> Any:
        """Patterns only, no targets."""
        tags = super().__sklearn_tags__()
        tags.target_tags.required = False
        return tags


def connections(rule: str, patterns: np.ndarray, activation: str) -> tuple[np.ndarray, np.ndarray]:
    """Weights and thresholds that store patterns, in their own coding.

    Storing works on spins s. With v = (1 + s) / 2 and 4 W, 2 W 1 for W, 0 the internal states double, the outputs of
    the sigmoid follow those of tanh exactly, and the energy gains a constant, ½ 1'W1.
    """
    low, high = ACTIVATIONS[activation]
    spins = (2 * patterns.astype(np.float64) - (high + low)) / (high - low)
    W = RULES[rule](spins)
    np.fill_diagonal(W, 0)
    return (W, np.zeros(len(W))) if activation == "tanh" else (4 * W, 2 * W.sum(1))


def hebbian(S: np.ndarray) -> np.ndarray:
    """S'S / n_features."""
    return S.T @ S / S.shape[1]


def pseudoinverse(S: np.ndarray) -> np.ndarray:
    """S⁺S, the projection on the span of the patterns; symmetric to the last bit."""
    P = np.linalg.pinv(S) @ S
    return (P + P.T) / 2


RULES = {"hebbian": hebbian, "pseudoinverse": pseudoinverse}


@eqx.filter_jit
def limits(network: GradedHopfield, method: str) -> tuple[Array, Array]:
    """The critical gain, and the largest certified step (Dormand and Prince choose their own)."""
    certified = jnp.inf if method == "dormand_prince" else network.certified_step(method)
    return network.critical_gain(), jnp.asarray(certified)


@eqx.filter_jit
def internal(network: GradedHopfield, v: Any) -> Array:
    """Internal states of outputs."""
    return network.internal(jnp.asarray(v))


@eqx.filter_jit
def output(network: GradedHopfield, u: Any) -> Array:
    """Outputs of internal states."""
    return network.output(jnp.asarray(u))


@eqx.filter_jit
def energy(network: GradedHopfield, v: Any) -> Array:
    """Energies of outputs."""
    return network.energy(jnp.asarray(v))


def watched(network: GradedHopfield, u: Array) -> tuple[Array, Array]:
    """What a trajectory shows: outputs and energies."""
    return network.output(u), network.energy_of(u)
