"""Chapter 3: two spirals, judged between the points that were learned."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Telling, section
from flambeau.journey.samples import MeanAbove
from flambeau.pictures import panels

RULE = fb.rules.Backpropagation(fb.rules.CrossEntropy())
SIZES = (2, 30, 30, 30, 1)


def arms() -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """The 194 points and their classes, and 192 points halfway between neighbours on the same arms with theirs."""
    X, d = fb.problems.two_spirals(386)
    points, classes = X.reshape(-1, 2, 2) / 3, d.reshape(-1, 2)
    return (points[::2].reshape(-1, 2).astype(np.float32), classes[::2].ravel(),
            points[1::2].reshape(-1, 2).astype(np.float32), classes[1::2].ravel())  # fmt: skip


def share(network: fb.networks.FeedForward, x: np.ndarray, d: np.ndarray) -> float:
    """Percent of points on the right side."""
    return 100 * float(np.mean((np.asarray(network(jnp.asarray(x)))[:, 0] > 0.5) == d))


def start(seed: int, hidden: str) -> fb.networks.FeedForward:
    """A fresh network."""
    return fb.networks.mlp(SIZES, hidden, "sigmoid", key=jax.random.key(seed))


def falling(steps: int) -> fb.training.Optimizer:
    """Adam, its rate falling to 0 on a cosine."""
    return fb.optimizer("adam", optax.cosine_decay_schedule(0.01, steps))


def _draw(axes: list[Axes], seed: int, hidden: str, steps: int) -> None:
    """One network after five numbers of steps."""
    X, d, between, truth = arms()
    problem, run, descent = fb.problems.Examples.of(X, d, shuffle=False), None, falling(steps)
    plane = fb.monitors.DecisionSurface.over(X, side=90, margin=0.06).points
    for panel, step in zip(axes, np.geomspace(40, steps, 5).astype(int), strict=True):
        run = fb.train(start(seed, hidden), RULE, problem, optimizer=descent, steps=int(step), batch_size=len(X),
                       resume=run)  # fmt: skip
        panels.surface(panel, plane, np.asarray(run.network(plane)))
        panels.classes(panel, X, d, 5)
        panel.set(title=f"{step:,} steps\n{share(run.network, between, truth):.0f}% between", aspect="equal")


@section("Two spirals")
def spirals(page: Telling) -> None:
    """Two interlocking spirals: the line that separates them winds three times round the centre."""
    X, d, between, truth = arms()
    seeds, steps = page.setting.seeds(3, 5, 10), page.setting.pick(1500, 2000, 5000)
    hidden = page.either("linear units", "silu", "identity")
    runs = fb.training.population([start(seed, hidden) for seed in seeds], RULE,
                                  fb.problems.Examples.of(X, d, shuffle=False), optimizer=falling(steps), steps=steps,
                                  batch_size=len(X))  # fmt: skip
    learned, unseen = ([share(run.network, *part) for run in runs] for part in ((X, d), (between, truth)))
    page.say(
        "194 points on two arms, the classic hard case (Lang and Witbrock 1988). To be right on the points that were "
        "learned is little; what counts is the way between them. So the network is asked halfway between neighbours on "
        "the same arm, where it has seen nothing."
    )
    page.figure(
        "A {sizes} network learns the spirals",
        "Hidden units with $f(s) = s σ(s)$, Adam on all points at once. Of the points learned {learned:.1f}% are right "
        "in the end, of those between them {unseen:.1f}% (means of {count} starts).",
        lambda axes: _draw(axes, seeds[0], hidden, steps),
        "Five decision surfaces, from one cut through the middle to arms that wind round the centre.",
        grid=(1, 5),
        height=2.0,
        sizes="-".join(map(str, SIZES)),
        learned=float(np.mean(learned)),
        unseen=float(np.mean(unseen)),
        count=len(seeds),
    )
    page.beyond(
        "Back-propagation learns curved decisions: two spirals",
        MeanAbove(unseen, 95, "{found:.1f}% of 192 points between those learned"),
        "linear units",
    )
