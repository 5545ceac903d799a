"""A step of contrastive divergence, CD-1 on 784-500 Bernoulli units, batch 100, random data, plain SGD.

Ours (centred, as by default) against the step written by hand in PyTorch without autograd, against
``sklearn.neural_network.BernoulliRBM`` (whose step is PCD-1: fewer products), and against the machine's own rate: the
step's five products, up, down, up and the statistics of both phases, by the fastest library at each shape.
"""

import time
from collections.abc import Callable

import jax
import numpy as np
import torch
from sklearn.neural_network import BernoulliRBM

import flambeau as fb
from contestants import compile_note, per_step
from harness import Measure, Row, alternate, as_good, faster, publish
from machine import arguments, fix_threads
from sgemm import numpy_product, operations, timing, torch_product, xla_product

VISIBLE, HIDDEN, BATCH, RATE = 784, 500, 100, 0.05
ROWS = 10_000
STEPS = ROWS // BATCH
OUR_EPOCHS = 3
MAKERS = {"NumPy": numpy_product, "PyTorch": torch_product, "XLA": xla_product}


def main() -> None:
    """Measure, print, keep."""
    given = arguments(__doc__, repeats=5).parse_args()
    threads = fix_threads(given.threads)
    pairs = products()
    labels = [(name, library) for name in pairs for library in MAKERS]
    contestants = [flambeau_steps(), torch_steps(), sklearn_steps()]
    first = contestants[0]()
    floors = [timing(MAKERS[library](*pairs[name]), *pairs[name]) for name, library in labels]
    measured = alternate(*contestants, *floors, repeats=given.repeats)
    ours, hand, scikit = (Measure.of(values, "us") for values in measured[:3])
    medians = {label: float(np.median(values)) for label, values in zip(labels, measured[3:], strict=True)}
    best = {name: min(medians[name, library] for library in MAKERS) for name in pairs}
    flops = sum(operations(*pair) for pair in pairs.values())
    floor = sum(best.values())
    share = Measure(floor / ours.median, floor / ours.high, floor / ours.low, "of the rate", ours.repeats)
    bar = Measure(0.75, 0.75, 0.75, share.unit, 1)
    rows: list[Row] = [
        faster("CD-1 step 784-500, batch 100, against PyTorch written by hand", ours, hand, bar=1.3),
        faster("the same against scikit-learn's BernoulliRBM (PCD-1)", ours, scikit, bar=8.0),
        as_good("its share of the fastest products of any library here", share, bar),
    ]
    notes = {
        **compile_note(first, measured[0], OUR_EPOCHS * STEPS),
        "MFLOP of a step": round(flops / 1e6, 1),
        "ours, GFLOP/s": round(flops / ours.median / 1e3, 1),
        "the products alone, GFLOP/s": round(flops / floor / 1e3, 1),
        "the products alone": f"{floor:.0f} us",
    }
    publish("step_rbm", rows, notes, threads)


def products() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The five products of CD-1, the statistics of both phases as one."""
    rng = np.random.default_rng(0)

    def draw(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, dtype=np.float32)

    v, h, w = draw(BATCH, VISIBLE), draw(BATCH, HIDDEN), draw(VISIBLE, HIDDEN)
    both = draw(2 * BATCH, VISIBLE), draw(2 * BATCH, HIDDEN)
    return {"v@W": (v, w), "h@W.T": (h, w.T), "v'@W": (v, w), "[v;v'].T@[q;q']": (both[0].T, both[1])}


def data() -> np.ndarray:
    """Zeros and ones, a fifth ones."""
    return (np.random.default_rng(0).random((ROWS, VISIBLE)) < 0.2).astype(np.float32)


def flambeau_steps() -> Callable[[], float]:
    """``train`` from end to end: shuffling, gathering, checks and Python between chunks are all in the time."""
    problem = fb.problems.Examples.of(data(), np.zeros(ROWS))
    network = fb.networks.rbm(VISIBLE, HIDDEN, key=jax.random.key(0))
    steps = OUR_EPOCHS * STEPS
    work = {"optimizer": fb.optimiser("sgd", RATE), "steps": steps, "batch_size": BATCH}
    return lambda: per_step(lambda: fb.train(network, fb.rules.ContrastiveDivergence(), problem, **work), steps)


def torch_steps() -> Callable[[], float]:
    """What a careful user writes: no autograd, fused products with the bias, updates in place."""
    torch.manual_seed(0)
    x = torch.from_numpy(data())
    w, b, c = 0.01 * torch.randn(HIDDEN, VISIBLE), torch.zeros(VISIBLE), torch.zeros(HIDDEN)

    @torch.no_grad()
    def step(v: torch.Tensor) -> None:
        p = torch.sigmoid(torch.addmm(c, v, w.T))
        model = torch.bernoulli(torch.sigmoid(torch.addmm(b, torch.bernoulli(p), w)))
        q = torch.sigmoid(torch.addmm(c, model, w.T))
        w.addmm_(p.T, v, alpha=RATE / BATCH).addmm_(q.T, model, alpha=-RATE / BATCH)
        b.add_((v - model).mean(0), alpha=RATE)
        c.add_((p - q).mean(0), alpha=RATE)

    def work() -> None:
        for rows in torch.randperm(ROWS).split(BATCH):
            step(x[rows])

    return lambda: per_step(work, STEPS)


def sklearn_steps() -> Callable[[], float]:
    """``BernoulliRBM.fit``, one pass."""
    x = data()
    model = BernoulliRBM(HIDDEN, learning_rate=RATE, batch_size=BATCH, n_iter=1, random_state=0)

    def measure() -> float:
        started = time.perf_counter()
        model.fit(x)
        return (time.perf_counter() - started) / STEPS * 1e6

    return measure


if __name__ == "__main__":
    main()
