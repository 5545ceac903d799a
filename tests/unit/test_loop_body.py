"""The compiled step of every family stays as short as it was: a CPU is charged for every instruction of the loop.

The numbers in ``loop_body.json`` are those of the suite's own compiler flags, for the releases of XLA named there. To
record them anew, run this file with ``RECORD=1`` in the environment.
"""

import json
import os
from pathlib import Path

import jaxlib
import pytest

from loop_body import families, step_instructions

RECORD = Path(__file__).parents[1] / "loop_body.json"
KNOWN = json.loads(RECORD.read_text(encoding="utf-8")) if RECORD.exists() else {}
RELEASE = ".".join(jaxlib.__version__.split(".")[:2])
FAMILIES = families()


@pytest.mark.parametrize("name", FAMILIES)
def test_a_step_has_no_more_instructions_than_recorded(name):
    network, rule, problem, settings = FAMILIES[name]
    number = step_instructions(network, rule, problem, **settings)
    if os.environ.get("RECORD"):
        KNOWN.setdefault(RELEASE, {})[name] = number
        RECORD.write_text(json.dumps(KNOWN, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    if RELEASE not in KNOWN:
        pytest.skip(f"nothing recorded for jaxlib {RELEASE}")
    assert 0 < number <= 1.1 * KNOWN[RELEASE][name]


def test_every_family_is_recorded():
    for release, numbers in KNOWN.items():
        assert set(numbers) == set(FAMILIES), release
