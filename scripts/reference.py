"""Write docs/reference.md: every estimator's parameters, from their declarations.

python scripts/reference.py            writes the page
python scripts/reference.py --check    says whether it is in step, by the exit code
"""

import inspect
import sys
from pathlib import Path
from typing import Any

import flambeau as fb
from flambeau.estimators.parameters import Parameter, parameters_of

PAGE = Path(__file__).parents[1] / "docs" / "reference.md"
HEAD = """# Estimators and their parameters

Written by `scripts/reference.py` from the declarations that `fit` and `flambeau train --set` read; a test keeps it in
step. A value that a parameter may not have is refused by `fit`, before any data are looked at. What each parameter does
stands in the estimator's docstring, `help(fb.MLPClassifier)`.
"""


def page() -> str:
    """The whole page."""
    declared = {name: cls for name, cls in fb.estimators.ESTIMATORS.items() if parameters_of(cls)}
    return "\n".join([HEAD, *(section(name, cls) for name, cls in declared.items())])


def section(name: str, cls: type) -> str:
    """One estimator: a sentence, a table, what it leaves behind."""
    sentence = (inspect.getdoc(cls) or "").split("\n\n")[0].replace("\n", " ")
    rows = [f"| `{name}` | {shown(own.default)} | {escaped(own.expected)} |" for name, own in in_order(cls)]
    left = ", ".join(f"`{attribute}`" for attribute in cls.fitted if not attribute.startswith("_"))
    table = ["| parameter | default | may be |", "|---|---|---|", *rows]
    return "\n".join([f"## {name}", "", sentence, "", *table, "", f"`fit` leaves behind: {left}.", ""])


def in_order(cls: type) -> list[tuple[str, Parameter]]:
    """What may be given by position, then a class's own parameters, then those that it inherits."""
    shared = {name for base in cls.__mro__[1:] for name in parameters_of(base)}
    kinds = {name: parameter.kind for name, parameter in inspect.signature(cls).parameters.items()}
    return sorted(parameters_of(cls).items(), key=lambda item: (kinds[item[0]], item[0] in shared))


def shown(value: Any) -> str:
    """A default as one writes it."""
    return escaped(f"`{value!r}`")


def escaped(text: str) -> str:
    """Text in a table's cell."""
    return text.replace("|", "\\|")


def main() -> None:
    """Write, or compare."""
    if "--check" in sys.argv[1:]:
        sys.exit(0 if PAGE.exists() and PAGE.read_text(encoding="utf-8") == page() else f"{PAGE} is out of step")
    PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
