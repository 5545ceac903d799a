"""A training step of 64-64-10, batch 32, sigmoid hidden units, softmax and cross-entropy, SGD.

Ours against PyTorch's eager loop and scikit-learn's ``MLPClassifier.fit``.
"""

from contestants import Job, compile_note, flambeau_steps, sklearn_steps, torch_steps, torch_steps_by_hand
from harness import Measure, alternate, faster, publish
from machine import arguments, fix_threads

JOB = Job(sizes=(64, 64, 10), rows=3_200, batch=32)
OUR_EPOCHS, PEER_EPOCHS = 200, 15


def main() -> None:
    """Measure, print, keep."""
    given = arguments(__doc__).parse_args()
    threads = fix_threads(given.threads)
    contestants = (
        flambeau_steps(JOB, OUR_EPOCHS),
        torch_steps(JOB, PEER_EPOCHS),
        sklearn_steps(JOB, PEER_EPOCHS),
        torch_steps_by_hand(JOB, PEER_EPOCHS),
        torch_steps(JOB, PEER_EPOCHS, fused=True),
        flambeau_steps(JOB, PEER_EPOCHS),
    )
    first = [contestant() for contestant in contestants]
    measured = alternate(*contestants, repeats=given.repeats)
    ours, eager, sklearn, by_hand, fused, short = (Measure.of(values, "us") for values in measured)
    rows = [
        faster("Training step 64-64-10, batch 32, against PyTorch", ours, eager, bar=15),
        faster("Training step 64-64-10, batch 32, against scikit-learn", ours, sklearn, bar=10),
    ]
    notes = {
        **compile_note(first[0], measured[0], OUR_EPOCHS * JOB.steps),
        f"ours in a run of {PEER_EPOCHS} epochs only": str(short),
        "PyTorch with the update by hand": str(by_hand),
        "PyTorch with fused=True": str(fused),
    }
    publish("step_small", rows, notes, threads)


if __name__ == "__main__":
    main()
