"""How a chapter is run: how large, from which seed, with what broken."""

import dataclasses
from typing import TypeVar

Size = TypeVar("Size")


@dataclasses.dataclass(frozen=True)
class Setting:
    """How large a chapter is run: quick (the default), ``full``, or ``small`` (for tests); and its random ``seed``.

    ``broken`` names a mutant, a small change under which one claim must lose its verdict; without ``pictures`` only the
    measurements are made.
    """

    full: bool = False
    seed: int = 0
    small: bool = False
    broken: str = ""
    pictures: bool = True

    def pick(self, small: Size, quick: Size, full: Size) -> Size:
        """The value for this size.

        >>> Setting().pick(2, 20, 200)
        20
        """
        return full if self.full else small if self.small else quick

    def seeds(self, small: int, quick: int, full: int) -> range:
        """That many seeds, apart from those of every other setting's seed.

        >>> Setting(seed=2).seeds(2, 3, 4)
        range(2000, 2003)
        """
        return range(1000 * self.seed, 1000 * self.seed + self.pick(small, quick, full))
