"""Who is kept, and the border where what is kept is copied."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import flambeau as fb
from flambeau.foundation.memory import on_device
from flambeau.problems import Examples
from flambeau.rules import AbstractRule, Evaluation, MeanSquaredError
from flambeau.training import Average, Best, Beyond, Judgement, Last, Moment, NoMistakes, Patience, Pocket, Votes
from table import KEEPERS, batch_of, small_perceptron


@pytest.mark.parametrize("name", KEEPERS)
def test_a_keeper_keeps_the_shapes_of_its_state_and_of_the_network(name, x64):
    keeper, network = KEEPERS[name](), small_perceptron()
    info = {"mistakes": jnp.asarray(1), "weight": jnp.asarray(1.0), "loss": jnp.asarray(0.5)}
    moment = Moment(jnp.asarray(0), batch_of(), network, network, network, info)

    def course(network):
        state = keeper.init(network)
        after, _ = keeper.judge(keeper.observe(state, moment), network, Judgement(False, jnp.asarray(0.5), {}))
        return state, after, keeper.network(after, network)

    before, after, kept = jax.eval_shape(course, network)
    shapes = lambda tree: jax.tree.map(lambda leaf: (leaf.shape, leaf.dtype), tree)  # noqa: E731
    assert shapes(before) == shapes(after)
    assert shapes(kept) == shapes(network)
    assert set(keeper.needs) <= set(info)


class Walk(AbstractRule):
    """Moves a number by -1 a step; its loss is the distance from 2.5, and every second step is a mistake."""

    def init(self, network, batch):
        return jnp.zeros((), jnp.int32)

    def propose(self, network, batch, state, key):
        info = {"loss": jnp.abs(network - 2.5), "weight": jnp.asarray(1.0), "mistakes": state % 2}
        return jnp.ones(()), state + 1, info


def walked(steps=8, each=1, **settings):
    problem = fb.problems.Generated(lambda key: jnp.zeros(()), each)
    return fb.train(jnp.asarray(6.0), Walk(), problem, steps=steps, optimizer=fb.optimizer("sgd", 1.0), **settings)


def test_last_best_average_and_votes_of_a_walk_that_passes_its_best():
    """6, 5, 4, 3, 2, 1, 0, -1, -2: the loss of a round is that of the network before its step."""
    assert float(walked(keep=Last()).network) == -2
    # Judged after the step: the network that follows the smallest loss of a round.
    assert float(walked(keep=Best()).network) == 2
    assert float(walked(keep=Best(newest=True)).network) == 1  # 3 and 2 are as far from 2.5
    assert float(walked(keep=Average()).network) == np.mean([5, 4, 3, 2, 1, 0, -1, -2])
    votes = walked(keep=Votes(16)).progress.keeping
    assert int(votes.mistakes) == 4
    np.testing.assert_array_equal(votes.survived[:5], [1, 2, 2, 2, 1])
    np.testing.assert_array_equal(votes.networks[:4], [5, 3, 1, -1])


def test_the_best_by_a_score_of_its_own_and_by_the_criterion_s():
    def far(network, data):
        return jnp.abs(network - data), {"distance": jnp.abs(network - data)}

    own = walked(keep=Best(far, jnp.asarray(4.0)))
    assert float(own.network) == 4
    np.testing.assert_array_equal(own.history["distance"], [1, 0, 1, 2, 3, 4, 5, 6])
    stopped = walked(keep=Best(), stopping=Patience(far, jnp.asarray(4.0), patience=2, tolerance=0.0))
    assert (float(stopped.network), stopped.rounds, stopped.stopped) == (4, 4, True)
    beyond = walked(keep=Best(newest=True), stopping=Beyond(far, jnp.asarray(5.0), patience=2, limit=1.0))
    assert (beyond.rounds, beyond.stopped) == (4, True)


def test_going_on_after_a_stop_starts_from_what_was_kept_with_patience_anew():
    def far(network, data):
        return jnp.abs(network - data), {}

    early = {"keep": Best(), "stopping": Patience(far, jnp.asarray(4.0), patience=2, tolerance=0.0)}
    first = walked(**early)
    assert float(first.progress.network) == 4
    more = walked(steps=first.steps + 1, resume=first, **early)
    assert float(more.network) == 3  # the best of the rounds since
    assert not more.stopped
    plain = walked(steps=first.steps + 1, resume=first)
    assert float(plain.network) == 3


@pytest.mark.parametrize("watcher", [{"keep": Pocket(batch_of())}, {"keep": Votes(4)}, {"stopping": NoMistakes()}])
def test_who_reads_what_the_rule_does_not_tell_is_refused(watcher):
    problem = Examples.of(np.ones((4, 4)), np.ones((4, 3)))
    with pytest.raises(fb.errors.ConfigurationError, match=r"info has 'mistakes', got DeltaRule"):
        fb.train(small_perceptron("sigmoid"), fb.rules.DeltaRule(), problem, epochs=1, batch_size=4, **watcher)


# ------------------------------------------------------------------------------------------- memory of one's own


def aligned_rows(n=64, columns=16):
    """Rows that XLA could use as they are: single precision, 64-byte aligned."""
    raw = np.zeros(n * columns * 4 + 64, np.uint8)
    start = -raw.ctypes.data % 64
    rows = raw[start : start + n * columns * 4].view(np.float32).reshape(n, columns)
    rows[:] = np.arange(n)[:, None]
    return rows


def test_examples_share_no_memory_with_what_was_given():
    X, d, w = aligned_rows(), aligned_rows(64, 16), aligned_rows(64, 1)[:, 0]
    problem = Examples.of(X, d, w)
    before = np.array(problem.inputs), np.array(problem.targets), np.array(problem.weights)
    for given in (X, d, w):
        given -= 100
    for kept, found in zip(before, (problem.inputs, problem.targets, problem.weights), strict=True):
        np.testing.assert_array_equal(found, kept)


def held(make):
    X = aligned_rows(8, 4)
    keeper, data = make(fb.rules.Batch(X, aligned_rows(8, 3), np.ones(8, np.float32)))
    before = np.array(data(keeper))
    X += 7
    return before, np.asarray(data(keeper))


@pytest.mark.parametrize(
    "make",
    [
        lambda batch: (Patience(Evaluation(MeanSquaredError()), batch), lambda k: k.data.inputs),
        lambda batch: (Best(Evaluation(MeanSquaredError()), batch), lambda k: k.data.inputs),
        lambda batch: (Beyond(Evaluation(MeanSquaredError()), batch), lambda k: k.data.inputs),
        lambda batch: (Pocket(batch), lambda k: k.examples.inputs),
        lambda batch: (fb.monitors.ValidationCurve(Evaluation(MeanSquaredError()), batch), lambda k: k.data.inputs),
        lambda batch: (fb.monitors.FeatureMotion.on(batch.inputs), lambda k: k.probe),
        lambda batch: (fb.monitors.JacobianSpectrum.on(batch.inputs), lambda k: k.probe),
        lambda batch: (
            fb.problems.Sharded.of(batch.inputs, batch.targets, devices=jax.devices()[:1]),
            lambda k: k.inputs,
        ),
    ],
    ids=["patience", "best", "beyond", "pocket", "validation", "motion", "jacobian", "sharded"],
)
def test_whatever_keeps_data_keeps_its_own(make):
    before, after = held(make)
    np.testing.assert_array_equal(after, before)


def test_examples_copy_once_and_look_once(monkeypatch):
    looked = []
    original = np.isfinite
    monkeypatch.setattr(np, "isfinite", lambda values: looked.append(1) or original(values))
    Examples.of(np.ones((8, 2)), np.ones(8))
    assert len(looked) == 2
    Examples.of(np.ones((8, 2)), np.ones(8), checked=True)
    assert len(looked) == 2
    own = on_device(np.ones((5, 3)), np.float32, 8)
    assert own.unsafe_buffer_pointer() % 64 == 0
    np.testing.assert_array_equal(own[5:], 0)
