"""MNIST with one hidden layer: 784-800-10, softmax, cross-entropy, no distortions; 1.6 % of the test set wrong.

The figure is Simard, Steinkraus and Platt's for 800 hidden units and cross-entropy without distortions (*Best practices
for convolutional neural networks applied to visual document analysis*, 2003; table on the MNIST page). Settings are
chosen on the last 10,000 of the 60,000 training rows (``--choose`` runs the grid or a part of it and adds to what is
kept in ``mlp_mnist_choose.json``); then five networks learn all 60,000, and the test set is read once for each, after
the last epoch. Every seed is printed. Dropout is our addition, younger than the paper (Srivastava et al. 2014): the one
setting tried without it had 1.67 % wrong on the validation rows, the chosen one 1.35 %.
``FLAMBEAU_DATA`` names a folder that holds ``mnist``; without it the data are downloaded.
"""

import argparse
import json
import math
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import optax

import flambeau as fb
from common import keep, over_seeds, wrong

BAR = 1.6
SEEDS = (0, 1, 2, 3, 4)
VALIDATION = 10_000
CHOICE_SEED = 100
BATCH = 128

# Dropout of the hidden layer; the rate is the first one of a cosine decay to 0.
GRID: dict[str, dict[str, Any]] = {
    "plain": {"optimizer": "nesterov", "rate": 0.1, "epochs": 20},
    "dropout, nesterov 0.3": {"dropout": 0.5, "optimizer": "nesterov", "rate": 0.3, "epochs": 20},
    "dropout, max_norm 2, nesterov 0.3": {
        "dropout": 0.5, "max_norm": 2.0, "optimizer": "nesterov", "rate": 0.3, "epochs": 20
    },
    "dropout, nesterov 0.1": {"dropout": 0.5, "optimizer": "nesterov", "rate": 0.1, "epochs": 20},
    "dropout, l2 0.00002, nesterov 0.1": {
        "dropout": 0.5, "l2": 2e-5, "optimizer": "nesterov", "rate": 0.1, "epochs": 20
    },
    "dropout, nesterov 0.04, 40 epochs": {"dropout": 0.5, "optimizer": "nesterov", "rate": 0.04, "epochs": 40},
    "dropout, adam 0.001": {"dropout": 0.5, "optimizer": "adam", "rate": 0.001, "epochs": 20},
    "dropout, adam 0.001, 40 epochs": {"dropout": 0.5, "optimizer": "adam", "rate": 0.001, "epochs": 40},
    "dropout, adam 0.002, 40 epochs": {"dropout": 0.5, "optimizer": "adam", "rate": 0.002, "epochs": 40},
    "dropout, adam 0.0005, 40 epochs": {"dropout": 0.5, "optimizer": "adam", "rate": 0.0005, "epochs": 40},
}  # fmt: skip
CHOSEN = "dropout, adam 0.002, 40 epochs"
PROTOCOL = {
    "claim": f"mean test error over {len(SEEDS)} seeds at most {BAR} %",
    "network": "784-800-10, ReLU hidden units, softmax",
    "error to be made small": "cross-entropy",
    "inputs": "pixels from 0 to 1, no distortions, no other preprocessing",
    "batch": BATCH,
    "learning rate": "cosine decay from the first rate to 0 over all steps",
    "chosen": CHOSEN,
    "settings": GRID[CHOSEN],
    "chosen how": "least error on the last 10,000 training rows of the grid, one seed each; see mlp_mnist_choose.json",
    "test set": "read once per network, after the last epoch on all 60,000 rows",
}


def main() -> None:
    """Choose on validation rows, or reproduce the figure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--choose", nargs="*", metavar="NAME", help="run the grid (or these of it) on validation rows")
    given = parser.parse_args()
    mnist = fb.problems.load("mnist")
    if given.choose is not None:
        choose(mnist, given.choose or list(GRID))
    else:
        reproduce(mnist)


def reproduce(mnist: Any) -> None:
    """Five networks on all 60,000 rows; exit status 1 if the mean misses the bar."""

    def measure(seed: int) -> dict[str, float]:
        started = time.perf_counter()
        model = learned(GRID[CHOSEN], mnist.data, mnist.target, seed)
        seconds = time.perf_counter() - started
        return {"test error, %": wrong(model, mnist.test_data, mnist.test_target), "seconds": round(seconds, 1)}

    result = over_seeds(measure, SEEDS, "test error, %")
    holds = result["mean"] <= BAR
    print(f"mean {result['mean']:.3f} % (bar {BAR} %): {'holds' if holds else 'MISSES ITS BAR'}")
    keep(__file__, PROTOCOL, {"bar, %": BAR, "holds": holds, **result})
    raise SystemExit(0 if holds else 1)


def choose(mnist: Any, names: Sequence[str]) -> None:
    """The error of every setting on rows that it did not learn; the test set is not touched."""
    X, y = mnist.data[:-VALIDATION], mnist.target[:-VALIDATION]
    held_out, truth = mnist.data[-VALIDATION:], mnist.target[-VALIDATION:]
    found = earlier()
    for name in names:
        started = time.perf_counter()
        error = wrong(learned(GRID[name], X, y, seed=CHOICE_SEED), held_out, truth)
        print(f"{name}: validation error {error:.2f} %, {time.perf_counter() - started:.0f} s", flush=True)
        found[name] = {"settings": GRID[name], "validation error, %": round(error, 2)}
    best = min(found, key=lambda name: found[name]["validation error, %"])
    protocol = {
        "batch": BATCH,
        "learned": "the first 50,000 training rows",
        "judged": "the other 10,000 training rows, once, after the last epoch",
        "seed": CHOICE_SEED,
        "grid": "grown in four steps, each after the validation errors of the one before",
    }
    keep(
        __file__, protocol, {"found": found, "best": best, "missing": sorted(set(GRID) - set(found))}, suffix="_choose"
    )


def earlier() -> dict[str, Any]:
    """What ``--choose`` found before, for the settings that are still the same."""
    path = Path(__file__).with_name("mlp_mnist_choose.json")
    found = json.loads(path.read_text())["result"].get("found", {}) if path.exists() else {}
    return {name: kept for name, kept in found.items() if GRID.get(name) == kept["settings"]}


def learned(settings: dict[str, Any], X: np.ndarray, y: np.ndarray, seed: int) -> fb.MLPClassifier:
    """A network that has seen these rows for all its epochs."""
    rest = dict(settings)
    epochs, rate = rest["epochs"], rest.pop("rate")
    schedule = optax.cosine_decay_schedule(rate, epochs * math.ceil(len(X) / BATCH))
    fixed = {
        "batch_size": BATCH,
        "tolerance": 0.0,
        "patience": epochs,
        "random_state": seed,
        "initialisation": "glorot",
    }
    return fb.MLPClassifier((800,), "relu", learning_rate=schedule, **fixed, **rest).fit(X, y)


if __name__ == "__main__":
    main()
