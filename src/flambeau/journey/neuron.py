"""Chapter 1, one neuron: y = f(g(x)), how it gathers (g) and how it answers (f)."""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import (
    Claim,
    Equation,
    Figure,
    Plan,
    Quote,
    Section,
    Setting,
    Table,
    Told,
    tiny,
    worded,
)
from flambeau.pictures import panels
from flambeau.pictures.figures import BLUE, VERMILLION, picture

VECTOR = ("logistic", "softmax", "softmin", "hardmax")  # a second name of the sigmoid; those that look at all units
UNITS = {name: f for name, f in fb.neurons.ACTIVATIONS.items() if name not in VECTOR}
KINKS = (-3.0, 0.0, 1.0, 3.0)  # where one of them has a corner or a jump, so that no slope exists


def one_unit(setting: Setting) -> Told:
    """A unit is a weighted sum, a threshold and a decision: enough for AND."""
    X, d = fb.problems.logic_gate("and")
    wiring = fb.structures.Dense(jnp.asarray([[1.0], [1.0]]))
    unit = fb.structures.Layer(wiring, jnp.asarray([-1.5]), fb.neurons.Step())  # bias = -θ, so θ = 1.5
    net, y = unit.net(jnp.asarray(X))[:, 0], unit(jnp.asarray(X))[:, 0]
    table = zip(X, net, y, strict=True)
    rows = tuple((f"{a:.0f}, {b:.0f}", worded(s, "+.1f"), worded(answer)) for (a, b), s, answer in table)
    right = int(np.sum(np.asarray(y) == d))
    return Section("A unit is two functions", (
        "A neuron is simulated in two steps. A *combination* $g$ gathers the inputs into one number, and an "
        "*activation* $f$ turns that number into an answer.",
        Equation("y = f(g(x)),   g(x) = Σ_i w_i x_i - θ", "gather, compare with the threshold, answer"),
        "Two inputs of weight 1, a threshold of 1.5 and a step for $f$: the unit speaks only when both inputs do. "
        "One neuron already computes the logical AND.",
        Table("A step unit with weights 1, 1 and threshold 1.5", ("x₁, x₂", "g(x)", "y"), rows),
    )), (Claim("A neuron is y = f(g(x)); one step unit computes AND", "4 of 4 rows", f"{right} of 4 rows",
               right == 4),)  # fmt: skip


def two_combinations(setting: Setting) -> Told:
    """A weighted sum cuts the plane in two; a distance encloses one place."""
    plane = fb.monitors.DecisionSurface.over([[-2.0, -2.0], [2.0, 2.0]], side=80, margin=0.0).points
    unit = fb.structures.Dense(jnp.asarray([[0.8], [0.6]]))
    summing = fb.structures.Layer(unit, jnp.asarray([-0.4]), fb.neurons.Identity())
    radial = fb.structures.Layer(unit, jnp.asarray([-0.9]), fb.neurons.Identity(), fb.neurons.RadialDistance())
    turn = np.linspace(0, 2 * np.pi, 360, endpoint=False)
    far = jnp.asarray(1000 * np.stack([np.cos(turn), np.sin(turn)], axis=1), jnp.float32)
    half, none = float(jnp.mean(summing(far) > 0)), float(jnp.mean(radial(far) < 0))

    def draw(axes: list[Axes]) -> None:
        for panel, layer, title in zip(axes, (summing, radial), ("weighted sum", "radial distance"), strict=True):
            panels.surface(panel, plane, layer(plane), -2.0, 2.0)
            panel.set(title=title, aspect="equal", xlabel="$x_1$", ylabel="$x_2$")
        axes[1].plot(0.8, 0.6, marker="+", color=BLUE, markersize=9)

    return Section("Two ways to gather", (
        "The same weights can be read in two ways: as directions to be summed, or as a *prototype* $w$ whose distance "
        "to the input is measured. LeNet-5 ends in units of the second kind, and the smallest distance wins.",
        Equation("g(x) = Σ_i w_i x_i - θ   or   g(x) = |x - w| - θ", "a half plane, or a disc"),
        Figure("Net input of two units with the same weights, (0.8, 0.6)", "Orange lies above the threshold, blue "
               "below, and the line is where the unit is undecided. The cross marks the radial unit's prototype.",
               picture(draw, 1, 2, 3.2), "Left, a straight line cuts the plane; right, a circle is cut out of it."),
    )), (Claim("A radial unit answers to one place, a weighted sum to half of the world",
               "50% and 0% of all far directions", f"{half:.0%} and {none:.0%} of 360",
               abs(half - 0.5) < 0.01 and none == 0),)  # fmt: skip


def answers_and_slopes(setting: Setting) -> Told:
    """All activations with their slopes, the slopes against automatic differentiation."""
    s = np.linspace(-4, 4, setting.pick(401, 4001, 40001), dtype=np.float32)
    away = np.min(np.abs(s[:, None] - np.asarray(KINKS)), axis=1) > 1e-3

    @jax.jit
    def curves(s: jax.Array) -> dict[str, tuple[jax.Array, jax.Array, jax.Array]]:
        return {name: (f(s), f.slope(s, f(s)), jax.vmap(jax.grad(f))(s)) for name, f in UNITS.items()}

    found = {name: tuple(np.asarray(part) for part in parts) for name, parts in curves(jnp.asarray(s)).items()}
    found = {name: found[name] for name in UNITS}  # in their own order; jit sorts by name
    worst = max(float(np.abs(slope - grad)[away].max()) for _, slope, grad in found.values())

    def draw(axes: list[Axes]) -> None:
        for panel, (name, (y, slope, _)) in zip(axes, found.items(), strict=False):
            panel.plot(s, slope, color=VERMILLION, linewidth=1.2, linestyle=(0, (4, 1.5)))
            panel.plot(s, y, color=BLUE)
            panel.set(title=name, ylim=(-1.9, 2.6), xlim=(-4, 4), xticks=[-3, 0, 3], yticks=[-1, 0, 1, 2])
        for panel in axes[len(found) :]:
            panels.bare(panel)
        axes[-2].plot([], [], color=BLUE, label="answer $f(s)$")
        axes[-2].plot([], [], color=VERMILLION, linewidth=1.2, linestyle=(0, (4, 1.5)), label="slope $f\\,'(s)$")
        axes[-2].legend(loc="center left", fontsize=9.5)

    facts = tuple((name, interval(f), f"{found[name][1].max():.3g}", f.gradient) for name, f in UNITS.items())
    return Section("Ways to answer, and their slopes", (
        "The activation decides what a unit can say, and its slope decides what it can learn: a gradient rule sends "
        "an error through $f$ by multiplying it with $f′$. Where the slope is 0, nothing comes through.",
        Figure("Activations (blue) and their slopes (dashed)", "All drawn to the same scale. The step and the sign "
               "have slope 0 wherever they have one, and so a gradient rule refuses them.",
               picture(draw, 3, 5, 4.9, sharex=True, sharey=True), "Small plots of thirteen activation functions."),
        Table("What a gradient rule does with each", ("activation", "range", "largest slope", "gradient rule"), facts),
    )), (Claim("The slopes are the derivatives", "equal to jax.grad away from corners, to 10⁻⁵",
               f"largest difference {tiny(worst)} over {len(UNITS)} activations", worst < 1e-5),
         sigmoid_claim(s, *found["sigmoid"]), refusal_claim())  # fmt: skip


def interval(f: fb.neurons.AbstractActivation) -> str:
    """The range, with ∞ where it is unbounded."""
    low, high = ("∞" if np.isinf(bound) else f"{abs(bound):.3g}" for bound in (f.low, f.high))
    return f"{'−' if f.low < 0 else ''}{low}\u00a0…\u00a0{high}"


def sigmoid_claim(s: np.ndarray, y: np.ndarray, slope: np.ndarray, grad: np.ndarray) -> Claim:
    """The lecture builds back-propagation on this: the slope is y (1 - y), so it costs nothing to find."""
    error, top = float(np.abs(grad - y * (1 - y)).max()), float(slope.max())
    holds = error < 1e-6 and top <= 0.25 and float(np.abs(s[np.argmax(slope)])) < 0.02
    return Claim("The sigmoid's slope is y (1 − y), at most ¼", "difference below 10⁻⁶, largest 0.25 at 0",
                 f"difference {tiny(error)}, largest {top:.4f}", holds)  # fmt: skip


def refusal_claim() -> Claim:
    """Back-propagation through a bare step would learn nothing, so it is refused before training starts."""
    network = fb.networks.mlp((2, 2, 1), "step", "sigmoid", key=jax.random.key(0))
    try:
        fb.rules.Backpropagation().init(network, None)
        measured = "accepted"
    except fb.errors.ConfigurationError:
        measured = "refused, with the remedy named"
    return Claim("A 0-1 unit cannot learn by gradients", "refused", measured, measured != "accepted")


def special_case(setting: Setting) -> Told:
    """ReLU is the saturating function whose upper corner has moved to infinity."""
    s = jnp.asarray(np.linspace(-50, 50, setting.pick(1001, 100_001, 1_000_001)), jnp.float32)
    saturating = fb.neurons.Saturating(low=0.0, high=jnp.inf)(s)
    different = int(jnp.sum(saturating != jnp.maximum(s, 0)) + jnp.sum(saturating != jax.nn.relu(s)))
    return Section("ReLU is a special case", (
        "The saturating function is linear between two corners and flat outside. Move the upper corner to infinity, "
        "put the lower one at 0, and what remains is the rectified linear unit. Flambeau writes it so.",
        Equation("sat(s; a, b) = min(max(s, a), b),   ReLU(s) = sat(s; 0, ∞)", "one function, two settings"),
    )), (Claim("ReLU is a special case of the saturating function", f"equal at all {len(s):,} points",
               f"{different} differences", different == 0),)  # fmt: skip


PLAN = Plan(
    "neuron",
    "One neuron",
    Quote("对于每个神经元，我们设 y 为其输出，向量 x 为其输入：y = f(g(x))。"
          "现在很火的 ReLu 函数是 Saturating 函数的一个特例。",
          "For every neuron, let y be its output and the vector x its input: y = f(g(x)). The ReLU function, now so "
          "popular, is a special case of the saturating function."),
    (one_unit, two_combinations, answers_and_slopes, special_case),
)  # fmt: skip
