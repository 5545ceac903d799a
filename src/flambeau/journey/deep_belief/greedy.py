"""Chapter 8: layer upon layer, and what each adds to log P(v)."""

import dataclasses
from typing import Any

import jax
import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Telling, section
from flambeau.journey.comparisons import Above, Below
from flambeau.journey.data import SIDE, split_digits
from flambeau.journey.deep_belief.codes import HIDDEN, Codes, Machine, first_layer, prior, second_layers
from flambeau.pictures.figures import BLUE, GREY, VERMILLION
from flambeau.pictures.samples import receptive_fields_picture


def machine(data: np.ndarray, hidden: int, seed: int) -> Machine:
    """A fresh machine whose visible biases already give every pixel its mean."""
    mean = np.clip(data.mean(axis=0), 0.01, 0.99)
    return fb.networks.rbm(data.shape[1], hidden, visible_bias=np.log(mean / (1 - mean)), key=jax.random.key(seed))


def _mirrored(network: Machine, sign: float) -> Machine:
    """The same machine, upside down: W₂ = W₁', b₂ = c₁, c₂ = b₁."""
    wiring = fb.structures.Dense(sign * network.structure.weights.T)
    return dataclasses.replace(
        network, structure=wiring, visible_bias=network.hidden_bias, hidden_bias=network.visible_bias
    )


def _draw(axes: list[Axes], steps: np.ndarray, exact: np.ndarray, bounds: np.ndarray, alone: list[float]) -> None:
    """log P(v) and its bound while the second layer learns, against one layer."""
    for panel, place, title in zip(axes, (0, 1), ("1,297 digits it learned from", "500 unseen digits"), strict=True):
        panel.plot(steps, exact[:, place], color=BLUE, marker="o", markersize=4, label="log P(v), exact")
        panel.plot(steps, bounds[:, place], color=VERMILLION, marker="s", markersize=4, label="its lower bound")
        panel.axhline(alone[place], color=GREY, linestyle=":", label="one layer, exact")
        panel.set(xlabel="steps of the second layer", title=title)
    axes[0].set(ylabel="nats per digit")
    axes[0].legend(loc="lower right")


@section("Layer upon layer")
def greedy_training(page: Telling) -> None:
    """One machine on the digits; then its mirror image on top of it, trained on its codes."""
    setting, data = page.setting, split_digits(page.setting.seed).cut()
    first = first_layer(machine(data.inputs, HIDDEN, setting.seed), data.inputs, setting.pick(60, 200, 1000))
    log_z = fb.analysis.exact_log_partition(first)
    every = fb.analysis.log_likelihood(first, np.concatenate([data.inputs, data.unseen]), log_z)
    alone = [float(rows.mean()) for rows in np.split(every, [len(data.inputs)])]
    codes = [Codes.of(first, rows) for rows in (data.inputs, data.unseen)]  # the digits are encoded once
    rounds, each = setting.pick(3, 10, 40), 40
    taught = page.either(
        "the second machine learns another's codes", codes[0], codes[0]._replace(up=codes[0].up[:, ::-1])
    )
    tops = second_layers(_mirrored(first, page.either("the mirror turns the signs", 1.0, -1.0)), taught, rounds, each)
    priors = [prior(top) for top in tops]
    bounds = np.asarray([[part.bound(log_p) for part in codes] for log_p in priors])
    exact = np.asarray([[part.likelihood(log_p) for part in codes] for log_p in priors])
    fitter = codes[0].fit(priors[-1]) - codes[0].fit(priors[0])
    start = max(float(np.abs(exact[0] - alone).max()), float(np.abs(exact[0] - bounds[0]).max()))
    limit = page.either("the spread of Q is forgotten", bounds, bounds - _spread(codes))
    apart = page.either("the first layer passes the data on as they are", _unlike(codes[0], data.inputs), 0.0)
    page.say(
        "DBN 是使用一种贪心策略，自下而上地逐层叠加 RBM (a DBN stacks RBMs layer by layer, bottom up, greedily). The "
        "first machine learns the digits' pixels, cut to black and white, with {hidden} hidden units: few enough to "
        "add up all their {states:,} states. So both machines can follow the exact slope of their likelihood here, 使"
        "用 MLE 作为目标函数 (the objective is maximum likelihood); in the next section sampling will have to do. "
        "Then comes the trick that makes the stack safe: the second machine starts as the first one upside down.",
        hidden=HIDDEN,
        states=2**HIDDEN,
    )
    page.equation("W_2 = W_1',   b_2 = c_1,   c_2 = b_1", "the mirrored machine")
    page.say("With it on top, nothing has changed: log P(v) stays as it was. And the bound")
    page.equation("log P(v) ≥ E_Q [ log P(v|h_1) + log P(h_1) - log Q(h_1|v) ]", "the bound")
    page.say(
        "is the likelihood itself, because Q is still exact. From here on only log P(h₁) changes. Training the second "
        "machine on the codes h₁ raises the mean of that, and so, by as much, the bound: {fitter:.2f} nats here.",
        fitter=fitter,
    )
    page.figure(
        "What the second layer adds",
        "Both start where one layer ended. The gap between the two curves is what Q gets wrong, now that the layer "
        "above has moved.",
        lambda axes: _draw(axes, each * np.arange(rounds + 1), exact, bounds, alone),
        "Two curves rise above a dotted line, the bound below the likelihood.",
        grid=(1, 2),
        height=2.7,
        options={"sharey": True},
    )
    page.shown(
        "What the {hidden} units of the first layer look for",
        "Orange: ink, please; blue: no ink.",
        lambda: receptive_fields_picture(first, SIDE),
        "Ten images of weights, strokes and blobs.",
        hidden=HIDDEN,
    )
    _claimed_greedy_training(page, start, limit, exact, bounds, alone, apart)


def _claimed_greedy_training(
    page: Telling, start: Any, limit: Any, exact: Any, bounds: Any, alone: Any, apart: Any
) -> None:
    """What is claimed."""
    page.beyond(
        "A mirrored machine on top changes nothing: log P(v) stays, and the bound equals it",
        Below(start, 1e-3, "they differ by {found:tiny} nats a digit at most"),
        "the mirror turns the signs",
    )
    page.beyond(
        "The bound is below log P(v), at every stage",
        Below(float((limit - exact).max()), 1e-4, "at most {found:tiny} nats above it"),
        "the spread of Q is forgotten",
    )
    page.claim(
        "Greedy, bottom up: training the second layer raises the bound above one layer's log P(v)",
        Above(float(bounds[-1, 0] - alone[0]), 0.0, "{found:.2f} nats a digit above it"),
        "the second machine learns another's codes",
    )
    page.beyond(
        "It makes unseen digits more probable, too",
        Above(float(exact[-1, 1] - alone[1]), 0.0, "exact log P(v) of 500 digits {found:.2f} nats higher"),
        "the second machine learns another's codes",
    )
    page.claim(
        "With every layer's machine you fit the real data distribution: the second layer's visible states",
        Below(apart, 0.01, "total variation between what it is shown and what the data are like: {found:.2f}"),
        "the first layer passes the data on as they are",
        correction="The first layer's does. The second never sees the data: it fits their codes, Σ Q(h₁|v) / n.",
    )


def _spread(codes: list[Codes]) -> np.ndarray:
    """−E_Q log Q of the digits, learned and unseen: what the bound owes to not knowing h₁ for sure."""
    return np.asarray([float((part.up * np.log(np.maximum(part.up, 1e-300))).sum(axis=1).mean()) for part in codes])


def _unlike(codes: Codes, data: np.ndarray) -> float:
    """Total variation between the first ten pixels' states in the data and the ten units' in the codes."""
    powers = 1 << np.arange(HIDDEN)[::-1]
    inked = np.argsort(-data.var(axis=0))[:HIDDEN]  # the ten pixels that say most
    shown = np.bincount((data[:, inked] > 0.5) @ powers, minlength=2**HIDDEN) / len(data)
    coded = np.zeros(2**HIDDEN)
    coded[(codes.states @ powers).astype(int)] = codes.up.mean(axis=0)
    return float(0.5 * np.abs(shown - coded).sum())
