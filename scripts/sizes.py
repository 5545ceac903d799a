#!/usr/bin/env python
"""How large the package is: lines, files, functions, estimators; beside another checkout of it, if one is named.

    python scripts/sizes.py                  # this checkout
    python scripts/sizes.py ../before        # and another one, in a column of its own

A function's lines are those of its body without its docstring, an estimator's those of its class, with all of it.
"""

import ast
import statistics
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LONG_FILE, LONG_FUNCTION = 400, 60


def trees(folder: Path) -> dict[Path, tuple[int, ast.Module]]:
    """File -> its lines and its syntax tree."""
    texts = {path: path.read_text(encoding="utf-8") for path in sorted(folder.rglob("*.py"))}
    return {path: (text.count("\n"), ast.parse(text)) for path, text in texts.items()}


def body_lines(tree: ast.AST) -> Iterator[int]:
    """Lines of every function's body, docstring left out."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            yield (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def parted(path: Path, tree: ast.Module) -> tuple[int, int]:
    """Lines of code and of docstrings; the others are blank or comments."""
    docs: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node) is not None:
            docs |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
    numbered = enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
    code = [number for number, line in numbered if number not in docs and line.strip()[:1] not in ("", "#")]
    return len(code), len(docs)


def sizes(checkout: Path) -> dict[str, str]:
    """What is measured -> its value, for the package in a checkout."""
    package = checkout / "src" / "flambeau"
    files = trees(package)
    lines = {path: count for path, (count, _) in files.items()}
    functions = sorted(number for _, tree in files.values() for number in body_lines(tree))
    room = package / "estimators"
    estimators = {path: count for path, count in lines.items() if room in path.parents}
    public = [node for path in estimators for node in files[path][1].body if is_estimator(node)]
    classes = sorted(((node.end_lineno or 0) - node.lineno + 1, node.name) for node in public)  # type: ignore[attr-defined]
    longest = max(lines, key=lambda path: lines[path])
    code, docs = map(sum, zip(*(parted(path, tree) for path, (_, tree) in files.items()), strict=True))
    tests = sum(count for count, _ in trees(checkout / "tests").values())
    return {
        "source, lines": f"{sum(lines.values()):,}",
        "of them code": f"{code:,}",
        "of them docstrings": f"{docs:,}",
        "source, files": f"{len(lines):,}",
        f"files over {LONG_FILE} lines": f"{sum(count > LONG_FILE for count in lines.values())}",
        "longest file": f"{lines[longest]} ({longest.relative_to(package)})",
        "functions": f"{len(functions):,}",
        "function, median lines": f"{statistics.median(functions):g}",
        "function, longest": f"{functions[-1]}",
        f"functions over {LONG_FUNCTION} lines": f"{sum(number > LONG_FUNCTION for number in functions)}",
        "estimators, lines": f"{sum(estimators.values()):,}",
        "an estimator's class, median lines": f"{statistics.median(c[0] for c in classes):g}" if classes else "none",
        "smallest estimator's class, lines": f"{classes[0][0]} ({classes[0][1]})" if classes else "none",
        "tests, lines": f"{tests:,}",
    }


def is_estimator(node: ast.stmt) -> bool:
    """A public class that can be fitted, by its own bases: no abstract one."""
    if not isinstance(node, ast.ClassDef) or node.name.startswith(("_", "Abstract")):
        return False
    bases = {ast.unparse(base).rpartition(".")[2] for base in node.bases}
    return any(base == "BaseEstimator" or base.startswith("Abstract") for base in bases)


def table(columns: dict[str, dict[str, str]]) -> str:
    """The measurements as a table in Markdown, one column a checkout."""
    names = dict.fromkeys(name for column in columns.values() for name in column)
    rows = [["", *columns], ["---"] * (len(columns) + 1)]
    rows += [[name, *(column.get(name, "") for column in columns.values())] for name in names]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main(arguments: list[str]) -> int:
    """Print the table; 2 if a folder holds no checkout."""
    others = [Path(argument) for argument in arguments]
    for checkout in others:
        if not (checkout / "src" / "flambeau").is_dir():
            sys.stderr.write(f"{checkout}: no checkout of the package (src/flambeau)\n")
            return 2
    columns = {f"{checkout.name} (before)": sizes(checkout) for checkout in others} | {"here": sizes(ROOT)}
    sys.stdout.write(table(columns) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
