"""How `Hopfield` stores: its rules by name, one look or many, what it takes out again, and what it says of the load."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from sklearn.exceptions import ConvergenceWarning

from flambeau.analysis import absolute_capacity, critical_point
from flambeau.errors import ConfigurationError, DataError
from flambeau.estimators.common import seed_of
from flambeau.estimators.memory import Patterns, distinct, warn
from flambeau.foundation.rows import room_for
from flambeau.networks import HopfieldNetwork, hopfield, recoded
from flambeau.neurons import Bernoulli, Spin
from flambeau.problems import Examples
from flambeau.rules import (
    AbstractRule,
    Batch,
    Covariance,
    Hebbian,
    MarginPerceptron,
    ProbabilityFlow,
    Projection,
    Storkey,
    Unlearning,
)
from flambeau.training import NoMistakes, optimizer, train


class RuleKind(NamedTuple):
    """How a memory's rule is made and run: over and over until no pattern is amiss, or once; which states it is for."""

    made: Callable[[Any], AbstractRule]
    repeats: bool = False
    states: tuple[str, ...] = ("bipolar", "binary")


RULES = {
    "hebbian": RuleKind(lambda model: Hebbian()),
    "covariance": RuleKind(lambda model: Covariance(model._activity), states=("binary",)),
    "storkey": RuleKind(lambda model: Storkey(int(model.order))),
    "pseudoinverse": RuleKind(lambda model: Projection()),
    "perceptron": RuleKind(lambda model: MarginPerceptron(float(model.margin)), repeats=True),
    "mpf": RuleKind(lambda model: ProbabilityFlow(1 + float(model.margin)), repeats=True),
}
CODINGS: Mapping[str, tuple[float, float]] = {"bipolar": (-1.0, 1.0), "binary": (0.0, 1.0)}
HOLDS_ANY = 'fb.DenseHopfield("exponential")'
History = dict[str, np.ndarray]


class Learned(NamedTuple):
    """The network in the coding asked for, the projection's diagonal (or None), and the curves of repeated passes."""

    network: HopfieldNetwork
    own: Any
    history: History


def stored(model: Any, new: Patterns, *, fresh: bool) -> Learned:
    """The new patterns learned by the model's rule: one look at them, or passes over all until none is amiss."""
    if RULES[model.rule].repeats:
        every = new if fresh else model._stored().and_then(new)
        return repeated(model, every, fresh=fresh)
    batch, native = batch_of(_spins(model, new.rows), new.weights), model.rule == "covariance"
    start = None if fresh else in_spins(model)
    unit, own = Bernoulli() if native else Spin(), None if fresh else model._own
    rule, recode = rule_of(model, new, fresh=fresh), model.states == "binary" and not native
    network, own = one_look(start, new.rows.shape[1], unit, rule, batch, own, recode)
    if own is not None:
        check_independent(model, new, float(np.asarray(own).sum()), fresh=fresh)
    return Learned(network, own, {"loss": np.zeros(1)})


@eqx.filter_jit
def one_look(
    network: HopfieldNetwork | None, units: int, unit: Any, rule: AbstractRule, batch: Batch, own: Any, recode: bool
) -> tuple[HopfieldNetwork, Array | None]:
    """One step of a rule at a learning rate of 1, from nothing or from a network; the projection's state is its
    network's weights and a diagonal, of which only the diagonal is kept.
    """
    network = hopfield(units, unit) if network is None else network
    state = rule.init(network, batch) if own is None else (network.structure.weights + jnp.diag(own),)
    proposal, state, _ = rule.propose(network, batch, state, jax.random.key(0))
    after = jax.tree.map(lambda now, change: now - change, network, proposal)
    return recoded(after) if recode else after, jnp.diagonal(state[0]) if state else None


def batch_of(X: Float[np.ndarray, "n units"], weights: Float[np.ndarray, " n"]) -> Batch:
    """Patterns as a batch, filled up by rows that weigh nothing: sets of nearly the same size share a program."""
    more = room_for(len(X)) - len(X)
    rows, counts = np.pad(X, ((0, more), (0, 0)), constant_values=1), np.pad(weights, (0, more)).astype(X.dtype)
    return Batch.of(rows, rows, counts)


def repeated(model: Any, every: Patterns, *, fresh: bool) -> Learned:
    """Passes over all patterns, until none is below the margin."""
    X, size = _spins(model, every.rows), room_for(len(every.rows))
    run = train(
        hopfield(X.shape[1], symmetric=bool(model.symmetric)) if fresh else in_spins(model),
        rule_of(model, every, fresh=fresh),
        Examples.of(X, np.zeros(len(X)), every.weights, shuffle=False, whole=size),
        optimizer=optimizer("momentum" if model.rule == "mpf" else "sgd", rate_of(model, X)),
        epochs=int(model.max_epochs),
        batch_size=size,
        key=seed_of(model.random_state),
        stopping=NoMistakes(),
        verbose=bool(model.verbose),
    )
    history = {name: np.asarray(values) for name, values in run.history.items()}
    if history["mistakes"][-1] > 0:
        text = f"Hopfield: {int(history['mistakes'][-1])} patterns are below the margin after {run.rounds} epochs; "
        remedy = "raise max_epochs, lower the margin, or store fewer patterns"
        warn(text + remedy, 6, ConvergenceWarning)
    return Learned(recoded(run.network) if model.states == "binary" else run.network, None, history)


def rule_of(model: Any, new: Patterns, *, fresh: bool) -> AbstractRule:
    """The rule that the parameters describe; sparse patterns keep the activity of the first ones."""
    if model.rule == "covariance" and fresh:
        mean = np.average(new.rows.mean(1), weights=new.weights)
        model._activity = float(np.clip(mean, 1e-6, 1 - 1e-6))
    return RULES[model.rule].made(model)


def rate_of(model: Any, X: Float[np.ndarray, "n units"]) -> float:
    """The learning rate; for the flow, one over the largest curvature at the start."""
    if model.learning_rate != "auto":
        return float(model.learning_rate)
    if model.rule != "mpf":
        return 1.0
    return float(len(X) / np.linalg.norm(X.astype(np.float64), 2) ** 2)


def _spins(model: Any, X: Float[np.ndarray, "n units"]) -> Float[np.ndarray, "n units"]:
    """Patterns in the coding in which the rule learns."""
    return X if model.states == "bipolar" or model.rule == "covariance" else 2 * X - 1


def in_spins(model: Any) -> HopfieldNetwork:
    """The network in the coding in which the rule learns."""
    native = model.states == "bipolar" or model.rule == "covariance"
    network: HopfieldNetwork = model.network_ if native else recoded(model.network_)
    return network


def subtracted(model: Any, gone: Patterns) -> HopfieldNetwork:
    """Hebb's sum without some patterns, exactly."""
    batch, units = batch_of(_spins(model, gone.rows), -gone.weights), gone.rows.shape[1]
    return one_look(in_spins(model), units, Spin(), Hebbian(), batch, None, model.states == "binary")[0]


def dreamt(model: Any, dreams: int, rate: float, refresh: float) -> tuple[HopfieldNetwork, History]:
    """The network after dreams, each weakened by its share of what Hebb's rule would have given it."""
    network, rows = in_spins(model), _spins(model, model.patterns_)
    hebb = rows.T @ rows
    np.fill_diagonal(hebb, 0)
    scale = float(np.abs(np.asarray(network.structure.weights)).sum() / max(np.abs(hebb).sum(), 1e-30))
    run = train(
        network,
        Unlearning(refresh=refresh),
        Examples.of(rows, np.zeros(len(rows)), shuffle=True),
        optimizer=optimizer("sgd", rate * scale * rows.shape[1]),
        steps=dreams,
        batch_size=1,
        key=seed_of(model.random_state),
        verbose=bool(model.verbose),
    )
    after = recoded(run.network) if model.states == "binary" else run.network
    return after, {name: np.asarray(values) for name, values in run.history.items()}


def check_awake(model: Any, *, fresh: bool) -> None:
    """Refuse to store anew what was unlearned: only Hebb's sum changes by what is added or removed, and no more."""
    if not fresh and vars(model).get("_unlearned") and model.rule != "hebbian":
        expected, remedy = "a memory that was not unlearned, or rule='hebbian'", "fit all patterns anew, then unlearn"
        raise ConfigurationError("Hopfield, adding or removing patterns", expected, f"rule={model.rule!r}", remedy)


def check_independent(model: Any, new: Patterns, trace: float, *, fresh: bool) -> None:
    """The projection holds fewer independent patterns than neurons, recalls half as many; dependent ones add nothing.

    The trace of P is their number. As many as neurons span everything: P is the identity, and without its diagonal
    nothing is left of it.
    """
    units, rank = new.rows.shape[1], round(trace)
    patterns = len(distinct(new.rows if fresh else np.concatenate([model.patterns_, new.rows])))
    if rank >= units:
        expected = f"fewer independent patterns than neurons, at most {units - 1}"
        remedy = f"store fewer, or use {HOLDS_ANY}, which holds more"
        raise DataError("Hopfield, rule='pseudoinverse'", expected, f"{rank} with n_features={units}", remedy)
    if rank > max(units / 2, 2):
        text = f"Hopfield: {rank} independent patterns in {units} neurons are fixed points, but beyond half as many as "
        text += f"neurons worn ones hardly find back to them; store fewer, or use {HOLDS_ANY}"
        warn(text, 6)
    if rank < patterns:
        text = f"Hopfield: {patterns - rank} of {patterns} patterns depend linearly on the others; they are fixed "
        text += f"points all the same and change no weight; leave them out, or use {HOLDS_ANY}, which keeps each one"
        warn(text, 6)


def advice_for(model: Any, loss: float) -> str:
    """What would hold the patterns that this rule lost."""
    patterns, units = len(distinct(model.patterns_)), model.n_features_in_
    text = f" ({loss:.1%} of their bits would flip), {patterns} patterns in {units} neurons"
    if model.rule == "hebbian":
        load = critical_point().load
        text += f"; Hebb's rule reads about {load:.3f} per neuron ({load * units:.0f}) if they are random, "
        text += f"{absolute_capacity(units):.0f} of them bit for bit"
    projection = patterns < units and model.rule not in ("pseudoinverse", "covariance")
    return f"{text}; use " + ("rule='pseudoinverse', or " if projection else "") + HOLDS_ANY
