"""Which XLA flags the installed jaxlib knows: one that it does not know ends the process without a word.

``XLA_FLAGS`` is read once, when the first program is compiled, and an unknown flag there is fatal; the same name as an
option of one program is only refused. So another process asks, once for each jaxlib, and the answer is kept.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

ASK = """
import json, sys, jax
def known(flag):
    name, value = flag.removeprefix("--").split("=")
    try:
        jax.jit(lambda x: x, compiler_options={name: value}).lower(0.0).compile()
    except jax.errors.JaxRuntimeError:
        return False
    return True
print(json.dumps([flag for flag in sys.argv[1:] if known(flag)]))
"""


def known_flags(flags: Sequence[str], kept: Path) -> list[str]:
    """Those of the flags that the installed XLA knows, asked in a process of its own and remembered in the folder."""
    answer = kept / f"xla-flags-{version('jaxlib')}.json"
    try:
        found = json.loads(answer.read_text(encoding="utf-8"))
        if found["asked"] == list(flags):
            return found["known"]
    except (OSError, ValueError, KeyError, TypeError):
        pass  # not asked yet, or not legible: ask
    known = ask(flags)
    kept.mkdir(parents=True, exist_ok=True)
    waiting = answer.with_suffix(f".{os.getpid()}")  # workers may ask at the same time
    waiting.write_text(json.dumps({"asked": list(flags), "known": known}), encoding="utf-8")
    waiting.replace(answer)
    return known


def ask(flags: Sequence[str]) -> list[str]:
    """Another process tries each as an option of a smallest program; what it cannot say is not known."""
    environment = {**os.environ, "XLA_FLAGS": ""}
    found = subprocess.run(
        [sys.executable, "-c", ASK, *flags], env=environment, capture_output=True, text=True, timeout=120
    )
    return json.loads(found.stdout) if found.returncode == 0 else []
