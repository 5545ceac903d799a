"""Dense associative memories hold what the formulas say: z³ and z⁴ by their counts and exponents, eᶻ 2^(N/2) at least.

Random patterns; a pattern is held where no neuron would change. Krotov and Hopfield (2016) take a bit's net input as
Gaussian and ask for an error of 1/N in all bits: K = N^(n-1) / (2 (2n - 3)!! ln N). At that load their approximation
lets the share of held patterns be (1 - p)^N, p the Gaussian's tail beyond sqrt(2 ln N); we look for the load at which
ours is the same, by halving on a logarithmic scale, and compare the count, and its growth with N. For eᶻ (Demircigil
et al. 2017) the share of 2^(N/2) patterns that are held must rise to 1 with N: the theorem is one about large N.
"""

import math
import time

import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import norm

import flambeau as fb
from common import keep
from flambeau.networks import DenseMemory, Exponential, Polynomial, dense_capacity

SIZES = {2: (100, 200, 400, 800), 3: (32, 48, 64, 96, 128), 4: (24, 32, 48, 64)}
EXPONENTIAL = (12, 16, 20, 24, 28)
ASKED, DRAWS, ENOUGH = 500, 40, 8_000  # patterns asked of a network, networks at most, patterns asked in all
COUNT, SLOPE, SHARE = 0.15, 0.1, 0.99
PROTOCOL = {
    "claim": f"z² (as a control), z³, z⁴: the count of the formula within {COUNT:.0%} at the largest N, its exponent "
    f"within {SLOPE}; eᶻ: of 2^(N/2) patterns at least {SHARE} held at the largest N, fewer lost at every larger N",
    "patterns": f"random, -1 and +1; up to {ASKED} of a network's are asked, networks until {ENOUGH} (at most {DRAWS})",
    "held": "no neuron would change at the pattern",
    "count": "where the share held is (1 - p)^N, p the Gaussian tail beyond sqrt(2 ln N)",
    "exponent": "least squares of log count on log N, for ours and for the formula",
    "sizes": str({**{f"z^{n}": sizes for n, sizes in SIZES.items()}, "exp": EXPONENTIAL}),
}


def main() -> None:
    """Measure, compare, keep; exit status 1 if a claim does not hold."""
    started = time.perf_counter()
    powers = {f"z^{degree}": power(degree, sizes) for degree, sizes in SIZES.items()}
    steepest = {units: round(share_held(Exponential(), units, round(2 ** (units / 2))), 4) for units in EXPONENTIAL}
    print(f"e^z, share of 2^(N/2) held: {steepest}", flush=True)
    lost = [1 - share for share in steepest.values()]
    rising = lost == sorted(lost, reverse=True) and steepest[EXPONENTIAL[-1]] >= SHARE
    holds = rising and all(found["holds"] for found in powers.values())
    print("holds" if holds else "MISSES")
    seconds = round(time.perf_counter() - started, 1)
    keep(__file__, PROTOCOL, {"holds": holds, **powers, "e^z, held of 2^(N/2), by N": steepest, "seconds": seconds})
    raise SystemExit(0 if holds else 1)


def power(degree: int, sizes: tuple[int, ...]) -> dict[str, object]:
    """Counts of one degree beside the formula's."""
    ours = [counted(degree, units) for units in sizes]
    formula = [dense_capacity(degree, units) for units in sizes]
    slopes = [float(np.polyfit(np.log(sizes), np.log(counts), 1)[0]) for counts in (ours, formula)]
    ratio = ours[-1] / formula[-1]
    holds = abs(ratio - 1) <= COUNT and abs(slopes[0] - slopes[1]) <= SLOPE
    print(f"z^{degree}: {np.round(ours)} for {np.round(formula)}, exponents {np.round(slopes, 3)}: {holds}", flush=True)
    return {
        "holds": holds,
        "count by neurons": {units: round(count, 1) for units, count in zip(sizes, ours, strict=True)},
        "formula": {units: round(count, 1) for units, count in zip(sizes, formula, strict=True)},
        "exponent, ours and the formula's": [round(slope, 3) for slope in slopes],
    }


def counted(degree: int, units: int) -> float:
    """The number of patterns at which the share held falls to the formula's."""
    aim = (1 - norm.sf(math.sqrt(2 * math.log(units)))) ** units
    low, high = (math.log(dense_capacity(degree, units) * factor) for factor in (0.4, 2.5))
    for _ in range(7):
        middle = (low + high) / 2
        above = share_held(Polynomial(degree), units, round(math.exp(middle))) > aim
        low, high = (middle, high) if above else (low, middle)
    return math.exp((low + high) / 2)


def share_held(interaction: fb.networks.AbstractInteraction, units: int, patterns: int) -> float:
    """The share of fixed points among the patterns asked, over enough networks."""
    held = asked = 0
    for draw in range(DRAWS):
        seed = np.random.SeedSequence([units, patterns, draw])
        x = np.random.default_rng(seed).choice(np.asarray([-1, 1], np.float32), (patterns, units))
        states = x[:ASKED]
        held += int(fixed(DenseMemory(jnp.asarray(x), interaction), jnp.asarray(states)).sum())
        asked += len(states)
        if asked >= ENOUGH:
            break
    return held / asked


@jax.jit
def fixed(memory: DenseMemory, states: jax.Array) -> jax.Array:
    """Whether no neuron would change, for each state."""
    return jnp.all(memory.net(states) * states >= 0, axis=1)


if __name__ == "__main__":
    main()
