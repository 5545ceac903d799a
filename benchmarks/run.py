"""All benchmarks, each in a process of its own: one table on the screen, and the same in ``RESULTS.md``.

``python benchmarks/run.py [NAME ...] [--repeats N] [--threads N]``; a row that misses its bar says so.
"""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from harness import RESULTS, Row, read
from machine import arguments

FOLDER = Path(__file__).parent
SCRIPTS = (
    "step_tiny",
    "step_small",
    "step_mnist",
    "step_rows",
    "step_lenet",
    "step_rbm",
    "step_ais",
    "recall_hopfield",
    "digits_fit",
    "import_time",
    "journey_time",
)
HEADINGS = ("claim", "command", "ours", "peer", "ratio", "bar", "verdict")


def main() -> None:
    """Run, print, write; the exit status says whether every script ran, not whether every bar was reached."""
    parser = arguments(__doc__)
    parser.add_argument("names", nargs="*", help=f"any of {', '.join(SCRIPTS)}; none means all")
    parser.set_defaults(repeats=None)
    given = parser.parse_args()
    failed = [name for name in given.names or SCRIPTS if not run(name, given.repeats, given.threads)]
    kept = [name for name in SCRIPTS if (RESULTS / f"{name}.json").exists() and name not in failed]
    Console(width=None if sys.stdout.isatty() else 200).print(table(kept))
    (FOLDER / "RESULTS.md").write_text(document(kept, failed))
    sys.exit(1 if failed else 0)


def run(name: str, repeats: int | None, threads: int) -> bool:
    """One script in its own process; whether it ran to its end."""
    print(f"== {name}", flush=True)
    command = [sys.executable, str(FOLDER / f"{name}.py"), "--threads", str(threads)]
    command += ["--repeats", str(repeats)] if repeats else []
    return subprocess.run(command, env=settings(threads), check=False).returncode == 0


def settings(threads: int) -> dict[str, str]:
    """The environment with the thread counts that libraries read when they are loaded."""
    counts = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
    return {**os.environ, **counts, "JAX_PLATFORMS": "cpu"}


def cells(name: str, row: Row) -> tuple[str, ...]:
    """A row as people read it."""
    peer = "" if row.peer is None else str(row.peer)
    ratio = "" if row.ratio is None else f"{row.ratio:.3g}"
    return row.claim, f"python benchmarks/{name}.py", str(row.ours), peer, ratio, row.bar_text, row.verdict


def rows(names: list[str]) -> Iterator[tuple[str, ...]]:
    """Every row of every script."""
    for name in names:
        yield from (cells(name, row) for row in read(name)[0])


def table(names: list[str]) -> Table:
    """For the screen."""
    shown = Table(*HEADINGS, title="Flambeau beside its peers")
    for row in rows(names):
        shown.add_row(*row, style="green" if row[-1] == "holds" else "red")
    return shown


def document(names: list[str], failed: list[str]) -> str:
    """For the reader: the table, the notes, and where it was measured."""
    lines = ["# Benchmarks", "", "Made by `python benchmarks/run.py`. Medians, with the least and most in brackets;",
             "ours and the peer measured in turn, in one process, on the same threads.", ""]  # fmt: skip
    lines += [bar(HEADINGS), bar(("---",) * len(HEADINGS)), *map(bar, rows(names)), ""]
    lines += [f"`{name}` did not run to its end: no figure.\n" for name in failed]
    for name in names:
        rest = read(name)[1]
        lines += [f"## {name} ({rest['date']})", ""]
        lines += [f"- {key}: {value}" for key, value in rest["notes"].items()]
        lines += ["- " + ", ".join(f"{key} {value}" for key, value in rest["environment"].items()), ""]
    return "\n".join(lines)


def bar(values: tuple[str, ...]) -> str:
    """One line of a Markdown table."""
    return f"| {' | '.join(values)} |"


if __name__ == "__main__":
    main()
