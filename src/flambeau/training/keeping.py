"""Which network is kept: the last, the best, the mean of all, the pocket's, or all of them with their votes.

A keeper watches every step and every round, compiled with the loop, and never changes what is learned. Early stopping
is a criterion and a keeper: ``stopping=Patience(score, data), keep=Best()``.
"""

import abc
from typing import ClassVar, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from flambeau.foundation.memory import kept_apart
from flambeau.rules.base import Batch
from flambeau.training.monitoring import Moment
from flambeau.training.stopping import Judgement, Score


class AbstractKeeper(eqx.Module):
    """Says which network a run leaves.

    ``needs`` names what it reads of the rule's info; ``returns`` says that a run which its criterion has stopped goes
    on, when it is resumed, from the network that was kept (otherwise from the last one).
    """

    needs: ClassVar[tuple[str, ...]] = ()
    returns: ClassVar[bool] = False

    @abc.abstractmethod
    def init(self, network: PyTree) -> PyTree:
        """The state before the first step."""

    @abc.abstractmethod
    def observe(self, state: PyTree, moment: Moment) -> PyTree:
        """One step has been made."""

    @abc.abstractmethod
    def judge(self, state: PyTree, network: PyTree, judgement: Judgement) -> tuple[PyTree, dict[str, Array]]:
        """A round has ended, judged by the stopping criterion: ``(state, numbers for the history)``."""

    @abc.abstractmethod
    def network(self, state: PyTree, last: PyTree) -> PyTree:
        """The network to keep if the run ended here with the ``last`` one."""


class Last(AbstractKeeper):
    """Keeps the last network."""

    def init(self, network: PyTree) -> PyTree:
        """Nothing to remember."""
        return ()

    def observe(self, state: PyTree, moment: Moment) -> PyTree:
        """Nothing to note."""
        return state

    def judge(self, state: PyTree, network: PyTree, judgement: Judgement) -> tuple[PyTree, dict[str, Array]]:
        """No comparison."""
        return state, {}

    def network(self, state: PyTree, last: PyTree) -> PyTree:
        """The last."""
        return last


class BestState(NamedTuple):
    """The best network so far and its score."""

    network: PyTree
    score: Array


class Best(AbstractKeeper):
    """Keeps the network whose score was smallest at the end of a round.

    Arguments: ``score(network, data) -> (number to make small, numbers for the history)``, or None for the score that
    the stopping criterion watches (the training loss, where it watches none); ``data``; ``newest``, whether of equal
    scores the newest network is kept rather than the first.

    *Limits.* Holds a second copy of the network. A score of its own costs one evaluation a round.
    """

    returns: ClassVar[bool] = True
    score: Score | None = eqx.field(static=True, default=None)
    data: PyTree = eqx.field(converter=kept_apart, default=None)
    newest: bool = eqx.field(static=True, default=False)

    def init(self, network: PyTree) -> BestState:
        """Anything is better than nothing yet."""
        return BestState(network, jnp.asarray(jnp.inf))

    def observe(self, state: BestState, moment: Moment) -> BestState:
        """Only rounds count."""
        return state

    def judge(self, state: BestState, network: PyTree, judgement: Judgement) -> tuple[BestState, dict[str, Array]]:
        """Compare."""
        now, numbers = (judgement.score, {}) if self.score is None else self.score(network, self.data)
        better = now <= state.score if self.newest else now < state.score
        kept = jax.tree.map(lambda new, old: jnp.where(better, new, old), network, state.network)
        return BestState(kept, jnp.where(better, now, state.score).astype(state.score.dtype)), numbers

    def network(self, state: BestState, last: PyTree) -> PyTree:
        """The best."""
        return state.network


class AverageState(NamedTuple):
    """Mean of the networks met so far (before each example), what rounding has lost of it, their number, the first."""

    mean: PyTree
    lost: PyTree
    met: Array
    first: PyTree


class Average(AbstractKeeper):
    """Keeps the mean of the weights after *every* step; for the perceptron the cheap cousin of the vote.

    The running mean is compensated (Kahan 1965): after millions of steps a single one still counts in single precision.

    >>> import flambeau as fb
    >>> model = fb.Perceptron("averaged", shuffle=False).fit(*fb.problems.logic_gate("or"))
    >>> model.network_.layers[0].structure.weights.T.tolist()  # 16 examples seen, integer weights averaged
    [[0.625, 0.9375]]

    *Limits.* The average answers; learning goes on from the last weights.
    Source: Freund and Schapire 1999; Collins 2002. Lecture: 单层感知机.
    """

    needs: ClassVar[tuple[str, ...]] = ("weight",)

    def init(self, network: PyTree) -> AverageState:
        """Nothing met yet."""
        still = jax.tree.map(jnp.zeros_like, network)
        return AverageState(still, still, jnp.zeros((), jnp.int32), network)

    def observe(self, state: AverageState, moment: Moment) -> AverageState:
        """The network before the step joins the mean, unless the batch was all padding."""
        there = moment.info["weight"] > 0
        met = state.met + there
        share = jnp.where(there, 1 / jnp.maximum(met, 1), 0)
        change = jax.tree.map(lambda m, w, lost: (w - m) * share - lost, state.mean, moment.network, state.lost)
        mean = jax.tree.map(jnp.add, state.mean, change)
        lost = jax.tree.map(lambda new, old, step: (new - old) - step, mean, state.mean, change)
        return AverageState(mean, lost, met, state.first)

    def judge(self, state: AverageState, network: PyTree, judgement: Judgement) -> tuple[PyTree, dict[str, Array]]:
        """Only steps count."""
        return state, {}

    def network(self, state: AverageState, last: PyTree) -> PyTree:
        """Mean after each step = mean before each, with the first exchanged for the last."""
        met = jnp.maximum(state.met, 1)
        return jax.tree.map(lambda m, end, first: m + (end - first) / met, state.mean, last, state.first)


class PocketState(NamedTuple):
    """The pocket's network, the run that earned it its place, the run under way, whether the network of that run has
    already lost a challenge, and the pocket's training errors."""

    network: PyTree
    longest: Array
    run: Array
    lost: Array
    errors: Array


class Pocket(AbstractKeeper):
    """Gallant's pocket algorithm with ratchet: keep the weights that were right longest, if they also err less.

    Argument: ``examples``, the training set against which a challenger is counted before it may replace the pocket
    (the ratchet), so the kept network never gets worse. For rules whose info has ``mistakes``, one example a step.

    >>> import flambeau as fb
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0, 1, 1, 0]  # no threshold gets more than three right
    >>> bool(fb.Perceptron("pocket", max_epochs=20, random_state=0).fit(X, y).score(X, y) == 0.75)
    True

    *Limits.* A count over the whole training set for every network whose run is longer than the pocket's.
    Source: Gallant 1990, "Perceptron-based learning algorithms". Lecture: 单层感知机.
    """

    needs: ClassVar[tuple[str, ...]] = ("mistakes",)
    examples: Batch = eqx.field(converter=kept_apart)

    def init(self, network: PyTree) -> PocketState:
        """The start is in the pocket, with its errors on these examples and no run behind it."""
        zero = jnp.zeros((), jnp.int32)
        return PocketState(network, zero, zero, jnp.asarray(False), self.errors(network))

    def errors(self, network: PyTree) -> Array:
        """Weighted number of training examples decided wrongly."""
        wrong = jnp.any(network(self.examples.inputs) != self.examples.targets, axis=-1)
        return jnp.sum(wrong * self.examples.weights)

    def observe(self, state: PocketState, moment: Moment) -> PocketState:
        """The network before the step is a challenger once its run is the longest."""
        right = moment.info["mistakes"] == 0
        state = state._replace(run=jnp.where(right, state.run + 1, 0), lost=state.lost & right)
        challenged = (state.run > state.longest) & ~state.lost
        return jax.lax.cond(challenged, lambda: self.challenge(moment.network, state), lambda: state)

    def challenge(self, network: PyTree, state: PocketState) -> PocketState:
        """Ratchet: a longer run wins only if the whole training set agrees; a network that lost is not asked again."""
        errors = self.errors(network)
        better = errors < state.errors
        won = PocketState(network, state.run, state.run, jnp.asarray(False), errors)
        held = state._replace(lost=jnp.asarray(True))
        return jax.tree.map(lambda new, old: jnp.where(better, new, old), won, held)

    def judge(self, state: PocketState, network: PyTree, judgement: Judgement) -> tuple[PyTree, dict[str, Array]]:
        """Only steps count."""
        return state, {}

    def network(self, state: PocketState, last: PyTree) -> PyTree:
        """The pocket, unless the last network errs less."""
        better = self.errors(last) < state.errors
        return jax.tree.map(lambda new, old: jnp.where(better, new, old), last, state.network)


class VotesState(NamedTuple):
    """The networks met, ``(capacity, ...)`` each, how many examples each survived, and how many there are."""

    networks: PyTree
    survived: Float[Array, " capacity"]
    mistakes: Array


class Votes(AbstractKeeper):
    """Stores every network met, with the number of examples it survived as its votes; the last one is what it keeps.

    Argument: ``capacity``, how many networks may be stored (one per mistake, plus the start). Prediction by
    :func:`voted_output` from ``run.progress.keeping``. For rules whose info has ``mistakes``, one example a step.

    *Limits.* Memory grows with the mistakes; beyond the capacity the count goes on and nothing more is stored, so
    compare ``state.mistakes`` with it. Source: Freund and Schapire 1999.
    """

    needs: ClassVar[tuple[str, ...]] = ("mistakes", "weight")
    capacity: int = eqx.field(static=True, default=4096)

    def init(self, network: PyTree) -> VotesState:
        """The start is the first voter."""
        networks = jax.tree.map(lambda w: jnp.zeros((self.capacity, *w.shape), w.dtype).at[0].set(w), network)
        return VotesState(networks, jnp.zeros(self.capacity), jnp.zeros((), jnp.int32))

    def observe(self, state: VotesState, moment: Moment) -> VotesState:
        """The network before the step votes once more, or a mistake seats the next one."""
        networks = self.seated(state, moment.network).networks
        # An example counts for the network that stands after it: the one that was right, or the one it gave rise to.
        seat = state.mistakes + (moment.info["mistakes"] > 0)
        survived = state.survived.at[seat].add(moment.info["weight"] > 0, mode="drop")
        return VotesState(networks, survived, seat)

    def judge(self, state: VotesState, network: PyTree, judgement: Judgement) -> tuple[PyTree, dict[str, Array]]:
        """Only steps count."""
        return state, {}

    def network(self, state: VotesState, last: PyTree) -> PyTree:
        """The last network; the vote itself lives in the state."""
        return last

    def seated(self, state: VotesState, last: PyTree) -> VotesState:
        """The state with ``last`` on its seat: a network is stored when the next example meets it."""
        networks = jax.tree.map(lambda all, w: all.at[state.mistakes].set(w, mode="drop"), state.networks, last)
        return state._replace(networks=networks)


def voted_output(state: VotesState, x: Float[Array, "batch inputs"]) -> Float[Array, "batch units"]:
    """Σ_k c_k f(s_k(x)): each stored network's output, weighted by the examples it survived."""

    def add(ballot: Array, voter: tuple[PyTree, Array]) -> tuple[Array, None]:
        network, survived = voter
        return ballot + survived * network(x), None

    empty = jnp.zeros_like(jax.tree.map(lambda w: w[0], state.networks)(x))
    ballot, _ = jax.lax.scan(add, empty, (state.networks, state.survived))
    return ballot
