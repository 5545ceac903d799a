"""The chapter on depth: why back-propagation alone had trouble with many layers, trouble by trouble."""

from collections.abc import Iterable

import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Claim, Equation, Figure, Plan, Quote, Section, Setting, Table, Told
from flambeau.journey.why_depth_fails_cures import what_helps
from flambeau.journey.why_depth_fails_data import local_minima, more_data
from flambeau.journey.why_depth_fails_speed import slow_training
from flambeau.journey.why_depth_fails_top import the_top_alone
from flambeau.journey.why_depth_fails_training import RULE, depth_digits, drawn_depths, gradients, stack
from flambeau.pictures import gradient_flow
from flambeau.pictures.figures import BLUE, INK, LIGHT, picture

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


def vanishing(setting: Setting) -> Told:
    """The gradient at every layer before the first step."""
    depths, seeds = setting.pick((2, DEEPEST), (1, 2, 4, DEEPEST), range(1, DEEPEST + 1)), setting.seeds(3, 10, 100)
    batch = depth_digits(setting.seed).problem.everything()
    found = {depth: received((stack(depth, seed) for seed in seeds), batch) for depth in depths}
    norms, share = found[DEEPEST], {depth: each[:, 0] / each[:, -1] for depth, each in found.items()}
    lost = [1 / float(np.median(each)) for each in share.values()]
    factor, expected = float(np.median(norms[:, :-2] / norms[:, 1:-1])), passed_on()
    verdict = fb.analysis.gradient_flow(stack(DEEPEST, setting.seed), RULE, batch)

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
        axes[1].set(yscale="log", xlabel="hidden layers", title="layer 1's part of the top's gradient")
        axes[1].legend()

    header, rows = verdict.table()
    kept = [header.index(name) for name in ("", "units", "gradient δ", "of the top", "slope", "outputs")]
    text, claims = nielsen(setting)
    return Section("The gradient vanishes", (
        "梯度消失 (the gradient vanishes). Back-propagation sends each unit's share of the error down through the "
        "layers. On its way through a layer it is multiplied by the slopes of that layer's units, and by the weights. "
        "A sigmoid's slope is at most ¼:",
        Equation("δ′_j = y′_j (1 - y′_j) Σ_i w_{ji} δ_i,   y′ (1 - y′) ≤ \\frac{1}{4}", "one layer down"),
        f"So here are stacks of sigmoid layers with 32 units each before their first step, from {len(seeds)} random "
        "starts, with the handwritten digits as their batch. Every further layer takes three quarters of what is left.",
        Figure("What is left of the gradient on its way down", "Left, a straight line on a logarithmic axis: every "
               f"layer takes the same share. Right, a dot for each start. Theory (an integral, no run): {expected:.3f} "
               f"passed on per layer; measured: {factor:.3f}.",
               picture(draw, 1, 2, 2.9), "Straight falling lines; dots that fall by a factor of four per layer."),
        Table("The report on one of them, eight hidden layers", tuple(header[i] or "" for i in kept),
              tuple(tuple(row[i] for i in kept) for row in rows)),
        "`fb.analysis.gradient_flow(network, rule, batch)` prints this table for your own network, and a verdict. "
        f"Here: *{verdict.findings[0].number}. {verdict.findings[0].cause.capitalize()}.*",
        text,
    )), (Claim("The gradient vanishes on its way down", "layer 1 below eight hidden layers: less than a thousandth",
               f"one part in {lost[-1]:,.0f}", lost[-1] > 1000),
         Claim("The more layers, the less arrives", "less at layer 1 with every depth",
               f"{', '.join(f'1/{part:,.0f}' for part in lost)} with {', '.join(map(str, depths))} hidden layers",
               lost == sorted(lost)),
         Claim("A layer of sigmoids passes on less than a quarter", f"{expected:.3f} by mean-field theory, within 10%",
               f"{factor:.3f}", abs(factor / expected - 1) < 0.1 and factor < 0.25), *claims)  # fmt: skip


def nielsen(setting: Setting) -> tuple[str, tuple[Claim, ...]]:
    """The same on MNIST, as Nielsen's book has it, if the set is here."""
    here = {row.name: row.where for row in fb.problems.available()}["mnist"] != "not here"
    if setting.small or not here:
        return "MNIST is not on this machine; with it, this section repeats the figures of Nielsen's book.", ()
    bundle, sizes = fb.problems.load("mnist"), (784, 30, 30, 30, 30, 10)
    batch = fb.problems.Examples.of(bundle.data[:1000], np.eye(10)[bundle.target[:1000]]).everything()
    networks = (drawn_depths(sizes, "sigmoid", "sigmoid", seed, "LeCun", 1.0) for seed in setting.seeds(3, 20, 100))
    norms = received(networks, batch)[:, :4]
    ratio = float(np.median(norms[:, 1:] / norms[:, :-1]))
    return (f"On MNIST, in the network of Nielsen's book (784-30-30-30-30-10, thresholds drawn from N(0, 1)), a layer "
            f"receives {ratio:.1f} times less than the next one; the book's own start has 4.1 to 5.7."), (
            Claim("The same on MNIST, in Nielsen's network", "4 to 6 times less per layer", f"{ratio:.2f} times",
                  4 < ratio < 6),)  # fmt: skip


PLAN = Plan(
    "why_depth_fails",
    "Why depth fails",
    Quote("为什么传统的 BP 在深度增加后仍有问题？梯度消失；训练太慢；需要更多的数据；有更多的局部极小值。",
          "Why does traditional back-propagation still have trouble as depth grows? The gradient vanishes; training is "
          "too slow; more data are needed; there are more local minima."),
    (vanishing, slow_training, the_top_alone, more_data, local_minima, what_helps),
)  # fmt: skip
