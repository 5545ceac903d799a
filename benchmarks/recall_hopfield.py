"""Recall of 1,000 corrupted states by a Hopfield network of 1,000 neurons, beside hopfieldnetwork; a million updates.

50 random patterns by Hebb's rule, a tenth of the bits turned, one neuron at a time until nothing changes. The peer
takes one state at a time and one neuron at a time in Python; it must find the same states. Then 16 sweeps of 64
states, 1,024,000 updates, beside the floors: the products alone, and the time to read the weights once a sweep.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from hopfieldnetwork import HopfieldNetwork as Peer

import flambeau as fb
from harness import Measure, faster, publish, timed, within
from machine import arguments, fix_threads

UNITS, PATTERNS, STATES, FLIPS = 1000, 50, 1000, 0.1
BATCH, SWEEPS = 64, 16


def main() -> None:
    """Measure, print, keep."""
    given = arguments(__doc__, repeats=3).parse_args()
    threads = fix_threads(given.threads)
    rng = np.random.default_rng(0)
    patterns = rng.choice([-1.0, 1.0], (PATTERNS, UNITS)).astype(np.float32)
    wanted = patterns[rng.integers(0, PATTERNS, STATES)]
    worn = np.where(rng.random(wanted.shape) < FLIPS, -wanted, wanted)
    model = fb.Hopfield().fit(patterns)
    peer = peer_of(patterns)
    first = timed(lambda: model.recall(worn))
    check(model.recall(worn), recalled(peer, worn), wanted)
    times = [(timed(lambda: model.recall(worn)), timed(lambda: recalled(peer, worn))) for _ in range(given.repeats)]
    ours, theirs = (Measure.of(values, "s") for values in zip(*times, strict=True))
    work = sweeps(model, worn[:BATCH])
    many = Measure.of([timed(work) for _ in range(1 + 5 * given.repeats)][1:], "s")  # the first one compiles
    rows = [
        faster(f"recall of {STATES} states of {UNITS} neurons to rest, {PATTERNS} patterns", ours, theirs, 100),
        within(f"{SWEEPS * UNITS * BATCH:,} asynchronous updates, {UNITS} neurons, {BATCH} states at once", many, 0.3),
    ]
    notes = {
        "seconds of the first recall, compilation in it": round(first, 2),
        "same states found": True,
        "updates a second, ours": f"{SWEEPS * UNITS * BATCH / many.median:,.0f}",
        "floor: the products alone, NumPy": f"{floor_of_products(model, worn[:BATCH]) * 1e3:.1f} ms",
        "floor: reading the weights once a sweep": f"{floor_of_reading(model) * 1e3:.1f} ms",
    }
    publish("recall_hopfield", rows, notes, threads)


def peer_of(patterns: np.ndarray) -> Peer:
    """The peer with the same patterns."""
    network = Peer(N=UNITS)
    network.train_pattern(patterns.T.astype("int8"))
    return network


def recalled(peer: Peer, states: np.ndarray) -> np.ndarray:
    """Every state in turn, until a sweep changes nothing."""
    found = states.astype("int8")
    for state in found:
        peer.set_initial_neurons_state(state)
        peer.update_neurons(iterations=1, mode="async", run_max=True)
    return found


def check(ours: np.ndarray, theirs: np.ndarray, wanted: np.ndarray) -> None:
    """Both must have found the same, and all but a few the pattern."""
    if not (ours == theirs).all() or (ours == wanted).all(1).mean() < 0.99:
        raise SystemExit(f"other states: {(ours != theirs).any(1).sum()} differ")


def sweeps(model: fb.Hopfield, states: np.ndarray) -> Callable[[], jax.Array]:
    """That many sweeps of the batch, from random states so that neurons do change, on the device."""
    order = jnp.arange(UNITS)
    start = jnp.asarray(np.random.default_rng(1).permutation(states.T).T)

    @jax.jit
    def run(network: fb.networks.HopfieldNetwork, start: jax.Array) -> jax.Array:
        return jax.lax.fori_loop(0, SWEEPS, lambda _, s: network.visit(s, order, None), start)

    return lambda: run(model.network_, start).block_until_ready()


def floor_of_products(model: fb.Hopfield, states: np.ndarray) -> float:
    """Seconds for the net inputs of all neurons, once a sweep."""
    weights, columns = model.weights_, np.ascontiguousarray(states.T)
    return SWEEPS * float(np.median([timed(lambda: weights @ columns) for _ in range(20)]))


def floor_of_reading(model: fb.Hopfield) -> float:
    """Seconds to read the weights once a sweep: a product with one vector."""
    weights, vector = model.weights_, np.ones(UNITS, np.float32)
    return SWEEPS * float(np.median([timed(lambda: weights @ vector) for _ in range(20)]))


if __name__ == "__main__":
    main()
