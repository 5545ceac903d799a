"""JAX's persistent compilation cache, switched on only when asked for.

Importing Flambeau never changes JAX's configuration. The command line and the test suite call this once.
"""

import os
from pathlib import Path

import jax

__all__ = ["enable_compilation_cache"]


def enable_compilation_cache(folder: str | Path | None = None) -> Path:
    """Keep compiled programs in a folder, so that the next process starts at once; return the folder.

    Default: ``FLAMBEAU_COMPILATION_CACHE``, else ``jax`` in the user's cache folder for Flambeau. *Limits:* programs
    are valid for one version of JAX and one kind of processor; JAX itself finds out.
    """
    default = os.environ.get("FLAMBEAU_COMPILATION_CACHE") or user_cache() / "jax"
    path = Path(folder or default).expanduser()
    path.mkdir(parents=True, exist_ok=True)
    jax.config.update("jax_compilation_cache_dir", str(path))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return path


def user_cache() -> Path:
    """The user's cache folder for Flambeau."""
    import pooch

    return Path(os.environ.get("FLAMBEAU_CACHE") or pooch.os_cache("flambeau"))
