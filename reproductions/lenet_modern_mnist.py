"""LeNet in the form trained today, on MNIST: at least 99.1 % of the test set right, in under 5 minutes on two cores.

``flambeau.LeNetClassifier("modern")``: all connections of C3, max pooling, ReLU, softmax and cross-entropy, 61,706
parameters, no distortions. Three networks learn all 60,000 rows; the test set is read once for each, after the last
epoch. The seconds are those of ``fit``, compilation included (from the second seed on the program is compiled already).
Adam with decoupled decay, a rate falling on a cosine, dropout above the last pooling. A first setting, Nesterov's
momentum from a rate of 0.05 without warm-up, was given up after its three runs: 99.14 and 99.12 % right, but one start
lost all its ReLUs in the first steps (11.35 %). No other settings were tried.
``FLAMBEAU_DATA`` names a folder that holds ``mnist``; without it the data are downloaded.
"""

import math
import resource
import sys
import time

import numpy as np
import optax

import flambeau as fb
from common import keep, over_seeds, wrong

BAR, MINUTES, MEMORY = 99.1, 5, 2.0
SEEDS = (0, 1, 2)
EPOCHS, BATCH, RATE, DECAY, DROPOUT = 20, 128, 0.002, 0.1, 0.25
PROTOCOL = {
    "claim": f"mean test accuracy over {len(SEEDS)} seeds at least {BAR} %, each in under {MINUTES} minutes",
    "network": "LeNet-5, modern form, 61,706 parameters",
    "optimiser": f"adamw, decay {DECAY}, rate {RATE} falling to 0 on a cosine, batch {BATCH}, {EPOCHS} epochs",
    "dropout": f"{DROPOUT} of the inputs of the three layers above the last pooling",
    "inputs": "pixels from 0 to 1, no distortions",
    "test set": "read once per network, after the last epoch on all 60,000 rows",
}


def main() -> None:
    """Train, measure, keep; exit status 1 if a bar is missed."""
    mnist = fb.problems.load("mnist")

    def measure(seed: int) -> dict[str, float]:
        started = time.perf_counter()
        model = learned(mnist.images, mnist.target, seed)
        seconds = time.perf_counter() - started
        right = 100 - wrong(model, mnist.test_images, mnist.test_target)
        return {"test accuracy, %": round(right, 2), "seconds": round(seconds, 1)}

    result = over_seeds(measure, SEEDS, "test accuracy, %")
    unit = 1 if sys.platform == "darwin" else 1024  # bytes in one unit of ru_maxrss
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**30
    slowest = max(seed["seconds"] for seed in result["seeds"])
    holds = result["mean"] >= BAR and slowest < 60 * MINUTES and peak < MEMORY
    print(
        f"mean {result['mean']:.2f} %, slowest {slowest:.0f} s, peak {peak:.2f} GiB: {'holds' if holds else 'MISSES'}"
    )
    bars = {"accuracy, %": BAR, "minutes": MINUTES, "peak memory of the process, GiB": MEMORY}
    keep(__file__, PROTOCOL, {"bars": bars, "holds": holds, "peak memory, GiB": round(peak, 2), **result})
    raise SystemExit(0 if holds else 1)


def learned(X: np.ndarray, y: np.ndarray, seed: int) -> fb.LeNetClassifier:
    """A network that has seen these rows for all its epochs."""
    schedule = optax.cosine_decay_schedule(RATE, EPOCHS * math.ceil(len(X) / BATCH))
    fixed = {"batch_size": BATCH, "epochs": EPOCHS, "tolerance": 0.0, "patience": EPOCHS, "random_state": seed}
    noise = {"weight_decay": DECAY, "dropout": DROPOUT}
    return fb.LeNetClassifier("modern", optimizer="adamw", learning_rate=schedule, **noise, **fixed).fit(X, y)


if __name__ == "__main__":
    main()
