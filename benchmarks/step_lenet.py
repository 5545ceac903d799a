"""A training step of LeNet-5 in its modern form, batch 128, on random data of MNIST's shape, plain SGD.

Full C3, max pooling, ReLU, softmax and cross-entropy. Ours against PyTorch's eager loop with its default layout of
images and with channels last, and against the floor: the multiplications and additions that the step cannot do without,
at the rate of this machine's fastest large matrix product.
"""

import time
from collections.abc import Callable

import jax
import numpy as np
import torch

import flambeau as fb
from contestants import compile_note, per_step
from harness import Measure, Row, alternate, faster, publish
from machine import arguments, fix_threads
from sgemm import numpy_product, torch_product, xla_product

ROWS, BATCH, RATE = 12_800, 128, 0.05
STEPS = ROWS // BATCH
OUR_EPOCHS = 2
# Multiplications and additions per example: 6 for every connection with a weight, less C1's error in its input.
CONNECTIONS = {"C1": 25 * 6 * 28**2, "C3": 150 * 16 * 10**2, "C5": 400 * 120, "F6": 120 * 84, "output": 84 * 10}
FLOPS = BATCH * (6 * sum(CONNECTIONS.values()) - 2 * CONNECTIONS["C1"])
SIDE = 1024


def main() -> None:
    """Measure, print, keep."""
    given = arguments(__doc__, repeats=5).parse_args()
    threads = fix_threads(given.threads)
    contestants = (flambeau_steps(), torch_steps(last=False), torch_steps(last=True))
    first = [contestant() for contestant in contestants]
    measured = alternate(*contestants, *products(), repeats=given.repeats)
    ours, default, last = (Measure.of(values, "us") for values in measured[:3])
    fastest = max(float(np.median(values)) for values in measured[3:])  # GFLOP/s
    peer = min(default, last, key=lambda measure: measure.median)
    floor = Measure(*[FLOPS / fastest / 1e3] * 3, "us", 1)
    rows: list[Row] = [
        faster("LeNet-5 (modern) step, batch 128, against the faster of PyTorch's layouts", ours, peer, bar=1.5),
    ]
    notes = {
        **compile_note(first[0], measured[0], OUR_EPOCHS * STEPS),
        "aim": "3x",
        "PyTorch, default layout": str(default),
        "PyTorch, channels last": str(last),
        "MFLOP of a step that it cannot do without": round(FLOPS / 1e6, 1),
        "fastest product of 1024x1024 matrices here, GFLOP/s": round(fastest, 1),
        "floor of the step at that rate": str(floor),
        "share of that rate reached": round(floor.median / ours.median, 3),
    }
    publish("step_lenet", rows, notes, threads)


def data() -> tuple[np.ndarray, np.ndarray]:
    """Random images and labels: time does not depend on what is learned."""
    rng = np.random.default_rng(0)
    return rng.random((ROWS, 28, 28), dtype=np.float32), rng.integers(0, 10, ROWS)


def flambeau_steps() -> Callable[[], float]:
    """``train`` from end to end: shuffling, gathering, checks and Python between chunks are all in the time."""
    images, labels = data()
    problem = fb.problems.Examples.of(images[..., None], np.eye(10, dtype=np.float32)[labels])
    network = fb.networks.lenet("modern", key=jax.random.key(0))
    rule, optimizer = fb.rules.Backpropagation(fb.rules.CrossEntropy()), fb.optimiser("sgd", RATE)
    steps = OUR_EPOCHS * STEPS
    work = {"optimizer": optimizer, "steps": steps, "batch_size": BATCH}
    return lambda: per_step(lambda: fb.train(network, rule, problem, **work), steps)


def torch_steps(*, last: bool) -> Callable[[], float]:
    """The ordinary eager loop on tensors; ``last`` lays images and kernels out with the channels last."""
    images, labels = (torch.from_numpy(part) for part in data())
    layout = torch.channels_last if last else torch.contiguous_format
    x, network = images[:, None].contiguous(memory_format=layout), torch_lenet().to(memory_format=layout)
    optimizer, loss = torch.optim.SGD(network.parameters(), lr=RATE), torch.nn.CrossEntropyLoss()

    def work() -> None:
        for rows in torch.randperm(ROWS).split(BATCH):
            optimizer.zero_grad()
            loss(network(x[rows]), labels[rows]).backward()
            optimizer.step()

    return lambda: per_step(work, STEPS)


def torch_lenet() -> torch.nn.Sequential:
    """The same network."""
    nn = torch.nn
    features = [
        nn.Conv2d(1, 6, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 16, 5),
        nn.ReLU(),
        nn.MaxPool2d(2),
    ]
    dense = [nn.Flatten(), nn.Linear(400, 120), nn.ReLU(), nn.Linear(120, 84), nn.ReLU(), nn.Linear(84, 10)]
    return nn.Sequential(*features, *dense)


def products() -> list[Callable[[], float]]:
    """GFLOP/s of a large square product by each library."""
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal((SIDE, SIDE), dtype=np.float32) for _ in range(2))

    return [rate(make(a, b)) for make in (numpy_product, torch_product, xla_product)]


def rate(work: Callable[[int], None]) -> Callable[[], float]:
    """GFLOP/s of ten products."""

    def measure() -> float:
        work(1)
        started = time.perf_counter()
        work(10)
        return 10 * 2 * SIDE**3 / (time.perf_counter() - started) / 1e9

    return measure


if __name__ == "__main__":
    main()
