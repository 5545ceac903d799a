"""The chapter on Hopfield memory, its first part: the lecture's four neurons, in all of their 16 states."""

import numpy as np

import flambeau as fb
from flambeau.journey.chapter import Claim, Equation, Figure, Section, Setting, Table, Told
from flambeau.journey.hopfield_cube import cube
from flambeau.journey.hopfield_loop import lecture_patterns, one_by_one, quadratic_energy, settled_by_hand

PRINTED = np.asarray([[0, -2, 0, 0], [-2, 0, 0, 0], [0, 0, 0, -2], [0, 0, -2, 0]])


def example(setting: Setting) -> Told:
    """Weights, energies, resting places and basins: nothing is drawn at random here."""
    x = lecture_patterns()
    memory = fb.Hopfield().fit(x)
    found = fb.analysis.landscape(memory.network_)
    s, e = found.states, found.energies
    formula = 2 * (s[:, 0] * s[:, 1] + s[:, 2] * s[:, 3])
    counts = [int((e == level).sum()) for level in (4, 0, -4)]
    kinds = fb.analysis.attractor_kinds(s[found.fixed], x)
    basins = list(found.basins.values())
    by_hand = settled_by_hand(memory.weights_, s)
    agree = bool((s[found.ends] == by_hand).all())
    lowest = bool((found.fixed == (e == -4)).all())
    return Section("The lecture's four neurons, and all they can do", (
        "网络的权重中就存入了它记住的模式 (*the weights of the network now hold the patterns that it remembers*). Two "
        "patterns of four neurons are stored by adding up who agrees with whom:",
        Equation("ω = Σ_{k=1}^{K} X_k X_k^T - K I", "each pattern times itself; - K I empties the diagonal"),
        Equation("E(x) = -\\frac{1}{2} x^T ω x = 2 (x_1 x_2 + x_3 x_4)", "the energy of the lecture's example"),
        "In code: `memory = fb.Hopfield().fit([x1, x2])`, then `memory.weights_`, `memory.energy(x)` and "
        "`memory.recall(x)`. Four neurons have 16 states, so all of them can be looked at. A neuron takes the sign of "
        "what it hears, $h_i = Σ_j w_{ij} x_j$, and stays as it is if that is 0; it never is, here.",
        Figure("The 16 states and where they go", "Blue is low, orange high; frames mark where it comes to rest. "
               "Left, neighbours differ in one neuron and opposite edges meet; dark arrows: the first neuron in order "
               "that wants to change, dashed: the others that would. Right, rows and columns in another order: all "
               "neurons at once, and pairs of states change places for ever.",
               cube(memory.weights_, e, s, x), "Two maps of 16 tiles; on the left all arrows lead to four blue tiles, "
               "on the right double arrows join the others in pairs."),
        Table("What rests, what it is, and how many states end there",
              ("state", "energy", "what it is", "states that end there"),
              tuple((" ".join("−+"[int(unit > 0)] for unit in row), f"{level:.0f}".replace("-", "−"), kind,
                     f"{basin} of 16")
                    for row, level, kind, basin in zip(s[found.fixed], e[found.fixed], kinds, basins, strict=True))),
        "The lecture shows E = 4, 0 and −4 and calls the bottom *stable*. What it does not say is who lives there: "
        "*both patterns and both of their negatives*. E has no odd part, E(−x) = E(x), so whoever remembers x "
        "remembers −x just as well.",
    )), (
        Claim("W = Σ x x′ − K I, the matrix as printed", "w₁₂ = w₂₁ = w₃₄ = w₄₃ = −2, all others 0",
              "equal in every entry" if (memory.weights_ == PRINTED).all() else "another matrix",
              bool((memory.weights_ == PRINTED).all())),
        Claim("E(x) = 2(x₁x₂ + x₃x₄): E = 4, 0, −4", "4, 8 and 4 of 16 states",
              f"{', '.join(map(str, counts))} states; largest difference {np.abs(e - formula).max():g}",
              counts == [4, 8, 4] and bool((e == formula).all() and (e == quadratic_energy(memory.weights_, s)).all())),
        Claim("Stable: the states with E = −4", "these four rest and no others; each attracts 4 of the 16",
              f"{int(found.fixed.sum())} rest; basins {', '.join(map(str, basins))}; the plain loop "
              f"{'ends in the same places' if agree else 'ends elsewhere'}",
              lowest and basins == [4] * 4 and agree),
        Claim("The weights hold the patterns, and nothing else", "2 resting states, x¹ and x²",
              f"{len(kinds)}: {kinds.count('memory')} memories and {kinds.count('negative')} negatives",
              kinds.count("memory") == len(kinds),
              "E(−x) = E(x): the negative of every memory is remembered as well."),
    )  # fmt: skip


def ways(setting: Setting) -> Told:
    """Why one neuron at a time, and why the order matters."""
    x = lecture_patterns()
    memory = fb.Hopfield().fit(x)
    found = fb.analysis.landscape(memory.network_, fb.dynamics.Synchronous())
    s = found.states
    swing = int((~found.rests).sum())
    back = np.sign(np.sign(s @ memory.weights_.T) @ memory.weights_.T)
    start = s[(s[:, 0] == 1) & (s[:, 1] == 1)]
    ends = [one_by_one(memory.weights_, start, order)[-1] for order in ((0, 1, 2, 3), (1, 0, 2, 3))]
    first, second = ((end[:, 0] == -end[:, 1]).all() and (end[:, 0] == sign).all()
                     for end, sign in zip(ends, (-1, 1), strict=True))  # fmt: skip
    differ = int((ends[0] != ends[1]).any(axis=1).sum())
    return Section("One at a time, and in which order", (
        "不同的变化方式也会将网络引向不同的“记忆” (*different ways of changing lead the network to different "
        "memories, too*). In (1, 1, ·, ·) neurons 1 and 2 hear each other with a minus sign, and both want to change. "
        "Whoever is asked first does, and the other is then content: neuron 1 first gives (−1, 1, ·, ·), neuron 2 "
        "first gives (1, −1, ·, ·). Two different memories from one input.",
        "If both change at the same instant, both are as discontented as before, with the signs exchanged. So "
        f"{swing} of the 16 states swing for ever, (1, 1, 1, 1) to (−1, −1, −1, −1) and back. That is why "
        "`memory.recall(x)` asks one neuron after the other; `update=\"synchronous\"` is there to see the difference, "
        "and says which rows swing. The chapter on stability has the reason.",
    )), (
        Claim("Different ways of changing lead to different memories", "from all four (1, 1, ·, ·): −1, 1 or 1, −1",
              f"{differ} of 4 end differently when neuron 2 is asked before neuron 1",
              bool(first and second) and differ == 4),
        Claim("All neurons at once do not come to rest", "12 of 16 states swing between two",
              f"{swing} swing, all back after two steps: {bool((back == s).all())}",
              swing == 12 and bool((back == s).all())),
    )  # fmt: skip
