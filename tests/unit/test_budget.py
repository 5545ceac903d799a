"""The budget of programs: who asks for more than allowed fails, who shares a fixture does not pay for it."""

import textwrap

import budget
from programs import COUNTER

pytest_plugins = ["pytester"]

FILE = """
    import jax
    import numpy as np
    import pytest

    def ask(number):
        for factor in range(number):
            jax.jit(lambda x: x * {seed} + factor).lower(np.ones(2 + factor)).compile()

    @pytest.fixture(scope="module")
    def shared():
        ask(3)

    def test_few():
        ask(2)

    def test_many():
        ask(4)

    @pytest.mark.programs(4, "it is about compiling")
    def test_many_with_a_reason():
        ask(4)

    def test_with_a_shared_fixture(shared):
        ask(2)
"""


def test_a_test_that_compiles_too_much_fails(pytester, monkeypatch):
    pytester.makepyfile(textwrap.dedent(FILE.replace("{seed}", "1.25")))
    pytester.makeini("[pytest]\nmarkers = programs(most, why): more")
    with monkeypatch.context() as patch:
        patch.setattr(budget, "PROGRAMS", 2)
        patch.setattr(budget, "COSTS", None)  # the inner tests are no tests of ours
        patch.setattr(budget, "forget", lambda: None)  # it would forget this session's programs
        found = pytester.inline_run("-p", "no:cacheprovider", plugins=[budget.Budget(None)])
    passed, _, failed = found.listoutcomes()
    assert [report.nodeid.split("::")[1] for report in failed] == ["test_many"]
    assert "4 programs, 2 allowed" in str(failed[0].longrepr)
    assert len(passed) == 3


def test_what_is_asked_for_again_after_memory_was_given_back_is_not_counted(monkeypatch):
    import jax
    import numpy as np

    def ask():
        jax.jit(lambda x: x * 7.654321).lower(np.ones(3)).compile()

    ask()
    asked = COUNTER.asked
    monkeypatch.setattr(COUNTER, "forgotten", set())
    monkeypatch.setattr(budget.jax, "clear_caches", lambda: None)  # this session's programs stay
    budget.forget()
    ask()
    assert COUNTER.asked == asked
    ask()
    assert COUNTER.asked == asked + 1


def test_programs_are_counted_by_what_they_are():
    import jax
    import numpy as np

    asked, distinct = COUNTER.asked, len(COUNTER.distinct)
    for _ in range(2):
        jax.jit(lambda x: x * 1.2345678).lower(np.ones(3)).compile()
    assert COUNTER.asked == asked + 2
    assert len(COUNTER.distinct) <= distinct + 1
