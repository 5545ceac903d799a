"""One training job, done by Flambeau, PyTorch and scikit-learn: the same network, data, loss, batches and plain SGD.

Every contestant is a function that trains for so many epochs and returns microseconds per step. PyTorch's data are
tensors already, and its loop is the ordinary one: a permutation per epoch, index, zero_grad, forward, loss, backward,
step. Where one batch is the whole data set it is spared the permutation and the indexing (Flambeau is not).
"""

import dataclasses
import math
import time
import warnings
from collections.abc import Callable, Iterator

import jax
import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier

import flambeau as fb

__all__ = ["Job", "compile_note", "flambeau_steps", "sklearn_steps", "torch_steps", "torch_steps_by_hand"]

RATE = 0.1


@dataclasses.dataclass(frozen=True)
class Job:
    """Network sizes, rows, batch; one output: sigmoid and squared error, several: softmax and cross-entropy."""

    sizes: tuple[int, ...]
    rows: int
    batch: int

    @property
    def steps(self) -> int:
        """Steps of one epoch."""
        return math.ceil(self.rows / self.batch)

    def data(self) -> tuple[np.ndarray, np.ndarray]:
        """Random inputs from 0 to 1 and random labels: time does not depend on what is learned."""
        rng = np.random.default_rng(0)
        labels = rng.integers(0, max(2, self.sizes[-1]), self.rows)
        return rng.random((self.rows, self.sizes[0]), dtype=np.float32), labels


def per_step(work: Callable[[], object], steps: int) -> float:
    """Microseconds per step of one call."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) / steps * 1e6


def flambeau_steps(job: Job, epochs: int) -> Callable[[], float]:
    """``train`` from end to end: shuffling, gathering, checks and Python between chunks are all in the time."""
    x, labels = job.data()
    single = job.sizes[-1] == 1
    targets = labels if single else np.eye(job.sizes[-1], dtype=np.float32)[labels]
    problem = fb.problems.Examples.of(x, targets)
    output, loss = ("sigmoid", "mse") if single else ("softmax", "cross_entropy")
    network = fb.networks.mlp(job.sizes, "sigmoid", output, key=jax.random.key(0))
    rule = fb.rules.Backpropagation(fb.rules.loss(loss))
    optimizer, steps = fb.optimiser("sgd", RATE), epochs * job.steps

    def measure() -> float:
        work = {"optimizer": optimizer, "steps": steps, "batch_size": job.batch}
        return per_step(lambda: fb.train(network, rule, problem, **work), steps)

    return measure


def compile_note(first: float, steady: list[float], steps: int) -> dict[str, float]:
    """What the first call took in all, and how much more that was than a later one: compiling and warming up."""
    seconds = first * steps / 1e6
    extra = seconds - min(steady) * steps / 1e6
    return {"our first call, seconds": round(seconds, 3), "of which compiling, seconds": round(extra, 3)}


def torch_job(job: Job) -> tuple[torch.nn.Sequential, Callable, torch.Tensor, torch.Tensor]:
    """Network, loss, inputs, targets."""
    layers: list[torch.nn.Module] = []
    for inputs, units in zip(job.sizes, job.sizes[1:], strict=False):
        layers += [torch.nn.Linear(inputs, units), torch.nn.Sigmoid()]
    x, labels = (torch.from_numpy(part) for part in job.data())
    if job.sizes[-1] == 1:
        return torch.nn.Sequential(*layers), torch.nn.MSELoss(), x, labels[:, None].float()
    return torch.nn.Sequential(*layers[:-1]), torch.nn.CrossEntropyLoss(), x, labels


def torch_batches(job: Job, epochs: int, x: torch.Tensor, d: torch.Tensor) -> Iterator[tuple]:
    """A permutation per epoch, batch after batch; the whole set as it is where it is one batch."""
    for _ in range(epochs):
        if job.rows == job.batch:
            yield x, d
            continue
        for rows in torch.randperm(job.rows).split(job.batch):
            yield x[rows], d[rows]


def torch_steps(job: Job, epochs: int, **settings: bool) -> Callable[[], float]:
    """The ordinary eager loop; ``settings`` go to ``torch.optim.SGD`` (``fused=True`` is a faster variant)."""
    network, loss, x, d = torch_job(job)
    optimizer = torch.optim.SGD(network.parameters(), lr=RATE, **settings)

    def work() -> None:
        for inputs, targets in torch_batches(job, epochs, x, d):
            optimizer.zero_grad()
            loss(network(inputs), targets).backward()
            optimizer.step()

    return lambda: per_step(work, epochs * job.steps)


def torch_steps_by_hand(job: Job, epochs: int) -> Callable[[], float]:
    """Eager autograd with the update written by hand, which few users do: no optimiser object, no zeroing."""
    network, loss, x, d = torch_job(job)
    weights = list(network.parameters())

    def work() -> None:
        for inputs, targets in torch_batches(job, epochs, x, d):
            slopes = torch.autograd.grad(loss(network(inputs), targets), weights)
            with torch.no_grad():
                for weight, slope in zip(weights, slopes, strict=True):
                    weight.sub_(slope, alpha=RATE)

    return lambda: per_step(work, epochs * job.steps)


def sklearn_steps(job: Job, epochs: int) -> Callable[[], float]:
    """scikit-learn's ``MLPClassifier.fit``, plain SGD without momentum or penalty, every stopping rule switched off."""
    x, labels = job.data()
    model = MLPClassifier(
        job.sizes[1:-1],
        activation="logistic",
        solver="sgd",
        momentum=0.0,
        nesterovs_momentum=False,
        alpha=0.0,
        learning_rate_init=RATE,
        batch_size=job.batch,
        max_iter=epochs,
        n_iter_no_change=epochs + 1,
        random_state=0,
    )

    def work() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            model.fit(x, labels)

    return lambda: per_step(work, epochs * job.steps)
