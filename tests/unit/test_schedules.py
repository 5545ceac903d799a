"""Learning rates that change: by name, by function, and what they may not do."""

import functools
import pickle

import jax
import numpy as np
import optax
import pytest

import flambeau as fb
from flambeau.errors import ConfigurationError
from flambeau.training import SCHEDULES, Cosine, Linear, Plateau, StepDecay, feeding
from flambeau.training.schedules import Horizon

RUN = Horizon(each=4, total=40)  # ten epochs of four steps


def rates(learning_rate, steps=40, horizon=RUN, name="sgd"):
    return fb.optimizer(name, learning_rate).rates(np.arange(steps), horizon)


def test_a_function_of_the_step_is_asked_on_the_host_whatever_it_is_written_in():
    expected = np.where(np.arange(40) < 10, 0.1, 0.01).astype(np.float32)
    table = dict.fromkeys(range(10), 0.1)
    for schedule in (
        lambda step: 0.1 if step < 10 else 0.01,
        lambda step: np.where(step < 10, 0.1, 0.01),
        lambda step: jax.numpy.where(step < 10, 0.1, 0.01),
        lambda step: table.get(step, 0.01),
        optax.piecewise_constant_schedule(0.1, {10: 0.1}),
    ):
        np.testing.assert_allclose(rates(schedule), expected, rtol=1e-6)
    whole = rates(lambda step: 1 / (1 + step**4), steps=400)  # beyond 32 bits of whole numbers
    np.testing.assert_allclose(whole[-1], 1 / (1 + 399**4), rtol=1e-6)


def test_schedules_by_name_follow_their_formulas_in_epochs():
    epoch = np.arange(40) / 4
    np.testing.assert_allclose(rates(Cosine(0.2)), 0.1 * (1 + np.cos(np.pi * epoch / 10)), rtol=1e-5)
    warm = rates(Cosine(0.2, end=0.1, warm_up=2))
    np.testing.assert_allclose(warm[:8], 0.2 * (np.arange(8) + 1) / 8, rtol=1e-6)
    half = 0.2 * (0.1 + 0.9 * (1 + np.cos(np.pi * (epoch[8:] - 2) / 8)) / 2)
    np.testing.assert_allclose(warm[8:], half, rtol=1e-5)
    np.testing.assert_allclose(
        rates(Linear(0.2, end=0.5, epochs=5)), 0.2 * (1 - 0.5 * np.minimum(epoch / 5, 1)), rtol=1e-6
    )
    np.testing.assert_allclose(rates(StepDecay(0.2, every=3, factor=0.1)), 0.2 * 0.1 ** (epoch // 3), rtol=1e-6)
    falls = Horizon(4, 40, np.asarray([3, 2, 1, 1, 1, 1, 0.5, 0.5, 0.5]))
    np.testing.assert_allclose(rates(Plateau(0.2, patience=2), 1, falls), 0.2 * 0.5**2)


def test_a_name_alone_starts_from_the_customary_rate():
    assert rates("cosine")[0] == np.float32(0.1)
    assert rates("step", name="adam")[0] == np.float32(0.001)
    for name in SCHEDULES:
        again = pickle.loads(pickle.dumps(fb.optimizer("adam", name, l2=0.1)))
        assert again.schedule == fb.optimizer("adam", name).schedule
        assert again.mechanism.chain is fb.optimizer("adam", name, l2=0.1).mechanism.chain


@pytest.mark.parametrize("length", [54, 101, 299])
def test_a_line_that_ends_at_0_may_end_a_rounding_error_below_it(length):
    found = rates(optax.linear_schedule(0.1, 0, length), steps=length + 3)
    assert found.min() >= 0
    assert found[length:].max() < 1e-8


@pytest.mark.parametrize(
    ("schedule", "match"),
    [
        (lambda step: -0.01 if step == 7 else 0.1, r"finite rates of at least 0, got -0.01 at step 7"),
        (lambda step: float("nan"), "got nan at step 0"),
        (lambda step: float("inf"), "got inf at step 0"),
        (lambda step: "fast", "a number for every step, got 'fast' at step 0"),
        (lambda step: None, "a number for every step"),
        ("cosign", "one of constant, linear, cosine, step, plateau"),
        (0.0, "a positive number"),
        (True, "a positive number"),
        (Cosine(-1.0), "Cosine.rate"),
        (Cosine(0.1, end=2.0), "Cosine.end"),
        (StepDecay(0.1, every=0), "StepDecay.every"),
        (Plateau(0.1, patience=0), "Plateau.patience"),
    ],
)
def test_bad_schedules_are_typed_errors(schedule, match):
    with pytest.raises(ConfigurationError, match=match):
        rates(schedule)


def test_a_fault_in_a_function_is_its_own():
    with pytest.raises(ZeroDivisionError):
        rates(lambda step: 1 / 0)


def trained(learning_rate, **changes):
    problem = fb.problems.Examples.of(*fb.problems.two_moons(50, noise=0.1, random_state=0))
    network = fb.networks.mlp((2, 5, 1), "tanh", "sigmoid", key=jax.random.key(0))
    settings = {"epochs": 6, "batch_size": 16, "key": 3, "optimizer": fb.optimizer("sgd", learning_rate)}
    return fb.train(network, fb.rules.Backpropagation(), problem, **{**settings, **changes})


@pytest.mark.parametrize(
    "schedule",
    [
        optax.exponential_decay(0.3, 5, 0.5),
        lambda step: 0.3 if step < 9 else 0.03,
        Cosine(0.3, epochs=6),
        StepDecay(0.3, every=2),
        Plateau(0.3, patience=1, tolerance=1.0),
    ],
    ids=["optax", "function", "cosine", "step", "plateau"],
)
def test_a_schedule_goes_on_where_it_was_in_every_chunk_and_after_a_resume(schedule, monkeypatch):
    whole = trained(schedule)
    constant = trained(0.3)
    assert not np.array_equal(whole.history["loss"], constant.history["loss"])
    monkeypatch.setattr(feeding, "ROWS_PER_CHUNK", 1)
    np.testing.assert_array_equal(trained(schedule).history["loss"], whole.history["loss"])
    half = trained(schedule, epochs=3)
    np.testing.assert_array_equal(trained(schedule, resume=half).history["loss"], whole.history["loss"])


def test_rates_are_those_of_the_steps_made(monkeypatch):
    """Held to the run itself: with a proposal of ones the weights are minus the sum of the rates."""
    from flambeau.problems import Generated
    from flambeau.rules import AbstractRule

    class Ones(AbstractRule):
        def init(self, network, batch):
            return ()

        def propose(self, network, batch, state, key):
            one = jax.numpy.ones(())
            return one, state, {"loss": one, "weight": one}

    asked = []

    def schedule(step):
        asked.append(step)
        return 1.0 + step

    monkeypatch.setattr(feeding, "ROWS_PER_CHUNK", 3)
    start = jax.numpy.zeros(())
    settings = {"optimizer": fb.optimizer("sgd", schedule), "batch_size": 1}
    run = fb.train(start, Ones(), Generated(lambda key: jax.numpy.zeros(()), 3), steps=8, **settings)
    assert float(run.network) == -sum(range(1, 9))
    assert max(asked) == 7
    more = fb.train(start, Ones(), Generated(lambda key: jax.numpy.zeros(()), 3), steps=11, resume=run, **settings)
    assert float(more.network) == -sum(range(1, 12))


@pytest.mark.parametrize(
    "make",
    [
        lambda **given: fb.MLPClassifier(**given)._optimizer(),
        lambda **given: fb.RBM(**given)._optimizer(),
        lambda **given: fb.DBN(**given)._optimizer(),
    ],
    ids=["MLPClassifier", "RBM", "DBN"],
)
def test_beside_an_optimiser_of_one_s_own_defaults_are_no_settings_and_changed_ones_are_refused(make):
    for own in (fb.optimizer("momentum", 0.3), optax.sgd(0.3)):
        assert make(optimizer=own).mechanism.chain is fb.optimizer(own).mechanism.chain
        for setting in ({"l2": 1.0}, {"learning_rate": 0.7}, {"clip_norm": 1.0}):
            with pytest.raises(ConfigurationError, match=f"{next(iter(setting))}: expected nothing, beside an"):
                make(optimizer=own, **setting)


@pytest.mark.parametrize("schedule", [(0.1).__pow__, functools.partial(pow, 0.5), lambda step: 0.5 / (1 + step)])
def test_any_function_of_the_step_is_a_schedule(schedule):
    found = fb.optimizer("sgd", schedule).rates(np.arange(3))
    np.testing.assert_allclose(found, [schedule(step) for step in range(3)], rtol=1e-6)
