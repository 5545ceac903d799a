"""A section while it is told: what is said, shown and claimed, in the order in which the page shows it."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from matplotlib.axes import Axes

from flambeau.journey.comparisons import AbstractComparison
from flambeau.journey.setting import Setting
from flambeau.journey.wording import filled
from flambeau.pictures.figures import picture
from flambeau.report.document import Claim, Equation, Figure, Part, Section, Table

Value = TypeVar("Value")

__all__ = ["SectionPlan", "Telling", "section"]


class Telling:
    """What a section's function is given: the setting, and a page to write on.

    Texts are templates: ``say("{share:.0%} came back", share=share)``.

    >>> page = Telling(Setting())
    >>> page.say("{count} of 16", count=14)
    >>> page.parts
    ['14 of 16']
    """

    def __init__(self, setting: Setting) -> None:
        self.setting, self.parts, self.claims = setting, list[Part](), list[Claim]()
        self.mutants: list[str] = []

    def say(self, text: str, **values: Any) -> None:
        """A paragraph."""
        self.parts.append(filled(text, **values))

    def equation(self, text: str, gloss: str = "") -> None:
        """A displayed equation and what it says."""
        self.parts.append(Equation(text, gloss))

    def table(self, title: str, header: Sequence[str], rows: Sequence[Sequence[str]], **values: Any) -> None:
        """A small table; the first column names the row."""
        self.parts.append(Table(filled(title, **values), tuple(header), tuple(map(tuple, rows))))

    def figure(
        self,
        title: str,
        caption: str,
        draw: Callable[[list[Axes]], None],
        alt: str,
        grid: tuple[int, int] = (1, 1),
        height: float = 3.0,
        options: dict[str, Any] | None = None,
        **values: Any,
    ) -> None:
        """A picture that ``draw`` makes on ``grid`` panels; the values are those of title, caption and ``alt``."""
        self.shown(title, caption, lambda: picture(draw, *grid, height, **(options or {})), alt, **values)

    def shown(self, title: str, caption: str, make: Callable[[], bytes], alt: str, **values: Any) -> None:
        """A picture that is ready when ``make`` is called, which is left out where nobody looks."""
        texts = [filled(text, **_named(text, values)) for text in (title, caption, alt)]
        if self.setting.pictures:
            self.parts.append(Figure(texts[0], texts[1], make(), texts[2]))

    def either(self, mutant: str, as_it_is: Value, broken: Value) -> Value:
        """What is used, and a small change that breaks a claim: ``broken`` where this mutant is asked for."""
        self.mutants.append(mutant)
        return broken if self.setting.broken == mutant else as_it_is

    def claim(
        self,
        sentence: str,
        comparison: AbstractComparison,
        breaks: str,
        *,
        correction: str = "",
        decides: str = "",
        lecture: bool = True,
        **values: Any,
    ) -> None:
        """A sentence of the lecture, put to the test.

        ``breaks``, the mutant under which the verdict must turn; ``correction``, said where the sentence does not hold
        as it stands; ``decides``, said where the run was too small: what would decide it.
        """
        if breaks not in self.mutants:
            raise ValueError(f"{sentence!r}: no `either` of the section is called {breaks!r}")
        verdict = verdict_of(comparison, correction)
        note = {"corrected": correction, "not decided here": decides or "More starts would decide it."}.get(verdict, "")
        words = filled(sentence, **_named(sentence, values)), comparison.expected, comparison.measured
        self.claims.append(Claim(*words, verdict, filled(note, **_named(note, values)), lecture, breaks))

    def beyond(self, sentence: str, comparison: AbstractComparison, breaks: str, **given: Any) -> None:
        """A claim of ours: what the lecture does not say, and what belongs beside it."""
        self.claim(sentence, comparison, breaks, lecture=False, **given)


def verdict_of(comparison: AbstractComparison, correction: str) -> str:
    """One of :data:`flambeau.report.document.VERDICTS`."""
    if comparison.holds is None:
        return "not decided here"
    if comparison.holds:
        return "exact" if comparison.exact else "measured"
    return "corrected" if correction else "does not hold"


def _named(text: str, values: dict[str, Any]) -> dict[str, Any]:
    """Those of the values that the text names: several texts share one set."""
    return {name: value for name, value in values.items() if "{" + name in text}


@dataclasses.dataclass(frozen=True)
class SectionPlan:
    """A section before it is run: its heading and the function that tells it."""

    heading: str
    tell: Callable[[Telling], None]

    def run(self, setting: Setting) -> tuple[Section, tuple[Claim, ...]]:
        """Measure and tell."""
        page = Telling(setting)
        self.tell(page)
        return Section(self.heading, tuple(page.parts)), tuple(page.claims)


def section(heading: str) -> Callable[[Callable[[Telling], None]], SectionPlan]:
    """Makes a function that tells a section a part of a plan."""
    return lambda tell: SectionPlan(heading, tell)
