"""What the Boltzmann estimators share: reading data in the units' range, building samplers, clamps, small-set order."""

import warnings
import zlib
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from scipy.sparse import issparse

from flambeau.analysis import LikelihoodReport, LogPartition, log_partition
from flambeau.dynamics import AbstractSampler, Clamp, Enumeration, FromData, Persistent, Tempering
from flambeau.errors import ConfigurationError, DataError, DivergenceError, check_value
from flambeau.estimators.common import check_number, checked_data, class_indices, seed_of
from flambeau.estimators.fitting import Lesson
from flambeau.foundation.precision import dtype
from flambeau.neurons import AbstractUnit
from flambeau.neurons.units import states_of

__all__ = [
    "ALGORITHMS",
    "BINARISE",
    "PROTOCOLS",
    "bound_report",
    "check_sampling",
    "check_sizes",
    "check_weights",
    "clamp_of",
    "dense",
    "forget_partition",
    "fresh_bias",
    "held_label",
    "how_many",
    "in_order",
    "known_partition",
    "partition_of",
    "sampler_of",
    "shown",
    "trusted_value",
    "visible_rows",
]

ALGORITHMS = ("cd", "pcd", "tempering", "exact")
BINARISE = (None, "sample", "threshold")
PROTOCOLS = {
    None: "values as they are (between 0 and 1: probabilities)",
    "sample": "stochastic pixels: 0 or 1 drawn once with the value as probability",
    "threshold": "pixels thresholded at 1/2",
}
LARGEST = 1e3  # a weight or bias beyond this is no model any more


def visible_rows(model: Any, X: Any, unit: AbstractUnit | None, *, reset: bool = False) -> np.ndarray:
    """Checked rows, sparse ones made dense, within the range of the ``unit``."""
    X = checked_data(model, dense(X), reset=reset)
    if unit is not None:
        unit.check(X, f"{type(model).__name__}, X")
    return X


def dense(X: Any) -> Any:
    """Sparse rows as an array; the device holds nothing else."""
    return X.toarray() if issparse(X) else X


def shown(X: np.ndarray, binarise: str | None, seed: int) -> np.ndarray:
    """The rows as the model is asked about them: real-valued, thresholded at ½, or drawn once with that probability."""
    if binarise == "threshold":
        return (X > 0.5).astype(X.dtype)
    return drawn(X, seed) if binarise == "sample" else X


def drawn(X: np.ndarray, seed: int) -> np.ndarray:
    """0 or 1 with the value as probability, by the row's own content: the same in whatever order or part it comes."""
    found = np.empty_like(X)
    for row, place in zip(X, found, strict=True):
        place[:] = np.random.default_rng([seed, zlib.crc32(row.tobytes())]).random(len(row)) < row
    return found


def how_many(model: Any, n_samples: Any, n_steps: Any) -> tuple[int, np.ndarray]:
    """Both numbers checked; the steps as data, so that another number of them runs the same program."""
    for name, number, least in (("n_samples", n_samples, 1), ("n_steps", n_steps, 0)):
        check_value(f"{type(model).__name__}, {name}", number, least, whole=True)
    return int(n_samples), np.asarray(n_steps, np.int32)


def held_label(model: Any, label: Any) -> Clamp | None:
    """A clamp on the label columns, the last of the machine's; None leaves the label free."""
    if label is None:
        return None
    if np.ndim(label):
        raise DataError(f"{type(model).__name__}.sample, label", "one label", label, "sample one class at a time")
    remedy = f"give one of {list(model.classes_)}"
    place = class_indices(model, model.classes_, np.atleast_1d(label), remedy)[0]
    columns, first = len(model._base), len(model._base) - len(model.classes_)
    values = np.eye(columns, dtype=model._base.dtype)[first + place]
    return Clamp(values, np.arange(columns) >= first)


def partition_of(model: Any, machine: Any, method: str, options: dict[str, Any]) -> LogPartition:
    """log Z of the machine, from the model's own base rates and seed unless the options say otherwise."""
    given = {"base": model._base, "key": jax.random.key(seed_of(model.random_state)), **options}
    return log_partition(machine, method, **given)


def forget_partition(model: Any) -> None:
    """What :func:`known_partition` keeps belongs to the network before."""
    model.__dict__.pop("_partition", None)


def bound_report(model: Any, X: Any, given: Any) -> LikelihoodReport:
    """The mean of a model's likelihood bound with its error, the protocol, and whether log Z can be trusted."""
    given = known_partition(model) if given is None else given
    return LikelihoodReport.of(model.log_likelihood_bound(X, given), PROTOCOLS[model.binarize], given, bound=True)


def check_sampling(model: Any) -> None:
    """Refuse a way of showing the data, or a sampler, that does not exist."""
    if model.binarize not in BINARISE:
        where = f"{type(model).__name__}.binarize"
        raise ConfigurationError(where, "None, 'sample' or 'threshold'", repr(model.binarize), "choose one")
    sampler_of(model)


def known_partition(model: Any) -> LogPartition:
    """log Z under the default settings, computed once for a fitted model."""
    if not hasattr(model, "_partition"):
        model._partition = model.log_partition()
    return model._partition


def trusted_value(model: Any, given: Any) -> float:
    """log Z as a number; one that is not to be trusted is not used without a word."""
    if isinstance(given, LogPartition) and not given.trusted:
        text = f"{type(model).__name__}: log Z = {given.value:.2f} nats is not to be trusted ({given.reason}); "
        remedy = "log_partition(chains=..., temperatures=...) with more of both may be"
        warnings.warn(text + remedy, UserWarning, stacklevel=3)
    return float(given)


def sampler_of(model: Any, steps: Any = None) -> AbstractSampler:
    """The sampler that ``algorithm``, ``k`` (or ``steps``), ``n_chains`` and ``n_temperatures`` describe."""
    name = type(model).__name__
    if model.algorithm not in ALGORITHMS:
        raise ConfigurationError(
            f"{name}.algorithm", f"one of {', '.join(ALGORITHMS)}", repr(model.algorithm), "choose"
        )
    check_number(model, "k", 1, whole=True)
    check_number(model, "batch_size", 1, whole=True)
    if model.n_chains is not None:
        check_number(model, "n_chains", 1, whole=True)
    check_number(model, "n_temperatures", 2, whole=True)
    k = int(steps or model.k)
    chains = int(model.n_chains or model.batch_size)
    if model.algorithm == "exact":
        return Enumeration()
    if model.algorithm == "cd":
        return FromData(k)
    if model.algorithm == "pcd":
        return Persistent(chains, k)
    return Tempering(chains, k, int(model.n_temperatures))


def fresh_bias(unit: AbstractUnit, X: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The visible biases at which unconnected units show these rows' means."""
    total = (weights[:, None] * X).sum(0, dtype=np.float64)
    return np.asarray(unit.bias_for(jnp.asarray(total, dtype()), float(weights.sum())))


def in_order(lesson: Lesson, batch_size: int, *, shuffle: bool) -> Lesson:
    """Rows that fit into one batch, in an order of their own, equal ones merged and their weights added.

    So a small set gives the same model in whatever order it comes, and a row of weight 2 is exactly that row twice.
    """
    if not shuffle or len(lesson.X) > batch_size:
        return lesson
    X, places = np.unique(lesson.X, axis=0, return_inverse=True)
    weights = np.bincount(places.ravel(), weights=lesson.weights, minlength=len(X))
    return Lesson(X, lesson.targets[: len(X)], weights, lesson.held_out)


def clamp_of(model: Any, clamp: Any, unit: AbstractUnit, n_samples: int) -> Clamp | None:
    """A clamp from an array in which NaN marks what is free; one row, or one row per sample."""
    if clamp is None:
        return None
    where = f"{type(model).__name__}.sample, clamp"
    values = np.asarray(clamp, dtype())
    features = model.n_features_in_
    if values.shape not in ((features,), (n_samples, features)):
        expected = f"shape ({features},) or ({n_samples}, {features}), NaN where a unit is free"
        raise DataError(where, expected, values.shape, "give one value or NaN per visible unit")
    values = np.broadcast_to(values, (n_samples, features))
    mask = ~np.isnan(values)
    check_groups(where, unit, mask)
    filled = np.where(mask, values, np.asarray(neutral(unit, np.zeros(features, dtype()))))
    if np.isinf(filled).any():
        raise DataError(where, "finite values", "infinity", "mark free units with NaN")
    unit.check(filled, where)
    return Clamp(filled, mask)


def check_groups(where: str, unit: AbstractUnit, mask: np.ndarray) -> None:
    """A softmax group is held as a whole, or free as a whole."""
    choices = states_of(unit, mask.shape[1])
    if choices is None:
        return
    widths = [states.shape[1] for states in choices]
    for part in np.split(mask, np.cumsum(widths)[:-1], axis=1):
        if (part.any(1) & ~part.all(1)).any():
            raise DataError(where, "softmax groups that are whole", "one held in part", "give all columns of a group")


@eqx.filter_jit
def neutral(unit: AbstractUnit, net: Any) -> Array:
    """Values that every unit may take, for the free places of a clamp."""
    return unit.mean(net)


def check_weights(model: Any, network: Any) -> None:
    """Bernoulli machines never reach infinity: they saturate. Weights of a thousand are a divergence all the same.

    The bias of a unit that takes any number is where its data are, and may be as large as they.
    """
    leaves = {"weights": network.structure.weights, "hidden_bias": network.hidden_bias}
    if states_of(network.visible, len(network.visible_bias)) is not None:
        leaves["visible_bias"] = network.visible_bias
    check_sizes(model, leaves)


def check_sizes(model: Any, leaves: dict[str, Any]) -> None:
    """Refuse parameters that are no numbers of a model any more."""
    for name, leaf in leaves.items():
        largest = float(np.abs(np.asarray(leaf)).max())
        if not largest < LARGEST:
            raise DivergenceError(
                f"{type(model).__name__}, {name}",
                f"values below {LARGEST:g}",
                f"{largest:.3g}",
                "lower the learning rate (10 to 100 times for Gaussian units), or standardise the data",
            )
