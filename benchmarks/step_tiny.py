"""A training step of 2-4-1 on four rows, sigmoid units, squared error, SGD: ours against PyTorch's eager loop.

At this size a step is all overhead: what is measured is the engine, not arithmetic.
"""

from contestants import Job, compile_note, flambeau_steps, torch_steps, torch_steps_by_hand
from harness import Measure, alternate, faster, publish
from machine import arguments, fix_threads

JOB = Job(sizes=(2, 4, 1), rows=4, batch=4)
OUR_STEPS, PEER_STEPS, SHORT = 200_000, 1_500, 5_000


def main() -> None:
    """Measure, print, keep."""
    given = arguments(__doc__).parse_args()
    threads = fix_threads(given.threads)
    contestants = (
        flambeau_steps(JOB, OUR_STEPS),
        torch_steps(JOB, PEER_STEPS),
        torch_steps_by_hand(JOB, PEER_STEPS),
        flambeau_steps(JOB, SHORT),
    )
    first = [contestant() for contestant in contestants]
    ours, eager, by_hand, short = alternate(*contestants, repeats=given.repeats)
    rows = [faster("Training step 2-4-1, batch 4, against PyTorch", us(ours), us(eager), bar=80)]
    notes = {
        **compile_note(first[0], ours, OUR_STEPS),
        f"ours in a run of {SHORT:,} steps only": str(us(short)),
        "PyTorch with the update by hand": str(us(by_hand)),
    }
    publish("step_tiny", rows, notes, threads)


def us(values: list[float]) -> Measure:
    """Microseconds per step."""
    return Measure.of(values, "us")


if __name__ == "__main__":
    main()
