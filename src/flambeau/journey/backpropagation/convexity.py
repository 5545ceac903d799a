"""Chapter 3: is the squared error convex? In the answers, not in the weights."""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Telling, section
from flambeau.journey.comparisons import Above
from flambeau.pictures.figures import BLUE, GREY, INK, VERMILLION


@section("Is the error convex?")
def is_it_convex(page: Telling) -> None:
    """e is a bowl as a function of the answer y, and not as a function of the weight w."""
    w = jnp.linspace(-4.0, 8.0, 1201)  # one unit, x = 1, d = 0: e = ½ f(w)²
    f = page.either("a linear unit", fb.neurons.Sigmoid(), fb.neurons.Identity())
    bend = np.asarray(jax.jit(jax.vmap(jax.grad(jax.grad(lambda w: 0.5 * f(w) ** 2))))(w))
    error = np.asarray(0.5 * fb.neurons.Sigmoid()(w) ** 2)
    chord = np.interp(3.0, [0.0, 6.0], np.interp([0.0, 6.0], w, error))

    def draw(axes: list[Axes]) -> None:
        y = np.linspace(0.0, 1.0, 101)
        axes[0].plot(y, 0.5 * y**2, color=BLUE)
        axes[0].set(xlabel="answer $y$", ylabel="error $e$", title="in the answer: convex")
        axes[1].plot(w, error, color=BLUE)
        axes[1].plot([0, 6], np.interp([0, 6], w, error), color=VERMILLION, linewidth=1.2, marker="o", markersize=4)
        axes[1].axvline(np.log(2), color=GREY, linestyle=":", linewidth=1.2)
        axes[1].text(np.log(2) + 0.15, 0.02, "$w = \\ln 2$", color=INK)
        axes[1].set(xlabel="weight $w$", title="in the weight: not convex")

    page.say(
        "The lecture says of the squared error: 它很有可能是凸函数 (it may well be a convex function). In the answer "
        "$y$ it is, a parabola, whose second derivative is 1. In the weights of a network it is not, and one unit is "
        "enough to see it: $x = 1$, $d = 0$."
    )
    page.equation("e(w) = ½ σ(w)^2,   e″(w) < 0 for w > ln 2", "beyond ln 2 ≈ 0.693 the curve bends the other way")
    page.figure(
        "The same error, seen from the answer and from the weight",
        "A convex curve lies below its chords. On the right it does not: at w = 3 the curve is at {curve:.2f}, the "
        "chord at {chord:.2f}.",
        draw,
        "Left a parabola, right an S-shaped curve above its chord.",
        grid=(1, 2),
        height=2.6,
        curve=float(error[700]),
        chord=float(chord),
    )
    page.say(
        "So gradient descent finds a valley, not always the deepest; the lecture returns to this when it counts the "
        "troubles of deep networks: 有更多的局部极小值 (there are more local minima)."
    )
    page.claim(
        "The squared error may well be a convex function",
        Above(float(bend.min()), 0.0, "least second derivative in w {found:.3f}"),
        "a linear unit",
        correction="In the answer y it is convex; seen through a sigmoid it is not: e″ < 0 for every w beyond ln 2.",
    )
