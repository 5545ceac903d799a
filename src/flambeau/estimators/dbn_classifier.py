"""A deep belief network that classifies, and generates examples of a class."""

import functools
from dataclasses import KW_ONLY
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree
from scipy.special import softmax
from sklearn.utils.validation import check_is_fitted

from flambeau.errors import ConfigurationError
from flambeau.estimators.base import Given, Rows
from flambeau.estimators.class_rbm import AbstractSemiSupervised
from flambeau.estimators.common import outputs
from flambeau.estimators.dbn import STAGED, AbstractDeepBelief, descended
from flambeau.estimators.descent import described_optimizer
from flambeau.estimators.options import OptimizerLike, Rate, learning_rates, optimizer_named
from flambeau.estimators.parameters import flag, number, one_of, parameters, whole
from flambeau.foundation.precision import dtype
from flambeau.foundation.programs import run_once
from flambeau.foundation.rows import by_rows
from flambeau.networks import DeepBeliefNetwork, FeedForward, dbn
from flambeau.neurons import AbstractUnit, activation
from flambeau.rules import Backpropagation, CrossEntropy
from flambeau.structures import Dense, Dropout, Layer
from flambeau.training import Run, optimizer
from flambeau.training.stagewise import Staged

TEACHING = 200  # a stream of random numbers of its own
# Which way of fine-tuning reads a parameter, and what the parameter is where none does.
READ_BY = {
    "dropout": ("backprop", 0),
    "input_dropout": ("backprop", 0),
    "generative_weight": ("up_down", None),
    "top_rate": ("up_down", 1),
}
TUNED = {"learning_rate": "fine_tune_learning_rate", "l2": "fine_tune_l2"}


@parameters
class DBNClassifier(AbstractDeepBelief, AbstractSemiSupervised):
    r"""A deep belief network with a label beside its penultimate layer: it classifies, generates, uses unlabelled rows.

    Layers are trained greedily on all rows, labelled or not; the top machine sees the label too. ``fine_tune`` says how
    the whole is then taught:

    * ``"backprop"``: the recognition stack becomes a feed-forward network with a softmax layer, taught by
      back-propagation on the labelled rows (``network_``); the generative network stays in ``dbn_``.
    * ``"up_down"``: contrastive wake-sleep over all layers; classes are read off the top's free energy. With a
      ``generative_weight`` the top learns log P(y | the layer below) too, times one, beside that many times the
      generative gradient (:class:`~flambeau.rules.Hybrid`); it learns ``top_rate`` times as fast as the rest.
    * ``None``: greedy training only; classes are read off the top's free energy.

    Parameters
    ----------
    hidden_layer_sizes, visible, algorithm, k, centered, binarize, optimizer, learning_rate, batch_size, epochs, ... :
        as for :class:`~flambeau.DBN`.
    fine_tune_epochs, fine_tune_learning_rate, fine_tune_k : of fine-tuning;
        ``fine_tune_optimizer``, ``fine_tune_l2``, ``dropout`` (share of every hidden layer silenced),
        ``input_dropout`` and ``warm_up_epochs`` (output layer alone) for back-propagation.
    unlabelled : the label of rows without one, as for :class:`~flambeau.ClassificationRBM`.

    Attributes
    ----------
    ``classes_``, ``network_``, ``dbn_``, ``history_``, ``runs_``, ``n_iter_``, ``n_features_in_``.

    >>> import flambeau as fb
    >>> digits = fb.problems.load("digits")
    >>> y = np.where(np.arange(1797) < 300, digits.target, -1)  # the other rows without labels
    >>> model = fb.DBNClassifier((64, 64), random_state=0).fit(digits.data, y)
    >>> bool(model.score(digits.data[300:], digits.target[300:]) > 0.8), model.sample(2, label=3, n_steps=20).shape
    (True, (2, 64))

    *Limits.* Pre-training pays where labels are few; with many, modern activations and dropout do
    as well without it. Source: Hinton, Osindero, Teh 2006; Hinton and Salakhutdinov 2006. Lecture: 深度信念网络.
    """

    fine_tune: str | None = one_of("backprop", ("up_down", "backprop"), also=(None,))
    _: KW_ONLY
    centered: bool = flag(False)
    fine_tune_epochs: int = whole(30, least=1)
    fine_tune_learning_rate: Rate = learning_rates(0.003)
    fine_tune_optimizer: OptimizerLike = optimizer_named("adam")
    fine_tune_l2: float = number(0.0, least=0)
    dropout: float = number(0.0, least=0, below=1)
    input_dropout: float = number(0.0, least=0, below=1)
    generative_weight: float | None = number(None, least=0, also=(None,))
    top_rate: float = number(1.0, least=0)
    warm_up_epochs: int = whole(2, least=0)

    fitted: ClassVar[tuple[str, ...]] = (*STAGED, "classes_", "dbn_")

    def _check(self) -> None:
        self._check_stack()
        described_optimizer(self, TUNED, "fine_tune_optimizer")
        for name, (reader, neutral) in READ_BY.items():
            if self.fine_tune != reader and getattr(self, name) != neutral:
                expected = f"{neutral!r} unless fine_tune={reader!r}, which reads it"
                got = f"{getattr(self, name)!r} with fine_tune={self.fine_tune!r}"
                raise ConfigurationError(f"DBNClassifier.{name}", expected, got, "leave it out")

    def _read(self, X: Any, y: Any, sample_weight: Any) -> Rows:
        joined = self._read_joined(Given(X, y, sample_weight), fresh=True)
        rows = self._in_order(joined)
        return rows._replace(inputs=rows.inputs[:, : -len(self.classes_)])

    def _teach(self, rows: Rows, seed: int, staged: Staged) -> None:
        runs = self._greedy(rows, seed, staged)
        network: Any = dbn([run.network for run in runs])
        self.dbn_ = network
        if self.fine_tune == "up_down":
            runs.append(self._up_down(rows, network, seed, staged, self.generative_weight, self.top_rate))
            network = self.dbn_ = runs[-1].network
        elif self.fine_tune == "backprop":
            silent = float(self.dropout), float(self.input_dropout)
            runs += self._backprop(rows, feed_forward(network, len(self.classes_), *silent), seed, staged)
            network = runs[-1].network
        self.network_ = network
        self._settle(self.dbn_, rows, runs)

    def _backprop(self, rows: Rows, network: FeedForward, seed: int, staged: Staged) -> list[Run]:
        """The labelled rows, by back-propagation: first the output layer alone, then everything."""
        rows = rows.at(np.flatnonzero(rows.targets.any(1)))
        key = jax.random.fold_in(jax.random.key(seed), TEACHING)
        rule, runs = Backpropagation(CrossEntropy()), list[Run]()
        if self.warm_up_epochs:
            first, top = optimizer("adam", 0.001), only_the_top(network)
            stage = self._stage(network, rule, rows, first, self.warm_up_epochs, key, trainable=top)
            runs.append(staged.run(stage))
            network = runs[0].network
        chosen = described_optimizer(self, TUNED, "fine_tune_optimizer")
        stage = self._stage(network, rule, rows, chosen, self.fine_tune_epochs, key)
        return [*runs, staged.run(stage)]

    def predict_proba(self, X: Any) -> np.ndarray:
        """P(y | x) ``(n, classes)``: the softmax outputs, or the top's free energy for each label."""
        check_is_fitted(self)
        X = self._visible(X)
        if not isinstance(self.network_, DeepBeliefNetwork):  # not "is self.dbn_": a loaded model has two copies
            return outputs(self.network_, X)
        return softmax(by_rows(DeepBeliefNetwork.class_scores, self.dbn_, X).astype(np.float64), axis=1)

    def sample(self, n_samples: Any = 1, label: Any = None, n_steps: Any = 1000) -> np.ndarray:
        """Means of v ``(n, features)`` of a class: the label is clamped, the top sampled for ``n_steps``, then down.

        With ``label=None`` the label is sampled along.
        """
        check_is_fitted(self)
        return self._drawn_by(descended, n_samples, n_steps, functools.partial(self._held_label, label))


@run_once
def feed_forward(
    network: DeepBeliefNetwork, classes: int, dropout: float = 0.0, input_dropout: float = 0.0
) -> FeedForward:
    """The recognition stack with a softmax layer on top, starting from zero: what back-propagation fine-tunes.

    The stack reads t(v), the new network v: for Gaussian units the first weights are divided by the variance.
    """
    size = network.top.structure.weights.shape[0] - network.label
    pairs = [(pair.recognition.weights, pair.recognition_bias) for pair in network.lower]
    pairs.append((network.top.structure.weights[:size], network.top.hidden_bias))
    first, bias = pairs[0]
    kind: AbstractUnit = network.features
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
