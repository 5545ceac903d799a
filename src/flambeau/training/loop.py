"""The one training loop: many steps in one compiled scan, Python only between chunks of rounds.

A *round* is one pass over the problem (an epoch of a data set). Python makes each round's row numbers (a permutation
inside the compiled program costs seconds of compilation), sends a chunk of rounds to the device, and looks at what came
back: progress bar, divergence, checkpoint, early stop. Data go to the device once; the tail of a data set is padded
with rows of weight 0, so it needs no program of its own.
"""

import functools
import time
from collections.abc import Iterator, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from flambeau.errors import ConfigurationError
from flambeau.foundation.precision import dtype
from flambeau.foundation.programs import options_for
from flambeau.foundation.progress import progress_bar
from flambeau.rules.base import AbstractRule
from flambeau.training.checkpoint import Position, load_checkpoint, save_checkpoint
from flambeau.training.configuration import describe
from flambeau.training.divergence import explain_divergence
from flambeau.training.monitoring import AbstractMonitor, Moment
from flambeau.training.optimiser import Mechanism, Optimiser, optimiser
from flambeau.training.run import Problem, Progress, Run
from flambeau.training.stopping import AbstractStopping, RunAll

__all__ = ["Program", "advance", "begin", "train"]

ROWS_PER_CHUNK = 65_536  # enough work to hide a crossing to Python (0.3 ms), little enough for a smooth progress bar
ROUNDS_PER_CHUNK = 1_024
ROUNDS_WATCHED = 64  # with monitors, whose records of a whole chunk are held at once
# A round whose batches are no larger is gathered in one go: XLA splits even a tiny gather over its threads, which costs
# a small step a quarter of its time. Larger ones are gathered step by step, where the copy would cost more.
BYTES_AT_ONCE = 4 << 20


class Program(eqx.Module):
    """The pieces of a run that stay as they are: the same for every member of a population.

    ``static`` is the network without its arrays (these are in the progress), ``trainable`` says what is learned: a
    question to every leaf of the network (floats are learned unless it says otherwise), or a tree of answers.
    """

    rule: AbstractRule
    optimiser: Mechanism
    monitors: tuple[AbstractMonitor, ...]
    stopping: AbstractStopping
    static: PyTree
    trainable: PyTree

    def network(self, progress: Progress) -> PyTree:
        """The whole network at this point."""
        return eqx.combine(progress.network, self.static)

    def learned(self, tree: PyTree, network: PyTree) -> PyTree:
        """The part of ``tree``, a network or a proposal, that is learned; the network decides, not the proposal."""
        learned = eqx.filter(network, self.trainable)
        return jax.tree.map(lambda own, leaf: None if own is None else leaf, learned, tree, is_leaf=lambda x: x is None)

    def concluded(self, progress: Progress) -> PyTree:
        """The network to keep if the run ended here: the rule's choice, then the stopping criterion's."""
        last = self.rule.conclude(self.network(progress), progress.rule)
        return self.stopping.conclude(progress.stopping, last)


@eqx.filter_jit
def begin(program: Program, arrays: PyTree) -> Progress:
    """The progress before the first step, made in one compiled call from the network's ``arrays``."""
    network = eqx.combine(arrays, program.static)
    memories = tuple(monitor.init(network) for monitor in program.monitors)
    state = program.rule.init(network), memories, program.stopping.init(network)
    optimiser_state = program.optimiser.init(program.learned(network, network))
    progress = Progress(arrays, optimiser_state, *state, jnp.zeros((), jnp.int32))
    # A literal's type is "weak", a step's result is not: without this the second chunk would compile again.
    return jax.tree.map(lambda leaf: jax.lax.convert_element_type(leaf, leaf.dtype), progress)


def step(program: Program, progress: Progress, batch: Any, rate: Array, key: Array) -> tuple[Progress, tuple]:
    """One step: the rule proposes, the optimiser disposes, monitors watch."""
    network = program.network(progress)
    proposal, rule, info = program.rule.propose(network, batch, progress.rule, key)
    check_needs(program, info)
    proposal, learned = program.learned(proposal, network), program.learned(network, network)
    update, optimiser = program.optimiser.update(proposal, progress.optimiser, learned, rate)
    moment = Moment(progress.step, batch, network, proposal, update, info)
    watching = zip(program.monitors, progress.memories, strict=True)
    memories = tuple(monitor.observe(memory, moment) for monitor, memory in watching)
    stopping = program.stopping.observe(progress.stopping, moment)
    arrays = eqx.apply_updates(progress.network, update)
    progress = Progress(arrays, optimiser, rule, memories, stopping, progress.step + 1)
    return progress, (info["loss"].astype(dtype()), info["weight"].astype(dtype()))


def check_needs(program: Program, info: dict[str, Any]) -> None:
    """Refuse, while compiling, a monitor that reads what the rule does not tell."""
    for monitor in program.monitors:
        for name in monitor.needs:
            if name not in info:
                rule, offered = type(program.rule).__name__, ", ".join(sorted(info))
                expected = f"a rule whose info has {name!r}"
                raise ConfigurationError(monitor.name, expected, f"{rule}, which offers {offered}", "drop the monitor")


def round_of_steps(
    program: Program, problem: Problem, key: Array, progress: Progress, rows: Array, rates: Array
) -> tuple[Progress, Array, dict[str, Any]]:
    """All steps of one round, then its close."""

    def keys(number: Array) -> Array:
        return jax.random.split(jax.random.fold_in(key, number))

    def draw(rows: Array, number: Array) -> Any:
        return problem.batch(rows, keys(number)[0])

    def body(carry: Progress, given: tuple) -> tuple[Progress, tuple]:
        rows_or_batch, rate, number = given
        batch = rows_or_batch if at_once else draw(rows_or_batch, number)
        return step(program, carry, batch, rate, keys(number)[1])

    numbers = progress.step + jnp.arange(rows.shape[0], dtype=jnp.int32)
    at_once = rows.shape[0] * bytes_of(jax.eval_shape(draw, rows[0], numbers[0])) <= BYTES_AT_ONCE
    batches = jax.vmap(draw)(rows, numbers) if at_once else rows
    progress, (losses, weights) = jax.lax.scan(body, progress, (batches, rates, numbers))
    return close_round(program, progress, losses, weights)


def all_finite(tree: PyTree) -> Array:
    """Whether every float of a pytree is finite."""
    floats = [leaf for leaf in jax.tree.leaves(tree) if jnp.issubdtype(leaf.dtype, jnp.floating)]
    return jnp.all(jnp.asarray([jnp.all(jnp.isfinite(leaf)) for leaf in floats] or [True]))


def bytes_of(tree: PyTree) -> int:
    """Memory of the arrays of a pytree."""
    return sum(leaf.size * leaf.dtype.itemsize for leaf in jax.tree.leaves(tree))


def close_round(
    program: Program, progress: Progress, losses: Array, weights: Array
) -> tuple[Progress, Array, dict[str, Any]]:
    """The round's mean loss, the judgement and the monitors' records: ``(progress, stop?, report)``."""
    finite = jnp.isfinite(losses)
    finite = finite.at[-1].set(
        finite[-1] & all_finite(progress.network)
    )  # the last update has no later loss to show it
    total = jnp.sum(weights)
    loss = jnp.sum(losses * weights) / jnp.where(total > 0, total, 1)
    last = program.network(progress)
    network = program.rule.conclude(last, progress.rule)
    stopping, stop, numbers = program.stopping.judge(progress.stopping, network, loss)
    watching = zip(program.monitors, progress.memories, strict=True)
    kept = [monitor.record(memory, last) for monitor, memory in watching]
    progress = progress._replace(stopping=stopping, memories=tuple(memory for memory, _ in kept))
    records = {monitor.name: record for monitor, (_, record) in zip(program.monitors, kept, strict=True)}
    bad = jnp.where(jnp.all(finite), -1, jnp.argmin(finite))
    return progress, stop | (bad >= 0), {"history": {"loss": loss, **numbers}, "records": records, "bad": bad}


class Chunk(eqx.Module):
    """What a compiled call brings back: where it got to, the network to keep, and one report per round done."""

    progress: Progress
    kept: PyTree
    rounds: Array
    stop: Array
    reports: dict[str, Any]


def advance_rounds(
    program: Program, progress: Progress, problem: Problem, rows: Any, rates: Any, seed: Any, count: Any
) -> Chunk:
    """Up to ``count`` of the rounds in ``rows`` ``(rounds, steps, batch)``; a stop ends the chunk at once.

    ``count`` is data, so a shorter last chunk runs the same program.
    """
    key = jax.random.wrap_key_data(seed)

    def unfinished(carry: tuple) -> Array:
        return (carry[0] < count) & ~carry[1]

    def body(carry: tuple) -> tuple:
        number, _, progress, reports = carry
        progress, stop, report = round_of_steps(program, problem, key, progress, rows[number], rates[number])
        reports = jax.tree.map(lambda all, new: all.at[number].set(new), reports, report)
        return number + 1, stop, progress, reports

    losses = jax.ShapeDtypeStruct((rows.shape[1],), dtype())
    shape = jax.eval_shape(functools.partial(close_round, program), progress, losses, losses)[2]
    reports = jax.tree.map(lambda leaf: jnp.zeros((rows.shape[0], *leaf.shape), leaf.dtype), shape)
    start = jnp.zeros((), jnp.int32), jnp.asarray(False), progress, reports
    done, stop, progress, reports = jax.lax.while_loop(unfinished, body, start)
    return Chunk(progress, program.concluded(progress), done, stop, reports)


advance = eqx.filter_jit(advance_rounds)


@functools.cache
def advance_for(options: tuple[tuple[str, Any], ...]) -> Any:
    """:func:`advance`, compiled with XLA options."""
    return eqx.filter_jit(advance_rounds, compiler_options=dict(options))  # type: ignore[call-overload]


def train(
    network: PyTree,
    rule: AbstractRule,
    problem: Problem,
    *,
    optimizer: Any = "sgd",
    steps: int,
    batch_size: int = 32,
    monitors: Sequence[AbstractMonitor] = (),
    key: Any = 0,
    stopping: AbstractStopping | None = None,
    trainable: PyTree = eqx.is_inexact_array,
    verbose: bool = False,
    checkpoint: str | None = None,
    resume: Run | str | None = None,
) -> Run:
    """Train a network by a rule on a problem, and return the :class:`~flambeau.training.run.Run`.

    Arguments: ``optimizer``, a name, an :func:`~flambeau.training.optimiser.optimiser` or an Optax transformation;
    ``steps`` in all, counted from the very beginning also when resuming; ``monitors`` watch; ``key``, a JAX key or an
    integer seed; ``stopping`` may end the run early; ``trainable``, a filter (Equinox) of what is learned; ``verbose``
    shows a progress bar; ``checkpoint``, a file renewed after every chunk; ``resume``, an earlier run or a checkpoint.

    >>> from flambeau.networks import mlp
    >>> from flambeau.problems import Examples, xor
    >>> from flambeau.rules import Backpropagation
    >>> network = mlp((2, 4, 1), "tanh", "sigmoid", key=jax.random.key(1))
    >>> run = train(network, Backpropagation(), Examples.of(*xor()), steps=2000, batch_size=4, key=1)
    >>> bool(run.history["loss"][-1] < run.history["loss"][0])
    True

    Raises :class:`~flambeau.errors.ConfigurationError` for settings that cannot work, and
    :class:`~flambeau.errors.DivergenceError`, naming epoch, step and layer, when the loss leaves the finite numbers.
    """
    started = time.perf_counter()
    check(steps, batch_size, monitors)
    arrays, static = eqx.partition(network, eqx.is_array)
    chosen = optimiser(optimizer)
    program = Program(rule, chosen.mechanism, tuple(monitors), stopping or RunAll(), static, trainable)
    seed = numbers_of(key)
    progress = begin(program, arrays)
    position = Position()
    if resume is not None:
        progress, position = take_up(resume, program, progress)
    kept, stopped = None, False
    work = batch_size * sum(leaf.size for leaf in jax.tree.leaves(program.learned(network, network)))
    do = advance_for(tuple(options_for(work).items()))
    with progress_bar(verbose, steps, position.steps) as show:
        for count, rows in chunks(problem, seed, position, batch_size, steps, watched=bool(monitors)):
            numbers = np.minimum(position.steps + np.arange(rows.shape[0] * rows.shape[1]), steps - 1)
            rates = chosen.rates(numbers)  # a schedule is not asked beyond the run's last step
            call = program, progress, problem, rows, rates.reshape(rows.shape[:2]), seed
            chunk = do(*call, np.int32(count))
            made = int(chunk.rounds)
            bad = np.asarray(chunk.reports["bad"])[:made]
            if (bad >= 0).any():
                raise explain_divergence(do, call, position.rounds, made, int(bad[-1]))
            position.add(made, made * rows.shape[1], chunk.reports)
            progress, kept, stopped = chunk.progress, chunk.kept, bool(chunk.stop)
            show(position.steps, float(chunk.reports["history"]["loss"][made - 1]))
            if checkpoint:
                save_checkpoint(checkpoint, progress, position)
            if stopped:
                break
    if kept is None:  # a resumed run that was already there
        kept = program.concluded(progress)
    counts = {"steps": int(steps), "batch_size": int(batch_size), "seed": seed.tolist()}
    configuration = configuration_of(network, program, chosen, problem, **counts)
    return Run(kept, position.history(), position.records(), position.rounds, position.steps, stopped,
               time.perf_counter() - started, configuration, progress)  # fmt: skip


def chunks(
    problem: Problem, seed: np.ndarray, position: Position, batch_size: int, steps: int, *, watched: bool
) -> Iterator[tuple[int, np.ndarray]]:
    """``(rounds to do, rows of shape (rounds, steps, batch))`` until ``steps`` are done; ``position`` moves between.

    The shape depends on the size of the problem only, never on how much is left, so it is compiled once; only a run
    that does not end with a whole round needs a second program for its last, shorter one.
    """
    each, width = problem.orders(seed, 0, 1, batch_size).shape[1:]
    most = ROUNDS_WATCHED if watched else ROUNDS_PER_CHUNK
    capacity = int(np.clip(ROWS_PER_CHUNK // (each * width), 1, most))
    while position.steps < steps:
        left = steps - position.steps
        count = min(capacity, left // each)
        if count == 0:
            yield 1, problem.orders(seed, position.rounds, 1, batch_size)[:, :left]
            continue
        rows = np.full((capacity, each, width), -1, np.int32)
        rows[:count] = problem.orders(seed, position.rounds, count, batch_size)
        yield count, rows


def take_up(earlier: Run | str, program: Program, fresh: Progress) -> tuple[Progress, Position]:
    """Go on from a run in memory, or from a checkpoint shaped like ``fresh``.

    A run in memory may go on with other monitors or another stopping criterion: these then begin anew, and so they do
    after a run that had been stopped, which goes on from the network that its criterion kept.
    """
    if not isinstance(earlier, Run):
        return load_checkpoint(earlier, fresh)
    progress = earlier.progress
    for part in ("network", "rule", "optimiser"):
        if outline(getattr(progress, part)) != outline(getattr(fresh, part)):
            expected, remedy = f"the {part} of the earlier run", "resume with the same settings, or start a new run"
            raise ConfigurationError("resume", expected, f"another {part}", remedy)
    same = {
        part: outline(getattr(progress, part)) == outline(getattr(fresh, part)) for part in ("stopping", "memories")
    }
    if earlier.stopped and same["stopping"]:
        kept = program.stopping.conclude(progress.stopping, program.network(progress))
        progress = progress._replace(network=eqx.filter(kept, eqx.is_array), stopping=fresh.stopping)
    elif earlier.stopped:
        progress = progress._replace(network=fresh.network)
    progress = progress._replace(**{part: getattr(fresh, part) for part, kept in same.items() if not kept})
    return progress, Position.of(earlier.rounds, earlier.steps, earlier.history, earlier.records)


def outline(tree: PyTree) -> tuple[str, list]:
    """Structure, shapes and types of a pytree."""
    leaves, structure = jax.tree.flatten(tree)
    return str(structure), [(np.shape(leaf), np.asarray(leaf).dtype) for leaf in leaves]


def numbers_of(key: Any) -> np.ndarray:
    """The two numbers of a JAX key; an integer seed n stands for ``jax.random.key(n)``."""
    if isinstance(key, int | np.integer | float | str | None):
        if not isinstance(key, int | np.integer) or not 0 <= key < 2**32:
            raise ConfigurationError("train.key", "a seed from 0 to 2**32 - 1, or a JAX key", key, "pass key=0")
        return np.asarray([0, key], np.uint32)
    return np.asarray(jax.random.key_data(key))


def check(steps: int, batch_size: int, monitors: Sequence[AbstractMonitor]) -> None:
    """Refuse counts below 1 and monitors that would overwrite each other."""
    for name, value in (("steps", steps), ("batch_size", batch_size)):
        if not isinstance(value, int | np.integer) or value < 1:
            raise ConfigurationError(f"train.{name}", "a whole number of at least 1", repr(value), "pass a larger one")
    names = [monitor.name for monitor in monitors]
    if len(set(names)) != len(names):
        raise ConfigurationError("train.monitors", "a name of its own for each", names, "rename one of them")


def configuration_of(
    network: PyTree, program: Program, chosen: Optimiser, problem: Problem, **numbers: Any
) -> dict[str, Any]:
    """Every setting of a run, ready for JSON."""
    return {
        "network": describe(network),
        "rule": describe(program.rule),
        "optimizer": chosen.name,
        "learning_rate": describe(chosen.schedule),
        "settings": describe(chosen.mechanism.settings),
        "problem": describe(problem),
        "stopping": describe(program.stopping),
        "monitors": [monitor.name for monitor in program.monitors],
        **numbers,
        "jax": jax.__version__,
        "device": jax.devices()[0].platform,
    }
