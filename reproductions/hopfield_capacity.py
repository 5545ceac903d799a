"""The critical load of Hebb's rule: 5,000 neurons, random patterns, alpha_c = 0.138 within 0.004.

Patterns are stored in W = Σ x x' - K I; the network starts *in* each of 100 of them and runs, one neuron at a time,
until it rests. Below the critical load the end stays near the pattern (overlap about 0.97 at worst), beyond it the
overlap falls at once, to about a third (Amit, Gutfreund, Sompolinsky 1987: alpha_c = 0.138). The criterion is overlap
above 0.9; the critical load is where half of the patterns meet it, by a logistic curve through all loads; its interval
is a bootstrap over the networks.
"""

import time

import jax
import numpy as np
from scipy.optimize import minimize

import flambeau as fb
from common import keep
from flambeau.dynamics import Asynchronous, settle
from flambeau.networks import critical_point, overlap, replica_overlap

UNITS, LOADS, DRAWS, STARTS, CRITERION = 5000, (0.128, 0.132, 0.136, 0.140, 0.144, 0.148), 4, 100, 0.9
AIM, WITHIN = 0.138, 0.004
PROTOCOL = {
    "claim": f"critical load {AIM} +- {WITHIN} (Amit, Gutfreund, Sompolinsky 1987: 0.138; theory 0.137906)",
    "network": f"{UNITS} neurons, Hebb's rule, empty diagonal, states -1 and +1",
    "loads": f"{LOADS}, {DRAWS} networks each, {STARTS} of its patterns as starts",
    "dynamics": "asynchronous, a new random order every sweep, until nothing changes (at most 200 sweeps)",
    "criterion": f"overlap of the end with the pattern above {CRITERION}; half-way point of a logistic curve; 95 % "
    "interval by 1,000 bootstraps over networks",
}


def main() -> None:
    """Measure, fit, keep; exit status 1 if the bar is missed."""
    started, found, overlaps = time.perf_counter(), np.zeros((len(LOADS), DRAWS)), np.zeros((len(LOADS), DRAWS))
    for place, load in enumerate(LOADS):
        for draw in range(DRAWS):
            ends = ended(load, seed=1000 * place + draw)
            found[place, draw], overlaps[place, draw] = (ends > CRITERION).mean(), ends.mean()
        share, mean = found[place].mean(), overlaps[place].mean()
        print(
            f"load {load}: {share:.2f} retrieved, overlap {mean:.3f}, {time.perf_counter() - started:.0f} s", flush=True
        )
    load, low, high = critical(found)
    holds = abs(load - AIM) <= WITHIN
    print(f"critical load {load:.4f} ({low:.4f} to {high:.4f}), theory {critical_point().load:.4f}: {holds}")
    result = {
        "critical load": round(load, 5),
        "95 % interval": [round(low, 5), round(high, 5)],
        "holds": bool(holds),
        "retrieved, by load and network": dict(zip(map(str, LOADS), found.round(3).tolist(), strict=True)),
        "mean overlap, by load": dict(zip(map(str, LOADS), overlaps.mean(1).round(4).tolist(), strict=True)),
        "replica overlap, by load": {str(load): round(replica_overlap(load), 4) for load in LOADS},
        "seconds": round(time.perf_counter() - started, 1),
    }
    keep(__file__, PROTOCOL, result)
    raise SystemExit(0 if holds else 1)


def ended(load: float, seed: int) -> np.ndarray:
    """Overlaps of the ends with the patterns in which the network started."""
    x = np.random.default_rng(seed).choice(np.asarray([-1, 1], np.float32), (round(load * UNITS), UNITS))
    weights = jax.numpy.asarray(x.T @ x)
    network = fb.networks.HopfieldNetwork(
        weights - len(x) * jax.numpy.eye(UNITS), jax.numpy.zeros(UNITS), fb.neurons.Spin()
    )
    found = settle(
        network, jax.numpy.asarray(x[:STARTS]), Asynchronous("random"), key=jax.random.key(seed), max_sweeps=200
    )
    return overlap(np.asarray(found.states), x[:STARTS]).diagonal()


def critical(found: np.ndarray) -> tuple[float, float, float]:
    """The half-way load and its interval."""
    rng = np.random.default_rng(0)
    again = [half(found[:, rng.integers(0, DRAWS, DRAWS)].mean(1)) for _ in range(1000)]
    return half(found.mean(1)), *(float(np.quantile(again, q)) for q in (0.025, 0.975))


def half(shares: np.ndarray) -> float:
    """Where a logistic curve through the shares (least squares) crosses one half."""
    loads = np.asarray(LOADS)

    def miss(at: np.ndarray) -> float:
        return float(np.sum((shares - 1 / (1 + np.exp((loads - at[0]) / np.exp(at[1])))) ** 2))

    starts = [(middle, np.log(0.002)) for middle in (loads[:-1] + loads[1:]) / 2]
    best = min((minimize(miss, start, method="Nelder-Mead") for start in starts), key=lambda fit: fit.fun)
    return float(best.x[0])


if __name__ == "__main__":
    main()
