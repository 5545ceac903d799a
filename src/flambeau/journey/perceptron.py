"""Chapter 2, the perceptron: w += η x (d - y), what it is sure to learn, and what it cannot."""

import itertools

import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import (
    Claim,
    Equation,
    Figure,
    Plan,
    Quote,
    Section,
    Setting,
    Table,
    Told,
    quietly,
    worded,
)
from flambeau.journey.perceptron_at_work import no_line_is_right, ten_digits, whose_gradient
from flambeau.pictures import panels
from flambeau.pictures.figures import BLUE, GREY, INK, picture

CORNERS = fb.problems.xor()[0]  # 00, 01, 10, 11: the four points of the square


def weights_met(model: fb.Perceptron) -> np.ndarray:
    """Every (bias, w1, w2) that the voted perceptron passed through: one more than it made mistakes."""
    state = model.run_.progress.keeping
    layer = state.networks.layers[0]
    return np.hstack([layer.bias, layer.structure.weights[:, :, 0]])[: int(state.mistakes) + 1]


def _by_hand(setting: Setting) -> Told:
    """The rule on AND, mistake by mistake, and on XOR without end."""
    (X, y), (_, odd) = fb.problems.logic_gate("and"), fb.problems.xor()
    learn = fb.Perceptron("voted", shuffle=False, max_epochs=50, max_votes=256)  # "voted" remembers every weight
    met = weights_met(learn.fit(X, y))
    with quietly():
        circling = weights_met(learn.fit(X, odd))
    distinct = len(np.unique(circling, axis=0))
    moves = np.diff(met, axis=0)  # each is ±(1, x): the example that was wrong, and which way it pulled
    rows = tuple((f"{turn}", f"{abs(a):.0f}, {abs(b):.0f}", worded(sign, "+.0f"), *(worded(w) for w in after))
                 for turn, ((sign, a, b), after) in enumerate(zip(moves, met[1:], strict=True), 1))  # fmt: skip

    def draw(axes: list[Axes]) -> None:
        for panel, labels, path, title in zip(axes, (y, odd), (met, circling[-24:]),
                                              ("AND: settled", "XOR: round and round"), strict=True):  # fmt: skip
            for turn, weights in enumerate(path):
                panels.decision_line(panel, weights, color=BLUE, alpha=0.12 + 0.5 * turn / len(path), linewidth=1.1)
            panels.classes(panel, X, labels, 60)
            panels.square(panel, 0.6)
            panel.set(title=title, xlabel="$x_1$", ylabel="$x_2$", xticks=[0, 1], yticks=[0, 1])
        panels.decision_line(axes[0], met[-1], color=INK, linewidth=2.2)

    final = f"({', '.join(worded(w) for w in met[-1])})"
    return Section("Learning from mistakes", (
        "Start from nothing. Show an example; if the answer $y$ is right, change nothing. If it should have spoken and "
        "was silent, add the example to the weights; if it spoke and should not have, subtract it. That is all.",
        Equation("w_{ij} ← w_{ij} + η x_i (d_j - y_j)", "move only when wrong, towards the right answer"),
        Table("AND (order 00, 01, 10, 11; η = 1): every mistake, and the weights after it",
              ("mistake", "x₁, x₂", "d − y", "bias", "w₁", "w₂"), rows),
        Figure("The line where the unit is undecided, after each mistake (later ones darker)",
               "For AND it settles (black). For XOR no line is right; with whole-number inputs the weights "
               f"go round in a circle, here of {distinct} weight vectors.", picture(draw, 1, 2, 3.4),
               "Two unit squares with decision lines; for AND one final line cuts off the corner 1, 1."),
    )), (Claim("The perceptron learns AND", "10 mistakes, ending in (−2, 2, 1)",
               f"{len(moves)} mistakes, ending in {final}",
               len(moves) == 10 and met[-1].tolist() == [-2, 2, 1]),)  # fmt: skip


def boolean_functions(setting: Setting) -> Told:
    """All sixteen functions of two inputs: learned, or proven impossible."""
    tables = np.asarray(list(itertools.product((0, 1), repeat=4)))
    network, rule = fb.networks.perceptron(2, 1), fb.rules.PerceptronRule()
    step, stop = fb.optimiser("sgd", 1.0), fb.training.NoMistakes()
    runs = [fb.train(network, rule, fb.problems.Examples.of(CORNERS, d, shuffle=False), optimizer=step, steps=200,
                     batch_size=1, stopping=stop) for d in tables]  # fmt: skip
    proofs = [fb.estimators.separation(CORNERS, 2 * d - 1) for d in tables]
    learned, possible = [run.stopped for run in runs], [proof.separable for proof in proofs]
    refused = [proof.certificate for proof in proofs if not proof.separable]

    def draw(axes: list[Axes]) -> None:
        for panel, d, run in zip(axes, tables, runs, strict=True):
            top = run.network.layers[0]
            if run.stopped:
                panels.decision_line(panel, [*top.bias, *top.structure.weights[:, 0]], color=INK, linewidth=1.4)
            panels.classes(panel, CORNERS, d, 34)
            panel.set_facecolor("#eef5f1" if run.stopped else "#fbe9df")
            panels.square(panel, 0.5)
            panel.set_title("".join(map(str, d)))

    return Section("Fourteen of sixteen", (
        "There are sixteen functions of two binary inputs. One unit draws one line, so it can learn those whose ones "
        "can be cut from their zeros by a line.",
        Figure("The sixteen functions, named by their answers to 00, 01, 10, 11", "Orange squares are ones. Two have "
               "no line: 0110 (XOR) and 1001 (XNOR).", picture(draw, 2, 8, 2.0), "Sixteen squares with four points."),
        "That the rule did not find a line could be bad luck. It is not, and four numbers prove it: with $d = ±1$ and "
        "$λ = (¼, ¼, ¼, ¼)$ the four signed examples of XOR cancel. If some $w$ answered all four rightly, every "
        "$d_i w · (x_i, 1)$ would be positive and so would be their mean; but the mean is $w · 0 = 0$.",
        Equation("Σ_i λ_i d_i (x_i, 1) = 0,   λ_i ≥ 0,   Σ_i λ_i = 1", "a certificate: no plane separates the classes"),
    )), (Claim("One layer represents linear functions only", "14 of the 16 functions learned, 2 proven impossible",
               f"{sum(learned)} learned, {len(refused)} proven impossible",
               learned == possible and sum(learned) == 14),
         Claim("XOR is beyond it: the certificate", "λ = (¼, ¼, ¼, ¼)",
               f"λ = ({', '.join(f'{part:.2f}' for part in refused[0])})",
               all(np.allclose(found, 0.25) for found in refused)))  # fmt: skip


def promise(setting: Setting) -> Told:
    """Mistakes against Novikoff's bound on random separable problems."""
    count = setting.pick(8, 80, 1000)
    margins = np.geomspace(0.02, 0.6, count)
    made, bounds = np.zeros(count), np.zeros(count)
    for case, margin in enumerate(margins):
        X, y, _ = fb.problems.separable(40, 2, float(margin), random_state=setting.seed + case)
        model = fb.Perceptron(random_state=setting.seed + case, max_epochs=20_000).fit(X, y)
        made[case], bounds[case] = model.mistakes_.sum(), model.mistake_bound_

    def draw(axes: list[Axes]) -> None:
        line = [1.0, float(bounds.max()) * 1.3]
        axes[0].plot(line, line, color=GREY, linewidth=1.2)
        axes[0].scatter(bounds, made, s=18, color=BLUE, alpha=0.65, linewidths=0)
        axes[0].annotate("the bound", (line[1] / 30, line[1] / 30), (line[1] / 300, line[1] / 12), color=GREY,
                         arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.8})  # fmt: skip
        axes[0].set(xscale="log", yscale="log", xlabel="the bound $(R/\\gamma)^2$", ylabel="mistakes made")

    above = int((made > bounds).sum())
    return Section("A promise, kept", (
        "If a line exists, the rule finds one, and the number of mistakes on the way is bounded however the examples "
        "are ordered (Novikoff 1962). $R$ is the length of the longest example, $γ$ the widest margin a line can have.",
        Equation("mistakes ≤ (R / γ)^2", "a narrow margin is what makes it hard"),
        Figure(f"{count} random separable problems", "Each dot is a problem of 40 points in the plane. None lies above "
               "the line, and most lie far below: the bound is for the worst order.",
               picture(draw, height=3.0), "Scatter plot, all dots below the diagonal."),
    )), (Claim("A separable problem is learned within (R/γ)² mistakes", f"0 of {count} problems above the bound",
               f"{above} above; at most {np.max(made / bounds):.0%} of the bound used", above == 0),)  # fmt: skip


PLAN = Plan(
    "perceptron",
    "The perceptron",
    Quote("最初的多层感知机使用一种 0-1 激活函数，一旦整合函数的结果超过阈值，那么就输出为 1，否则反之。"
          "但是，它只能表示线性的函数！",
          "The first perceptrons used a 0-1 activation: once the combination passes the threshold the output is 1, "
          "otherwise 0. But it can represent linear functions only!"),
    (_by_hand, boolean_functions, promise, no_line_is_right, ten_digits, whose_gradient),
)  # fmt: skip
