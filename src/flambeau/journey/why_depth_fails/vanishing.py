"""Chapter 6: the gradient vanishes."""

from collections.abc import Iterable
from typing import Any

import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Telling, section
from flambeau.journey.data import local_mnist, split_digits
from flambeau.journey.samples import MeanAbove, MeanBelow, MeanNear
from flambeau.journey.why_depth_fails.training import RULE, drawn_depths, gradients, stack
from flambeau.pictures import gradient_flow
from flambeau.pictures.figures import BLUE, INK, LIGHT

DEEPEST = 8  # hidden layers


def received(networks: Iterable[fb.networks.FeedForward], batch: fb.rules.Batch) -> np.ndarray:
    """The gradient δ at every layer of each network, ``(networks, layers)``."""
    return np.asarray([gradients(network, batch) for network in networks])


def passed_on() -> float:
    """What a wide layer of sigmoids, W ~ (0, 1/n), passes on of the gradient: √χ of mean-field theory."""
    z, weights = np.polynomial.hermite_e.hermegauss(60)
    weights = weights / weights.sum()  # expectations over a normal z
    f, q = fb.neurons.Sigmoid(), 0.25
    for _ in range(50):  # q, the mean square of a net input, reproduces itself from layer to layer
        q = float(weights @ np.asarray(f(jnp.asarray(np.sqrt(q) * z))) ** 2)
    y = f(jnp.asarray(np.sqrt(q) * z))
    return float(np.sqrt(weights @ np.asarray(f.slope(y, y)) ** 2))


def _per_layer(share: dict[int, np.ndarray]) -> np.ndarray:
    """For every start: the power of ten by which each further layer changes what arrives at the lowest."""
    return np.polyfit(list(share), np.log10(list(share.values())), 1)[0]


@section("The gradient vanishes")
def vanishing(page: Telling) -> None:
    """The gradient at every layer before the first step."""
    depths, seeds = (
        page.setting.pick((2, DEEPEST), (1, 2, 4, DEEPEST), range(1, DEEPEST + 1)),
        page.setting.seeds(6, 10, 100),
    )
    batch, hidden = split_digits(page.setting.seed).problem.everything(), page.either("tanh units", "sigmoid", "tanh")
    found = {depth: received((stack(depth, seed, hidden) for seed in seeds), batch) for depth in depths}
    norms, share = found[DEEPEST], {depth: each[:, 0] / each[:, -1] for depth, each in found.items()}
    factors, expected = np.median(norms[:, :-2] / norms[:, 1:-1], axis=1), passed_on()

    def draw(axes: list[Axes]) -> None:
        layers, colors = np.arange(1, DEEPEST + 2), gradient_flow.shades(DEEPEST + 1)
        axes[0].plot(layers, norms.T, color=LIGHT, linewidth=0.9, zorder=1)
        axes[0].scatter(layers, np.median(norms, axis=0), color=colors, s=30, zorder=3)
        axes[0].set(yscale="log", xlabel="layer, from the inputs up", ylabel="gradient δ", xticks=layers,
                    title=f"{DEEPEST} hidden layers: what each receives")  # fmt: skip
        for depth, each in share.items():
            axes[1].scatter(np.full(len(each), depth), each, color=BLUE, s=16, alpha=0.45, linewidths=0)
        top = np.median(norms[:, -2] / norms[:, -1])
        axes[1].plot(layers[:-1], top * expected ** (layers[:-1] - 1), color=INK, linestyle=":", label="theory")
        axes[1].set(
            yscale="log", xlabel="hidden layers", ylabel="layer 1 / top", title="layer 1's part of the gradient"
        )
        axes[1].legend()

    page.say(
        "梯度消失 (the gradient vanishes). Back-propagation sends each unit's share of the error down through the "
        "layers. On its way through a layer it is multiplied by the slopes of that layer's units, and by the weights. "
        "A sigmoid's slope is at most ¼:"
    )
    page.equation("δ′_j = y′_j (1 - y′_j) Σ_i w_{ji} δ_i,   y′ (1 - y′) ≤ \\frac{1}{4}", "one layer down")
    page.say(
        "So here are stacks of sigmoid layers with 32 units each before their first step, from {count} random starts "
        "(normal weights of variance 2 / (inputs + units), Glorot's), with the handwritten digits as their batch. "
        "Every further layer takes three quarters of what is left.",
        count=len(seeds),
    )
    page.figure(
        "What is left of the gradient on its way down",
        "Left, a straight line on a logarithmic axis: every layer takes the same share. Right, a dot for each start. "
        "Theory (an integral, no run): {expected:.3f} passed on per layer; measured: {factor:.3f}.",
        draw,
        "Straight falling lines; dots that fall by a factor of four per layer.",
        grid=(1, 2),
        height=2.9,
        expected=expected,
        factor=float(np.mean(factors)),
    )
    _report(page, batch)
    _claimed_vanishing(page, share, factors, expected)
    _nielsen(page)


def _claimed_vanishing(page: Telling, share: Any, factors: Any, expected: Any) -> None:
    """What is claimed."""
    page.claim(
        "The gradient vanishes on its way down",
        MeanBelow(np.log10(share[DEEPEST]), -3, "layer 1 below eight hidden layers: 10^{found:.1f} of the top's"),
        "tanh units",
    )
    page.claim(
        "The more layers, the less arrives",
        MeanBelow(_per_layer(share), -0.3, "10^{found:.2f} times with each further layer"),
        "tanh units",
    )
    page.beyond(
        "A layer of sigmoids passes on less than a quarter: what mean-field theory says",
        MeanNear(factors, expected, 0.1 * expected, "{found:.3f} of the gradient"),
        "tanh units",
    )


def _report(page: Telling, batch: fb.rules.Batch) -> None:
    """The table that anyone can have of a network of theirs."""
    verdict = fb.analysis.gradient_flow(stack(DEEPEST, page.setting.seed), RULE, batch)
    header, rows = verdict.table()
    kept = [header.index(name) for name in ("", "units", "gradient δ", "of the top", "slope", "outputs")]
    page.table(
        "The report on one of them, eight hidden layers",
        [header[i] or "" for i in kept],
        [[row[i] for i in kept] for row in rows],
    )
    page.say(
        "`fb.analysis.gradient_flow(network, rule, batch)` prints this table for your own network, and a verdict. "
        "Here: *{number}. {cause}.*",
        number=str(verdict.findings[0].number),
        cause=verdict.findings[0].cause.capitalize(),
    )


def _nielsen(page: Telling) -> None:
    """The same on MNIST, as Nielsen's book has it, at full size and if the set is here."""
    bundle = local_mnist() if page.setting.full else None
    if bundle is None:
        return
    hidden = page.either("tanh units in Nielsen's network", "sigmoid", "tanh")
    batch = fb.problems.Examples.of(bundle.data[:1000], np.eye(10)[bundle.target[:1000]]).everything()
    sizes = (784, 30, 30, 30, 30, 10)
    networks = (drawn_depths(sizes, hidden, "sigmoid", seed, "LeCun", 1.0) for seed in page.setting.seeds(3, 20, 100))
    norms = received(networks, batch)[:, :4]
    ratios = np.median(norms[:, 1:] / norms[:, :-1], axis=1)
    page.say(
        "On MNIST, in the network of Nielsen's book (784-30-30-30-30-10, thresholds drawn from N(0, 1)), a layer "
        "receives {ratio:.1f} times less than the next one; the book's own start has 4.1 to 5.7.",
        ratio=float(np.mean(ratios)),
    )
    page.beyond(
        "The same on MNIST, in Nielsen's network",
        MeanAbove(ratios, 4, "{found:.2f} times less per layer"),
        "tanh units in Nielsen's network",
    )
