"""The suite compiles quickly, not as users do; what XLA may fuse wrongly is asked under its defaults as well."""

import os
import subprocess
import sys
from pathlib import Path

MARK = "pytest.mark.as_users_compile"
TESTS = Path(__file__).parents[1]


def test_marked_tests_hold_as_users_compile_them(request):
    files = [path for path in sorted(TESTS.rglob("test_*.py")) if path != Path(__file__) and MARK in path.read_text()]
    assert files
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:xdist", "-m", "as_users_compile", *map(str, files)]
    found = subprocess.run(
        command, env={**os.environ, "XLA_FLAGS": ""}, cwd=request.config.rootpath, capture_output=True, text=True
    )
    assert found.returncode == 0, found.stdout + found.stderr
