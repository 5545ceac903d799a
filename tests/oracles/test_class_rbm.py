"""Machines with a label: P(y | x) by enumeration, discriminative proposals against autodiff, unlabelled rows."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from flambeau.dynamics import Enumeration, FromData, class_scores, complete
from flambeau.errors import ConfigurationError, DataError
from flambeau.estimators.class_rbm import ClassificationRBM, labels_and_which
from flambeau.networks import RestrictedBoltzmannMachine, rbm
from flambeau.neurons import (
    Bernoulli,
    Categorical,
    Gaussian,
    LearnedGaussian,
    Mixed,
    RectifiedGaussian,
    Spin,
)
from flambeau.problems import load
from flambeau.rules import Batch, ContrastiveDivergence
from flambeau.rules.discriminative import Discriminative, Hybrid, LabelEvaluation, by_class
from flambeau.structures import Dense
from oracles.test_rbm import WEIGHTS, B, C, V, states

LABELS = np.asarray([[np.cos(1 + j + 2 * k) for j in range(3)] for k in range(3)])
VISIBLE = ("bernoulli", "spin", "gaussian", "learned")
HIDDEN = {
    "bernoulli": Bernoulli(),
    "spin": Spin(),
    "softmax": Categorical(3),
    "gaussian": Gaussian(0.7),
    "relu": RectifiedGaussian(),
}

PAIRS = [("bernoulli", "bernoulli"), ("gaussian", "spin"), *(("learned", hidden) for hidden in HIDDEN)]


def kind_of(name):
    """Made within the test, in its precision."""
    learned = LearnedGaussian(jnp.asarray([0.1, -0.4, 0.2, 0.3]))
    return dict(zip(VISIBLE, (Bernoulli(), Spin(), Gaussian(0.5), learned), strict=True))[name]


def golden():
    return RestrictedBoltzmannMachine(
        Dense(jnp.asarray(np.vstack([WEIGHTS, LABELS]))),
        jnp.asarray([*B, 0, 0.2, -0.1]),
        jnp.asarray(C),
        Mixed((Bernoulli(), Categorical(3)), (4, 3)),
        Bernoulli(),
        3,
    )


def joined(visible="bernoulli", hidden="bernoulli", seed=0, classes=3):
    generator = np.random.default_rng(seed)
    columns, units = 4 + classes, 6
    parts = [jnp.asarray(generator.normal(size=shape) * 0.7) for shape in ((columns, units), columns, units)]
    return RestrictedBoltzmannMachine(
        Dense(parts[0]),
        parts[1],
        parts[2],
        Mixed((kind_of(visible), Categorical(classes)), (4, classes)),
        HIDDEN[hidden],
        classes,
    )


def rows_for(visible="bernoulli", rows=9, seed=1, classes=3, missing=()):
    generator = np.random.default_rng(seed)
    x = kind_of(visible).sample(jnp.asarray(generator.normal(size=(rows, 4))), jax.random.key(seed))
    y = np.eye(classes)[generator.integers(0, classes, rows)]
    y[list(missing)] = 0
    weights = np.append(generator.random(rows - 1) + 0.5, 0.0)
    v = jnp.concatenate([x, jnp.asarray(y)], axis=-1)
    return Batch(v, jnp.zeros((rows, 1)), jnp.asarray(weights))


def cross_entropy(machine, batch, classes=3):
    """Mean -log P(y | x) over labelled rows, from one free energy for each class: another way than the rule's."""
    x, y = batch.inputs[:, :-classes], batch.inputs[:, -classes:]
    tried = [jnp.concatenate([x, jnp.tile(jnp.eye(classes)[k], (len(x), 1))], axis=-1) for k in range(classes)]
    log_p = jax.nn.log_softmax(-jnp.stack([machine.free_energy(v) for v in tried], axis=1))
    weights = batch.weights * jnp.any(y > 0, axis=1)
    return -(weights @ (y * log_p).sum(1)) / weights.sum()


@eqx.filter_jit
def propose(rule, machine, batch, seed=0):
    return rule.propose(machine, batch, rule.init(machine, None), jax.random.key(seed))


def same(a, b, **tolerance):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, **tolerance), a, b)


class TestProbabilities:
    def test_golden_toy(self, x64):
        p = jax.nn.softmax(class_scores(golden(), jnp.asarray(V)))
        np.testing.assert_allclose(p[0], [0.222194, 0.126615, 0.651192], atol=1e-6)

    @pytest.mark.parametrize(("visible", "hidden"), [("bernoulli", "softmax"), ("spin", "bernoulli"), ("spin", "spin")])
    def test_they_are_those_of_the_joint_distribution(self, visible, hidden, x64):
        machine = joined(visible, hidden)
        v, h = states(machine.visible, 7), states(machine.hidden, 6)
        pairs = [jnp.broadcast_to(side, (len(v), len(h), side.shape[-1])) for side in (v[:, None], h[None])]
        joint = np.exp(-np.asarray(machine.energy(*pairs))).sum(1)
        x = np.asarray(v[0, :4])
        own = (np.asarray(v[:, :4]) == x).all(1)
        expected = np.asarray(v[own, 4:]).T @ joint[own] / joint[own].sum()
        np.testing.assert_allclose(jax.nn.softmax(class_scores(machine, jnp.asarray(x)[None]))[0], expected, atol=1e-12)

    def test_the_hidden_mean_with_the_label_summed_out(self, x64):
        machine = golden()
        p = jax.nn.softmax(class_scores(machine, jnp.asarray(V)))
        v = jnp.asarray(np.hstack([np.tile(V, (3, 1)), np.eye(3)]))
        np.testing.assert_allclose(by_class(machine, jnp.asarray(V), p).rows, p @ machine(v), atol=1e-12)


class TestDiscriminative:
    @pytest.mark.parametrize(("visible", "hidden"), PAIRS)
    def test_the_proposal_is_the_gradient(self, visible, hidden, x64):
        machine, batch = joined(visible, hidden), rows_for(visible, missing=(2, 5))
        proposal, _, info = propose(Discriminative(), machine, batch)
        np.testing.assert_allclose(info["loss"], cross_entropy(machine, batch), atol=1e-10)
        np.testing.assert_allclose(info["weight"], np.delete(np.asarray(batch.weights), [2, 5]).sum(), rtol=1e-12)
        same(proposal, eqx.filter_jit(eqx.filter_grad(cross_entropy))(machine, batch), atol=1e-10)

    def test_rows_without_a_label_and_padding_change_nothing(self, x64):
        machine, batch = joined(), rows_for(missing=(0, 3))
        kept = np.asarray([1, 2, 4, 5, 6, 7])
        short = Batch(*(part[kept] for part in batch))
        same(propose(Discriminative(), machine, batch)[0], propose(Discriminative(), machine, short)[0], atol=1e-13)

    def test_no_label_at_all_proposes_nothing(self):
        machine, batch = joined(), rows_for(missing=range(9))
        proposal, _, info = propose(Discriminative(), machine, batch)
        jax.tree.map(lambda leaf: np.testing.assert_array_equal(leaf, 0), proposal)
        assert float(info["loss"]) == float(info["weight"]) == 0

    def test_a_machine_without_a_label_is_refused(self):
        for rule in (Discriminative(), Hybrid(ContrastiveDivergence())):
            with pytest.raises(ConfigurationError, match="a machine with a label"):
                rule.init(rbm(7, 3, key=jax.random.key(0)), None)
        with pytest.raises(ConfigurationError, match="at least 2 classes"):
            rbm(7, 3, label=1, key=jax.random.key(0))


class TestHybrid:
    def test_it_is_the_sum_of_both(self, x64):
        machine, batch = joined(), rows_for(missing=(1, 4))
        generative = ContrastiveDivergence(FromData(2))
        proposal, _, info = propose(Hybrid(generative, 0.25), machine, batch, 3)
        telling, _, _ = propose(Discriminative(), machine, batch)
        making, _, seen = propose(generative, machine, batch, 3)
        same(proposal, jax.tree.map(lambda a, b: a + 0.25 * b, telling, making), atol=1e-13)
        np.testing.assert_allclose(info["loss"], cross_entropy(machine, batch), atol=1e-10)
        assert float(info["generative_loss"]) == float(seen["loss"])

    def test_with_exact_particles_it_descends_the_hybrid_objective(self, x64):
        machine, batch = joined(), rows_for()
        rule = Hybrid(ContrastiveDivergence(Enumeration(), centered=False), 0.3)
        every = states(machine.visible, 7)

        def objective(m):
            share = batch.weights / batch.weights.sum()
            nll = share @ m.free_energy(batch.inputs) + jax.scipy.special.logsumexp(-m.free_energy(every))
            return cross_entropy(m, batch) + 0.3 * nll

        same(propose(rule, machine, batch)[0], eqx.filter_jit(eqx.filter_grad(objective))(machine), atol=1e-10)

    def test_rows_without_a_label_teach_the_generative_part_with_a_drawn_one(self, x64):
        machine, batch = joined(), rows_for(missing=range(9))
        generative = ContrastiveDivergence(Enumeration(), centered=False)
        proposal, _, info = propose(Hybrid(generative, 0.5), machine, batch, 7)
        drawn = complete(machine, batch.inputs, jax.random.split(jax.random.key(7), 3)[0])
        assert (np.asarray(drawn[:, 4:]).sum(1) == 1).all()
        expected, _, _ = propose(generative, machine, batch._replace(inputs=drawn), 7)
        same(proposal, jax.tree.map(lambda leaf: 0.5 * leaf, expected), atol=1e-13)
        assert float(info["weight"]) == 0

    def test_centring_changes_the_generative_part_only_by_coordinates(self, x64):
        """Both vanish together: here, where data and model have the same averages."""
        machine = joined(seed=4)
        every = states(machine.visible, 7)
        p = jax.nn.softmax(-machine.free_energy(every))
        batch = Batch(every, jnp.zeros((len(every), 1)), p)
        for centered in (False, True):
            rule = Hybrid(ContrastiveDivergence(Enumeration(), centered=centered), 1.0)
            jax.tree.map(lambda leaf: np.testing.assert_allclose(leaf, 0, atol=1e-12), propose(rule, machine, batch)[0])


def test_evaluation_counts_labelled_rows(x64):
    machine, batch = joined(), rows_for(missing=(2,))
    error, numbers = LabelEvaluation()(machine, batch)
    np.testing.assert_allclose(error, cross_entropy(machine, batch), atol=1e-10)
    x, y = batch.inputs[:, :4], batch.inputs[:, 4:]
    right = np.argmax(class_scores(machine, x), 1) == np.argmax(y, 1)
    weights = np.asarray(batch.weights) * np.asarray(y).any(1)
    np.testing.assert_allclose(numbers["validation_accuracy"], weights @ right / weights.sum(), atol=1e-12)


@pytest.fixture(scope="module")
def digits():
    data = load("digits")
    return data.data, data.target


class TestEstimator:
    def test_it_classifies_and_generates_what_it_classifies(self, digits):
        X, y = digits
        settings = {"epochs": 40, "learning_rate": 0.3, "batch_size": 20, "random_state": 0}
        model = ClassificationRBM(100, generative_weight=0.1, **settings).fit(X[:1200], y[:1200])
        assert model.score(X[1200:], y[1200:]) > 0.88  # 0.92 with a deviation of 0.011 over seeds
        np.testing.assert_allclose(model.predict_proba(X[:50]).sum(1), 1, atol=1e-12)
        assert model.transform(X[:5]).shape == (5, 100)
        made = ClassificationRBM(100, objective="generative", **settings).fit(X, y)
        for label in (0, 6):
            drawn = made.sample(50, label=label, n_steps=200)
            assert (model.predict(drawn) == label).mean() > 0.6

    def test_rows_without_a_label_help(self, digits):
        X, y = digits
        few = np.where(np.arange(1200) < 100, y[:1200], -1)
        settings = {"generative_weight": 1.0, "random_state": 0}
        with_them = ClassificationRBM(100, epochs=60, **settings).fit(X[:1200], few)
        without = ClassificationRBM(100, epochs=200, **settings).fit(X[:100], y[:100])
        assert list(with_them.classes_) == list(range(10))
        assert with_them.score(X[1200:], y[1200:]) > without.score(X[1200:], y[1200:])

    def test_minus_one_is_a_class_where_it_has_to_be(self):
        def known(y, unlabelled=-1, classes=None):
            return labels_and_which(ClassificationRBM(unlabelled=unlabelled), y, classes)[1].tolist()

        assert known([-1, 1, 1]) == [True] * 3  # no other two
        assert known([-1, 0, 1], None) == [True] * 3
        assert known([-1, 0, 1]) == [False, True, True]
        assert known(["a", "b", ""], "") == [True, True, False]
        assert known(["a", "b", "-1"]) == [True, True, False]  # as it comes out of a table
        assert known(["a", None, "b"]) == known([1.0, np.nan, 0.0]) == [True, False, True]
        assert known([-1, 0], classes=np.asarray([-1, 0])) == [True, True]

    def test_a_stream_may_bring_rows_without_a_label(self, digits):
        X, y = digits
        model = ClassificationRBM(20, random_state=0).partial_fit(X[:100], y[:100], classes=np.arange(10))
        before = np.asarray(model.network_.structure.weights)
        model.partial_fit(X[100:200], np.full(100, -1))
        assert model.n_iter_ == 2
        assert not np.array_equal(before, model.network_.structure.weights)
        with pytest.raises(DataError, match="unseen"):
            model.partial_fit(X[:100], np.full(100, 10))

    @pytest.mark.parametrize("objective", ["discriminative", "generative"])
    def test_early_stopping_watches_the_labels(self, objective, digits):
        X, y = digits
        model = ClassificationRBM(20, objective=objective, epochs=5, early_stopping=True, random_state=0).fit(X, y)
        assert len(model.history_["validation_accuracy"]) == model.n_iter_

    def test_refusals(self, digits):
        X, y = digits
        with pytest.raises(ConfigurationError, match="objective"):
            ClassificationRBM(objective="both").fit(X, y)
        with pytest.raises(ConfigurationError, match="generative_weight"):
            ClassificationRBM(generative_weight=-1).fit(X, y)
        with pytest.raises(DataError, match="Bernoulli"):
            ClassificationRBM(4).fit(X * 16, y)
        with pytest.raises(DataError, match="no label"):
            ClassificationRBM(4).fit(X, np.full(len(X), -1))
        with pytest.raises(DataError, match="labelled row"):
            ClassificationRBM(4).fit(X[:4], [0, 1, -1, -1], sample_weight=[0, 0, 1, 1])
