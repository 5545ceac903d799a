"""What every test needs: the compilation cache, the budget, and double precision where a test asks for it.

The suite spends its time compiling small programs, so the compiler is asked for less than users get: no optimisation
by LLVM and XLA's older, quicker way of writing fused loops (four times sooner in all), where the installed XLA still
knows them; and Python looks for garbage less often than after every 700 new objects. What depends on how XLA fuses is
marked ``as_users_compile`` and run once more with its defaults, by ``tests/unit/test_compiler.py``.
"""

import gc
import os
from pathlib import Path

import hypothesis
import jax
import pytest

import flambeau as fb
import table
from budget import Budget
from compiler_flags import known_flags
from programs import COUNTER

CACHE = Path(os.environ.get("FLAMBEAU_COMPILATION_CACHE", Path(__file__).parents[1] / ".jax_cache"))
QUICK = (
    "--xla_backend_optimization_level=0",
    "--xla_cpu_use_fusion_emitters=false",
    "--xla_cpu_parallel_codegen_split_count=1",
)
if "XLA_FLAGS" not in os.environ:  # read when the first program is compiled; workers inherit what the first one sets
    os.environ["XLA_FLAGS"] = " ".join(known_flags(QUICK, CACHE))

hypothesis.settings.register_profile("flambeau", deadline=None, derandomize=True, print_blob=False)
hypothesis.settings.load_profile("flambeau")


def pytest_configure(config):
    """One cache for all workers and all later runs."""
    fb.enable_compilation_cache(CACHE)
    COUNTER.listen()
    config.pluginmanager.register(Budget(config))
    gc.freeze()  # what is imported stays
    gc.set_threshold(20_000, 10, 10)


@pytest.fixture(scope="module", params=table.PRECISIONS)
def precise(request):
    """Both precisions in turn: with what a test compares in it (:class:`table.Precision`)."""
    precision = table.PRECISIONS[request.param]
    with jax.enable_x64(precision.double):
        yield precision


@pytest.fixture
def x64():
    """Double precision within the test."""
    with jax.enable_x64(True):
        yield
