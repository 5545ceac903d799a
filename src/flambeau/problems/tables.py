"""Tables in text files: the delimiter, the header, and what stands in every cell.

:func:`open_table` looks at the first lines and decides how a file is read; :meth:`TableFile.rows` then gives one row
after another, so that no file is ever in memory as text. Cells are the standard library's (:mod:`csv`); what it
leaves to its caller is decided here.
"""

import csv
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from flambeau.errors import ConfigurationError, DataError
from flambeau.problems.encodings import encoding_of, text_lines

DELIMITERS = {"tab": "\t", "semicolon": ";", "bar": "|", "comma": ","}  # the first that cuts all lines alike is taken
MISSING = {"", "na", "n/a", "#n/a", "nan", "null", "none", "nil", "missing", "?", "-", "."}
MAX_COLUMNS, SAMPLE = 100_000, 100
HINT = re.compile(r'"?sep=(.)"?\s*')  # what some spreadsheets write above a table

Record = tuple[int, list[str]]


@dataclass(frozen=True)
class TableFile:
    """A table that can be read: where it is, and how.

    ``names`` maps the name of every column to its position in a line, in order; without a ``header`` the names are
    "1", "2", ... ``titles`` is the header as it stands, ``notes`` are sentences on what was decided.
    """

    path: Path
    encoding: str
    delimiter: str
    header: bool
    width: int
    names: dict[str, int]
    titles: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def rows(self) -> Iterator[Record]:
        """``(line in the file, all its cells)`` for every row; a row of another width is refused by its line."""
        found = table_records(text_lines(self.path, self.encoding), self.delimiter, self.path)
        for line, cells in itertools.islice(found, int(self.header), None):
            if len(cells) != self.width:
                remedy = "put cells that hold the delimiter in double quotes, and fill short rows up"
                raise DataError(f"{self.path}, line {line}", f"{self.width} cells", len(cells), remedy)
            yield line, cells

    def place(self, name: str, option: str) -> int:
        """The position of a column, or an error that lists the names."""
        if name in self.names:
            return self.names[name]
        shown = ", ".join(list(self.names)[:12]) + (", ..." if len(self.names) > 12 else "")
        how = "choose one" if self.header else "the table has no header, so columns are counted from 1"
        raise ConfigurationError(option, f"a column of {self.path.name}: {shown}", repr(name), how)


def open_table(
    path: str | Path, *, delimiter: str | None = None, header: bool | None = None, encoding: str | None = None
) -> TableFile:
    """Find out how a text file is to be read as a table.

    ``delimiter`` is "comma", "semicolon", "tab", "bar" or the character itself, ``header`` says whether the first line
    holds names, ``encoding`` is any text encoding that Python knows; what is None is found from the file.

    >>> import pathlib, tempfile
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "fruit.csv"
    >>> _ = file.write_text('weight; kind\\n1.5; "pear; green"\\n')
    >>> table = open_table(file)
    >>> table.names, list(table.rows())
    ({'weight': 0, 'kind': 1}, [(2, ['1.5', 'pear; green'])])

    Raises :class:`~flambeau.errors.DataError` for a file that is no table of text, is empty, or names two columns
    alike; :class:`~flambeau.errors.ConfigurationError` for an unknown delimiter or encoding.
    *Limits.* A header of numbers (years, for instance) looks like a row, and is taken for one unless ``header=True``.
    Bytes that are not UTF-8 are read as Latin-1, with a note; UTF-16 only when given. At most 100,000 columns, 131,072
    characters a cell. Source: Shafranovich 2005, RFC 4180.
    """
    path = Path(path).expanduser()
    encoding, notes = encoding_of(path, encoding)
    head = list(itertools.islice(text_lines(path, encoding), SAMPLE))
    mark = found_delimiter(path, head) if delimiter is None else named_delimiter(delimiter)
    sample = first_records(head, mark, path)
    if not sample:
        raise DataError(str(path), "a table", "an empty file", "give a file with rows")
    width = len(sample[0])
    if width > MAX_COLUMNS:
        raise DataError(str(path), f"at most {MAX_COLUMNS} columns", width, "choose columns, or another --delimiter")
    header = looks_like_header(sample) if header is None else header
    names, more = column_names(path, sample, header)
    titles = tuple(sample[0]) if header else ()
    return TableFile(path, encoding, mark, header, width, names, titles, (*notes, *more))


def table_records(lines: Iterator[str], delimiter: str, path: Path) -> Iterator[Record]:
    """Line and cells of every record that holds anything; a spreadsheet's hint in the first line is none."""
    counted = enumerate(lines, 1)
    for number, line in counted:
        if '"' in line:  # a quoted cell keeps its blanks, and may hold line ends
            cells = quoted_record(number, line, counted, delimiter, path)
        else:
            cells = [cell.strip() for cell in line.split(delimiter)]
        if any(cells) and not (number == 1 and HINT.fullmatch(delimiter.join(cells))):
            yield number, cells


def quoted_record(
    number: int, line: str, following: Iterator[tuple[int, str]], delimiter: str, path: Path
) -> list[str]:
    """The cells of a record with quotes; the reader asks for a further line only while a quote is open."""
    used = [line]

    def text() -> Iterator[str]:
        yield line
        for _, more in following:
            used.append(more)
            yield more
        where, remedy = f"{path}, line {number}", "close it, or write it twice"
        raise DataError(where, "a closing quote", "none up to the end", remedy)

    try:
        cells = next(csv.reader(text(), delimiter=delimiter, skipinitialspace=True))
    except csv.Error as error:
        remedy = "close its quotes, or write a quote within a cell twice"
        raise DataError(f"{path}, line {number}", "cells of a table", error, remedy) from None
    raw = "".join(used)
    return [cell if cell == cell.strip() else unpadded(cell, raw) for cell in cells]


def unpadded(cell: str, raw: str) -> str:
    """A cell of a record without blanks around it, but with those that stood within its quotes."""
    for end in range(len(cell), max(len(cell.rstrip()), len(cell) - 64) - 1, -1):
        if '"{}"'.format(cell[:end].replace('"', '""')) in raw:
            return cell[:end]
    return cell.strip()


def first_records(head: Sequence[str], delimiter: str, path: Path) -> list[list[str]]:
    """The records in the first lines; the last one may be cut off in the middle, and is then left out."""
    found: list[list[str]] = []
    try:
        for _, cells in table_records(iter(head), delimiter, path):
            found.append(cells)
    except DataError:
        if len(head) < SAMPLE:  # the whole file was seen: its fault is real
            raise
    return found


def named_delimiter(given: str) -> str:
    """The character that an option means."""
    mark = DELIMITERS.get(given.lower(), "\t" if given == "\\t" else given)
    if len(mark) != 1 or mark in '"\r\n':
        expected = f"one of {', '.join(DELIMITERS)}, or one character"
        raise ConfigurationError("delimiter", expected, repr(given), "for instance --delimiter semicolon")
    return mark


def found_delimiter(path: Path, head: Sequence[str]) -> str:
    """The one that cuts every line alike; else the one most frequent in the first line; else the comma."""
    if head and (hint := HINT.fullmatch(head[0])):
        return hint[1]
    for mark in DELIMITERS.values():
        if len(row_widths(path, head, mark)) == 1 and min(row_widths(path, head, mark)) > 1:
            return mark
    return max(reversed(DELIMITERS.values()), key=lambda mark: head[0].count(mark) if head else 0)


def row_widths(path: Path, head: Sequence[str], mark: str) -> set[int]:
    """How many cells the first lines have with that delimiter."""
    try:
        return {len(cells) for cells in first_records(head, mark, path)}
    except DataError:
        return set()


def is_number(cell: str) -> bool:
    """Whether a cell is a number as this package reads them."""
    try:
        float(cell)
    except ValueError:
        return False
    return "_" not in cell and cell.lower() not in MISSING


def looks_like_header(sample: Sequence[Sequence[str]]) -> bool:
    """Whether the first row holds names.

    It does if a word in it stands above numbers, and it does not if it holds a number itself; a row of words above
    columns of words is one of them only if all its words come again below.
    """
    first, below = sample[0], [row for row in sample[1:] if len(row) == len(sample[0])]
    words = [place for place, cell in enumerate(first) if cell.lower() not in MISSING and not is_number(cell)]
    for place in words:
        filled = [row[place] for row in below if row[place].lower() not in MISSING]
        if filled and all(map(is_number, filled)):
            return True
    if any(map(is_number, first)):
        return False
    again = [first[place] in {row[place] for row in below} for place in words]
    return bool(words) and not all(again)


def column_names(path: Path, sample: Sequence[Sequence[str]], header: bool) -> tuple[dict[str, int], tuple[str, ...]]:
    """Name -> position, and notes; a column that has neither a name nor content is none."""
    given = sample[0] if header else ["" for _ in sample[0]]
    below = [row for row in sample[int(header) :] if len(row) == len(given)]
    names: dict[str, int] = {}
    notes: list[str] = []
    for place, name in enumerate(given):
        content = [row[place] for row in below]
        if not name and not any(content) and place == len(given) - 1 > 0:
            continue  # every line ends in a delimiter
        # 0, 1, 2, ... or 1, 2, 3, ...: what a data frame writes beside its rows.
        counts = any(content == [str(row) for row in range(first, first + len(content))] for first in (0, 1))
        if header and not name and place == 0 and counts:
            notes.append("the first column has no name and counts the rows: it is left out")
            continue
        if header and not name:
            where = f"{path}, header, column {place + 1}"
            raise DataError(where, "a name for every column", "none", "name it, or take it out")
        if name in names and header:
            where = f"{path}, header"
            raise DataError(where, "names that differ", f"{name!r} twice", "rename one of the columns")
        names[name if header else str(place + 1)] = place
    return names, tuple(notes)
