"""One run under way: what stays as it is, how far it has got, and how it goes on."""

import functools
import time
import warnings
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import equinox as eqx
import jax
import numpy as np
from jaxtyping import PyTree

from flambeau.errors import ConfigurationError, DivergenceError, check_value
from flambeau.foundation.programs import options_for
from flambeau.foundation.random import key_words
from flambeau.problems.base import AbstractProblem
from flambeau.rules.base import AbstractRule
from flambeau.training.checkpoint import fingerprint, load_checkpoint
from flambeau.training.configuration import configuration_of
from flambeau.training.divergence import all_finite, explain_divergence
from flambeau.training.feeding import ROUNDS_PER_CHUNK, ROUNDS_WATCHED, Fed, fed_chunks, first_given, steps_each
from flambeau.training.keeping import AbstractKeeper, Last
from flambeau.training.ledger import Ledger
from flambeau.training.monitoring import AbstractMonitor
from flambeau.training.optimizer import Optimizer
from flambeau.training.optimizer import optimizer as make_optimizer
from flambeau.training.rounds import compiled_advance
from flambeau.training.run import Progress, Run
from flambeau.training.schedules import Horizon
from flambeau.training.step import Program, begin, start_words
from flambeau.training.stopping import AbstractStopping, RunAll

# Whole numbers of at least 1, and a number of at least 0: NumPy's too, and judged in words rather than by their types.
Count: TypeAlias = Any
Seconds: TypeAlias = Any

LAST = Last()


class Session:
    """One run under way: what stays as it is, and how far it has got."""

    def __init__(
        self,
        network: PyTree,
        rule: AbstractRule,
        problem: AbstractProblem,
        optimizer: Any,
        steps: Count | None,
        epochs: Count | None,
        batch_size: Count,
        keep: AbstractKeeper,
        stopping: AbstractStopping | None,
        monitors: tuple[AbstractMonitor, ...],
        key: Any,
        trainable: PyTree,
        resume: Run | str | None,
    ) -> None:
        self.started = time.perf_counter()
        _check_counts(steps, epochs, batch_size, monitors)
        arrays, static = eqx.partition(network, eqx.is_array)
        self.chosen: Optimizer = make_optimizer(optimizer)
        mechanism = self.chosen.mechanism
        self.program = Program(rule, mechanism, monitors, stopping or RunAll(), keep, static, trainable)
        self.problem, self.batch_size, self.seed = problem, int(batch_size), _seed_numbers(key)
        self.first = problem.feed(self.seed, 0, 1, self.batch_size)
        self.each = steps_each(self.first)
        self.progress = begin(self.program, arrays, problem, first_given(self.first), start_words(self.seed))
        self.ledger = Ledger()
        self.configuration = configuration_of(
            network, self.program, self.chosen, problem, steps=0, batch_size=self.batch_size, seed=self.seed.tolist()
        )
        if isinstance(resume, Run):
            self.progress, self.ledger = _take_up(resume, self.program, self.progress)
        elif resume is not None:
            self.progress, self.ledger = load_checkpoint(resume, self.progress, self.configuration, self.prints)
        self.steps = int(steps or self.ledger.steps + ((epochs or 0) - self.ledger.rounds) * self.each)
        learned = self.program.learned(network, network)
        self.work = self.batch_size * sum(leaf.size for leaf in jax.tree.leaves(learned))
        self.configuration["steps"] = int(self.steps)
        if self.steps < self.ledger.steps:
            done = f"{self.ledger.steps} steps were done before, {self.steps} are asked for in all"
            text = f"{done}: nothing is left to do"
            warnings.warn(text, RuntimeWarning, stacklevel=3)

    @functools.cached_property
    def prints(self) -> dict[str, str]:
        """Fingerprints of everything that holds numbers and is not learned: a checkpoint is of these."""
        program = self.program
        parts = {"problem": self.problem, "rule": program.rule, "stopping": program.stopping, "keep": program.keeper}
        return {name: fingerprint(part) for name, part in parts.items()}

    def over(self, run: Run) -> bool:
        """Whether nothing is left to do."""
        return run.stopped or run.steps >= self.steps

    def runs(self) -> Iterator[Run]:
        """The run after every chunk; at least one, also where nothing was left to do."""
        advance = compiled_advance(tuple(options_for(self.work).items()))
        most = min(ROUNDS_WATCHED if self.program.monitors else ROUNDS_PER_CHUNK, self.chosen.ahead)
        done = self.ledger.rounds, self.ledger.steps
        chunks = self.chunks(done, most)
        upcoming = next(chunks, None)
        if upcoming is None:
            yield self.run(eqx.filter_jit(Program.kept)(self.program, self.progress), stopped=False)
        while upcoming is not None:
            call, count, each = self.call(upcoming), upcoming.rounds, upcoming.each
            chunk = advance(*call, np.int32(count), np.int32(each))
            upcoming = next(chunks, None)  # prepared while this one is under way
            made, reports = int(chunk.rounds), jax.tree.map(np.asarray, chunk.reports)
            # The last update has no later loss to show it.
            if not (np.isfinite(reports["history"]["loss"][made - 1]) and all_finite(chunk.progress.network)):
                raise self.diverged(advance, call, made, each)
            self.ledger.add(made, made * each, reports)
            self.progress, stopped = chunk.progress, bool(chunk.stop)
            if stopped and self.program.keeper.returns:
                self.progress = self.progress._replace(network=eqx.filter(chunk.kept, eqx.is_array))
            yield self.run(chunk.kept, stopped=stopped)
            if stopped:
                return

    def chunks(self, done: tuple[int, int], most: int) -> Iterator[Fed]:
        """What every chunk is fed, from ``done`` on; asked once, so what round 0 is fed is handed over."""
        first, self.first = self.first, None
        return fed_chunks(self.problem, self.seed, done, self.batch_size, self.steps, most, first)

    def call(self, fed: Fed) -> tuple:
        """What the compiled chunk is called with, but for how much of it is to be done."""
        return self.program, self.progress, self.problem, fed.given, self.rates(fed.numbers), fed.keys

    def rates(self, numbers: np.ndarray) -> np.ndarray:
        """The learning rate of every step of these numbers; a schedule is not asked beyond the run's last one."""
        horizon = Horizon(self.each, self.steps, self.ledger.history().get("loss", np.empty(0)))
        return self.chosen.rates(np.minimum(numbers, self.steps - 1).ravel(), horizon).reshape(numbers.shape)

    def run(self, kept: PyTree, *, stopped: bool) -> Run:
        """The run as it stands."""
        ledger, seconds = self.ledger, time.perf_counter() - self.started
        return Run(kept, ledger.history(), ledger.records(), ledger.rounds, ledger.steps, stopped, seconds,
                   self.configuration, self.progress)  # fmt: skip

    def diverged(self, advance: Any, call: tuple, made: int, each: int) -> DivergenceError:
        """The error, with the run up to the last finite round."""
        good, bad, layer = explain_divergence(advance, call, made, each)
        where = f"training, epoch {self.ledger.rounds + int(good.rounds) + 1}, step {bad + 1}, {layer}"
        self.progress = good.progress
        self.ledger.add(int(good.rounds), int(good.rounds) * each, jax.tree.map(np.asarray, good.reports))
        remedy = "lower the learning rate, clip the gradient (clip_norm), or scale the inputs"
        run = self.run(good.kept, stopped=False)
        return DivergenceError(where, "a finite loss", "infinity or NaN", remedy, run)


def _take_up(earlier: Run, program: Program, fresh: Progress) -> tuple[Progress, Ledger]:
    """Go on from a run in memory.

    It may go on with other monitors, another criterion or another keeper: these then begin anew. So does
    a criterion that had stopped the run, with a keeper that returns to what it kept.
    """
    progress = earlier.progress
    if progress.network is None:
        remedy = "start a new run, or save with training=True what is to go on"
        raise ConfigurationError("resume", "a run that can go on", "one saved with training=False", remedy)
    for part in ("network", "rule", "optimiser", "problem"):
        if _outline(getattr(progress, part)) != _outline(getattr(fresh, part)):
            expected, remedy = f"the {part} of the earlier run", "resume with the same settings, or start a new run"
            raise ConfigurationError("resume", expected, f"another {part}", remedy)
    watching = ("stopping", "keeping", "memories")
    anew = {part for part in watching if _outline(getattr(progress, part)) != _outline(getattr(fresh, part))}
    if earlier.stopped:
        anew |= {"stopping", "keeping"} if program.keeper.returns else {"stopping"}
    progress = progress._replace(**{part: getattr(fresh, part) for part in anew})
    return progress, Ledger.of(earlier.rounds, earlier.steps, earlier.history, earlier.records)


def _outline(tree: PyTree) -> tuple[str, list]:
    """Structure, shapes and types of a pytree."""
    leaves, structure = jax.tree.flatten(tree)
    return str(structure), [(np.shape(leaf), np.asarray(leaf).dtype) for leaf in leaves]


def _seed_numbers(key: Any) -> np.ndarray:
    """The two numbers of a JAX key; an integer seed n stands for ``jax.random.key(n)``."""
    if isinstance(key, int | np.integer | float | str | None):
        if isinstance(key, bool) or not isinstance(key, int | np.integer) or not 0 <= key < 2**32:
            raise ConfigurationError("train.key", "a seed from 0 to 2**32 - 1, or a JAX key", key, "pass key=0")
        return np.asarray([0, key], np.uint32)
    return key_words(key)


def _check_counts(steps: Any, epochs: Any, batch_size: Any, monitors: Sequence[AbstractMonitor]) -> None:
    """Refuse counts that are no whole numbers of at least 1, and monitors that would overwrite each other."""
    if (steps is None) == (epochs is None):
        got = "neither" if steps is None else "both"
        raise ConfigurationError("train.steps, epochs", "exactly one of the two", got, "pass epochs=100")
    for name, value in (("steps", steps), ("epochs", epochs), ("batch_size", batch_size)):
        if value is not None:
            check_value(f"train.{name}", value, 1, whole=True)
    names = [monitor.name for monitor in monitors]
    if len(set(names)) != len(names):
        raise ConfigurationError("train.monitors", "a name of its own for each", names, "rename one of them")
