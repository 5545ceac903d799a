"""Does a step grow with the data? 100-64-10, batch 200, Adam, over 2,000 rows and over 1,000,000 (400 MB).

As many steps over both, whole epochs with a new order each, and the same in PyTorch's eager loop. What the large set
costs by itself is shown beside: the same steps over its rows as they stand, and NumPy's ``take`` of 200 rows of either.
"""

import dataclasses
import time
from collections.abc import Callable

import jax
import numpy as np
import torch

import flambeau as fb
from harness import Measure, alternate, publish, within
from machine import arguments, fix_threads

SMALL, LARGE, BATCH, EPOCHS = 2_000, 1_000_000, 200, 3
STEPS = EPOCHS * LARGE // BATCH
Data = tuple[np.ndarray, np.ndarray]


def main() -> None:
    """Measure, print, keep."""
    given = arguments(__doc__, repeats=5).parse_args()
    threads = fix_threads(given.threads)
    small, large = data(SMALL), data(LARGE)
    contestants = (
        flambeau_steps(small),
        flambeau_steps(large),
        flambeau_steps(large, shuffle=False),
        torch_steps(small),
        torch_steps(large),
        taking(small[0]),
        taking(large[0]),
    )
    for contestant in contestants[:3]:
        contestant()  # compiles
    measured = alternate(*contestants, repeats=given.repeats)
    names = ("2,000 rows", "1,000,000 rows", "1,000,000 rows in their own order", "PyTorch, 2,000 rows",
             "PyTorch, 1,000,000 rows", "NumPy's take of 200 of 2,000", "NumPy's take of 200 of 1,000,000")  # fmt: skip
    notes = {name: str(Measure.of(values, "us")) for name, values in zip(names, measured, strict=True)}
    notes["1,000,000 rows in their own order, of the step at 2,000"] = str(growth(measured[0], measured[2]))
    notes["PyTorch's growth"] = str(growth(measured[3], measured[4]))
    claim = "Training step 100-64-10, batch 200, Adam: 1,000,000 rows beside 2,000"
    publish("step_rows", [within(claim, growth(measured[0], measured[1]), bar=1.1)], notes, threads)


def data(rows: int) -> Data:
    """Random inputs and labels, as rows of targets."""
    rng = np.random.default_rng(0)
    return rng.random((rows, 100), dtype=np.float32), np.eye(10, dtype=np.float32)[rng.integers(0, 10, rows)]


def growth(before: list[float], after: list[float]) -> Measure:
    """How many times as long, by turns."""
    return Measure.of([b / a for a, b in zip(before, after, strict=True)], "of a step's time")


def per_step(work: Callable[[], object], steps: int = STEPS) -> float:
    """Microseconds."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) / steps * 1e6


def flambeau_steps(rows: Data, *, shuffle: bool = True) -> Callable[[], float]:
    """``train`` from end to end, the making of orders included."""
    problem = dataclasses.replace(fb.problems.Examples.of(*rows), shuffle=shuffle)
    network = fb.networks.mlp((100, 64, 10), "sigmoid", "softmax", key=jax.random.key(0))
    rule = fb.rules.Backpropagation(fb.rules.CrossEntropy())
    work = {"optimizer": "adam", "steps": STEPS, "batch_size": BATCH}
    return lambda: per_step(lambda: fb.train(network, rule, problem, **work))


def torch_steps(rows: Data) -> Callable[[], float]:
    """The ordinary eager loop, an order an epoch; a tenth of the steps, but at least one epoch."""
    x, d = (torch.from_numpy(part) for part in (rows[0], rows[1].argmax(1)))
    network = torch.nn.Sequential(torch.nn.Linear(100, 64), torch.nn.Sigmoid(), torch.nn.Linear(64, 10))
    optimizer, loss = torch.optim.Adam(network.parameters()), torch.nn.CrossEntropyLoss()

    def work() -> None:
        for _ in range(LARGE // len(x)):
            for batch in torch.randperm(len(x)).split(BATCH):
                optimizer.zero_grad()
                loss(network(x[batch]), d[batch]).backward()
                optimizer.step()

    return lambda: per_step(work, LARGE // BATCH)


def taking(x: np.ndarray) -> Callable[[], float]:
    """The reading alone."""
    out = np.empty((BATCH, x.shape[1]), x.dtype)

    def work(order: np.ndarray) -> None:
        for batch in order:
            np.take(x, batch, axis=0, out=out, mode="clip")

    def measure() -> float:
        order = np.random.default_rng(1).permutation(len(x)).reshape(-1, BATCH)
        order = np.concatenate([order] * (LARGE // len(x)))
        return per_step(lambda: work(order), LARGE // BATCH)

    return measure


if __name__ == "__main__":
    main()
