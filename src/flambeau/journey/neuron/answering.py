"""Chapter 1: f, how a unit answers, and what its slope is good for."""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Telling, section, worded
from flambeau.journey.comparisons import All, Below, Equal
from flambeau.pictures import panels
from flambeau.pictures.figures import BLUE, VERMILLION

VECTOR = ("logistic", "softmax", "softmin", "hardmax")  # a second name of the sigmoid; those that look at all units
UNITS = {name: f for name, f in fb.neurons.ACTIVATIONS.items() if name not in VECTOR}
KINKS = (-3.0, 0.0, 1.0, 3.0)  # where one of them has a corner or a jump, so that no slope exists
DASHED = (0, (4, 1.5))
STARTS = 1000
Curves = dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]]


@jax.jit
def _curves(s: jax.Array) -> dict[str, tuple[jax.Array, jax.Array, jax.Array]]:
    """Answers, slopes, and slopes by automatic differentiation."""
    return {name: (f(s), f.slope(s, f(s)), jax.vmap(jax.grad(f))(s)) for name, f in UNITS.items()}


def learning_signal(f: fb.neurons.AbstractActivation, seed: int) -> np.ndarray:
    """∂e/∂w of one unit with that activation on AND, at 1,000 random weights and thresholds."""
    X, d = (jnp.asarray(part, jnp.float32) for part in fb.problems.logic_gate("and"))

    def error(w: jax.Array) -> jax.Array:
        return jnp.mean((d - f(X @ w[:2] - w[2])) ** 2) / 2

    starts = np.random.default_rng(seed).normal(size=(STARTS, 3)).astype(np.float32)
    return np.asarray(jax.jit(jax.vmap(jax.grad(error)))(starts))


@section("Ways to answer, and their slopes")
def answers_and_slopes(page: Telling) -> None:
    """All activations with their slopes, the slopes against automatic differentiation."""
    s = np.linspace(-4, 4, page.setting.pick(401, 4001, 40001), dtype=np.float32)
    away = np.min(np.abs(s[:, None] - np.asarray(KINKS)), axis=1) > 1e-3
    said = _curves(jnp.asarray(s))
    found: Curves = {name: (np.asarray(said[name][0]), np.asarray(said[name][1]), np.asarray(said[name][2]))
                     for name in UNITS}  # fmt: skip
    steeper = page.either("slopes a tenth too steep", 1.0, 1.1)
    worst = max(float(np.abs(steeper * slope - grad)[away].max()) for _, slope, grad in found.values())
    y, slope, grad = found["sigmoid"]
    formula = page.either("y² for y (1 − y)", y * (1 - y), y * y)
    unit = page.either("a sigmoid for the step", fb.neurons.Step(), fb.neurons.Sigmoid())
    told = int((learning_signal(unit, page.setting.seed) != 0).any(axis=1).sum())
    page.say(
        "The activation decides what a unit can say, and its slope decides what it can learn: a gradient rule sends "
        "an error through $f$ by multiplying it with $f′$. Where the slope is 0, nothing comes through."
    )
    page.figure(
        "Activations (blue) and their slopes (dashed)",
        "All drawn to the same scale, the net input $s$ across. The step and the sign have slope 0 wherever they have "
        "one, and so a gradient rule refuses them.",
        lambda axes: draw_all(axes, s, found),
        "Small plots of thirteen activation functions.",
        grid=(3, 5),
        height=4.9,
        options={"sharex": True, "sharey": True},
    )
    page.table(
        "What a gradient rule does with each",
        ("activation", "range", "steepest", "gradient rule"),
        [(name, interval(f), worded(f.steepest, ".3g"), f.gradient) for name, f in UNITS.items()],
    )
    page.say(
        "*Steepest* is the least number that no slope exceeds; softplus comes as near to it as one likes, further "
        "out than these plots reach."
    )
    page.beyond(
        "The slopes are the derivatives",
        Below(worst, 1e-5, f"{len(UNITS)} activations against automatic differentiation, off corners: {{found:tiny}}"),
        "slopes a tenth too steep",
    )
    page.claim(
        "The sigmoid's properties suit back-propagation: its slope is y (1 − y), at most ¼",
        All(
            Below(float(np.abs(grad - formula).max()), 1e-6, "difference {found:tiny}"),
            Equal(round(float(slope.max()), 6), 0.25, "largest {found}"),
        ),
        "y² for y (1 − y)",
    )
    page.beyond(
        "A 0-1 unit cannot learn by gradients",
        Equal(told, 0, f"at {{found}} of {STARTS:,} random weights the gradient on AND is not 0"),
        "a sigmoid for the step",
    )


def draw_all(axes: list[Axes], s: np.ndarray, found: Curves) -> None:
    """One small panel for each."""
    for panel, (name, (y, slope, _)) in zip(axes, found.items(), strict=False):
        panel.plot(s, slope, color=VERMILLION, linewidth=1.2, linestyle=DASHED)
        panel.plot(s, y, color=BLUE)
        panel.set(title=name, ylim=(-1.9, 2.6), xlim=(-4, 4), xticks=[-3, 0, 3], yticks=[-1, 0, 1, 2])
    for panel in axes[len(found) :]:
        panels.bare(panel)
    axes[-2].plot([], [], color=BLUE, label="answer $f(s)$")
    axes[-2].plot([], [], color=VERMILLION, linewidth=1.2, linestyle=DASHED, label="slope $f\\,'(s)$")
    axes[-2].legend(loc="center left", fontsize=9.5)


def interval(f: fb.neurons.AbstractActivation) -> str:
    """The range, with ∞ where it is unbounded."""
    low, high = ("∞" if np.isinf(bound) else f"{abs(bound):.3g}" for bound in (f.low, f.high))
    return f"{'−' if f.low < 0 else ''}{low}\u00a0…\u00a0{high}"


@section("ReLU is a special case")
def special_case(page: Telling) -> None:
    """ReLU is the saturating function whose upper corner has moved to infinity."""
    s = jnp.asarray(np.linspace(-50, 50, page.setting.pick(1001, 100_001, 1_000_001)), jnp.float32)
    saturating = np.asarray(fb.neurons.Saturating(0.0, page.either("the upper corner stays at 6", np.inf, 6.0))(s))
    page.say(
        "The saturating function is linear between two corners and flat outside. Move the upper corner to infinity, "
        "put the lower one at 0, and what remains is the rectified linear unit. Flambeau writes it so."
    )
    page.equation("sat(s; a, b) = min(max(s, a), b),   ReLU(s) = sat(s; 0, ∞)", "one function, two settings")
    page.claim(
        "ReLU is a special case of the saturating function",
        Equal(int(np.sum(saturating != np.maximum(s, 0))), 0, f"{{found}} differences at {len(s):,} points"),
        "the upper corner stays at 6",
    )
