"""Chapter 3: the exclusive or, by gradient descent from many starts."""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Telling, section
from flambeau.journey.samples import ShareAbove
from flambeau.pictures import panels

RULE = fb.rules.Backpropagation()
RATE = 6.0


def _learned(hidden: int, seeds: range, steps: int, scale: float) -> list[fb.Run]:
    """Plain gradient descent on the squared error, from many starts abreast."""
    X, d = fb.problems.xor()
    networks = [fb.networks.mlp((2, hidden, 1), "sigmoid", "sigmoid", key=jax.random.key(seed)) for seed in seeds]
    starts = [jax.tree.map(lambda leaf: scale * leaf, network) for network in networks]
    return fb.training.population(starts, RULE, fb.problems.Examples.of(X, d, shuffle=False),
                                  optimizer=fb.optimizer("sgd", RATE), steps=steps, batch_size=4)  # fmt: skip


def _right(run: fb.Run) -> bool:
    """Whether all four rows are."""
    X, d = fb.problems.xor()
    return bool(((np.asarray(run.network(jnp.asarray(X, jnp.float32)))[:, 0] > 0.5) == d).all())


@section("XOR, solved")
def exclusive_or(page: Telling) -> None:
    """With two and with three hidden units."""
    X, d = fb.problems.xor()
    steps, seeds = page.setting.pick(3000, 4000, 8000), page.setting.seeds(20, 40, 200)
    scale = page.either("all units start alike", 1.0, 0.0)
    solved = {hidden: sum(_right(run) for run in _learned(hidden, seeds, steps, scale)) for hidden in (2, 3)}

    def draw(axes: list[Axes]) -> None:
        plane = fb.monitors.DecisionSurface.over(X, side=40, margin=0.3)
        problem = fb.problems.Examples.of(X, d, shuffle=False)
        network = fb.networks.mlp((2, 3, 1), "sigmoid", "sigmoid", key=jax.random.key(1))
        seen = fb.train(network, RULE, problem, optimizer=fb.optimizer("sgd", RATE), steps=steps, batch_size=4,
                        monitors=(plane,))  # fmt: skip
        answers = seen.records["decision_surface"]["outputs"]
        for panel, time in zip(axes, np.geomspace(8, steps, 5).astype(int), strict=True):
            panels.surface(panel, plane.points, answers[time - 1])
            panels.classes(panel, X, d, 40)
            panel.set_title(f"{time:,} steps")

    page.say(
        "Three hidden units, each with a line of its own, and an output unit that combines them: what no single layer "
        "can do, gradient descent now finds by itself. The line where the network is undecided bends until the corners "
        "are apart."
    )
    page.figure(
        "A 2-3-1 network learns XOR",
        "Blue answers 0, orange answers 1; plain gradient descent, η = 6.",
        draw,
        "Five decision surfaces; the last separates both diagonals.",
        grid=(1, 5),
        height=1.75,
    )
    page.say(
        "The start matters. With two hidden units, just enough, {two} of {count} random starts arrive and the others "
        "stay where the slope has vanished; a third unit opens a way round. This is the price of an error that is not "
        "convex, as measured at the end of this chapter.",
        two=solved[2],
        count=len(seeds),
    )
    page.beyond(
        "A hidden layer solves XOR, from most starts",
        ShareAbove(solved[3], len(seeds), 0.5, "starts with three hidden units"),
        "all units start alike",
    )
