"""How deep belief networks are trained: greedily layer by layer, then up-down or by back-propagation."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from flambeau.estimators.boltzmann import check_sizes, check_weights, fresh_bias, sampler_of
from flambeau.estimators.boltzmann import in_order as merged
from flambeau.estimators.common import outputs
from flambeau.estimators.fitting import Lesson, optimiser_of
from flambeau.foundation.precision import dtype
from flambeau.networks import DeepBeliefNetwork, FeedForward, RestrictedBoltzmannMachine, rbm
from flambeau.neurons import AbstractUnit, Bernoulli, Categorical, activation
from flambeau.problems import Binarised, Examples
from flambeau.rules import Backpropagation, ContrastiveDivergence, CrossEntropy, Hybrid, UpDown
from flambeau.structures import Dense, Dropout, Layer
from flambeau.training import Run, optimiser, train

__all__ = ["Settings", "backprop", "feed_forward", "greedy", "in_order", "joined_history", "steps_for", "up_down"]


@dataclasses.dataclass(frozen=True)
class Settings:
    """What greedy and fine training share: rows, their weights, labels (zeros where there are none), and the seed."""

    X: np.ndarray
    weights: np.ndarray
    labels: np.ndarray  # (n, classes), one-hot, or zeros for a row without one; no columns without classes
    visible: AbstractUnit
    seed: int

    @property
    def classes(self) -> int:
        """Label columns."""
        return self.labels.shape[1]


def in_order(given: Settings, batch_size: int, *, shuffle: bool) -> Settings:
    """Rows that fit into one batch, ordered by their content and merged, as the machines' estimators do."""
    lesson = Lesson(np.hstack([given.X, given.labels]), np.zeros((len(given.X), 1)), given.weights)
    lesson = merged(lesson, batch_size, shuffle=shuffle)
    features = given.X.shape[1]
    X, labels = lesson.X[:, :features], lesson.X[:, features:]
    return dataclasses.replace(given, X=X, labels=labels, weights=lesson.weights)


def steps_for(rows: int, batch_size: int, epochs: int) -> int:
    """Steps in that many epochs."""
    return epochs * -(-rows // batch_size)


def greedy(
    model: Any, given: Settings, sizes: tuple[int, ...], monitors: Sequence[Any] = ()
) -> tuple[list[RestrictedBoltzmannMachine], list[Run]]:
    """Train one machine on the data, encode the data *once*, train the next on the codes, and so on.

    Layer i + 1 fits not the data but the aggregated posterior of layer i. Labels stand beside the last
    machine's inputs.
    """
    codes, unit = given.X, given.visible
    machines: list[RestrictedBoltzmannMachine] = []
    runs: list[Run] = []
    for number, size in enumerate(sizes):
        last = number == len(sizes) - 1
        sampled = model.binarize == "sample" and number == 0
        run = one_machine(model, given, codes, unit, size, machines, last=last, sampled=sampled, monitors=monitors)
        machines.append(run.network)
        runs.append(run)
        if not last:
            codes, unit = outputs(run.network, codes), Bernoulli()
    return machines, runs


def one_machine(
    model: Any,
    given: Settings,
    codes: np.ndarray,
    unit: AbstractUnit,
    size: int,
    below: Sequence[RestrictedBoltzmannMachine],
    *,
    last: bool,
    sampled: bool,
    monitors: Sequence[Any],
) -> Run:
    """One layer of the stack, the label beside its inputs where it is the last."""
    features = codes.shape[1]
    classes = given.classes if last else 0
    if classes:
        known = given.labels.any(1)
        codes = np.hstack([codes, given.labels])
        share = fresh_bias(Categorical(classes), given.labels[known], given.weights[known])
        bias = np.concatenate([fresh_bias(unit, codes[:, :features], given.weights), share])
    else:
        bias = fresh_bias(unit, codes, given.weights)
    batch = min(int(model.batch_size), len(codes))
    rule = ContrastiveDivergence(sampler_of(model), bool(model.centered))
    examples = Examples.of(codes, np.zeros((len(codes), 1)), given.weights, shuffle=model.shuffle, whole=batch)
    problem = Binarised(examples, features if classes else None) if sampled else examples
    key = jax.random.fold_in(jax.random.key(given.seed), len(below))
    fresh = rbm(features, size, unit, label=classes, visible_bias=bias, centered=bool(model.centered), key=key)
    run = train(
        mirrored(below[-1], fresh) if below else fresh,
        rule,
        problem,
        optimizer=optimiser_of(model),
        steps=steps_for(len(codes), batch, int(model.epochs)),
        batch_size=batch,
        monitors=() if below else monitors,
        key=key,
        verbose=model.verbose,
    )
    check_weights(model, run.network)
    return run


def mirrored(below: RestrictedBoltzmannMachine, fresh: RestrictedBoltzmannMachine) -> RestrictedBoltzmannMachine:
    """The machine below turned upside down, where the sizes allow it: it changes the stack's likelihood by nothing.

    From there on, what raises the new machine's likelihood raises the bound of the whole (Hinton, Osindero, Teh 2006).
    """
    sizes = below.hidden_bias.shape, below.visible_bias.shape
    binary = all(isinstance(kind, Bernoulli) for kind in (below.visible, fresh.visible))
    if not binary or sizes != (fresh.visible_bias.shape, fresh.hidden_bias.shape):
        return fresh
    structure = fresh.structure.with_weights(below.structure.weights.T)
    return dataclasses.replace(
        fresh, structure=structure, visible_bias=below.hidden_bias, hidden_bias=below.visible_bias
    )


def up_down(
    model: Any, given: Settings, network: DeepBeliefNetwork, generative_weight: Any = None, top_rate: Any = 1.0
) -> Run:
    """All layers at once, by the contrastive form of wake-sleep; with a weight, the top's rule is hybrid."""
    batch = min(int(model.batch_size), len(given.X))
    labels = given.labels if given.classes else np.zeros((len(given.X), 1))
    hybrid = generative_weight is not None
    chains = ContrastiveDivergence(sampler_of(model, model.fine_tune_k), bool(model.centered))
    top = Hybrid(chains, generative_weight) if hybrid else chains
    examples = Examples.of(given.X, labels, given.weights, shuffle=model.shuffle, whole=batch)
    run = train(
        network,
        UpDown(top, top_rate),
        Binarised(examples) if model.binarize == "sample" else examples,
        optimizer=optimiser("sgd", model.fine_tune_learning_rate, l2=model.l2),
        steps=steps_for(len(given.X), batch, int(model.fine_tune_epochs)),
        batch_size=batch,
        key=jax.random.fold_in(jax.random.key(given.seed), 100),
        verbose=model.verbose,
    )
    check_weights(model, run.network.top)
    for number, pair in enumerate(run.network.lower):
        wirings = {"recognition": pair.recognition.weights, "generation": pair.generation.weights}
        check_sizes(model, {f"layer {number + 1}, {name}": weights for name, weights in wirings.items()})
    return run


def feed_forward(
    network: DeepBeliefNetwork, classes: int, dropout: float = 0.0, input_dropout: float = 0.0
) -> FeedForward:
    """The recognition stack with a softmax layer on top, starting from zero: what back-propagation fine-tunes.

    The stack reads t(v), the new network v: for Gaussian units the first weights are divided by the variance.
    """
    size = network.top.structure.weights.shape[0] - network.label
    pairs = [(pair.recognition.weights, pair.recognition_bias) for pair in network.lower]
    pairs.append((network.top.structure.weights[:size], network.top.hidden_bias))
    kind = network.features
    first, bias = pairs[0]
    pairs[0] = kind.statistic(jnp.ones(first.shape[0], first.dtype))[:, None] * first, bias
    layers: list[Any] = [Dropout(input_dropout)] if input_dropout else []
    for weights, bias in pairs:
        layers.append(Layer(Dense(weights), bias, activation("sigmoid")))
        if dropout:
            layers.append(Dropout(dropout))
    inputs = pairs[-1][0].shape[1]
    top = Layer(Dense(jnp.zeros((inputs, classes), dtype())), jnp.zeros(classes, dtype()), activation("softmax"))
    return FeedForward((*layers, top))


def only_the_top(network: FeedForward) -> PyTree:
    """A filter under which nothing but the output layer learns."""
    fixed = jax.tree.map(lambda leaf: False, network)
    return eqx.tree_at(lambda n: n.layers[-1], fixed, jax.tree.map(eqx.is_inexact_array, network.layers[-1]))


def backprop(model: Any, given: Settings, network: FeedForward) -> list[Run]:
    """The labelled rows, by back-propagation: first the output layer alone, then everything."""
    known = given.labels.any(1)
    X, labels, weights = given.X[known], given.labels[known], given.weights[known]
    batch = min(int(model.batch_size), len(X))
    examples = Examples.of(X, labels, weights, shuffle=model.shuffle, whole=batch)
    key = jax.random.fold_in(jax.random.key(given.seed), 200)
    common: dict[str, Any] = {"batch_size": batch, "key": key, "verbose": model.verbose}
    rule = Backpropagation(CrossEntropy())
    chosen = optimiser(model.fine_tune_optimizer, model.fine_tune_learning_rate, l2=model.fine_tune_l2)
    runs = []
    first = steps_for(len(X), batch, int(model.warm_up_epochs))
    if first:
        runs.append(
            train(
                network,
                rule,
                examples,
                optimizer=optimiser("adam", 0.001),
                steps=first,
                trainable=only_the_top(network),
                **common,
            )
        )
        network = runs[0].network
    steps = steps_for(len(X), batch, int(model.fine_tune_epochs))
    return [*runs, train(network, rule, examples, optimizer=chosen, steps=steps, **common)]


def joined_history(runs: Sequence[Run]) -> dict[str, np.ndarray]:
    """One value per epoch of every stage in order, and which ``stage`` it was (0 for the first layer)."""
    loss = np.concatenate([run.history["loss"] for run in runs])
    stage = np.repeat(np.arange(len(runs)), [len(run.history["loss"]) for run in runs])
    return {"loss": loss, "stage": stage}


def rows_of_labels(indices: np.ndarray, classes: int) -> np.ndarray:
    """One-hot rows; zeros for index -1."""
    return np.where(indices[:, None] >= 0, np.eye(classes)[indices], 0).astype(dtype())


def scores(network: DeepBeliefNetwork, v: Any) -> Array:
    """log P(y | v) up to a constant."""
    return network.class_scores(v)
