"""``flambeau journey``, the main job: wall time and peak memory of the whole command, with no compilation cache yet."""

import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from harness import Measure, alternate, publish, timed, within
from machine import arguments, fix_threads

UNIT = 1 if sys.platform == "darwin" else 1024  # bytes in one unit of ru_maxrss


def main() -> None:
    """Measure, print, keep."""
    given = arguments(__doc__, repeats=1).parse_args()
    threads = fix_threads(given.threads)
    (seconds,) = alternate(journey, repeats=given.repeats)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * UNIT / 2**30
    rows = [
        within("flambeau journey, wall time", Measure.of(seconds), bar=120),
        within("flambeau journey, peak memory of a process", Measure.of([peak], "GiB"), bar=1.5),
    ]
    publish("journey_time", rows, {"runs": given.repeats}, threads)


def journey() -> float:
    """Seconds of one run into a folder that is thrown away."""
    beside = Path(sys.executable).with_name("flambeau")
    command = str(beside) if beside.exists() else shutil.which("flambeau")
    if command is None:
        raise SystemExit("flambeau is not installed here: pip install -e .")
    with tempfile.TemporaryDirectory() as folder:
        call = [command, "journey", "--out", str(Path(folder) / "report")]
        fresh = {**os.environ, "FLAMBEAU_COMPILATION_CACHE": str(Path(folder) / "cache")}
        return timed(lambda: subprocess.run(call, env=fresh, check=True, stdout=subprocess.DEVNULL))


if __name__ == "__main__":
    main()
