"""The Boltzmann estimators outside scikit-learn's suite: data, streams, clamps, likelihoods, files, refusals."""

import dataclasses

import numpy as np
import pytest
from scipy import sparse, stats
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

import flambeau as fb
from flambeau.analysis.enumeration import exact_distribution
from flambeau.errors import ConfigurationError, DataError, DivergenceError


def stripes(side=3):
    """Bars and stripes: every pattern whose rows, or whose columns, are all alike."""
    lines = np.asarray([[bit >> place & 1 for place in range(side)] for bit in range(2**side)])
    bars = np.repeat(lines, side, axis=1)
    turned = bars.reshape(-1, side, side).transpose(0, 2, 1).reshape(-1, side * side)
    return np.unique(np.vstack([bars, turned]), axis=0).astype(float)


@pytest.fixture(scope="module")
def digits():
    data = fb.problems.load("digits")
    return data.data, data.target


@pytest.fixture(scope="module")
def machine(digits):
    return fb.RBM(12, algorithm="pcd", epochs=15, binarize="threshold", random_state=0).fit(digits[0])


class TestRBM:
    def test_it_learns_bars_and_stripes_nearly_to_the_ceiling(self):
        X = stripes()
        model = fb.RBM(8, algorithm="exact", optimizer="sgd", learning_rate=0.3, epochs=3000, random_state=0).fit(X)
        assert len(X) == 14
        assert -2.85 < model.log_likelihood(X).mean() <= -np.log(14) + 1e-4

    def test_shapes_and_names(self, machine, digits):
        X = digits[0]
        assert machine.components_.shape == (12, 64)
        assert machine.intercept_hidden_.shape == (12,)
        assert machine.intercept_visible_.shape == (64,)
        assert machine.transform(X[:5]).shape == (5, 12)
        assert machine.inverse_transform(machine.transform(X[:5])).shape == (5, 64)
        assert machine.gibbs(X[:5], 3).shape == (5, 64)
        assert list(machine.get_feature_names_out()[:2]) == ["rbm0", "rbm1"]
        assert {len(values) for values in machine.history_.values()} == {15}

    def test_likelihoods_agree(self, machine, digits):
        X = digits[0][:50]
        z = machine.log_partition()
        assert z.method == "exact"
        found = machine.log_likelihood(X, z)
        np.testing.assert_allclose(found, -machine.free_energy(X) - z.value, rtol=1e-5)
        np.testing.assert_allclose(found, machine.log_likelihood(X), rtol=1e-6)
        report = machine.likelihood_report(X, z)
        assert "thresholded" in str(report)
        np.testing.assert_allclose(report.mean, found.mean(), rtol=1e-6)
        assert machine.score(X) == pytest.approx(machine.score_samples(X).mean())

    def test_scores_are_deterministic_and_independent_of_the_split(self, machine, digits):
        X = digits[0][:37]
        whole = machine.score_samples(X)
        np.testing.assert_array_equal(whole, machine.score_samples(X))
        np.testing.assert_allclose(
            whole, np.concatenate([machine.score_samples(part) for part in (X[:5], X[5:])]), rtol=1e-5
        )

    def test_inverted_data_are_learned_as_well_when_centred(self, digits):
        X = (digits[0] > 0.5).astype(float)

        def likelihood(X, *, centered):
            model = fb.RBM(8, algorithm="pcd", centered=centered, epochs=30, random_state=0)
            return model.fit(X).log_likelihood(X).mean()

        centred = likelihood(X, centered=True), likelihood(1 - X, centered=True)
        plain = likelihood(X, centered=False), likelihood(1 - X, centered=False)
        # The coding changes the random draws and little else; without centring both codings are learned less well.
        assert abs(centred[0] - centred[1]) < 1
        assert abs(centred[0] - centred[1]) < min(centred) - max(plain)

    @pytest.mark.parametrize("algorithm", ["cd", "pcd", "tempering"])
    def test_every_algorithm_beats_independent_pixels(self, algorithm, digits):
        X = (digits[0] > 0.5).astype(float)
        p = X.mean(0).clip(1e-3, 1 - 1e-3)
        independent = (X * np.log(p) + (1 - X) * np.log(1 - p)).sum(1).mean()
        model = fb.RBM(10, algorithm=algorithm, k=2, n_chains=50, n_temperatures=4, epochs=30, random_state=0).fit(X)
        assert model.log_likelihood(X).mean() > independent + 3

    @pytest.mark.parametrize(
        ("visible", "hidden", "prepare"),
        [
            ("gaussian", "bernoulli", lambda X: (X - X.mean(0)) / (X.std(0) + 0.1)),
            ("gaussian", "noisy_relu", lambda X: (X - X.mean(0)) / (X.std(0) + 0.1)),
            ("spin", "spin", lambda X: np.where(X > 0.5, 1.0, -1.0)),
            ("softmax", "bernoulli", lambda X: np.stack([X > 0.5, X <= 0.5], -1).reshape(len(X), -1).astype(float)),
            ("bernoulli", "softmax", lambda X: X),
            ("bernoulli", "relu", lambda X: X),
        ],
    )
    def test_other_units(self, visible, hidden, prepare, digits):
        X = prepare(digits[0][:600])
        model = fb.RBM(8, visible, hidden, n_categories=2, learning_rate=0.005, epochs=5, random_state=0).fit(X)
        assert np.isfinite(model.transform(X)).all()
        assert model.sample(4, 5).shape == (4, X.shape[1])
        more = fb.RBM(8, visible, hidden, n_categories=2, learning_rate=0.005, epochs=25, random_state=0).fit(X)
        errors = [((m.inverse_transform(m.transform(X)) - X) ** 2).mean() for m in (model, more)]
        assert errors[1] < errors[0] < 1.05 * X.var(0).mean()

    def test_gaussian_variances_are_learned(self):
        X = np.random.default_rng(0).normal(size=(2000, 3)) * [0.3, 1.0, 2.0]
        model = fb.RBM(
            2, "gaussian", learn_variance=True, optimizer="sgd", learning_rate=0.02, epochs=120, random_state=0
        ).fit(X)
        np.testing.assert_allclose(np.sqrt(model.network_.visible.variance), [0.3, 1.0, 2.0], rtol=0.25)

    def test_batches_of_ten_do_not_blow_the_biases_up(self):
        """A defect elsewhere: both phases divided by the row count drive sigm(b) to 1 on these rows."""
        X = (np.random.default_rng(0).random((1000, 20)) < 0.29).astype(float)
        model = fb.RBM(5, batch_size=10, optimizer="sgd", learning_rate=0.1, random_state=0)
        for _ in range(20):
            assert model.partial_fit(X) is model
        shown = 1 / (1 + np.exp(-model.intercept_visible_))
        assert (np.abs(model.gibbs(X, 1).mean(0) - X.mean(0)) < 0.08).all()
        assert shown.max() < 0.8

    def test_a_stream_goes_on_where_it_was(self, digits):
        X = digits[0][:200]
        model = fb.RBM(6, algorithm="pcd", batch_size=64, random_state=0)
        for _ in range(3):
            model.partial_fit(X)
        assert model.n_iter_ == 3
        again = fb.RBM(6, algorithm="pcd", batch_size=64, epochs=3, random_state=0).fit(X)
        np.testing.assert_allclose(model.components_, again.components_, atol=1e-6)
        assert model.partial_fit(X[:7]).n_iter_ == 4  # any number of rows

    def test_a_small_set_may_come_in_any_order_and_with_weights(self):
        X = stripes()
        order = np.random.default_rng(0).permutation(len(X))
        settings = {"algorithm": "pcd", "epochs": 20, "random_state": 0}
        first = fb.RBM(5, **settings).fit(X)
        np.testing.assert_array_equal(first.components_, fb.RBM(5, **settings).fit(X[order]).components_)
        weights = np.arange(len(X)) % 4
        weighed = fb.RBM(5, **settings).fit(X, sample_weight=weights)
        repeated = fb.RBM(5, **settings).fit(np.repeat(X, weights, axis=0))
        np.testing.assert_array_equal(weighed.components_, repeated.components_)

    def test_sparse_rows_are_rows(self, digits):
        X = (digits[0][:300] > 0.5).astype(float)
        model = fb.RBM(4, epochs=3, random_state=0)
        dense = clone(model).fit(X)
        for form in (sparse.csr_matrix(X), sparse.coo_array(X)):
            np.testing.assert_array_equal(clone(model).fit(form).components_, dense.components_)
        np.testing.assert_array_equal(dense.transform(sparse.csr_matrix(X)), dense.transform(X))

    def test_early_stopping_ends_at_a_wide_gap_and_keeps_the_network_before_it(self, digits):
        X = np.random.default_rng(0).permutation(digits[0] > 0.5).astype(float)  # two of the 60 rows are equal
        settings = {"early_stopping": True, "epochs": 2000, "tolerance": 0.05, "patience": 5, "learning_rate": 0.5}
        model = fb.RBM(200, random_state=0, **settings).fit(X[:60], validation_data=X[900:1400])
        gap = model.history_["free_energy_gap"]
        assert model.run_.stopped
        assert len(gap) == model.n_iter_ < 2000
        seen, unseen = model.free_energy(X[:60]), model.free_energy(X[900:1400])
        np.testing.assert_allclose(unseen.mean() - seen.mean(), gap[-1 - 5], rtol=1e-4)  # 5 wide ones since
        assert unseen.mean() - seen.mean() <= (0.05 + 2 * np.sqrt(1 / 60 + 1 / 500)) * unseen.std()

    def test_held_out_rows_alone_only_give_their_curve(self, digits):
        X = digits[0]
        model = fb.RBM(6, epochs=4, random_state=0).fit(X[:500], validation_data=X[500:800])
        assert model.run_.records["free_energy_gap"]["free_energy_gap"].shape == (4,)

    def test_clamped_units_are_held(self, machine):
        clamp = np.full(64, np.nan)
        clamp[:32] = 1
        drawn = machine.sample(6, 20, clamp=clamp)
        assert (drawn[:, :32] == 1).all()
        assert set(np.unique(drawn[:, 32:])) <= {0.0, 1.0}
        np.testing.assert_array_equal(drawn, machine.sample(6, 20, clamp=np.tile(clamp, (6, 1))))

    def test_save_and_load(self, machine, digits, tmp_path):
        fb.save(machine, tmp_path / "m.flambeau")
        again = fb.load(tmp_path / "m.flambeau")
        np.testing.assert_array_equal(again.transform(digits[0]), machine.transform(digits[0]))
        assert again.log_partition().value == pytest.approx(machine.log_partition().value)
        again.partial_fit(digits[0])
        assert again.n_iter_ == machine.n_iter_ + 1

    @pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
    def test_in_a_pipeline_and_a_grid(self, digits):
        X, y = digits[0][:300], digits[1][:300]
        pipeline = make_pipeline(fb.RBM(32, epochs=40, random_state=0), fb.MLPClassifier((), epochs=60, random_state=0))
        assert pipeline.fit(X, y).score(X, y) > 0.5
        grid = GridSearchCV(fb.RBM(4, epochs=2, random_state=0), {"learning_rate": [0.01, 0.1]}, cv=2)
        scores = grid.fit(X).cv_results_["mean_test_score"]
        assert grid.best_params_["learning_rate"] == (0.01, 0.1)[int(np.argmax(scores))]
        assert scores[0] != scores[1]

    def test_steps_one_by_one_are_a_chain(self):
        """A hundred calls of one step reach the model's distribution, as one call of a hundred steps does."""
        X = np.tile([[1.0, 1, 0, 0], [0, 0, 1, 1], [1, 1, 1, 1]], (30, 1))
        model = fb.RBM(3, epochs=30, random_state=0).fit(X)
        rows, p = exact_distribution(model.network_)
        v = np.zeros((4_000, 4))
        for _ in range(100):
            v = model.gibbs(v)
        for found in (v, model.gibbs(np.zeros((4_000, 4)), 100)):
            counts = [(found == row).all(1).sum() for row in rows]
            assert stats.chisquare(counts, p / p.sum() * 4_000).pvalue > 1e-3
        assert (model.gibbs(X) != model.gibbs(X)).any()
        np.testing.assert_array_equal(model.gibbs(X, random_state=3), model.gibbs(X, random_state=3))

    @pytest.mark.parametrize("binarize", [None, "sample", "threshold"])
    def test_a_rows_likelihood_does_not_depend_on_its_place(self, binarize, digits):
        X = digits[0][:40]
        model = fb.RBM(6, binarize=binarize, epochs=2, random_state=0).fit(X)
        order = np.random.default_rng(1).permutation(40)
        for method in (model.score_samples, model.log_likelihood, model.free_energy):
            np.testing.assert_allclose(method(X[order]), method(X)[order], rtol=1e-5)
            np.testing.assert_allclose(method(X[7:]), method(X)[7:], rtol=1e-5)
        np.testing.assert_allclose(model.log_likelihood(X, 2.0), -model.free_energy(X) - 2, rtol=1e-5)

    def test_the_gap_is_measured_on_rows_of_all_classes(self, digits):
        order = np.argsort(digits[1], kind="stable")
        X = digits[0][order]
        model = fb.RBM(6, batch_size=32, epochs=2, shuffle=False, random_state=0)
        gap = model.fit(X, validation_data=digits[0][:200]).history_["free_energy_gap"]
        assert gap.shape == (2,)
        allowed = 2 * (2 / 200) ** 0.5 * model.free_energy(X).std()  # twice what chance gives
        zeros = model.free_energy(digits[0][:200]).mean() - model.free_energy(X[:200]).mean()
        assert abs(gap[-1]) < 1.5 * allowed < abs(zeros)  # the first 200 rows are zeros and ones

    def test_a_partition_that_is_not_to_be_trusted_is_not_used_silently(self, machine, digits):
        doubtful = dataclasses.replace(machine.log_partition(), trusted=False, reason="for this test")
        with pytest.warns(UserWarning, match="not to be trusted .for this test"):
            machine.log_likelihood(digits[0][:3], doubtful)


class TestRefusals:
    @pytest.mark.parametrize(
        ("settings", "match"),
        [
            ({"n_components": 0}, "at least 1"),
            ({"algorithm": "gibbs"}, "'cd', 'pcd', 'tempering', 'exact'"),
            ({"visible": "binary"}, "bernoulli, spin"),
            ({"visible": "softmax"}, "n_categories"),
            ({"binarize": "yes"}, "threshold"),
            ({"k": 0}, "at least 1"),
            ({"n_temperatures": 1}, "at least 2"),
            ({"learning_rate": -1}, "positive"),
            ({"algorithm": "exact", "n_components": 40}, "at most 65536 states"),
            ({"batch_size": "auto"}, "batch_size"),
            ({"learn_variance": True}, "visible='gaussian'"),
            ({"algorithm": "exact", "visible": "gaussian", "learn_variance": True}, "parameters of their own"),
        ],
    )
    def test_settings(self, settings, match, digits):
        with pytest.raises(ConfigurationError, match=match):
            fb.RBM(**{"n_components": 4, "epochs": 1, **settings}).fit(digits[0])

    @pytest.mark.parametrize(
        ("change", "match"),
        [
            (lambda X: X * 16, "from 0 to 1"),
            (lambda X: -X, "from 0 to 1"),
            (lambda X: np.where(X > 0.9, np.nan, X), "NaN"),
            (lambda X: np.where(X > 0.9, np.inf, X), "infinity"),
        ],
    )
    def test_data_outside_the_range(self, change, match, digits):
        with pytest.raises(DataError, match=match) as caught:
            fb.RBM(4, epochs=1).fit(change(digits[0]))
        assert "Remedy" in str(caught.value)

    def test_impossible_clamps(self, machine):
        with pytest.raises(DataError, match="from 0 to 1"):
            machine.sample(2, 5, clamp=np.full(64, 3.0))
        with pytest.raises(DataError, match="NaN where a unit is free"):
            machine.sample(2, 5, clamp=np.zeros(10))
        with pytest.raises(DataError, match="finite"):
            machine.sample(2, 5, clamp=np.full(64, np.inf))
        pairs = fb.RBM(3, "softmax", n_categories=2, epochs=1, random_state=0).fit([[1.0, 0, 0, 1], [0, 1, 1, 0]])
        with pytest.raises(DataError, match="whole"):
            pairs.sample(2, 5, clamp=[1, np.nan, np.nan, np.nan])
        assert (pairs.sample(2, 5, clamp=[1, 0, np.nan, np.nan])[:, 0] == 1).all()

    @pytest.mark.parametrize(("samples", "steps"), [(0, 5), (2.5, 5), (2, -1), (2, 2.7), (True, 5)])
    def test_numbers_of_samples_and_steps(self, samples, steps, machine):
        with pytest.raises(ConfigurationError, match="whole number"):
            machine.sample(samples, steps)

    def test_too_many_units_for_the_exact_sum(self, digits):
        model = fb.RBM(32, epochs=1, random_state=0).fit(digits[0][:300])
        with pytest.raises(ConfigurationError, match="ais"):
            model.log_partition("exact")

    @pytest.mark.filterwarnings("ignore:RBM. the columns:UserWarning")
    def test_a_rate_that_diverges(self, digits):
        with pytest.raises(DivergenceError, match="lower the learning rate"):
            fb.RBM(4, learning_rate=1e5, epochs=5, random_state=0).fit(digits[0][:300])
        with pytest.raises(DivergenceError, match="lower the learning rate"):
            fb.RBM(8, "gaussian", learning_rate=50.0, epochs=20, random_state=0).fit(digits[0][:600] * 10)

    def test_likelihoods_of_units_without_a_density(self, digits):
        model = fb.RBM(8, "gaussian", "noisy_relu", learning_rate=0.001, epochs=1, random_state=0).fit(digits[0][:600])
        with pytest.raises(ConfigurationError, match="density"):
            model.free_energy(digits[0])
