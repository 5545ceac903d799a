"""Words with numbers in them: templates, so that a text can be translated, and numbers as people write them."""

import re
from collections.abc import Iterable
from typing import Any, SupportsFloat

import numpy as np

PLACE = re.compile(r"\{([A-Za-z]\w*)(?::([^{}]*))?\}")


def filled(template: str, **values: Any) -> str:
    """The template with its named values; other braces (of formulas) stay.

    >>> filled("{share:.0%} of $w_{ij}$, {off:+.1f}", share=0.5, off=-0.25)
    '50% of $w_{ij}$, −0.2'

    Raises ``KeyError`` where a value is given that the template does not name: a slip of the pen.
    """
    used = set()

    def put(match: re.Match[str]) -> str:
        name, form = match.groups()
        if name not in values:
            return match[0]
        used.add(name)
        return written(values[name], form)

    text = PLACE.sub(put, template)
    if unused := set(values) - used:
        raise KeyError(f"{', '.join(sorted(unused))} not in {template!r}")
    return text


def written(value: Any, form: str | None) -> str:
    """One value: words as they are, numbers with a true minus sign, several with commas between."""
    if isinstance(value, str | bool | np.bool_):
        return value if isinstance(value, str) else "yes" if value else "no"
    if isinstance(value, Iterable):
        return ", ".join(written(each, form) for each in value)
    return tiny(float(value)) if form == "tiny" else worded(value, form or ("d" if _is_whole(value) else "g"))


def _is_whole(value: Any) -> bool:
    """Whether it counts."""
    return isinstance(value, int | np.integer)


def worded(value: SupportsFloat, form: str = "g") -> str:
    """A number with a true minus sign, and no minus before zero.

    >>> worded(-0.5, "+.1f"), worded(-1e-12, ".3f")
    ('−0.5', '0.000')
    """
    text = format(value if _is_whole(value) else float(value), form)
    digits = text.strip("%+-,.0 ")
    return (text.lstrip("-") if not digits else text).replace("-", "−")


def tiny(value: float) -> str:
    """A difference by its leading digit and its power of ten.

    >>> tiny(3.2e-7), tiny(0.0)
    ('3·10⁻⁷', '0')
    """
    if value == 0:
        return "0"
    digit, power = f"{value:.0e}".split("e")
    return f"{digit.replace('-', '−')}·10{raised(int(power))}"


def raised(power: int) -> str:
    """A whole number in superscript."""
    return str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))
