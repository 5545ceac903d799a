"""Until everything rests: the one loop of settling, of flows and of maps.

A batch is advanced step by step; a row that has ended is left as it is, and the loop ends with the last of them, or at
the limit. What is recorded on the way takes as much room as steps were made, however far the limit.
"""

import operator
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from flambeau.foundation.programs import traced

STRETCH = 64  # steps that are recorded between two looks from the host

STILL = operator.attrgetter("still")  # of a state that keeps it; one object, since another one compiles anew

Advance = Callable[[Array, PyTree], PyTree]
Watch = Callable[[PyTree], PyTree]


def until_rest(
    advance: Advance, ended: Watch, start: PyTree, limit: int | Array, *, watch: Watch | None = None, most: int = 0
) -> tuple[PyTree, PyTree]:
    """``(end, record)``: ``advance(number, now)`` until all rows have ``ended(now)``, at most ``limit`` times.

    Arguments: ``start``, a tree of arrays with one row for each example; ``advance`` and ``ended``, functions that are
    modules or ``eqx.Partial`` (a new closure compiles anew); ``watch``, what to record of the start and after every
    step, ``(steps + 1, batch, ...)``, NaN once a row has ended. Within a program that is being compiled the record
    takes ``most + 1`` rows instead, for there the number of steps is not known, and what comes later is left out.
    """
    first = np.zeros((), np.int32)
    if watch is None:
        return stretch(advance, ended, None, first, start, jnp.asarray(limit), 0)[1], None
    seen = seen_at(watch, start)
    if traced((advance, start, limit)):
        _, now, kept = stretch(advance, ended, watch, first, start, jnp.asarray(limit), most)
        return now, jax.tree.map(lambda *parts: jnp.concatenate(parts), seen, kept)
    number, now, pieces = 0, start, [jax.tree.map(np.asarray, seen)]
    while number < limit:
        until = np.asarray(min(number + STRETCH, int(limit)), np.int32)
        after, now, kept = stretch(advance, ended, watch, np.asarray(number, np.int32), now, until, STRETCH)
        made = int(after) - number
        if not made:
            break
        pieces.append(jax.tree.map(lambda rows, made=made: np.asarray(rows)[:made], kept))
        number += made
    return now, jax.tree.map(lambda *parts: np.concatenate(parts), *pieces)


@eqx.filter_jit
def seen_at(watch: Watch, start: PyTree) -> PyTree:
    """The first record: one row."""
    return jax.tree.map(lambda x: x[None], watch(start))


@eqx.filter_jit
def stretch(
    advance: Advance, ended: Watch, watch: Watch | None, number: Any, now: PyTree, limit: Any, rows: int
) -> tuple[Array, PyTree, PyTree]:
    """From step ``number`` on, as one program: the number reached, the state there, and up to ``rows`` records."""
    first = number
    shapes = None if watch is None else jax.eval_shape(watch, now)
    kept = jax.tree.map(lambda x: jnp.full((rows, *x.shape), jnp.nan, x.dtype), shapes)

    def unfinished(carry: tuple[Array, PyTree, PyTree]) -> Array:
        return (carry[0] < limit) & ~ended(carry[1]).all()

    def onwards(carry: tuple[Array, PyTree, PyTree]) -> tuple[Array, PyTree, PyTree]:
        number, now, kept = carry
        done = ended(now)
        new = jax.tree.map(lambda a, b: jnp.where(per_row(done, a), a, b), now, advance(number, now))
        seen = jax.tree.map(lambda x: jnp.where(per_row(done, x), jnp.nan, x), watch and watch(new))
        return number + 1, new, jax.tree.map(lambda all_, x: all_.at[number - first].set(x), kept, seen)

    return jax.lax.while_loop(unfinished, onwards, (number, now, kept))


def per_row(values: Array, like: Array) -> Array:
    """One value per row, ready to meet ``(batch, ...)``."""
    return values.reshape(values.shape + (1,) * (like.ndim - 1))
