"""Every estimator at its smallest, in both precisions: what scikit-learn and the house ask of all of them."""

import copy
import warnings

import jax
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning, NotFittedError

import flambeau as fb
from kinds import MODELS, fitted


@pytest.fixture(scope="module", params=MODELS)
def named(request):
    return request.param


@pytest.fixture(scope="module")
def learned(named, precise):
    """A fitted model, and what it was fitted to."""
    return fitted(named, precise.double), MODELS[named]()[1]


def answer(model, X):
    """What the model is for: its predictions, else what it makes of rows."""
    return np.asarray((model.predict if hasattr(model, "predict") else model.transform)(X))


def test_it_answers_row_by_row(learned, precise):
    model, (X, *_) = learned
    whole = answer(model, X)
    assert len(whole) == len(X)
    again = answer(model, X)
    np.testing.assert_array_equal(again, whole)
    if whole.dtype.kind == "f":
        precise.close(answer(model, X[:3]), whole[:3], 10)
        assert np.isfinite(whole).all()
    else:
        np.testing.assert_array_equal(answer(model, X[:3]), whole[:3])


def test_the_network_has_the_precision_of_the_process(learned, precise):
    model, _ = learned
    kinds = {leaf.dtype for leaf in jax.tree.leaves(model.network_) if np.issubdtype(leaf.dtype, np.floating)}
    assert kinds == {np.dtype(precise.dtype)}


def test_the_same_seed_gives_the_same_model_and_the_data_stay_as_they_were(named, learned):
    model, data = learned
    before = copy.deepcopy(data)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        again = clone(model).fit(*data)
    jax.tree.map(np.testing.assert_array_equal, again.network_, model.network_)
    for one, other in zip(before, data, strict=True):
        np.testing.assert_array_equal(one, other)
    assert again.n_features_in_ == model.n_features_in_


def test_parameters_come_back_as_they_were_given(named):
    model, _ = MODELS[named]()
    parameters = model.get_params()
    assert type(model)(**parameters).get_params().keys() == parameters.keys()
    assert repr(clone(model)) == repr(model)
    with pytest.raises(ValueError, match="Invalid parameter"):
        model.set_params(no_such_parameter=1)


def test_nothing_is_answered_before_it_is_fitted(named):
    model, (X, *_) = MODELS[named]()
    with pytest.raises(NotFittedError):
        answer(model, X)


@pytest.mark.parametrize(("value", "word"), [(np.nan, "NaN"), (np.inf, "infinity")])
def test_what_is_no_number_is_refused_and_leaves_nothing_behind(named, value, word):
    model, (X, *rest) = MODELS[named]()
    bad = np.array(X)
    bad.flat[0] = value
    with pytest.raises(fb.errors.DataError, match=word) as caught:
        model.fit(bad, *rest)
    assert "Remedy" in str(caught.value)
    with pytest.raises(NotFittedError):
        answer(model, X)
