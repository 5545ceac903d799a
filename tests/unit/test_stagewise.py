"""Stages: each on the codes of the one before, worked out once; an interruption leaves a whole stack."""

import dataclasses

import jax
import numpy as np
import pytest
from sklearn.exceptions import ConvergenceWarning

import flambeau as fb
from flambeau.networks import rbm
from flambeau.problems import Examples
from flambeau.rules import ContrastiveDivergence
from flambeau.training import stagewise as module
from flambeau.training.stagewise import Stage, Staged, stage_files, stagewise

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


class Killed(BaseException):
    """The process goes away."""


def killed_at(monkeypatch, number):
    """Stage ``number`` is killed after its first checkpoint."""
    train, begun = module.train, []

    def once(*given, **settings):
        begun.append(settings)
        if len(begun) == number:
            train(*given, **{**settings, "epochs": 1})
            raise Killed
        return train(*given, **settings)

    monkeypatch.setattr(module, "train", once)
    return begun


@pytest.mark.parametrize("number", [1, 2])
def test_a_stack_goes_on_from_the_stage_that_was_killed(number, monkeypatch, tmp_path):
    whole, file = stagewise(X, stages([]), encode), tmp_path / "stack.checkpoint"
    with monkeypatch.context() as patch:
        killed_at(patch, number)
        with pytest.raises(Killed):
            stagewise(X, stages([]), encode, Staged(checkpoint=file))
    assert len(stage_files(file)) == number
    begun = killed_at(monkeypatch, 0)
    runs = stagewise(X, stages([]), encode, Staged(checkpoint=file, resume=file))
    assert ["resume" in settings for settings in begun] == [True, number == 2]
    for run, other in zip(runs, whole, strict=True):
        jax.tree.map(np.testing.assert_array_equal, run.network, other.network)
        np.testing.assert_array_equal(run.history["loss"], other.history["loss"])


def test_checkpoints_of_another_stack_are_not_taken_for_its_own(tmp_path):
    file = tmp_path / "stack.checkpoint"
    stagewise(X, stages([]), encode, Staged(checkpoint=file))
    assert [path.name for path in stage_files(file)] == ["stack.checkpoint", "stack.checkpoint.stage2"]
    Staged(checkpoint=file)
    assert not (tmp_path / "stack.checkpoint.stage2").exists()


def test_deep_belief_networks_resume_and_end_in_time(tmp_path):
    file, settings = tmp_path / "deep.checkpoint", {"batch_size": 8, "random_state": 0, "fine_tune": "up_down"}
    model = fb.DBN((4, 3), epochs=3, fine_tune_epochs=2, **settings).fit(X, checkpoint=file)
    (tmp_path / "deep.checkpoint.stage3").unlink()
    again = fb.DBN((4, 3), epochs=3, fine_tune_epochs=2, **settings).fit(X, resume=file)
    jax.tree.map(np.testing.assert_array_equal, again.network_, model.network_)
    with pytest.warns(ConvergenceWarning, match="ended early"):
        short = fb.DBN((4, 3), epochs=5000, fine_tune_epochs=2, **settings).fit(X, time_limit=0)
    assert [run.rounds for run in short.runs_][1:] == [1, 1]
    assert short.runs_[0].rounds < 5000


def test_an_interruption_early_in_a_later_stage_keeps_the_ones_before(monkeypatch):
    train, calls = module.train, []

    def interrupted(*given, **settings):
        calls.append(settings)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return train(*given, **settings)

    monkeypatch.setattr(module, "train", interrupted)
    staged = Staged()
    runs = stagewise(X, stages([]), encode, staged)
    assert [run.rounds for run in runs] == [2, 1]
    assert staged.interrupted


@pytest.mark.parametrize("limit", [-1, "soon"])
def test_a_limit_that_is_none_is_refused(limit):
    with pytest.raises(fb.errors.ConfigurationError, match="time_limit"):
        Staged(time_limit=limit)
