"""What is to come, walked through on the loop as it is: each walk is a small problem and rule, run and checked."""

import os
import subprocess
import sys
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array

import flambeau as fb
from flambeau.problems import AbstractMemoryless, AbstractProblem, Examples, Generated, Streamed, step_numbers
from flambeau.rules import AbstractRule, Backpropagation, Batch
from flambeau.training import feeding

# ------------------------------------------------------------ truncated back-propagation, carried state, reset by row


class Leaky(eqx.Module):
    """h_t = a h_(t-1) + x_t, read out as w h_t."""

    a: Array
    w: Array


class Window(NamedTuple):
    """A piece of many series: x and d (time, batch), and which rows begin anew."""

    x: Array
    d: Array
    reset: Array


class Series(AbstractMemoryless):
    """Windows of series in their order: what is fed are the numbers themselves."""

    x: np.ndarray = eqx.field(static=True, converter=lambda x: Hidden(x))
    length: int = eqx.field(static=True, default=5)

    def feed(self, seed, first, count, batch_size):
        x = self.x.values
        windows = x.reshape(x.shape[0], -1, self.length).transpose(1, 2, 0)
        d = np.cumsum(x, axis=1).reshape(x.shape[0], -1, self.length).transpose(1, 2, 0)
        reset = np.zeros((len(windows), x.shape[0]), bool)
        reset[0] = True
        return tuple(np.stack([part] * count) for part in (windows, d, reset))

    def batch(self, given, memory, key):
        return Window(*given)


class Hidden:
    """An array that is no part of the compiled program."""

    def __init__(self, values):
        self.values = values


class TruncatedBPTT(AbstractRule):
    """Gradients within a window, the state carried over: it is as wide as the batch, which ``init`` is told."""

    def init(self, network, batch):
        return jnp.zeros(batch.x.shape[1], batch.x.dtype)

    def propose(self, network, batch, state, key):
        start = jnp.where(batch.reset, 0, state)

        def error(network):
            def one(h, x):
                h = network.a * h + x
                return h, network.w * h

            last, y = jax.lax.scan(one, start, batch.x)
            return jnp.mean((y - batch.d) ** 2), last

        (loss, last), proposal = jax.value_and_grad(error, has_aux=True)(network)
        return proposal, last, {"loss": loss, "weight": jnp.asarray(1.0)}


def test_truncated_bptt_carries_its_state_across_windows_chunks_and_a_resume(monkeypatch):
    """A running sum is learned only with a state carried over: d at the 20th place needs what windows ago was seen."""
    x = np.random.default_rng(0).normal(size=(3, 20)).astype(np.float32)
    network = Leaky(jnp.asarray(0.9), jnp.asarray(1.0))
    settings = {"optimizer": fb.optimizer("adam", 0.02), "batch_size": 1}
    whole = fb.train(network, TruncatedBPTT(), Series(x), epochs=60, **settings)
    assert abs(float(whole.network.a) - 1) < 0.05
    assert whole.history["loss"][-1] < 0.1 * whole.history["loss"][0]
    np.testing.assert_allclose(whole.progress.rule.shape, (3,))
    monkeypatch.setattr(feeding, "ROWS_PER_CHUNK", 1)
    half = fb.train(network, TruncatedBPTT(), Series(x), steps=4 * 3, **settings)
    more = fb.train(network, TruncatedBPTT(), Series(x), epochs=60, resume=half, **settings)
    np.testing.assert_array_equal(more.network.a, whole.network.a)
    # One row that begins anew hears nothing of the row before; its neighbours do.
    rule, window = TruncatedBPTT(), Window(jnp.zeros((5, 2)), jnp.zeros((5, 2)), jnp.asarray([True, False]))
    after = rule.propose(network, window, jnp.ones(2), jax.random.key(0))[1]
    assert float(after[0]) == 0 < float(after[1])


# ------------------------------------------------------------------------------- a rollout, then many steps on it


class Bandit(AbstractProblem):
    """Two arms, the second pays 1: a round begins with a rollout of the policy as it is, the steps go over it."""

    pulls: int = eqx.field(static=True, default=64)
    steps: int = eqx.field(static=True, default=4)

    def feed(self, seed, first, count, batch_size):
        return step_numbers(first, count, self.steps)

    def init(self, key):
        return {
            "arms": jnp.zeros(self.pulls, jnp.int32),
            "old": jnp.zeros(self.pulls),
            "rolled": jnp.zeros((), jnp.int32),
        }

    def collect(self, memory, network, key):
        arms = jax.random.categorical(key, network, shape=(self.pulls,)).astype(jnp.int32)
        return {"arms": arms, "old": jax.nn.log_softmax(network)[arms], "rolled": memory["rolled"] + 1}

    def batch(self, given, memory, key):
        return memory["arms"], memory["old"], (memory["arms"] == 1).astype(jnp.float32)


class ClippedPolicy(AbstractRule):
    """PPO's surrogate on a table of log-probabilities."""

    def init(self, network, batch):
        return jnp.zeros(batch[2].shape)  # the ratios, one a pull: shapes are known before the first rollout

    def propose(self, network, batch, state, key):
        arms, old, reward = batch
        advantage = reward - reward.mean()

        def error(network):
            ratio = jnp.exp(jax.nn.log_softmax(network)[arms] - old)
            clipped = jnp.clip(ratio, 0.8, 1.2)
            return -jnp.mean(jnp.minimum(ratio * advantage, clipped * advantage)), ratio

        (loss, ratio), proposal = jax.value_and_grad(error, has_aux=True)(network)
        return proposal, ratio, {"loss": loss, "weight": jnp.asarray(1.0)}


def test_a_rollout_once_a_round_and_several_steps_on_it():
    run = fb.train(jnp.zeros(2), ClippedPolicy(), Bandit(), epochs=40, optimizer=fb.optimizer("sgd", 1.0), key=1)
    assert int(run.progress.problem["rolled"]) == run.rounds == 40
    assert run.steps == 160
    assert jax.nn.softmax(run.network)[1] > 0.95
    first = fb.train(jnp.zeros(2), ClippedPolicy(), Bandit(), epochs=1, optimizer=fb.optimizer("sgd", 1.0), key=1)
    assert not np.allclose(first.progress.rule, 1)  # the old policy stays that of the rollout while the new one moves
    resumed = fb.train(jnp.zeros(2), ClippedPolicy(), Bandit(), epochs=40, resume=first, key=1,
                       optimizer=fb.optimizer("sgd", 1.0))  # fmt: skip
    np.testing.assert_array_equal(resumed.network, run.network)


# ----------------------------------------------------------------------------------------------- a batch of tasks


def sines(key):
    """Four tasks of their own phase: rows to adapt on, rows to be judged on."""
    phase, place = jax.random.split(key)
    phases = jax.random.uniform(phase, (4, 1, 1), maxval=jnp.pi)
    x = jax.random.uniform(place, (4, 20, 1), minval=-3, maxval=3)
    return x[:, :10], jnp.sin(x + phases)[:, :10], x[:, 10:], jnp.sin(x + phases)[:, 10:]


class SecondOrder(AbstractRule):
    """MAML: the gradient of the loss after one step of the inner rule, through that step."""

    rate: float = eqx.field(static=True, default=0.1)

    def init(self, network, batch):
        return ()

    def propose(self, network, batch, state, key):
        inner = Backpropagation()

        def adapted(network, x, d, far, judged):
            step, _, _ = inner.propose(network, Batch(x, d, jnp.ones(len(x))), (), key)
            moved = jax.tree.map(lambda w, g: w - self.rate * g, network, step)
            return jnp.mean((moved(far) - judged) ** 2)

        def error(network):
            return jnp.mean(jax.vmap(adapted, (None, 0, 0, 0, 0))(network, *batch))

        loss, proposal = eqx.filter_value_and_grad(error)(network)
        return proposal, state, {"loss": loss, "weight": jnp.asarray(1.0)}


def test_a_batch_of_tasks_is_learned_from_through_an_inner_step():
    network = fb.networks.mlp((1, 10, 1), "tanh", "identity", key=jax.random.key(0))
    run = fb.train(network, SecondOrder(), Generated(sines, 25), epochs=8, optimizer=fb.optimizer("adam", 0.01), key=2)
    assert (run.steps, run.rounds) == (200, 8)
    assert run.history["loss"][-1] < 0.8 * run.history["loss"][0]
    again = fb.train(
        network, SecondOrder(), Generated(sines, 25), epochs=8, optimizer=fb.optimizer("adam", 0.01), key=2
    )
    np.testing.assert_array_equal(again.history["loss"], run.history["loss"])


# ------------------------------------------------------------------------------------- data larger than the device


def some_rows(n=50):
    return fb.problems.two_moons(n, noise=0.1, random_state=0)


def small(seed=0):
    return fb.networks.mlp((2, 5, 1), "tanh", "sigmoid", key=jax.random.key(seed))


def test_a_stream_of_one_window_is_the_data_set_itself():
    X, y = some_rows()
    settings = {"epochs": 3, "batch_size": 16, "key": 3}
    kept = fb.train(small(), Backpropagation(), Examples.of(X, y), **settings)
    streamed = fb.train(small(), Backpropagation(), Streamed.of(X, y, window=64), **settings)
    np.testing.assert_allclose(streamed.history["loss"], kept.history["loss"], rtol=1e-6)


def test_a_stream_reads_every_row_once_a_pass_and_its_windows_in_new_orders():
    X = np.arange(22.0)[:, None]
    problem = Streamed.of(X, np.zeros(22), np.full(22, 2.0), window=8)
    assert problem.rounds == 3
    inputs, _, weights = problem.feed(np.asarray([0, 1], np.uint32), 0, 6, 4)
    assert inputs.shape == (6, 2, 4, 1)
    passes = [np.sort(inputs[i : i + 3][weights[i : i + 3] > 0].ravel()) for i in (0, 3)]
    for found in passes:
        np.testing.assert_array_equal(found, X.ravel())
    assert set(np.unique(weights)) == {0, 2}
    orders = [tuple(int(inputs[i][weights[i] > 0].min()) // 8 for i in range(start, start + 3)) for start in (0, 3)]
    for seed in range(2, 6):
        found, _, own = problem.feed(np.asarray([0, seed], np.uint32), 0, 3, 4)
        orders.append(tuple(int(rows[each > 0].min()) // 8 for rows, each in zip(found, own, strict=True)))
    assert {tuple(sorted(order)) for order in orders} == {(0, 1, 2)}
    assert len(set(orders)) > 1  # of windows; below, of their rows too
    firsts = {tuple(problem.feed(np.asarray([0, s], np.uint32), r, 3, 4)[0].ravel()) for s in (1, 2) for r in (0, 3)}
    assert len(firsts) == 4
    np.testing.assert_array_equal(problem.feed(np.asarray([0, 1], np.uint32), 4, 1, 4)[0], inputs[4:5])


def test_a_stream_reads_a_memory_map_window_by_window_and_one_ahead(tmp_path):
    """The device never holds more than what is under way; the next window is read before this one is waited for."""
    X, y = some_rows(64)
    np.save(tmp_path / "rows.npy", X.astype(np.float32))

    class Watched:
        def __init__(self, values):
            self.values, self.read = values, []

        def __len__(self):
            return len(self.values)

        @property
        def shape(self):
            return self.values.shape

        def __getitem__(self, piece):
            self.read.append((piece.stop - piece.start, seen[0]))
            return self.values[piece]

    seen = [0]
    source = Watched(np.load(tmp_path / "rows.npy", mmap_mode="r"))
    problem = Streamed.of(source, y, window=16, shuffle=False)
    for run in fb.training.parts(small(), Backpropagation(), problem, epochs=2 * problem.rounds, batch_size=8,
                                 monitors=(), optimizer=fb.optimizer("sgd", fb.training.Plateau(0.1))):  # fmt: skip
        seen[0] = run.rounds
    assert run.rounds == 8
    assert {size for size, _ in source.read} == {16}
    reads = [at for _, at in source.read]
    # Twice to learn the shapes, then window k is read while k - 1 have been seen and one more is under way.
    assert reads[-7:] == [0, 1, 2, 3, 4, 5, 6]


def test_two_streams_of_the_same_kind_share_a_program():
    X, y = some_rows(48)
    first, second = Streamed.of(X, y, window=16), Streamed.of(X[::-1].copy(), y, window=16)
    assert first.host == second.host
    assert hash(first.host) == hash(second.host)
    assert first.host != Streamed.of(np.ones((48, 3)), y, window=16).host


@pytest.mark.parametrize(
    ("inputs", "targets", "match"),
    [(np.ones((3, 2)), np.ones(4), "one target"), (np.ones((0, 2)), np.ones(0), "at least one input")],
)
def test_streams_that_cannot_be_are_refused(inputs, targets, match):
    with pytest.raises(fb.errors.DataError, match=match):
        Streamed.of(inputs, targets)


def test_a_row_that_is_not_finite_is_refused_when_it_is_met():
    X, y = some_rows(32)
    X[20, 0] = np.nan
    problem = Streamed.of(X, y, window=16, shuffle=False)
    with pytest.raises(fb.errors.DataError, match="rows 16 to 32"):
        problem.feed(np.zeros(2, np.uint32), 0, 2, 8)


# ------------------------------------------------------------------------------------------ rows over four devices

FOUR = """
import re, sys
import equinox as eqx, jax, numpy as np
import flambeau as fb
from flambeau.problems import AbstractMemoryless, Examples, Sharded
from flambeau.training import feeding
from flambeau.training.rounds import advance_rounds
from flambeau.training.session import LAST, Session

assert jax.device_count() == 4
numbers = np.random.default_rng(0)
X, d = numbers.normal(size=(64, 6)), np.eye(3)[numbers.integers(0, 3, 64)]
network = fb.networks.mlp((6, 8, 3), "tanh", "softmax", key=jax.random.key(0))
rule, adam = fb.rules.Backpropagation(fb.rules.CrossEntropy()), fb.optimizer("adam", 0.01)
problem = Sharded.of(X, d)
settings = {"epochs": 3, "batch_size": 16, "optimizer": adam, "key": 5}
run = fb.train(network, rule, problem, **settings)

class Ordered(AbstractMemoryless):
    examples: Examples
    rows: np.ndarray
    def feed(self, seed, first, count, batch_size):
        return np.asarray(self.rows)[first : first + count]
    def batch(self, given, memory, key):
        return self.examples.rows(given)

rows = problem.feed(np.asarray([0, 5], np.uint32), 0, 3, 16) + 16 * np.arange(4)[:, None]
one = fb.train(network, rule, Ordered(Examples.of(X, d), rows.reshape(3, 4, 16)), **settings)
apart = [np.abs(np.asarray(a) - np.asarray(b)).max() for a, b in
         zip(jax.tree.leaves(run.network), jax.tree.leaves(one.network), strict=True)]
print("apart", max(apart))
session = Session(network, rule, problem, adam, None, 3, 16, LAST, None, (), 5, eqx.is_inexact_array, None)
fed = next(feeding.fed_chunks(problem, session.seed, (0, 0), 16, 12, 1))
lowered = eqx.filter_jit(advance_rounds).lower(*session.call(fed), np.int32(1), np.int32(fed.each))
text = lowered.compile().compiled.as_text()
print("exchanges", len(re.findall(r" all-reduce(?:-start)?\\(", text)))
print("placed", {str(leaf.sharding.is_fully_replicated) for leaf in jax.tree.leaves(session.progress)},
      len(problem.inputs.sharding.device_set), problem.inputs.addressable_shards[0].data.shape)
"""


def test_rows_over_four_devices_give_the_same_network_with_one_exchange_a_step():
    flags = "--xla_force_host_platform_device_count=4"
    environment = {**os.environ, "XLA_FLAGS": flags, "PYTHONPATH": os.pathsep.join(sys.path)}
    ran = subprocess.run(
        [sys.executable, "-c", FOUR], capture_output=True, text=True, env=environment, timeout=300, check=False
    )
    assert ran.returncode == 0, ran.stderr
    told = dict(line.split(" ", 1) for line in ran.stdout.splitlines())
    assert float(told["apart"]) < 1e-6
    assert told["exchanges"] == "1"
    assert told["placed"] == "{'True'} 4 (16, 6)"


def test_blocks_hold_every_row_once_and_a_batch_that_does_not_divide_is_refused():
    from flambeau.problems import Sharded

    problem = Sharded.of(np.arange(10.0)[:, None], np.zeros(10), devices=jax.devices()[:1])
    rows = problem.feed(np.asarray([0, 1], np.uint32), 3, 2, 4)
    assert rows.shape == (2, 3, 1, 4)
    for own in rows:
        np.testing.assert_array_equal(np.sort(own[own >= 0]), np.arange(10))
    X, y = some_rows()
    settings = {"epochs": 3, "batch_size": 16, "key": 3}
    kept = fb.train(small(), Backpropagation(), Examples.of(X, y), **settings)
    shards = fb.train(small(), Backpropagation(), Sharded.of(X, y, devices=jax.devices()[:1]), **settings)
    np.testing.assert_allclose(shards.history["loss"], kept.history["loss"], rtol=1e-6)
