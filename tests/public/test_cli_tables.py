"""The command line on tables: what a model remembers of its table, and what it says about another one."""

import contextlib
import importlib
import json
from pathlib import Path

import jax
import numpy as np
import pytest
from click.testing import CliRunner

import flambeau as fb
from flambeau.cli import main
from flambeau.cli.evaluate import Yardstick, measured

QUICK = ("--set", "epochs=40", "--set", "hidden_layer_sizes=8", "--set", "tolerance=0", "--set", "verbose=no")
NAMES = ("left", "right", "colour", "kind")


def flower(count, seed=0):
    """Rows of two numbers and a word whose label, text with blanks and signs, follows from them."""
    rng = np.random.default_rng(seed)
    rows = []
    for place in range(count):
        label = ("C#", "two words", "007")[place % 3]
        centre = {"C#": (0, 0), "two words": (3, 0), "007": (0, 3)}[label]
        left, right = np.round(rng.normal(centre, 0.3), 2)
        rows.append((f"{left}", f"{right}", rng.choice(["red", "green, dark"]), label))
    return rows


def table(rows, names=NAMES, mark=","):
    """The rows as text, cells with commas in quotes."""
    lines = [names, *rows] if names else rows
    return "".join(mark.join(f'"{cell}"' if mark in cell else cell for cell in line) + "\n" for line in lines)


def call(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def refused(*arguments):
    """The one line in which the command refuses."""
    result = call(*arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    error = [line for line in result.stderr.splitlines() if line.startswith("Error: ")]
    assert result.stderr.splitlines()[-1:] == error, result.stderr
    return error[0]


@pytest.fixture(scope="module", autouse=True)
def _places(tmp_path_factory):
    """The tests' own compilation cache, and no data set but the bundled one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLAMBEAU_COMPILATION_CACHE", jax.config.values["jax_compilation_cache_dir"])
        for name in ("FLAMBEAU_DATA", "FLAMBEAU_CACHE"):
            patch.setenv(name, str(tmp_path_factory.getbasetemp() / name))
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A table of 120 rows and a classifier that was trained on it by the command line."""
    folder = tmp_path_factory.mktemp("tables")
    (folder / "flowers.csv").write_text(table(flower(120)))
    options = ("--target", "kind", "--categorical", "colour", *QUICK)
    result = call("train", "mlpclassifier", folder / "flowers.csv", *options, "--out", folder / "m.flambeau", "--json")
    assert result.exit_code == 0, result.output
    (folder / "trained.json").write_text(result.stdout)
    (folder / "said.txt").write_text(result.stderr)
    return folder


def score(folder, name, *options):
    result = call("evaluate", folder / "m.flambeau", folder / name, "--json", *options)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_training_says_how_the_table_was_read_and_what_came_of_it(folder):
    report = json.loads((folder / "trained.json").read_text())
    assert report["model"] == "MLPClassifier"
    assert report["figure"] == "accuracy"
    assert report["rows"] == 90
    assert report["held_out"] > 0.9
    assert report["saved"].endswith("m.flambeau")
    said = (folder / "said.txt").read_text()
    assert "120 rows, 3 features, target 'kind' (3 values); names in the first line, commas between cells" in said


def test_names_labels_and_words_are_in_the_file(folder):
    model = fb.load(folder / "m.flambeau")
    assert model.feature_names_in_.tolist() == ["left", "right", "colour=green, dark", "colour=red"]
    assert model.classes_.tolist() == ["007", "C#", "two words"]
    assert model.table_.target == "kind"
    assert model.table_.held_out is True


def test_its_own_table_is_judged_by_the_rows_that_were_held_out_whatever_their_order(folder):
    held = json.loads((folder / "trained.json").read_text())["held_out"]
    own = score(folder, "flowers.csv")
    assert own["rows"] == 30
    assert own["value"] == pytest.approx(held)
    assert "that the model did not learn from" in own["part"]
    rows = flower(120)[::-1]
    (folder / "turned.csv").write_text(table([row[::-1] for row in rows], NAMES[::-1], ";"))
    turned = score(folder, "turned.csv")
    assert (turned["rows"], turned["value"]) == (30, own["value"])


def test_another_table_is_judged_as_a_whole_and_by_its_names(folder):
    rows = flower(24, seed=1)
    (folder / "other.csv").write_text(table(rows))
    (folder / "swapped.csv").write_text(
        table([(b, a, c, d) for a, b, c, d in rows], ("right", "left", "colour", "kind"))
    )
    other, swapped = score(folder, "other.csv"), score(folder, "swapped.csv")
    assert other["rows"] == swapped["rows"] == 24
    assert other["part"] == "all 24 rows"
    assert other["value"] == swapped["value"] > 0.9


def test_predictions_join_the_table_as_it_stands(folder):
    rows = flower(9, seed=2)
    text = table([(c, "note", a, b) for a, b, c, _ in rows], ("colour", "more", "left", "right"), ";")
    (folder / "new.csv").write_text(text)
    result = call("predict", folder / "m.flambeau", folder / "new.csv")
    assert result.exit_code == 0, result.output
    assert "not used: more" in result.stderr
    lines, given = result.stdout.splitlines(), text.splitlines()
    assert lines[0] == "colour;more;left;right;prediction"
    assert [line.rpartition(";")[0] for line in lines] == given
    assert [line.rpartition(";")[2] for line in lines[1:]] == [row[3] for row in rows]
    assert call("predict", folder / "m.flambeau", folder / "new.csv", "--out", folder / "p.csv").exit_code == 0
    assert (folder / "p.csv").read_text() == result.stdout
    again = call("predict", folder / "m.flambeau", folder / "flowers.csv")
    assert again.stdout.startswith("left,right,colour,kind,prediction\n")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (table([("1", "2", "C#")], ("left", "right", "kind")), "none named 'colour'"),
        (table([("1", "2", "red", "C#")], ("left", "Right", "colour", "kind")), "none named 'right', but 'Right'"),
        (table([("1", "2", "blue", "C#")]), "column 'colour': expected a word that the model learned"),
        (table([("1", "2", "red", "C#")], None), "a header, since the model learned names"),
        (table([("1", "", "red", "C#")]), "row 1 (line 2), column 'right': expected a value, got a missing one"),
        ("", "got an empty file"),
    ],
)
def test_a_table_that_does_not_fit_the_model_is_refused(folder, text, said):
    (folder / "odd.csv").write_text(text)
    assert said in refused("predict", folder / "m.flambeau", folder / "odd.csv")
    assert said in refused("evaluate", folder / "m.flambeau", folder / "odd.csv")


def test_evaluating_needs_the_target_and_predicting_does_not_write_over_its_input(folder):
    (folder / "blind.csv").write_text(table([row[:3] for row in flower(3)], NAMES[:3]))
    assert "'kind', the model's target" in refused("evaluate", folder / "m.flambeau", folder / "blind.csv")
    own = folder / "blind.csv"
    assert "another file than DATA" in refused("predict", folder / "m.flambeau", own, "--out", own)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("MLPClassifer", "digits"), "MODEL: expected one of ClassificationRBM"),
        (("MLPClassifier", "digits", "--set", "epoch=3"), "Remedy: epochs, perhaps"),
        (("MLPClassifier", "digits", "--set", "epochs"), "--set: expected KEY=VALUE"),
        (("MLPClassifier", "digits", "--set", "epochs=many"), "MLPClassifier.epochs: expected a whole number"),
        (("MLPClassifier", "digits", "--set", "early_stopping=perhaps"), "early_stopping: expected True or False"),
        (("MLPClassifier", "digits", "--set", "activation=nope"), "'nope'"),
        (("MLPClassifier", "digits", "--out", "no/m.flambeau"), "--out: expected an existing folder, got no folder"),
        (("MLPClassifier", "digits", "--out", "."), "--out: expected a file, got a folder"),
        (("MLPClassifier", "digits", "--out", "/dev/full"), "--out: expected a regular file"),
        (("MLPClassifier", "digits", "--target", "x"), "--target: expected a table"),
        (("MLPClassifier", "nowhere.csv"), "DATA: expected a file, or one of digits"),
        (("MLPClassifier", "FLOWERS", "--target", "Kind"), "--target: expected a column of flowers.csv: left"),
        (("MLPClassifier", "FLOWERS"), "column 'colour': expected a number, got the text"),
        (
            ("MLPClassifier", "FLOWERS", "--drop", "kind", "--target", "left", "--categorical", "colour"),
            "measurements such",
        ),
        (("MLPRegressor", "FLOWERS", "--categorical", "colour"), "Remedy: a regressor learns numbers"),
        (("MLPRegressor", "FLOWERS", "--drop", "all"), "--drop: expected a column"),
        (("MLPClassifier", "FLOWERS", "--categorical", "colour", "--test", "none.csv"), "DATA: expected a file"),
        (("RBM", "FLOWERS"), "got the text"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_one_line(folder, arguments, said):
    arguments = [str(folder / "flowers.csv") if word == "FLOWERS" else word for word in arguments]
    assert said in refused("train", *arguments)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("evaluate", "nowhere.flambeau", "digits"), "nowhere.flambeau"),
        (("evaluate", "FLOWERS", "digits"), "flowers.csv"),
        (("predict", "MODEL", "digits"), "DATA: expected a table in a file"),
        (("recall", "MODEL", "FLOWERS"), "recall: expected a memory, got MLPClassifier"),
        (("sample", "MODEL"), "sample: expected a generative model"),
        (("evaluate", "MODEL", "FLOWERS", "--drop", "left"), "the model remembers its columns"),
        (("evaluate", "MODEL", "FLOWERS", "--encoding", "klingon"), "a text encoding"),
        (("evaluate", "MODEL", "FLOWERS", "--delimiter", "xy"), "one of tab, semicolon"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_line(folder, arguments, said):
    places = {"FLOWERS": folder / "flowers.csv", "MODEL": folder / "m.flambeau"}
    assert said in refused(*(places.get(word, word) for word in arguments))


def test_flags_are_read_as_flags():
    from flambeau.cli.models import built

    model = built("MLPClassifier", ("early_stopping=false", "shuffle=no", "hidden_layer_sizes=(3, 4)", "l2=1e-3"))
    assert model.early_stopping is False
    assert model.shuffle is False
    assert tuple(model.hidden_layer_sizes) == (3, 4)
    assert model.l2 == 0.001


def test_a_result_that_cannot_be_put_there_is_put_elsewhere(folder, tmp_path, monkeypatch):
    from flambeau.cli.outputs import put

    def write(path):
        if path.parent == folder:
            raise OSError(28, "No space left on device")
        path.write_text("the result")

    monkeypatch.chdir(tmp_path)
    with pytest.raises(Exception, match="could not be written") as caught:
        put(folder / "p.csv", write)
    assert caught.value.exit_code == 1
    place = str(caught.value).rpartition(" ")[2]
    assert Path(place).read_text() == "the result"
    assert place.startswith(str(tmp_path))


def test_a_cache_that_cannot_be_written_only_warns(folder, monkeypatch):
    monkeypatch.setenv("FLAMBEAU_COMPILATION_CACHE", str(folder / "flowers.csv" / "cache"))
    result = call("evaluate", folder / "m.flambeau", folder / "flowers.csv")
    assert result.exit_code == 0, result.output
    assert "Warning: compiled programs are not kept" in result.stderr


@pytest.fixture
def interrupted(monkeypatch):
    """Ctrl-C when the second chunk of epochs is done."""

    @contextlib.contextmanager
    def bar(*arguments, **options):
        seen = []

        def show(done, loss):
            seen.append(done)
            if len(set(seen)) > 2:
                raise KeyboardInterrupt

        yield show

    monkeypatch.setattr(importlib.import_module("flambeau.training.train"), "progress_bar", bar)


ENDLESS = ("--set", "epochs=100000", "--set", "patience=100000", *QUICK[2:])
WORDS = ("--categorical", "colour", "--target", "kind")


def test_an_interruption_keeps_what_was_learned_and_says_how_to_go_on(folder, interrupted, tmp_path):
    result = call("train", "MLPClassifier", folder / "flowers.csv", *WORDS, *ENDLESS, "--out", tmp_path / "i.flambeau")
    assert result.exit_code == 130, result.output
    last = result.stderr.splitlines()[-1]
    assert last.startswith("Interrupted after ")
    assert last.endswith(f"and --checkpoint {tmp_path / 'i.flambeau.checkpoint'} --resume")
    assert "saved to" in result.stdout
    model = fb.load(tmp_path / "i.flambeau")
    assert 0 < model.n_iter_ < 100000
    assert (tmp_path / "i.flambeau.checkpoint").exists()
    assert model.table_.target == "kind"


def test_an_interruption_before_anything_was_learned_says_so(folder, monkeypatch):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("flambeau.cli.train.fit", interrupt)
    result = call("train", "MLPClassifier", folder / "flowers.csv", *WORDS)
    assert result.exit_code == 130
    assert result.stderr.endswith("Interrupted: nothing was kept.\n")


def test_a_checkpoint_goes_on_to_the_same_model(folder, tmp_path):
    data, checkpoint = folder / "flowers.csv", ("--checkpoint", tmp_path / "c.checkpoint")
    short = ("--set", "epochs=20", *QUICK[2:])
    assert call("train", "MLPClassifier", data, *WORDS, *short, *checkpoint).exit_code == 0
    whole = (*WORDS, *QUICK, *checkpoint, "--resume", "--out", tmp_path / "r.flambeau")
    assert call("train", "MLPClassifier", data, *whole).exit_code == 0
    resumed, straight = fb.load(tmp_path / "r.flambeau"), fb.load(folder / "m.flambeau")
    assert resumed.n_iter_ == 40
    assert sorted(path.name for path in tmp_path.iterdir()) == ["c.checkpoint", "r.flambeau"]
    assert not (folder / "m.flambeau.checkpoint").exists()
    X = np.random.default_rng(0).normal(size=(8, 4))
    with pytest.warns(UserWarning, match="feature names"):
        assert (resumed.predict_proba(X) == straight.predict_proba(X)).all()
    assert "a new file" in refused("train", "MLPClassifier", data, *WORDS, *checkpoint)
    assert "a checkpoint to go on from" in refused("train", "MLPClassifier", data, *WORDS, "--resume")
    assert "trains step by step" in refused("train", "Hopfield", data, "--checkpoint", tmp_path / "other")


def test_a_checkpoint_on_a_full_disk_does_not_end_the_training(folder, monkeypatch):
    def full(*arguments):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(importlib.import_module("flambeau.training.train"), "save_checkpoint", full)
    result = call("train", "MLPClassifier", folder / "flowers.csv", *WORDS, *QUICK, "--checkpoint", folder / "full")
    assert result.exit_code == 0, result.output
    assert result.stderr.count("Warning: no checkpoint from here on: ") == 1


def test_a_run_that_diverges_leaves_the_last_good_model(folder, tmp_path):
    wild = ("--set", "learning_rate=1e7", "--set", "optimizer=sgd", "--set", "activation=relu", *QUICK)
    data = ("--target", "right", "--drop", "kind", "--drop", "colour")
    out = tmp_path / "d.flambeau"
    result = call("train", "MLPRegressor", folder / "flowers.csv", *data, *wild, "--out", out)
    assert result.exit_code == 2, result.output
    said = result.stderr.splitlines()
    assert said[-1].startswith("Error: training, epoch ")
    assert said[-2].startswith("The model of epoch ")
    assert str(out) in said[-2]
    assert np.isfinite(fb.load(out).run_.history["loss"]).all()


def test_predictions_that_no_metric_takes_are_no_bug():
    def measure(X, y):
        raise ValueError("Input contains infinity.")

    with pytest.raises(
        fb.errors.DataError, match="R²: expected predictions that can be judged, got Input contains infinity"
    ):
        measured(Yardstick("R²", measure), None, None)


def test_a_memory_is_trained_judged_and_asked(folder, tmp_path):
    patterns = np.where(np.random.default_rng(0).random((3, 30)) < 0.5, -1, 1)
    np.savetxt(tmp_path / "p.csv", patterns, fmt="%d", delimiter=",")
    result = call("train", "Hopfield", tmp_path / "p.csv", "--out", tmp_path / "h.flambeau", "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["rows"], report["training"]) == (3, 1.0)
    damaged = patterns.copy()
    damaged[:, :2] *= -1
    np.savetxt(tmp_path / "d.csv", damaged, fmt="%d", delimiter=";")
    result = call("recall", tmp_path / "h.flambeau", tmp_path / "d.csv")
    assert result.exit_code == 0, result.output
    assert [list(map(int, line.split(";"))) for line in result.stdout.splitlines()] == patterns.tolist()
    assert "Remedy: `flambeau recall`" in refused("predict", tmp_path / "h.flambeau", tmp_path / "d.csv")
