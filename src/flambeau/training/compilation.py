"""How the loop is compiled for a processor.

On two cores a step of a tiny network is half as long when XLA does not look for a second thread (0.9 instead of 1.7 µs
for 2-4-1), and matrix products are a little faster when it may use the widest vectors. Both are options of one program,
never of the process.
"""

import functools
from typing import Any

import jax

__all__ = ["SMALL_STEP", "options_for"]

SMALL_STEP = 1_500_000  # weights x batch: below it (9 MFLOP a step, 0.1 ms) a second thread is not worth waking

WIDE = {"xla_cpu_prefer_vector_width": "512"}
SINGLE = {"xla_cpu_multi_thread_eigen": False}


def options_for(work: int) -> dict[str, Any]:
    """Compiler options for a step of that much work (weights x batch); none but on a CPU."""
    if jax.default_backend() != "cpu":
        return {}
    return accepted(work < SMALL_STEP)


@functools.cache
def accepted(small: bool) -> dict[str, Any]:
    """The options if this release of XLA knows them; they are no part of its promises."""
    options = {**WIDE, **SINGLE} if small else WIDE
    try:
        jax.jit(lambda x: x, compiler_options=options).lower(0.0).compile()
    except (jax.errors.JaxRuntimeError, ValueError):
        return {}
    return options
