#!/usr/bin/env python
"""Break the package on purpose, one line at a time, and see whether the tests notice.

    python tests/mutations/run.py                        # all of them: half an hour on two cores
    python tests/mutations/run.py --room suite           # those of one list
    python tests/mutations/run.py --sample 6 --seed 3    # what continuous integration does
    python tests/mutations/run.py --name "odd pixel"     # those whose name holds the words

A list is a TOML file in this folder::

    [[mutant]]
    name = "the step number is left out of the noise keys"
    file = "src/flambeau/training/rounds.py"
    find = "exact text that occurs once"
    replace = "the broken text"
    tests = "tests/unit/test_loop.py -k noise"

A mutant is *killed* when its tests fail, and *survives* when they pass; it is *stale* when its text is no longer there
once, and *unclear* when its tests did not run (or fail without it). Only killed ones are well: all else is exit code 1.
"""

import argparse
import os
import random
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PARTS = ("src", "tests", "docs", "benchmarks", "reproductions", "pyproject.toml", "README.md")
LIMIT = 600  # seconds: a mutant whose tests hang was noticed
FAILED, PASSED = 1, 0  # exit codes of pytest


class Mutant(NamedTuple):
    """One line that is broken, and the tests that should notice."""

    room: str
    name: str
    file: str
    find: str
    replace: str
    tests: str


def mutants(folder: Path = HERE) -> list[Mutant]:
    """All mutants of all lists."""
    return [
        Mutant(path.stem, **row)
        for path in sorted(folder.glob("*.toml"))
        for row in tomllib.loads(path.read_text(encoding="utf-8"))["mutant"]
    ]


def occurrences(mutant: Mutant, root: Path = ROOT) -> int:
    """How often the text that is to be broken stands in its file."""
    path = root / mutant.file
    return path.read_text(encoding="utf-8").count(mutant.find) if path.is_file() else 0


@contextmanager
def broken(root: Path, mutant: Mutant | None) -> Iterator[None]:
    """Within, the mutant's line is broken in that copy."""
    if mutant is None:
        yield
        return
    path = root / mutant.file
    whole = path.read_text(encoding="utf-8")
    path.write_text(whole.replace(mutant.find, mutant.replace), encoding="utf-8")
    try:
        yield
    finally:
        path.write_text(whole, encoding="utf-8")


def copied(to: Path) -> Path:
    """A scratch copy of what the tests read."""
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, to / part, ignore=shutil.ignore_patterns("__pycache__"))
        elif source.exists():
            shutil.copy(source, to / part)
    return to


def tried(root: Path, tests: str) -> int:
    """The exit code of the tests in that copy; they never see the project's own folder."""
    cache = os.environ.get("FLAMBEAU_COMPILATION_CACHE", str(ROOT / ".jax_cache"))
    environment = {**os.environ, "PYTHONPATH": str(root / "src"), "FLAMBEAU_COMPILATION_CACHE": cache}
    environment["PYTHONDONTWRITEBYTECODE"] = "1"  # two versions of a line may be written within one second
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *shlex.split(tests)]
    try:
        done = subprocess.run(command, cwd=root, env=environment, capture_output=True, timeout=LIMIT, check=False)
    except subprocess.TimeoutExpired:
        return FAILED
    return done.returncode


def verdict(root: Path, mutant: Mutant, healthy: dict[str, bool]) -> str:
    """What became of one mutant. ``healthy`` remembers which tests pass without any."""
    if occurrences(mutant, root) != 1:
        return "stale"
    if mutant.tests not in healthy:
        healthy[mutant.tests] = tried(root, mutant.tests) == PASSED
    if not healthy[mutant.tests]:
        return "unclear"
    with broken(root, mutant):
        return {FAILED: "killed", PASSED: "survived"}.get(tried(root, mutant.tests), "unclear")


def worked(chosen: Sequence[Mutant]) -> Counter:
    """Try these in one scratch copy, one after the other; tell each, and count."""
    found: Counter = Counter()
    healthy: dict[str, bool] = {}
    with tempfile.TemporaryDirectory(prefix="flambeau-mutants-") as folder:
        root = copied(Path(folder))
        for mutant in chosen:
            begun = time.monotonic()
            outcome = verdict(root, mutant, healthy)
            found[outcome] += 1
            print(f"{outcome:9}{time.monotonic() - begun:6.0f} s  {mutant.room}: {mutant.name}", flush=True)
    return found


def chosen_by(settings: argparse.Namespace) -> list[Mutant]:
    """What the command line asks for."""
    found = [
        m for m in mutants() if settings.room in (None, m.room) and (settings.name or "").lower() in m.name.lower()
    ]
    if settings.sample and settings.sample < len(found):
        found = random.Random(settings.seed).sample(found, settings.sample)
    return sorted(found, key=lambda mutant: mutant.tests)


def main() -> int:
    """Try the chosen mutants; 0 if all were killed."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--room", help="the mutants of one list")
    parser.add_argument("--name", help="those whose name holds these words")
    parser.add_argument("--sample", type=int, help="so many, drawn")
    parser.add_argument("--seed", type=int, default=0, help="which ones are drawn")
    parser.add_argument("--jobs", type=int, default=1, help="how many at a time, each in its own copy")
    settings = parser.parse_args()
    chosen = chosen_by(settings)
    shares = [chosen[first :: settings.jobs] for first in range(settings.jobs)]
    with ThreadPoolExecutor(settings.jobs) as pool:
        found = sum(pool.map(worked, shares), Counter())
    killed = found["killed"] / max(len(chosen), 1)
    print(
        f"{len(chosen)} mutants: {', '.join(f'{count} {name}' for name, count in found.items())}; {killed:.0%} killed"
    )
    return int(found["killed"] != len(chosen))


if __name__ == "__main__":
    sys.exit(main())
