"""From a table's cells to numbers, and what a model remembers of the table that it learned from.

A :class:`TableLayout` says which columns are features, in which order, how words become numbers, and what the target
is. It is made once (:func:`plan_layout`), kept with the model, and read again for every further table
(:func:`read_rows`): columns are found by name, so that their order in the file does not matter.
"""

import itertools
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from flambeau.errors import ConfigurationError, DataError
from flambeau.problems.tables import MISSING, Record, TableFile, is_number

MAX_CATEGORIES, MAX_NUMBERS, BLOCK = 1_000, 250_000_000, 4_096
DECIMAL_COMMA = re.compile(r"[+-]?\d+(\.\d{3})*(,\d+)+(\.\d+)?")


class TableLayout(NamedTuple):
    """What a model remembers of the table that it learned from: text and truth values only.

    ``features`` are the columns that it learned from, ``categories`` the words of those that hold words, ``target`` the
    column to predict (None: nothing is predicted), ``kind`` what stands in it: "whole", "number" or "text".
    ``named`` is False for a table without a header, whose columns go by their position, from 1. ``fingerprint`` is that
    of the rows, whatever their order; ``held_out`` says whether a quarter of them was kept from learning.

    >>> TableLayout(("size", "colour"), {"colour": ("green", "red")}, "kind", "text").columns
    ('size', 'colour=green', 'colour=red')
    """

    features: tuple[str, ...]
    categories: dict[str, tuple[str, ...]]
    target: str | None
    kind: str = "number"
    named: bool = True
    fingerprint: str = ""
    held_out: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the numbers in a row: a column of words is one number, 0 or 1, for each of its words."""
        parts = ([f"{name}={word}" for word in self.categories.get(name, ())] or [name] for name in self.features)
        return tuple(itertools.chain.from_iterable(parts))


class TableRows(NamedTuple):
    """Numbers ``(rows, columns)``, the target as text where there is one, and the line of every row in the file."""

    inputs: np.ndarray
    target: list[str]
    lines: list[int]


def plan_layout(
    file: TableFile, *, target: str | None = None, drop: Iterable[str] = (), categorical: Iterable[str] = ()
) -> TableLayout:
    """Which columns are learned from: all but the target and those to drop; words only where ``categorical`` says so.

    >>> import pathlib, tempfile
    >>> from flambeau.problems import open_table
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "fruit.csv"
    >>> _ = path.write_text("size,colour,kind\\n3,red,apple\\n9,green,melon\\n")
    >>> plan = plan_layout(open_table(path), target="kind", categorical=["colour"])
    >>> read_rows(open_table(path), plan).inputs.tolist()
    [[3.0, 0.0, 1.0], [9.0, 1.0, 0.0]]

    Raises :class:`~flambeau.errors.ConfigurationError` for a column that is not there or is asked for twice,
    :class:`~flambeau.errors.DataError` for more than 1,000 different words in a column.
    *Limits.* The words of a column are those of the whole table; a word that comes later is refused.
    Source: the coding of categories by indicators is as old as regression on groups.
    """
    dropped, words = set(drop), tuple(dict.fromkeys(categorical))
    asked = [("--target", [target] if target is not None else []), ("--drop", dropped), ("--categorical", words)]
    for option, names in asked:
        for name in names:
            file.place(name, option)
    twice = dropped & {target, *words}
    if twice:
        raise ConfigurationError("--drop", "columns that are not used otherwise", sorted(map(str, twice)), "choose one")
    features = tuple(name for name in file.names if name != target and name not in dropped)
    if not features:
        raise DataError(str(file.path), "a column to learn from", "none", "give a table of two columns or more")
    found = words_in(file, [name for name in words if name != target])
    return TableLayout(features, found, target, named=file.header)


def words_in(file: TableFile, names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """The different words in each of those columns, sorted."""
    found: dict[str, set[str]] = {name: set() for name in names}
    for number, (line, cells) in enumerate(file.rows() if names else (), 1):
        for name, words in found.items():
            word = cells[file.names[name]]
            if not word:
                raise refused_cell(file, name, number, line, word)
            words.add(word)
            if len(words) > MAX_CATEGORIES:
                where = f"{file.path}, column {name!r}"
                raise DataError(where, f"at most {MAX_CATEGORIES} different words", "more", f"--drop {name!r}")
    return {name: tuple(sorted(words)) for name, words in found.items()}


def read_rows(file: TableFile, layout: TableLayout, *, with_target: bool = True) -> TableRows:
    """The numbers and the target of every row, column by column as the layout has them.

    >>> import pathlib, tempfile
    >>> from flambeau.problems import open_table
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "swapped.csv"
    >>> _ = path.write_text("weight;size\\n1;2\\n3;4\\n")
    >>> read_rows(open_table(path), TableLayout(("size", "weight"), {}, None)).inputs.tolist()
    [[2.0, 1.0], [4.0, 3.0]]

    Raises :class:`~flambeau.errors.DataError` for a column that is missing, and for a cell that is no number or is
    empty, by its row and column, with the remedy.
    *Limits.* At most 250 million numbers (2 GB). Source: the table is the user's.
    """
    places = columns_in(file, layout)
    target = target_in(file, layout) if with_target else None
    rows, blocks = file.rows(), list[np.ndarray]()
    lines, labels = list[int](), list[str]()
    while block := list(itertools.islice(rows, BLOCK)):
        blocks.append(numbers_in(file, layout, places, block, len(lines)))
        lines += [line for line, _ in block]
        labels += [] if target is None else [cells[target] for _, cells in block]
        if len(lines) * len(layout.columns) > MAX_NUMBERS:
            remedy = "split the table, or --drop columns"
            raise DataError(str(file.path), f"at most {MAX_NUMBERS} numbers", "more", remedy)
    if not lines:
        raise DataError(str(file.path), "a table with rows", "a header alone", "add rows, or say --no-header")
    if "" in labels:
        row = labels.index("")
        raise refused_cell(file, str(layout.target), row + 1, lines[row], "")
    return TableRows(np.concatenate(blocks), labels, lines)


def columns_in(file: TableFile, layout: TableLayout) -> list[int]:
    """Where the features stand in a line of this file."""
    if layout.named:
        if not file.header:
            remedy = "write the names into the first line, or say --header if they stand there"
            raise DataError(str(file.path), "a header, since the model learned names", "none", remedy)
        absent = [name for name in layout.features if name not in file.names]
        others = [name for name in file.names if name not in (*layout.features, layout.target)]
        check_columns(file, absent, others)
        return [file.names[name] for name in layout.features]
    places, positions = list(file.names.values()), [int(name) - 1 for name in layout.features]
    if len(places) == len(positions):  # without the target
        return places
    absent = [name for name in layout.features if int(name) > len(places)]
    check_columns(file, absent, [])
    return [places[position] for position in positions]


def check_columns(file: TableFile, absent: Sequence[str], others: Sequence[str]) -> None:
    """Refuse a table that lacks columns."""
    if absent:
        got = f"none named {', '.join(map(repr, absent[:8]))}{', ...' * (len(absent) > 8)}"
        got += f", but {', '.join(map(repr, others[:8]))}{', ...' * (len(others) > 8)}" if others else ""
        raise DataError(str(file.path), "all columns that the model learned from", got, "rename them or add them")


def target_in(file: TableFile, layout: TableLayout) -> int | None:
    """Where the target stands in a line of this file; None for a model without a target."""
    if layout.target is None:
        return None
    places = list(file.names.values())
    if layout.named and layout.target in file.names:
        return file.names[layout.target]
    if not layout.named and len(places) > len(layout.features) and int(layout.target) <= len(places):
        return places[int(layout.target) - 1]
    expected = f"a column {layout.target!r}, the model's target"
    raise DataError(str(file.path), expected, f"{len(places)} columns without it", "add it; `predict` needs none")


def numbers_in(
    file: TableFile, layout: TableLayout, places: Sequence[int], block: Sequence[Record], before: int
) -> np.ndarray:
    """The numbers of some rows, ``(rows, columns)``."""
    parts = []
    for name, place in zip(layout.features, places, strict=True):
        cells = [row[place] for _, row in block]
        words = layout.categories.get(name)
        numbers = as_numbers(cells) if words is None else as_indicators(cells, words)
        if numbers is None:
            good = [is_usable(cell) if words is None else cell in words for cell in cells]
            row = good.index(False)
            raise refused_cell(file, name, before + row + 1, block[row][0], cells[row], words)
        parts.append(numbers)
    return np.concatenate(parts, axis=1)


def as_numbers(cells: Sequence[str]) -> np.ndarray | None:
    """The cells as one column of finite numbers, or None if one of them is none."""
    try:
        numbers = np.asarray(list(map(float, cells)))
    except ValueError:
        return None
    return numbers[:, None] if np.isfinite(numbers).all() and "_" not in "".join(cells) else None


def as_indicators(cells: Sequence[str], words: Sequence[str]) -> np.ndarray | None:
    """One column of 0 and 1 for every word, or None if a cell is none of them."""
    places = {word: place for place, word in enumerate(words)}
    if not places.keys() >= set(cells):
        return None
    numbers = np.zeros((len(cells), len(words)))
    numbers[np.arange(len(cells)), [places[cell] for cell in cells]] = 1
    return numbers


def is_usable(cell: str) -> bool:
    """Whether a cell is a finite number."""
    return is_number(cell) and bool(np.isfinite(float(cell)))


def refused_cell(
    file: TableFile, name: str, row: int, line: int, cell: str, words: Sequence[str] | None = None
) -> DataError:
    """Why a cell cannot be used, and what to do about it."""
    where, got = f"{file.path}, row {row} (line {line}), column {name!r}", repr(cell[:40])
    if not cell or (words is None and cell.lower() in MISSING):
        remedy = f"fill it in, take the row out, or leave the column out with --drop {name!r}"
        return DataError(where, "a value", f"a missing one ({got})", remedy)
    if words is not None:
        shown = ", ".join(words[:12])
        return DataError(where, f"a word that the model learned ({shown})", got, "train on rows with it")
    if DECIMAL_COMMA.fullmatch(cell):
        return DataError(where, "a number with a decimal point", got, "write 3.14 for 3,14, and 1000 for 1,000")
    if is_number(cell):
        return DataError(where, "a finite number", got, f"replace it, or leave the column out with --drop {name!r}")
    remedy = f"use a column of words with --categorical {name!r}, or leave it out with --drop {name!r}"
    return DataError(where, "a number", f"the text {got}", remedy)
