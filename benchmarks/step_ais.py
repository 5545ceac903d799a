"""log Z of a 784-500 machine by annealed importance sampling: 100 chains, the 14,500 published temperatures, forward.

Bernoulli units, weights drawn from N(0, 0.05²), visible biases from N(-2, 1), hidden ones from N(-1, 0.5²); base biases
are 0. Time does not depend on what was learned. Against a bar in seconds, and beside the floor: two products a
temperature at the rate of this machine's fastest library at those shapes. And log Z of a 784-20 machine by listing its
2^20 hidden states.
"""

from collections.abc import Callable

import jax
import numpy as np

import flambeau as fb
from flambeau.analysis.annealed_importance import anneal, annealing_temperatures, base_samples
from flambeau.analysis.enumeration import exact_log_partition
from harness import Measure, Row, alternate, publish, timed, within
from machine import arguments, fix_threads
from sgemm import numpy_product, operations, timing, torch_product, xla_product

VISIBLE, HIDDEN, CHAINS, EXACT = 784, 500, 100, 20
MAKERS = {"NumPy": numpy_product, "PyTorch": torch_product, "XLA": xla_product}


def main() -> None:
    """Measure, print, keep."""
    given = arguments(__doc__, repeats=3).parse_args()
    threads = fix_threads(given.threads)
    betas = annealing_temperatures()
    first = timed(annealing(betas[:51]))
    pairs = products()
    labels = [(name, library) for name in pairs for library in MAKERS]
    floors = [timing(MAKERS[library](*pairs[name]), *pairs[name]) for name, library in labels]
    work, listed = annealing(betas), listing()
    listed()
    contestants = (lambda: timed(work), lambda: timed(listed))
    measured = alternate(*contestants, *floors, repeats=given.repeats)
    ours, exact = (Measure.of(values, "s") for values in measured[:2])
    medians = {label: float(np.median(values)) for label, values in zip(labels, measured[2:], strict=True)}
    best = [min(medians[name, library] for library in MAKERS) for name in pairs]
    steps = len(betas) - 1
    flops = steps * sum(operations(*pair) for pair in pairs.values())
    floor = steps * sum(best) / 1e6
    cost = f"{flops / 1e9:,.0f} GFLOP, {floor:.0f} s at the fastest rate here"
    rows: list[Row] = [
        within(f"AIS 784-500, 100 chains, 14,500 temperatures ({cost})", ours, 60.0),
        within("exact log Z of a 784-20 machine, 2^20 states", exact, 5.0),
    ]
    notes = {
        "seconds of the first call, compilation in it, 50 temperatures": round(first, 2),
        "weights": "random: N(0, 0.05²), visible biases N(-2, 1), hidden biases N(-1, 0.5²)",
        "ours, GFLOP/s": round(flops / ours.median / 1e9, 1),
        "the products alone, GFLOP/s": round(flops / floor / 1e9, 1),
        "floor of the annealing, the products alone": f"{floor:.1f} s",
    }
    publish("step_ais", rows, notes, threads)


def products() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The two products of a temperature."""
    rng = np.random.default_rng(0)
    v, h, w = (
        rng.standard_normal(shape, dtype=np.float32)
        for shape in ((CHAINS, VISIBLE), (CHAINS, HIDDEN), (VISIBLE, HIDDEN))
    )
    return {"v@W": (v, w), "h@W.T": (h, w.T)}


def machine_of(hidden: int) -> fb.networks.RestrictedBoltzmannMachine:
    """Random weights and biases."""
    rng = np.random.default_rng(0)
    fresh = fb.networks.rbm(VISIBLE, hidden, deviation=0.05, key=jax.random.key(0))
    b, c = rng.normal(-2, 1, VISIBLE), rng.normal(-1, 0.5, hidden)
    parts = (jax.numpy.asarray(part, fresh.visible_bias.dtype) for part in (b, c))
    return fb.networks.RestrictedBoltzmannMachine(fresh.structure, *parts, fresh.visible, fresh.hidden)


def annealing(betas: np.ndarray) -> Callable[[], np.ndarray]:
    """All chains along all temperatures, the log-weights on the host."""
    machine = machine_of(HIDDEN)
    base = np.zeros(VISIBLE, np.float32)
    start = base_samples(machine, base, CHAINS, jax.random.key(1))
    return lambda: anneal(machine, start, base, betas, jax.random.key(2))


def listing() -> Callable[[], float]:
    """The exact sum."""
    machine = machine_of(EXACT)
    return lambda: exact_log_partition(machine)


if __name__ == "__main__":
    main()
