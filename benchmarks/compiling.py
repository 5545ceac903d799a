"""What XLA's options are worth: for what runs once (a network is drawn) and for what runs often (a step is trained).

Milliseconds to compile, against XLA's defaults, and what a step then takes. The older loop emitters would halve the
wait for the first step and make every step slower, so they are asked for only where a program runs once.
"""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import numpy as np

import flambeau as fb
from flambeau.foundation.programs import ONCE
from flambeau.training import feeding
from flambeau.training.rounds import advance_rounds
from flambeau.training.session import LAST, Session
from flambeau.training.stopping import RunAll
from harness import Measure, alternate, faster, publish, timed
from machine import arguments, fix_threads

SIZES, ROWS, BATCH, EPOCHS = (100, 64, 10), 2_000, 200, 100
OLDER = {"xla_cpu_use_fusion_emitters": False}


def main() -> None:
    """Measure, print, keep."""
    given = arguments(__doc__).parse_args()
    threads = fix_threads(given.threads)
    contestants = drawing(ONCE), drawing({}), training(OLDER), training({}), steps(OLDER), steps({})
    measured = alternate(*contestants, repeats=given.repeats)
    once, plain, older, newer = (Measure.of(values, "ms") for values in measured[:4])
    slow, fast = (Measure.of(values, "us") for values in measured[4:])
    rows = [
        faster("compiling what draws 784-500-10, as what runs once, against XLA's defaults", once, plain, bar=3.0),
        faster("compiling what trains 100-64-10, by the older loop emitters", older, newer, bar=1.0),
        faster("a step of it by XLA's defaults, against the older loop emitters", fast, slow, bar=1.0),
    ]
    publish("compiling", rows, {}, threads)


def lowered(f: Callable[..., Any], options: dict[str, Any], *given: Any) -> Any:
    """As a program of its own, to be compiled with these options; a new one each time, for JAX keeps them."""
    return eqx.filter_jit(lambda *own: f(*own), compiler_options=options).lower(*given)  # type: ignore[call-overload]


def drawing(options: dict[str, Any]) -> Callable[[], float]:
    """Milliseconds to compile the drawing of a network."""

    def drawn(seed: Any) -> Any:
        return fb.networks.mlp((784, 500, 10), key=jax.random.wrap_key_data(seed))

    return lambda: 1e3 * timed(lowered(drawn, options, np.asarray([0, 1], np.uint32)).compile)


def call() -> tuple:
    """What a compiled chunk of a run is called with."""
    numbers = np.random.default_rng(0)
    problem = fb.problems.Examples.of(
        numbers.random((ROWS, SIZES[0])), np.eye(SIZES[-1])[numbers.integers(0, 10, ROWS)]
    )
    network = fb.networks.mlp(SIZES, "tanh", "softmax", key=jax.random.key(0))
    rule = fb.rules.Backpropagation(fb.rules.CrossEntropy())
    floats = eqx.is_inexact_array
    session = Session(network, rule, problem, "adam", None, EPOCHS, BATCH, LAST, RunAll(), (), 0, floats, None)
    fed = next(feeding.fed_chunks(problem, session.seed, (0, 0), BATCH, session.steps, EPOCHS))
    return *session.call(fed), np.int32(fed.rounds), np.int32(fed.each)


def training(options: dict[str, Any]) -> Callable[[], float]:
    """Milliseconds to compile a training program."""
    given = call()
    return lambda: 1e3 * timed(lowered(advance_rounds, options, *given).compile)


def steps(options: dict[str, Any]) -> Callable[[], float]:
    """Microseconds a step."""
    given = call()
    program = lowered(advance_rounds, options, *given).compile()
    done = int(given[-2]) * int(given[-1])
    return lambda: 1e6 * timed(lambda: jax.block_until_ready(program(*given).rounds)) / done


if __name__ == "__main__":
    main()
