"""The critical load of Hebb's rule: 5,000 neurons, random patterns, alpha_c = 0.138 within 0.004.

Patterns are stored in W = Σ x x' - K I; the network starts *in* each of up to 100 of them and runs, one neuron at a
time, until it rests. Below the critical load the end stays near the pattern (overlap about 0.97 at worst), beyond it
the overlap falls at once, to about a third (Amit, Gutfreund, Sompolinsky 1987: alpha_c = 0.138 without end of neurons).
A pattern counts as retrieved where the overlap is above 0.9. Below the critical load a larger network retrieves a
larger share, beyond it a smaller one: the critical load is where the shares of 1,250 and of 5,000 neurons are the same
(logistic curves through all loads); its interval is a bootstrap over the networks. Where half of the patterns of 5,000
neurons are lost is given as well: it lies higher, and comes down with the size.
"""

import time
from collections.abc import Callable

import jax
import numpy as np
from scipy.optimize import minimize

import flambeau as fb
from common import keep
from flambeau.dynamics import Asynchronous, settle
from flambeau.networks import critical_point, overlap, replica_overlap

LOADS = (0.130, 0.134, 0.138, 0.142, 0.146, 0.150)
DRAWS = {1250: 16, 5000: 5}
STARTS, CRITERION = 100, 0.9
AIM, WITHIN = 0.138, 0.004
PROTOCOL = {
    "claim": f"critical load {AIM} +- {WITHIN} (Amit, Gutfreund, Sompolinsky 1987: 0.138; theory 0.137906)",
    "network": "Hebb's rule, empty diagonal, states -1 and +1",
    "neurons: networks a load": str(DRAWS),
    "loads": f"{LOADS}, starts: the first {STARTS} patterns of every network",
    "dynamics": "asynchronous, a new random order every sweep, until nothing changes (at most 200 sweeps)",
    "criterion": f"overlap of the end with the pattern above {CRITERION}",
    "critical load": "where the logistic curves (greatest likelihood) through the shares of both sizes cross; 95 % "
    "interval by 1,000 bootstraps over networks",
}


def main() -> None:
    """Measure, fit, keep; exit status 1 if the bar is missed."""
    started, small, large = time.perf_counter(), *DRAWS
    ends = {units: measured(units) for units in DRAWS}
    shares = {units: (found > CRITERION).mean(2) for units, found in ends.items()}
    load, low, high = with_interval(shares, lambda of: crossing(of[small], of[large]))
    half = with_interval(shares, lambda of: midpoint(of[large]))
    holds = abs(load - AIM) <= WITHIN
    print(f"critical load {load:.4f} ({low:.4f} to {high:.4f}), theory {critical_point().load:.4f}: {holds}")
    print(f"half of the patterns are lost at {half[0]:.4f} ({half[1]:.4f} to {half[2]:.4f})")
    result = {
        "critical load": round(load, 5),
        "95 % interval": [round(low, 5), round(high, 5)],
        "holds": bool(holds),
        f"half lost, {large} neurons": [round(value, 5) for value in half],
        "retrieved, by neurons and load": {units: by_load(share.mean(1)) for units, share in shares.items()},
        "mean overlap, by neurons and load": {units: by_load(found.mean((1, 2))) for units, found in ends.items()},
        "replica overlap, by load": by_load(np.asarray([replica_overlap(load) for load in LOADS])),
        "seconds": round(time.perf_counter() - started, 1),
    }
    keep(__file__, PROTOCOL, result)
    raise SystemExit(0 if holds else 1)


def by_load(values: np.ndarray) -> dict[str, float]:
    """The values with their loads."""
    return dict(zip(map(str, LOADS), values.round(4).tolist(), strict=True))


def measured(units: int) -> np.ndarray:
    """Overlaps ``(loads, networks, starts)`` of the ends with the patterns in which the network started."""
    found = []
    for place, load in enumerate(LOADS):
        seeds = np.random.SeedSequence([units, place]).generate_state(DRAWS[units])
        found.append([ended(units, load, int(seed)) for seed in seeds])
        print(f"{units} neurons, load {load}: {(np.asarray(found[-1]) > CRITERION).mean():.3f} retrieved", flush=True)
    return np.asarray(found)


def ended(units: int, load: float, seed: int) -> np.ndarray:
    """Overlaps of one network's ends."""
    x = np.random.default_rng(seed).choice(np.asarray([-1, 1], np.float32), (round(load * units), units))
    weights = jax.numpy.asarray(x.T @ x)
    network = fb.networks.HopfieldNetwork(
        weights - len(x) * jax.numpy.eye(units), jax.numpy.zeros(units), fb.neurons.Spin()
    )
    found = settle(
        network, jax.numpy.asarray(x[:STARTS]), Asynchronous("random"), key=jax.random.key(seed), max_sweeps=200
    )
    return overlap(np.asarray(found.states), x[:STARTS]).diagonal()


def with_interval(shares: dict[int, np.ndarray], figure: Callable[[dict], float]) -> tuple[float, float, float]:
    """The figure of the mean shares, and where 95 % of it lie when the networks of every size are drawn again."""
    rng, again = np.random.default_rng(0), []
    for _ in range(1000):
        drawn = {units: share[:, rng.integers(0, share.shape[1], share.shape[1])] for units, share in shares.items()}
        again.append(figure({units: share.mean(1) for units, share in drawn.items()}))
    low, high = np.quantile(again, [0.025, 0.975])
    return figure({units: share.mean(1) for units, share in shares.items()}), float(low), float(high)


def logistic(shares: np.ndarray) -> np.ndarray:
    """Level and slope of the log-odds against the load (from the aim, in steps of 0.01), greatest likelihood."""
    x = (np.asarray(LOADS) - AIM) / 0.01

    def loss(line: np.ndarray) -> float:
        odds = line[0] + line[1] * x
        return float(np.sum(np.logaddexp(0, odds) - shares * odds))

    return minimize(loss, (1.0, -1.0), method="BFGS").x


def crossing(some: np.ndarray, others: np.ndarray) -> float:
    """The load at which both curves are at the same height."""
    level, slope = logistic(some) - logistic(others)
    return float(AIM - 0.01 * level / slope)


def midpoint(shares: np.ndarray) -> float:
    """The load at which the curve is at one half."""
    level, slope = logistic(shares)
    return float(AIM - 0.01 * level / slope)


if __name__ == "__main__":
    main()
