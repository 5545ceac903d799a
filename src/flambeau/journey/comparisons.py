"""What a claim is judged by: one comparison, from which its words and its verdict both come.

Here numbers are compared as they are, since they were worked out or counted for every case there is; what was drawn is
the matter of :mod:`flambeau.journey.samples`.
"""

import abc
import dataclasses
import re
from collections.abc import Sequence
from typing import Any, ClassVar, TypeAlias

import numpy as np

from flambeau.journey.wording import filled

__all__ = ["Above", "All", "Below", "Equal", "Falling", "Near", "Rising"]

Numbers: TypeAlias = Sequence[float] | np.ndarray

NUMBER = re.compile(r"\{found[^{}]*\}%?")


def number_in(told: str) -> str:
    """The number of a template by itself, with its percent sign.

    >>> number_in("right on {found:.1f}% of 500 unseen")
    '{found:.1f}%'
    """
    return NUMBER.search(told)[0]  # type: ignore[index]


@dataclasses.dataclass(frozen=True)
class AbstractComparison(abc.ABC):
    """What was found beside what was expected.

    ``told`` is how one number is told, a template with ``{found}``; the expected one is told in the same way.
    """

    @property
    def exact(self) -> bool:
        """Whether nothing was drawn: it was worked out, or looked at for every case there is."""
        return True

    @property
    @abc.abstractmethod
    def holds(self) -> bool | None:
        """Whether what was found is as expected; None if the run was too small to say."""

    @property
    @abc.abstractmethod
    def expected(self) -> str:
        """What should be seen if the claim is true."""

    @property
    @abc.abstractmethod
    def measured(self) -> str:
        """What was seen."""


@dataclasses.dataclass(frozen=True)
class Equal(AbstractComparison):
    """The very same: numbers that were counted, tuples of them, or words.

    >>> seen = Equal(14, 14, "{found} of 16")
    >>> seen.expected, seen.measured, seen.holds
    ('14 of 16', '14 of 16', True)
    """

    found: Any
    wanted: Any
    told: str = "{found}"

    @property
    def holds(self) -> bool:
        """Whether both are equal."""
        return bool(np.array_equal(self.found, self.wanted))

    @property
    def expected(self) -> str:
        """As what was found is told."""
        return filled(self.told, found=self.wanted)

    @property
    def measured(self) -> str:
        """As it is."""
        return filled(self.told, found=self.found)


@dataclasses.dataclass(frozen=True)
class AbstractBound(AbstractComparison):
    """One number on the right side of a bound; ``drawn`` says how much chance is in it."""

    found: float
    bound: float
    told: str = "{found:.3g}"
    drawn: str = ""
    word: ClassVar[str]

    @property
    def exact(self) -> bool:
        """Unless it says how much was drawn."""
        return not self.drawn

    @property
    def expected(self) -> str:
        """The bound."""
        return f"{self.word} {filled(number_in(self.told), found=self.bound)}"

    @property
    def measured(self) -> str:
        """What was found, and from how much."""
        return filled(self.told, found=self.found) + (self.drawn and f" ({self.drawn})")


@dataclasses.dataclass(frozen=True)
class Above(AbstractBound):
    """Larger than a bound.

    >>> Above(1.2, 1.0, "{found:.1f} nats").expected
    'above 1.0'
    """

    word: ClassVar[str] = "above"

    @property
    def holds(self) -> bool:
        """Whether it is larger."""
        return bool(self.found > self.bound)


@dataclasses.dataclass(frozen=True)
class Below(AbstractBound):
    """Smaller than a bound; differences are told by their power of ten.

    >>> Below(3e-7, 1e-6).expected, Below(3e-7, 1e-6).holds
    ('below 1·10⁻⁶', True)
    """

    told: str = "{found:tiny}"
    word: ClassVar[str] = "below"

    @property
    def holds(self) -> bool:
        """Whether it is smaller."""
        return bool(self.found < self.bound)


@dataclasses.dataclass(frozen=True)
class Near(AbstractComparison):
    """Within a distance of what a theory says.

    >>> Near(0.232, 0.236, 0.01, "{found:.3f}").expected
    '0.236 ± 0.010'
    """

    found: float
    wanted: float
    within: float
    told: str = "{found:.3g}"
    drawn: str = ""

    @property
    def exact(self) -> bool:
        """Unless it says how much was drawn."""
        return not self.drawn

    @property
    def holds(self) -> bool:
        """Whether it lies there."""
        return bool(abs(self.found - self.wanted) <= self.within)

    @property
    def expected(self) -> str:
        """The theory, and how far from it is near."""
        number = number_in(self.told)
        return f"{filled(number, found=self.wanted)} ± {filled(number, found=self.within)}"

    @property
    def measured(self) -> str:
        """What was found, and from how much."""
        return filled(self.told, found=self.found) + (self.drawn and f" ({self.drawn})")


@dataclasses.dataclass(frozen=True)
class AbstractOrder(AbstractComparison):
    """Numbers that go one way; up to ``slack`` the other way, where it is given."""

    found: Numbers
    told: str = "{found:.3g}"
    slack: float | None = None
    among: str = ""
    sign: ClassVar[int]
    word: ClassVar[str]

    @property
    def holds(self) -> bool:
        """Whether each step goes that way."""
        steps = self.sign * np.diff(np.asarray(self.found, float))
        return bool((steps > 0).all() if self.slack is None else (steps >= -self.slack).all())

    @property
    def expected(self) -> str:
        """In words."""
        return f"each {self.word} than the one before"

    @property
    def measured(self) -> str:
        """All of them."""
        return ", ".join(filled(self.told, found=each) for each in self.found) + (self.among and f" {self.among}")


@dataclasses.dataclass(frozen=True)
class Falling(AbstractOrder):
    """Every number smaller than the one before it.

    >>> Falling([3, 2, 1], "{found:d}").measured
    '3, 2, 1'
    """

    sign: ClassVar[int] = -1
    word: ClassVar[str] = "less"


@dataclasses.dataclass(frozen=True)
class Rising(AbstractOrder):
    """Every number larger than the one before it."""

    sign: ClassVar[int] = 1
    word: ClassVar[str] = "more"


@dataclasses.dataclass(frozen=True)
class All(AbstractComparison):
    """Several at once: it holds where all hold, and is open where one of them is and none fails."""

    parts: tuple[AbstractComparison, ...]

    def __init__(self, *parts: AbstractComparison) -> None:
        object.__setattr__(self, "parts", parts)

    @property
    def exact(self) -> bool:
        """Whether nothing was drawn."""
        return all(part.exact for part in self.parts)

    @property
    def holds(self) -> bool | None:
        """The least certain of all."""
        each = [part.holds for part in self.parts]
        return False if False in each else None if None in each else True

    @property
    def expected(self) -> str:
        """All of them."""
        return "; ".join(part.expected for part in self.parts)

    @property
    def measured(self) -> str:
        """All of them."""
        return "; ".join(part.measured for part in self.parts)
