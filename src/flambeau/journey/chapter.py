"""What a chapter is: a plan that can be run at three sizes, and what running it leaves behind."""

import dataclasses
import time
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from flambeau.journey.setting import Setting
from flambeau.journey.telling import SectionPlan, Telling, section
from flambeau.journey.wording import tiny, worded
from flambeau.report.document import Chapter, Quote

__all__ = ["Plan", "Quote", "SectionPlan", "Setting", "Telling", "as_json", "quietly", "run_chapter", "section", "tiny",
           "worded"]  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Plan:
    """A chapter before it is run: its name, title, the lecture's sentence, and its sections."""

    name: str
    title: str
    lecture: Quote
    sections: tuple[SectionPlan, ...]


def run_chapter(plan: Plan, setting: Setting) -> Chapter:
    """Measure everything that the plan claims, and time it."""
    started = time.perf_counter()
    told = [part.run(setting) for part in plan.sections]
    story = tuple(each for each, _ in told)
    claims = tuple(claim for _, settled in told for claim in settled)
    return Chapter(plan.name, plan.title, plan.lecture, story, claims, time.perf_counter() - started)


def as_json(chapters: Sequence[Chapter]) -> dict[str, Any]:
    """The chapters as the command line prints them.

    >>> as_json([])
    {'chapters': []}
    """
    return {
        "chapters": [
            {
                "name": chapter.name,
                "seconds": round(chapter.seconds, 3),
                "claims": [dataclasses.asdict(claim) for claim in chapter.claims],
            }
            for chapter in chapters
        ]
    }


@contextmanager
def quietly() -> Iterator[None]:
    """Where a run is meant to end before it has converged, its warning would only alarm."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        yield
