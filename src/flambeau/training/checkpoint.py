"""Checkpoints: everything that the next step needs, in a safetensors file, and the counts that belong to it.

Only numbers are stored. A checkpoint is read *into* a freshly begun run of the same program: names, shapes and types
must agree, and nothing in the file is ever executed.
"""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree
from safetensors import SafetensorError
from safetensors.numpy import load, save

from flambeau.errors import FileFormatError
from flambeau.foundation.files import header_within_limits, write_atomic
from flambeau.training.run import Progress

__all__ = ["Position", "load_checkpoint", "save_checkpoint"]

FORMAT = "flambeau checkpoint 1"


@dataclasses.dataclass
class Position:
    """How far a run has got: rounds, steps, and what each chunk of rounds reported (stacked, round first)."""

    rounds: int = 0
    steps: int = 0
    reports: list[dict[str, dict[str, Any]]] = dataclasses.field(default_factory=list)

    @classmethod
    def of(cls, rounds: int, steps: int, history: dict[str, Any], records: dict[str, Any]) -> "Position":
        """A position whose past is already joined."""
        return cls(rounds, steps, [{"history": history, "records": records}] if rounds else [])

    def add(self, rounds: int, steps: int, reports: dict[str, Any]) -> None:
        """Move on by the rounds of one chunk; the report of rounds not done is dropped."""
        done = {
            name: jax.tree.map(lambda leaf: np.asarray(leaf)[:rounds], reports[name]) for name in ("history", "records")
        }
        self.rounds, self.steps = self.rounds + rounds, self.steps + steps
        self.reports = [*self.reports, done]

    def history(self) -> dict[str, np.ndarray]:
        """Name -> one value per round; NaN for rounds in which that number was not asked for."""
        lengths = [len(report["history"]["loss"]) for report in self.reports]
        names = dict.fromkeys(name for report in self.reports for name in report["history"])
        gaps = [np.full(length, np.nan) for length in lengths]
        chunks = list(zip(self.reports, gaps, strict=True))
        return {name: np.concatenate([report["history"].get(name, gap) for report, gap in chunks]) for name in names}

    def records(self) -> dict[str, dict[str, np.ndarray]]:
        """Monitor -> name -> one record per round that it watched."""
        names = dict.fromkeys(name for report in self.reports for name in report["records"])
        seen = {
            name: [report["records"][name] for report in self.reports if name in report["records"]] for name in names
        }
        return {name: jax.tree.map(lambda *parts: np.concatenate(parts), *found) for name, found in seen.items()}


def save_checkpoint(path: str | Path, progress: Progress, position: Position) -> None:
    """Write progress and position atomically: a killed run loses at most one chunk."""
    tensors = {**named(progress), **named({"history": position.history(), "records": position.records()})}
    counts = {"format": FORMAT, "rounds": str(position.rounds), "steps": str(position.steps)}
    write_atomic(path, save(tensors, metadata=counts))


def load_checkpoint(path: str | Path, like: Progress) -> tuple[Progress, Position]:
    """Read a checkpoint into a run shaped like ``like``.

    Raises :class:`~flambeau.errors.FileFormatError` for a file that is no checkpoint, or one of another program.
    """
    content = Path(path).read_bytes()
    counts = header_within_limits(content, f"checkpoint {path}")
    try:
        tensors = load(content)
    except (SafetensorError, ValueError) as error:
        raise FileFormatError(str(path), "a checkpoint", error, "give the file that train wrote") from None
    if counts.get("format") != FORMAT:
        raise FileFormatError(str(path), FORMAT, counts.get("format"), "give the file that train wrote")
    expected = named(like)
    for name, leaf in expected.items():
        found = tensors.get(name)
        if found is None or found.shape != leaf.shape or found.dtype != leaf.dtype:
            got = "nothing" if found is None else f"{found.dtype}{found.shape}"
            remedy = "resume with the network, rule, optimizer, monitors and stopping of the first run"
            raise FileFormatError(f"{path}, {name}", f"{leaf.dtype}{leaf.shape}", got, remedy)
    progress = jax.tree.unflatten(jax.tree.structure(like), [tensors[name] for name in expected])
    past = nested({name: value for name, value in tensors.items() if name not in expected})
    position = Position.of(
        int(counts.get("rounds", 0)), int(counts.get("steps", 0)), past.get("history", {}), past.get("records", {})
    )
    return progress, position


def named(tree: PyTree) -> dict[str, np.ndarray]:
    """Every array of a pytree under its path."""
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): np.ascontiguousarray(leaf).reshape(np.shape(leaf))
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }


def nested(flat: dict[str, np.ndarray]) -> dict[str, Any]:
    """Undo :func:`named` for dictionaries."""
    tree: dict[str, Any] = {}
    for name, value in flat.items():
        *parents, last = name.split("/")
        place = tree
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return tree
