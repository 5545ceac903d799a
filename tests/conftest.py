"""What every test needs: the compilation cache, and double precision where a test asks for it."""

import os
from pathlib import Path

import hypothesis
import jax
import pytest

import flambeau as fb

hypothesis.settings.register_profile("flambeau", deadline=None, derandomize=True, print_blob=False)
hypothesis.settings.load_profile("flambeau")


def pytest_configure(config):
    """One cache for all workers and all later runs."""
    default = Path(str(config.rootpath)) / ".jax_cache"
    fb.enable_compilation_cache(os.environ.get("FLAMBEAU_COMPILATION_CACHE", default))


@pytest.fixture
def x64():
    """Double precision within the test."""
    with jax.enable_x64(True):
        yield
