"""The laws of the house that a machine can check."""

import ast
import importlib
import inspect
import pkgutil
import subprocess
import sys
import tomllib
from pathlib import Path

import equinox as eqx
import pytest

import flambeau as fb

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "flambeau"
FILES = sorted(SOURCE.rglob("*.py"))
# Left never imports right.
ORDER = [
    *(
        "errors",
        "foundation",
        "neurons",
        "structures",
        "dynamics",
        "rules",
        "networks",
        "analysis",
        "problems",
        "training",
        "monitors",
    ),
    *("search", "meta", "reinforce", "estimators", "saving", "pictures", "report", "journey", "cli"),
]
OUTSIDE = {"__init__"}
CORE = {"neurons", "structures", "dynamics", "rules", "networks", "analysis", "monitors"}
CORE_IMPORTS = {"jax", "equinox", "optax", "numpy", "jaxtyping", "flambeau"}
LATE_IMPORTS = {"analysis": {"scipy"}}  # inside a function, at its first use


def modules():
    return [importlib.import_module(info.name) for info in pkgutil.walk_packages(fb.__path__, "flambeau.")]


def imported(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (name.name for name in node.names)


def room(path):
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_imports_go_one_way_and_the_core_stays_small(path):
    here = room(path)
    names = list(imported(ast.parse(path.read_text(encoding="utf-8"))))
    for name in names:
        parts = name.split(".")
        if parts[0] == "flambeau" and len(parts) > 1 and here not in OUTSIDE and parts[1] not in OUTSIDE:
            assert ORDER.index(parts[1]) <= ORDER.index(here), f"{here} imports {parts[1]}"
    if here in CORE:
        outside = {name.split(".")[0] for name in names} - CORE_IMPORTS - LATE_IMPORTS.get(here, set())
        assert outside <= set(sys.stdlib_module_names), f"the core imports {outside}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_nothing_runs_code_from_files_or_asserts(path):
    tree = ast.parse(path.read_text(encoding="utf-8"))
    roots = {name.split(".")[0] for name in imported(tree)}
    assert not roots & {"pickle", "dill", "cloudpickle", "marshal", "shelve", "torch", "tensorflow", "keras"}
    calls = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert not calls & {"eval", "exec", "compile", "__import__"}
    assert not any(isinstance(node, ast.Assert) for node in ast.walk(tree))


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_sizes(path):
    text = path.read_text(encoding="utf-8")
    assert text.count("\n") <= 400
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "says what lives here"
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            assert not body or body[-1].end_lineno - body[0].lineno < 60, node.name


TWICE = {"load"}  # fb.load reads a model, fb.problems.load a data set: both are what a user types


def test_a_helpers_name_is_found_in_one_place():
    """A module-level function or class is unique in the package, or private to its file."""
    places = {}
    for path in FILES:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
                places.setdefault(node.name, []).append(str(path.relative_to(SOURCE)))
    twice = {name: files for name, files in places.items() if len(files) > 1 and name not in TWICE}
    assert not twice


# What asks a thing whether it has something, each with its reason; everything else is nominal.
SNIFFING = {
    (
        "estimators/dense_hopfield.py",
        "hasattr",
    ): "store before fit: whether anything was fitted",
    ("estimators/perceptron.py", "getattr"): "only threshold units say what happens at 0",
    ("foundation/files.py", "getattr"): "os.O_BINARY exists on Windows alone",
    ("saving/checks.py", "getattr"): "what a file claims is checked field by field",
    ("saving/table.py", "getattr"): "classes of files from before the declaration",
    ("training/configuration.py", "getattr"): "a name for any object that a user passes",
    ("training/schedules.py", "getattr"): "any callable may be a schedule",
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_nothing_is_asked_whether_it_has_something(path):
    here = path.relative_to(SOURCE).as_posix()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            sniffs = node.func.id == "hasattr" or (node.func.id == "getattr" and len(node.args) > 2)
            assert not sniffs or (here, node.func.id) in SNIFFING, f"{here}:{node.lineno}"


def test_every_exported_name_exists_and_is_documented():
    for module in (fb, *modules()):
        for name in getattr(module, "__all__", []):
            thing = getattr(module, name)
            if inspect.isclass(thing) or inspect.isfunction(thing):
                assert inspect.getdoc(thing), f"{module.__name__}.{name}"
    assert set(fb.__all__) <= set(dir(fb))
    with pytest.raises(AttributeError, match="no attribute"):
        _ = fb.nothing_of_the_kind


def test_a_class_is_abstract_or_final():
    """No class of ours overrides a concrete method of another of ours, and none inherits from a concrete one."""
    ours = {thing for module in modules() for thing in vars(module).values() if inspect.isclass(thing)}
    ours = {cls for cls in ours if cls.__module__.startswith("flambeau") and not issubclass(cls, Exception)}
    for cls in ours:
        for base in cls.__bases__:
            if base in ours and base not in (eqx.Module,):
                assert base.__name__.startswith("Abstract"), (
                    f"{cls.__name__} inherits from the concrete {base.__name__}"
                )
            for name, method in vars(base).items() if base in ours else ():
                concrete = inspect.isfunction(method) and not getattr(method, "__isabstractmethod__", False)
                if concrete and not name.startswith("__"):
                    assert name not in vars(cls), f"{cls.__name__}.{name} overrides {base.__name__}.{name}"


def test_importing_changes_nothing_and_leaves_the_heavy_parts_out():
    code = (
        "import warnings, sys, jax; import numpy as np\n"
        "before = dict(jax.config.values), list(warnings.filters), np.random.get_state()[1].copy()\n"
        "import flambeau as fb\n"
        "assert dict(jax.config.values) == before[0]\n"
        "assert list(warnings.filters) == before[1]\n"
        "assert (np.random.get_state()[1] == before[2]).all()\n"
        "heavy = {'sklearn', 'matplotlib', 'torch', 'pandas'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
        "from flambeau import *\n"
        "assert MLPClassifier\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=120)


def test_dependencies_are_few_and_each_has_its_reason():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = [requirement.split(">")[0] for requirement in project["dependencies"]]
    assert len(names) <= 12
    reasons = (ROOT / "docs" / "design" / "dependencies.md").read_text(encoding="utf-8")
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8").lower().replace("_", "-")
    for name in names:
        assert f"| {name} |" in reasons
        assert f"\n{name}==" in pins


def test_the_readme_shows_the_two_commands_and_ci_calls_what_a_contributor_does():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "make journey" in readme
    assert "make test" in readme
    called = (ROOT / ".ci" / "run").read_text(encoding="utf-8").splitlines()
    assert {"make lint", "make test"} <= {line.split("#")[0].strip() for line in called}
    assert (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8").count("\n") < 60


@pytest.mark.parametrize(
    ("chosen", "folder", "constrained"),
    [
        ((), ".venv", True),
        (("CONSTRAINTS=",), ".venv-newest", False),
        (("PYTHON=/usr/bin/python3.13", "CONSTRAINTS="), ".venv-python3.13-newest", False),
        (("PYTHON=python3.12",), ".venv-python3.12", True),
    ],
)
def test_make_tells_an_environment_by_interpreter_and_constraints(chosen, folder, constrained):
    """So a suite that is run with the newest releases never meets the pinned ones."""
    command = ["make", "--always-make", "--dry-run", "test", *chosen]
    shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True).stdout
    assert f"\n{folder}/bin/python -m pytest" in shown
    assert ("--constraint constraints.txt" in shown) == constrained


def test_errors_are_also_built_ins_and_survive_pickling():
    import pickle

    for name in fb.errors.__all__:
        cls = getattr(fb.errors, name)
        error = cls("here", "this", "that", "do it")
        assert str(error) == "here: expected this, got that. Remedy: do it."
        assert str(pickle.loads(pickle.dumps(error))) == str(error)
        assert issubclass(cls, fb.errors.FlambeauError)
        if cls is not fb.errors.FlambeauError:
            assert issubclass(cls, ValueError | FloatingPointError | OSError)
