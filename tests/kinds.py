"""The table's second page: samplers, updates, networks, problems and estimators; and who has no row in either.

Everything public is of a *kind* that shares a contract and has a row, or a *value* that some contract hands on. What is
neither is found by ``contracts/test_table.py``.
"""

import functools
import warnings

import jax
import jax.numpy as jnp
import numpy as np
from sklearn.exceptions import ConvergenceWarning

import flambeau as fb
import table
from flambeau import dynamics, networks, problems, rules
from table import bits_of, drawn, small_dbn, small_mlp, small_rbm, stored

SAMPLERS = {
    "from data": lambda: dynamics.FromData(2),
    "persistent": lambda: dynamics.Persistent(6, 2),
    "tempering": lambda: dynamics.Tempering(6, rungs=3),
    "enumeration": dynamics.Enumeration,
}

UPDATES = {
    "asynchronous": dynamics.Asynchronous,
    "asynchronous, random": lambda: dynamics.Asynchronous("random"),
    "asynchronous, replacement": lambda: dynamics.Asynchronous("replacement"),
    "Glauber": lambda: dynamics.Glauber(0.7),
    "synchronous": dynamics.Synchronous,
    "blocks": lambda: dynamics.BlockSequential(3),
    "greedy": dynamics.Greedy,
}
# One neuron at a time, and always downhill: the energy may not rise.
DOWNHILL = ("asynchronous", "asynchronous, random", "asynchronous, replacement", "greedy")


def signs(rows, columns, seed=8):
    return jax.device_put(2.0 * np.random.default_rng(seed).integers(0, 2, (rows, columns)) - 1)


def numbers(rows, columns, seed=9):
    return table.normal(seed, rows, columns)


def cubic():
    return networks.DenseMemory(signs(3, 6), networks.Polynomial(3))


# What settling may run: a network of two-valued neurons.
FEEDBACK = {
    "Hopfield": stored,
    "Hopfield, bits": lambda: networks.recoded(stored()),
    "dense memory": cubic,
    "dense memory, exponential": lambda: networks.DenseMemory(signs(3, 6), networks.Exponential()),
}


def bits(rows=5, columns=4):
    return jax.device_put(np.asarray(bits_of(columns, rows).inputs))


# A network, what is asked of it, and of which rows.
NETWORKS = {
    "feed-forward": lambda: (small_mlp(), lambda net, x: net(x), numbers(5, 4)),
    "Boltzmann": lambda: (small_rbm(), lambda net, x: net.free_energy(x), bits()),
    "deep belief": lambda: (small_dbn(), lambda net, x: net(x), bits()),
    "deep Boltzmann": lambda: (
        drawn(networks.dbm, (4, 5, 3)),
        lambda net, x: dynamics.mean_field(net.given(x)).layers,
        bits(),
    ),
    "Hopfield": lambda: (stored(), lambda net, x: net.energy(x), signs(5, 6)),
    "dense memory": lambda: (cubic(), lambda net, x: net.energy(x), signs(5, 6)),
    "pairs": lambda: (
        networks.bidirectional_memory(np.asarray(signs(2, 6)), np.asarray(signs(2, 4))),
        lambda net, x: net.forward(x, jnp.ones((len(x), 4), x.dtype)),
        signs(5, 6),
    ),
    "sequence": lambda: (
        networks.sequence_memory(np.asarray(signs(3, 12)), cyclic=True, rule="pseudoinverse"),
        lambda net, x: net.run(x, 3)[-1],
        signs(5, 12),
    ),
    "graded": lambda: (
        networks.graded_hopfield(np.asarray(weights_of(6))),
        lambda net, x: net.energy(0.9 * x),
        signs(5, 6),
    ),
    "modern memory": lambda: (
        networks.ModernMemory(numbers(3, 6), 2.0),
        lambda net, x: net.retrieve(x),
        numbers(5, 6, 10),
    ),
    "attention": lambda: (
        drawn(networks.hopfield_attention, 6, 4, 2),
        lambda net, x: net(x.reshape(5, 2, 6)),
        numbers(10, 6, 11),
    ),
}


def weights_of(units):
    """Symmetric, with an empty diagonal."""
    half = np.random.default_rng(12).normal(size=(units, units))
    return (half + half.T) * (1 - np.eye(units)) / units


def examples(**settings):
    rows = np.random.default_rng(13).random((11, 4, 3, 1))
    return problems.Examples.of(rows, np.arange(11.0), np.arange(11) % 3 + 1.0, **settings)


def lines(key):
    """Eleven rows for three steps of a round, drawn: the last row of all weighs nothing."""
    x = jax.random.uniform(key, (BATCH, 1))
    return rules.Batch(x, 2 * x, jnp.ones(BATCH, x.dtype))


PROBLEMS = {
    "examples": examples,
    "examples, in their order": lambda: examples(shuffle=False),
    "examples, padded": lambda: examples(whole=8),
    "binarised": lambda: problems.Binarised(
        problems.Examples.of(np.random.default_rng(14).random((11, 5)), np.zeros(11))
    ),
    "streamed": lambda: problems.Streamed.of(np.random.default_rng(17).random((11, 5)), np.arange(11.0), window=16),
    "sharded": lambda: problems.Sharded.of(np.random.default_rng(18).random((11, 5)), np.arange(11.0)),
    "generated": lambda: problems.Generated(lines, 3),
    "distorted": lambda: problems.Distorted.of(examples(), problems.Distortion(shift=1.0)),
}

BATCH = 4
ROWS = np.abs(np.repeat(np.eye(3), 2, axis=1)[np.arange(24) % 3] - (np.random.default_rng(15).random((24, 6)) < 0.1))
LABELS = np.asarray(["a", "b", "c"])[np.arange(24) % 3]
PICTURES = np.random.default_rng(16).random((24, 9, 8))
PATTERNS = np.asarray(signs(3, 12))
FEW = {"epochs": 2, "random_state": 0}
# An estimator at its smallest, and what it is fitted to.
MODELS = {
    "Perceptron": lambda: (fb.Perceptron(max_epochs=20, random_state=0), (ROWS, LABELS)),
    "MLPClassifier": lambda: (fb.MLPClassifier((4,), **FEW), (ROWS, LABELS)),
    "MLPRegressor": lambda: (fb.MLPRegressor((4,), **FEW), (ROWS, ROWS @ np.arange(6.0))),
    "ConvNetClassifier": lambda: (fb.ConvNetClassifier((9, 8), (2,), kernel_size=3, **FEW), (PICTURES, LABELS)),
    "LeNetClassifier": lambda: (fb.LeNetClassifier("lenet-1", image_shape=(9, 8), **FEW), (PICTURES, LABELS)),
    "RBM": lambda: (fb.RBM(4, batch_size=8, **FEW), (ROWS,)),
    "DBM": lambda: (fb.DBM((4, 3), n_chains=8, batch_size=8, **FEW), (ROWS,)),
    "DBN": lambda: (fb.DBN((4, 3), batch_size=8, **FEW), (ROWS,)),
    "DBNClassifier": lambda: (fb.DBNClassifier((4, 3), batch_size=8, fine_tune_epochs=2, **FEW), (ROWS, LABELS)),
    "ClassificationRBM": lambda: (fb.ClassificationRBM(4, batch_size=8, **FEW), (ROWS, LABELS)),
    "Hopfield": lambda: (fb.Hopfield("pseudoinverse", random_state=0), (PATTERNS,)),
    "DenseHopfield": lambda: (fb.DenseHopfield(), (PATTERNS,)),
    "ContinuousHopfield": lambda: (fb.ContinuousHopfield(rule="pseudoinverse", gain=3.0, random_state=0), (PATTERNS,)),
}

EVALUATIONS = {
    "of outputs": lambda: (rules.Evaluation(rules.CrossEntropy(), True), small_mlp(), table.batch_of()),
    "of labels": lambda: (rules.LabelEvaluation(), table.labelled_rbm(), bits_of(labelled=True)),
}


@functools.cache
def fitted(name, double=False):
    """An estimator of the table, fitted once in a session for everyone. It is shared: copy what you would change."""
    model, data = MODELS[name]()
    with jax.enable_x64(double), warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(*data)
