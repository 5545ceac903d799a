"""Programs: a question asked as one of them, and how many the suite compiles.

A test that works out an oracle with single JAX operations compiles one small program for each operation and shape, 30
to 70 ms apiece. So oracles are written in NumPy, and what is asked of JAX is asked at once: ``program(f)(*arguments)``.
The :class:`Counter` hears from JAX's own log of every program that is compiled or found in the cache; the hooks in
``conftest.py`` hold every test to a number of them and print the sum.
"""

import logging
import resource
from collections import Counter as Tally

import equinox as eqx
import jax
import numpy as np

__all__ = ["COUNTER", "Counter", "program", "usage"]

LOG = "jax._src.compiler"  # where JAX says of every program whether its cache had it


def program(f):
    """`f` as one compiled program that answers in NumPy's arrays; compiled once for a function and its shapes.

    Equinox keeps it by function, so methods of modules (``program(rule.propose)``) are found again. A function made
    anew in every test is not: give its numbers as arguments. Arrays and keys are traced, all else is fixed.
    """
    compiled = eqx.filter_jit(f)

    def asked(*arguments, **keywords):
        return jax.tree.map(as_numpy, compiled(*arguments, **keywords))

    return asked


def as_numpy(leaf):
    """An array of JAX's as NumPy's; keys, arrays of a program that is being traced and what is no array stay."""
    if (
        isinstance(leaf, jax.Array)
        and not isinstance(leaf, jax.core.Tracer)
        and not jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    ):
        return np.asarray(leaf)
    return leaf


class Counter(logging.Filter):
    """Every program that JAX compiled or found in its cache, by the key under which the cache keeps it.

    A filter, so that what the compiler logs for this is counted and goes no further.
    """

    def __init__(self):
        super().__init__()
        self.asked = 0
        self.names: Tally[str] = Tally()
        self.distinct: set[str] = set()
        self.forgotten: set[str] = set()  # known before memory was given back: asked for again, they are nobody's

    def filter(self, record):
        if str(record.msg).lower().startswith("persistent compilation cache") and len(record.args) == 2:
            name, key = map(str, record.args)
            self.asked += key not in self.forgotten
            self.forgotten.discard(key)
            self.names[name] += 1
            self.distinct.add(key)
        return record.levelno >= logging.WARNING

    def listen(self):
        """Hear what the compiler logs."""
        logger = logging.getLogger(LOG)
        logger.setLevel(logging.DEBUG)
        logger.addFilter(self)


COUNTER = Counter()


def usage():
    """What this process has used: processor seconds with its children's, and its peak memory in MiB."""
    own, children = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    seconds = sum(each.ru_utime + each.ru_stime for each in (own, children))
    return seconds, own.ru_maxrss / 1024
