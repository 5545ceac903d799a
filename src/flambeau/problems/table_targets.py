"""What stands in a table's target column, and which rows are kept from learning.

A label is a number only if writing it back gives the same text: "007" and "1.50" stay text, so that what is predicted
is what stood in the table.
"""

import hashlib
from collections.abc import Callable, Sequence

import numpy as np

from flambeau.errors import DataError
from flambeau.problems.table_layout import DECIMAL_COMMA, TableRows, is_usable, refused_cell
from flambeau.problems.tables import TableFile, is_number

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def kind_of_labels(cells: Sequence[str]) -> str:
    """ "whole", "number" or "text": the plainest kind that writes every label back as it stands.

    >>> [kind_of_labels(cells) for cells in (["1", "-2"], ["1.0", "0.5"], ["1", "1.0"], ["007", "8"])]
    ['whole', 'number', 'text', 'text']
    """
    different = set(cells)
    if all(writes_back(int, cell) for cell in different) and all(abs(int(cell)) < 2**63 for cell in different):
        return "whole"
    return "number" if all(writes_back(float, cell) and is_usable(cell) for cell in different) else "text"


def writes_back(kind: Callable[[str], object], cell: str) -> bool:
    """Whether a cell, read as a number and written again, is the same text."""
    try:
        return str(kind(cell)) == cell
    except ValueError:
        return False


def labels_from(file: TableFile, name: str, rows: TableRows, kind: str) -> np.ndarray:
    """The labels, in the kind that the model learned.

    Raises :class:`~flambeau.errors.DataError` for a label that is not of that kind.
    """
    reader: Callable[[str], object] = {"whole": int, "number": float}.get(kind, str)
    for row, cell in enumerate(rows.target):
        if kind != "text" and not writes_back(reader, cell):
            where = f"{file.path}, row {row + 1} (line {rows.lines[row]}), column {name!r}"
            raise DataError(where, f"labels that are {kind} numbers, as the model learned", repr(cell), "train anew")
    return np.asarray([reader(cell) for cell in rows.target])


def numbers_from(file: TableFile, name: str, rows: TableRows) -> np.ndarray:
    """A regressor's targets, in any notation of numbers.

    Raises :class:`~flambeau.errors.DataError` for a cell that is no finite number.
    """
    for row, cell in enumerate(rows.target):
        if not is_usable(cell):
            refused = refused_cell(file, name, row + 1, rows.lines[row], cell)
            if is_number(cell) or DECIMAL_COMMA.fullmatch(cell):
                raise refused
            remedy = "a regressor learns numbers: train a classifier, or choose another column with --target NAME"
            raise DataError(refused.where, refused.expected, refused.got, remedy)
    return np.asarray(list(map(float, rows.target)))


def mixed_bits(words: np.ndarray) -> np.ndarray:
    """Every bit of a word touches every other (Steele, Lea and Flood 2014, SplitMix64's last lines)."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def row_marks(inputs: np.ndarray, target: Sequence[str] = ()) -> np.ndarray:
    """One number of 64 bits for every row: the same for the same content, wherever it stands in the table.

    Rows that are equal are counted, so that the second of them has another mark than the first.
    """
    with np.errstate(over="ignore"):
        marks = np.zeros(len(inputs), np.uint64)
        for column in inputs.T:  # one column at a time: no second copy of the table
            bits = np.ascontiguousarray(column + 0.0).view(np.uint64)  # + 0.0: one zero, not two
            marks = mixed_bits(marks * GOLDEN + mixed_bits(bits))
        if len(target):
            words, which = np.unique(np.asarray(target, dtype=object), return_inverse=True)
            digests = [hashlib.sha256(str(word).encode()).digest()[:8] for word in words]
            marks = mixed_bits(marks ^ np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)[which.ravel()])
        order = np.argsort(marks, kind="stable")
        first = np.searchsorted(marks[order], marks[order])
        count = np.empty(len(marks), np.uint64)
        count[order] = np.arange(len(marks)) - first
        return mixed_bits(marks + count * GOLDEN)


def table_fingerprint(marks: np.ndarray) -> str:
    """Which rows a table has, whatever their order: the sum of their marks, and their number."""
    return f"{int(marks.sum(dtype=np.uint64)):016x}-{len(marks)}"


def kept_from_learning(marks: np.ndarray) -> np.ndarray:
    """Whether each row belongs to the quarter that is kept from learning: that of the smallest marks."""
    chosen = np.zeros(len(marks), bool)
    chosen[np.argsort(marks, kind="stable")[: len(marks) // 4]] = True
    return chosen
