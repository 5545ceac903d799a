"""Chapter 1: g, how a unit gathers."""

import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Telling, section, worded
from flambeau.journey.comparisons import All, Equal, Near
from flambeau.pictures import panels
from flambeau.pictures.figures import BLUE


@section("A unit is two functions")
def one_neuron(page: Telling) -> None:
    """A unit is a weighted sum, a threshold and a decision: enough for AND."""
    X, d = fb.problems.logic_gate("and")
    threshold = page.either("the threshold is 0.5", 1.5, 0.5)
    wiring = fb.structures.Dense(jnp.asarray([[1.0], [1.0]]))
    unit = fb.structures.Layer(wiring, jnp.asarray([-threshold]), fb.neurons.Step())  # the bias is -θ
    net, y = np.asarray(unit.net(jnp.asarray(X)))[:, 0], np.asarray(unit(jnp.asarray(X)))[:, 0]
    page.say(
        "A neuron is simulated in two steps. A *combination* $g$ gathers the inputs into one number, and an "
        "*activation* $f$ turns that number into an answer."
    )
    page.equation("y = f(g(x)),   g(x) = Σ_i w_i x_i - θ", "gather, compare with the threshold, answer")
    page.say(
        "The lecture writes $θ_i$. The index is that of the *unit*, not of the input under the sum: a unit has one "
        "threshold (with one for each input, only their sum would count)."
    )
    page.say(
        "Two inputs of weight 1, a threshold of 1.5 and a step for $f$: the unit speaks only when both inputs do. "
        "One neuron already computes the logical AND."
    )
    page.table(
        "A step unit with weights 1, 1 and threshold 1.5",
        ("x₁, x₂", "g(x)", "y"),
        [(f"{a:.0f}, {b:.0f}", worded(s, "+.1f"), worded(answer)) for (a, b), s, answer in zip(X, net, y, strict=True)],
    )
    page.claim(
        "A neuron is y = f(g(x)); one step unit computes AND",
        Equal(int(np.sum(y == d)), 4, "{found} of 4 rows"),
        "the threshold is 0.5",
    )


@section("Two ways to gather")
def two_combinations(page: Telling) -> None:
    """A weighted sum cuts the plane in two; a distance encloses one place."""
    plane = fb.monitors.DecisionSurface.over([[-2.0, -2.0], [2.0, 2.0]], side=80, margin=0.0).points
    unit, reach = fb.structures.Dense(jnp.asarray([[0.8], [0.6]])), 0.9
    summing = fb.structures.Layer(unit, jnp.asarray([-0.4]), fb.neurons.Identity())
    distance = fb.structures.Layer(unit, jnp.asarray([0.0]), fb.neurons.Identity(), fb.neurons.RadialDistance())
    sign = page.either("the radial unit speaks far away", 1.0, -1.0)
    turn = np.linspace(0, 2 * np.pi, 360, endpoint=False)
    far = jnp.asarray(1000 * np.stack([np.cos(turn), np.sin(turn)], axis=1), jnp.float32)
    half = float(np.mean(np.asarray(summing(far)) > 0))
    none = float(np.mean(sign * (reach - np.asarray(distance(far))) > 0))

    def draw(axes: list[Axes]) -> None:
        answers = np.asarray(summing(plane)), reach - np.asarray(distance(plane))
        for panel, net, title in zip(axes, answers, ("weighted sum", "radial distance"), strict=True):
            panels.surface(panel, plane, net, -2.0, 2.0)
            panel.set(title=title, aspect="equal", xlabel="$x_1$", ylabel="$x_2$", xticks=[-2, 0, 2], yticks=[-2, 0, 2])
        axes[1].plot(0.8, 0.6, marker="+", color=BLUE, markersize=9)

    page.say(
        "The same weights can be read in two ways: as directions to be summed, or as a *prototype* $w$ whose distance "
        "to the input is measured. With a step for $f$ the first unit speaks in half of the plane, the second near one "
        "place. (LeNet-5 ends in units of the second kind; its distance is squared, and the smallest one wins.)"
    )
    page.equation("g(x) = Σ_i w_i x_i - θ   or   g(x) = θ - |x - w|", "a half plane, or a disc")
    page.figure(
        "Net input of two units with the same weights, (0.8, 0.6)",
        "Orange lies above the threshold, blue below, from −2 to 2; on the line the unit is undecided. The cross marks "
        "the radial unit's prototype.",
        draw,
        "Left, a straight line cuts the plane; right, a circle is cut out of it.",
        grid=(1, 2),
        height=3.2,
    )
    page.beyond(
        "A radial unit answers to one place, a weighted sum to half of the world",
        All(
            Near(half, 0.5, 0.01, "{found:.0%} of 360 far directions by the sum"),
            Equal(none, 0.0, "{found:.0%} by the distance"),
        ),
        "the radial unit speaks far away",
    )
