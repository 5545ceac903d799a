"""What every test needs: the compilation cache, and double precision where a test asks for it.

The suite spends its time compiling small programs, so the compiler is asked for less than users get: less optimisation
by LLVM, and XLA's older, quicker way of writing fused loops (2.5 times sooner in all), where the installed XLA still
knows it. What depends on how XLA fuses is marked ``as_users_compile`` and run once more with its defaults, by
``tests/unit/test_compiler.py``.
"""

import os
from itertools import count
from pathlib import Path

import hypothesis
import jax
import pytest

import flambeau as fb
from compiler_flags import known_flags

CACHE = Path(os.environ.get("FLAMBEAU_COMPILATION_CACHE", Path(__file__).parents[1] / ".jax_cache"))
QUICK = (
    "--xla_backend_optimization_level=1",
    "--xla_cpu_use_fusion_emitters=false",
    "--xla_cpu_parallel_codegen_split_count=1",
)
if "XLA_FLAGS" not in os.environ:  # read when the first program is compiled; workers inherit what the first one sets
    os.environ["XLA_FLAGS"] = " ".join(known_flags(QUICK, CACHE))

hypothesis.settings.register_profile("flambeau", deadline=None, derandomize=True, print_blob=False)
hypothesis.settings.load_profile("flambeau")


def pytest_configure():
    """One cache for all workers and all later runs."""
    fb.enable_compilation_cache(CACHE)


MAPS = Path("/proc/self/maps")  # Linux lets a process map 65,530 pieces of memory; every compiled program takes some
TESTS = count(1)


def pytest_runtest_teardown(item):
    """Let compiled programs go before they are too many, or a worker dies in the middle of a test."""
    if next(TESTS) % 50 == 0 and MAPS.exists() and MAPS.read_bytes().count(b"\n") > 35_000:
        jax.clear_caches()


@pytest.fixture
def x64():
    """Double precision within the test."""
    with jax.enable_x64(True):
        yield
