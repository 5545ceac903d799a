"""The perceptron rule w += η x (d - y), and three ways to keep the best of what it passes through.

One rule serves step, sign and winner-take-all (Kesler) units: the proposal is ``correlate(x, y - d)``, the gradient of
the perceptron criterion Σ (y - d) s with y held fixed. It is *not* the gradient of the squared error, whose slope
through a step is 0 (the lecture's remark holds for a linear unit, see :class:`~flambeau.rules.delta.LeastMeanSquares`).

Pocket, averaged and voted wrap the rule: they change what is kept, never what is proposed.
Lecture: 单层感知机 (the single-layer perceptron).
"""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from flambeau.rules.base import AbstractRule, Batch, check_inputs, check_targets, mean_over, one_layer

__all__ = ["Averaged", "PerceptronRule", "Pocket", "Voted", "voted_output"]


class PerceptronRule(AbstractRule):
    """w += η x (d - y) after every example (use ``batch_size=1`` for the classical form).

    Info: ``loss`` (the perceptron criterion), ``weight``, ``mistakes`` (examples with y ≠ d), ``output``.

    A separable problem is learned with at most (R/γ)² mistakes, whatever the order and η when the start is zero:
    R = max ‖(x, 1)‖, γ the best margin of a unit vector (Novikoff 1962). *Limits:* one layer; on a problem that is
    not separable it never stops. Source: Rosenblatt 1958. Lecture: 单层感知机.

    >>> from flambeau.networks import perceptron
    >>> rule, network = PerceptronRule(), perceptron(2, 1)
    >>> batch = Batch(jnp.asarray([[1.0, 1.0]]), jnp.asarray([[1.0]]), jnp.ones(1))
    >>> proposal, _, info = rule.propose(network, batch, (), jax.random.key(0))
    >>> proposal.layers[0].structure.weights.T.tolist(), int(info["mistakes"])
    ([[-1.0, -1.0]], 1)
    """

    def init(self, network: PyTree) -> PyTree:
        """No state; refuses hidden layers."""
        one_layer(network, "PerceptronRule")
        return ()

    def propose(
        self, network: PyTree, batch: Batch, state: PyTree, key: Array
    ) -> tuple[PyTree, PyTree, dict[str, PyTree]]:
        """``correlate(x, y - d)``, summed over the batch."""
        layer = network.layers[0]
        check_inputs(network, batch, "PerceptronRule")
        trace = layer.forward(batch.inputs, key)
        check_targets(batch, trace.output, "PerceptronRule")
        difference = trace.output - batch.targets
        _, proposal = layer.credit(trace, difference * batch.weights[:, None])
        info = {
            "loss": mean_over(jnp.sum(difference * trace.net, axis=-1), batch.weights),
            "weight": jnp.sum(batch.weights),
            "mistakes": jnp.sum(jnp.any(difference != 0, axis=-1) & (batch.weights > 0)),
            "output": trace.output,
        }
        return eqx.tree_at(lambda n: n.layers, network, (proposal,)), state, info

    def conclude(self, network: PyTree, state: PyTree) -> PyTree:
        """The last network."""
        return network


class PocketState(NamedTuple):
    """The pocket's network, the run that earned it its place, the run under way, whether the network of that run has
    already lost a challenge, and the pocket's training errors."""

    network: PyTree
    longest: Array
    run: Array
    lost: Array
    errors: Array


class Pocket(AbstractRule):
    """Gallant's pocket algorithm with ratchet: keep the weights that were right longest, if they also err less.

    Arguments: ``rule``, the perceptron rule underneath; ``examples``, the training set against which a challenger
    is counted before it may replace the pocket (the ratchet), so the kept network never gets worse.

    >>> import flambeau as fb
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0, 1, 1, 0]  # no threshold gets more than three right
    >>> bool(fb.Perceptron("pocket", max_epochs=20, random_state=0).fit(X, y).score(X, y) == 0.75)
    True

    *Limits.* A count over the whole training set for every network whose run is longer than the pocket's.
    Source: Gallant 1990, "Perceptron-based learning algorithms". Lecture: 单层感知机.
    """

    rule: PerceptronRule
    examples: Batch

    def init(self, network: PyTree) -> PocketState:
        """The start is in the pocket."""
        self.rule.init(network)
        return self.recount(network)

    def recount(self, network: PyTree) -> PocketState:
        """A network in the pocket, with its errors on these examples and no run behind it."""
        zero = jnp.zeros((), jnp.int32)
        return PocketState(network, zero, zero, jnp.asarray(False), self.errors(network))

    def errors(self, network: PyTree) -> Array:
        """Weighted number of training examples decided wrongly."""
        wrong = jnp.any(network(self.examples.inputs) != self.examples.targets, axis=-1)
        return jnp.sum(wrong * self.examples.weights)

    def propose(
        self, network: PyTree, batch: Batch, state: PocketState, key: Array
    ) -> tuple[PyTree, PyTree, dict[str, PyTree]]:
        """The rule's proposal; the network before it is a challenger once its run is the longest."""
        proposal, _, info = self.rule.propose(network, batch, (), key)
        right = info["mistakes"] == 0
        state = state._replace(run=jnp.where(right, state.run + 1, 0), lost=state.lost & right)
        challenged = (state.run > state.longest) & ~state.lost
        kept = jax.lax.cond(challenged, lambda: self.challenge(network, state), lambda: state)
        return proposal, kept, info

    def challenge(self, network: PyTree, state: PocketState) -> PocketState:
        """Ratchet: a longer run wins only if the whole training set agrees; a network that lost is not asked again."""
        errors = self.errors(network)
        better = errors < state.errors
        won = PocketState(network, state.run, state.run, jnp.asarray(False), errors)
        held = state._replace(lost=jnp.asarray(True))
        return jax.tree.map(lambda new, old: jnp.where(better, new, old), won, held)

    def conclude(self, network: PyTree, state: PocketState) -> PyTree:
        """The pocket, unless the last network errs less."""
        better = self.errors(network) < state.errors
        return jax.tree.map(lambda new, old: jnp.where(better, new, old), network, state.network)


class AverageState(NamedTuple):
    """Mean of the networks met so far (before each example), what rounding has lost of it, their number, the first."""

    mean: PyTree
    lost: PyTree
    met: Array
    first: PyTree


class Averaged(AbstractRule):
    """The mean of the weights after *every* example, the cheap cousin of the vote.

    Argument: ``rule``, the rule underneath. The running mean is compensated (Kahan 1965): after millions of examples a
    single one still counts in single precision.

    >>> import flambeau as fb
    >>> model = fb.Perceptron("averaged", shuffle=False).fit(*fb.problems.logic_gate("or"))
    >>> model.network_.layers[0].structure.weights.T.tolist()  # 16 examples seen, integer weights averaged
    [[0.625, 0.9375]]

    *Limits.* The average answers; learning goes on from the last weights.
    Source: Freund and Schapire 1999; Collins 2002. Lecture: 单层感知机.
    """

    rule: PerceptronRule

    def init(self, network: PyTree) -> AverageState:
        """Nothing met yet."""
        self.rule.init(network)
        still = jax.tree.map(jnp.zeros_like, network)
        return AverageState(still, still, jnp.zeros((), jnp.int32), network)

    def propose(
        self, network: PyTree, batch: Batch, state: AverageState, key: Array
    ) -> tuple[PyTree, PyTree, dict[str, PyTree]]:
        """The rule's proposal; the network before it joins the mean."""
        proposal, _, info = self.rule.propose(network, batch, (), key)
        met = state.met + (info["weight"] > 0)
        share = jnp.where(info["weight"] > 0, 1 / jnp.maximum(met, 1), 0)
        change = jax.tree.map(lambda m, w, lost: (w - m) * share - lost, state.mean, network, state.lost)
        mean = jax.tree.map(jnp.add, state.mean, change)
        lost = jax.tree.map(lambda new, old, step: (new - old) - step, mean, state.mean, change)
        return proposal, AverageState(mean, lost, met, state.first), info

    def conclude(self, network: PyTree, state: AverageState) -> PyTree:
        """Mean after each example = mean before each, with the first exchanged for the last."""
        met = jnp.maximum(state.met, 1)
        return jax.tree.map(lambda m, last, first: m + (last - first) / met, state.mean, network, state.first)


class VotedState(NamedTuple):
    """The networks met, ``(capacity, ...)`` each, how many examples each survived, and how many there are."""

    networks: PyTree
    survived: Float[Array, " capacity"]
    mistakes: Array


class Voted(AbstractRule):
    """Every network met, with the number of examples it survived as its votes.

    Arguments: ``rule``, the rule underneath; ``capacity``, how many networks may be stored (one per mistake, plus the
    start). Prediction by :func:`voted_output`. *Limits.* Memory grows with the mistakes; beyond the capacity the count
    goes on and nothing more is stored, so compare ``state.mistakes`` with it. Source: Freund and Schapire 1999.
    """

    rule: PerceptronRule
    capacity: int = eqx.field(static=True, default=4096)

    def init(self, network: PyTree) -> VotedState:
        """The start is the first voter."""
        self.rule.init(network)
        networks = jax.tree.map(lambda w: jnp.zeros((self.capacity, *w.shape), w.dtype).at[0].set(w), network)
        return VotedState(networks, jnp.zeros(self.capacity), jnp.zeros((), jnp.int32))

    def propose(
        self, network: PyTree, batch: Batch, state: VotedState, key: Array
    ) -> tuple[PyTree, PyTree, dict[str, PyTree]]:
        """The rule's proposal; the network before it votes once more, or a mistake seats the next one."""
        proposal, _, info = self.rule.propose(network, batch, (), key)
        seat = state.mistakes
        networks = jax.tree.map(lambda all, w: all.at[seat].set(w, mode="drop"), state.networks, network)
        # An example counts for the network that stands after it: the one that was right, or the one it gave rise to.
        seat = seat + (info["mistakes"] > 0)
        survived = state.survived.at[seat].add(info["weight"] > 0, mode="drop")
        return proposal, VotedState(networks, survived, seat), info

    def conclude(self, network: PyTree, state: VotedState) -> PyTree:
        """The last network; the vote itself lives in the state (see :meth:`seated`)."""
        return network

    def seated(self, network: PyTree, state: VotedState) -> VotedState:
        """The state with the last network on its seat: a network is stored when the next example meets it."""
        networks = jax.tree.map(lambda all, w: all.at[state.mistakes].set(w, mode="drop"), state.networks, network)
        return state._replace(networks=networks)


def voted_output(state: VotedState, x: Float[Array, "batch inputs"]) -> Float[Array, "batch units"]:
    """Σ_k c_k f(s_k(x)): each stored network's output, weighted by the examples it survived."""

    def add(ballot: Array, voter: tuple[PyTree, Array]) -> tuple[Array, None]:
        network, survived = voter
        return ballot + survived * network(x), None

    empty = jnp.zeros_like(jax.tree.map(lambda w: w[0], state.networks)(x))
    ballot, _ = jax.lax.scan(add, empty, (state.networks, state.survived))
    return ballot
