"""The floor of a training step: its five matrix products, by the fastest single-precision product on this machine.

NumPy's BLAS, PyTorch and XLA compute each product alone, into memory that is there already where the library allows.
For every product the fastest of the three counts, so the floor is stricter than any one library.
"""

import dataclasses
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import torch

from harness import Measure

__all__ = ["Floor", "Products"]

WORK = 4e9  # floating-point operations per measurement, or MOST calls for the small products
MOST = 2_000


@dataclasses.dataclass(frozen=True)
class Floor:
    """Microseconds of all five products, the rate that stands for, and which library was fastest at each."""

    time: Measure
    gflops: float
    fastest: dict[str, str]


class Products:
    """The products of one step of inputs-hidden-outputs: two forward, one back, two for the weights."""

    def __init__(self, batch: int, inputs: int, hidden: int, outputs: int) -> None:
        rng = np.random.default_rng(0)

        def draw(*shape: int) -> np.ndarray:
            return rng.standard_normal(shape, dtype=np.float32)

        x, h, d1, d2 = draw(batch, inputs), draw(batch, hidden), draw(batch, hidden), draw(batch, outputs)
        w1, w2 = draw(inputs, hidden), draw(hidden, outputs)
        self.pairs = {"x@W1": (x, w1), "h@W2": (h, w2), "d2@W2.T": (d2, w2.T), "x.T@d1": (x.T, d1), "h.T@d2": (h.T, d2)}
        makers = {"NumPy": numpy_product, "PyTorch": torch_product, "XLA": xla_product}
        self.labels = [(product, library) for product in self.pairs for library in makers]
        self.contestants = [timing(makers[library](*self.pairs[product]), *self.pairs[product])
                            for product, library in self.labels]  # fmt: skip

    @property
    def flops(self) -> int:
        """Multiplications and additions of one step's products."""
        return sum(operations(*pair) for pair in self.pairs.values())

    def floor(self, values: list[list[float]]) -> Floor:
        """From every contestant's microseconds, in the order of ``contestants``."""
        medians = {label: float(np.median(kept)) for label, kept in zip(self.labels, values, strict=True)}
        series = dict(zip(self.labels, values, strict=True))
        best = {p: min((lib for q, lib in self.labels if q == p), key=lambda lib: medians[p, lib]) for p in self.pairs}
        total = Measure.of(np.sum([series[p, library] for p, library in best.items()], axis=0).tolist(), "us")
        return Floor(total, self.flops / total.median / 1e3, best)


def operations(a: np.ndarray, b: np.ndarray) -> int:
    """2 m k n."""
    return 2 * a.shape[0] * a.shape[1] * b.shape[1]


def timing(work: Callable[[int], None], a: np.ndarray, b: np.ndarray) -> Callable[[], float]:
    """A contestant: microseconds of one product, from many in a row."""
    calls = int(np.clip(WORK / operations(a, b), 20, MOST))

    def measure() -> float:
        work(3)
        started = time.perf_counter()
        work(calls)
        return (time.perf_counter() - started) / calls * 1e6

    return measure


def numpy_product(a: np.ndarray, b: np.ndarray) -> Callable[[int], None]:
    """NumPy, into memory that is there."""
    out = np.empty((a.shape[0], b.shape[1]), np.float32)

    def work(calls: int) -> None:
        for _ in range(calls):
            np.matmul(a, b, out=out)

    return work


def torch_product(a: np.ndarray, b: np.ndarray) -> Callable[[int], None]:
    """PyTorch, into memory that is there; a transposed operand stays a view."""
    left, right, out = torch.from_numpy(a), torch.from_numpy(b), torch.empty(a.shape[0], b.shape[1])

    def work(calls: int) -> None:
        for _ in range(calls):
            torch.mm(left, right, out=out)

    return work


def xla_product(a: np.ndarray, b: np.ndarray) -> Callable[[int], None]:
    """XLA; calls are queued and awaited together, so that the cost of a call is hidden as far as JAX can."""
    turned = [not part.flags.c_contiguous for part in (a, b)]
    left, right = (jnp.asarray(part.T if turn else part) for part, turn in zip((a, b), turned, strict=True))
    product = jax.jit(lambda p, q: (p.T if turned[0] else p) @ (q.T if turned[1] else q))

    def work(calls: int) -> None:
        result = None
        for _ in range(calls):
            result = product(left, right)
        jax.block_until_ready(result)

    return work
