"""``import flambeau`` in a fresh interpreter, bytecode compiled beforehand: the whole process, start to end."""

import os
import subprocess
import sys
from collections.abc import Callable

from harness import Measure, alternate, publish, timed, within
from machine import arguments, fix_threads


def main() -> None:
    """Measure, print, keep."""
    given = arguments(__doc__).parse_args()
    threads = fix_threads(given.threads)
    statements = {
        "import flambeau": "import flambeau",
        "nothing (the bare interpreter)": "pass",
        "import jax": "import jax",
        "import sklearn.neural_network": "import sklearn.neural_network",
        "import torch": "import torch",
    }
    processes = [process(statement) for statement in statements.values()]
    for contestant in processes:
        contestant()  # writes the bytecode, warms the disk cache
    measured = [Measure.of(values) for values in alternate(*processes, repeats=given.repeats)]
    rows = [within("import flambeau, the whole process", measured[0], bar=1.5)]
    notes = {name: str(value) for name, value in list(zip(statements, measured, strict=True))[1:]}
    publish("import_time", rows, notes, threads)


def process(statement: str) -> Callable[[], float]:
    """A contestant: seconds of a fresh interpreter that runs one statement."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}

    def work() -> None:
        subprocess.run([sys.executable, "-c", statement], env=environment, check=True)

    return lambda: timed(work)


if __name__ == "__main__":
    main()
