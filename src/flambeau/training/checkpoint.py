"""Checkpoints: everything that the next step needs, in a safetensors file, and the counts that belong to it.

Only numbers are stored. A checkpoint is read *into* a freshly begun run of the same program: names, shapes and types
must agree, and nothing in the file is ever executed.
"""

from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree
from safetensors import SafetensorError
from safetensors.numpy import load, save

from flambeau.errors import FileFormatError
from flambeau.foundation.files import header_within_limits, write_atomic
from flambeau.training.ledger import Ledger
from flambeau.training.run import Progress, Run

__all__ = ["load_checkpoint", "save_checkpoint"]

FORMAT = "flambeau checkpoint 1"


def save_checkpoint(path: str | Path, run: Run) -> None:
    """Write a run so far atomically: one that is killed loses at most one chunk."""
    tensors = {**named(run.progress), **named({"history": run.history, "records": run.records})}
    counts = {"format": FORMAT, "rounds": str(run.rounds), "steps": str(run.steps)}
    write_atomic(path, save(tensors, metadata=counts))


def load_checkpoint(path: str | Path, like: Progress) -> tuple[Progress, Ledger]:
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
    done = int(counts.get("rounds", 0)), int(counts.get("steps", 0))
    return progress, Ledger.of(*done, past.get("history", {}), past.get("records", {}))


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
