"""Checkpoints: everything that the next step needs, and by what settings and data it was come by.

Only numbers and names are stored. A checkpoint is read *into* a freshly begun run of the same program: names, shapes,
types, settings and data must agree, and nothing in the file is ever executed.
"""

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree

from flambeau.errors import FileFormatError
from flambeau.foundation.container import Container, pack, read
from flambeau.foundation.files import write_atomic
from flambeau.training.ledger import Ledger
from flambeau.training.run import Progress, Run

FORMAT = "flambeau checkpoint 2"
SAME = "resume with the network, rule, optimizer, data, key and settings of the first run"
FREE = ("steps", "jax", "device")  # what may differ between a run and the one that goes on from it
LONG = 4_000  # letters of a setting in words
WHOLE = 1 << 30  # bytes of an array that are looked at; of a larger one, evenly spread rows


def save_checkpoint(path: str | Path, run: Run, prints: Mapping[str, str]) -> None:
    """Write a run so far atomically: one that is killed loses at most one chunk.

    ``prints``, the :func:`fingerprint` of every part that holds numbers and is not learned.
    """
    tensors = {**_named(run.progress), **_named({"history": run.history, "records": run.records})}
    counts = {"rounds": run.rounds, "steps": run.steps}
    manifest = {**counts, "settings": _in_words(run.configuration), "prints": dict(prints)}
    write_atomic(path, pack(f"checkpoint {path}", FORMAT, manifest, tensors))


def load_checkpoint(
    path: str | Path, like: Progress, configuration: Mapping[str, Any], prints: Mapping[str, str]
) -> tuple[Progress, Ledger]:
    """Read a checkpoint into a run shaped like ``like``, of the same settings and data.

    Raises :class:`~flambeau.errors.FileFormatError` for a file that is no checkpoint, or one of another program, and
    :class:`~flambeau.errors.ChecksumError` for one whose bytes have changed.
    """
    container = read(path, {FORMAT: True})
    _compare(container, "settings", _in_words(configuration))
    _compare(container, "prints", prints)
    tensors, expected = container.tensors, _named(like)
    for name, leaf in expected.items():
        found = tensors.get(name)
        if found is None or found.shape != leaf.shape or found.dtype != leaf.dtype:
            got = "nothing" if found is None else f"{found.dtype}{found.shape}"
            raise FileFormatError(f"{path}, {name}", f"{leaf.dtype}{leaf.shape}", got, SAME)
    progress = jax.tree.unflatten(jax.tree.structure(like), [tensors[name] for name in expected])
    past = nested({name: value for name, value in tensors.items() if name not in expected})
    return progress, _ledger(container, past, int(progress.step))


def fingerprint(tree: PyTree) -> str:
    """A SHA-256 over the arrays of a pytree.

    *Limits.* Of an array of more than 1 GiB only evenly spread rows are looked at.
    """
    digest = hashlib.sha256()
    for leaf in jax.tree.leaves(tree):
        if isinstance(leaf, jax.Array | np.ndarray):
            rows = leaf[:: 1 + leaf.nbytes // WHOLE] if leaf.ndim else leaf
            values = np.ascontiguousarray(rows)
            digest.update(f"{leaf.shape}{leaf.dtype}".encode())
            digest.update(values.reshape(-1).view(np.uint8).data if values.size else b"")
    return digest.hexdigest()


def _in_words(configuration: Mapping[str, Any]) -> dict[str, str]:
    """Every setting that has to stay, as text that is the same in every process; a long one as its SHA-256."""
    texts = {name: re.sub(" at 0x[0-9a-f]+", "", repr(value)) for name, value in configuration.items()}
    return {
        name: text if len(text) <= LONG else f"SHA-256 {hashlib.sha256(text.encode()).hexdigest()}"
        for name, text in texts.items()
        if name not in FREE
    }


def _compare(container: Container, part: str, expected: Mapping[str, str]) -> None:
    """Refuse what is not as it was when the checkpoint was written, by its name."""
    told = container.manifest.get(part)
    if not isinstance(told, dict):
        raise FileFormatError(container.where, f"a checkpoint with its {part}", f"{told!r:.80}", SAME)
    for name in sorted({*told, *expected}):
        before, now = told.get(name), expected.get(name)
        if before != now:
            words = ("other numbers", "another SHA-256") if part == "prints" else (f"{now!r:.300}", f"{before!r:.300}")
            raise FileFormatError(f"{container.where}, {name}", f"{words[0]}, as in this run", words[1], SAME)


def _ledger(container: Container, past: dict[str, Any], step: int) -> Ledger:
    """The past that belongs to the counts, held against them."""
    rounds, steps = (_count(container, name) for name in ("rounds", "steps"))
    curves = jax.tree.leaves(past.get("history", {}))
    if steps != step or any(np.shape(curve)[:1] != (rounds,) for curve in curves) or bool(rounds) != bool(curves):
        got = f"{rounds} rounds and {steps} steps beside a network of {step} steps"
        raise FileFormatError(container.where, "counts that fit what is there", got, "give the file that train wrote")
    return Ledger.of(rounds, steps, past.get("history", {}), past.get("records", {}))


def _count(container: Container, name: str) -> int:
    """A whole number of a checkpoint."""
    value = container.manifest.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**31:
        where, remedy = f"{container.where}, {name}", "give the file that train wrote"
        raise FileFormatError(where, "a count", f"{value!r:.80}", remedy)
    return value


def _named(tree: PyTree) -> dict[str, np.ndarray]:
    """Every array of a pytree under its path."""
    return {
        jax.tree_util.keystr(path, simple=True, separator="/"): np.ascontiguousarray(leaf).reshape(np.shape(leaf))
        for path, leaf in jax.tree_util.tree_leaves_with_path(tree)
    }


def nested(flat: dict[str, np.ndarray]) -> dict[str, Any]:
    """Undo :func:`_named` for dictionaries."""
    tree: dict[str, Any] = {}
    for name, value in flat.items():
        *parents, last = name.split("/")
        place = tree
        for parent in parents:
            place = place.setdefault(parent, {})
        place[last] = value
    return tree
