"""The lists of mutants keep step with the code: what they break is there, once, and so are the tests they name."""

import importlib.util
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location("mutation_runner", ROOT / "tests" / "mutations" / "run.py")
runner = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(runner)
MUTANTS = runner.mutants()
FEWEST = 80


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: f"{mutant.room}: {mutant.name}")
def test_a_mutant_has_its_line_and_its_tests(mutant):
    assert runner.occurrences(mutant) == 1, f"{mutant.file}: the text to be broken stands there once no more"
    assert mutant.replace != mutant.find
    files = [part.split("::")[0] for part in shlex.split(mutant.tests) if part.startswith(("tests/", "src/", "docs/"))]
    assert files
    assert all((ROOT / file).is_file() for file in files)


def test_there_are_enough_and_no_name_stands_twice():
    names = [mutant.name for mutant in MUTANTS]
    assert len(set(names)) == len(names)
    assert len({(mutant.file, mutant.find, mutant.replace) for mutant in MUTANTS}) == len(names)
    assert len(names) >= FEWEST


def test_the_runner_tells_killed_from_surviving_and_stale(tmp_path, monkeypatch):
    (tmp_path / "law.py").write_text("def double(x):\n    return 2 * x\n")
    mutant = runner.Mutant("a", "b", "law.py", "2 * x", "3 * x", "test_law.py")
    monkeypatch.setattr(runner, "tried", lambda root, tests: int("3 * x" in (root / "law.py").read_text()))
    healthy = {}
    assert runner.verdict(tmp_path, mutant, healthy) == "killed"
    assert runner.verdict(tmp_path, mutant._replace(replace="x + x"), healthy) == "survived"
    assert runner.verdict(tmp_path, mutant._replace(find="4 * x"), healthy) == "stale"
    assert runner.verdict(tmp_path, mutant, {"test_law.py": False}) == "unclear"
    assert "2 * x" in (tmp_path / "law.py").read_text()
