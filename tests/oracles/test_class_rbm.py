"""Machines with a label: P(y | x) by enumeration, discriminative proposals against autodiff, unlabelled rows."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import softmax

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
from oracles.test_rbm import WEIGHTS, B, C, V, proposed, rows_shown, states, told, toy
from programs import program

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
    learned = LearnedGaussian(np.asarray([0.1, -0.4, 0.2, 0.3]))
    return dict(zip(VISIBLE, (Bernoulli(), Spin(), Gaussian(0.5), learned), strict=True))[name]


def golden():
    return RestrictedBoltzmannMachine(
        Dense(jax.device_put(np.vstack([WEIGHTS, LABELS]))),
        np.asarray([*B, 0, 0.2, -0.1]),
        C,
        Mixed((Bernoulli(), Categorical(3)), (4, 3)),
        Bernoulli(),
        3,
    )


def joined(visible="bernoulli", hidden="bernoulli", seed=0, classes=3):
    generator = np.random.default_rng(seed)
    columns, units = 4 + classes, 6
    parts = [jax.device_put(generator.normal(size=shape) * 0.7) for shape in ((columns, units), columns, units)]
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
    x = rows_shown(kind_of(visible), generator, rows, 4)
    y = np.eye(classes)[generator.integers(0, classes, rows)]
    y[list(missing)] = 0
    weights = np.append(generator.random(rows - 1) + 0.5, 0.0)
    return Batch(np.concatenate([x, y], axis=-1), np.zeros((rows, 1)), weights)


def cross_entropy(machine, batch, classes=3):
    """Mean -log P(y | x) over labelled rows, from one free energy for each class: another way than the rule's."""
    x, y = batch.inputs[:, :-classes], batch.inputs[:, -classes:]
    shape = (len(x), classes)
    parts = (jnp.broadcast_to(x[:, None], (*shape, x.shape[1])), jnp.broadcast_to(jnp.eye(classes), (*shape, classes)))
    log_p = jax.nn.log_softmax(-machine.free_energy(jnp.concatenate(parts, axis=-1)))
    weights = batch.weights * jnp.any(y > 0, axis=1)
    return -(weights @ (y * log_p).sum(1)) / weights.sum()


def ask(rule, machine, batch, seed=0):
    """The first step's proposal and its info."""
    proposal, _, info = program(proposed)(rule, machine, batch, jax.random.key(seed))
    return proposal, info


def with_slope(rule, machine, batch, error):
    """A proposal and its info, and the value and gradient of ``error``."""
    proposal, _, info = proposed(rule, machine, batch, jax.random.key(0))
    return proposal, info, eqx.filter_value_and_grad(error)(machine, batch)


def every_row(machine):
    return np.asarray(states(machine.visible, 7))


def same(a, b, **tolerance):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, **tolerance), a, b)


def summed_out(machine, x, v):
    """The classes' scores, the mean hidden state with the label summed out, and that of whole rows."""
    scores = class_scores(machine, x)
    return scores, by_class(machine, x, jax.nn.softmax(scores)).rows, machine(v)


class TestProbabilities:
    # Of what is known of one machine, one program tells two tests.
    GOLDEN = V, np.hstack([np.tile(V, (3, 1)), np.eye(3)])

    def test_golden_toy(self, x64):
        scores, _, _ = program(summed_out)(golden(), *self.GOLDEN)
        np.testing.assert_allclose(softmax(scores[0]), [0.222194, 0.126615, 0.651192], atol=1e-6)

    @pytest.mark.parametrize(("visible", "hidden"), [("bernoulli", "softmax"), ("spin", "bernoulli"), ("spin", "spin")])
    def test_they_are_those_of_the_joint_distribution(self, visible, hidden, x64):
        def asked(machine, v, h):
            return told(machine, v, h).joint, class_scores(machine, v[:1, :4])

        machine = joined(visible, hidden)
        v = every_row(machine)
        energies, scores = program(asked)(machine, v, np.asarray(states(machine.hidden, 6)))
        joint = np.exp(-energies).sum(1)
        own = (v[:, :4] == v[0, :4]).all(1)
        expected = v[own, 4:].T @ joint[own] / joint[own].sum()
        np.testing.assert_allclose(softmax(scores[0]), expected, atol=1e-12)

    def test_the_hidden_mean_with_the_label_summed_out(self, x64):
        scores, mean, each = program(summed_out)(golden(), *self.GOLDEN)
        np.testing.assert_allclose(mean, softmax(scores, axis=1) @ each, atol=1e-12)


class TestDiscriminative:
    @pytest.mark.parametrize(("visible", "hidden"), PAIRS)
    def test_the_proposal_is_the_gradient(self, visible, hidden, x64):
        machine, batch = joined(visible, hidden), rows_for(visible, missing=(2, 5))
        proposal, info, (error, slope) = program(with_slope)(Discriminative(), machine, batch, cross_entropy)
        np.testing.assert_allclose(info["loss"], error, atol=1e-10)
        np.testing.assert_allclose(info["weight"], np.delete(batch.weights, [2, 5]).sum(), rtol=1e-12)
        same(proposal, slope, atol=1e-10)

    def test_rows_without_a_label_and_padding_change_nothing(self, x64):
        machine, batch = joined(), rows_for(missing=(0, 3))
        kept = np.asarray([1, 2, 4, 5, 6, 7])
        short = Batch(*(part[kept] for part in batch))
        same(ask(Discriminative(), machine, batch)[0], ask(Discriminative(), machine, short)[0], atol=1e-13)

    def test_no_label_at_all_proposes_nothing(self):
        proposal, info = ask(Discriminative(), joined(), rows_for(missing=range(9)))
        jax.tree.map(lambda leaf: np.testing.assert_array_equal(leaf, 0), proposal)
        assert float(info["loss"]) == float(info["weight"]) == 0

    def test_a_machine_without_a_label_is_refused(self):
        for rule in (Discriminative(), Hybrid(ContrastiveDivergence())):
            with pytest.raises(ConfigurationError, match="a machine with a label"):
                rule.init(toy(), None)
        with pytest.raises(ConfigurationError, match="at least 2 classes"):
            rbm(7, 3, label=1, key=jax.random.key(0))


class TestHybrid:
    def test_it_is_the_sum_of_both(self, x64):
        def asked(machine, batch, key):
            generative = ContrastiveDivergence(FromData(1))
            rules = Hybrid(generative, 0.25), Discriminative(), generative
            return [proposed(rule, machine, batch, key) for rule in rules], cross_entropy(machine, batch)

        parts, error = program(asked)(joined(), rows_for(missing=(1, 4)), jax.random.key(3))
        (proposal, _, info), (telling, _, _), (making, _, seen) = parts
        same(proposal, jax.tree.map(lambda a, b: a + 0.25 * b, telling, making), atol=1e-13)
        np.testing.assert_allclose(info["loss"], error, atol=1e-10)
        assert float(info["generative_loss"]) == float(seen["loss"])

    def test_with_exact_particles_it_descends_the_hybrid_objective(self, x64):
        machine, batch = joined(), rows_for()
        rule = Hybrid(ContrastiveDivergence(Enumeration(), centered=False), 0.3)
        proposal, _, (_, slope) = program(with_slope)(rule, machine, batch, hybrid_objective)
        same(proposal, slope, atol=1e-10)

    def test_rows_without_a_label_teach_the_generative_part_with_a_drawn_one(self, x64):
        def asked(machine, batch, key):
            generative = ContrastiveDivergence(Enumeration(), centered=False)
            drawn = complete(machine, batch.inputs, jax.random.split(key, 3)[0])
            proposal, _, info = proposed(Hybrid(generative, 0.5), machine, batch, key)
            return drawn, proposal, info, proposed(generative, machine, batch._replace(inputs=drawn), key)[0]

        asked_of = joined(), rows_for(missing=range(9)), jax.random.key(7)
        drawn, proposal, info, expected = program(asked)(*asked_of)
        assert (drawn[:, 4:].sum(1) == 1).all()
        same(proposal, jax.tree.map(lambda leaf: 0.5 * leaf, expected), atol=1e-13)
        assert float(info["weight"]) == 0

    def test_centring_changes_the_generative_part_only_by_coordinates(self, x64):
        """Both vanish together: here, where data and model have the same averages."""

        def asked(machine, every, key):
            p = jax.nn.softmax(-machine.free_energy(every))
            batch = Batch(every, jnp.zeros((len(every), 1)), p)
            rules = (Hybrid(ContrastiveDivergence(Enumeration(), centered=flag), 1.0) for flag in (False, True))
            return [proposed(rule, machine, batch, key)[0] for rule in rules]

        machine = joined(seed=4)
        proposals = program(asked)(machine, every_row(machine), jax.random.key(0))
        jax.tree.map(lambda leaf: np.testing.assert_allclose(leaf, 0, atol=1e-12), proposals)


def hybrid_objective(machine, batch):
    share = batch.weights / batch.weights.sum()
    log_z = jax.scipy.special.logsumexp(-machine.free_energy(states(machine.visible, 7)))
    return cross_entropy(machine, batch) + 0.3 * (share @ machine.free_energy(batch.inputs) + log_z)


def test_evaluation_counts_labelled_rows(x64):
    def asked(machine, batch):
        scores = class_scores(machine, batch.inputs[:, :4])
        return LabelEvaluation()(machine, batch), cross_entropy(machine, batch), scores

    batch = rows_for(missing=(2,))
    (error, numbers), expected, scores = program(asked)(joined(), batch)
    np.testing.assert_allclose(error, expected, atol=1e-10)
    y = batch.inputs[:, 4:]
    right = scores.argmax(1) == y.argmax(1)
    weights = batch.weights * y.any(1)
    np.testing.assert_allclose(numbers["validation_accuracy"], weights @ right / weights.sum(), atol=1e-12)


@pytest.fixture(scope="module")
def digits():
    data = load("digits")
    return data.data, data.target


class TestEstimator:
    """Rows, batches and units come in the same numbers, so that the same programs train; rates and weights are data."""

    def test_it_classifies_and_generates_what_it_classifies(self, digits):
        X, y = digits
        settings = {"epochs": 60, "learning_rate": 0.3, "random_state": 0}
        model = ClassificationRBM(100, generative_weight=0.1, **settings).fit(X[:1200], y[:1200])
        assert model.score(X[1200:], y[1200:]) > 0.88  # 0.92 with a deviation of 0.005 over seeds
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
        model = ClassificationRBM(100, random_state=0).partial_fit(X[:100], y[:100], classes=np.arange(10))
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
