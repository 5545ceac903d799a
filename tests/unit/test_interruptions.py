"""Noise that must not repeat, runs in parts and abreast, and what is left when a run is cut off."""

import pickle
import sys

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import flambeau as fb
from flambeau.errors import ConfigurationError, DivergenceError
from flambeau.problems import AbstractProblem, Binarised, Distorted, Distortion, Examples, Generated, step_numbers
from flambeau.rules import AbstractRule, Backpropagation, CrossEntropy, Evaluation
from flambeau.training import Best, NoMistakes, Patience, feeding, parts, population
from flambeau.training.ledger import Ledger

KEY = jax.random.key


def network(seed=0):
    return fb.networks.mlp((2, 5, 1), "tanh", "sigmoid", key=KEY(seed))


def moons(n=50):
    return Examples.of(*fb.problems.two_moons(n, noise=0.1, random_state=0))


SETTINGS = {"epochs": 6, "batch_size": 16, "key": 3, "optimizer": fb.optimizer("adam", 0.01)}


def trained(**changes):
    return fb.train(network(), Backpropagation(), moons(), **{**SETTINGS, **changes})


# ------------------------------------------------------------------------------------------------------- noise


class Echo(AbstractRule):
    """Learns nothing; its loss is what it was given, or a draw of its own."""

    own: bool

    def init(self, network, batch):
        return ()

    def propose(self, network, batch, state, key):
        loss = jax.random.uniform(key) if self.own else batch
        return jnp.zeros(()), state, {"loss": loss, "weight": jnp.ones(())}


@pytest.mark.parametrize("own", [True, False], ids=["of the rule", "of the problem"])
def test_the_noise_of_every_step_is_its_own_however_the_run_is_cut(own, monkeypatch):
    """A round is one step here, so the history holds what every single step drew."""

    def run(**changes):
        problem = Generated(jax.random.uniform, 1)
        return fb.train(jnp.zeros(()), Echo(own), problem, **{"steps": 12, "key": 3, **changes})

    whole = run().history["loss"]
    assert len(np.unique(whole)) == 12
    assert not np.isin(run(key=4).history["loss"], whole).any()
    monkeypatch.setattr(feeding, "ROWS_PER_CHUNK", 1)
    np.testing.assert_array_equal(run().history["loss"], whole)
    np.testing.assert_array_equal(run(resume=run(steps=5)).history["loss"], whole)


def test_problem_and_rule_share_no_noise():
    own, drawn = (
        fb.train(jnp.zeros(()), Echo(own), Generated(jax.random.uniform, 1), steps=12, key=3).history["loss"]
        for own in (True, False)
    )
    assert not np.isin(own, drawn).any()


def test_steps_within_a_round_draw_their_own_too():
    """Three steps a round, in one mean: it would be a single draw's if they shared it."""
    mean = fb.train(jnp.zeros(()), Echo(False), Generated(jax.random.uniform, 3), steps=3, key=3).history["loss"]
    each = fb.train(jnp.zeros(()), Echo(False), Generated(jax.random.uniform, 1), steps=3, key=3).history["loss"]
    np.testing.assert_allclose(mean, [each.mean()], rtol=1e-6)


class Rolled(AbstractProblem):
    """Every round begins with a number of its own."""

    def feed(self, seed, first, count, batch_size):
        return step_numbers(first, count, 2)

    def init(self, key):
        return jax.random.uniform(key)

    def collect(self, memory, network, key):
        return jax.random.uniform(key)

    def batch(self, given, memory, key):
        return memory


def test_what_is_collected_is_new_in_every_round():
    rounds = fb.train(jnp.zeros(()), Echo(False), Rolled(), epochs=8, key=3).history["loss"]
    assert len(np.unique(rounds)) == 8
    steps = fb.train(jnp.zeros(()), Echo(True), Generated(jax.random.uniform, 1), steps=16, key=3).history["loss"]
    assert not np.isin(rounds, steps).any()


def noisy(kind):
    """A network that stands still, all rows in one batch, in their order: only the noise can tell rounds apart."""
    x, d = (np.arange(24.0).reshape(6, 4) % 7) / 7, np.ones((6, 1))
    still = {"optimizer": optax.set_to_zero(), "epochs": 4, "batch_size": 6, "key": 1}
    rule, plain = Backpropagation(), Examples.of(x, d, shuffle=False)
    mlp = fb.networks.mlp((4, 5, 1), "tanh", "sigmoid", key=KEY(0))
    if kind == "dropout":
        return fb.train(fb.networks.mlp((4, 5, 1), "tanh", "sigmoid", dropout=0.5, key=KEY(0)), rule, plain, **still)
    if kind == "binarised":
        return fb.train(mlp, rule, Binarised(plain), **still)
    if kind == "contrastive":
        return fb.train(fb.networks.rbm(4, 3, key=KEY(0)), fb.rules.ContrastiveDivergence(), plain, **still)
    images = Examples.of(x.reshape(6, 2, 2, 1), d, shuffle=False)
    flat = fb.networks.FeedForward((fb.structures.Flatten(), *mlp.layers))
    return fb.train(flat, rule, Distorted.of(images, Distortion(shift=1.0)), **still)


@pytest.mark.parametrize("kind", ["dropout", "binarised", "contrastive", "distorted"])
def test_dropout_pixels_chains_and_distortions_do_not_repeat_from_round_to_round(kind):
    assert len(np.unique(noisy(kind).history["loss"])) == 4


# --------------------------------------------------------------------------------------------- epochs and parts


def test_epochs_are_rounds_and_exactly_one_of_the_two_is_said():
    by_epochs, by_steps = trained(), trained(epochs=None, steps=24)
    np.testing.assert_array_equal(by_epochs.history["loss"], by_steps.history["loss"])
    more = trained(epochs=8, resume=by_steps)
    assert (more.rounds, more.steps) == (8, 32)
    for wrong in ({"steps": 24}, {"epochs": None}):
        with pytest.raises(ConfigurationError, match="exactly one of the two"):
            trained(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [{"epochs": 2.5}, {"epochs": True}, {"epochs": None, "steps": -1}, {"epochs": None, "steps": "many"},
     {"batch_size": 16.5}, {"batch_size": np.float64(3)}, {"key": True}, {"key": 1.0}, {"time_limit": -1},
     {"time_limit": "soon"}],
    ids=str,
)  # fmt: skip
def test_counts_that_are_no_counts_are_typed_errors(wrong):
    with pytest.raises(ConfigurationError, match=f"train.{next(reversed(wrong))}"):
        trained(**wrong)
    assert trained(epochs=np.int64(6)).rounds == 6


def test_parts_are_the_run_so_far_and_whoever_has_seen_enough_stops(monkeypatch):
    whole = trained()
    monkeypatch.setattr(feeding, "ROWS_PER_CHUNK", 1)
    seen = list(parts(network(), Backpropagation(), moons(), **SETTINGS))
    assert [run.rounds for run in seen] == [1, 2, 3, 4, 5, 6]
    for run in seen:  # what was handed out does not change afterwards
        np.testing.assert_array_equal(run.history["loss"], whole.history["loss"][: run.rounds])
    jax.tree.map(np.testing.assert_array_equal, seen[-1].network, whole.network)
    for run in parts(network(), Backpropagation(), moons(), **SETTINGS):
        if run.rounds == 2:
            break
    jax.tree.map(np.testing.assert_array_equal, trained(resume=run).network, whole.network)
    with pytest.raises(ValueError, match="read-only"):
        run.history["loss"][0] = 0


def test_a_long_run_costs_each_of_its_chunks_the_same():
    """A thousand chunks into arrays that double: what is copied in all is about twice what is there, not its square."""
    ledger, copied, last = Ledger(), 0, None
    for number in range(1000):
        ledger.add(1, 1, {"history": {"loss": np.asarray([float(number)], np.float32)}, "records": {}})
        view = ledger.history()["loss"]
        copied += 0 if last is not None and view.base is last else len(view)
        last = view.base
    np.testing.assert_array_equal(view, np.arange(1000))
    assert copied < 3000


def test_numbers_that_were_not_asked_for_are_nan_and_records_are_of_what_was_watched():
    watched = {"norms": {"w": np.asarray([[1.0], [2.0]])}}
    ledger = Ledger.of(2, 8, {"loss": np.asarray([1.0, 2.0]), "old": np.asarray([5, 6])}, watched)
    more = {"norms": {"w": np.asarray([[3.0]])}, "more": {"x": np.asarray([1])}}
    ledger.add(1, 4, {"history": {"loss": np.asarray([3.0]), "new": np.asarray([7.0])}, "records": more})
    history, records = ledger.history(), ledger.records()
    np.testing.assert_array_equal(history["loss"], [1, 2, 3])
    np.testing.assert_array_equal(history["old"], [5, 6, np.nan])
    np.testing.assert_array_equal(history["new"], [np.nan, np.nan, 7])
    np.testing.assert_array_equal(records["norms"]["w"], [[1], [2], [3]])
    assert (ledger.rounds, ledger.steps, len(records["more"]["x"])) == (3, 12, 1)


# -------------------------------------------------------------------------------------------------- interruptions


PRESSED = {"at": 8}


def impatient(step):
    """A schedule under which somebody presses Ctrl-C in the third epoch, once."""
    if step >= PRESSED["at"]:
        raise KeyboardInterrupt
    return 0.1


def test_ctrl_c_keeps_what_was_learned_and_says_so(monkeypatch, tmp_path):
    monkeypatch.setattr(feeding, "ROWS_PER_CHUNK", 1)
    file = str(tmp_path / "run.checkpoint")
    with pytest.warns(RuntimeWarning, match=r"interrupted after 8 of 24 steps: .* kept; go on with .*resume=run"):
        run = trained(optimizer=fb.optimizer("sgd", impatient), checkpoint=file)
    assert (run.interrupted, run.stopped, run.rounds) == (True, False, 2)
    monkeypatch.setitem(PRESSED, "at", np.inf)
    whole = trained(optimizer=fb.optimizer("sgd", 0.1))
    for earlier in (run, file):
        more = trained(optimizer=fb.optimizer("sgd", impatient), resume=earlier)
        jax.tree.map(np.testing.assert_array_equal, more.network, whole.network)
        assert not more.interrupted


def test_ctrl_c_before_anything_was_learned_is_ctrl_c(monkeypatch):
    def at_once(step):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        trained(optimizer=fb.optimizer("sgd", at_once))


def test_a_time_limit_ends_a_run_after_a_chunk_and_it_can_go_on(monkeypatch):
    monkeypatch.setattr(feeding, "ROWS_PER_CHUNK", 1)
    run = trained(time_limit=0)
    assert (run.rounds, run.interrupted) == (1, True)
    assert not trained(time_limit=1e9).interrupted
    assert not trained(epochs=1, time_limit=0).interrupted  # it was over
    jax.tree.map(np.testing.assert_array_equal, trained(resume=run).network, trained().network)


def diverging(epochs=50, **changes):
    problem = Examples.of([[1.0, 2.0], [3.0, 1.0]], [5.0, -3.0])
    net = fb.networks.mlp((2, 3, 1), "identity", "identity", key=KEY(0))
    falls = fb.optimizer("sgd", lambda step: 0.01 if step < 6 else 1e30)
    settings = {"epochs": epochs, "batch_size": 1, "optimizer": falls, **changes}
    return fb.train(net, Backpropagation(), problem, **settings)


@pytest.mark.parametrize("rows", [65_536, 1], ids=["within a chunk", "chunk by chunk"])
def test_a_run_that_diverges_leaves_its_last_finite_epoch(rows, monkeypatch):
    monkeypatch.setattr(feeding, "ROWS_PER_CHUNK", rows)
    with pytest.raises(DivergenceError, match="epoch 4") as caught:
        diverging()
    good = diverging(epochs=3)
    for run in (caught.value.run, pickle.loads(pickle.dumps(caught.value)).run):
        assert (run.rounds, run.steps) == (3, 6)
        np.testing.assert_array_equal(run.history["loss"], good.history["loss"])
        for one, other in zip(jax.tree.leaves(run.network), jax.tree.leaves(good.network), strict=True):
            np.testing.assert_array_equal(one, other)
    slower = diverging(resume=caught.value.run, optimizer=fb.optimizer("sgd", 0.01))
    assert slower.rounds == 50


@pytest.mark.parametrize("fatal", [3, 4, 5])
@pytest.mark.parametrize("rows", [65_536, 1], ids=["within a chunk", "chunk by chunk"])
def test_the_step_that_was_fatal_is_named(rows, fatal, monkeypatch):
    """Two steps a round; no loss is worked out from the lost weights before the next step."""
    monkeypatch.setattr(feeding, "ROWS_PER_CHUNK", rows)
    rates = fb.optimizer("sgd", lambda step: 0.01 if step < fatal else 3e38)
    with pytest.raises(DivergenceError) as caught:
        diverging(optimizer=rates)
    assert f"epoch {fatal // 2 + 1}, step 2," in str(caught.value)
    assert caught.value.run.rounds == fatal // 2


class Silent(AbstractRule):
    """A rule that adds its network to itself, and whose loss is always 0."""

    def init(self, network, batch):
        return ()

    def propose(self, network, batch, state, key):
        return jax.tree.map(lambda leaf: -leaf, network), state, {"loss": jnp.zeros(()), "weight": jnp.ones(())}


def test_a_network_that_is_lost_while_nobody_sees_it_in_the_loss_is_traced_back():
    """Eleven times as large every step, from 1 or less: out of single precision's numbers at about the 38th of 100."""
    problem = Examples.of(np.ones((2, 2)), np.ones(2))
    with pytest.raises(DivergenceError) as caught:
        fb.train(network(), Silent(), problem, epochs=50, batch_size=1, optimizer=fb.optimizer("sgd", 10.0))
    run = caught.value.run
    assert 15 < run.rounds < 22
    assert f"epoch {run.rounds + 1}, step 2," in str(caught.value)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(run.network))


def test_one_that_diverges_at_once_leaves_the_start():
    with pytest.raises(DivergenceError) as caught:
        diverging(optimizer=fb.optimizer("sgd", 1e30))
    assert caught.value.run.rounds in (0, 1)
    assert np.isfinite(caught.value.run.network.layers[0].structure.weights).all()


# --------------------------------------------------------------------------------------------------- populations


def test_members_are_what_they_would_be_alone_and_those_that_stopped_stand_still():
    problem, rule = moons(), Backpropagation(CrossEntropy())
    held = moons(20).everything()
    judged = [Patience(Evaluation(CrossEntropy()), held, waits, 1.0) for waits in (3, 20, 20)]
    rates = [fb.optimizer("adam", rate, l2=l2) for rate, l2 in ((0.01, 0.1), (0.02, 0.2), (0.03, 0.1))]
    settings = {"epochs": 6, "batch_size": 16}
    runs = population([network(i) for i in range(3)], rule, problem, optimizer=rates, key=[3, 4, 5], stopping=judged,
                      keep=Best(), **settings)  # fmt: skip
    assert [(run.rounds, run.stopped) for run in runs] == [(4, True), (6, False), (6, False)]
    for i, run in enumerate(runs):
        alone = fb.train(network(i), rule, problem, optimizer=rates[i], key=3 + i, stopping=judged[i], keep=Best(),
                         **settings)  # fmt: skip
        assert run.configuration == alone.configuration
        for name, values in alone.history.items():
            np.testing.assert_allclose(run.history[name], values, rtol=1e-4)
        for one, other in zip(jax.tree.leaves(run.progress), jax.tree.leaves(alone.progress), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)
        for one, other in zip(jax.tree.leaves(run.network), jax.tree.leaves(alone.network), strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-6)


def test_a_population_is_one_program_and_its_runs_go_on_alone(monkeypatch):
    monkeypatch.setattr(feeding, "ROWS_PER_CHUNK", 1)
    module, traced = sys.modules["flambeau.training.population"], []
    original = module.advance_rounds
    monkeypatch.setattr(module, "advance_rounds", lambda *a: traced.append(1) or original(*a))
    net = fb.networks.mlp((2, 7, 1), "tanh", "sigmoid", key=KEY(0))
    rates = [fb.optimizer("sgd", rate) for rate in (0.1, 0.2)]
    runs = population(net, Backpropagation(), moons(), optimizer=rates, epochs=4, batch_size=16)
    population(net, Backpropagation(), moons(), optimizer=rates[::-1], epochs=5, batch_size=16, key=7)
    assert len(traced) == 1
    more = fb.train(net, Backpropagation(), moons(), optimizer=rates[1], epochs=6, batch_size=16, resume=runs[1])
    alone = fb.train(net, Backpropagation(), moons(), optimizer=rates[1], epochs=6, batch_size=16)
    np.testing.assert_allclose(more.history["loss"], alone.history["loss"], rtol=1e-4)


def test_a_member_that_diverges_says_so_and_the_others_go_on():
    problem = Examples.of([[1.0, 2.0], [3.0, 1.0]], [5.0, -3.0])
    net = fb.networks.mlp((2, 3, 1), "identity", "identity", key=KEY(0))
    rates = [fb.optimizer("sgd", rate) for rate in (0.01, 1e30)]
    good, bad = population(net, Backpropagation(), problem, optimizer=rates, epochs=8, batch_size=1)
    assert (good.diverged, bad.diverged, good.rounds, bad.rounds) == (False, True, 8, 0)
    assert np.isfinite(bad.network.layers[0].structure.weights).all()


@pytest.mark.parametrize(
    ("varied", "match"),
    [
        ({}, "lists of one length"),
        ({"key": [0, 1], "optimizer": ["sgd"]}, "lists of one length"),
        ({"optimizer": ["sgd", "adam"]}, "the same kinds and shapes"),
        ({"stopping": [None, NoMistakes()]}, "the same kinds and shapes"),
    ],
)
def test_members_of_other_kinds_are_refused(varied, match):
    with pytest.raises(ConfigurationError, match=match):
        population(network(), Backpropagation(), moons(), epochs=2, batch_size=16, **varied)
