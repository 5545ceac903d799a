"""What a report is made of: plain values, from one claim up to the whole page.

Text fields of a story may hold a little markup, see :mod:`flambeau.report.markup`; claims are plain text, because the
command line prints them too.
"""

import dataclasses
from typing import TypeAlias


@dataclasses.dataclass(frozen=True)
class Claim:
    """One sentence of the lecture, put to the test.

    ``claim`` is what the lecture says, ``expected`` what should be seen if it is true, ``measured`` what was seen, and
    ``holds`` the verdict; ``note`` says in a sentence why a claim fails, or what the verdict leaves open.

    >>> Claim("a sigmoid's slope is at most 1/4", "0.25", "0.25", True).holds
    True
    """

    claim: str
    expected: str
    measured: str
    holds: bool
    note: str = ""


@dataclasses.dataclass(frozen=True)
class Quote:
    """The lecture's own words, and what they mean in English."""

    chinese: str
    english: str


@dataclasses.dataclass(frozen=True)
class Equation:
    """A displayed equation and, beside it, what it says."""

    text: str
    gloss: str = ""


@dataclasses.dataclass(frozen=True)
class Figure:
    """A picture: ``png`` bytes at twice the page's resolution; ``alt`` tells it to those who cannot see it."""

    title: str
    caption: str
    png: bytes = dataclasses.field(repr=False)
    alt: str = ""


@dataclasses.dataclass(frozen=True)
class Table:
    """A small table; the first column names the row."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


Part: TypeAlias = str | Equation | Figure | Table  # a string is a paragraph


@dataclasses.dataclass(frozen=True)
class Section:
    """A heading and its parts, in reading order."""

    heading: str
    parts: tuple[Part, ...]


@dataclasses.dataclass(frozen=True)
class Chapter:
    """A chapter that has been run: the lecture's words, the story with its figures, the claims, the time it took."""

    name: str
    title: str
    lecture: Quote
    story: tuple[Section, ...]
    claims: tuple[Claim, ...]
    seconds: float

    @property
    def holding(self) -> int:
        """How many claims hold."""
        return sum(claim.holds for claim in self.claims)

    @property
    def tally(self) -> str:
        """For instance "7 of 8 claims hold"."""
        return f"{self.holding} of {len(self.claims)} claims hold"


@dataclasses.dataclass(frozen=True)
class Making:
    """How a report was made: the random seed, whether at full size, and the versions of what it rests on."""

    seed: int
    full: bool
    versions: tuple[tuple[str, str], ...]


@dataclasses.dataclass(frozen=True)
class Report:
    """A whole page."""

    title: str
    motto: Quote
    introduction: tuple[str, ...]
    chapters: tuple[Chapter, ...]
    making: Making

    @property
    def tally(self) -> str:
        """For instance "28 of 30 claims hold"."""
        total = sum(len(chapter.claims) for chapter in self.chapters)
        return f"{sum(chapter.holding for chapter in self.chapters)} of {total} claims hold"

    @property
    def seconds(self) -> float:
        """The chapters' times, added up."""
        return sum(chapter.seconds for chapter in self.chapters)
