"""The journey: one runnable chapter for each part of the lecture, in its order.

A chapter measures what the lecture claims and tells the story with figures; it uses Flambeau's public names only, so
each of its files is also an example to start from. ``flambeau journey`` runs them all and writes one page.

A section is a function that is given a :class:`Telling`, on which it says, shows and claims in the page's order. A
claim is a sentence with a comparison (:mod:`flambeau.journey.comparisons`), from which words and verdict come, and the
name of a mutant, a small change under which the verdict turns: ``flambeau journey --chapter NAME --break MUTANT``.

>>> [plan.name for plan in CHAPTERS]
['neuron', 'perceptron', 'backpropagation', 'depth_and_width', 'convolution', 'why_depth_fails',
 'restricted_boltzmann_machine', 'deep_belief', 'stability', 'hopfield_memory']
"""

from collections.abc import Sequence

from flambeau.errors import ConfigurationError
from flambeau.journey import (
    backpropagation,
    convolution,
    deep_belief,
    depth_and_width,
    hopfield_memory,
    neuron,
    perceptron,
    restricted_boltzmann_machine,
    stability,
    why_depth_fails,
)
from flambeau.journey.chapter import Plan, as_json, run_chapter
from flambeau.journey.setting import Setting
from flambeau.journey.telling import SectionPlan, Telling, section
from flambeau.report.document import Chapter, Claim, Figure

__all__ = ["CHAPTERS", "Chapter", "Claim", "Figure", "Plan", "SectionPlan", "Setting", "Telling", "as_json",
           "run_chapter", "section"]  # fmt: skip

CHAPTERS: tuple[Plan, ...] = (
    neuron.PLAN,
    perceptron.PLAN,
    backpropagation.PLAN,
    depth_and_width.PLAN,
    convolution.PLAN,
    why_depth_fails.PLAN,
    restricted_boltzmann_machine.PLAN,
    deep_belief.PLAN,
    stability.PLAN,
    hopfield_memory.PLAN,
)


def chosen_chapters(names: Sequence[str]) -> tuple[Plan, ...]:
    """The chapters of these names, in the lecture's order; all of them for no names.

    Raises :class:`~flambeau.errors.ConfigurationError` for an unknown name.
    """
    known = [plan.name for plan in CHAPTERS]
    for name in names:
        if name not in known:
            raise ConfigurationError("journey --chapter", f"one of {', '.join(known)}", repr(name), "choose one")
    return tuple(plan for plan in CHAPTERS if not names or plan.name in names)
