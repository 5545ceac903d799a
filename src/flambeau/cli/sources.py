"""DATA: a data set by its name or a table in a file, for a model that learns from it or is judged by it."""

import functools
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np

from flambeau.cli.group import say
from flambeau.cli.models import is_memory
from flambeau.errors import ConfigurationError, DataError
from flambeau.problems import TableFile, TableLayout, TableRows, open_table, plan_layout, read_rows
from flambeau.problems.table_layout import is_usable
from flambeau.problems.table_targets import (
    kept_from_learning,
    kind_of_labels,
    labels_from,
    numbers_from,
    row_marks,
    table_fingerprint,
)


class Part(NamedTuple):
    """Rows, their targets (None where the model has none), and in words which rows they are."""

    X: np.ndarray
    y: np.ndarray | None
    words: str


class Material(NamedTuple):
    """What to learn from, what to be judged by, and what the model is to remember of its table."""

    learn: Part
    ask: Part | None
    layout: TableLayout | None


class Columns(NamedTuple):
    """What the options say about a table."""

    target: str | None = None
    drop: tuple[str, ...] = ()
    categorical: tuple[str, ...] = ()
    delimiter: str | None = None
    header: bool | None = None
    encoding: str | None = None


Command = Callable[..., Any]


def with_options(command: Command, *options: Callable[[Command], Command]) -> Command:
    """The command with its options, in the order in which its help shows them."""
    return functools.reduce(lambda inner, option: option(inner), reversed(options), command)


def format_options(command: Command) -> Command:
    """How a table is written, where it is not found out rightly."""
    return with_options(
        command,
        click.option("--delimiter", help="comma, semicolon, tab, bar, or the character itself (default: found)"),
        click.option("--header/--no-header", default=None, help="whether the first line holds names (default: found)"),
        click.option("--encoding", help="for instance latin-1 or utf-16 (default: UTF-8, else Latin-1)"),
    )


def column_options(command: Command) -> Command:
    """Which columns are used, and how."""
    return with_options(
        command,
        click.option("--target", metavar="NAME", help="the column to predict (default: the last one)"),
        click.option("--drop", multiple=True, metavar="NAME", help="a column to leave out; repeatable"),
        click.option("--categorical", multiple=True, metavar="NAME", help="a column of words; repeatable"),
    )


def opened(data: str, columns: Columns) -> TableFile | None:
    """The table, or None for the name of a data set; what was decided about the table is said."""
    from flambeau.problems import available

    names = [row.name for row in available()]
    if data in names:
        if columns != Columns():
            option = next(f"--{name}" for name, value in columns._asdict().items() if value not in (None, ()))
            raise ConfigurationError(option, "a table in a file", f"the data set {data!r}", "leave the option away")
        return None
    if not Path(data).expanduser().exists():
        raise ConfigurationError("DATA", f"a file, or one of {', '.join(names)}", repr(data), "check the name")
    file = open_table(data, delimiter=columns.delimiter, header=columns.header, encoding=columns.encoding)
    for note in file.notes:
        say(f"Note: {note}.")
    return file


def to_learn(model: Any, data: str, columns: Columns, test: str | None) -> Material:
    """What a new model learns from: all of DATA if there is a table to test it with, else three quarters.

    A data set that was published in two parts is used as published; a memory learns every row.
    """
    file = opened(data, columns)
    whole = test is not None or is_memory(model)
    if file is None:
        learn, ask = published(model, data)
        material = Material(learn, None if whole else ask, None)
    else:
        material = from_table(model, file, columns, whole=whole)
    return material if test is None else material._replace(ask=part_of_test(model, material, test, columns))


def from_table(model: Any, file: TableFile, columns: Columns, *, whole: bool) -> Material:
    """The table's rows in two parts, by their content and not by their order."""
    name = columns.target
    if name is None and is_supervised(model):
        name = next((last for last in reversed(file.names) if last not in columns.drop), None)
    layout = plan_layout(file, target=name, drop=columns.drop, categorical=columns.categorical)
    rows = read_rows(file, layout, with_target=is_supervised(model))
    if is_supervised(model):
        layout = layout._replace(kind=kind_of_target(model, file, layout, rows, forced=name in columns.categorical))
    else:
        layout = layout._replace(target=None)
    say(described(file, layout, rows))
    marks = row_marks(rows.inputs, rows.target)
    chosen = kept_from_learning(marks) & (not whole)
    layout = layout._replace(fingerprint=table_fingerprint(marks), held_out=bool(chosen.any()))
    y = targets_of(model, file, layout, rows)
    learn = Part(rows.inputs[~chosen], None if y is None else y[~chosen], "training")
    ask = Part(rows.inputs[chosen], None if y is None else y[chosen], "held out") if chosen.any() else None
    return Material(learn, ask, layout)


def described(file: TableFile, layout: TableLayout, rows: TableRows) -> str:
    """One line on how the table was read."""
    target = f", target {layout.target!r}" + (f" ({len(set(rows.target))} values)" if rows.target else "")
    marks = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
    between = marks.get(file.delimiter, repr(file.delimiter))
    header = "names in the first line" if file.header else "no header"
    size = f"{len(rows.lines)} rows, {len(layout.features)} features"
    return f"{file.path}: {size}{target if layout.target else ''}; {header}, {between} between cells"


def part_of_test(model: Any, material: Material, test: str, columns: Columns) -> Part:
    """The rows of another table, its columns found by the names of the first one."""
    file = opened(test, columns._replace(target=None, drop=(), categorical=()))
    if file is None:
        raise ConfigurationError("--test", "a table in a file", f"the data set {test!r}", "give a file")
    layout = material.layout or guessed_layout(model, file, columns, material.learn.y)
    rows = read_rows(file, layout)
    return Part(rows.inputs, targets_of(model, file, layout, rows), f"test ({len(rows.lines)} rows)")


def published(model: Any, data: str) -> tuple[Part, Part]:
    """A data set in the parts that it was published in, or else in three quarters and one: the same every time."""
    from flambeau.problems import load

    bundle = load(data)
    supervised = is_supervised(model)
    if bundle.test_data is not None and bundle.test_target is not None:
        learn, ask = (bundle.data, bundle.target), (bundle.test_data, bundle.test_target)
    else:
        order = np.random.default_rng(0).permutation(len(bundle.data))
        asked, learned = np.split(order, [len(order) // 4])
        learn, ask = ((bundle.data[at], bundle.target[at]) for at in (learned, asked))
    (X, y), (test_X, test_y) = learn, ask
    return Part(X, y if supervised else None, "training"), Part(test_X, test_y if supervised else None, "held out")


def is_supervised(model: Any) -> bool:
    """Whether a model learns a target."""
    from sklearn.base import is_classifier, is_regressor

    return bool(is_classifier(model) or is_regressor(model))


def targets_of(model: Any, file: TableFile, layout: TableLayout, rows: TableRows) -> np.ndarray | None:
    """Labels for a classifier, numbers for a regressor, nothing for the others."""
    from sklearn.base import is_classifier

    if layout.target is None or not is_supervised(model):
        return None
    if is_classifier(model):
        return labels_from(file, layout.target, rows, layout.kind)
    return numbers_from(file, layout.target, rows)


def kind_of_target(model: Any, file: TableFile, layout: TableLayout, rows: TableRows, *, forced: bool) -> str:
    """What stands in the target column; measurements are no classes, unless the user says that they are words."""
    from sklearn.base import is_classifier

    if not is_classifier(model):
        return "number"
    if forced:
        return "text"
    values, where = set(rows.target), f"{file.path}, column {layout.target!r}"
    measured = next((cell for cell in rows.target if is_usable(cell) and float(cell) % 1), None)
    if measured is not None and all(map(is_usable, values)):
        remedy = f"train a regressor, choose another --target, or say --categorical {layout.target!r}"
        raise DataError(where, f"classes for {type(model).__name__}", f"measurements such as {measured}", remedy)
    if len(values) > max(20, len(rows.target) // 2):
        say(f"Warning: {where} has {len(values)} different values in {len(rows.target)} rows: are they classes?")
    return kind_of_labels(rows.target)


def remembered_table(model: Any) -> TableLayout | None:
    """What the model remembers of its table."""
    return vars(model).get("table_")


def guessed_layout(model: Any, file: TableFile, columns: Columns, labels: np.ndarray | None) -> TableLayout:
    """For a model that learned from arrays: by its feature names if it has any, else all columns but the target."""
    names: Sequence[str] | None = vars(model).get("feature_names_in_")
    target = columns.target
    if target is None and is_supervised(model):
        others = [name for name in file.names if names is None or name not in names]
        target = others[-1] if others else None
    layout = plan_layout(file, target=target, drop=columns.drop, categorical=columns.categorical)
    if names is not None and not layout.categories:
        layout = layout._replace(features=tuple(map(str, names)))
    kind = "text" if labels is None else {"i": "whole", "u": "whole", "f": "number"}.get(labels.dtype.kind, "text")
    return layout._replace(kind=kind)


def remembered_or_guessed(model: Any, file: TableFile, columns: Columns) -> TableLayout:
    """How a saved model reads a table."""
    known = remembered_table(model)
    if known is None:
        return guessed_layout(model, file, columns, vars(model).get("classes_"))
    if columns.drop or columns.categorical:
        option = "--drop" if columns.drop else "--categorical"
        raise ConfigurationError(option, "no such option: the model remembers its columns", "one", "leave it away")
    return known if columns.target is None else known._replace(target=columns.target)


def part_for(model: Any, data: str, columns: Columns) -> Part:
    """The rows that a saved model is judged by.

    A whole table, unless it is the one that the model learned from: then the rows that it did not learn from.
    """
    file = opened(data, columns)
    if file is None:
        part = published(model, data)[1]
        return part._replace(words=f"held-out part of {data}, {len(part.X)} rows")
    layout = remembered_or_guessed(model, file, columns)
    rows = read_rows(file, layout, with_target=is_supervised(model))
    y = targets_of(model, file, layout, rows)
    marks = row_marks(rows.inputs, rows.target)
    if table_fingerprint(marks) != layout.fingerprint:
        return Part(rows.inputs, y, f"all {len(rows.lines)} rows")
    if not layout.held_out:
        return Part(rows.inputs, y, f"all {len(rows.lines)} rows, which the model learned from")
    chosen = kept_from_learning(marks)
    words = f"the {chosen.sum()} rows of its own table that the model did not learn from"
    return Part(rows.inputs[chosen], None if y is None else y[chosen], words)
