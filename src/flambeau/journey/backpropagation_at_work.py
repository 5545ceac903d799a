"""Chapter 3, continued: back-propagation on XOR, on two spirals and on handwritten digits."""

from typing import Any

import jax
import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Claim, Figure, Section, Setting, Told, quietly
from flambeau.pictures import panels
from flambeau.pictures.figures import BLUE, VERMILLION, picture

RULE = fb.rules.Backpropagation()


def exclusive_or(setting: Setting) -> Told:
    """Plain gradient descent on the squared error, from many starts, with two and with three hidden units."""
    X, d = fb.problems.xor()
    problem, descent = fb.problems.Examples.of(X, d), fb.optimiser("sgd", 6.0)
    steps, seeds = setting.pick(2000, 4000, 8000), setting.seeds(3, 20, 100)

    def learn(hidden: int, seed: int, monitors: tuple[Any, ...] = ()) -> fb.Run:
        network = fb.networks.mlp((2, hidden, 1), "sigmoid", "sigmoid", key=jax.random.key(seed))
        return fb.train(network, RULE, problem, optimizer=descent, steps=steps, batch_size=4, key=seed,
                        monitors=monitors)  # fmt: skip

    solved = {hidden: [bool(((learn(hidden, seed).network(problem.inputs)[:, 0] > 0.5) == d).all()) for seed in seeds]
              for hidden in (2, 3)}  # fmt: skip
    plane = fb.monitors.DecisionSurface.over(X, side=40, margin=0.3)
    seen = learn(3, seeds[solved[3].index(True)] if any(solved[3]) else seeds[0], (plane,))
    answers, times = seen.records["decision_surface"]["outputs"], np.geomspace(8, steps, 5).astype(int)

    def draw(axes: list[Axes]) -> None:
        for panel, time in zip(axes, times, strict=True):
            panels.surface(panel, plane.points, answers[time - 1])
            panels.classes(panel, X, d, 40)
            panel.set_title(f"{time:,} steps")

    two, three = sum(solved[2]), sum(solved[3])
    return Section("XOR, solved", (
        "Three hidden units, each with a line of its own, and an output unit that combines them: what no single layer "
        "can do, gradient descent now finds by itself. The line where the network is undecided bends until the corners "
        "are apart.",
        Figure("A 2-3-1 network learns XOR", "Blue answers 0, orange answers 1; plain gradient descent, η = 6.",
               picture(draw, 1, 5, 1.75), "Five decision surfaces; the last separates both diagonals."),
        f"The start matters. With two hidden units, just enough, {two} of {len(seeds)} random starts arrive and the "
        "others stay where the slope has vanished; a third unit opens a way round. This is the price of an error "
        "that is not convex, as measured at the end of this chapter.",
    )), (Claim("A hidden layer solves XOR", f"most of {len(seeds)} starts, all four rows right",
               f"{three} with three hidden units, {two} with two", 2 * three > len(seeds)),)  # fmt: skip


def spirals(setting: Setting) -> Told:
    """Two interlocking spirals: the line that separates them winds three times round the centre."""
    X, d = fb.problems.two_spirals()
    problem = fb.problems.Examples.of(X / 3, d, shuffle=False)
    plane = fb.monitors.DecisionSurface.over(X / 3, side=90, margin=0.06).points
    sizes, seed = setting.pick((2, 8, 8, 1), (2, 20, 20, 20, 1), (2, 20, 20, 20, 1)), setting.seed
    run, stages, adam = None, [], fb.optimiser("adam", 0.01)
    network = fb.networks.mlp(sizes, "tanh", "sigmoid", key=jax.random.key(seed))
    for steps in np.geomspace(100, setting.pick(200, 3000, 6000), 5).astype(int):
        run = fb.train(network, RULE, problem, optimizer=adam, steps=int(steps), batch_size=len(X), key=seed,
                       resume=run)  # fmt: skip
        right = int(np.sum((np.asarray(run.network(problem.inputs))[:, 0] > 0.5) == d))
        stages.append((steps, right, np.asarray(run.network(plane))))

    def draw(axes: list[Axes]) -> None:
        for panel, (steps, right, answers) in zip(axes, stages, strict=True):
            panels.surface(panel, plane, answers)
            panels.classes(panel, X / 3, d, 5)
            panel.set(title=f"{steps:,} steps\n{right} right", aspect="equal")

    return Section("Two spirals", (
        "194 points on two arms, the classic hard case (Lang and Witbrock 1988). Look at how the network learns: first "
        "a cut through the middle, then one turn of the arms after another.",
        Figure(f"A {'-'.join(map(str, sizes))} network learns the spirals", "Tanh hidden units, Adam; of 194 points.",
               picture(draw, 1, 5, 1.95), "Five decision surfaces; the last follows both spirals to the centre."),
    )), (Claim("Back-propagation learns curved decisions: two spirals", "194 of 194 points",
               f"{stages[-1][1]} of 194 after {stages[-1][0]:,} steps", stages[-1][1] == 194),)  # fmt: skip


def digits_at_work(setting: Setting) -> Told:
    """Handwritten digits the lecture's way: sigmoid units, squared error; MNIST too if it is on this machine."""
    bundle = fb.problems.load("digits")
    order = np.random.default_rng(setting.seed).permutation(len(bundle.data))
    train, test = order[:1297], order[1297:]
    unseen = bundle.data[test], bundle.target[test]
    model = fb.MLPClassifier((64,), "sigmoid", loss="mse", learning_rate=0.01, batch_size=32, initialisation="glorot",
                             epochs=setting.pick(10, 40, 100), random_state=setting.seed)  # fmt: skip
    with quietly():
        model.fit(bundle.data[train], bundle.target[train], validation_data=unseen)
    answers, score = model.predict(unseen[0]), float(model.score(*unseen))
    wrong = np.flatnonzero(answers != unseen[1])[:8]
    names = [f"{unseen[1][row]}, read as {answers[row]}" for row in wrong]

    def curve(axes: list[Axes]) -> None:
        epochs = np.arange(1, model.n_iter_ + 1)
        axes[0].plot(epochs, model.history_["loss"], color=BLUE, label="training examples")
        axes[0].plot(epochs, model.history_["validation_loss"], color=VERMILLION, label="unseen examples")
        axes[0].set(xlabel="epoch", ylabel="error $e$", yscale="log")
        axes[1].plot(epochs, 100 * model.history_["validation_accuracy"], color=VERMILLION)
        axes[1].set(xlabel="epoch", ylabel="% of unseen digits right", ylim=(80, 100))
        axes[0].legend()

    text, claims = _mnist(setting)
    return Section("Handwritten digits", (
        "The same rule, 64 inputs, 64 hidden units, ten outputs. 1,297 digits are learned, 500 are kept aside. These "
        "pictures are small and easy: one layer, the averaged perceptron, reads the same 500 about as well.",
        Figure("Learning to read", f"{score:.1%} of the unseen digits are read rightly in the end.",
               picture(curve, 1, 2, 2.5), "Falling error curves and a rising accuracy curve."),
        Figure("Some of those it still gets wrong", "The first number is what the writer meant.",
               picture(lambda axes: panels.images(axes, list(unseen[0][wrong].reshape(-1, 8, 8)), names), 1, 8, 1.15),
               "Small pictures of misread digits."),
        text,
    )), (Claim("A sigmoid network with squared error reads digits", "above 95% of 500 unseen", f"{score:.1%}",
               score > 0.95), *claims)  # fmt: skip


def _mnist(setting: Setting) -> tuple[str, tuple[Claim, ...]]:
    """The 60,000 digits of MNIST, if they are here; nothing is downloaded for a chapter."""
    here = {row.name: row.where for row in fb.problems.available()}["mnist"] != "not here"
    if setting.small or not here:
        return ("MNIST, the larger set, was left out: it is not on this machine, and a chapter downloads nothing. "
                "`flambeau data fetch mnist` brings it here."), ()  # fmt: skip
    bundle, rows, epochs = fb.problems.load("mnist"), setting.pick(1000, 30_000, 60_000), setting.pick(1, 6, 20)
    model = fb.MLPClassifier((100,), "sigmoid", batch_size=128, epochs=epochs, initialisation="glorot",
                             random_state=setting.seed)  # fmt: skip
    with quietly():
        model.fit(bundle.data[:rows], bundle.target[:rows])
    score = float(model.score(bundle.test_data, bundle.test_target))
    return (f"MNIST has larger pictures, 28 × 28. With 100 hidden units, and {rows:,} of its digits seen {epochs} "
            f"times in {model.run_.seconds:.1f} seconds, {score:.1%} of its 10,000 test digits are read rightly. There "
            "a hidden layer pays: MNIST's own page has 88% for one linear layer and 95.3% for 300 hidden units."), (
            Claim("A sigmoid network reads MNIST", "above 95% of 10,000 test digits", f"{score:.1%}",
                  score > 0.95),)  # fmt: skip
