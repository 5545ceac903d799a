"""The Hopfield network of graded units behind scikit-learn's interface: a memory whose recall can be watched."""

import dataclasses
from typing import Any, ClassVar, NamedTuple

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.validation import check_is_fitted

from flambeau.dynamics import FLOWS, Flowed, flow
from flambeau.errors import ConfigurationError, DataError, check_value
from flambeau.estimators.common import seed_of
from flambeau.estimators.memory import AbstractAttractor, Patterns, distinct, warn
from flambeau.estimators.parameters import declared, number, one_of, parameters, whole
from flambeau.foundation.precision import dtype
from flambeau.foundation.rows import by_rows
from flambeau.networks import hopfield, recoded
from flambeau.networks.graded_hopfield import GradedHopfield, graded_hopfield
from flambeau.neurons.levels import check_levels
from flambeau.neurons.units import within
from flambeau.rules import Batch, Hebbian, Projection, taught

ACTIVATIONS = {"tanh": (-1.0, 1.0), "sigmoid": (0.0, 1.0)}
RULES = {"hebbian": Hebbian(), "pseudoinverse": Projection()}
SHARPEST = 0.99  # of the way from the middle to a level: where a cue at the level starts, as g⁻¹ is infinite there


class Trajectory(NamedTuple):
    """The way of one cue: ``times`` ``(t,)``, graded ``states`` ``(t, n_features)``, ``energy`` ``(t,)``."""

    times: np.ndarray
    states: np.ndarray
    energy: np.ndarray


def by_hand() -> Any:
    """None, or an array of numbers, whose shape ``fit`` looks at."""
    return declared(None, "None or an array of numbers", _is_numbers, lambda text: text, ())


def _is_numbers(value: Any) -> bool:
    """None, or what NumPy reads as an array of numbers."""
    try:
        return value is None or np.asarray(value).dtype.kind in "biuf"
    except (ValueError, TypeError):
        return False


@parameters
class ContinuousHopfield(AbstractAttractor):
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
    method : "dormand_prince", which follows the flow to its own end; "exponential_euler", "euler", whose large steps
        are quicker and may end elsewhere: see :func:`flambeau.dynamics.flow`.
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

    Images ``(n, height, width[, channels])`` are taken as rows. Warns of patterns that are no rest states.
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

    activation: str = one_of("tanh", ACTIVATIONS)
    _: dataclasses.KW_ONLY
    gain: float = number(10.0, above=0)
    tau: float = number(1.0, above=0)
    rule: str = one_of("hebbian", RULES)
    method: str = one_of("dormand_prince", FLOWS)
    step: float | None = number(None, above=0, also=(None,))
    tolerance: float = number(1e-5, above=0)
    max_steps: int = whole(10_000, least=1)
    weights: Any = by_hand()
    thresholds: Any = by_hand()

    fitted: ClassVar[tuple[str, ...]] = (
        *("network_", "patterns_", "n_features_in_", "feature_names_in_", "step_", "n_iter_", "converged_"),
    )

    def fit(self, X: Any = None, y: Any = None) -> "ContinuousHopfield":
        """Store the patterns X ``(patterns, n_features)``, which may be left out where weights are given."""
        return self._learn(X, anew=True)

    def partial_fit(self, X: Any, y: Any = None) -> "ContinuousHopfield":
        """Store more rows besides what is stored, as one ``fit`` of all would."""
        return self._learn(X, anew=False)

    def _patterns(self, X: Any, more: Any, *, fresh: bool) -> Patterns:
        if X is None and self.weights is None:
            raise DataError("ContinuousHopfield.fit, X", "patterns", "None", "give patterns, or set weights")
        if X is None:
            self.n_features_in_ = len(np.asarray(self.weights, float))
        rows = np.zeros((0, self.n_features_in_), dtype()) if X is None else self._read(X, fresh=fresh)
        return Patterns(rows, np.ones(len(rows)))

    def _forget(self, gone: Patterns, left: Patterns) -> "ContinuousHopfield":
        if self.weights is None:
            return self._store_anew(left)
        return self._memorise(self._draft(going_on=True), left, fresh=True)

    def _check(self) -> None:
        pass

    @property
    def _levels(self) -> tuple[float, float]:
        return ACTIVATIONS[self.activation]

    def _check_coding(self, X: Float[np.ndarray, "n units"], *, stored: bool) -> None:
        """Patterns of two levels, and cues between them."""
        where, otherwise = "ContinuousHopfield, X", "choose the activation of their coding, or set binarize to cut them"
        if stored:
            check_levels(where, X, self._levels, f"code them so, {otherwise}")
        within(X, *self._levels, where, f"units of {self.activation}", f"scale them, {otherwise}")

    def _store(self, new: Patterns, *, fresh: bool) -> None:
        """Weights by the rule or by hand, the step certified, and the patterns settled."""
        rows: np.ndarray = new.rows if fresh else np.concatenate([vars(self)["patterns_"], new.rows])
        network = self._network(rows)
        self._judge(network)
        self.network_, self.patterns_ = network, rows
        steps, still = (np.ones(1, int), np.ones(1, bool)) if not len(rows) else self._settle(rows)[1:]
        self.n_iter_, self.converged_ = int(steps.max()), bool(still.all())

    def _stored(self) -> Patterns:
        return Patterns(self.patterns_, np.ones(len(self.patterns_)))

    def _note(self, wrong: Float[np.ndarray, " asked"], lost: str) -> str:
        if not lost or float(limits(self.network_, "dormand_prince")[0]) >= self.gain or not self.converged_:
            return ""  # said already: there is nothing to remember, or they had not come to rest
        few = len(distinct(self.patterns_)) < self.n_features_in_ and self.weights is None and self.rule == "hebbian"
        return f"{lost}; raise the gain, " + ("use rule='pseudoinverse', " if few else "") + "or store fewer"

    def _network(self, patterns: Float[np.ndarray, "n units"]) -> GradedHopfield:
        """The rule's weights, or those given."""
        W, theta = self.weights, self.thresholds
        if W is None:
            wiring, ready = connections(RULES[self.rule], spins(patterns, self._levels), self.activation == "sigmoid")
            W, theta = wiring, np.asarray(ready) if theta is None else theta
        network = graded_hopfield(W, theta, self.activation, gain=float(self.gain), tau=float(self.tau))
        if patterns.shape[1] != len(network.bias):
            expected, got = f"patterns of {len(network.bias)} features", patterns.shape[1]
            raise DataError("ContinuousHopfield, X", expected, got, "one feature for each row of weights")
        return network

    def _judge(self, network: GradedHopfield) -> None:
        """Certify the step, and say where there is no energy or no memory."""
        critical, certified = map(float, limits(network, self.method))
        weights = np.asarray(network.structure.weights)
        if not network.structure.symmetric and not np.allclose(weights, weights.T, rtol=1e-5, atol=1e-7):
            text = "the weights are not symmetric, so no energy is certain to fall and states may go round for ever"
            warn(f"ContinuousHopfield: {text}; use (W + W.T) / 2 for a memory", 5)
            # Without an energy a step is good as long as it does not overshoot the drive.
            certified = float(self.tau) if self.method == "euler" else np.inf
        elif critical >= self.gain:
            text = f"gain={self.gain:g} is not above the critical gain {critical:.4g}, so there is one rest state only"
            warn(f"ContinuousHopfield: {text} and every cue ends there; raise the gain, or store patterns", 5)
        if self.step is not None and self.step > certified * (1 + 1e-6):
            expected = f"at most {certified:.4g}, up to which the energy is certain to fall"
            remedy = "lower it, leave it None, or use method='dormand_prince'"
            raise ConfigurationError("ContinuousHopfield.step", expected, self.step, remedy)
        self.step_ = float(min(certified, self.tau)) if self.step is None else float(self.step)

    def _settle(self, X: Float[np.ndarray, "n units"]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The outputs in which cues end, the steps they took, and which are at rest; says so where some are not."""
        numbers = tuple(np.asarray(number, X.dtype) for number in (self.step_, self.tau, self.tolerance))
        states, steps, still = by_rows(flowing, (self.network_, self.method, numbers, np.asarray(self.max_steps)), X)
        self._say_moving(still)
        return states, steps, still

    def _say_moving(self, still: Bool[np.ndarray, " n"]) -> None:
        if not still.all():
            text = f"ContinuousHopfield: {int((~still).sum())} of {len(still)} states not at rest after "
            remedy = f"{self.max_steps} steps; raise max_steps or the tolerance"
            warn(text + remedy, 4, ConvergenceWarning)

    def recall(self, X: Any) -> Float[np.ndarray, "n units"]:
        """The graded states ``(n, n_features)`` in which cues X come to rest."""
        return self._settle(self._cues(X))[0]

    def predict(self, X: Any) -> Float[np.ndarray, "n units"]:
        """:meth:`recall` in the patterns' own coding: each unit at the level that it is nearer to."""
        return self._nearer(self.recall(X))

    def _nearer(self, v: Float[np.ndarray, "n units"]) -> Float[np.ndarray, "n units"]:
        low, high = self._levels
        return np.where((low + high) / 2 < v, high, low).astype(dtype())

    def _wrong(self, X: Float[np.ndarray, "n units"]) -> Float[np.ndarray, " n"]:
        """A graded state never reaches its levels, so it is read by the nearer one."""
        return np.asarray((self._nearer(self._settle(X)[0]) != X).mean(1))

    def trajectory(self, x: Any) -> Trajectory:
        """The whole way of one cue ``(n_features,)``: times, graded states and energies, from the start to rest."""
        cue = self._cues(np.asarray(x)[None])
        end = flow(
            self.network_.velocity,
            internal(self.network_, jnp.asarray(cue)),
            method=self.method,
            step=self.step_,
            tau=float(self.tau),
            tolerance=float(self.tolerance),
            max_steps=int(self.max_steps),
            trace=eqx.Partial(watched, self.network_),
        )
        self._say_moving(np.asarray(end.still))
        times, (states, energies) = end.trace
        there = ~np.isnan(times[:, 0])
        return Trajectory(times[there, 0], states[there, 0], energies[there, 0])

    def attractors(self, n_starts: int = 100) -> tuple[np.ndarray, np.ndarray]:
        """The distinct states, coded, that random starts end in, and how many starts each drew; most frequent first.

        Among them memories, negatives, mixtures: an estimate of how large each one's basin is.
        """
        check_is_fitted(self)
        check_value("ContinuousHopfield.attractors, n_starts", n_starts, 1, whole=True)
        draws = np.random.default_rng(seed_of(self.random_state)).uniform(size=(int(n_starts), self.n_features_in_))
        low, high = self._levels
        ends = self._settle((low + (high - low) * draws).astype(dtype()))[0]
        found, counts = np.unique(self._nearer(ends), axis=0, return_counts=True)
        order = np.argsort(-counts, kind="stable")
        return found[order], counts[order]


def spins(patterns: Float[np.ndarray, "n units"], levels: tuple[float, float]) -> Float[np.ndarray, "n units"]:
    """Patterns of -1 and +1, as which they are stored."""
    low, high = levels
    return ((2 * patterns - (high + low)) / (high - low)).astype(dtype())


@eqx.filter_jit
def stored_once(rule: Any, batch: Batch, rate: Any, binary: bool) -> Any:
    """A discrete network that has looked at the patterns once; for 0 and 1 recoded."""
    network = taught(hopfield(batch.inputs.shape[1]), rule, batch, rate)
    return recoded(network) if binary else network


def connections(rule: Any, S: Float[np.ndarray, "n units"], binary: bool) -> tuple[Any, Array]:
    """The wiring and thresholds that store patterns: W = S'S / n_features for Hebb's rule, or the projection.

    For 0 and 1 the internal states double, the outputs of the sigmoid follow those of tanh exactly, and the energy
    gains a constant, ½ 1'W1.
    """
    rate = 1 / S.shape[1] if isinstance(rule, Hebbian) else 1.0
    batch = Batch.of(S, S)
    network = stored_once(rule, batch, np.asarray(rate, S.dtype), binary)
    return network.structure, network.threshold


@eqx.filter_jit
def limits(network: GradedHopfield, method: str) -> tuple[Array, Array]:
    """The critical gain, and the largest certified step (Dormand and Prince choose their own)."""
    certified = jnp.inf if method == "dormand_prince" else network.certified_step(method)
    return network.critical_gain(), jnp.asarray(certified)


@eqx.filter_jit
def internal(network: GradedHopfield, v: Array) -> Array:
    """Internal states whose outputs are the cues, a little inside the levels."""
    low, high = network.activation.low, network.activation.high
    middle, reach = (low + high) / 2, SHARPEST * (high - low) / 2
    return network.internal(jnp.clip(v, middle - reach, middle + reach))


def watched(network: GradedHopfield, u: Array) -> tuple[Array, Array]:
    """What a trajectory shows: outputs and energies."""
    return network.output(u), network.energy_of(u)


def flowing(given: tuple, v: Any) -> tuple[Array, Array, Array]:
    """The flow of some cues: outputs, steps, and which rest."""
    network, method, (step, tau, tolerance), limit = given
    u0 = internal(network, jnp.asarray(v))
    end: Flowed = flow(network.velocity, u0, method=method, step=step, tau=tau, tolerance=tolerance, max_steps=limit)
    return network.output(end.states), end.steps, end.still
