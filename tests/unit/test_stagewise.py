"""Stages: each on the codes of the one before, worked out once; an interruption leaves a whole stack."""

import dataclasses

import jax
import numpy as np

import flambeau as fb
from flambeau.networks import rbm
from flambeau.problems import Examples
from flambeau.rules import ContrastiveDivergence
from flambeau.training import stagewise as module
from flambeau.training.stagewise import Stage, stagewise

X = (np.random.default_rng(0).random((16, 6)) < 0.5).astype(np.float32)


def encode(machine, v):
    return machine(v)


def stages(seen):
    def of(units):
        def stage(codes, runs):
            seen.append(codes)
            network = rbm(codes.shape[1], units, key=jax.random.key(units))
            problem = Examples.of(codes, np.zeros(len(codes)))
            return Stage(network, ContrastiveDivergence(), problem, fb.optimizer("sgd", 0.1), 2, 8, jax.random.key(1))

        return stage

    return [of(4), of(3)]


def test_every_stage_learns_from_the_codes_of_the_one_before():
    seen = []
    first, second = stagewise(X, stages(seen), encode)
    np.testing.assert_array_equal(seen[0], X)
    np.testing.assert_allclose(seen[1], first.network(X), rtol=1e-5)
    assert [first.rounds, second.rounds] == [2, 2]
    assert second.network.visible_bias.shape == (4,)


def test_after_an_interruption_the_rest_gets_one_epoch_each(monkeypatch):
    train = module.train

    def interrupted(*given, **settings):
        return dataclasses.replace(train(*given, **settings), interrupted=True)

    monkeypatch.setattr(module, "train", interrupted)
    runs = stagewise(X, stages([]), encode)
    assert [run.rounds for run in runs] == [2, 1]
