"""The journey's page: the chapters that were run, with an opening and a note on how it was made."""

import platform
from collections.abc import Sequence
from importlib.metadata import version

from flambeau.journey.setting import Setting
from flambeau.report.document import Chapter, Making, Quote, Report

# As the lecture has it; after Plutarch, On listening.
MOTTO = Quote("", "The brain is not a container needs to be filled with knowledge, but a torch needs to be lighted.")
INTRODUCTION = (
    "This page follows a lecture on neural networks, from one neuron onwards, and puts its sentences to the test by "
    "running the network that they speak of. Each claim has one of four verdicts. *Exact*: proved, or looked at for "
    "every case there is. *Measured*: on chance that was drawn often enough, with the number of draws and a 95% "
    "interval. *Corrected*: the lecture's sentence does not hold as it stands, and the correction stands beside it. "
    "*Not decided here*: the run was too small, and it says what would decide it. What goes beyond the lecture is "
    "marked.",
    "And each claim can be broken: the command beside it makes one small change, a formula spoilt or a condition "
    "removed, under which the verdict must turn.",
)
PACKAGES = ("flambeau", "jax", "equinox", "optax", "numpy", "scikit-learn", "matplotlib")


def page_of(chapters: Sequence[Chapter], setting: Setting) -> Report:
    """Everything that the page shows."""
    versions = (("Python", platform.python_version()), *((name, version(name)) for name in PACKAGES))
    making = Making(setting.seed, setting.full, versions)
    return Report("A lecture on neural networks, measured", MOTTO, INTRODUCTION, tuple(chapters), making)
