"""What a deep stack of sigmoids leaves of the gradient, and how good initial weights keep it: two figures at the start.

1. Nielsen, *Neural networks and deep learning* (2015), chapter 5: 784-30-...-30-10, sigmoid units, 2, 3 and 4 hidden
   layers, W ~ N(0, 1/n_in), b ~ N(0, 1); the length of the mean ∂C/∂b of every hidden layer over the first 1,000 MNIST
   training images, before any step. The chapter does not name the cost; its script (``fig/generate_gradient.py``) uses
   cross-entropy, and squared error stands beside it here. The book has one start, we have twenty.
2. Glorot and Bengio, *Understanding the difficulty of training deep feedforward neural networks* (2010): the mean
   singular value of a layer's Jacobian, five hidden layers of tanh units, with the paper's normalised initial weights
   and with the older U(±1/√n). The paper says about 0.8 against 0.5. At the start, with 400 units a layer and inputs
   from N(0, 1), .55 to .75 against .39 to .49 is expected.

``FLAMBEAU_DATA`` names a folder that holds ``mnist``; without it the data are downloaded.
"""

import argparse
import itertools
import time
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import flambeau as fb
from common import keep

SEEDS = range(20)
BOOK = {2: (0.0657, 0.3092), 3: (0.0118, 0.0600, 0.2831), 4: (0.0030, 0.0171, 0.0695, 0.2851)}  # lowest layer first
COSTS = {"cross-entropy": fb.rules.CrossEntropy(), "squared error": fb.rules.MeanSquaredError()}
BANDS = {"glorot": (0.55, 0.75), "standard": (0.39, 0.49)}
WIDTH, LAYERS, PROBE = 400, 5, 4
PROTOCOL = {
    "claim 1": "every ratio of neighbouring layers in the book lies within the range of our starts",
    "network 1": "784-30-..-30-10, sigmoid, W ~ N(0, 1/n_in), b ~ N(0, 1)",
    "batch": "the first 1,000 MNIST training images, pixels from 0 to 1",
    "measured 1": "length of the mean dC/db of each hidden layer before training (the book's speed of learning)",
    "cost": "cross-entropy, as in the book's script; squared error beside it",
    "claim 2": "the mean singular value of a layer's Jacobian, averaged over the layers, lies in its band",
    "network 2": f"{WIDTH}-{'-'.join([str(WIDTH)] * LAYERS)}, tanh, biases 0, inputs from N(0, 1)",
    "measured 2": f"all singular values of diag(f') W^T on {PROBE} inputs, mean",
    "bands": {name: list(band) for name, band in BANDS.items()},
    "seeds": [min(SEEDS), max(SEEDS)],
}


def main() -> None:
    """Measure both, print, keep; exit status 1 if a claim fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=len(SEEDS), help="how many starts (fewer are not kept)")
    seeds = range(parser.parse_args().seeds)
    started = time.perf_counter()
    norms = {cost: {str(depth): nielsen(depth, cost, seeds) for depth in BOOK} for cost in COSTS}
    spectra = {name: glorot(name, seeds) for name in BANDS}
    within = [part["inside"] for rows in norms.values() for part in rows.values()]
    holds = all(all(each) for each in within) and all(part["inside"] for part in spectra.values())
    result = {"holds": holds, "norms of the bias gradients": norms, "mean singular values": spectra,
              "seconds": round(time.perf_counter() - started, 1)}  # fmt: skip
    print("holds" if holds else "DOES NOT HOLD")
    if len(seeds) == len(SEEDS):
        keep(__file__, PROTOCOL, result)
    raise SystemExit(0 if holds else 1)


def nielsen(depth: int, cost: str, seeds: range) -> dict[str, Any]:
    """Norms and neighbour ratios of all starts beside the book's."""
    batch, rule = images(), fb.rules.Backpropagation(COSTS[cost])
    found = [fb.analysis.gradient_flow(drawn((784, *(30,) * depth, 10), seed), rule, batch) for seed in seeds]
    norms = np.asarray([verdict.numbers["bias_gradient"][:depth] for verdict in found])
    ratios, book = norms[:, 1:] / norms[:, :-1], np.asarray(BOOK[depth])
    theirs = book[1:] / book[:-1]
    inside = (ratios.min(0) <= theirs) & (theirs <= ratios.max(0))
    print(f"{cost}, {depth} hidden: ratios {np.median(ratios, 0).round(2)} (book {theirs.round(2)}), inside {inside}")
    return {
        "book": list(BOOK[depth]),
        "median": rounded(np.median(norms, 0)),
        "least": rounded(norms.min(0)),
        "most": rounded(norms.max(0)),
        "book's ratios": rounded(theirs),
        "ratios, median": rounded(np.median(ratios, 0)),
        "ratios, least": rounded(ratios.min(0)),
        "ratios, most": rounded(ratios.max(0)),
        "inside": inside.tolist(),
    }


def images() -> fb.rules.Batch:
    """The first 1,000 training images with one-hot targets."""
    mnist = fb.problems.load("mnist")
    return fb.problems.Examples.of(mnist.data[:1000], np.eye(10)[mnist.target[:1000]]).everything()


def drawn(sizes: tuple[int, ...], seed: int) -> fb.networks.FeedForward:
    """The book's start."""
    generator, layers = np.random.default_rng(seed), []
    for below, above in itertools.pairwise(sizes):
        weights = generator.normal(scale=below**-0.5, size=(below, above))
        wiring, bias = fb.structures.Dense(jnp.asarray(weights)), jnp.asarray(generator.normal(size=above))
        layers.append(fb.structures.Layer(wiring, bias, fb.neurons.Sigmoid()))
    return fb.networks.FeedForward(tuple(layers))


def glorot(initialisation: str, seeds: range) -> dict[str, Any]:
    """The mean singular value of every layer's Jacobian, over all starts, and whether their mean is in its band."""
    values = []
    for seed in seeds:
        key = jax.random.key(seed)
        network = fb.networks.mlp((WIDTH,) * (LAYERS + 1), "tanh", "tanh", initialisation=initialisation, key=key)
        probe = jax.random.normal(key, (PROBE, WIDTH))
        values.append(np.asarray(fb.analysis.jacobian_spectrum(network, probe, exact=WIDTH)["mean"])[:LAYERS])
    layers = np.mean(values, axis=0)
    low, high = BANDS[initialisation]
    inside = bool(low <= layers.mean() <= high)
    print(f"{initialisation}: mean singular value {layers.mean():.3f} (layers {layers.round(3)}), inside {inside}")
    return {"layers": rounded(layers), "mean": round(float(layers.mean()), 4), "inside": inside,
            "starts, least": round(float(np.mean(values, axis=1).min()), 4),
            "starts, most": round(float(np.mean(values, axis=1).max()), 4)}  # fmt: skip


def rounded(values: np.ndarray) -> list[float]:
    """Four significant digits."""
    return [float(f"{value:.4g}") for value in values]


if __name__ == "__main__":
    main()
