"""How many compiled programs a process keeps, and whether it shares them with others: looked at before a fit."""

import os
import warnings
from collections.abc import Hashable

import jax

from flambeau.foundation.programs import enable_compilation_cache

KEPT_PROGRAMS = 64  # kinds of training; each with its smaller programs takes about 13 MiB

_kept: set[Hashable] = set()
_asked: list[str] = []


def make_room_for(kind: Hashable) -> None:
    """Forget all compiled programs (``jax.clear_caches``) when one more kind of training would be one too many.

    A search over a thousand architectures then takes no more memory than one over sixty-four. Whatever is still needed
    is compiled again, or comes from the persistent cache.
    """
    if kind not in _kept and len(_kept) >= KEPT_PROGRAMS:
        jax.clear_caches()
        _kept.clear()
    _kept.add(kind)


def cache_from_environment() -> None:
    """Switch JAX's persistent cache on where ``FLAMBEAU_COMPILATION_CACHE`` names a folder and no other is in use.

    Worker processes inherit the environment, and so start warm. A folder that cannot be made is only warned of.
    """
    folder = os.environ.get("FLAMBEAU_COMPILATION_CACHE")
    if not folder or folder in _asked or jax.config.values["jax_compilation_cache_dir"]:
        return
    _asked.append(folder)
    try:
        enable_compilation_cache(folder)
    except OSError as error:
        warnings.warn(
            f"compiled programs are not kept: {folder} cannot be used ({error})", RuntimeWarning, stacklevel=4
        )
