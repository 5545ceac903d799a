"""The one table of everything that shares a contract: what is new joins it with one row."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

import flambeau as fb
from flambeau import dynamics, monitors, networks, neurons, rules, training
from flambeau.rules import Batch
from flambeau.structures import (
    AbstractStructure,
    AveragePooling,
    Convolution,
    Dense,
    Dropout,
    Flatten,
    Lateral,
    Layer,
    MaxPooling,
    Retina,
    Subsampling,
    Window,
    derived_backproject,
    derived_correlate,
)


class Masked(AbstractStructure):
    """A test's own structure, with the derived adjoints: only some of the wires exist."""

    weights: Array
    mask: Array

    @property
    def input_shape(self):
        return (self.weights.shape[0],)

    @property
    def unit_shape(self):
        return (self.weights.shape[1],)

    def project(self, x):
        return x @ (self.weights * self.mask)

    backproject = derived_backproject
    correlate = derived_correlate

    def per_unit(self, v):
        return v[None]


class Circular(AbstractStructure):
    """A test's own structure with shared weights: a circular convolution, three taps."""

    weights: Array
    size: int

    @property
    def input_shape(self):
        return (self.size,)

    @property
    def unit_shape(self):
        return (self.size, self.weights.shape[1])

    def project(self, x):
        shifted = jnp.stack([jnp.roll(x, tap, axis=1) for tap in range(3)], axis=-1)
        return shifted @ self.weights

    backproject = derived_backproject
    correlate = derived_correlate

    def per_unit(self, v):
        return v[None]


class Precision(NamedTuple):
    """Single or double: its type, and how near two ways to one number come, measured by the largest number there."""

    double: bool
    dtype: type
    tolerance: float

    def close(self, found, expected, slack=1):
        """Equal, but for rounding of numbers as large as the largest."""
        found, expected = np.asarray(found, float), np.asarray(expected, float)
        room = slack * self.tolerance * max(1.0, np.abs(expected).max(initial=0))
        np.testing.assert_allclose(found, expected, rtol=slack * self.tolerance, atol=room)


PRECISIONS = {"single": Precision(False, np.float32, 2e-6), "double": Precision(True, np.float64, 1e-14)}


def normal(seed, *shape):
    return jax.device_put(np.random.default_rng(seed).normal(size=shape))


def drawn(make, *arguments, seed=0, **settings):
    """A network from its maker, compiled as one program and not as twenty small ones."""
    return eqx.filter_jit(make)(*arguments, key=jax.random.key(seed), **settings)


SEEN = np.asarray([[1, 1, 0, 0], [0, 1, 1, 0], [1, 0, 1, 1]], bool)

STRUCTURES = {
    "dense": lambda: Dense(normal(0, 5, 3)),
    "lateral": lambda: Lateral(normal(15, 5, 5)),
    "lateral, self-connected": lambda: Lateral(normal(15, 5, 5), self_connected=True),
    "masked": lambda: Masked(normal(1, 4, 6), jax.device_put(np.random.default_rng(2).random((4, 6)) < 0.5)),
    "circular": lambda: Circular(normal(3, 3, 2), 7),
    "convolution": lambda: Convolution.over((6, 7), normal(4, 3, 3, 2, 4)),
    "convolution, stride, padding": lambda: Convolution.over(
        (7, 6), normal(5, 3, 2, 2, 3), stride=(2, 3), padding=((1, 0), (2, 1))
    ),
    "convolution, table": lambda: Convolution.over((8, 8), normal(6, 5, 5, 3, 4), table=SEEN, padding="same"),
    "convolution, one place": lambda: Convolution.over(3, normal(7, 3, 3, 2, 5)),
    "subsampling": lambda: Subsampling(normal(8, 3), Window.over((4, 6), 2, 2)),
    "subsampling, two maps a channel": lambda: Subsampling(normal(9, 6), Window.over(5, 2, 2), repeats=2),
    "subsampling, overlapping": lambda: Subsampling(normal(14, 2), Window.over((5, 6), (3, 2), (2, 1), 1)),
}

# Layers of images that have nothing to learn: (layer, shape of one example).
LAYERS = {
    "average pooling": lambda: (AveragePooling.over((6, 8)), (6, 8, 3)),
    "average pooling, overlapping": lambda: (AveragePooling.over((6, 7), 3, 2, 1), (6, 7, 2)),
    "max pooling": lambda: (MaxPooling.over((6, 8)), (6, 8, 3)),
    "max pooling, a row left over": lambda: (MaxPooling.over((5, 7), (2, 3)), (5, 7, 2)),
    "max pooling, overlapping": lambda: (MaxPooling.over((6, 7), 3, 2, 1), (6, 7, 2)),
    "attention": lambda: (networks.hopfield_attention(4, 3, heads=2, steps=2, key=jax.random.key(0)), (5, 4)),
    "flatten": lambda: (Flatten(), (3, 4, 2)),
    "retina": lambda: (Retina.over((5, 4), (8, 8)), (5, 4, 1)),
    "dropout": lambda: (Dropout(0.5), (5, 4, 2)),
}


def batch_of(inputs=4, outputs=3, rows=8, *, seed=0, one_hot=True, low=0.0):
    """A batch whose last row is padding."""
    generator = np.random.default_rng(seed)
    classes = generator.integers(0, outputs, rows)
    targets = np.eye(outputs)[classes] if one_hot else generator.random((rows, outputs))
    weights = np.append(generator.random(rows - 1) + 0.5, 0.0)
    x = generator.normal(size=(rows, inputs))
    return Batch(*map(jax.device_put, (x, np.maximum(targets, low), weights)))


def small_mlp(hidden="tanh", output="softmax", **options):
    return drawn(networks.mlp, (4, 5, 3), hidden, output, **options)


def small_rbm():
    return drawn(networks.rbm, 4, 5, deviation=0.5)


def labelled_rbm():
    """Four bits and one of three classes."""
    return drawn(networks.rbm, 4, 5, label=3, deviation=0.5)


def small_dbn():
    return networks.dbn([drawn(networks.rbm, 4, 5, deviation=0.5), drawn(networks.rbm, 5, 3, deviation=0.5, seed=1)])


def small_hopfield(unit=None):
    return networks.hopfield(6, *([] if unit is None else [unit]))


def stored():
    """A memory with weights: symmetric, with an empty diagonal."""
    half = np.random.default_rng(12).normal(size=(6, 6))
    return networks.HopfieldNetwork(jax.device_put((half + half.T) * (1 - np.eye(6))), jnp.zeros(6))


def bits_of(columns=4, rows=8, *, labelled=False, seed=6):
    """Bits, with three columns of a one-hot label if they are ``labelled``; the last row is padding."""
    batch, generator = batch_of(columns, 3, rows, seed=seed), np.random.default_rng(seed)
    bits = generator.integers(0, 2, (rows, columns)).astype(float)
    bits = np.hstack([bits, np.asarray(batch.targets)]) if labelled else bits
    return Batch(
        jax.device_put(bits), jax.device_put(np.zeros(rows)), jax.device_put(np.append(np.ones(rows - 1), 0.0))
    )


def patterns_of(columns=6, rows=4, seed=7):
    """Patterns of -1 and +1; the last row is padding."""
    bits = bits_of(columns, rows, seed=seed)
    return Batch(*(2 * np.asarray(bits.inputs) - 1,) * 2, bits.weights)


def small_perceptron(f="step"):
    return networks.perceptron(4, 3, f)


# Fixed prototypes: whole numbers, no thresholds.
RADIAL = Layer(
    Dense(jax.device_put(np.sign(np.random.default_rng(5).normal(size=(5, 3))).astype(np.int8))),
    None,
    neurons.Softmin(),
    neurons.RadialDistance(squared=True),
)

RULES = {
    "backpropagation, cross-entropy": lambda: (rules.Backpropagation(rules.CrossEntropy()), small_mlp(), batch_of()),
    "backpropagation, mse, dropout": lambda: (
        rules.Backpropagation(),
        small_mlp(output="sigmoid", dropout=0.3),
        batch_of(),
    ),
    "backpropagation, radial outputs": lambda: (
        rules.Backpropagation(rules.MaximumAPosteriori(2.0)),
        networks.FeedForward((*small_mlp().layers[:1], RADIAL)),
        batch_of(),
    ),
    "perceptron, step": lambda: (rules.PerceptronRule(), small_perceptron(), batch_of()),
    "perceptron, sign": lambda: (rules.PerceptronRule(), small_perceptron("sign"), batch_of(low=-1.0)),
    "perceptron, Kesler": lambda: (rules.PerceptronRule(), small_perceptron("hardmax"), batch_of()),
    "delta": lambda: (rules.DeltaRule(), small_perceptron("sigmoid"), batch_of()),
    "least mean squares": lambda: (rules.LeastMeanSquares(), small_perceptron("identity"), batch_of()),
    "contrastive divergence": lambda: (rules.ContrastiveDivergence(), small_rbm(), bits_of()),
    "contrastive divergence, not centred, sparse": lambda: (
        rules.ContrastiveDivergence(dynamics.FromData(2), centered=False, sparsity_cost=0.1),
        small_rbm(),
        bits_of(),
    ),
    "contrastive divergence, persistent": lambda: (
        rules.ContrastiveDivergence(dynamics.Persistent(6)),
        small_rbm(),
        bits_of(),
    ),
    "contrastive divergence, tempering": lambda: (
        rules.ContrastiveDivergence(dynamics.Tempering(6, rungs=3)),
        small_rbm(),
        bits_of(),
    ),
    "contrastive divergence, exact": lambda: (
        rules.ContrastiveDivergence(dynamics.Enumeration()),
        small_rbm(),
        bits_of(),
    ),
    "discriminative": lambda: (rules.Discriminative(), labelled_rbm(), bits_of(labelled=True)),
    "hybrid": lambda: (
        rules.Hybrid(rules.ContrastiveDivergence(), 0.3),
        labelled_rbm(),
        bits_of(labelled=True),
    ),
    "deep Boltzmann": lambda: (
        rules.DeepBoltzmannLearning(dynamics.Persistent(6, 2), rounds=4),
        drawn(networks.dbm, (4, 5, 3)),
        bits_of(),
    ),
    "up-down": lambda: (rules.UpDown(), small_dbn(), bits_of()),
    "Hebb": lambda: (rules.Hebbian(), small_hopfield(), patterns_of()),
    "covariance": lambda: (rules.Covariance(0.4), small_hopfield(neurons.Bernoulli()), bits_of(6)),
    "Storkey": lambda: (rules.Storkey(), small_hopfield(), patterns_of()),
    "projection": lambda: (rules.Projection(), small_hopfield(), patterns_of()),
    "margin perceptron": lambda: (rules.MarginPerceptron(1.0), small_hopfield(), patterns_of()),
    "probability flow": lambda: (rules.ProbabilityFlow(), small_hopfield(), patterns_of()),
    "unlearning": lambda: (rules.Unlearning(), stored(), patterns_of()),
}


# Who is kept of a perceptron's run.
KEEPERS = {
    "last": training.Last,
    "best": training.Best,
    "best, by a score": lambda: training.Best(rules.Evaluation(rules.MeanSquaredError()), batch_of()),
    "average": training.Average,
    "pocket": lambda: training.Pocket(batch_of()),
    "votes": lambda: training.Votes(16),
}


def held_out():
    return batch_of(2, 1, one_hot=False)


def held_out_bits(rows=20, columns=4):
    return jax.device_put(np.random.default_rng(7).integers(0, 2, (rows, columns)).astype(np.float32))


MONITORS = {
    "error curve": monitors.ErrorCurve,
    "mistakes": monitors.Mistakes,
    "weight norms": monitors.WeightNorms,
    "update norms": monitors.UpdateNorms,
    "decision surface": lambda: monitors.DecisionSurface.over([[0, 0], [1, 1]], side=5),
    "gradient flow": monitors.GradientFlow,
    "jacobian spectrum": lambda: monitors.JacobianSpectrum.on(held_out().inputs),
    "feature motion": lambda: monitors.FeatureMotion.on(held_out().inputs, units=4),
    "validation curve": lambda: monitors.ValidationCurve(rules.Evaluation(rules.MeanSquaredError(), True), held_out()),
}

# Of Boltzmann machines, on the rows that `held_out_bits` gives: 4 units.
RBM_MONITORS = {
    "free-energy gap": lambda: monitors.FreeEnergyGap(held_out_bits(), held_out_bits()[:3]),
    "reconstruction error": monitors.ReconstructionError,
    "pseudo-likelihood": lambda: monitors.PseudoLikelihood.on(held_out_bits(), 3),
    "hidden activity": monitors.HiddenActivity,
    "weight histogram": monitors.WeightHistogram,
    "update histogram": lambda: monitors.UpdateHistogram(entries=7),
    "receptive fields": lambda: monitors.ReceptiveFields(2),
    "fantasy particles": lambda: monitors.FantasyParticles(3),
}

ACTIVATIONS = {
    **neurons.ACTIVATIONS,
    "saturating ±2": neurons.Saturating(-2.0, 2.0),
    "step, high": neurons.Step(at_zero="high"),
    "step, surrogate": neurons.Step(surrogate=neurons.Sigmoid()),
    "sign, low": neurons.Sign(at_zero="low"),
}

COMBINATIONS = neurons.COMBINATIONS

# Kinds of stochastic unit, each for a layer of four columns.
UNITS = {
    "bernoulli": neurons.Bernoulli,
    "spin": neurons.Spin,
    "categorical": lambda: neurons.Categorical(2),
    "gaussian": neurons.Gaussian,
    "learned gaussian": lambda: neurons.unit("gaussian", columns=4, learn_variance=True),
    "noisy relu": neurons.NoisyReLU,
    "rectified gaussian": neurons.RectifiedGaussian,
    "mixed": lambda: neurons.Mixed((neurons.Bernoulli(), neurons.Categorical(2)), (2, 2)),
}

# Losses, each with an output activation that it is defined for.
LOSSES = {
    "mse": lambda: (rules.MeanSquaredError(), neurons.Tanh()),
    "mse, softmax": lambda: (rules.MeanSquaredError(), neurons.Softmax()),
    "cross-entropy, softmax": lambda: (rules.CrossEntropy(), neurons.Softmax()),
    "cross-entropy, sigmoid": lambda: (rules.CrossEntropy(), neurons.Sigmoid()),
    "maximum a posteriori": lambda: (rules.MaximumAPosteriori(2.0), neurons.Softmin()),
}

# Batches of one size whatever the rows: many tables are learned from by the same program.
ONE_BATCH = {"batch_size": 8, "learning_rate": 0.02, "epochs": 50, "random_state": 0}
ESTIMATORS = {
    "Perceptron": lambda: fb.Perceptron(max_epochs=50, random_state=0),
    "MLPClassifier": lambda: fb.MLPClassifier((16,), **ONE_BATCH),
    "MLPRegressor": lambda: fb.MLPRegressor((16,), **ONE_BATCH),
    "ConvNetClassifier": lambda: fb.ConvNetClassifier(
        None, (4,), kernel_size=3, pooling=None, hidden_layer_sizes=(), **{**ONE_BATCH, "epochs": 30}
    ),
}
