"""What every reproduction shares: a protocol, one result per seed, and a JSON beside the script that keeps both."""

import json
import os
import platform
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

__all__ = ["commit", "keep", "machine", "over_seeds", "wrong"]

PACKAGES = ("flambeau", "jax", "jaxlib", "equinox", "optax", "numpy", "scikit-learn")


def over_seeds(measure: Callable[[int], dict[str, float]], seeds: Sequence[int], main: str) -> dict[str, Any]:
    """Measure every seed, print each; mean and spread of the figure called ``main``, and the time in all."""
    started, results = time.perf_counter(), []
    for seed in seeds:
        results.append({"seed": seed, **measure(seed)})
        print(", ".join(f"{name} {value:.6g}" for name, value in results[-1].items()), flush=True)
    values = [result[main] for result in results]
    return {
        "seeds": results,
        "mean": statistics.mean(values),
        "least": min(values),
        "most": max(values),
        "standard deviation": statistics.stdev(values) if len(values) > 1 else 0.0,
        "seconds": round(time.perf_counter() - started, 2),
    }


def wrong(model: Any, X: Any, y: Any) -> float:
    """Percent of rows that a classifier decides wrongly."""
    return 100 * float((model.predict(X) != y).mean())


def keep(script: str, protocol: dict[str, Any], result: dict[str, Any], *, suffix: str = "") -> Path:
    """Write ``SCRIPT.json`` beside the script: a part file, flushed to disk, then put in place."""
    path = Path(script).with_suffix("")
    path = path.with_name(f"{path.name}{suffix}.json")
    made = {"date": time.strftime("%Y-%m-%d"), "commit": commit()}
    content = {**made, "protocol": protocol, "result": result, "machine": machine()}
    beside = path.with_suffix(".json.part")
    with beside.open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=2, ensure_ascii=False, allow_nan=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)
    print(f"kept in reproductions/{path.name}")
    return path


def commit() -> str:
    """The commit that the working tree stands on, with "-dirty" where it was changed; unknown outside a repository."""
    here = Path(__file__).resolve().parent
    asked = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--abbrev=12"], cwd=here, capture_output=True, text=True, check=False
    )
    return asked.stdout.strip() or "unknown"


def machine() -> dict[str, str | int]:
    """Processor, cores and versions: what a figure may depend on."""
    import jax

    return {
        "processor": processor(),
        "cores": os.cpu_count() or 1,
        "device": jax.devices()[0].device_kind,
        "system": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }


def processor() -> str:
    """The processor's model, where the system tells."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())
