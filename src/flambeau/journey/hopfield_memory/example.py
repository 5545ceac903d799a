"""Chapter 10: the lecture's four neurons, in all of their 16 states."""

from typing import Any

import numpy as np

import flambeau as fb
from flambeau.journey.chapter import Telling, section, worded
from flambeau.journey.comparisons import All, Equal
from flambeau.journey.hopfield_memory.cube import cube
from flambeau.journey.hopfield_memory.loop import lecture_patterns, one_by_one, quadratic_energy, settled_by_hand

PRINTED = [[0, -2, 0, 0], [-2, 0, 0, 0], [0, 0, 0, -2], [0, 0, -2, 0]]
OUTER = ([[1, -1, -1, 1], [-1, 1, 1, -1], [-1, 1, 1, -1], [1, -1, -1, 1]],
         [[1, -1, 1, -1], [-1, 1, -1, 1], [1, -1, 1, -1], [-1, 1, -1, 1]])  # fmt: skip


@section("The lecture's four neurons, and all they can do")
def example(page: Telling) -> None:
    """Weights, energies, resting places and basins: nothing is drawn at random here."""
    x = lecture_patterns()
    memory = fb.Hopfield().fit(x[: page.either("the second pattern is left out", 2, 1)])
    found = fb.analysis.landscape(memory.network_)
    s, e = found.states, found.energies
    formula = 2 * (s[:, 0] * s[:, 1] + s[:, 2] * s[:, 3])
    counts = [int((e == level).sum()) for level in (4, 0, -4)]
    kinds = fb.analysis.attractor_kinds(s[found.fixed], x)
    basins = [int(basin) for basin in found.basins.values()]
    elsewhere = int((s[found.ends] != settled_by_hand(memory.weights_, s)).any(axis=1).sum())
    kept = kinds if page.either("negatives are not counted", True, False) else [k for k in kinds if k == "memory"]
    sums = [np.outer(each, each).astype(int).tolist() for each in x]
    page.say(
        "网络的权重中就存入了它记住的模式 (*the weights of the network now hold the patterns that it remembers*). "
        "Two patterns of four neurons are stored by adding up who agrees with whom:"
    )
    page.equation("ω = Σ_{k=1}^{K} X_k X_k^T - K I", "each pattern times itself; - K I empties the diagonal")
    page.table(
        "The lecture's sum, written out",
        ("x¹(x¹)ᵀ", "x²(x²)ᵀ", "their sum − 2 I = W"),
        [tuple(" ".join(worded(value, "+d") if value else "0" for value in row) for row in rows)
         for rows in zip(*sums, np.asarray(PRINTED).tolist(), strict=True)]
    )  # fmt: skip
    page.equation("E(x) = -\\frac{1}{2} x^T ω x = 2 (x_1 x_2 + x_3 x_4)", "the energy of the lecture's example")
    page.say(
        "In code: `memory = fb.Hopfield().fit([x1, x2])`, then `memory.weights_`, `memory.energy(x)` and "
        "`memory.recall(x)`. Four neurons have 16 states, so all of them can be looked at. A neuron takes the sign of "
        "what it hears, $h_i = Σ_j w_{ij} x_j$, and stays as it is if that is 0; it never is, here."
    )
    page.figure(
        "The 16 states and where they go",
        "Blue is low, orange high; frames mark where it comes to rest. Left, neighbours differ in one neuron and "
        "opposite edges meet; dark arrows: the first neuron in order that wants to change, dashed: the others that "
        "would. Right, rows and columns in another order: all neurons at once, and pairs of states change places for "
        "ever.",
        lambda axes: cube(axes, memory.weights_, e, s, x),
        "Two maps of 16 tiles; on the left all arrows lead to four blue tiles, on the right double arrows join the "
        "others in pairs.",
        grid=(1, 2),
        height=3.8,
    )
    page.table(
        "What rests, what it is, and how many states end there",
        ("state", "energy", "what it is", "states that end there"),
        [(" ".join("−+"[int(unit > 0)] for unit in row), worded(level, ".0f"), kind, f"{basin} of 16")
         for row, level, kind, basin in zip(s[found.fixed], e[found.fixed], kinds, basins, strict=True)]
    )  # fmt: skip
    page.say(
        "The lecture shows E = 4, 0 and −4 and calls the bottom *stable*. What it does not say is who lives there: "
        "*both patterns and both of their negatives*. E has no odd part, E(−x) = E(x), so whoever remembers x "
        "remembers −x just as well."
    )
    _claimed_example(page, sums, memory, counts, e, formula, s, basins, elsewhere, found, kept, kinds)


def _claimed_example(
    page: Telling,
    sums: Any,
    memory: Any,
    counts: Any,
    e: Any,
    formula: Any,
    s: Any,
    basins: Any,
    elsewhere: Any,
    found: Any,
    kept: Any,
    kinds: Any,
) -> None:
    """What is claimed."""
    page.claim(
        "x¹(x¹)ᵀ and x²(x²)ᵀ as printed, and W = Σ x xᵀ − K I",
        All(
            Equal(sums == list(OUTER), True, "both products as printed: {found}"),
            Equal(int((memory.weights_ != PRINTED).sum()), 0, "{found} entries of W differ"),
        ),
        "the second pattern is left out",
    )
    page.claim(
        "E(x) = 2(x₁x₂ + x₃x₄): E = 4, 0, −4",
        All(
            Equal(counts, [4, 8, 4], "{found} of 16 states"),
            Equal(
                int(((e != formula) | (e != quadratic_energy(memory.weights_, s))).sum()), 0, "{found} energies differ"
            ),
        ),
        "the second pattern is left out",
    )
    page.claim(
        "Stable: the states with E = −4",
        All(
            Equal(int((found.fixed != (e == -4)).sum()), 0, "{found} states with E = −4 restless, or others at rest"),
            Equal(basins, [4, 4, 4, 4], "basins of {found}"),
            Equal(elsewhere, 0, "{found} ends differ from a plain loop's"),
        ),
        "the second pattern is left out",
    )
    page.claim(
        "The weights hold the patterns that it remembers, and nothing else",
        Equal(len(kept), kinds.count("memory"), "{found} resting states"),
        "negatives are not counted",
        correction="E(−x) = E(x): the negative of every memory is remembered as well.",
    )


@section("One at a time, and in which order")
def ways(page: Telling) -> None:
    """Why one neuron at a time, and why the order matters."""
    memory = fb.Hopfield().fit(lecture_patterns())
    found = fb.analysis.landscape(memory.network_, fb.dynamics.Synchronous())
    weights = memory.weights_ * page.either("nobody hears anybody", 1, 0)
    s = found.states
    back = np.sign(np.sign(s @ weights.T) @ weights.T)
    once = np.sign(s @ weights.T)
    swing = int(((back == s).all(axis=1) & (once != s).any(axis=1)).sum())
    start = s[(s[:, 0] == 1) & (s[:, 1] == 1)]
    second = page.either("the same order twice", (1, 0, 2, 3), (0, 1, 2, 3))
    ends = [one_by_one(memory.weights_, start, order)[-1] for order in ((0, 1, 2, 3), second)]
    differ = int((ends[0] != ends[1]).any(axis=1).sum())
    other = page.either("one message twice", -start, start)
    inputs = int((one_by_one(memory.weights_, other, (0, 1, 2, 3))[-1] != ends[0]).any(axis=1).sum())
    page.say(
        "不同的输入将使得网络联想到不同的“记忆”，不同的变化方式也会将网络引向不同的“记忆” (*different inputs let the "
        "network associate different memories, and different ways of changing lead it to different memories, too*). "
        "In (1, 1, ·, ·) neurons 1 and 2 hear each other with a minus sign, and both want to change. Whoever is "
        "asked first does, and the other is then content: neuron 1 first gives (−1, 1, ·, ·), neuron 2 first gives "
        "(1, −1, ·, ·). Two different memories from one input."
    )
    page.say(
        "If both change at the same instant, both are as discontented as before, with the signs exchanged. So "
        "{swing} of the 16 states swing for ever, (1, 1, 1, 1) to (−1, −1, −1, −1) and back. That is why "
        '`memory.recall(x)` asks one neuron after the other; `update="synchronous"` is there to see the difference, '
        "and says which rows swing. The chapter on stability has the reason.",
        swing=swing,
    )
    page.claim(
        "Different inputs bring up different memories",
        Equal(inputs, 4, "from −x another end than from x, {found} of 4 times"),
        "one message twice",
    )
    page.claim(
        "Different ways of changing lead to different memories",
        Equal(differ, 4, "{found} of 4 states (1, 1, ·, ·) end differently if neuron 2 is asked before neuron 1"),
        "the same order twice",
    )
    page.beyond(
        "All neurons at once do not come to rest",
        Equal(swing, 12, "{found} of 16 states swing between two"),
        "nobody hears anybody",
    )
