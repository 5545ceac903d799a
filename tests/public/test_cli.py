"""The command line: what it prints, what it writes, and how it refuses."""

import dataclasses
import json

import jax
import pytest
from click.testing import CliRunner

import flambeau as fb
from flambeau import journey
from flambeau.cli import COMMANDS, main
from flambeau.journey.comparisons import Equal

pytestmark = pytest.mark.programs(150, "a chapter is run")


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Call the command line in an empty folder, with no data set, and the tests' own compilation cache."""
    monkeypatch.chdir(tmp_path)
    for name in ("FLAMBEAU_DATA", "FLAMBEAU_CACHE"):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv("FLAMBEAU_COMPILATION_CACHE", jax.config.values["jax_compilation_cache_dir"])
    return lambda *arguments: CliRunner().invoke(main, arguments)


@pytest.fixture
def small(monkeypatch):
    """Chapters at their smallest."""
    make = journey.Setting
    monkeypatch.setattr(journey, "Setting", lambda full, **given: make(small=not full, **given))


def test_help_names_every_command(run):
    result = run("--help")
    assert result.exit_code == 0
    assert all(command.name in result.output for command in COMMANDS)
    assert run("journey", "-h").exit_code == 0


def test_version(run):
    assert run("--version").output == f"flambeau, version {fb.__version__}\n"


def test_the_data_sets_are_listed_offline(run, monkeypatch):
    def refuse(*arguments, **keywords):
        raise AssertionError("the network was asked")

    monkeypatch.setattr("socket.socket.connect", refuse)
    result = run("data", "list")
    assert result.exit_code == 0
    for row in fb.problems.available():
        assert row.name in result.stdout
        assert row.where in result.stdout
    assert "not here" in result.stdout


def test_fetching_what_is_bundled_and_what_is_unknown(run):
    assert "comes with the installation" in run("data", "fetch", "digits").stdout
    result = run("data", "fetch", "no-such-set")
    assert result.exit_code == 2
    assert result.stderr.startswith("Error: data set: expected one of digits")
    assert result.stdout == ""


def test_a_chapter_prints_its_claims_and_writes_the_page(run, small, tmp_path):
    result = run("journey", "--chapter", "neuron")
    assert result.exit_code == 0, result.output
    assert "One neuron · 9 exact, 2 measured" in result.stdout
    assert result.stderr.count("\n") < 20
    assert "One neuron" in result.stderr
    assert "index.html" in result.stderr
    assert (tmp_path / "journey-report" / "index.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_json_is_all_there_is_on_standard_output(run, small, tmp_path):
    result = run("journey", "--chapter", "neuron", "--json", "--out", "deep/er", "--seed", "1")
    assert result.exit_code == 0, result.output
    (chapter,) = json.loads(result.stdout)["chapters"]
    assert chapter["name"] == "neuron"
    assert all({"claim", "expected", "measured", "verdict", "lecture"} <= set(claim) for claim in chapter["claims"])
    assert (tmp_path / "deep" / "er" / "index.html").exists()


def test_a_claim_that_fails_is_named_and_is_no_error(run, small, monkeypatch):
    @journey.section("A heading")
    def moon(page):
        page.claim("the moon is a cheese", Equal(page.either("look away", "rock", "cheese"), "cheese"), "look away")

    plan = dataclasses.replace(journey.CHAPTERS[0], sections=(moon,))
    monkeypatch.setattr(journey, "CHAPTERS", (plan,))
    result = run("journey")
    assert result.exit_code == 0, result.output
    assert "1 does not hold" in result.stdout
    assert "Does not hold: the moon is a cheese: rock" in result.stderr
    broken = run("journey", "--break", "look away")
    assert "1 exact" in broken.stdout
    assert "Does not hold" not in broken.stderr
    refused = run("journey", "--break", "look down")
    assert refused.exit_code == 2
    assert "'look down' is none of look away" in refused.stderr


def test_the_chapters_are_listed_without_running(run, tmp_path):
    result = run("journey", "--list")
    assert result.stdout.splitlines()[0].split(maxsplit=1) == ["neuron", "One neuron"]
    assert len(result.stdout.splitlines()) == len(journey.CHAPTERS)
    assert not (tmp_path / "journey-report").exists()


def test_an_unknown_chapter_is_refused_in_one_line(run, tmp_path):
    result = run("journey", "--chapter", "nope")
    assert result.exit_code == 2
    assert result.stderr.count("\n") == 1
    names = "neuron, perceptron, backpropagation, depth_and_width, convolution, why_depth_fails"
    names += ", restricted_boltzmann_machine, deep_belief, stability, hopfield_memory"
    assert f"one of {names}, got 'nope'" in result.stderr
    assert "Traceback" not in result.output
    assert not (tmp_path / "journey-report").exists()


def test_a_folder_that_cannot_be_made_is_refused_before_any_work(run, tmp_path):
    (tmp_path / "file").write_text("in the way")
    for place in ("file", "file/below"):
        result = run("journey", "--out", place)
        assert result.exit_code == 2
        assert result.stderr.startswith("Error: --out: expected a folder that can be made")
        assert result.stderr.count("\n") == 1


def test_a_bug_keeps_its_traceback(run, monkeypatch):
    def broken():
        raise KeyError("a bug")

    monkeypatch.setattr("flambeau.problems.available", broken)
    assert isinstance(run("data", "list").exception, KeyError)


def test_a_generative_model_is_trained_saved_and_sampled(run, tmp_path):
    settings = ("--set", "n_components=8", "--set", "epochs=2", "--set", "verbose=False")
    trained = run("train", "RBM", "digits", *settings, "--out", "m.flambeau")
    assert trained.exit_code == 0, trained.output
    assert "pseudo-log-likelihood, nats per row: training -" in trained.stdout
    result = run("sample", "m.flambeau", "-n", "3", "--steps", "5")
    assert result.exit_code == 0, result.output
    assert (tmp_path / "samples.png").read_bytes().startswith(b"\x89PNG")
    assert run("sample", "m.flambeau", "-n", "3", "--steps", "5", "--out", "s.csv").exit_code == 0
    assert len((tmp_path / "s.csv").read_text().splitlines()) == 3
    for arguments, said in (
        (("--label", "3"), "a model that knows classes"),
        (("--out", "s.jpg"), "a name that ends in .png or .csv"),
        (("--out", "no/s.png"), "got no folder"),
    ):
        refused = run("sample", "m.flambeau", *arguments)
        assert refused.exit_code == 2
        assert said in refused.stderr
