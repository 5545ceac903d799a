"""Comparisons of what was drawn: how many there were, and a 95% interval, which decides.

Where the interval holds the border, the verdict is open (``holds`` is None).
"""

import abc
import dataclasses
import math
from typing import ClassVar

import numpy as np
from scipy.stats import t as student

from flambeau.journey.comparisons import AbstractComparison, Numbers, number_in
from flambeau.journey.wording import filled

__all__ = ["Consistent", "Gain", "MeanAbove", "MeanBelow", "MeanNear", "ShareAbove", "ShareBelow"]

CERTAIN = 0.95


class AbstractSample(AbstractComparison):
    """A comparison of numbers that were drawn: the interval decides."""

    @property
    def exact(self) -> bool:
        """It was drawn."""
        return False

    @property
    @abc.abstractmethod
    def interval(self) -> tuple[float, float]:
        """Where, with a certainty of 95%, the true number lies."""


def mean_interval(values: Numbers) -> tuple[float, float]:
    """Student's interval for the mean of independent draws; all numbers for fewer than two."""
    x = np.asarray(values, float)
    if len(x) < 2:
        return -math.inf, math.inf
    half = float(student.ppf((1 + CERTAIN) / 2, len(x) - 1) * x.std(ddof=1) / math.sqrt(len(x)))
    return float(x.mean()) - half, float(x.mean()) + half


def share_interval(count: int, of: int) -> tuple[float, float]:
    """Wilson's interval for a share.

    >>> [round(end, 3) for end in share_interval(10, 10)]
    [0.722, 1.0]
    """
    z = 1.959964
    middle = (count + z * z / 2) / (of + z * z)
    half = z * math.sqrt(count * (of - count) / of + z * z / 4) / (of + z * z)
    return max(0.0, middle - half), min(1.0, middle + half)


def decided(interval: tuple[float, float], low: float, high: float) -> bool | None:
    """Whether an interval lies between two borders (True), outside (False), or across one (None)."""
    if interval[0] > low and interval[1] < high:
        return True
    return False if interval[1] <= low or interval[0] >= high else None


@dataclasses.dataclass(frozen=True)
class AbstractMean(AbstractSample):
    """The mean of what was drawn, on the right side of a bound."""

    values: Numbers
    bound: float
    told: str = "{found:.3g}"
    word: ClassVar[str]

    @property
    def interval(self) -> tuple[float, float]:
        """Student's."""
        return mean_interval(self.values)

    @property
    def expected(self) -> str:
        """The bound."""
        return f"{self.word} {filled(number_in(self.told), found=self.bound)}"

    @property
    def measured(self) -> str:
        """The mean, its interval and how many draws."""
        return told_mean(self.values, self.told)


@dataclasses.dataclass(frozen=True)
class MeanAbove(AbstractMean):
    """The mean of what was drawn, above a bound.

    >>> MeanAbove([2.0, 2.2, 1.9, 2.1], 1.0, "{found:.1f} points").measured
    '2.0 points [1.8, 2.3], n = 4'
    >>> MeanAbove([0.0, 2.0], 1.0).holds
    """

    word: ClassVar[str] = "above"

    @property
    def holds(self) -> bool | None:
        """By the interval."""
        return decided(self.interval, self.bound, math.inf)


@dataclasses.dataclass(frozen=True)
class MeanBelow(AbstractMean):
    """The mean of what was drawn, below a bound."""

    word: ClassVar[str] = "below"

    @property
    def holds(self) -> bool | None:
        """By the interval."""
        return decided(self.interval, -math.inf, self.bound)


def told_mean(values: Numbers, told: str) -> str:
    """A mean with its interval and number of draws, in the words of the template."""
    text = filled(told, found=float(np.mean(values)))
    low, high = (filled(number_in(told), found=end) for end in mean_interval(values))
    return f"{text} [{low}, {high}], n = {len(values)}"


@dataclasses.dataclass(frozen=True)
class MeanNear(AbstractSample):
    """The mean of what was drawn, near what a theory says."""

    values: Numbers
    wanted: float
    within: float
    told: str = "{found:.3g}"

    @property
    def interval(self) -> tuple[float, float]:
        """Student's."""
        return mean_interval(self.values)

    @property
    def holds(self) -> bool | None:
        """By the interval."""
        return decided(self.interval, self.wanted - self.within, self.wanted + self.within)

    @property
    def expected(self) -> str:
        """The theory, and how far from it is near."""
        number = number_in(self.told)
        return f"{filled(number, found=self.wanted)} ± {filled(number, found=self.within)}"

    @property
    def measured(self) -> str:
        """The mean, its interval and how many draws."""
        return told_mean(self.values, self.told)


@dataclasses.dataclass(frozen=True)
class Gain(AbstractSample):
    """How much more the second of each pair is than the first, on average: more than ``by``.

    >>> Gain([1.0, 2.0, 3.0], [2.0, 3.1, 3.9], told="{found:.1f}").measured
    '+1.0 [0.8, 1.2], n = 3: 2.0 to 3.0'
    """

    before: Numbers
    after: Numbers
    by: float = 0.0
    told: str = "{found:.3g}"

    @property
    def difference(self) -> np.ndarray:
        """Pair by pair: both had the same luck."""
        return np.asarray(self.after, float) - np.asarray(self.before, float)

    @property
    def interval(self) -> tuple[float, float]:
        """Student's, of the difference."""
        return mean_interval(self.difference)

    @property
    def holds(self) -> bool | None:
        """Whether the interval lies above ``by``."""
        return decided(self.interval, self.by, math.inf)

    @property
    def expected(self) -> str:
        """How much more."""
        return "more" if self.by == 0 else f"more by {filled(number_in(self.told), found=self.by)}"

    @property
    def measured(self) -> str:
        """The difference with its interval, and both means."""
        ends = (filled(number_in(self.told), found=float(np.mean(each))) for each in (self.before, self.after))
        sign = "+" if float(self.difference.mean()) > 0 else ""
        return f"{sign}{told_mean(self.difference, self.told)}: {' to '.join(ends)}"


@dataclasses.dataclass(frozen=True)
class AbstractShare(AbstractSample):
    """So many of so many that were drawn."""

    count: int
    of: int
    bound: float
    what: str = ""
    word: ClassVar[str]

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's."""
        return share_interval(self.count, self.of)

    @property
    def expected(self) -> str:
        """The bound."""
        return f"{self.word} {self.bound:.0%}"

    @property
    def measured(self) -> str:
        """The count, and the share with its interval."""
        low, high = self.interval
        of = filled("{count:,} of {of:,}", count=self.count, of=self.of) + (self.what and f" {self.what}")
        return f"{of}, {self.count / self.of:.0%} [{low:.0%}, {high:.0%}]"


@dataclasses.dataclass(frozen=True)
class ShareAbove(AbstractShare):
    """A share above a bound.

    >>> ShareAbove(48, 50, 0.5, "starts").measured
    '48 of 50 starts, 96% [87%, 99%]'
    """

    word: ClassVar[str] = "above"

    @property
    def holds(self) -> bool | None:
        """By the interval."""
        return decided(self.interval, self.bound, math.inf)


@dataclasses.dataclass(frozen=True)
class ShareBelow(AbstractShare):
    """A share below a bound."""

    word: ClassVar[str] = "below"

    @property
    def holds(self) -> bool | None:
        """By the interval."""
        return decided(self.interval, -math.inf, self.bound)


@dataclasses.dataclass(frozen=True)
class Consistent(AbstractComparison):
    """Counts that a test does not tell from what was expected: a chi-square p above one in a thousand.

    >>> Consistent(0.3, "16 states").measured
    'chi-square p = 0.300, 16 states'
    """

    p: float
    of: str = ""
    least: float = 0.001

    @property
    def exact(self) -> bool:
        """It was drawn."""
        return False

    @property
    def holds(self) -> bool:
        """Whether chance alone would do it."""
        return bool(self.p > self.least)

    @property
    def expected(self) -> str:
        """The bound."""
        return f"chi-square p above {self.least:g}"

    @property
    def measured(self) -> str:
        """The probability of such counts or rarer ones."""
        return f"chi-square p = {self.p:.3f}" + (self.of and f", {self.of}")
