"""What the estimators share: checked inputs, seeds, weights, and fast prediction for any number of rows."""

from typing import Any

import numpy as np
from jaxtyping import PyTree
from sklearn.utils import compute_sample_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, validate_data

from flambeau.errors import ConfigurationError, DataError, check_value
from flambeau.foundation.precision import dtype
from flambeau.foundation.rows import by_rows

__all__ = [
    "check_number",
    "checked_data",
    "class_indices",
    "known_classes",
    "labels_of",
    "outputs",
    "row_weights",
    "seed_of",
]


def check_number(estimator: Any, name: str, low: float, high: float = np.inf, *, whole: bool = False) -> None:
    """Refuse a parameter outside [low, high], or not a whole number where it must be one."""
    check_value(f"{type(estimator).__name__}.{name}", getattr(estimator, name), low, high, whole=whole)


def checked_data(estimator: Any, X: Any, y: Any = "no_validation", *, reset: bool = False, **options: Any) -> Any:
    """scikit-learn's own validation, with Flambeau's typed error: X in the float type in force, y as it is.

    Raises :class:`~flambeau.errors.DataError` for NaN, infinity, a wrong shape or dtype, or no rows.
    """
    try:
        checked = validate_data(estimator, X, y, reset=reset, dtype="numeric", **options)
    except ValueError as error:
        where = f"{type(estimator).__name__}, data"
        expected = "a table of finite numbers, (rows, features), with one target per row where there are targets"
        remedy = "check shapes, impute or drop missing values, encode text as numbers"
        raise DataError(where, expected, str(error).rstrip("."), remedy) from None
    if isinstance(y, str):
        return as_floats(estimator, "X", checked)
    return as_floats(estimator, "X", checked[0]), checked[1]


def as_floats(estimator: Any, name: str, values: np.ndarray) -> np.ndarray:
    """The values in the float type in force; one that does not fit is an error, not an infinity."""
    with np.errstate(over="ignore"):
        floats = np.asarray(values, dtype())
    if not np.isfinite(floats).all():
        where, limit = f"{type(estimator).__name__}, {name}", np.finfo(floats.dtype).max
        raise DataError(where, f"values within ±{limit:.2g}", "larger ones", "scale the data (StandardScaler)")
    return floats


def labels_of(estimator: Any, y: np.ndarray) -> np.ndarray:
    """The classes in y, sorted; at least two, and labels rather than measurements."""
    try:
        check_classification_targets(y)
    except ValueError as error:
        where = f"{type(estimator).__name__}, y"
        raise DataError(
            where, "class labels", str(error).rstrip("."), "use a regressor for continuous targets"
        ) from None
    classes = np.unique(y)
    if len(classes) < 2:
        where = f"{type(estimator).__name__}, y"
        raise DataError(
            where, "at least two classes", f"one class only, {classes.tolist()[0]!r}", "add examples of another class"
        )
    return classes


def known_classes(estimator: Any, classes: Any) -> np.ndarray:
    """The classes that ``partial_fit`` is about: given at the first call, unchanged at later ones."""
    where = f"{type(estimator).__name__}.partial_fit, classes"
    known = getattr(estimator, "classes_", None)
    if known is None and classes is None:
        raise DataError(where, "all class labels at the first call", "None", "pass classes=np.unique(all_labels)")
    if known is None:
        labels_of(estimator, np.asarray(classes))
        return np.unique(classes)
    if classes is not None and not np.array_equal(known, np.unique(classes)):
        raise DataError(where, f"the classes of the first call, {known}", classes, "start a new estimator")
    return known


def class_indices(estimator: Any, classes: np.ndarray, y: np.ndarray, remedy: str = "") -> np.ndarray:
    """The position of every label in ``classes``; a label that is not there is an error."""
    check_labels = np.isin(y, classes)
    if not check_labels.all():
        unseen = np.unique(y[~check_labels])
        where = f"{type(estimator).__name__}, y"
        remedy = remedy or "name every label in classes at the first partial_fit"
        raise DataError(where, f"labels among {classes}", f"unseen labels {unseen}", remedy)
    return np.searchsorted(classes, y)


def row_weights(estimator: Any, X: np.ndarray, y: Any, sample_weight: Any, class_weight: Any = None) -> np.ndarray:
    """sample_weight times class_weight, one number of at least 0 per row, not all of them 0."""
    try:
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64, ensure_non_negative=True)
        if class_weight is not None:
            weights = weights * compute_sample_weight(class_weight, y)
    except ValueError as error:
        where = f"{type(estimator).__name__}, weights"
        expected = "one finite number of at least 0 per row, and class weights by label or 'balanced'"
        raise DataError(where, expected, str(error).rstrip("."), "check sample_weight and class_weight") from None
    if not weights.any():
        where = f"{type(estimator).__name__}, weights"
        raise DataError(where, "at least one weight above zero", "only zeros", "give a row some weight")
    return weights


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


def outputs(network: PyTree, X: np.ndarray) -> np.ndarray:
    """The network's outputs for any number of rows."""
    return by_rows(call, network, X)


def call(network: PyTree, x: Any) -> Any:
    """The network itself."""
    return network(x)
