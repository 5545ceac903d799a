"""The suite's budget: no test asks for more than a few programs, and no worker keeps more than its share of memory.

A test may ask for ``PROGRAMS``; one that needs more says how many and why: ``@pytest.mark.programs(150, "why")``. What
is compiled for a fixture that tests share is no test's own. Counted are programs that JAX compiled *or* found in its
cache, so the count does not depend on what ran before, but for what is still in memory. Memory is given back when a
process has become large; what is asked for again after that is not counted. The last line of a run says what it used,
with all workers; ``FLAMBEAU_TEST_COSTS=costs.txt`` gives a line for every test and fixture that asked for programs.
"""

import contextlib
import ctypes
import gc
import os
from pathlib import Path

import jax
import pytest

from programs import COUNTER, usage

PROGRAMS = 60  # beside others, whose programs it finds, none asks for more than 30; by itself one may
LARGE = 900 << 20  # bytes
COSTS = os.environ.get("FLAMBEAU_TEST_COSTS")


class Budget:
    """Count what every test compiles; tell it at the end, and fail those that compile too much."""

    def __init__(self, config):
        self.config = config
        self.shared = 0  # programs of fixtures that tests share
        self.begun = 0
        self.workers = []
        self.peak = 0.0, "nothing"  # MiB, and the test that raised it last

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef, request):
        before = COUNTER.asked + self.shared
        result = yield
        if fixturedef.scope != "function":
            own = COUNTER.asked + self.shared - before  # without those of the fixtures that it asked for
            self.shared -= own
            note(own, f"fixture {fixturedef.argname} of {request.node.nodeid}")
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item, nextitem):
        self.begun = COUNTER.asked + self.shared
        result = yield
        note(COUNTER.asked + self.shared - self.begun, item.nodeid)
        self.peak = max(self.peak, (usage()[1], item.nodeid), key=lambda peak: peak[0])
        if memory() > LARGE or (nextitem is not None and nextitem.path != item.path and not memory()):
            forget()
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item):
        result = yield
        allowed, count = allowance(item), COUNTER.asked + self.shared - self.begun
        if count > allowed:
            pytest.fail(f"{count} programs, {allowed} allowed: ask at once, with program() of tests/programs.py")
        return result

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session):
        if hasattr(session.config, "workeroutput"):
            session.config.workeroutput["programs"] = (COUNTER.asked, sorted(COUNTER.distinct), usage()[0], self.peak)

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node, error):
        found = getattr(node, "workeroutput", {}).get("programs")
        self.workers += [found] if found else []

    def pytest_terminal_summary(self, terminalreporter):
        parts = self.workers or [(COUNTER.asked, sorted(COUNTER.distinct), usage()[0], self.peak)]
        asked, distinct = sum(part[0] for part in parts), set().union(*(part[1] for part in parts))
        seconds, (peak, where) = sum(part[2] for part in parts), max(part[3] for part in parts)
        used = f"processor: {seconds:.0f} s; peak: {peak:.0f} MiB a worker, in {where}"
        terminalreporter.write_line(f"programs: {len(distinct)} distinct, {asked} asked; {used}")


def allowance(item):
    """How many programs a test may ask for."""
    mark = item.get_closest_marker("programs")
    return mark.args[0] if mark else PROGRAMS


def note(programs, what):
    if COSTS and programs:
        with Path(COSTS).open("a", encoding="utf-8") as file:
            file.write(f"{programs}\t{what}\n")


def memory():
    """Bytes that this process holds now; 0 where the system does not say."""
    try:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        return 0


def forget():
    """Let all compiled programs go: a Linux process may map 65,530 pieces of memory, and each of them takes some."""
    COUNTER.forgotten |= COUNTER.distinct
    jax.clear_caches()
    gc.collect()
    with contextlib.suppress(AttributeError, OSError):  # only glibc has it
        ctypes.CDLL(None).malloc_trim(0)
