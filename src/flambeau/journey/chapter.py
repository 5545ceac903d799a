"""What a chapter is: a plan that can be run at three sizes, and what running it leaves behind."""

import dataclasses
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, SupportsFloat, TypeVar

from sklearn.exceptions import ConvergenceWarning

from flambeau.report.document import Chapter, Claim, Equation, Figure, Part, Quote, Section, Table

__all__ = [
    "Chapter",
    "Claim",
    "Equation",
    "Figure",
    "Part",
    "Plan",
    "Quote",
    "Section",
    "Setting",
    "Table",
    "Told",
    "as_json",
    "quietly",
    "run_chapter",
    "tell_all",
    "tiny",
    "worded",
]

Size = TypeVar("Size")
Told = tuple[Section, tuple[Claim, ...]]  # one section of the story, with the claims that it settles


@dataclasses.dataclass(frozen=True)
class Setting:
    """How large a chapter is run: quick (the default), ``full``, or ``small`` (for tests); and its random ``seed``."""

    full: bool = False
    seed: int = 0
    small: bool = False

    def pick(self, small: Size, quick: Size, full: Size) -> Size:
        """The value for this size.

        >>> Setting().pick(2, 20, 200)
        20
        """
        return full if self.full else small if self.small else quick

    def seeds(self, small: int, quick: int, full: int) -> range:
        """That many seeds, following on from this setting's own."""
        return range(self.seed, self.seed + self.pick(small, quick, full))


@dataclasses.dataclass(frozen=True)
class Plan:
    """A chapter before it is run: its name, title, the lecture's sentence, and its sections as functions."""

    name: str
    title: str
    lecture: Quote
    sections: tuple[Callable[[Setting], Told], ...]


def run_chapter(plan: Plan, setting: Setting) -> Chapter:
    """Measure everything that the plan claims, and time it."""
    started = time.perf_counter()
    told = tell_all(plan.sections, setting)
    story = tuple(section for section, _ in told)
    claims = tuple(claim for _, settled in told for claim in settled)
    return Chapter(plan.name, plan.title, plan.lecture, story, claims, time.perf_counter() - started)


def tell_all(sections: Sequence[Callable[[Setting], Told]], setting: Setting) -> list[Told]:
    """Every section, in order."""
    return [section(setting) for section in sections]


def as_json(chapters: Sequence[Chapter]) -> dict[str, Any]:
    """The chapters as the command line prints them.

    >>> as_json([])
    {'chapters': []}
    """
    fields = ("claim", "expected", "measured", "holds")
    return {
        "chapters": [
            {
                "name": chapter.name,
                "seconds": round(chapter.seconds, 3),
                "claims": [{field: getattr(claim, field) for field in fields} for claim in chapter.claims],
            }
            for chapter in chapters
        ]
    }


def worded(value: SupportsFloat, form: str = "g") -> str:
    """A number with a true minus sign, and no minus before zero.

    >>> worded(-0.5, "+.1f"), worded(-1e-12, ".3f")
    ('−0.5', '0.000')
    """
    text = format(float(value), form)
    return text.lstrip("-") if float(text) == 0 else text.replace("-", "−")


def tiny(value: float) -> str:
    """A difference by its leading digit and its power of ten.

    >>> tiny(3.2e-7), tiny(0.0)
    ('3·10⁻⁷', '0')
    """
    if value == 0:
        return "0"
    digit, power = f"{value:.0e}".split("e")
    return f"{digit}·10{raised(int(power))}"


def raised(power: int) -> str:
    """A whole number in superscript."""
    return str(power).translate(str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹"))


@contextmanager
def quietly() -> Iterator[None]:
    """Where a run is meant to end before it has converged, its warning would only alarm."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield
