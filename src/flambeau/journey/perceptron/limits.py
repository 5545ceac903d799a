"""Chapter 2: what one layer can represent, and within how many mistakes it learns it."""

import itertools
from typing import Any

import equinox as eqx
import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Telling, section
from flambeau.journey.comparisons import Below, Equal
from flambeau.journey.perceptron.by_hand import CORNERS
from flambeau.pictures import panels
from flambeau.pictures.figures import BLUE, GREY, INK


def only_weights(leaf: Any) -> bool:
    """Whether a part of the network is a matrix."""
    return eqx.is_inexact_array(leaf) and leaf.ndim == 2


@section("Fourteen of sixteen")
def boolean_functions(page: Telling) -> None:
    """All sixteen functions of two inputs: learned, or proven impossible."""
    tables = np.asarray(list(itertools.product((0, 1), repeat=4)))
    network, rule = fb.networks.perceptron(2, 1), fb.rules.PerceptronRule()
    step, stop = fb.optimizer("sgd", 1.0), fb.training.NoMistakes()
    learned = page.either("no threshold is learned", eqx.is_inexact_array, only_weights)
    runs = [
        fb.train(network, rule, fb.problems.Examples.of(CORNERS, d, shuffle=False), optimizer=step, steps=200,
                 batch_size=1, stopping=stop, trainable=learned)
        for d in tables
    ]  # fmt: skip
    proofs = [fb.estimators.separation(CORNERS, 2 * d - 1) for d in tables]
    refused = [proof.certificate for proof in proofs if not proof.separable]
    quarter = page.either("a third for a quarter", 0.25, 1 / 3)
    right = [bool((np.asarray(run.network(CORNERS))[:, 0] == d).all()) for run, d in zip(runs, tables, strict=True)]

    def draw(axes: list[Axes]) -> None:
        for panel, d, run in zip(axes, tables, runs, strict=True):
            top = run.network.layers[0]
            if run.stopped:
                panels.decision_line(panel, [*top.bias, *top.structure.weights[:, 0]], color=INK, linewidth=1.4)
            panels.classes(panel, CORNERS, d, 34)
            panel.set_facecolor("#eef5f1" if run.stopped else "#fbe9df")
            panels.square(panel, 0.5)
            panel.set_title("".join(map(str, d)))

    page.say(
        "There are sixteen functions of two binary inputs. One unit draws one line, so it can learn those whose ones "
        "can be cut from their zeros by a line: the *linearly separable* ones. (The lecture says linear functions; a "
        "step represents no linear function but a half plane.)"
    )
    page.figure(
        "The sixteen functions, named by their answers to 00, 01, 10, 11",
        "Orange squares are ones. Two have no line: 0110 (XOR) and 1001 (XNOR).",
        draw,
        "Sixteen squares with four points.",
        grid=(2, 8),
        height=2.0,
    )
    page.say(
        "That the rule did not find a line could be bad luck. It is not, and four numbers prove it: with $d = ±1$ and "
        "$λ = (¼, ¼, ¼, ¼)$ the four signed examples of XOR cancel. If some $w$ answered all four rightly, every "
        "$d_i w · (x_i, 1)$ would be positive and so would be their mean; but the mean is $w · 0 = 0$."
    )
    page.equation("Σ_i λ_i d_i (x_i, 1) = 0,   λ_i ≥ 0,   Σ_i λ_i = 1", "a certificate: no plane separates the classes")
    page.claim(
        "One layer represents linear functions only",
        Equal([sum(right), len(refused)], [14, 2], "learned, and proven impossible: {found} of 16"),
        "no threshold is learned",
    )
    page.beyond(
        "XOR is beyond it: the certificate",
        Below(max(float(np.abs(found - quarter).max()) for found in refused), 1e-6, "λ at most {found:tiny} from ¼"),
        "a third for a quarter",
    )


@section("A promise, kept")
def promise(page: Telling) -> None:
    """Mistakes against Novikoff's bound on random separable problems."""
    count, first = page.setting.pick(12, 80, 1000), 1000 * page.setting.seed
    made, bounds = np.zeros(count), np.zeros(count)
    for case, margin in enumerate(np.geomspace(0.02, 0.6, count)):
        X, y, _ = fb.problems.separable(40, 2, float(margin), random_state=first + case)
        model = fb.Perceptron(random_state=first + case, max_epochs=20_000).fit(X, y)
        made[case], bounds[case] = model.mistakes_.sum(), model.mistake_bound_
    bounds /= page.either("γ five times as wide", 1, 5) ** 2

    def draw(axes: list[Axes]) -> None:
        line = [1.0, float(bounds.max()) * 1.3]
        axes[0].plot(line, line, color=GREY, linewidth=1.2)
        axes[0].scatter(bounds, made, s=18, color=BLUE, alpha=0.65, linewidths=0)
        axes[0].annotate(
            "the bound",
            (line[1] / 30, line[1] / 30),
            (line[1] / 300, line[1] / 12),
            color=GREY,
            arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.8},
        )
        axes[0].set(xscale="log", yscale="log", xlabel="the bound $(R/\\gamma)^2$", ylabel="mistakes made")

    page.say(
        "If a line exists, the rule finds one, and the number of mistakes on the way is bounded however the examples "
        "are ordered (Novikoff 1962). The threshold counts as one more weight here, of an input that is always 1: $R$ "
        "is the length of the longest $(x, 1)$, and $γ$ the widest margin in that space."
    )
    page.equation("mistakes ≤ (R / γ)^2", "a narrow margin is what makes it hard")
    page.figure(
        "{count} random separable problems",
        "Each dot is a problem of 40 points in the plane. None lies above the line, and most lie far below: the bound "
        "is for the worst order. The nearest used {most:.0%} of it.",
        draw,
        "Scatter plot, all dots below the diagonal.",
        count=count,
        most=float(np.max(made / bounds)),
    )
    page.beyond(
        "A separable problem is learned within (R/γ)² mistakes",
        Equal(int((made > bounds).sum()), 0, f"{{found}} of {count} problems above the bound"),
        "γ five times as wide",
    )
