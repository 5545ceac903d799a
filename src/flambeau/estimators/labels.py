"""One reader of labels: what tables and people write as classes, and what is no label at all."""

from typing import Any

import numpy as np
from sklearn.utils.multiclass import check_classification_targets

from flambeau.errors import DataError


class AllLabelled:
    """The mark of an estimator that takes no rows without a label."""

    def __repr__(self) -> str:
        return "ALL_LABELLED"


ALL_LABELLED = AllLabelled()
SHOWN = 3  # rows that a message names


def read_labels(estimator: Any, y: Any, unlabelled: Any = ALL_LABELLED) -> tuple[Any, np.ndarray | None]:
    """``(labels, which rows have one)``: labels of one kind, as a plain array, ready for scikit-learn's validation.

    Whole numbers, truth values and text in arrays of objects (what a table's column with or without holes gives) become
    arrays of their own kind. ``unlabelled`` is the value that stands for no label; for an estimator that takes such
    rows, None, NaN and NA mean the same, and the rows' entries are filled with some label that is there. Without it
    every row has a label, and the second part is None. What has no shape of labels at all is left to scikit-learn.

    >>> read_labels("Example", ["a", None, "b"], unlabelled=-1)
    (array(['a', 'a', 'b'], dtype='<U1'), array([ True, False,  True]))

    Raises :class:`~flambeau.errors.DataError`, each with a remedy of its own, for missing labels, bytes, one-hot rows
    and labels of several kinds.
    """
    where = f"{estimator if isinstance(estimator, str) else type(estimator).__name__}, y"
    if y is None:
        return y, None
    try:
        labels = np.asarray(y)
    except ValueError:  # rows of different lengths: scikit-learn says so
        return y, None
    _refuse_tables(where, labels)
    if labels.ndim != 1 or not len(labels):
        return y, None
    known = ~_missing(labels)
    if unlabelled is not ALL_LABELLED:
        known &= ~_equal(labels, unlabelled)
    elif not known.all():
        rows = np.flatnonzero(~known)
        got = f"none in {len(rows)} of {len(labels)} rows (the first: {', '.join(map(str, rows[:SHOWN]))})"
        remedy = "drop those rows, or learn from them too with a semi-supervised estimator such as DBNClassifier"
        raise DataError(where, "a label in every row", got, remedy)
    if not known.any():
        return np.zeros(len(labels), int), known
    filled = labels if known.all() else np.where(known, labels, labels[np.argmax(known)])
    plain = _of_one_kind(where, filled)
    return plain, None if unlabelled is ALL_LABELLED else known


def _refuse_tables(where: str, labels: np.ndarray) -> None:
    """One-hot rows, and several labels a row."""
    if labels.ndim != 2 or labels.shape[1] < 2:
        return
    if labels.dtype.kind in "biuf" and np.isin(labels, (0, 1)).all():
        once = (labels.sum(1) == 1).all()
        remedy = "pass y.argmax(axis=1)" if once else "fit one classifier for each column (MultiOutputClassifier)"
        got = f"{labels.shape[1]} columns, " + ("one-hot" if once else "several labels a row")
        raise DataError(where, "class labels, one per row in a 1d array", got, remedy)


def _missing(labels: np.ndarray) -> np.ndarray:
    """Which entries are None, NaN, NaT or a table's NA."""
    if labels.dtype.kind == "f":
        return np.isnan(labels)
    if labels.dtype.kind != "O":
        return np.zeros(len(labels), bool)
    return np.asarray([_is_missing(label) for label in labels], bool)


def _is_missing(label: Any) -> bool:
    if label is None or type(label).__name__ in ("NAType", "NaTType"):
        return True
    return isinstance(label, float | np.floating) and bool(np.isnan(label))


def _equal(labels: np.ndarray, unlabelled: Any) -> np.ndarray:
    """Which labels are the mark of no label; a number is also found written as text, beside labels of text."""
    if unlabelled is None or _is_missing(unlabelled):
        return np.zeros(len(labels), bool)
    if labels.dtype.kind in "biuf":
        return np.zeros(len(labels), bool) if isinstance(unlabelled, str) else labels == unlabelled
    return np.asarray([_is_mark(label, unlabelled) for label in labels], bool)


def _is_mark(label: Any, unlabelled: Any) -> bool:
    if isinstance(label, str):
        return label == str(unlabelled)
    return not isinstance(label, bytes) and not isinstance(unlabelled, str) and bool(label == unlabelled)


def _of_one_kind(where: str, labels: np.ndarray) -> np.ndarray:
    """Objects as the plain kind that they all are."""
    if labels.dtype.kind == "S" or (labels.dtype.kind == "O" and any(isinstance(label, bytes) for label in labels)):
        remedy = "decode them: [label.decode() for label in y]"
        raise DataError(where, "labels of numbers or text", "bytes", remedy)
    if labels.dtype.kind != "O":
        return labels.astype(str) if labels.dtype.kind == "T" else labels
    kinds = {_kind_of(label) for label in labels}
    if len(kinds) == 1 or kinds == {"whole number", "number"}:
        kind = "number" if len(kinds) > 1 else next(iter(kinds))
        types = {"text": str, "truth value": bool, "whole number": np.int64, "number": np.float64}
        return labels.astype(types[kind]) if kind in types else labels
    got = " and ".join(sorted(kinds))
    raise DataError(where, "labels of one kind", got, "write them all as text: [str(label) for label in y]")


def _kind_of(label: Any) -> str:
    if isinstance(label, str):
        return "text"
    if isinstance(label, bool | np.bool_):
        return "truth value"
    if isinstance(label, int | np.integer):
        return "whole number"
    return "number" if isinstance(label, float | np.floating) else type(label).__name__


def labels_of(estimator: Any, y: np.ndarray) -> np.ndarray:
    """The classes in y, sorted; at least two, and labels rather than measurements."""
    where = f"{type(estimator).__name__}, y"
    try:
        check_classification_targets(y)
        classes = np.unique(y)
    except (ValueError, TypeError) as error:
        got = str(error).rstrip(".")
        raise DataError(where, "class labels", got, "use a regressor for continuous targets") from None
    if len(classes) < 2:
        got = "no label" if not len(classes) else f"one class only, {classes.tolist()[0]!r}"
        raise DataError(where, "at least two classes", got, "add examples of another class")
    return classes


def known_classes(estimator: Any, classes: Any) -> np.ndarray:
    """The classes that ``partial_fit`` is about: given at the first call, unchanged at later ones."""
    where = f"{type(estimator).__name__}.partial_fit, classes"
    known: np.ndarray | None = vars(estimator).get("classes_")
    if known is None and classes is None:
        raise DataError(where, "all class labels at the first call", "None", "pass classes=np.unique(all_labels)")
    given = None if classes is None else np.asarray(read_labels(estimator, list(classes))[0])
    if known is None:
        return labels_of(estimator, np.asarray(given))
    if given is not None and not np.array_equal(known, np.unique(given)):
        raise DataError(where, f"the classes of the first call, {known}", classes, "start a new estimator")
    return known


def class_indices(estimator: Any, classes: np.ndarray, y: np.ndarray, remedy: str = "") -> np.ndarray:
    """The position of every label in ``classes``; a label that is not there is an error."""
    known = np.isin(y, classes)
    if not known.all():
        unseen = np.unique(y[~known])
        where = f"{type(estimator).__name__}, y"
        remedy = remedy or "name every label in classes at the first partial_fit"
        raise DataError(where, f"labels among {classes}", f"unseen labels {unseen}", remedy)
    return np.searchsorted(classes, y)
