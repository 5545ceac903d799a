"""The journey's page: the chapters that were run, with an opening and a note on how it was made."""

import platform
from collections.abc import Sequence
from importlib.metadata import version

from flambeau.journey.chapter import Chapter, Setting
from flambeau.report.document import Making, Quote, Report

MOTTO = Quote("", "The brain is not a container that needs to be filled with knowledge, but a torch to be lit.")
INTRODUCTION = (
    "This page follows a lecture on neural networks, from one neuron onwards. Every sentence of the lecture that can "
    "be put to the test is put to the test here, by running the network it speaks of and measuring. Where a sentence "
    "holds, you see how well; where it needs a correction, you see why. Nothing on this page was drawn beforehand.",
)
PACKAGES = ("flambeau", "jax", "equinox", "optax", "numpy", "scikit-learn", "matplotlib")


def page_of(chapters: Sequence[Chapter], setting: Setting) -> Report:
    """Everything that the page shows."""
    versions = (("Python", platform.python_version()), *((name, version(name)) for name in PACKAGES))
    making = Making(setting.seed, setting.full, versions)
    return Report("A lecture on neural networks, measured", MOTTO, INTRODUCTION, tuple(chapters), making)
