"""Checkpoints: whole, of this very run, and refused by name where they are not."""

import re
import sys

import jax
import numpy as np
import pytest

import flambeau as fb
from flambeau.errors import ChecksumError, FileFormatError, OutputError
from flambeau.foundation.container import pack, read
from flambeau.problems import Examples
from flambeau.rules import Backpropagation
from flambeau.training.checkpoint import FORMAT, fingerprint

RNG = np.random.default_rng(0)
X, Y = RNG.normal(size=(16, 2)), RNG.integers(0, 2, (16, 1)).astype(float)


def network(units=3, activation="tanh"):
    return fb.networks.mlp((2, units, 1), activation, "sigmoid", key=jax.random.key(0))


def trained(net=None, rule=None, problem=None, **changes):
    settings = {"steps": 8, "batch_size": 8, "key": 3, "optimizer": fb.optimiser("adam", 0.01)}
    net = network() if net is None else net
    problem = Examples.of(X, Y) if problem is None else problem
    return fb.train(net, rule or Backpropagation(), problem, **{**settings, **changes})


@pytest.fixture(scope="module")
def half(tmp_path_factory):
    """The content of a checkpoint after 4 of 8 steps."""
    file = tmp_path_factory.mktemp("checkpoint") / "run"
    trained(steps=4, checkpoint=str(file))
    assert [path.name for path in file.parent.iterdir()] == ["run"]
    return file.read_bytes()


@pytest.fixture
def file(half, tmp_path):
    (tmp_path / "run").write_bytes(half)
    return str(tmp_path / "run")


def other_data():
    changed = X.copy()
    changed[3, 1] += 1e-3
    return Examples.of(changed, Y)


OTHERS = {
    "optimizer": lambda: {"optimizer": fb.optimiser("adagrad", 0.01)},
    "optimizer, SGD": lambda: {"optimizer": fb.optimiser("sgd", 0.01)},
    "learning_rate": lambda: {"optimizer": fb.optimiser("adam", 0.02)},
    "settings": lambda: {"optimizer": fb.optimiser("adam", 0.01, l2=0.1)},
    "seed": lambda: {"key": 4},
    "batch_size": lambda: {"batch_size": 4},
    "problem": lambda: {"problem": other_data()},
    "problem, order": lambda: {"problem": Examples.of(X[::-1], Y[::-1])},
    "problem, shuffle": lambda: {"problem": Examples.of(X, Y, shuffle=False)},
    "network": lambda: {"net": network(activation="relu")},
    "network, size": lambda: {"net": network(4)},
    "rule": lambda: {"rule": Backpropagation(fb.rules.CrossEntropy())},
    "stopping": lambda: {"stopping": fb.training.Patience()},
    "keep": lambda: {"keep": fb.training.Best()},
    "monitors": lambda: {"monitors": (fb.monitors.ErrorCurve(),)},
}


@pytest.mark.parametrize("name", OTHERS)
def test_another_run_is_refused_by_what_is_other(name, file):
    where = name.partition(",")[0]
    with pytest.raises(FileFormatError, match=rf"run, {where}: expected.*as in this run.*Remedy: resume with"):
        trained(resume=file, **OTHERS[name]())


def test_the_same_run_goes_on_and_may_be_longer(file):
    assert trained(resume=file).steps == 8
    assert trained(resume=file, steps=12).steps == 12


def test_fewer_steps_than_done_is_said(file):
    with pytest.warns(RuntimeWarning, match="4 steps were done before, 2 are asked for in all: nothing is left to do"):
        assert trained(resume=file, steps=2).steps == 4


def changed(file, change):
    """The same file with something changed and a right checksum."""
    found = read(file, {FORMAT: True})
    manifest = {key: value for key, value in found.manifest.items() if key not in ("format", "sha256")}
    change(manifest, found.tensors)
    with open(file, "wb") as handle:
        handle.write(pack("test", FORMAT, manifest, found.tensors))


@pytest.mark.parametrize("name", ["rounds", "steps"])
@pytest.mark.parametrize("value", [None, "4", -1, 1.5, True, 10**30, 3])
def test_counts_that_are_none_or_do_not_fit_are_refused(name, value, file):
    changed(file, lambda manifest, _: manifest.update({name: value}))
    with pytest.raises(FileFormatError, match=r"a count|counts that fit"):
        trained(resume=file)


def test_what_is_missing_is_refused_by_name(file, half, tmp_path):
    for change, match in (
        (lambda manifest, _: manifest.pop("rounds"), "rounds: expected a count"),
        (lambda manifest, _: manifest.pop("settings"), "a checkpoint with its settings"),
        (lambda manifest, _: manifest["settings"].pop("seed"), "run, seed: expected '.*', as in this run, got None"),
        (lambda manifest, _: manifest.update(prints=5), "a checkpoint with its prints, got 5"),
        (lambda _, tensors: tensors.pop("network/layers/0/bias"), "network/layers/0/bias: expected float32.*nothing"),
        (lambda _, tensors: tensors.update({"history/loss": np.zeros(9)}), "counts that fit"),
    ):
        (tmp_path / "run").write_bytes(half)
        changed(file, change)
        with pytest.raises(FileFormatError, match=match):
            trained(resume=file)


def test_broken_and_other_files_are_refused(file, half, tmp_path):
    path = tmp_path / "run"
    flipped = bytearray(half)
    flipped[-2] ^= 1
    path.write_bytes(flipped)
    with pytest.raises(ChecksumError, match="have changed"):
        trained(resume=file)
    for content in (half[:-20], b"PK\x03\x04 something else entirely", b""):
        path.write_bytes(content)
        with pytest.raises(FileFormatError, match=r"checkpoint|header|fill the file"):
            trained(resume=file)
    fb.save(network(), path)
    with pytest.raises(FileFormatError, match=re.escape(f"expected {FORMAT}, got 'flambeau model")):
        trained(resume=file)
    path.write_bytes(half)
    with pytest.raises(FileFormatError, match="got 'flambeau checkpoint"):
        fb.load(path)


def test_where_a_checkpoint_cannot_be_written_is_said_before_anything_is_learned(tmp_path, monkeypatch):
    module = sys.modules["flambeau.training.train"]  # the package's name for it is the function
    monkeypatch.setattr(module, "Session", lambda *_: pytest.fail("began"))
    with pytest.raises(OutputError, match="no folder"):
        trained(checkpoint=str(tmp_path / "no" / "run"))


def test_a_fingerprint_is_of_every_number_and_of_nothing_else():
    tree = {"x": np.arange(6.0).reshape(2, 3), "none": None, "f": np.tanh}
    assert fingerprint(tree) == fingerprint({**tree, "f": np.cos})
    others = [tree["x"].T, tree["x"].astype(np.float32), tree["x"] + 1e-12, tree["x"][:1]]
    assert len({fingerprint({**tree, "x": other}) for other in [tree["x"], *others]}) == 5
