"""Chapter 4, depth and width: what one and two hidden layers express, and what a unit is worth in either place."""

import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Claim, Figure, Plan, Quote, Section, Setting, Told
from flambeau.journey.depth_and_width_price import exact_savings, trained_savings
from flambeau.journey.depth_and_width_training import answers, parameter_count, trained_widths
from flambeau.pictures import panels
from flambeau.pictures.figures import BLUE, GREY, INK, VERMILLION, picture

Layer, Dense = fb.structures.Layer, fb.structures.Dense


def target(u: np.ndarray) -> np.ndarray:
    """A continuous function on [-1, 1] with a corner at 0, so that it is not too easy."""
    return 0.5 * np.sin(2 * np.pi * u) + 0.5 * np.abs(u)


def joined_lines(units: int, room: int = 64) -> fb.networks.FeedForward:
    """One hidden layer of ReLUs built by hand: it joins the target's values at equally spaced points by lines."""
    knots = np.linspace(-1, 1, units + 1)
    heights = target(knots)
    turns, corners = np.zeros((room, 1)), np.zeros(room)  # units beyond those asked for have no say
    turns[:units, 0] = np.diff(np.diff(heights) / np.diff(knots), prepend=0)  # how much the slope changes at each knot
    corners[:units] = -knots[:-1]
    hidden = Layer(Dense(jnp.ones((1, room))), jnp.asarray(corners), fb.neurons.ReLU())
    top = Layer(Dense(jnp.asarray(turns)), jnp.asarray(heights[:1]), fb.neurons.Identity())
    return fb.networks.FeedForward((hidden, top))


def one_hidden_layer(setting: Setting) -> Told:
    """The largest error over the interval against the number of hidden units, built by hand and trained."""
    u = np.linspace(-1, 1, 256)
    wanted, widths = target(u), setting.pick((4, 16), (2, 4, 8, 16, 32), (2, 4, 8, 16, 32, 52))
    steps, seeds = setting.pick(300, 3000, 10_000), setting.seeds(1, 3, 10)
    x = 3 * u[:, None]  # inputs of about unit size are learned fastest
    built = [float(np.abs(answers(joined_lines(n), u[:, None]) - wanted).max()) for n in widths]
    curves = {n: [answers(trained_widths((1, n, 1), x, wanted, steps, seed), x) for seed in seeds] for n in widths}
    errors = {n: [float(np.abs(curve - wanted).max()) for curve in found] for n, found in curves.items()}
    best = [min(found) for found in errors.values()]

    def draw(axes: list[Axes]) -> None:
        axes[0].plot(u, wanted, color=GREY, linewidth=4, alpha=0.45, label="the function")
        for n, color in ((4, VERMILLION), (16, BLUE)):
            axes[0].plot(u, curves[n][int(np.argmin(errors[n]))], color=color, linewidth=1.4, label=f"{n} units")
        axes[0].set(xlabel="$x$", ylabel="answer")
        axes[0].legend(loc="lower center", ncols=3, bbox_to_anchor=(0.5, 1.0), handlelength=1.4, columnspacing=1)
        axes[1].plot(widths, built, color=INK, marker="o", markersize=4, label="built by hand (lines)")
        axes[1].plot(widths, best, color=BLUE, marker="o", markersize=4, label=f"trained, best of {len(seeds)}")
        axes[1].set(xscale="log", yscale="log", xlabel="hidden units", ylabel="largest error")
        panels.counts(axes[1].xaxis, widths)
        panels.counts(axes[1].yaxis, (0.01, 0.03, 0.1, 0.3, 1))
        axes[1].legend(loc="upper right")

    return Section("One hidden layer: every continuous function", (
        "Counting the inputs as a layer, the lecture's three layers are one hidden layer. *Express* means: on a closed "
        "and bounded set, come as near as you like everywhere, given enough units; not equal, and not outside it.",
        "One way to see it is to build it. A layer of $n$ ReLUs can join $n + 1$ points of any curve by straight "
        "lines, so its error goes to 0 as $n$ grows: halve the distance between the points, quarter the error.",
        Figure("The error of one hidden layer", "Right, built by hand, every doubling divides the error by nearly "
               "four once the points lie close. Trained by Adam it falls too, until training sets the limit.",
               picture(draw, 1, 2, 2.9), "Left a curve and two fits, right two falling error curves."),
    )), (Claim("One hidden layer approximates a continuous function", "the error built by hand falls towards 0",
               f"{built[0]:.2f} with {widths[0]} units, {built[-1]:.4f} with {widths[-1]}", built[-1] < built[0] / 10),
         Claim("Training finds networks that approximate it", f"{widths[-1]} units err 5 times less than {widths[0]}",
               f"{best[0]:.3f} with {widths[0]} units, {best[-1]:.3f} with {widths[-1]}", best[-1] < best[0] / 5,
               "It stops falling beyond a few units: what can be expressed need not be found."))  # fmt: skip


def two_blocks(points: np.ndarray) -> np.ndarray:
    """1 inside either of two rectangles, 0 outside: a function with jumps."""
    return ((np.abs(np.abs(points[:, 0]) - 0.5) < 0.3) & (np.abs(points[:, 1]) < 0.7)).astype(float)


def by_thresholds() -> fb.networks.FeedForward:
    """Two hidden layers of steps: eight half planes, two ANDs, one OR."""
    sides = [(1, 0, 0.8), (-1, 0, -0.2), (1, 0, -0.2), (-1, 0, 0.8)]  # a x + b y + c > 0: left block, then right
    half = jnp.asarray([*sides, (0, 1, 0.7), (0, -1, 0.7)])
    blocks = jnp.asarray([[1, 0], [1, 0], [0, 1], [0, 1], [1, 1], [1, 1.0]])
    f = fb.neurons.Step()
    layers = (Layer(Dense(half[:, :2].T), half[:, 2], f), Layer(Dense(blocks), jnp.full(2, -3.5), f),
              Layer(Dense(jnp.ones((2, 1))), jnp.asarray([-0.5]), f))  # fmt: skip
    return fb.networks.FeedForward(layers)


def two_hidden_layers(setting: Setting) -> Told:
    """An indicator function: exactly by thresholds, and trained with the same number of parameters."""
    axis = np.linspace(-1, 1, 32)
    plane = np.stack([part.ravel() for part in np.meshgrid(axis, axis)], axis=1)
    fine = np.asarray(fb.monitors.DecisionSurface.over([[-1, -1], [1, 1]], side=100, margin=0.0).points)
    wanted, steps, seeds = two_blocks(plane), setting.pick(100, 1500, 5000), setting.seeds(1, 3, 10)
    exact = int(np.sum(answers(by_thresholds(), fine) != two_blocks(fine)))
    shapes = {"one hidden layer": (2, 51, 1), "two hidden layers": (2, 12, 12, 1)}
    found = {name: [answers(trained_widths(shape, 2 * plane, wanted, steps, seed, 0.1, "sigmoid"), 2 * plane)
                    for seed in seeds] for name, shape in shapes.items()}  # fmt: skip
    off = {name: float(np.sqrt(np.mean((np.stack(each) - wanted) ** 2))) for name, each in found.items()}
    one, two = off.values()

    def draw(axes: list[Axes]) -> None:
        panels.surface(axes[0], plane, wanted)
        axes[0].set(title="the function")
        for panel, (name, each) in zip(axes[1:], found.items(), strict=True):
            panels.surface(panel, plane, each[0] - wanted, -0.1, 0.1, line=False)
            panel.set(title=f"{name}\nerror {off[name]:.3f}")
        for panel in axes:
            panel.set_aspect("equal")

    return Section("Two hidden layers: functions that jump", (
        "A function that jumps cannot be followed closely everywhere by a continuous one. With a second hidden layer "
        "it is easy: six units draw half planes, two units ask for four of them at once (AND), the output takes "
        "either (OR). Nothing is left over.",
        Figure(f"Two rectangles, learned with {parameter_count(shapes['one hidden layer'])} parameters each way",
               f"Left, orange is 1. Right, where the first of {len(seeds)} starts answers too much (orange) or "
               "too little (blue), up to 0.1, and above it the root mean squared error of all starts.",
               picture(draw, 1, 3, 2.75), "Two rectangles, and two maps of errors at their edges, the second paler."),
    )), (Claim("Two hidden layers express functions that jump", f"exact at {len(fine):,} points with 9 step units",
               f"{exact} wrong", exact == 0),
         Claim("Two hidden layers learn such a function better than one, at equal parameters", "a smaller error",
               f"{one:.3f} with one layer, {two:.3f} with two", two < one))  # fmt: skip


PLAN = Plan(
    "depth_and_width",
    "Depth and width",
    Quote("3 层的网络可以表达所有连续函数，而 4 层网络可以拟合所有函数（包括离散）。"
          "我们增加复杂度的时候一般是增加深度，这是因为深度增加带来的复杂度开销小于增加宽度。",
          "A network of 3 layers can express every continuous function, and one of 4 layers can fit every function, "
          "discrete ones included. To add complexity one usually adds depth, because it costs less than width."),
    (one_hidden_layer, two_hidden_layers, trained_savings, exact_savings),
)  # fmt: skip
