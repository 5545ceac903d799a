"""What unlabelled rows bring when only 10 labels a class are given: at least 3 points, mean of 5 draws.

All 60,000 training images pre-train 784-500-500-2000, 100 of them with a label (``y = -1`` for the others); the 100
fine-tune it by back-propagation. The same network from random weights sees the same 100 rows, with the same fine-tuning
and with five times the epochs; the better of the two is what the gain is measured against.
``FLAMBEAU_DATA`` names a folder that holds ``mnist``; without it the data are downloaded.
"""

import time

import numpy as np
import optax

import flambeau as fb
from common import keep, over_seeds, wrong

BAR = 3.0
SEEDS = (0, 1, 2, 3, 4)
SIZES, EPOCHS, FINE, PER_CLASS = (500, 500, 2000), 10, 200, 10
PROTOCOL = {
    "claim": f"at least {BAR} points better than the same network from random weights, mean of {len(SEEDS)} draws",
    "labels": f"{PER_CLASS} a class, drawn anew for each seed; the other training rows have none",
    "pre-training": f"CD-1, plain, momentum 0.9, rate 0.1 to 0.01, l2 2e-4, {EPOCHS} epochs a layer, 60,000 rows",
    "fine-tuning": f"all layers, adam, rate 0.001, {FINE} epochs of the 100 labelled rows; alike for both",
    "random weights": "Glorot, as MLPClassifier draws them; also shown: the same with five times the epochs",
    "test set": "10,000 rows, read once per network",
}


def main() -> None:
    """Train, compare, keep; exit status 1 if the bar is missed."""
    mnist = fb.problems.load("mnist")
    rows, unseen = (images.reshape(len(images), -1) for images in (mnist.images, mnist.test_images))

    def measure(seed: int) -> dict[str, float]:
        started = time.perf_counter()
        y = few(mnist.target, seed)
        known = y >= 0
        found = {
            "pre-trained": learned(rows, y, seed),
            "random": alone(rows[known], y[known], FINE, seed),
            "random, longer": alone(rows[known], y[known], 5 * FINE, seed),
        }
        errors = {f"{name}, %": round(wrong(model, unseen, mnist.test_target), 2) for name, model in found.items()}
        gain = min(errors["random, %"], errors["random, longer, %"]) - errors["pre-trained, %"]
        return {**errors, "points gained": round(gain, 2), "seconds": round(time.perf_counter() - started, 1)}

    result = over_seeds(measure, SEEDS, "points gained")
    holds = result["mean"] >= BAR
    print(f"mean gain {result['mean']:.2f} points, bar {BAR}: {'holds' if holds else 'MISSES'}")
    keep(__file__, PROTOCOL, {"bar, points": BAR, "holds": holds, **result})
    raise SystemExit(0 if holds else 1)


def few(labels: np.ndarray, seed: int) -> np.ndarray:
    """The labels of ten rows of each class; -1 for all others."""
    generator = np.random.default_rng(seed)
    kept = [generator.choice(np.flatnonzero(labels == label), PER_CLASS, replace=False) for label in range(10)]
    y = np.full(len(labels), -1)
    y[np.concatenate(kept)] = labels[np.concatenate(kept)]
    return y


def learned(rows: np.ndarray, y: np.ndarray, seed: int) -> fb.DBNClassifier:
    """Pre-trained on all rows, fine-tuned on the labelled ones."""
    schedule = optax.linear_schedule(0.1, 0.01, EPOCHS * len(rows) // 100)
    layers = {"learning_rate": schedule, "epochs": EPOCHS, "batch_size": 100, "verbose": True}
    tuning = {"fine_tune_learning_rate": 0.001, "fine_tune_epochs": FINE}
    return fb.DBNClassifier(SIZES, "backprop", random_state=seed, **layers, **tuning).fit(rows, y)


def alone(rows: np.ndarray, y: np.ndarray, epochs: int, seed: int) -> fb.MLPClassifier:
    """The same layers from random weights, on the labelled rows alone."""
    fixed = {"batch_size": 100, "epochs": epochs, "tolerance": 0.0, "patience": epochs, "random_state": seed}
    return fb.MLPClassifier(SIZES, optimizer="adam", learning_rate=0.001, initialisation="glorot", **fixed).fit(rows, y)


if __name__ == "__main__":
    main()
