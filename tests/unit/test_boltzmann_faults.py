"""What users of the Boltzmann estimators met: each case with its kin, and most of them before anything is compiled."""

import copy

import jax
import numpy as np
import pytest
from scipy import sparse
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import MinMaxScaler

import flambeau as fb
from flambeau.analysis import LikelihoodReport, LogPartition
from flambeau.errors import ConfigurationError, DataError, DivergenceError
from flambeau.estimators import common
from flambeau.estimators.base import Given, hold_out
from flambeau.estimators.boltzmann import within_rounding
from flambeau.estimators.density import PROTOCOLS
from flambeau.foundation import memory
from flambeau.networks import rbm
from flambeau.neurons import Bernoulli, Categorical, Gaussian, Spin
from flambeau.rules import Batch
from flambeau.rules.discriminative import LabelEvaluation
from programs import program

RNG = np.random.default_rng(0)
X = (RNG.random((60, 6)) < 0.4).astype(float)
Y = RNG.integers(0, 3, 60)
KINDS = {
    "RBM": lambda **settings: fb.RBM(4, **settings),
    "DBM": lambda **settings: fb.DBM((4, 3), **settings),
    "DBN": lambda **settings: fb.DBN((4, 3), **settings),
    "DBNClassifier": lambda **settings: fb.DBNClassifier((4, 3), **settings),
    "ClassificationRBM": lambda **settings: fb.ClassificationRBM(4, **settings),
}
every_kind = pytest.mark.parametrize("kind", KINDS)


def labels_for(kind):
    return {"y": Y} if "Class" in kind else {}


class TestSettings:
    @every_kind
    @pytest.mark.parametrize("visible", ["spin", "softmax", "gaussian", "relu", "noisy_relu", Gaussian(0.5)])
    @pytest.mark.parametrize("binarize", ["sample", "threshold"])
    def test_only_units_of_0_and_1_are_drawn_or_cut(self, kind, visible, binarize):
        model = KINDS[kind](visible=visible, binarize=binarize, n_categories=2)
        with pytest.raises(ConfigurationError, match=f"{kind}.binarize.*Bernoulli units.*binarize=None"):
            model.fit(X, **labels_for(kind))

    @pytest.mark.parametrize(
        ("settings", "name"),
        [
            ({"fine_tune": "up_down", "dropout": 0.5}, "dropout"),
            ({"fine_tune": None, "input_dropout": 0.5}, "input_dropout"),
            ({"fine_tune": "backprop", "generative_weight": 0.1}, "generative_weight"),
            ({"fine_tune": None, "top_rate": 3.0}, "top_rate"),
        ],
    )
    def test_settings_that_another_fine_tuning_reads(self, settings, name):
        with pytest.raises(ConfigurationError, match=f"DBNClassifier.{name}.*which reads it"):
            fb.DBNClassifier((4, 3), **settings).fit(X, Y)

    @every_kind
    def test_rates_follow_the_algorithm(self, kind):
        """Chains that persist must keep up with the machine."""
        rates = {name: KINDS[kind](algorithm=name).rates[name] for name in ("cd", "pcd", "tempering")}
        assert rates["pcd"] == rates["tempering"] <= rates["cd"]
        for settings, rate in (({"algorithm": "pcd"}, rates["pcd"]), ({"learning_rate": 0.3}, 0.3)):
            np.testing.assert_allclose(KINDS[kind](**settings)._optimizer().rates(np.arange(2)), rate, rtol=1e-6)


class TestRanges:
    def test_rounding_beyond_a_limit_is_put_back(self):
        for seed in range(20):
            raw = np.random.default_rng(seed).normal(500, 3, (50, 4)).astype(np.float32)
            scaled = MinMaxScaler().fit_transform(raw)
            found = within_rounding(scaled, Bernoulli())
            assert found.min() >= 0
            assert found.max() <= 1
            np.testing.assert_allclose(found, scaled, atol=1e-5)

    @pytest.mark.parametrize(
        ("kind", "value", "limit"),
        [(Bernoulli(), 1 + 1e-6, 1), (Bernoulli(), -1e-6, 0), (Spin(), -1 - 1e-6, -1), (Categorical(2), 1 + 1e-6, 1)],
    )
    def test_of_every_unit_with_states(self, kind, value, limit):
        assert within_rounding(np.full((1, 2), value), kind).tolist() == [[limit, limit]]

    def test_what_is_more_than_rounding_is_refused(self):
        with pytest.raises(DataError, match="from 0 to 1"):
            fb.RBM(4).fit(X * 1.001)
        assert within_rounding(np.full((1, 2), 1.001), Bernoulli()).max() == 1.001
        assert within_rounding(np.full((1, 2), -7.0), Gaussian()).min() == -7

    @every_kind
    def test_zeros_and_ones_are_no_spins(self, kind):
        with pytest.raises(DataError, match=r"spins of -1 and \+1.*2.0 \* X - 1"):
            KINDS[kind](visible="spin").fit(X, **labels_for(kind))

    def test_spins_are_read_with_their_remedy(self):
        model = fb.RBM(4, visible="spin")
        np.testing.assert_array_equal(model._in_range(2.0 * X - 1, Spin()), 2 * X - 1)
        assert model._in_range(np.ones((2, 3)), Spin()).min() == 1  # all up is a pattern
        assert model._in_range(np.asarray([[-1.0, 0, 1]]), Spin())[0, 1] == 0  # a mean

    def test_gaussian_columns_of_another_scale_are_said(self):
        wide = RNG.normal(0, 1, (50, 3)) * [1, 30, 0.01]
        for rows in (wide, wide[:, 1:], wide[:, 2:]):
            with pytest.warns(UserWarning, match=r"standard deviations are 0\.00\d+ to .*StandardScaler"):
                fb.RBM(4, visible="gaussian")._in_range(rows, Gaussian(), learning=True)
        few_still = wide[:, [0, 0, 2]]
        for rows, unit in ((few_still, Gaussian()), (wide[:, 1:2], Gaussian(900.0)), (wide * 0, Gaussian())):
            fb.RBM(4)._in_range(rows, unit, learning=True)  # no warning: the suite would fail


class TestLabels:
    def test_held_out_rows_are_labelled_ones(self):
        few = np.where(np.arange(60) < 9, np.arange(60) % 3, -1)
        model = fb.ClassificationRBM(4, early_stopping=True)
        rows = model._read(Given(X, few, None), fresh=True)
        learned, held_out = hold_out(rows, 0.3, 0, "test")
        assert held_out.targets.any(1).all()
        assert len(learned.weights) + len(held_out.weights) == len(rows.weights)
        assert (learned.strata >= 0).sum() + len(held_out.weights) == (rows.strata >= 0).sum()

    def test_a_mean_over_no_labelled_row_is_not_the_best(self):
        machine = rbm(3, 2, label=2, key=jax.random.key(0))
        batch = Batch(np.zeros((4, 5), np.float32), np.zeros((4, 2), np.float32), np.ones(4, np.float32))
        error, numbers = program(LabelEvaluation())(machine, batch)
        assert np.isnan([error, *numbers.values()]).all()

    def test_validation_rows_without_any_label_are_refused(self):
        model = fb.ClassificationRBM(4)
        model._read(Given(X, Y, None), fresh=True)
        with pytest.raises(DataError, match=r"validation_data.*labelled rows"):
            model._read_held((X, np.full(60, -1)))

    @pytest.mark.parametrize("missing", [-1, None, np.nan, "-1"])
    @pytest.mark.parametrize("kind", ["DBNClassifier", "ClassificationRBM"])
    def test_text_labels_and_none(self, kind, missing):
        y = np.asarray([missing if row % 4 == 0 else f"class {row % 3}" for row in range(60)], dtype=object)
        model = KINDS[kind]()
        rows = model._read(Given(X, y, None), fresh=True) if kind == "ClassificationRBM" else model._read(X, y, None)
        assert model.classes_.tolist() == ["class 0", "class 1", "class 2"]
        if kind == "ClassificationRBM":
            assert rows.weights[rows.strata >= 0].sum() == 45
        else:
            assert rows.weights[rows.targets.any(1)].sum() == 45

    def test_another_mark_leaves_minus_one_a_class(self):
        model = fb.DBNClassifier((4, 3), unlabelled=9)
        model._read(X, np.where(np.arange(60) % 5 == 0, 9, np.arange(60) % 3 - 1), None)
        assert model.classes_.tolist() == [-1, 0, 1]

    def test_no_label_at_all(self):
        for kind in ("DBNClassifier", "ClassificationRBM"):
            with pytest.raises(DataError, match="at least two classes"):
                KINDS[kind]().fit(X, [None] * 60)


class TestInputs:
    def test_sparse_frames_are_rows(self):
        pandas = pytest.importorskip("pandas")
        frame = pandas.DataFrame.sparse.from_spmatrix(sparse.csr_matrix(X), columns=list("abcdef"))
        for rows in (frame, sparse.csr_matrix(X), sparse.coo_array(X), sparse.csc_matrix(X.astype(bool))):
            model = fb.RBM(4)
            np.testing.assert_array_equal(model._checked(rows, reset=True), X)
            assert model.n_features_in_ == 6
        with pytest.raises(DataError, match="parse"):
            fb.MLPClassifier((3,)).fit(frame, Y)

    @every_kind
    def test_sparse_rows_that_memory_cannot_hold(self, kind):
        huge = sparse.csr_matrix((10**6, 10**7))
        with pytest.raises(DataError, match=r"fit into memory.*fewer rows at a time"):
            KINDS[kind]().fit(huge, **({"y": np.arange(10**6) % 3} if "Class" in kind else {}))

    def test_more_than_half_of_what_memory_cannot_hold_is_not_tried(self, monkeypatch):
        few = sparse.csr_matrix(X)
        numbers = X.size * np.dtype(np.float32).itemsize
        monkeypatch.setattr(common, "physical_memory", lambda: 2 * numbers)
        assert fb.RBM(4)._checked(few, reset=True).shape == X.shape
        monkeypatch.setattr(common, "physical_memory", lambda: 2 * numbers - 1)
        with pytest.raises(DataError, match="fit into memory"):
            fb.RBM(4)._checked(few, reset=True)

    def test_memory_is_known_or_without_end(self, monkeypatch):
        assert memory.physical_memory() > 2**28

        def unknown(name):
            raise ValueError

        monkeypatch.setattr(memory.os, "sysconf", unknown)
        assert memory.physical_memory() == np.inf


class TestReports:
    known = LogPartition(0.0, 0.0, 0.0, None, None, "exact", True, None, "a sum over all states")

    def test_a_report_says_where_nothing_was_learned(self):
        each = np.asarray([-14.0, -14.5, -13.5, -14.0])
        for independent, words in (
            (-10.0, "BELOW independent units, -10.00"),
            (-20.0, "independent units reach -20.00"),
        ):
            report = LikelihoodReport.of(each, PROTOCOLS[None], self.known, independent=independent)
            assert words in str(report)
        assert "BELOW" not in str(LikelihoodReport.of(each, PROTOCOLS[None], self.known, independent=-13.9))
        assert "independent" not in str(LikelihoodReport.of(each, PROTOCOLS[None], self.known))

    def test_persistent_chains_at_the_default_rate_learn_clusters(self):
        """The modes are far apart; at the rate of cd the chains lose them and the likelihood falls below noise."""
        rng = np.random.default_rng(0)
        rows = ((rng.random(1000) < 0.5)[:, None] ^ (rng.random((1000, 12)) < 0.03)).astype(float)
        model = fb.RBM(16, algorithm="pcd", random_state=0).fit(rows)
        report = model.likelihood_report(rows)
        assert report.mean > report.independent + 2
        assert report.independent == pytest.approx(-12 * np.log(2), abs=0.05)


@pytest.fixture(scope="module")
def model():
    return fb.RBM(4, epochs=1, random_state=0).fit(X)


class TestFitted:
    def test_base_rates_are_those_of_all_rows_seen(self, model):
        parts = [X[:, ::-1] * 0, X, X * 0 + 1]
        stream = fb.RBM(4, random_state=0)
        for part in parts:
            stream.partial_fit(part)
        means = (np.vstack(parts).sum(0) + 1) / (180 + 2)
        np.testing.assert_allclose(1 / (1 + np.exp(-stream._base)), means, rtol=1e-5)
        before = model._totals[1]
        assert before == 60
        assert stream._totals[1] == 180

    @pytest.mark.parametrize("kind", ["DBM", "ClassificationRBM"])
    def test_so_they_are_in_every_estimator_that_streams(self, kind):
        model = KINDS[kind](random_state=0)
        for part in range(3):
            given = Given(X + 0 * part, Y if kind != "DBM" else None, None, np.arange(3) if kind != "DBM" else None)
            model._read(given, fresh=part == 0)
        np.testing.assert_allclose(model._totals[0][:6], 3 * X.sum(0))
        assert model._totals[1] == 180

    def test_a_fit_that_fails_leaves_the_model_as_it_was(self, model):
        before = model.transform(X)
        with pytest.raises(DivergenceError):
            model.set_params(learning_rate=1e6).fit(X)
        model.set_params(learning_rate="auto")
        np.testing.assert_array_equal(model.transform(X), before)
        with pytest.raises(DataError):
            model.fit(X * 3)
        np.testing.assert_array_equal(model.transform(X), before)

    @every_kind
    def test_after_a_first_fit_that_failed_nothing_answers(self, kind):
        model = KINDS[kind]()
        with pytest.raises(DataError):
            model.fit(X * 3, **labels_for(kind))
        with pytest.raises(NotFittedError):
            model.transform(X)
        with pytest.raises(NotFittedError):
            model.sample(2)

    def test_the_settings_of_drawing_are_kept_by_who_goes_on(self):
        model = fb.RBM(4, epochs=1, warm_start=True, random_state=0).fit(X)
        for change in ({"n_components": 5}, {"hidden": "spin"}, {"visible": Bernoulli()}):
            other = copy.copy(model).set_params(**change)
            with pytest.raises(ConfigurationError, match=next(iter(change))):
                other.fit(X)
