"""Processes: what a fork of a process that has computed cannot do, said before it hangs."""

import os
import warnings

_computed_in: list[int] = []  # the process that computed first; a fork inherits the number with everything else


def warn_if_forked() -> None:
    """Warn, once, in a process that was forked from one that had already computed: it is likely to wait for ever.

    JAX computes on threads, and threads do not survive a fork; the locks that they held do.
    """
    here = os.getpid()
    if not _computed_in:
        _computed_in.append(here)
    elif _computed_in[0] != here:
        _computed_in[0] = here
        warnings.warn(
            "this process was forked from one that had already computed, and is likely to hang: start workers with "
            "joblib's 'loky' or multiprocessing.get_context('spawn'), or use threads (docs/processes.md)",
            RuntimeWarning,
            stacklevel=4,
        )
