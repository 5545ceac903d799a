"""What the estimators share: checked inputs, seeds, weights, and fast prediction for any number of rows."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import PyTree
from scipy.sparse import issparse
from sklearn.utils import check_array, compute_sample_weight
from sklearn.utils.validation import _check_sample_weight, validate_data

from flambeau.errors import ConfigurationError, DataError, DataTypeError
from flambeau.foundation.memory import physical_memory
from flambeau.foundation.precision import dtype
from flambeau.foundation.processes import warn_if_forked
from flambeau.foundation.rows import by_rows

COMMON_EXPONENT = 20  # weights of up to a million, and down to a millionth, stay as the user wrote them


def checked_data(estimator: Any, X: Any, y: Any = "no_validation", *, reset: bool = False, **options: Any) -> Any:
    """scikit-learn's own validation, with Flambeau's typed error: X in the float type in force, y as it is.

    NaN and infinity are looked for once, in the numbers that will be used. Float numbers of that type are not copied.
    Raises :class:`~flambeau.errors.DataError` for NaN, infinity, a wrong shape or dtype, or no rows.
    """
    try:
        checked = validate_data(estimator, X, y, reset=reset, dtype="numeric", ensure_all_finite=False, **options)
        values = made_dense(estimator, checked if isinstance(y, str) else checked[0])
        floats = as_floats(estimator, "X", values)
    except DataError:
        raise
    except (ValueError, TypeError) as error:
        where = f"{type(estimator).__name__}, data"
        expected = "a table of finite numbers, (rows, features), with one target per row where there are targets"
        remedy = "check shapes, impute or drop missing values, encode text as numbers"
        kind = DataTypeError if isinstance(error, TypeError) else DataError
        raise kind(where, expected, str(error).rstrip("."), remedy) from None
    return floats if isinstance(y, str) else (floats, checked[1])


def made_dense(estimator: Any, values: Any) -> Any:
    """Sparse rows as an array, where memory holds it; the device holds nothing else."""
    if not issparse(values):
        return values
    numbers = math.prod(values.shape) * np.dtype(dtype()).itemsize
    where, got = f"{type(estimator).__name__}, X", f"{values.shape[0]:,} x {values.shape[1]:,} sparse ones"
    expected = f"rows that fit into memory when dense, {numbers / 2**30:.3g} GiB"
    remedy = "give fewer rows at a time (partial_fit where there is one), or fewer columns (SelectKBest, TruncatedSVD)"
    if numbers > physical_memory() / 2:
        raise DataError(where, expected, got, remedy)
    try:
        return values.astype(dtype()).toarray()
    except MemoryError:
        raise DataError(where, expected, got, remedy) from None


def as_floats(estimator: Any, name: str, values: Any) -> np.ndarray:
    """The values in the float type in force; one that does not fit is an error, not an infinity.

    Raises ValueError, in scikit-learn's words, for values that were not finite to begin with.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        floats = np.asarray(values, dtype())
        finite = np.isfinite(floats.sum()) or np.isfinite(floats).all()  # a sum is finite only if every term is
    if not finite:
        check_array(values, dtype=None, ensure_2d=False, allow_nd=True, estimator=estimator, input_name=name)
        where, limit = f"{type(estimator).__name__}, {name}", np.finfo(floats.dtype).max
        raise DataError(where, f"values within ±{limit:.2g}", "larger ones", "scale the data (StandardScaler)")
    return floats


def row_weights(estimator: Any, X: np.ndarray, y: Any, sample_weight: Any, class_weight: Any = None) -> np.ndarray:
    """sample_weight times class_weight, one number of at least 0 per row, not all of them 0.

    Only their proportions matter: numbers too large or too small for single precision are scaled, by a power of two.
    """
    where = f"{type(estimator).__name__}, weights"
    try:
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        if class_weight is not None:
            shares = compute_sample_weight(class_weight, y)
            if not (np.isfinite(shares).all() and (shares >= 0).all()):
                remedy = "leave a class's rows out, or give it weight 0"
                raise DataError(where, "class weights of at least 0", class_weight, remedy)
            weights = weights * shares
    except DataError:
        raise
    except ValueError as error:
        expected = "one finite number of at least 0 per row, and class weights by label or 'balanced'"
        raise DataError(where, expected, str(error).rstrip("."), "check sample_weight and class_weight") from None
    if not weights.any():
        raise DataError(where, "at least one weight above zero", "only zeros", "give a row some weight")
    exponent = int(np.frexp(weights.max())[1])
    return weights if abs(exponent) <= COMMON_EXPONENT else np.ldexp(weights, -exponent)


def seed_of(random_state: Any) -> int:
    """A seed from ``random_state``; NumPy's global state is neither read nor moved.

    >>> seed_of(7)
    7

    Raises :class:`~flambeau.errors.ConfigurationError` for anything but None, a whole number or a generator of NumPy's.
    """
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    if isinstance(random_state, np.random.RandomState):
        return int(random_state.randint(0, 2**31 - 1))
    if isinstance(random_state, np.random.Generator):
        return int(random_state.integers(0, 2**31 - 1))
    if isinstance(random_state, int | np.integer) and 0 <= random_state < 2**32:
        return int(random_state)
    expected = "None, a whole number from 0 to 2**32 - 1, or a NumPy generator"
    raise ConfigurationError("random_state", expected, repr(random_state), "pass random_state=0")


def called(network: PyTree, x: Any) -> Any:
    """What a network answers."""
    return network(x)


def outputs(network: PyTree, X: np.ndarray, answer: Callable[[PyTree, Any], Any] = called) -> np.ndarray:
    """The network's outputs, or what else it answers, for any number of rows."""
    warn_if_forked()
    return by_rows(answer, network, X)
