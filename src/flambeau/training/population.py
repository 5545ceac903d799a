"""Many runs of the same shapes abreast, as one compiled program: seeds, settings, networks."""

import dataclasses
import functools
import time
from collections.abc import Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from flambeau.errors import ConfigurationError
from flambeau.foundation.programs import options_for
from flambeau.problems.base import AbstractProblem
from flambeau.training.divergence import all_finite
from flambeau.training.feeding import ROUNDS_PER_CHUNK, ROUNDS_WATCHED, Fed
from flambeau.training.monitoring import AbstractMonitor
from flambeau.training.rounds import Chunk, advance_rounds
from flambeau.training.run import Progress, Run
from flambeau.training.session import LAST, Count, Session
from flambeau.training.step import Keys, Program


def population(
    network: Any,
    rule: Any,
    problem: AbstractProblem,
    *,
    optimizer: Any = "sgd",
    steps: Count | None = None,
    epochs: Count | None = None,
    batch_size: Count = 32,
    keep: Any = LAST,
    stopping: Any = None,
    monitors: Sequence[AbstractMonitor] = (),
    key: Any = 0,
    trainable: PyTree = eqx.is_inexact_array,
) -> list[Run]:
    """Train many members at once, each as :func:`~flambeau.training.train.train` would alone; one run for each.

    ``network``, ``rule``, ``optimizer``, ``keep``, ``stopping`` and ``key`` may each be a list, one entry a member;
    what is no list is shared. Members may differ in numbers, never in shapes or kinds. One that has stopped stays as it
    is while the others go on. One that leaves the finite numbers is no error here: its run has ``diverged`` set, and is
    the run before the chunk in which that happened.

    >>> from flambeau.networks import mlp
    >>> from flambeau.problems import Examples, xor
    >>> from flambeau.rules import Backpropagation
    >>> from flambeau.training import optimizer
    >>> network = mlp((2, 4, 1), "tanh", "sigmoid", key=jax.random.key(1))
    >>> rates = [optimizer("sgd", rate) for rate in (0.01, 0.1, 1.0)]
    >>> runs = population(network, Backpropagation(), Examples.of(*xor()), optimizer=rates, epochs=200, batch_size=4)
    >>> [run.rounds for run in runs], int(np.argmin([run.history["loss"][-1] for run in runs]))
    ([200, 200, 200], 2)

    *Limits.* Nothing of it can be resumed as a whole; each run can, by ``train``. Last bits may differ from a run
    alone, since the compiler fuses a mapped step in its own way. All members are computed until the last one stops.
    """
    started = time.perf_counter()
    shared: dict[str, Any] = {"steps": steps, "epochs": epochs, "batch_size": batch_size, "monitors": tuple(monitors)}
    varied = {"network": network, "rule": rule, "optimizer": optimizer, "keep": keep, "stopping": stopping, "key": key}
    sessions = [
        Session(problem=problem, trainable=trainable, resume=None, **shared, **own) for own in members_of(varied)
    ]
    return _Population(problem, sessions, started).runs()


def members_of(varied: dict[str, Any]) -> list[dict[str, Any]]:
    """The settings of each member: lists are dealt out, everything else is everyone's."""
    sizes = {name: len(value) for name, value in varied.items() if isinstance(value, list)}
    if len(set(sizes.values())) != 1 or not min(sizes.values()):
        expected = "lists of one length, at least one of them"
        raise ConfigurationError("population", expected, sizes, "for instance key=[0, 1, 2]")
    count = next(iter(sizes.values()))
    return [{name: value[i] if name in sizes else value for name, value in varied.items()} for i in range(count)]


class _Population:
    """Sessions that advance together."""

    def __init__(self, problem: AbstractProblem, sessions: list[Session], started: float) -> None:
        self.problem, self.sessions, self.started = problem, sessions, started
        first = sessions[0]
        self.own, self.shared, self.static = _split([session.program for session in sessions])
        self.progress: Progress = _stacked([session.progress for session in sessions])
        self.kept: PyTree = None
        self.going = np.ones(len(sessions), bool)
        self.ended: dict[int, Run] = {}
        self.most = min([ROUNDS_WATCHED if first.program.monitors else ROUNDS_PER_CHUNK]
                        + [session.chosen.ahead for session in sessions])  # fmt: skip

    def runs(self) -> list[Run]:
        """All runs, in the members' order."""
        first, feeds = self.sessions[0], []
        for session in self.sessions:
            feeds.append(session.chunks((0, 0), self.most))
        advance = _advance_population(tuple(options_for(first.work * len(feeds)).items()))
        for fed in zip(*feeds, strict=True):
            self._take(advance, fed)
            if not self.going.any():
                break
        return [self._run(place) for place in range(len(self.sessions))]

    def _take(self, advance: Any, fed: tuple[Fed, ...]) -> None:
        """One chunk for everyone who is still going."""
        count, each = fed[0].rounds, fed[0].each
        given, keys = jax.tree.map(lambda *leaves: np.stack(leaves), *((one.given, one.keys) for one in fed))
        rates = np.stack([session.rates(one.numbers) for session, one in zip(self.sessions, fed, strict=True)])
        before = self.progress
        chunk: Chunk = advance(
            self.static, self.shared, self.own, before, self.problem, given, rates, keys,
            np.where(self.going, count, 0).astype(np.int32), np.int32(each),
        )  # fmt: skip
        reports, made, stop = (jax.tree.map(np.asarray, part) for part in (chunk.reports, chunk.rounds, chunk.stop))
        for place in np.flatnonzero(self.going):
            self._note(int(place), int(made[place]), each, bool(stop[place]), reports, (before, chunk.progress))
        self.progress, self.kept = chunk.progress, chunk.kept

    def _note(self, place: int, made: int, each: int, stop: bool, reports: PyTree, ends: tuple) -> None:
        """What a chunk brought to one member."""
        session, own = self.sessions[place], jax.tree.map(lambda leaf: leaf[place], reports)
        last = own["history"]["loss"][made - 1]
        if not (np.isfinite(last) and all_finite(_member(ends[1].network, place))):
            session.progress = _member(ends[0], place)
            kept = session.program.kept(session.progress)
            self.ended[place] = _timed(session.run(kept, stopped=False), self.started, diverged=True)
            self.going[place] = False
            return
        session.ledger.add(made, made * each, own)
        self.going[place] = not stop

    def _run(self, place: int) -> Run:
        """One member's run."""
        if place in self.ended:
            return self.ended[place]
        session = self.sessions[place]
        session.progress = _member(self.progress, place)
        kept = eqx.combine(_member(self.kept, place), session.program.static)
        stopped = not self.going[place]
        if stopped and session.program.keeper.returns:
            session.progress = session.progress._replace(network=eqx.filter(kept, eqx.is_array))
        return _timed(session.run(kept, stopped=bool(stopped)), self.started)


def _timed(run: Run, started: float, *, diverged: bool = False) -> Run:
    """A run that took as long as the population."""
    return dataclasses.replace(run, seconds=time.perf_counter() - started, diverged=diverged)


def _split(programs: list[Program]) -> tuple[list, list, PyTree]:
    """``(leaves of each member, stacked; leaves of all; the rest)``: what is the same object for all is not copied."""
    parted = [eqx.partition(program, eqx.is_array) for program in programs]
    flat = [jax.tree.flatten(arrays) for arrays, _ in parted]
    same_kind = len({str(tree) for _, tree in flat}) == 1 and all(
        eqx.tree_equal(static, parted[0][1]) is True for _, static in parted
    )
    if not same_kind:
        remedy = "differ in numbers only, or train them one by one"
        raise ConfigurationError("population", "members of the same kinds and shapes", "others", remedy)
    own: list = []
    shared: list = []
    for leaves in zip(*(leaves for leaves, _ in flat), strict=True):
        alike = all(leaf is leaves[0] for leaf in leaves)
        own.append(None if alike else jnp.stack([jnp.asarray(leaf) for leaf in leaves]))
        shared.append(leaves[0] if alike else None)
    return own, shared, (flat[0][1], parted[0][1])


def _stacked(progresses: list[Progress]) -> Progress:
    """The members' arrays, member first."""
    return jax.tree.map(lambda *leaves: jax.device_put(np.stack([np.asarray(leaf) for leaf in leaves])), *progresses)


def _member(tree: PyTree, place: int) -> PyTree:
    """One member's arrays."""
    return jax.tree.map(lambda leaf: jax.device_put(np.asarray(leaf)[place]), tree)


def _advance_members(
    static: PyTree, shared: list, own: list, progress: Progress, problem: AbstractProblem, given: PyTree,
    rates: Array, keys: Keys, counts: Array, each: Array,
) -> Chunk:  # fmt: skip
    """:func:`advance_rounds` of every member, mapped."""
    structure, rest = static

    def one(own: list, progress: Progress, given: PyTree, rates: Array, keys: Keys, count: Array) -> Chunk:
        leaves = [mine if mine is not None else all_s for mine, all_s in zip(own, shared, strict=True)]
        program: Program = eqx.combine(jax.tree.unflatten(structure, leaves), rest)
        chunk = advance_rounds(program, progress, problem, given, rates, keys, count, each)
        return eqx.tree_at(lambda c: c.kept, chunk, eqx.filter(chunk.kept, eqx.is_array), is_leaf=lambda x: x is None)

    return jax.vmap(one)(own, progress, given, rates, keys, counts)


@functools.cache
def _advance_population(options: tuple[tuple[str, Any], ...]) -> Any:
    """The mapped chunk, compiled with XLA options."""
    return eqx.filter_jit(_advance_members, compiler_options=dict(options))  # type: ignore[call-overload]
