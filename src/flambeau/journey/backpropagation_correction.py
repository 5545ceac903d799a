"""Chapter 3, continued: is the squared error convex? In the answers, not in the weights."""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Claim, Equation, Figure, Section, Setting, Told
from flambeau.pictures.figures import BLUE, GREY, INK, VERMILLION, picture


def is_it_convex(setting: Setting) -> Told:
    """e is a bowl as a function of the answer y, and not as a function of the weight w."""
    w = jnp.linspace(-4.0, 8.0, 1201)  # one sigmoid unit, x = 1, d = 0: e = ½ σ(w)²
    y = jnp.linspace(0.0, 1.0, 101)

    @jax.jit
    def curvature(w: jax.Array) -> jax.Array:
        return jax.vmap(jax.grad(jax.grad(lambda w: 0.5 * fb.neurons.Sigmoid()(w) ** 2)))(w)

    bend, error = np.asarray(curvature(w)), np.asarray(0.5 * fb.neurons.Sigmoid()(w) ** 2)
    turn = float(w[np.argmax(bend < 0)])
    chord = np.interp(3.0, [0.0, 6.0], np.interp([0.0, 6.0], w, error))

    def draw(axes: list[Axes]) -> None:
        axes[0].plot(y, 0.5 * np.asarray(y) ** 2, color=BLUE)
        axes[0].set(xlabel="answer $y$", ylabel="error $e$", title="in the answer: convex")
        axes[1].plot(w, error, color=BLUE)
        axes[1].plot([0, 6], np.interp([0, 6], w, error), color=VERMILLION, linewidth=1.2, marker="o", markersize=4)
        axes[1].axvline(np.log(2), color=GREY, linestyle=":", linewidth=1.2)
        axes[1].text(np.log(2) + 0.15, 0.02, "$w = \\ln 2$", color=INK)
        axes[1].set(xlabel="weight $w$", title="in the weight: not convex")

    convex = bool((bend >= 0).all())
    return Section("Is the error convex?", (
        "The lecture says of the squared error: 它很有可能是凸函数 (it may well be a convex function). In the "
        "answer $y$ it is. In the weights of a network it is not, and one unit is enough to see it: $x = 1$, $d = 0$.",
        Equation("e(w) = ½ σ(w)^2,   e″(w) < 0 for w > ln 2", "beyond ln 2 ≈ 0.693 the curve bends the other way"),
        Figure("The same error, seen from the answer and from the weight", "A convex curve lies below its chords. On "
               f"the right it does not: at w = 3 the curve is at {float(error[700]):.2f}, the chord at {chord:.2f}.",
               picture(draw, 1, 2, 2.6), "Left a parabola, right an S-shaped curve above its chord."),
        "So gradient descent finds a valley, not always the deepest; the lecture returns to this when it counts the "
        "troubles of deep networks: 有更多的局部极小值 (there are more local minima).",
    )), (Claim("e is convex in the answers y", "second derivative above 0 everywhere", "1 everywhere",
               bool((jnp.diff(0.5 * y**2, 2) > 0).all())),
         Claim("e is convex in the weights w", "second derivative never below 0",
               f"below 0 from w = {turn:.2f} on (ln 2 = 0.69)", convex,
               "The lecture says 'may well be'. Seen through a sigmoid it is not: convex in y, not in w."))  # fmt: skip
