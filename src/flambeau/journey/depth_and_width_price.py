"""Chapter 4, continued: what the same error costs by deepening and by widening, trained and exactly."""

import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Claim, Equation, Figure, Section, Setting, Table, Told
from flambeau.journey.depth_and_width_training import answers, parameter_count, trained_widths
from flambeau.pictures import panels
from flambeau.pictures.figures import INK, SERIES, picture

Layer, Dense = fb.structures.Layer, fb.structures.Dense
FAMILIES: dict[str, tuple[tuple[int, ...], ...]] = {  # about the same numbers of parameters in each
    "one hidden layer": ((2, 13, 1), (2, 26, 1), (2, 52, 1)),
    "two hidden layers": ((2, 5, 5, 1), (2, 8, 8, 1), (2, 12, 12, 1)),
    "three hidden layers": ((2, 4, 4, 4, 1), (2, 6, 6, 6, 1), (2, 9, 9, 9, 1)),
}
Curve = dict[str, list[float]]


def ripple(points: np.ndarray) -> np.ndarray:
    """Rings round the centre: a function of a function of the inputs."""
    return 0.5 * np.cos(3 * np.pi * np.hypot(*points.T))


def _product(points: np.ndarray) -> np.ndarray:
    """x1 x2: smooth, and nothing inside anything."""
    return points[:, 0] * points[:, 1]


def curve(function: np.ndarray, plane: np.ndarray, steps: int, seeds: range, kept: slice) -> Curve:
    """For every family, the median error of the starts at each size, with the better of two learning rates."""

    def off(sizes: tuple[int, ...], rate: float) -> float:
        found = [answers(trained_widths(sizes, 2 * plane, function, steps, seed, rate), 2 * plane) for seed in seeds]
        return float(np.median([np.sqrt(np.mean((answer - function) ** 2)) for answer in found]))

    return {name: [min(off(sizes, rate) for rate in (0.03, 0.1)) for sizes in family[kept]]
            for name, family in FAMILIES.items()}  # fmt: skip


def _verdict(function: str, errors: Curve) -> Claim:
    """With four times the parameters of the smallest network: is the deepest one's error half of the widest one's?"""
    wide, *deeper = (values[-1] for values in errors.values())
    holds = min(deeper) <= wide / 2
    return Claim(f"Depth costs less than width: {function}", "deeper, half the error or less at about 210 parameters",
                 f"{wide:.2g} by one layer, {min(deeper):.2g} deeper", holds,
                 "" if holds else "No law: where nothing is composed, one layer does nearly as well.")  # fmt: skip


def trained_savings(setting: Setting) -> Told:
    """Error against parameters for one, two and three hidden layers, on a composed and on a plain function."""
    axis = np.linspace(-1, 1, 16)
    plane = np.stack([part.ravel() for part in np.meshgrid(axis, axis)], axis=1)
    steps, seeds, kept = setting.pick(50, 1500, 4000), setting.seeds(1, 3, 10), slice(setting.pick(1, 3, 3))
    functions = {"ripple": ripple, "product": _product}
    errors = {name: curve(f(plane), plane, steps, seeds, kept) for name, f in functions.items()}

    def draw(axes: list[Axes]) -> None:
        for panel, (name, curves), top in zip(axes, errors.items(), (0.4, 0.02), strict=True):
            for color, mark, (family, values) in zip(SERIES, "os^", curves.items(), strict=False):
                costs = [parameter_count(sizes) for sizes in FAMILIES[family][kept]]
                panel.plot(costs, values, color=color, marker=mark, markersize=5, label=family)
            panel.set(xscale="log", yscale="log", ylim=(top / 20, top), xlabel="parameters", title=name)
            panels.counts(panel.xaxis, (50, 100, 200))
            panels.counts(panel.yaxis, (top / 20, top / 8, top / 4, top / 2, top))
        axes[0].set(ylabel="error (median of the starts)")
        axes[0].legend(loc="lower left")

    claims = (_verdict("rings round the centre", errors["ripple"]), _verdict("a plain product", errors["product"]))
    word = "pays as well" if claims[1].holds else "buys little or nothing"
    return Section("The price of depth and of width", (
        "The lecture prefers depth because the same complexity costs less that way. Here are two functions, three "
        "depths, and the same training for all. *Ripple* is rings round the centre, a wave of a distance; *product* is "
        "$x_1 x_2$.",
        Figure("Error bought by widening or by deepening", f"Medians of {len(seeds)} starts, the better of two "
               "learning rates. Both panels span a factor of twenty, so equal slopes are equal gains.",
               picture(draw, 1, 2, 3.0), "Two plots of error against parameters, one curve per depth."),
        "For the ripple, widening one layer hardly helps, while further layers, which can first form the distance and "
        f"then its wave, do. For the plain product, depth {word}. So the lecture's sentence is about functions that "
        "are made of functions, as pictures and speech seem to be.",
    )), claims  # fmt: skip


def parity_network(bits: int) -> fb.networks.FeedForward:
    """n threshold units [Σ x ≥ k], added with alternating signs: 1 for an odd number of ones, else 0."""
    counts = np.arange(1, bits + 1)
    hidden = Layer(Dense(jnp.ones((bits, bits))), jnp.asarray(0.5 - counts), fb.neurons.Step())
    top = Layer(Dense(jnp.asarray((-1.0) ** (counts + 1))[:, None]), jnp.zeros(1), fb.neurons.Identity())
    return fb.networks.FeedForward((hidden, top))


def tent_network(folds: int) -> fb.networks.FeedForward:
    """The tent map applied to itself: two ReLUs a layer, t(x) = 2 ReLU(x) - 4 ReLU(x - 1/2)."""
    fold = jnp.asarray([[2.0], [-4.0]])  # what a layer of two ReLUs adds up to
    corner, relu = jnp.asarray([0.0, -0.5]), fb.neurons.ReLU()
    first = Layer(Dense(jnp.ones((1, 2))), corner, relu)
    further = Layer(Dense(fold @ jnp.ones((1, 2))), corner, relu)
    top = Layer(Dense(fold), jnp.zeros(1), fb.neurons.Identity())
    return fb.networks.FeedForward((first, *(further,) * (folds - 1), top))


def exact_savings(setting: Setting) -> Told:
    """Two constructions in which nothing is left to training."""
    bits, folds = setting.pick(4, 8, 14), setting.pick(3, 6, 10)
    X, odd = fb.problems.parity(bits)
    wrong = int(np.sum(np.asarray(parity_network(bits)(jnp.asarray(X)))[:, 0] != odd))
    x = np.linspace(0, 1, 2**12 + 1)[:, None]  # a grid that meets every corner exactly
    waves = {k: np.asarray(tent_network(k)(jnp.asarray(x)))[:, 0] for k in range(1, folds + 1)}
    pieces = {k: int(np.sum(np.diff(np.sign(np.diff(wave))) != 0)) + 1 for k, wave in waves.items()}
    rows = tuple((f"{k}", f"{2 * k}", f"{count}", f"{count - 1}") for k, count in pieces.items())

    def draw(axes: list[Axes]) -> None:
        for panel, k in zip(axes, (1, 2, 3, folds), strict=True):
            panel.plot(x, waves[k], color=INK if k == folds else SERIES[0], linewidth=1.2)
            panel.set(title=f"{2 * k} units, {pieces[k]} pieces", xticks=[0, 1], yticks=[0, 1])

    return Section("Where depth wins without any training", (
        "Fold a strip of paper again and again: every fold doubles its layers. Two ReLUs make one fold, the *tent "
        "map*, and a network of $k$ such layers draws a line of $2^k$ pieces. One hidden layer makes at most one piece "
        "more than it has units.",
        Equation("t(x) = 2 ReLU(x) - 4 ReLU(x - ½),   t(t(…t(x)))", "k layers of two units: $2^k$ straight pieces"),
        Figure("The tent map, composed", "Two more units, twice as many pieces.",
               picture(draw, 1, 4, 1.9, sharey=True), "Zigzag lines with ever more teeth."),
        Table("Units needed for the same line", ("layers k", "deep: 2k units", "pieces", "one layer: units"), rows),
        f"Width is no weakness in itself, though. Parity, XOR for many inputs, needs only as many threshold units as "
        f"inputs: unit $k$ asks whether at least $k$ inputs are on. With {bits} inputs all {2**bits} rows are right.",
    )), (Claim("k tent maps make 2ᵏ straight pieces with 2k units", f"{2**folds} pieces with {2 * folds} units",
               f"{pieces[folds]} pieces", all(count == 2**k for k, count in pieces.items())),
         Claim("Parity of n inputs by n threshold units", f"all {2**bits} rows of {bits} inputs", f"{wrong} wrong",
               wrong == 0))  # fmt: skip
