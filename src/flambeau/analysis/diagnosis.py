"""Three ways to a verdict: from a finished run, from a network and a batch, from gradients of your own."""

from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import PyTree

from flambeau.analysis.gradient_numbers import flow_numbers
from flambeau.analysis.learning_layers import Row, named_floats, rows_of
from flambeau.analysis.verdict import Verdict, judge
from flambeau.errors import ConfigurationError
from flambeau.rules.base import AbstractRule, Batch


def gradient_flow(network: PyTree, rule: AbstractRule, batch: Batch) -> Verdict:
    """The verdict on a network as it is, on one batch, without training it.

    >>> import flambeau as fb
    >>> import jax
    >>> network = fb.networks.mlp((2, 4, 4, 4, 4, 1), "sigmoid", "sigmoid", key=jax.random.key(0))
    >>> batch = fb.problems.Examples.of(*fb.problems.xor()).everything()
    >>> gradient_flow(network, fb.rules.Backpropagation(), batch).kinds
    ('vanishing',)

    Raises :class:`~flambeau.errors.ConfigurationError` for a network that the rule cannot teach. *Limits.* As for
    :class:`~flambeau.monitors.GradientFlow`; a verdict is a rule of thumb about the size of gradients, and says
    nothing about where they lead. Lecture: 为什么传统的 BP 在深度增加后仍有问题.
    """
    numbers = eqx.filter_jit(flow_numbers)(network, rule, batch)
    return judge(rows_of(network), {name: np.asarray(values) for name, values in numbers.items()})


def diagnose(run: Any, at: int = -1) -> Verdict:
    """The verdict on round ``at`` of a run that was watched by :class:`~flambeau.monitors.GradientFlow`.

    The first round (0) shows how the network started, the last (-1) where it got to.

    >>> import flambeau as fb
    >>> import jax
    >>> network = fb.networks.mlp((2, 4, 1), "tanh", "sigmoid", key=jax.random.key(0))
    >>> run = fb.train(network, fb.rules.Backpropagation(), fb.problems.Examples.of(*fb.problems.xor()), steps=40,
    ...                batch_size=4, monitors=(fb.monitors.GradientFlow(),))
    >>> diagnose(run).healthy
    True

    Raises :class:`~flambeau.errors.ConfigurationError` for a run that was not watched, or has no such round.
    """
    if "gradient_flow" not in run.records:
        watched = ", ".join(run.records) or "nothing"
        remedy = "train with monitors=(GradientFlow(),)"
        raise ConfigurationError("diagnose", "a run watched by GradientFlow", f"one watched by {watched}", remedy)
    records = run.records["gradient_flow"]
    if not -run.rounds <= at < run.rounds:
        raise ConfigurationError("diagnose.at", f"a round from 0 to {run.rounds - 1}", at, "-1 is the last one")
    return judge(rows_of(run.network), {name: np.asarray(values[at]) for name, values in records.items()})


def diagnose_gradients(gradients: PyTree, weights: PyTree = None, learning_rate: float = 0.0) -> Verdict:
    """The verdict on gradients from anywhere: any pytree whose arrays of two axes and more run from bottom to top.

    With ``weights`` (shaped alike) and a ``learning_rate``, plain descent's steps are judged too.

    >>> gradients = {"1": np.full((2, 3), 1e-6), "2": np.full((3, 3), 1e-3), "3": np.full((3, 1), 0.5)}
    >>> print(diagnose_gradients(gradients).findings[0].number)
    1 receives one part in 350,000 of the top layer's gradient

    Raises :class:`~flambeau.errors.ConfigurationError` for a pytree without such arrays. *Limits.* Norms of weight
    gradients also depend on the layers' sizes and activity; where the network is at hand, :func:`gradient_flow` sees
    more.
    """
    found = named_arrays(gradients)
    if not found:
        expected = "a pytree with arrays of two axes or more"
        raise ConfigurationError("diagnose_gradients", expected, type(gradients).__name__, "pass the gradients")
    numbers = {"weight_gradient": np.asarray([np.linalg.norm(leaf) for leaf in found.values()])}
    if weights is not None and learning_rate:
        sizes = np.asarray([np.linalg.norm(leaf) for leaf in named_arrays(weights).values()])
        numbers["update"] = learning_rate * numbers["weight_gradient"] / np.where(sizes > 0, sizes, 1)
    return judge([Row(name, "×".join(map(str, leaf.shape))) for name, leaf in found.items()], numbers)


def named_arrays(tree: PyTree) -> dict[str, np.ndarray]:
    """Path -> array, for the arrays of floats with two axes and more."""
    return {name: np.asarray(leaf, float) for name, leaf in named_floats(tree).items() if np.ndim(leaf) > 1}
