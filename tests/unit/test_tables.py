"""Tables in text files: every cell as it stands, and one sentence for every table that cannot be read."""

import random

import numpy as np
import pytest

from flambeau.errors import ConfigurationError, DataError, FlambeauError
from flambeau.problems import TableLayout, open_table, plan_layout, read_rows
from flambeau.problems.table_targets import (
    kept_from_learning,
    kind_of_labels,
    labels_from,
    numbers_from,
    row_marks,
    table_fingerprint,
)


@pytest.fixture
def write(tmp_path):
    """Write a file, text or bytes, and return its path."""

    def written(content, name="table.csv", encoding="utf-8"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
        return path

    return written


def cells(path, **options):
    return [row for _, row in open_table(path, **options).rows()]


def refusal(path, target=None, drop=(), categorical=(), **options):
    def read():
        file = open_table(path, **options)
        return read_rows(file, plan_layout(file, target=target, drop=drop, categorical=categorical))

    with pytest.raises(FlambeauError) as caught:
        read()
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("a,b\n1,C#\n", [["1", "C#"]]),
        ("a,b\n1,# no comment\n", [["1", "# no comment"]]),
        ('a,b\n1,"x, y"\n', [["1", "x, y"]]),
        ('a,b\n1,"say ""yes"""\n', [["1", 'say "yes"']]),
        ('a,b\n1,"two\nlines"\n2,z\n', [["1", "two\nlines"], ["2", "z"]]),
        ("a , b\n 1 ,  two words \n", [["1", "two words"]]),
        ('a,b\n1 , "kept, " \n', [["1", "kept, "]]),
        ('a,b\n1," kept "\n2, cut \n', [["1", " kept "], ["2", "cut"]]),
        ('a,b\n1,5" pipe\n', [["1", '5" pipe']]),
        ("a,b\r\n1,x\r\n2,y\r\n", [["1", "x"], ["2", "y"]]),
        ("a,b\r1,x\r2,y\r", [["1", "x"], ["2", "y"]]),
        ("a,b\n\n1,x\n  \n,\n2,y", [["1", "x"], ["2", "y"]]),
        ("sep=;\na;b\n1;x\n", [["1", "x"]]),
        ("a,b,\n1,x,\n2,y,\n", [["1", "x", ""], ["2", "y", ""]]),
    ],
    ids=lambda value: repr(value)[:24],
)
def test_cells_are_what_stands_in_the_file(write, text, rows):
    table = open_table(write(text))
    assert tuple(table.names) == ("a", "b")
    assert [cells for _, cells in table.rows()] == rows


@pytest.mark.parametrize("mark", [",", ";", "\t", "|"])
def test_the_delimiter_is_found_and_can_be_given(write, mark):
    path = write(f"a{mark}b{mark}c\n1{mark}2{mark}x y\n3{mark}4{mark}z\n")
    assert open_table(path).delimiter == mark
    name = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}[mark]
    assert open_table(path, delimiter=name) == open_table(path, delimiter=mark) == open_table(path)
    with pytest.raises(ConfigurationError, match="one of tab, semicolon"):
        open_table(path, delimiter="commas")


def test_a_comma_within_cells_is_no_delimiter(write):
    assert cells(write("name;size\nx, y;1\nz;2\n")) == [["x, y", "1"], ["z", "2"]]
    assert cells(write('name,size\n"a;b",1\n"c;d",2\n')) == [["a;b", "1"], ["c;d", "2"]]


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("5.1,3.5,setosa\n4.9,3.0,setosa\n", False),
        ("1,2\n3,4\n", False),
        ("a,b\n1,2\n", True),
        ("id,2019,2020\nx,1,2\ny,3,4\n", False),  # numbers in the first row, and no word above numbers
        ("count,2019,2020\n7,1,2\n8,3,4\n", True),
        ("?,1,x\n2,1,x\n", False),
        ("top,bottom,kind\nx,o,win\no,x,loss\n", True),
        ("x,o,win\no,x,loss\nx,x,win\no,o,loss\nx,o,win\n", False),
        ("weight\n1\n2\n", True),
        ("1\n2\n", False),
    ],
)
def test_whether_the_first_row_holds_names(write, text, header):
    table = open_table(write(text))
    assert table.header is header
    assert len(list(table.rows())) == text.count("\n") - header
    assert len(list(open_table(write(text), header=False).rows())) == text.count("\n")
    assert len(list(open_table(write(text), header=True).rows())) == text.count("\n") - 1


def test_without_a_header_columns_are_counted(write):
    table = open_table(write("1,2,x\n3,4,y\n"))
    assert tuple(table.names) == ("1", "2", "3")
    assert read_rows(table, plan_layout(table, target="3", drop=["1"])).inputs.tolist() == [[2.0], [4.0]]
    with pytest.raises(ConfigurationError, match="counted from 1"):
        plan_layout(table, target="kind")


def test_encodings(write):
    text = "größe,art\n1,süß\n2,herb\n"
    assert cells(write(b"\xef\xbb\xbf" + text.encode())) == cells(write(text))
    assert tuple(open_table(write(b"\xef\xbb\xbf" + text.encode())).names) == ("größe", "art")
    latin = open_table(write(text, encoding="latin-1"))
    assert tuple(latin.names) == ("größe", "art")
    assert "read as Latin-1" in latin.notes[0]
    assert cells(write(text, encoding="utf-16"), encoding="utf-16") == cells(write(text))
    assert "got UTF-16. Remedy: save it as UTF-8" in refusal(write(text, encoding="utf-16"))
    assert "bytes that no text holds" in refusal(write(text, encoding="utf-16-le"))
    assert "bytes that are none" in refusal(write(text, encoding="latin-1"), encoding="utf-8")
    for unknown in ("klingon", "rot13", "hex", ""):
        assert "a text encoding" in refusal(write(text), encoding=unknown)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"PK\x03\x04" + bytes(100), "got a spreadsheet or a zip archive"),
        (b"\x1f\x8b\x08", "got a gzip file"),
        (b"\x89PNG\r\n", "got a picture"),
        (bytes(range(256)), "bytes that no text holds"),
        (b"", "got an empty file"),
        (b"\n\n  \n", "got an empty file"),
        (b"a,b\n", "got a header alone"),
    ],
)
def test_what_is_no_table_is_named(write, content, said):
    assert said in refusal(write(content))


def test_what_is_no_file_is_named(tmp_path):
    assert "a file that can be read" in refusal(tmp_path / "nowhere.csv")
    assert str(tmp_path) in refusal(tmp_path)
    assert "expected a file, got something else" in refusal("/dev/null")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a,b\n1,2\n3\n", "line 3: expected 2 cells, got 1"),
        ("a,b\n1,2\n3,4,5\n", "line 3: expected 2 cells, got 3"),
        ("a,a\n1,2\n", "'a' twice"),
        ("a,,c\n1,2,3\n", "header, column 2: expected a name"),
        ('a,b\n1,"x\n2,y\n', "line 2: expected a closing quote"),
        ("a,b\n1,2\n3,\n", "row 2 (line 3), column 'b': expected a value, got a missing one ('')"),
        ("a,b\n\n1,NA\n", "row 1 (line 3), column 'b': expected a value, got a missing one ('NA')"),
        ("a,b\n1,2\n1,tall\n", "row 2 (line 3), column 'b': expected a number, got the text 'tall'"),
        ("a;b\n1;2,5\n", "expected a number with a decimal point, got '2,5'"),
        ('a,b\n1,"1,250.5"\n', "expected a number with a decimal point, got '1,250.5'"),
        ("a,b\n1,inf\n", "expected a finite number, got 'inf'"),
        ("a,b\n1,1e999\n", "expected a finite number"),
        ("a,b\n1,1_000\n", "expected a number, got the text '1_000'"),
        ("a,b\n1,0x10\n", "expected a number, got the text '0x10'"),
        ('a,b\n1,"' + 200_000 * "x" + '"\n', "line 2: expected cells of a table"),
    ],
    ids=lambda value: value[:20],
)
def test_a_fault_is_named_by_its_place(write, text, said):
    assert said in refusal(write(text))


def test_remedies_work(write):
    path = write("a,b,kind\n1,tall,x\n2,,x\n3,low,y\n")
    assert "--categorical 'b'" in refusal(path, target="kind")
    file = open_table(path)
    assert read_rows(file, plan_layout(file, target="kind", drop=["b"])).inputs.ravel().tolist() == [1, 2, 3]
    assert "row 2 (line 3), column 'b'" in refusal(path, target="kind", categorical=["b"])


def test_words_become_indicators_and_an_unknown_one_is_refused(write):
    file = open_table(write("b,a\nred,1\ngreen,2\nred,3\n"))
    layout = plan_layout(file, categorical=["b"])
    assert layout.columns == ("b=green", "b=red", "a")
    assert read_rows(file, layout).inputs.tolist() == [[0, 1, 1], [1, 0, 2], [0, 1, 3]]
    with pytest.raises(DataError, match=r"row 1 \(line 2\), column 'b'.*learned \(green, red\), got 'blue'"):
        read_rows(open_table(write("a,b\n7,blue\n")), layout)
    many = write("a\n" + "\n".join(f"w{number}" for number in range(1001)))
    assert "at most 1000 different words" in refusal(many, categorical=["a"])


def test_columns_are_found_by_name(write):
    layout = TableLayout(("a", "b"), {}, "y")
    swapped = open_table(write("y,b,more,a\n0,2,9,1\n"))
    assert read_rows(swapped, layout).inputs.tolist() == [[1, 2]]
    assert read_rows(swapped, layout).target == ["0"]
    without = open_table(write("b,a\n2,1\n"))
    assert read_rows(without, layout, with_target=False).inputs.tolist() == [[1, 2]]
    with pytest.raises(DataError, match="'y', the model's target"):
        read_rows(without, layout)
    with pytest.raises(DataError, match="none named 'a', but 'A'"):
        read_rows(open_table(write("A,b,y\n1,2,0\n")), layout)
    with pytest.raises(DataError, match="a header, since the model learned names"):
        read_rows(open_table(write("1,2,0\n")), layout)


def test_columns_without_names_go_by_position(write):
    layout = TableLayout(("1", "3"), {}, "4", named=False)
    whole = open_table(write("1,x,3,0\n5,x,7,1\n"))
    assert read_rows(whole, layout).inputs.tolist() == [[1, 3], [5, 7]]
    assert read_rows(whole, layout).target == ["0", "1"]
    assert read_rows(open_table(write("1,3\n")), layout, with_target=False).inputs.tolist() == [[1, 3]]
    with pytest.raises(DataError, match="all columns that the model learned from"):
        read_rows(open_table(write("1\n")), layout, with_target=False)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"target": "z"}, "--target: expected a column of table.csv: a, b, c, got 'z'"),
        ({"drop": ["z"]}, "--drop: expected a column"),
        ({"categorical": ["z"]}, "--categorical: expected a column"),
        ({"target": "a", "drop": ["a"]}, "columns that are not used otherwise, got ['a']"),
        ({"drop": ["a"], "categorical": ["a"]}, "columns that are not used otherwise"),
        ({"target": "a", "drop": ["b", "c"]}, "a column to learn from"),
    ],
)
def test_options_that_do_not_fit_the_table(write, options, said):
    assert said in refusal(write("a,b,c\n1,2,3\n"), **options)


@pytest.mark.parametrize(
    ("labels", "kind"),
    [
        (["0", "1", "-2"], "whole"),
        (["007", "008"], "text"),
        (["1", "1.0"], "text"),
        (["1.0", "0.0"], "number"),
        (["0.10", "0.20"], "text"),
        (["+1", "-1"], "text"),
        (["1e3"], "text"),
        (["-0"], "text"),
        (["nan", "1.0"], "text"),
        (["99999999999999999999"], "text"),
        (["True", "False"], "text"),
        (["１"], "text"),  # a digit of another width
    ],
)
def test_a_label_is_a_number_only_if_writing_it_back_gives_the_same_text(write, labels, kind):
    assert kind_of_labels(labels) == kind
    file = open_table(write("a,kind\n" + "".join(f"{n},{label}\n" for n, label in enumerate(labels))), header=True)
    read = labels_from(file, "kind", read_rows(file, plan_layout(file, target="kind")), kind)
    assert list(map(str, read.tolist())) == labels


def test_labels_of_another_kind_and_targets_that_are_no_numbers(write):
    file = open_table(write("a,y\n1,2\n2,three\n"))
    rows = read_rows(file, plan_layout(file, target="y"))
    with pytest.raises(DataError, match=r"row 2 \(line 3\), column 'y': expected labels that are whole numbers"):
        labels_from(file, "y", rows, "whole")
    with pytest.raises(DataError, match=r"row 2 \(line 3\), column 'y': expected a number, got the text 'three'"):
        numbers_from(file, "y", rows)


def test_thousands_of_columns_and_more_rows_than_a_block(write):
    wide = open_table(write(",".join(f"c{n}" for n in range(5000)) + "\n" + ",".join(map(str, range(5000)))))
    assert read_rows(wide, plan_layout(wide)).inputs.tolist() == [list(range(5000))]
    long = "a,b\n" + "".join(f"{n},{-n}\n" for n in range(10_000)) + "1,x\n"
    assert "row 10001 (line 10002), column 'b'" in refusal(write(long))
    table = open_table(write(long.removesuffix("1,x\n")))
    assert (read_rows(table, plan_layout(table)).inputs == np.outer(np.arange(10_000), [1, -1])).all()


def test_limits_hold(write, monkeypatch):
    monkeypatch.setattr("flambeau.problems.encodings.MAX_LINE", 100)
    assert "lines of at most 100 characters" in refusal(write("a" * 101))
    monkeypatch.setattr("flambeau.problems.encodings.MAX_BYTES", 1 << 30)
    monkeypatch.setattr("flambeau.problems.tables.MAX_COLUMNS", 3)
    assert "at most 3 columns" in refusal(write("1,2,3,4\n"))
    monkeypatch.setattr("flambeau.problems.table_layout.MAX_NUMBERS", 5)
    assert "at most 5 numbers" in refusal(write("1,2,3\n4,5,6\n"))


def test_the_number_of_the_row_that_a_data_frame_writes_is_no_feature(write):
    file = open_table(write(",a,y\n0,5,1\n1,6,0\n2,7,1\n"))
    assert tuple(file.names) == ("a", "y")
    assert "counts the rows: it is left out" in file.notes[0]


def test_marks_do_not_depend_on_the_order_and_equal_rows_are_spread():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(200, 3)).round(1), rng.choice(["a", "b"], 200).tolist()
    order = rng.permutation(200)
    marks, again = row_marks(X, y), row_marks(X[order], [y[place] for place in order])
    assert table_fingerprint(marks) == table_fingerprint(again)
    assert (np.sort(marks[kept_from_learning(marks)]) == np.sort(again[kept_from_learning(again)])).all()
    assert len(set(marks.tolist())) == 200
    other = X.copy()
    other[7, 1] += 0.1
    for changed in (row_marks(other, y), row_marks(X, y[::-1]), row_marks(X[1:], y[1:])):
        assert table_fingerprint(changed) != table_fingerprint(marks)
    gate = np.tile([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]], (100, 1))
    held = kept_from_learning(row_marks(gate))
    assert held.sum() == 100
    assert all(10 < held[corner::4].sum() < 40 for corner in range(4))  # a quarter of each, give or take
    assert (row_marks(np.array([[-0.0]])) == row_marks(np.array([[0.0]]))).all()


def test_random_bytes_give_typed_errors_only(write):
    rng = random.Random(0)
    alphabet = [
        b",",
        b";",
        b"\t",
        b'"',
        b"\n",
        b"\r",
        b" ",
        b"1",
        b"2.5",
        b"a",
        b"NA",
        b"\xe4",
        b"\xef\xbb\xbf",
        b"\x00",
        b"#",
    ]
    weights = [8, 3, 2, 3, 8, 2, 2, 10, 5, 5, 1, 1, 0.1, 0.02, 1]
    read, said = 0, []
    for _ in range(120):
        path = write(b"".join(rng.choices(alphabet, weights, k=rng.randrange(60))))
        try:
            file = open_table(path)
            read_rows(file, plan_layout(file, target=next(iter(file.names)) if len(file.names) > 1 else None))
            read += 1
        except FlambeauError as error:
            said.append(str(error))
    assert read >= 3
    assert len(said) > 50
    assert max(map(len, said)) < 600
