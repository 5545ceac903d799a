"""What a report is made of: plain values, from one claim up to the whole page.

Text fields of a story may hold a little markup, see :mod:`flambeau.report.markup`; claims are plain text, because the
command line prints them too.
"""

import collections
import dataclasses
from collections.abc import Iterable
from typing import TypeAlias

# What can come out of a claim: proved or enumerated; with n and an interval; false as it stands, with the correction
# beside it; the run too small; and what no page should show, false where it was to be true.
VERDICTS = ("exact", "measured", "corrected", "not decided here", "does not hold")


@dataclasses.dataclass(frozen=True)
class Claim:
    """One sentence, put to the test.

    ``claim`` is the sentence, ``expected`` what should be seen if it is true, ``measured`` what was seen, ``verdict``
    one of :data:`VERDICTS`; ``note`` is the correction, or what would decide it; ``lecture`` says whose sentence it is
    (the lecture's, or ours, beyond it); ``broken_by`` names the mutant under which the verdict turns.

    >>> Claim("a sigmoid's slope is at most 1/4", "0.25", "0.25", "exact").holds
    True
    """

    claim: str
    expected: str
    measured: str
    verdict: str
    note: str = ""
    lecture: bool = True
    broken_by: str = ""

    @property
    def holds(self) -> bool:
        """Whether the sentence stands as it is."""
        return self.verdict in ("exact", "measured")


def tally_of(claims: Iterable[Claim]) -> str:
    """How many of each verdict: "9 exact, 3 measured, 1 corrected"."""
    counts = collections.Counter(claim.verdict for claim in claims)
    return ", ".join(f"{counts[verdict]} {verdict}" for verdict in VERDICTS if counts[verdict])


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
    def tally(self) -> str:
        """For instance "9 exact, 3 measured, 1 corrected"."""
        return tally_of(self.claims)


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
    def claims(self) -> tuple[Claim, ...]:
        """Of all chapters."""
        return tuple(claim for chapter in self.chapters for claim in chapter.claims)

    @property
    def tally(self) -> str:
        """For instance "120 claims, 80 of them the lecture's: 90 exact, 20 measured, 10 corrected"."""
        own = sum(claim.lecture for claim in self.claims)
        return f"{len(self.claims)} claims, {own} of them the lecture's: {tally_of(self.claims)}"

    @property
    def seconds(self) -> float:
        """The chapters' times, added up."""
        return sum(chapter.seconds for chapter in self.chapters)
