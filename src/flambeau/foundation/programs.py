"""How programs are compiled for a processor, and where compiled ones are kept.

On two cores a step of a tiny network is half as long when XLA does not look for a second thread (0.9 instead of 1.7 µs
for 2-4-1), and matrix products are a little faster when it may use the widest vectors. Both are options of one program,
never of the process. JAX's persistent cache is switched on only when asked for: importing Flambeau never changes JAX's
configuration; the command line and the test suite call :func:`enable_compilation_cache` once.
"""

import functools
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import equinox as eqx
import jax
import numpy as np

Answer = TypeVar("Answer")
SMALL_STEP = 1_500_000  # weights x batch: below it (9 MFLOP a step, 0.1 ms) a second thread is not worth waking

WIDE = {"xla_cpu_prefer_vector_width": "512"}
SINGLE = {"xla_cpu_multi_thread_eigen": False}
# For what runs once: unoptimised it compiles in a quarter of the time (``benchmarks/compiling.py``).
ONCE = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}


def options_for(work: int) -> dict[str, Any]:
    """Compiler options for a step of that much work (weights x batch); none but on a CPU."""
    if jax.default_backend() != "cpu":
        return {}
    options = {**WIDE, **SINGLE} if work < SMALL_STEP else WIDE
    return accepted(tuple(options.items()))


def run_once(f: Callable[..., Answer]) -> Callable[..., Answer]:
    """`f` as one compiled program that will run once (a network is drawn, a run begins): compiled as soon as can be.

    Under a transformation (``vmap``, or within another program) it is compiled as any: options are a whole program's.
    """
    plain = eqx.filter_jit(f)

    @functools.cache
    def compiled() -> Any:
        options = accepted(tuple(ONCE.items())) if jax.default_backend() == "cpu" else {}
        return eqx.filter_jit(f, compiler_options=options)  # type: ignore[call-overload]

    @functools.wraps(f)
    def asked(*arguments: Any, **keywords: Any) -> Answer:
        # Within a program everything that is placed is a tracer, also where the arguments are not.
        within = traced((arguments, keywords, jax.device_put(np.float32(0))))
        return (plain if within else compiled())(*arguments, **keywords)

    return asked


def traced(tree: Any) -> bool:
    """Whether any leaf is part of a program that is being traced."""
    return any(isinstance(leaf, jax.core.Tracer) for leaf in jax.tree.leaves(tree))


@functools.cache
def accepted(options: tuple[tuple[str, Any], ...]) -> dict[str, Any]:
    """Those of the options that this release of XLA knows: they are no part of its promises, and each may go alone."""
    if compiles(dict(options)):
        return dict(options)
    return dict(option for option in options if compiles(dict([option])))


def compiles(options: dict[str, Any]) -> bool:
    """Whether a smallest program compiles with them."""
    try:
        jax.jit(lambda x: x, compiler_options=options).lower(0.0).compile()
    except (jax.errors.JaxRuntimeError, ValueError):
        return False
    return True


def enable_compilation_cache(folder: str | Path | None = None) -> Path:
    """Keep compiled programs in a folder, so that the next process starts at once; return the folder.

    Default: ``FLAMBEAU_COMPILATION_CACHE``, else ``jax`` in the user's cache folder for Flambeau. *Limits:* programs
    are valid for one version of JAX and one kind of processor; JAX itself finds out.
    """
    path = Path(folder or program_folder()).expanduser()
    path.mkdir(parents=True, exist_ok=True)
    jax.config.update("jax_compilation_cache_dir", str(path))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return path


def program_folder() -> Path:
    """Where compiled programs are kept unless another folder is given."""
    return Path(os.environ.get("FLAMBEAU_COMPILATION_CACHE") or user_cache() / "jax").expanduser()


def user_cache() -> Path:
    """The user's cache folder for Flambeau."""
    import pooch

    return Path(os.environ.get("FLAMBEAU_CACHE") or pooch.os_cache("flambeau"))
