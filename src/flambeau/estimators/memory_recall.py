"""Recall of a Hopfield network for any number of rows: orders of change by name, and settling in parts."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from flambeau.dynamics import (
    AbstractUpdate,
    Asynchronous,
    BlockSequential,
    Greedy,
    Settled,
    Synchronous,
    settle,
)
from flambeau.errors import DataError, named
from flambeau.foundation.rows import by_rows, rows_in_parts
from flambeau.networks import HopfieldNetwork

__all__ = ["UPDATES", "held_rows", "settled_rows", "update_of"]

UPDATES: Mapping[str, AbstractUpdate] = {
    "asynchronous": Asynchronous(),
    "random": Asynchronous("random"),
    "replacement": Asynchronous("replacement"),
    "greedy": Greedy(),
    "synchronous": Synchronous(),
    "block": BlockSequential(2),
}


def update_of(update: str | AbstractUpdate) -> AbstractUpdate:
    """The order of change by its name, or as given."""
    return update if isinstance(update, AbstractUpdate) else named("Hopfield.recall, update", UPDATES, update)


def held_rows(held: Any, X: Float[np.ndarray, "n units"]) -> np.ndarray | None:
    """The mask of neurons that keep their values, for every row."""
    if held is None:
        return None
    mask = np.asarray(held)
    if mask.dtype != bool or mask.shape not in (X.shape, X.shape[1:]):
        expected, got = f"a boolean mask of shape {X.shape[1:]} or {X.shape}", f"{mask.dtype} {mask.shape}"
        raise DataError("Hopfield.recall, held", expected, got, "mark the neurons that keep their values with True")
    return np.broadcast_to(mask, X.shape)


def settled_rows(
    network: HopfieldNetwork,
    update: AbstractUpdate,
    X: Float[np.ndarray, "n units"],
    held: np.ndarray | None,
    key: Array,
    max_sweeps: int,
    *,
    trace: bool,
) -> Settled:
    """Every row settled, few programs for any number of them.

    Rows that go together share an order that is drawn; a part of its own, beyond as many as fit, draws another one.
    """
    rows, limit = (X,) if held is None else (X, held), np.asarray(min(max_sweeps, 2**31 - 1), np.int32)
    if not trace:
        found: Settled = by_rows(settled_part, (network, update, limit), rows, key=key)
        return found
    parts = []
    for part, size in rows_in_parts(len(X), max(X.shape)):
        own = jax.random.fold_in(key, part.start) if part.start else key
        places = np.minimum(np.arange(part.start, part.start + size), part.stop - 1)  # the last row fills it up
        states, mask = jnp.asarray(X[places]), None if held is None else jnp.asarray(held[places])
        seen = settle(network, states, update, key=own, max_sweeps=int(limit), held=mask, trace=int(limit))
        real = [np.asarray(values)[: part.stop - part.start] for values in seen[:4]]
        parts.append(Settled(real[0], real[1], real[2], real[3], seen.energies))
    return _joined(parts, len(X))


def settled_part(given: tuple[HopfieldNetwork, AbstractUpdate, Any], rows: tuple, key: Array) -> Settled:
    """Some rows, within a program."""
    network, update, limit = given
    held = rows[1] if len(rows) > 1 else None
    return settle(network, jnp.asarray(rows[0]), update, key=key, max_sweeps=jnp.asarray(limit), held=held)


def _joined(parts: list[Settled], count: int) -> Settled:
    """The parts behind one another; energies NaN where another part went on longer."""
    longest = max(len(part.energies) for part in parts if part.energies is not None)
    energies, at = np.full((longest, count), np.nan, np.asarray(parts[0].energies).dtype), 0
    for part in parts:
        own, rows = np.asarray(part.energies), len(part.states)
        energies[: len(own), at : at + rows] = own[:, :rows]
        at += rows
    states, fixed, cycle, sweeps = (
        np.concatenate(values) for values in zip(*(part[:4] for part in parts), strict=True)
    )
    return Settled(states, fixed, cycle, sweeps, energies)
