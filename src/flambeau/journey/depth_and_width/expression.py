"""Chapter 4: what one hidden layer expresses, and what two do."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Telling, section
from flambeau.journey.comparisons import Below, Equal
from flambeau.journey.depth_and_width.training import answers, trained_widths
from flambeau.journey.samples import MeanBelow
from flambeau.pictures import panels
from flambeau.pictures.figures import BLUE, GREY, INK, VERMILLION

Layer, Dense = fb.structures.Layer, fb.structures.Dense


def target(u: np.ndarray) -> np.ndarray:
    """A continuous function on [-1, 1] with a corner at 0, so that it is not too easy."""
    return 0.5 * np.sin(2 * np.pi * u) + 0.5 * np.abs(u)


def joined_lines(units: int, spread: float, room: int = 64) -> fb.networks.FeedForward:
    """One hidden layer of ReLUs built by hand: it joins the target's values at equally spaced points by lines."""
    knots = np.linspace(-1, 1, units + 1)
    heights = target(knots)
    turns, corners = np.zeros((room, 1)), np.zeros(room)  # units beyond those asked for have no say
    turns[:units, 0] = np.diff(np.diff(heights) / np.diff(knots), prepend=0)  # how much the slope changes at each knot
    corners[:units] = 1 - spread * (1 + knots[:-1])
    hidden = Layer(Dense(jnp.ones((1, room))), jnp.asarray(corners), fb.neurons.ReLU())
    top = Layer(Dense(jnp.asarray(turns)), jnp.asarray(heights[:1]), fb.neurons.Identity())
    return fb.networks.FeedForward((hidden, top))


@section("One hidden layer: every continuous function")
def one_hidden_layer(page: Telling) -> None:
    """The largest error over the interval against the number of hidden units, built by hand and trained."""
    u, between = np.linspace(-1, 1, 256), np.linspace(-1, 1, 511)[1::2]
    widths, steps = (
        page.setting.pick((2, 32), (2, 4, 8, 16, 32), (2, 4, 8, 16, 32, 52)),
        page.setting.pick(3000, 3000, 10_000),
    )
    seeds, spread = page.setting.seeds(6, 6, 12), page.either("all units bend at one place", 1.0, 0.0)
    built = [float(np.abs(answers(joined_lines(n, spread), u[:, None]) - target(u)).max()) for n in widths]
    rate = page.either("the rate is a millionth", 0.03, 3e-8)
    networks = trained_widths(
        [(1, n, 1) for n in widths], 3 * u[:, None], target(u), steps, seeds, rate
    )  # of about unit size
    curves = {
        n: [answers(each, 3 * between[:, None]) for each in found] for n, found in zip(widths, networks, strict=True)
    }
    errors = {n: [float(np.abs(curve - target(between)).max()) for curve in found] for n, found in curves.items()}

    def draw(axes: list[Axes]) -> None:
        axes[0].plot(u, target(u), color=GREY, linewidth=4, alpha=0.45, label="the function")
        for n, color in ((widths[-4:][0], VERMILLION), (widths[-1], BLUE)):
            axes[0].plot(between, curves[n][int(np.argmin(errors[n]))], color=color, linewidth=1.4, label=f"{n} units")
        axes[0].set(xlabel="$x$", ylabel="answer")
        axes[0].legend(loc="lower center", ncols=3, bbox_to_anchor=(0.5, 1.0), handlelength=1.4, columnspacing=1)
        axes[1].plot(widths, built, color=INK, marker="o", markersize=4, label="built by hand (lines)")
        axes[1].plot(widths, [np.mean(found) for found in errors.values()], color=BLUE, marker="o", markersize=4,
                     label=f"trained, mean of {len(seeds)}")  # fmt: skip
        axes[1].set(xscale="log", yscale="log", xlabel="hidden units", ylabel="largest error")
        panels.counts(axes[1].xaxis, widths)
        panels.counts(axes[1].yaxis, (0.01, 0.03, 0.1, 0.3, 1))
        axes[1].legend(loc="upper right")

    page.say(
        "Counting the inputs as a layer, the lecture's three layers are one hidden layer. *Express* means: on a closed "
        "and bounded set, come as near as you like everywhere, given enough units; not equal, and not outside it "
        "(Cybenko 1989; Hornik, Stinchcombe, White 1989). *All* functions cannot be tried; here is one with a corner."
    )
    page.say(
        "One way to see it is to build it. A layer of $n$ ReLUs can join $n + 1$ points of any curve by straight "
        "lines, so its error goes to 0 as $n$ grows: halve the distance between the points, quarter the error."
    )
    page.figure(
        "The error of one hidden layer",
        "Right, built by hand, every doubling divides the error by nearly four once the points lie close. Trained by "
        "Adam it falls too (judged between the points that were learned), until training sets the limit.",
        draw,
        "Left a curve and two fits, right two falling error curves.",
        grid=(1, 2),
        height=2.9,
    )
    _claimed_one_hidden_layer(page, built, widths, errors)


def _claimed_one_hidden_layer(page: Telling, built: Any, widths: Any, errors: Any) -> None:
    """What is claimed."""
    page.claim(
        "A network of 3 layers expresses a continuous function",
        Below(
            built[-1],
            built[0] / 10,
            f"largest error {{found:.3f}} ({widths[-1]} units by hand; {widths[0]}: {built[0]:.2f})",
        ),
        "all units bend at one place",
    )
    page.beyond(
        "Training finds networks that approximate it",
        MeanBelow(np.asarray(errors[widths[-1]]) / np.mean(errors[widths[0]]), 0.2,
                  f"{widths[-1]} units leave {{found:.2f}} of the error of {widths[0]}"),
        "the rate is a millionth"
    )  # fmt: skip


def two_blocks(points: np.ndarray) -> np.ndarray:
    """1 inside either of two rectangles, 0 outside: a function with jumps."""
    return ((np.abs(np.abs(points[:, 0]) - 0.5) < 0.3) & (np.abs(points[:, 1]) < 0.7)).astype(float)


def by_thresholds(asked: float) -> fb.networks.FeedForward:
    """Two hidden layers of steps: six half planes, two ANDs of ``asked`` of them, one OR."""
    sides = [(1, 0, 0.8), (-1, 0, -0.2), (1, 0, -0.2), (-1, 0, 0.8)]  # a x + b y + c > 0: left block, then right
    half = jnp.asarray([*sides, (0, 1, 0.7), (0, -1, 0.7)])
    blocks = jnp.asarray([[1, 0], [1, 0], [0, 1], [0, 1], [1, 1], [1, 1.0]])
    f = fb.neurons.Step()
    return fb.networks.FeedForward(
        (
            Layer(Dense(half[:, :2].T), half[:, 2], f),
            Layer(Dense(blocks), jnp.full(2, 0.5 - asked), f),
            Layer(Dense(jnp.ones((2, 1))), jnp.asarray([-0.5]), f),
        )
    )


def endless(x: np.ndarray, most: float) -> np.ndarray:
    """1 where 1/x is odd when rounded down, else 0: it jumps at 1, 1/2, 1/3, ... (up to ``most`` of them)."""
    return np.minimum(np.floor(1 / x), most) % 2


@section("Two hidden layers: functions that jump")
def two_hidden_layers(page: Telling) -> None:
    """An indicator function exactly by thresholds; and a function that no finite network follows everywhere."""
    fine = np.asarray(fb.monitors.DecisionSurface.over([[-1, -1], [1, 1]], side=100, margin=0.0).points)
    network = by_thresholds(page.either("three sides are enough", 4, 3))
    wrong = int(np.sum(answers(network, fine) != two_blocks(fine)))
    most = page.either("a hundred jumps and no more", np.inf, 100.0)
    x = np.unique(np.concatenate([np.linspace(0.5, 1, 1000), 1 / (np.arange(1, 2000) + 0.5)]))
    sizes = (100, 400, 1600)
    followed = [endless(x, min(most, n)) for n in sizes]  # n steps can follow the first n jumps
    worst = [float(np.abs(each - endless(x, most)).max()) for each in followed]

    def draw(axes: list[Axes]) -> None:
        hidden = np.asarray(network.layers[0](jnp.asarray(fine, jnp.float32)))
        panels.surface(axes[0], fine, hidden.sum(axis=1), 2, 6, line=False)
        axes[0].set(title="six half planes, added", aspect="equal")
        panels.surface(axes[1], fine, answers(network, fine))
        axes[1].set(title="two ANDs, one OR", aspect="equal")
        shown = np.geomspace(0.02, 1, 4000)
        axes[2].plot(shown, endless(shown, np.inf), color=INK, linewidth=0.6, drawstyle="steps-mid")
        axes[2].set(title="jumps without end", xlabel="$x$", ylim=(-0.1, 1.1), yticks=[0, 1])

    page.say(
        "A function that jumps cannot be followed closely everywhere by a continuous one. With a second hidden layer "
        "of steps it is easy: six units draw half planes, two units ask for four of them at once (AND), the output "
        "takes either (OR). Nothing is left over."
    )
    page.figure(
        "Two rectangles by nine step units; and a function that none of them follows",
        "Left and middle, orange is high. Right, 1 where the whole part of 1/x is odd, 0 where it is even.",
        draw,
        "Overlapping stripes; two sharp rectangles; a curve that jumps faster and faster towards the left.",
        grid=(1, 3),
        height=2.5,
    )
    page.say(
        "*All* functions, though, is too much. The function on the right jumps without end near 0; a network of n "
        "units has at most so many jumps to give, so it is off by 1 somewhere, however large n is. What is true: for "
        "any measurable function the places where a network is off by more than you like can be made as small as you "
        "like. Here {sizes} units are wrong on {left} of the interval.",
        sizes=[f"{n:,}" for n in sizes],
        left=[f"{1 / n:.2%}" for n in sizes],
    )
    page.claim(
        "A network of 4 layers fits a discrete function",
        Equal(wrong, 0, f"{{found}} of {len(fine):,} points wrong by 9 step units"),
        "three sides are enough",
    )
    page.claim(
        "It fits all functions",
        Below(worst[-1], 0.5, "largest error {found:g}, with " + f"{sizes[-1]:,} units as with {sizes[0]}"),
        "a hundred jumps and no more",
        correction="Almost everywhere, for measurable functions; not everywhere, and not for every function.",
    )
