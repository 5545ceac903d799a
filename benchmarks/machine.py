"""Where a benchmark ran: processor, cores, threads, versions. Never a path or a host's name."""

import argparse
import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

__all__ = ["arguments", "commit", "environment", "fix_threads"]

PACKAGES = ("flambeau", "jax", "jaxlib", "equinox", "optax", "numpy", "scipy", "scikit-learn", "torch")


def arguments(description: str, repeats: int = 7) -> argparse.ArgumentParser:
    """The options that every script has."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--repeats", type=int, default=repeats, help="measurements of each contestant")
    parser.add_argument("--threads", type=int, default=cores(), help="cores that all contestants may use")
    return parser


def cores() -> int:
    """Cores that this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def fix_threads(threads: int) -> int:
    """The same number of threads for JAX, PyTorch and NumPy, in this process and its children; call it before JAX runs.

    JAX sizes its pool by the cores that the process may run on, so it is bound to that many (where the system can).
    """
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:threads])
    os.environ["JAX_PLATFORMS"] = "cpu"  # the peers run there too
    if "jax" in sys.modules:
        sys.modules["jax"].config.update("jax_platforms", "cpu")
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = str(threads)
    if "threadpoolctl" in sys.modules or "sklearn" in sys.modules:
        from threadpoolctl import threadpool_limits

        threadpool_limits(threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(threads)
    return threads


def environment(threads: int) -> dict[str, str | int]:
    """What a reader needs in order to compare, ready for JSON."""
    return {
        "processor": processor(),
        "cores": os.cpu_count() or 1,
        "threads": threads,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: installed(name) for name in PACKAGES},
    }


def processor() -> str:
    """The processor's model and its widest vectors, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    fields = dict(reversed([[part.strip() for part in line.split(":", 1)] for line in lines if ":" in line]))
    flags = fields.get("flags", "").split()
    vectors = next((name for flag, name in (("avx512f", "AVX-512"), ("avx2", "AVX2")) if flag in flags), "")
    known = " ".join(f"{key} {fields[key]}" for key in ("cpu family", "model") if key in fields)
    model = fields.get("model name", platform.machine())
    return f"{model} ({', '.join(part for part in (known, vectors) if part)})"


def installed(name: str) -> str:
    """A package's version."""
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def commit() -> str:
    """The commit that the working tree stands on, with "-dirty" where it was changed; unknown outside a repository."""
    here = Path(__file__).resolve().parent
    asked = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"], cwd=here, capture_output=True, text=True, check=False
    )
    return asked.stdout.strip() or "unknown"
