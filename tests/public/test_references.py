"""What a docstring or a document points at is there: names that moved, and files that were renamed."""

import ast
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "flambeau"
FILES = sorted(path for path in SOURCE.rglob("*.py") if path.name != "__main__.py")
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
ROLE = re.compile(r":(?:class|func|meth|mod|attr|data|exc|obj):`([^`]+)`")
PATH = re.compile(r"`((?:[a-z_0-9]+/)*[a-z_0-9]+\.(?:py|md|toml|txt|css))`")
PLACES = (ROOT, SOURCE, ROOT / "tests", ROOT / "docs", ROOT / "docs" / "design")


def documented(tree):
    """Every docstring of a module, with the name of the class in which it stands."""
    yield "", ast.get_docstring(tree)
    for node in tree.body:
        if isinstance(node, ast.FunctionDef):
            yield "", ast.get_docstring(node)
        elif isinstance(node, ast.ClassDef):
            yield node.name, ast.get_docstring(node)
            yield from ((node.name, ast.get_docstring(part)) for part in node.body if isinstance(part, ast.FunctionDef))


def step(thing, name):
    """A part of a module, of a class or of its fields; None if there is none."""
    fields = getattr(thing, "__dataclass_fields__", {})
    annotations = getattr(thing, "__annotations__", {}) if isinstance(thing, type) else {}
    return getattr(thing, name, None) or fields.get(name) or annotations.get(name)


def leads_somewhere(target, module, owner):
    """From the class, from the module, or as a whole name."""
    parts = target.lstrip("~").removesuffix("()").split(".")
    starts = [(vars(module).get(owner), parts), (module, parts)]
    for count in range(len(parts), 0, -1):
        try:
            starts.append((importlib.import_module(".".join(parts[:count])), parts[count:]))
            break
        except ImportError:
            continue
    for thing, rest in starts:
        for part in rest:
            thing = step(thing, part)
        if thing is not None:
            return True
    return False


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_references_in_docstrings_lead_somewhere(path):
    name = ".".join(path.relative_to(SOURCE.parent).with_suffix("").parts).removesuffix(".__init__")
    module = importlib.import_module(name)
    for owner, text in documented(ast.parse(path.read_text(encoding="utf-8"))):
        for target in ROLE.findall(text or ""):
            assert leads_somewhere(target, module, owner), f"{name} {owner}: {target}"


def test_a_reference_that_leads_nowhere_is_found():
    module = importlib.import_module("flambeau.structures.layer")
    for there in ("credit", "Layer.credit", "Layer.bias", "~flambeau.errors.DataError", "flambeau.structures.base"):
        assert leads_somewhere(there, module, "Layer"), there
    for gone in ("Layer.nothing", "nothing", "flambeau.structures.order", "flambeau.errors.Nothing"):
        assert not leads_somewhere(gone, module, "Layer"), gone


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_that_documents_name_are_there(document):
    for name in PATH.findall(document.read_text(encoding="utf-8")):
        there = any((place / name).exists() for place in PLACES)
        assert there or ("/" not in name and list(ROOT.joinpath("src").rglob(name))), name
