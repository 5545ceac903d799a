"""Older formats, read into the newest: one function per break, and no other code knows that there were any.

A format is broken when a class or a field changes its name or its meaning; a field that is new and has a default, or a
parameter that is new, breaks nothing. Kept files of every format hold these functions to their word (``tests/files``).
"""

from collections.abc import Callable

from flambeau.errors import FileFormatError
from flambeau.foundation.container import REMEDY, Container
from flambeau.saving.format_1 import from_1_to_2

NEWEST = "flambeau model 2"
FORMATS = {"flambeau model 1": False, NEWEST: True}  # name -> whether its files carry a checksum
STEPS: dict[str, Callable[[Container], Container]] = {"flambeau model 1": from_1_to_2}


def migrated(container: Container) -> Container:
    """The same model in the newest format."""
    while container.manifest["format"] != NEWEST:
        try:
            container = STEPS[container.manifest["format"]](container)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            got = f"{type(error).__name__}: {error}"
            raise FileFormatError(container.where, "a model of an earlier release", f"{got:.400}", REMEDY) from None
    return container
