"""What the associative memories share: bits, storage rules by name, orders by name, and what is said of the load."""

import warnings
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np

from flambeau.analysis import absolute_capacity, critical_point
from flambeau.dynamics import AbstractUpdate, Asynchronous, BlockSequential, Greedy, Settled, Synchronous
from flambeau.errors import ConfigurationError, DataError, named
from flambeau.estimators.common import check_number, seed_of
from flambeau.networks import HopfieldNetwork, hopfield, recoded
from flambeau.neurons import Bernoulli, Spin
from flambeau.problems import Examples
from flambeau.rules import AbstractRule, Covariance, Hebbian, MarginPerceptron, ProbabilityFlow, Projection, Storkey
from flambeau.training import NoMistakes, Run, RunAll, optimiser, train

__all__ = [
    "RULES",
    "bits_of",
    "check_memory",
    "energy_of",
    "held_rows",
    "remedy_for",
    "start_of",
    "stored",
    "symmetric",
    "update_of",
    "warn_of_load",
    "warn_of_rise",
]


class RuleKind(NamedTuple):
    """How a rule is run: over and over until no pattern is amiss, or once; and which states it is for."""

    repeats: bool
    states: tuple[str, ...] = ("bipolar", "binary")


RULES = {
    "hebbian": RuleKind(False),
    "covariance": RuleKind(False, ("binary",)),
    "storkey": RuleKind(False),
    "pseudoinverse": RuleKind(False),
    "perceptron": RuleKind(True),
    "mpf": RuleKind(True),
}
LEVELS = {"bipolar": (-1, 1), "binary": (0, 1)}
UPDATES = {
    "asynchronous": Asynchronous(),
    "random": Asynchronous("random"),
    "replacement": Asynchronous("replacement"),
    "greedy": Greedy(),
    "synchronous": Synchronous(),
    "block": BlockSequential(2),
}


def check_memory(model: Any) -> None:
    """Refuse parameters that cannot work."""
    named("Hopfield.rule", RULES, model.rule)
    named("Hopfield.states", LEVELS, model.states)
    if model.states not in RULES[model.rule].states:
        remedy = "states='binary' with patterns of 0 and 1"
        raise ConfigurationError("Hopfield.states", "binary states for rule='covariance'", model.states, remedy)
    check_number(model, "order", 1, 2, whole=True)
    check_number(model, "margin", 0)
    check_number(model, "max_epochs", 1, whole=True)
    if model.binarize is not None:
        check_number(model, "binarize", -np.inf)
    if model.learning_rate != "auto":
        check_number(model, "learning_rate", 0)


def bits_of(model: Any, X: np.ndarray) -> np.ndarray:
    """Rows of the two states: cut where the model says so, else checked."""
    low, high = LEVELS[model.states]
    if model.binarize is not None:
        return np.where(model.binarize < X, high, low).astype(X.dtype)
    strange = np.unique(X[(low != X) & (high != X)])
    if len(strange):
        other = "0 and 1: say states='binary'" if model.states == "bipolar" else "-1 and 1: say states='bipolar'"
        got = ", ".join(f"{value:g}" for value in strange[:4]) + (", ..." if len(strange) > 4 else "")
        remedy = f"for {other}; for other values set binarize=, above which a bit is {high}"
        raise DataError(f"{type(model).__name__}, X", f"values {low} and {high}", got, remedy)
    return X


def start_of(model: Any, network: HopfieldNetwork) -> HopfieldNetwork:
    """The network in the coding in which the rule learns."""
    native = model.states == "bipolar" or model.rule == "covariance"
    return network if native else recoded(network)


def stored(model: Any, X: np.ndarray, weights: np.ndarray, *, fresh: bool) -> Run:
    """The patterns learned by the model's rule: one look, or passes over all of them until none is amiss."""
    repeats = RULES[model.rule].repeats
    size = 1 << (len(X) - 1).bit_length()  # so that sets of nearly the same size share a program
    unit = Bernoulli() if model.rule == "covariance" else Spin()
    earlier = model.run_ if not fresh and model.rule == "pseudoinverse" and hasattr(model, "run_") else None
    network = hopfield(X.shape[1], unit, symmetric=bool(model.symmetric)) if fresh else start_of(model, model.network_)
    return train(
        network if earlier is None else earlier.network,
        rule_of(model, X, weights, fresh=fresh),
        Examples.of(X, np.zeros(len(X)), weights, shuffle=False, whole=size),
        optimizer=optimiser("momentum" if model.rule == "mpf" else "sgd", rate_of(model, X)),
        steps=(earlier.steps if earlier else 0) + (int(model.max_epochs) if repeats else 1),
        batch_size=size,
        key=seed_of(model.random_state) if earlier is None else earlier.seed[-1],
        stopping=NoMistakes() if repeats else RunAll(),
        verbose=model.verbose and repeats,
        resume=earlier,
    )


def rule_of(model: Any, X: np.ndarray, weights: np.ndarray, *, fresh: bool) -> AbstractRule:
    """The rule that the parameters describe; sparse patterns keep the activity of the first ones."""
    if model.rule == "covariance":
        mean = np.average(X.mean(1), weights=weights)
        model._activity = float(np.clip(mean, 1e-6, 1 - 1e-6)) if fresh else model._activity
        return Covariance(model._activity)
    if model.rule == "perceptron":
        return MarginPerceptron(float(model.margin))
    if model.rule == "mpf":
        return ProbabilityFlow(1 + float(model.margin))
    return {"hebbian": Hebbian(), "storkey": Storkey(int(model.order)), "pseudoinverse": Projection()}[model.rule]


def rate_of(model: Any, X: np.ndarray) -> float:
    """The learning rate; for the flow, one over the largest curvature at the start."""
    if model.learning_rate != "auto":
        return float(model.learning_rate)
    if model.rule != "mpf":
        return 1.0
    return float(len(X) / np.linalg.norm(X.astype(np.float64), 2) ** 2)


def warn_of_load(model: Any, X: np.ndarray) -> None:
    """More patterns than the rule can hold: said where it is known."""
    patterns, units = X.shape
    if model.rule == "hebbian" and patterns > max(critical_point().load * units, 2):
        load = critical_point().load
        text = (
            f"Hopfield: {patterns} patterns in {units} neurons; Hebb's rule reads about {load:.3f} per neuron "
            f"({load * units:.0f}) if they are random, {absolute_capacity(units):.0f} of them bit for bit; "
            "use rule='pseudoinverse' or 'storkey', or fb.DenseHopfield"
        )
        warnings.warn(text, UserWarning, stacklevel=4)
    if model.rule == "pseudoinverse":
        check_independent(X, patterns, units)


def check_independent(X: np.ndarray, patterns: int, units: int) -> None:
    """The projection holds fewer independent patterns than neurons, recalls half as many; dependent ones add nothing.

    As many as neurons span everything: P is the identity, and without its diagonal nothing is left of it.
    """
    rank = int(np.linalg.matrix_rank(X.astype(np.float64)))
    if rank >= units:
        expected = f"fewer independent patterns than neurons, at most {units - 1}"
        remedy = "store fewer, or use fb.DenseHopfield, which holds more"
        raise DataError("Hopfield, rule='pseudoinverse'", expected, f"{rank} with n_features={units}", remedy)
    said = []
    if rank > max(units / 2, 2):
        said.append(
            f"{rank} independent patterns in {units} neurons are fixed points, but beyond half as many as neurons worn "
            "ones hardly find back to them; store fewer, or use fb.DenseHopfield"
        )
    if rank < patterns:
        said.append(
            f"{patterns - rank} of {patterns} patterns depend linearly on the others; they are fixed points all the "
            "same and change no weight; leave them out, or use fb.DenseHopfield, which keeps each one"
        )
    for text in said:
        warnings.warn(f"Hopfield: {text}", UserWarning, stacklevel=5)


def update_of(update: Any) -> AbstractUpdate:
    """The order of change by its name, or as given."""
    return update if isinstance(update, AbstractUpdate) else named("Hopfield.recall, update", UPDATES, update)


def remedy_for(model: Any, update: AbstractUpdate, *, swings: bool) -> str:
    """What helps rows that do not come to rest: what asynchronous recall needs to end, then that, then patience."""
    needed = [] if model._symmetric else ["make the weights symmetric, (W + W.T) / 2"]
    if np.diagonal(model.weights_).min() < 0:
        needed.append("set self-connections below 0 to 0")
    if swings and not isinstance(update, Asynchronous | Greedy):
        needed.append("use update='asynchronous', which then always ends")
    patience = [] if swings and needed else ["raise max_sweeps"]
    return ", or ".join([*patience, *([" and ".join(needed)] if needed else [])])


def warn_of_rise(model: Any, update: AbstractUpdate, found: Settled) -> None:
    """Symmetric weights, one neuron at a time: the recorded energies must not rise beyond rounding."""
    if not model._symmetric or not isinstance(update, Asynchronous | Greedy):
        return
    rise, largest = np.asarray(found.rise), np.abs(model.weights_).sum() / 2 + np.abs(model.thresholds_).sum()
    rose = rise > 4 * np.finfo(rise.dtype).eps * largest
    if rose.any():
        text = (
            f"Hopfield: the energy of {rose.sum()} of {len(rose)} rows rose, by up to {rise.max():.3g}; it falls for "
            "certain with w_ij = w_ji and no w_ii below 0: use (W + W.T) / 2 and set self-connections below 0 to 0"
        )
        warnings.warn(text, UserWarning, stacklevel=4)


def held_rows(held: Any, X: np.ndarray) -> Any:
    """The mask of neurons that keep their values, for every row."""
    if held is None:
        return None
    mask = np.asarray(held)
    if mask.dtype != bool or mask.shape not in (X.shape, X.shape[1:]):
        expected, got = f"a boolean mask of shape {X.shape[1:]} or {X.shape}", f"{mask.dtype} {mask.shape}"
        raise DataError("Hopfield.recall, held", expected, got, "mark the neurons that keep their values with True")
    return jnp.asarray(np.broadcast_to(mask, X.shape))


def symmetric(network: HopfieldNetwork) -> bool:
    """Whether w_ij = w_ji, up to rounding."""
    weights = np.asarray(network.structure.weights)
    return bool(np.allclose(weights, weights.T, rtol=1e-4, atol=1e-6 * max(np.abs(weights).max(), 1e-30)))


def energy_of(network: Any, x: Any) -> Any:
    """The network's energy."""
    return network.energy(jnp.asarray(x))
