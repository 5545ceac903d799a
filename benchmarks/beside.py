"""This checkout's figures beside another's, or another interpreter's, in turn: is one worse than it was?

``python benchmarks/beside.py OTHER [NAME ...] [--python FILE] [--turns N] [--repeats N] [--label L]``; OTHER is the
folder of a checkout (``.`` for this one with another ``--python``). A machine changes with the hour, so both are
measured in turn, and the medians over all turns are compared. The table is printed and kept in
``results/beside-LABEL.md``.
"""

import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

from harness import RESULTS
from machine import arguments
from run import SCRIPTS, bar, settings

ROOT = Path(__file__).resolve().parents[1]
HEADINGS = ("what", "before", "here", "here / before")


def main() -> None:
    """Measure both in turn, print and keep the table."""
    parser = arguments(__doc__, repeats=3)
    parser.add_argument("other", type=Path, help="the folder of another checkout")
    parser.add_argument("names", nargs="*", help=f"any of {', '.join(SCRIPTS)}; none means all")
    parser.add_argument("--python", default=sys.executable, help="the other side's interpreter")
    parser.add_argument("--label", default="other", help="the table is kept in results/beside-LABEL.md")
    parser.add_argument("--turns", type=int, default=2, help="how often each is measured")
    given = parser.parse_args()
    sides = ((given.other.resolve(), given.python), (ROOT, sys.executable))
    found: dict[str, tuple[list, list]] = {}
    versions = ["", ""]
    for name in (given.names or SCRIPTS) * given.turns:
        for side, (checkout, python) in enumerate(sides):
            kept = measured(checkout, python, name, given.repeats, given.threads)
            versions[side] = f"{kept['commit'][:12]}, jax {kept['environment']['jax']}"
            for what, value in figures(kept).items():
                found.setdefault(what, ([], []))[side].append(value)
    lines = [
        f"{time.strftime('%Y-%m-%d')}; before: {versions[0]}; here: {versions[1]}; {kept['environment']['processor']}",
        "",
    ]
    lines += [bar(HEADINGS), bar(("---",) * 4), *(bar(row(what, *both)) for what, both in found.items() if all(both))]
    text = "\n".join([*lines, ""])
    print(text)
    (RESULTS / f"beside-{given.label}.md").write_text(text, encoding="utf-8")


def measured(checkout: Path, python: str, name: str, repeats: int, threads: int) -> dict:
    """What a script of that checkout keeps; what it had kept before stays as it was."""
    path = checkout / "benchmarks" / "results" / f"{name}.json"
    before = path.read_bytes() if path.exists() else None
    command = [python, f"benchmarks/{name}.py", "--threads", str(threads), "--repeats", str(repeats)]
    environment = {**settings(threads), "PYTHONPATH": str(checkout / "src")}
    try:
        subprocess.run(command, cwd=checkout, env=environment, check=True, stdout=subprocess.DEVNULL)
        return {"commit": "unknown", **json.loads(path.read_text(encoding="utf-8"))}
    finally:
        if before is None:
            path.unlink(missing_ok=True)
        else:
            path.write_bytes(before)


def figures(kept: dict) -> dict[str, tuple[float, str]]:
    """``what -> (value, unit)`` of our own side of every row, and of the first call."""
    rows = {row["claim"]: (row["ours"]["median"], row["ours"]["unit"]) for row in kept["rows"]}
    first = kept["notes"].get("our first call, seconds")
    return rows if first is None else {**rows, f"{kept['name']}, first call": (float(first), "s")}


def row(what: str, before: list, here: list) -> tuple[str, ...]:
    """Medians over the turns, with the least and most."""
    unit, middles, texts = here[0][1], [], []
    for side in (before, here):
        values = [value for value, _ in side]
        middles.append(statistics.median(values))
        texts.append(f"{middles[-1]:.3g} {unit} ({min(values):.3g} .. {max(values):.3g})")
    return what, *texts, f"{middles[1] / middles[0]:.2f}"


if __name__ == "__main__":
    main()
