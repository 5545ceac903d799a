"""Optimisers, penalties, limits and schedules against their formulas."""

import jax
import numpy as np
import optax
import pytest

import flambeau as fb
from flambeau.training import OPTIMIZERS
from programs import program

W, B = np.asarray([[3.0, -4.0], [0.0, 1.0]]), np.asarray([0.5, -0.5])
GW, GB = np.asarray([[0.1, 0.2], [-0.3, 0.4]]), np.asarray([1.0, -1.0])


def walk(optimiser, rates, network, proposal):
    """Weights and biases after some steps with a constant proposal."""
    state = optimiser.init(network)
    for rate in rates:
        update, state = optimiser.update(proposal, state, network, rate)
        network = optax.apply_updates(network, update)
    return network["w"], network["b"]


def described(steps=1, rate=0.1, name="sgd", **settings):
    """An optimiser, and the rates of its first steps."""
    chosen = fb.optimizer(name, rate, **settings)
    return chosen.mechanism, list(chosen.rates(np.arange(steps)))


def moved(*several):
    """Where each of several settings leads, as (weights, biases), in one program."""
    optimisers, rates = zip(*(described(**settings) for settings in several), strict=True)

    def walks(rates, *given):
        return [walk(*each, *given) for each in zip(optimisers, rates, strict=True)]

    return program(walks)(rates, {"w": W, "b": B}, {"w": GW, "b": GB})


@pytest.fixture(autouse=True)
def double(x64):
    """All in double precision (the rates themselves are single)."""


def assert_close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-6)


def test_sgd():
    ((w, _),) = moved({})
    assert_close(w, W - 0.1 * GW)


def test_l2_and_l1_pull_weights_and_leave_biases():
    ((w, b),) = moved({"l2": 0.5, "l1": 0.25})
    assert_close(w, W - 0.1 * (GW + 0.25 * np.sign(W) + 0.5 * W))
    assert_close(b, B - 0.1 * GB)


def test_decoupled_decay_stays_outside_the_direction():
    (w, b), (plain, free) = moved({"name": "adam", "weight_decay": 0.5}, {"name": "adam"})
    assert_close(w, plain - 0.1 * 0.5 * W)
    assert_close(b, free)


def test_clipping_is_over_the_whole_proposal():
    norm = np.sqrt((GW**2).sum() + (GB**2).sum())
    (w, b), (loose, _) = moved({"clip_norm": 0.5}, {"clip_norm": 100.0})
    assert_close(w, W - 0.1 * GW * 0.5 / norm)
    assert_close(b, B - 0.1 * GB * 0.5 / norm)
    assert_close(loose, W - 0.1 * GW)


def test_max_norm_limits_what_comes_into_a_unit():
    ((w, b),) = moved({"max_norm": 2.0})
    free = W - 0.1 * GW
    lengths = np.linalg.norm(free, axis=0)
    assert_close(w, free * np.minimum(1, 2.0 / lengths))
    assert_close(np.linalg.norm(w, axis=0), np.minimum(lengths, 2.0))
    assert_close(b, B - 0.1 * GB)


@pytest.mark.parametrize(
    ("name", "peer"),
    [
        ("momentum", optax.sgd(0.1, momentum=0.9)),
        ("nesterov", optax.sgd(0.1, momentum=0.9, nesterov=True)),
        ("adam", optax.adam(0.1)),
        ("rmsprop", optax.rmsprop(0.1)),
        ("adagrad", optax.adagrad(0.1)),
    ],
)
def test_named_optimisers_are_optax_s(name, peer):
    def alone(network, proposal):
        state = peer.init(network)
        for _ in range(5):
            update, state = peer.update(proposal, state, network)
            network = optax.apply_updates(network, update)
        return network

    network = program(alone)(W, GW)
    for w, _ in moved({"steps": 5, "name": name}, {"steps": 5, "rate": None, "name": peer}):
        assert_close(w, network)


def test_a_schedule_sets_the_rate_of_each_step():
    schedule = optax.piecewise_constant_schedule(0.1, {2: 0.5})
    ((w, _),) = moved({"steps": 4, "rate": schedule})
    assert_close(w, W - (0.1 + 0.1 + 0.05 + 0.05) * GW)


def test_every_name_moves_downhill():
    for w, _ in moved(*({"steps": 3, "name": name} for name in OPTIMIZERS)):
        assert ((w - W) * GW <= 0).all()


@pytest.mark.parametrize(
    ("setting", "match"),
    [
        ({"learning_rate": -0.1}, "learning_rate"),
        ({"learning_rate": 0.0}, "learning_rate"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"l2": -1.0}, "l2"),
        ({"clip_norm": float("inf")}, "clip_norm"),
        ({"name": "sdg"}, "one of sgd"),
        ({"l2": True}, "l2"),
        ({"name": optax.sgd(0.1), "l2": 0.1}, "add it to your Optax chain"),
        ({"name": optax.sgd(0.1), "learning_rate": 0.3}, "learning_rate.*Optax chain"),
        ({"name": fb.optimizer("sgd"), "l2": 1.0}, "l2: expected nothing, beside an optimiser of your own"),
        ({"name": fb.optimizer("sgd"), "max_norm": 1.0}, "max_norm: expected nothing"),
        ({"name": fb.optimizer("sgd"), "learning_rate": 0.1}, "learning_rate: expected nothing"),
        ({"name": fb.optimizer("sgd"), "parts": 2.0}, "parts: expected nothing"),
        ({"parts": {"w": -1.0, "b": 1.0}}, "optimizer.parts"),
    ],
)
def test_bad_settings_are_typed_errors(setting, match):
    with pytest.raises(fb.errors.ConfigurationError, match=match):
        fb.optimizer(**setting)


def test_factors_of_the_rate_are_for_parts(x64):
    """Whatever the direction, after it: weights three times as fast, biases not at all."""
    names, still = ("sgd", "momentum", "adam"), {"w": 3.0, "b": 0.0}
    each = [{"steps": 3, "name": name, "l2": 0.1, "parts": parts} for name in names for parts in (None, still)]
    walks = moved(*each)
    for plain, fast in zip(walks[::2], walks[1::2], strict=True):
        assert_close(fast[1], B)
        assert np.abs(fast[0] - W).max() > 2 * np.abs(plain[0] - W).max()
    w = W
    for _ in range(3):
        w = w - 3 * 0.1 * (GW + 0.1 * w)
    assert_close(walks[1][0], w)
    thrice = {"w": 3.0, "b": 1.0}
    (twice, _), (fast, _), (plain, _), (limited, _) = moved(
        {"parts": 2.0}, {"name": "adam", "parts": thrice}, {"name": "adam"}, {"parts": thrice, "max_norm": 2.0}
    )
    assert_close(twice, W - 2 * 0.1 * GW)  # one factor stands for all that is below it
    assert_close(fast - W, 3 * (plain - W))
    free = W - 3 * 0.1 * GW
    assert_close(limited, free * np.minimum(1, 2.0 / np.linalg.norm(free, axis=0)))


def test_vmapped_over_a_population(x64):
    optimiser = fb.optimizer("momentum", 0.1, l2=0.1).mechanism

    def updates(networks, proposal, rates):
        states = jax.vmap(optimiser.init)(networks)
        return jax.vmap(lambda s, w, r: optimiser.update(proposal, s, w, r)[0])(states, networks, rates)

    rates = np.asarray([0.1, 0.2, 0.3])
    for update, rate in zip(program(updates)(np.stack([W] * 3), GW, rates), rates, strict=True):
        assert_close(update, -rate * (GW + 0.1 * W))
