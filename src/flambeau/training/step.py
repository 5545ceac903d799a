"""One training step, and what a run is made of: the rule proposes, the optimiser disposes, monitors watch."""

import functools
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from flambeau.foundation.precision import dtype
from flambeau.foundation.programs import run_once
from flambeau.foundation.random import fold_in_words, key_of, split_words
from flambeau.problems.base import AbstractProblem
from flambeau.rules.base import AbstractRule
from flambeau.training.keeping import AbstractKeeper
from flambeau.training.monitoring import AbstractMonitor, Moment, check_needs
from flambeau.training.optimizer import Mechanism
from flambeau.training.run import Progress
from flambeau.training.stopping import AbstractStopping

# Numbers that no step has, for the keys of what happens once a run and once a round.
START, COLLECT = np.uint32(2**32 - 1), np.uint32(2**32 - 2)


class Program(eqx.Module):
    """The pieces of a run that stay as they are: the same for every member of a population.

    ``static`` is the network without its arrays (these are in the progress), ``trainable`` says what is learned: a
    question to every leaf of the network (floats are learned unless it says otherwise), or a tree of answers.
    """

    rule: AbstractRule
    optimiser: Mechanism
    monitors: tuple[AbstractMonitor, ...]
    stopping: AbstractStopping
    keeper: AbstractKeeper
    static: PyTree
    trainable: PyTree

    def network(self, progress: Progress) -> PyTree:
        """The whole network at this point."""
        return eqx.combine(progress.network, self.static)

    def learned(self, tree: PyTree, network: PyTree) -> PyTree:
        """The part of ``tree``, a network or a proposal, that is learned; the network decides, not the proposal."""
        learned = eqx.filter(network, self.trainable)
        return jax.tree.map(lambda own, leaf: None if own is None else leaf, learned, tree, is_leaf=lambda x: x is None)

    def kept(self, progress: Progress) -> PyTree:
        """The network to keep if the run ended here."""
        return self.keeper.network(progress.keeping, self.network(progress))


@run_once
def begin(program: Program, arrays: PyTree, problem: AbstractProblem, given: PyTree, words: Any) -> Progress:
    """The progress before the first step, made in one compiled call from the network's ``arrays``.

    ``given`` is what the problem's feed hands to one step: it tells the rule what a batch looks like.
    """
    key = key_of(words)
    network = eqx.combine(arrays, program.static)
    memory = problem.init(key)
    batch = jax.eval_shape(problem.batch, given, memory, key)
    progress = Progress(
        arrays,
        program.optimiser.init(program.learned(network, network)),
        program.rule.init(network, batch),
        memory,
        tuple(monitor.init(network) for monitor in program.monitors),
        program.stopping.init(network),
        program.keeper.init(network),
        jnp.zeros((), jnp.int32),
    )
    # A literal's type is "weak", a step's result is not: without this the second chunk would compile again.
    return jax.tree.map(lambda leaf: jax.lax.convert_element_type(leaf, leaf.dtype), progress)


class Keys(NamedTuple):
    """The keys of a chunk as words: of every round (what is collected), of every step (the problem's, the rule's)."""

    rounds: Any
    steps: Any


def start_words(seed: np.ndarray) -> np.ndarray:
    """The key of what is drawn once, before the first step."""
    return fold_in_words(seed, START)[0]


def keys_of(seed: np.ndarray, numbers: np.ndarray) -> Keys:
    """The keys of steps with these numbers (rounds, steps): they depend on the seed and the step's number alone.

    Made on the host, the next chunk's while one is under way, so that no program has to.
    """
    collecting = _collecting(*map(int, seed[:2]))
    runs = np.repeat([seed[:2], collecting], [numbers.size, len(numbers)], axis=0)
    folded = fold_in_words(runs, np.concatenate([numbers.ravel(), numbers[:, 0]]))  # at once: small calls cost most
    steps = folded[: numbers.size].reshape(*numbers.shape, 2)
    return Keys(folded[numbers.size :], split_words(steps))


@functools.lru_cache(64)
def _collecting(*seed: int) -> np.ndarray:
    """The key from which the rounds' are derived."""
    return fold_in_words(np.asarray(seed, np.uint32), COLLECT)[0]


def step(program: Program, progress: Progress, batch: Any, rate: Array, key: Array) -> tuple[Progress, tuple]:
    """One step: the rule proposes, the optimiser disposes; monitors, keeper and criterion watch."""
    network = program.network(progress)
    proposal, rule, info = program.rule.propose(network, batch, progress.rule, key)
    check_watchers(program, info)
    proposal, learned = program.learned(proposal, network), program.learned(network, network)
    update, optimiser = program.optimiser.update(proposal, progress.optimiser, learned, rate)
    moment = Moment(progress.step, batch, network, proposal, update, info)
    watching = zip(program.monitors, progress.memories, strict=True)
    progress = progress._replace(
        network=eqx.apply_updates(progress.network, update),
        optimiser=optimiser,
        rule=rule,
        memories=tuple(monitor.observe(memory, moment) for monitor, memory in watching),
        stopping=program.stopping.observe(progress.stopping, moment),
        keeping=program.keeper.observe(progress.keeping, moment),
        step=progress.step + 1,
    )
    return progress, (info["loss"].astype(dtype()), info["weight"].astype(dtype()))


def check_watchers(program: Program, info: dict[str, Any]) -> None:
    """Refuse, while compiling, a monitor, criterion or keeper that reads what the rule does not tell."""
    rule = type(program.rule).__name__
    for monitor in program.monitors:
        check_needs(monitor.name, monitor.needs, info, rule)
    for watcher in (program.stopping, program.keeper):
        check_needs(type(watcher).__name__, watcher.needs, info, rule)
