"""Chapter 2: the rule, mistake by mistake, and whose index it is."""

import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Telling, quietly, section, worded
from flambeau.journey.comparisons import Equal
from flambeau.pictures import panels
from flambeau.pictures.figures import BLUE, INK

CORNERS = fb.problems.xor()[0]  # 00, 01, 10, 11: the four points of the square


def weights_met(X: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Every (bias, w1, w2) that the voted perceptron passed through: one more than it made mistakes."""
    model = fb.Perceptron("voted", shuffle=False, max_epochs=50, max_votes=256)  # "voted" remembers every weight
    with quietly():
        model.fit(X, y)
    state = model.run_.progress.keeping
    layer = state.networks.layers[0]
    return np.hstack([layer.bias, layer.structure.weights[:, :, 0]])[: int(state.mistakes) + 1]


@section("Learning from mistakes")
def mistakes_by_hand(page: Telling) -> None:
    """The rule on AND, mistake by mistake, and on XOR without end."""
    (X, y), (_, odd) = fb.problems.logic_gate(page.either("OR for AND", "and", "or")), fb.problems.xor()
    met, circling = weights_met(X, y), weights_met(X, odd)
    moves = np.diff(met, axis=0)  # each is ±(1, x): the example that was wrong, and which way it pulled
    page.say(
        "Start from nothing. Show an example; if the answer $y$ is right, change nothing. If it should have spoken and "
        "was silent, add the example to the weights; if it spoke and should not have, subtract it. That is all."
    )
    page.equation("w_{ij} ← w_{ij} + η x_i (d_j - y_j)", "move only when wrong, towards the right answer")
    page.table(
        "AND (order 00, 01, 10, 11; η = 1): every mistake, and the weights after it",
        ("mistake", "x₁, x₂", "d − y", "bias", "w₁", "w₂"),
        [
            (f"{turn}", f"{abs(a):.0f}, {abs(b):.0f}", worded(sign, "+.0f"), *(worded(w) for w in after))
            for turn, ((sign, a, b), after) in enumerate(zip(moves, met[1:], strict=True), 1)
        ],
    )
    page.figure(
        "The line where the unit is undecided, after each mistake (later ones darker)",
        "For AND it settles (black): it passes through two of the points, where the net input is 0, and the unit that "
        "is not above its threshold stays silent. For XOR no line is right; with whole-number inputs the weights go "
        "round in a circle, here of {distinct} weight vectors.",
        lambda axes: _draw(axes, (y, odd), (met, circling[-24:])),
        "Two unit squares with decision lines; for AND one final line cuts off the corner 1, 1.",
        grid=(1, 2),
        height=3.4,
        distinct=len(np.unique(circling, axis=0)),
    )
    page.claim(
        "The perceptron's rule learns AND",
        Equal([len(moves), *met[-1].tolist()], [10, -2, 2, 1], "mistakes, and bias and weights in the end: {found}"),
        "OR for AND",
    )


def _draw(axes: list[Axes], labels: tuple[np.ndarray, ...], paths: tuple[np.ndarray, ...]) -> None:
    """The lines of both, pale to dark."""
    titles = ("AND: settled", "XOR: round and round")
    for panel, d, path, title in zip(axes, labels, paths, titles, strict=True):
        for turn, weights in enumerate(path):
            panels.decision_line(panel, weights, color=BLUE, alpha=0.12 + 0.5 * turn / len(path), linewidth=1.1)
        panels.classes(panel, CORNERS, d, 60)
        panels.square(panel, 0.6)
        panel.set(title=title, xlabel="$x_1$", ylabel="$x_2$", xticks=[0, 1], yticks=[0, 1])
    panels.decision_line(axes[0], paths[0][-1], color=INK, linewidth=2.2)


def two_gates(of_the_sender: bool) -> int:
    """How many of eight answers are right after 20 rounds of the rule for two units at once, AND and OR."""
    X, d = CORNERS, np.stack([fb.problems.logic_gate(name)[1] for name in ("and", "or")], axis=1)
    x = np.hstack([X, np.ones((4, 1))])  # a third input that is always 1 takes the threshold's part
    w = np.zeros((3, 2))
    for _ in range(20):
        for row, wanted in zip(x, d, strict=True):
            off = wanted - (row @ w > 0)
            printed = np.append(off, off[0])[:, None]  # (d_i - y_i): the sender's number taken for the receiver's
            w += row[:, None] * (printed if of_the_sender else off)
    return int(np.sum((x @ w > 0) == d))


@section("Whose index?")
def the_index(page: Telling) -> None:
    """The lecture's Δω_ij = η x_i (d_i - y_i), as printed and as meant."""
    page.say(
        "The lecture prints the rule with one letter more than once: $ω_{ij} ← ω_{ij} + η x_i (d_i - y_i)$. The input "
        "$x_i$ comes from the sender $i$; the mistake $d_j - y_j$ is the receiver's. With a single unit nobody "
        "notices. With two, AND and OR on the same inputs, each must be told of its own mistakes."
    )
    page.claim(
        "Δω_ij = η x_i (d_i − y_i), as printed",
        Equal(
            two_gates(page.either("the receiver's index", True, False)), 8, "{found} of 8 answers of two gates right"
        ),
        "the receiver's index",
        correction="The mistake is the receiver's, d_j − y_j: with that index all 8 answers are right.",
    )
