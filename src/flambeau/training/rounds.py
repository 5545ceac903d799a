"""Rounds of steps, compiled: a loop of steps is a round, a loop of rounds a chunk."""

import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from flambeau.foundation.precision import dtype
from flambeau.foundation.random import key_of
from flambeau.problems.base import AbstractProblem
from flambeau.training.run import Progress
from flambeau.training.step import Keys, Program, step

# So many batches are gathered in one go: XLA splits even a tiny gather over its threads, which costs a small step a
# quarter of its time. Larger ones are gathered step by step, where the copy would cost more.
BYTES_AT_ONCE = 1 << 20
LEAST_AT_ONCE = 8  # batches


class Chunk(eqx.Module):
    """What a compiled call brings back: where it got to, the network to keep, and one report per round done."""

    progress: Progress
    kept: PyTree
    rounds: Array
    stop: Array
    reports: dict[str, Any]


def advance_rounds(
    program: Program,
    progress: Progress,
    problem: AbstractProblem,
    given: Any,
    rates: Any,
    keys: Keys,
    count: Any,
    each: Any = None,
) -> Chunk:
    """``count`` of the rounds that are fed, the first ``each`` steps of them or all; a stop ends the chunk at once.

    ``given`` is a pytree with leading axes (rounds, steps), as are the ``rates`` and the steps' ``keys``, with room for
    more of both: the numbers to do are data, so data sets of many sizes, and a shorter last chunk, run one program.
    """
    rounds, steps = rates.shape
    each = jnp.asarray(steps if each is None else each, jnp.int32)

    def unfinished(carry: tuple) -> Array:
        return (carry[0] < count) & ~carry[1]

    def body(carry: tuple) -> tuple:
        number, _, progress, reports = carry
        own = jax.tree.map(lambda leaf: leaf[number], (given, rates, keys))
        progress, stop, report = round_of_steps(program, problem, progress, own, each)
        reports = jax.tree.map(lambda all, new: all.at[number].set(new), reports, report)
        return number + 1, stop, progress, reports

    losses = jax.ShapeDtypeStruct((steps,), dtype())
    shape = jax.eval_shape(functools.partial(close_round, program), progress, losses, losses)[2]
    reports = jax.tree.map(lambda leaf: jnp.zeros((rounds, *leaf.shape), leaf.dtype), shape)
    start = jnp.zeros((), jnp.int32), jnp.asarray(False), progress, reports
    done, stop, progress, reports = jax.lax.while_loop(unfinished, body, start)
    return Chunk(progress, program.kept(progress), done, stop, reports)


advance = eqx.filter_jit(advance_rounds)


@functools.cache
def compiled_advance(options: tuple[tuple[str, Any], ...]) -> Any:
    """:func:`advance`, compiled with XLA options."""
    return eqx.filter_jit(advance_rounds, compiler_options=dict(options))  # type: ignore[call-overload]


def round_of_steps(
    program: Program, problem: AbstractProblem, progress: Progress, own: PyTree, each: Array
) -> tuple[Progress, Array, dict[str, Any]]:
    """The problem collects, then the steps of one round, then its close."""
    given, rates, keys = own
    memory = problem.collect(progress.problem, program.network(progress), key_of(keys.rounds))
    progress = progress._replace(problem=memory)

    def draw(given: PyTree, key: Array) -> Any:
        return problem.batch(given, memory, key)

    room, pairs = rates.shape[0], key_of(keys.steps)
    batch = jax.eval_shape(lambda fed: draw(*at(fed, 0)), (given, pairs[:, 0]))
    most = BYTES_AT_ONCE // max(bytes_of(batch), 1) if problem.at_once else 1
    size = dividing(room, min(most, max(room // 8, LEAST_AT_ONCE)))  # what is beside the steps is hardly gathered
    size = size if size >= min(room, LEAST_AT_ONCE) else 1  # a loop around a few large batches costs more than it saves

    def one(first: Array, fed: PyTree, place: Array, state: tuple) -> tuple:
        progress, *told = state
        drawn, rate, pair = at(fed, place)
        batch = drawn if size > 1 else draw(drawn, pair[0])
        progress, new = step(program, progress, batch, rate, pair[1])
        put = functools.partial(jax.lax.dynamic_update_index_in_dim, index=first + place, axis=0)
        return progress, *map(put, told, new)

    def block(number: Array, state: tuple) -> tuple:
        first = number * size
        given_, rates_, keys_ = jax.tree.map(lambda leaf: jax.lax.dynamic_slice_in_dim(leaf, first, size), fed)
        batches = jax.vmap(draw)(given_, keys_[:, 0])
        count = jnp.minimum(each.astype(jnp.uint32) - first, size)
        return looped(count, size, functools.partial(one, first, (batches, rates_, keys_)), state)

    fed, state = (given, rates, pairs), (progress, jnp.zeros(room, dtype()), jnp.zeros(room, dtype()))
    if size > 1:
        state = looped(-(-each // size), room // size, block, state)
    else:
        state = looped(each, room, functools.partial(one, jnp.uint32(0), fed), state)
    return close_round(program, *state)


def at(tree: PyTree, place: Array | int) -> PyTree:
    """One entry along the first axis of every array."""
    return jax.tree.map(lambda leaf: jax.lax.dynamic_index_in_dim(leaf, place, keepdims=False), tree)


def looped(count: Array, most: int, body: Callable[[Array, PyTree], PyTree], state: PyTree) -> PyTree:
    """``body(number, state)`` so many times, a number that is data; there is no loop around the only one."""
    if most == 1:
        return body(jnp.uint32(0), state)
    # An unsigned counter cannot be negative: a signed one is compared and selected for every array it indexes.
    return jax.lax.fori_loop(jnp.uint32(0), count.astype(jnp.uint32), body, state)


def dividing(room: int, most: int) -> int:
    """The largest number of at most ``most`` that divides ``room`` into equal parts, by powers of two."""
    while room > most and room % 2 == 0:
        room //= 2
    return room if room <= most else 1


def close_round(
    program: Program, progress: Progress, losses: Array, weights: Array
) -> tuple[Progress, Array, dict[str, Any]]:
    """The round's mean loss, the judgement and the monitors' records: ``(progress, stop?, report)``.

    A loss that is not finite leaves the mean so, and stops: which step it was is found out afterwards, on the host.
    """
    total = jnp.sum(weights)
    loss = jnp.sum(losses * weights) / jnp.where(total > 0, total, 1)
    network = program.network(progress)
    stopping, judgement = program.stopping.judge(progress.stopping, network, loss)
    keeping, more = program.keeper.judge(progress.keeping, network, judgement)
    watching = zip(program.monitors, progress.memories, strict=True)
    kept = [monitor.record(memory, network) for monitor, memory in watching]
    memories = tuple(memory for memory, _ in kept)
    records = {monitor.name: record for monitor, (_, record) in zip(program.monitors, kept, strict=True)}
    history = {"loss": loss, **judgement.numbers, **more}
    progress = progress._replace(stopping=stopping, keeping=keeping, memories=memories)
    return progress, judgement.stop | ~jnp.isfinite(loss), {"history": history, "records": records}


def bytes_of(tree: PyTree) -> int:
    """Memory of the arrays of a pytree."""
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))
