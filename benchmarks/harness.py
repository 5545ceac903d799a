"""What every benchmark shares: measure ours and the peer in turn, compare the medians with a bar, keep the numbers.

A *measure* is the median of several repeats with its spread (least to most). A *row* is one claim: ours, the peer,
their ratio, the bar it has to reach, and whether it does. A script writes its rows as ``results/NAME.json``.
"""

import dataclasses
import json
import os
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

from machine import commit, environment

__all__ = ["RESULTS", "Measure", "Row", "alternate", "as_good", "faster", "publish", "read", "timed", "within", "write"]

RESULTS = Path(__file__).parent / "results"


@dataclasses.dataclass(frozen=True)
class Measure:
    """Median, least and most of several repeats, in one unit."""

    median: float
    low: float
    high: float
    unit: str
    repeats: int

    @classmethod
    def of(cls, values: Sequence[float], unit: str = "s") -> Self:
        """From the repeats' values."""
        return cls(statistics.median(values), min(values), max(values), unit, len(values))

    def __str__(self) -> str:
        spread = f" ({short(self.low)} .. {short(self.high)})" if self.repeats > 1 else ""
        return f"{short(self.median)} {self.unit}{spread}"


def short(value: float) -> str:
    """Three digits, or all of those before the point."""
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


@dataclasses.dataclass(frozen=True)
class Row:
    """One claim. With a peer the ratio is to be *at least* the bar; without one, ours *at most* the bar."""

    claim: str
    ours: Measure
    peer: Measure | None
    ratio: float | None
    bar: float
    holds: bool

    @property
    def bar_text(self) -> str:
        """The bar as people write it."""
        return f"<= {self.bar:g} {self.ours.unit}" if self.ratio is None else f">= {self.bar:g}x"

    @property
    def verdict(self) -> str:
        """Plain words: a row that misses its bar says so."""
        return "holds" if self.holds else "MISSES ITS BAR"


def faster(claim: str, ours: Measure, peer: Measure, bar: float) -> Row:
    """Ours takes at most 1/bar of the peer's time (medians)."""
    if ours.unit != peer.unit:
        raise ValueError(f"{claim}: ours in {ours.unit}, the peer in {peer.unit}; measure both in one unit")
    ratio = peer.median / ours.median
    return Row(claim, ours, peer, ratio, bar, ratio >= bar)


def as_good(claim: str, ours: Measure, peer: Measure) -> Row:
    """Ours is at least the peer's figure, where more is better (an accuracy)."""
    ratio = ours.median / peer.median
    return Row(claim, ours, peer, ratio, 1.0, ratio >= 1 - 1e-9)  # equal counts, summed in another order, are equal


def within(claim: str, ours: Measure, bar: float) -> Row:
    """Ours is at most the bar, in its own unit (median)."""
    return Row(claim, ours, None, None, bar, ours.median <= bar)


def alternate(*contestants: Callable[[], float], repeats: int, pause: float = 0.05) -> list[list[float]]:
    """Every contestant's values, measured in turn (ours, peer, ours, peer, ...), so that a busy minute hits all alike.

    A contestant measures itself and returns the number. The pause lets the other library's threads go to sleep.
    """
    values: list[list[float]] = [[] for _ in contestants]
    for _ in range(repeats):
        for kept, contestant in zip(values, contestants, strict=True):
            time.sleep(pause)
            kept.append(contestant())
    return values


def timed(work: Callable[[], Any]) -> float:
    """Seconds that a call takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def publish(name: str, rows: Sequence[Row], notes: dict[str, Any], threads: int) -> None:
    """Print a script's rows and notes, and keep them with the machine's description."""
    where = environment(threads)
    write(name, rows, where, notes)
    for row in rows:
        peer = "" if row.ratio is None else f", peer {row.peer}, ratio {row.ratio:.3g}"
        print(f"{row.claim}: ours {row.ours}{peer}, bar {row.bar_text}: {row.verdict}")
    for name, value in notes.items():
        print(f"  {name}: {value}")
    print("  " + ", ".join(f"{name} {value}" for name, value in where.items()), flush=True)


def write(name: str, rows: Sequence[Row], environment: dict, notes: dict, folder: Path = RESULTS) -> Path:
    """Keep a script's rows as JSON (written beside, then put in place, so that no half file is ever read)."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    content = {
        "name": name,
        "date": time.strftime("%Y-%m-%d"),
        "commit": commit(),
        "rows": [dataclasses.asdict(row) for row in rows],
        "notes": notes,
        "environment": environment,
    }
    beside = path.with_suffix(".json.part")
    beside.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    os.replace(beside, path)
    return path


def read(name: str, folder: Path = RESULTS) -> tuple[list[Row], dict]:
    """A script's rows, and all else that it kept."""
    content = json.loads((folder / f"{name}.json").read_text())
    return [as_row(row) for row in content.pop("rows")], content


def as_row(fields: dict) -> Row:
    """A row from its JSON."""
    measures = {side: None if fields[side] is None else Measure(**fields[side]) for side in ("ours", "peer")}
    return Row(**{**fields, **measures})
