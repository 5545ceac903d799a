"""The suite compiles quickly, not as users do; what XLA may fuse wrongly is asked under its defaults as well."""

import json
import os
import subprocess
import sys
from pathlib import Path

import equinox as eqx
import jax
import numpy as np
import pytest

import compiler_flags
from compiler_flags import known_flags
from flambeau.foundation import programs
from flambeau.foundation.programs import ONCE, accepted, run_once

MARK = "pytest.mark.as_users_compile"
TESTS = Path(__file__).parents[1]
UNKNOWN = "xla_no_release_has_this"


def test_marked_tests_hold_as_users_compile_them(request):
    files = [path for path in sorted(TESTS.rglob("test_*.py")) if path != Path(__file__) and MARK in path.read_text()]
    assert files
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-m", "as_users_compile", *map(str, files)]
    found = subprocess.run(
        command, env={**os.environ, "XLA_FLAGS": ""}, cwd=request.config.rootpath, capture_output=True, text=True
    )
    assert found.returncode == 0, found.stdout + found.stderr


def test_only_flags_that_this_release_of_xla_knows_are_asked_for(tmp_path):
    """One more and the process would end without a word; the answer is found once and kept."""
    flags = (f"--{UNKNOWN}=1", "--xla_backend_optimization_level=1")
    assert known_flags(flags, tmp_path) == ["--xla_backend_optimization_level=1"]
    (kept,) = tmp_path.iterdir()
    assert json.loads(kept.read_text())["asked"] == list(flags)


def test_a_kept_answer_is_used_and_another_question_asked_anew(tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(compiler_flags, "ask", lambda flags: asked.append(flags) or list(flags[:1]))
    assert known_flags(("--a=1", "--b=1"), tmp_path) == known_flags(("--a=1", "--b=1"), tmp_path) == ["--a=1"]
    assert len(asked) == 1
    assert known_flags(("--c=1",), tmp_path) == ["--c=1"]
    (kept,) = tmp_path.iterdir()
    kept.write_text("not an answer")
    assert known_flags(("--c=1",), tmp_path) == ["--c=1"]
    assert len(asked) == 3


@pytest.mark.parametrize(
    ("options", "left"),
    [
        ({UNKNOWN: True}, {}),
        ({"xla_cpu_multi_thread_eigen": False, UNKNOWN: True}, {"xla_cpu_multi_thread_eigen": False}),
        ({"xla_cpu_multi_thread_eigen": "sideways"}, {}),
    ],
)
def test_the_packages_own_options_are_left_out_one_by_one(options, left):
    assert accepted(tuple(options.items())) == left


def test_what_runs_once_has_options_of_its_own_where_it_is_a_whole_program(monkeypatch):
    asked, jit = [], eqx.filter_jit
    monkeypatch.setattr(programs.eqx, "filter_jit", lambda f, **options: asked.append(options) or jit(f, **options))
    twice, x = run_once(lambda x: 2 * x), np.arange(3, dtype=np.float32)
    for within in (jax.jit(twice), jax.jit(lambda y: y + twice(x) - x), jax.vmap(twice)):
        np.testing.assert_array_equal(within(x), 2 * x)
    assert asked == [{}]
    np.testing.assert_array_equal(twice(x), 2 * x)
    np.testing.assert_array_equal(twice(x), 2 * x)
    assert asked == [{}, {"compiler_options": accepted(tuple(ONCE.items()))}]
