"""The page of parameters is in step with their declarations."""

import importlib.util
from pathlib import Path

import flambeau as fb

ROOT = Path(__file__).parents[2]


def written():
    spec = importlib.util.spec_from_file_location("reference_page", ROOT / "scripts" / "reference.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.page()


def test_the_page_is_in_step_with_the_declarations():
    page = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    assert page == written(), "run: python scripts/reference.py"
    assert "| `early_stopping` | `False` | True or False |" in page
    assert all(f"## {name}\n" in page for name in ("MLPClassifier", "Perceptron", "RBM"))
    assert len(fb.estimators.ESTIMATORS) >= page.count("\n## ")
