"""A training step of 784-300-10, batch 128, on random data of MNIST's size (60,000 rows), SGD.

Sigmoid hidden units, softmax and cross-entropy. Ours against PyTorch's eager loop, scikit-learn's
``MLPClassifier.fit``, and the floor: the step's five matrix products by the fastest sgemm of this machine.
"""

from contestants import Job, compile_note, flambeau_steps, sklearn_steps, torch_steps, torch_steps_by_hand
from harness import Measure, alternate, faster, publish
from machine import arguments, fix_threads
from sgemm import Products

JOB = Job(sizes=(784, 300, 10), rows=60_000, batch=128)
OUR_EPOCHS, PEER_EPOCHS = 2, 1


def main() -> None:
    """Measure, print, keep."""
    given = arguments(__doc__, repeats=5).parse_args()
    threads = fix_threads(given.threads)
    products = Products(JOB.batch, *JOB.sizes)
    contestants = (
        flambeau_steps(JOB, OUR_EPOCHS),
        torch_steps(JOB, PEER_EPOCHS),
        sklearn_steps(JOB, PEER_EPOCHS),
        torch_steps_by_hand(JOB, PEER_EPOCHS),
        torch_steps(JOB, PEER_EPOCHS, fused=True),
    )
    first = [contestant() for contestant in (*contestants, *products.contestants)]
    measured = alternate(*contestants, *products.contestants, repeats=given.repeats)
    ours, eager, sklearn, by_hand, fused = (Measure.of(values, "us") for values in measured[:5])
    floor = products.floor(measured[5:])
    rows = [
        faster("Training step 784-300-10, batch 128, against PyTorch", ours, eager, bar=1.7),
        faster("Training step 784-300-10, batch 128, against scikit-learn", ours, sklearn, bar=5),
        faster("Training step 784-300-10: share of the sgemm rate", ours, floor.time, bar=0.6),
    ]
    notes = {
        **compile_note(first[0], measured[0], OUR_EPOCHS * JOB.steps),
        "MFLOP of a step's five products": products.flops / 1e6,
        "our rate, GFLOP/s, all else in the step included": round(products.flops / ours.median / 1e3, 1),
        "sgemm rate of the floor, GFLOP/s": round(floor.gflops, 1),
        "share of the sgemm rate by least times, which load disturbs less": round(floor.time.low / ours.low, 3),
        "fastest sgemm by product": floor.fastest,
        "PyTorch with the update by hand": str(by_hand),
        "PyTorch with fused=True": str(fused),
    }
    publish("step_mnist", rows, notes, threads)


if __name__ == "__main__":
    main()
