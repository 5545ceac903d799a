"""Chapter 4: what the same error costs by deepening and by widening, trained and exactly."""

import itertools

import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Telling, section
from flambeau.journey.comparisons import Equal
from flambeau.journey.depth_and_width.training import answers, parameter_count, trained_widths
from flambeau.journey.samples import MeanBelow
from flambeau.pictures import panels
from flambeau.pictures.figures import INK, SERIES

Layer, Dense = fb.structures.Layer, fb.structures.Dense
FAMILIES: dict[str, tuple[tuple[int, ...], ...]] = {  # about the same numbers of parameters in each
    "one hidden layer": ((2, 13, 1), (2, 26, 1), (2, 52, 1)),
    "two hidden layers": ((2, 5, 5, 1), (2, 8, 8, 1), (2, 12, 12, 1)),
    "three hidden layers": ((2, 4, 4, 4, 1), (2, 6, 6, 6, 1), (2, 9, 9, 9, 1)),
}
RATES = (0.03, 0.1)


def ripple(points: np.ndarray) -> np.ndarray:
    """Rings round the centre: a function of a function of the inputs."""
    return 0.5 * np.cos(3 * np.pi * np.hypot(*points.T))


def product(points: np.ndarray) -> np.ndarray:
    """x1 x2: smooth, and nothing inside anything."""
    return points[:, 0] * points[:, 1]


def off_between(function: object, steps: int, seeds: range, kept: slice) -> dict[str, np.ndarray]:
    """For every family the error ``(sizes, seeds)`` on points that were not learned, at the better of two rates."""
    axis, rng = np.linspace(-1, 1, 16), np.random.default_rng(0)
    plane = np.stack([part.ravel() for part in np.meshgrid(axis, axis)], axis=1)
    unseen = rng.uniform(-1, 1, (1000, 2))

    def errors(shapes: tuple[tuple[int, ...], ...], rate: float) -> np.ndarray:
        networks = trained_widths(shapes, 2 * plane, function(plane), steps, seeds, rate)  # type: ignore[operator]
        off = [[answers(each, 2 * unseen) - function(unseen) for each in row] for row in networks]  # type: ignore[operator]
        return np.sqrt(np.mean(np.square(off), axis=2))

    return {name: np.min([errors(family[kept], rate) for rate in RATES], axis=0) for name, family in FAMILIES.items()}


@section("The price of depth and of width")
def trained_savings(page: Telling) -> None:
    """Error against parameters for one, two and three hidden layers, on a composed and on a plain function."""
    steps, seeds = page.setting.pick(1000, 1500, 4000), page.setting.seeds(8, 9, 12)
    kept = slice(page.setting.pick(2, 0, 0), 3)
    composed = page.either("nothing is composed", ripple, product)
    plain = page.either("a composed function for the product", product, ripple)
    errors = {name: off_between(f, steps, seeds, kept) for name, f in (("ripple", composed), ("product", plain))}
    shares = {name: _deep_share(found) for name, found in errors.items()}

    def draw(axes: list[Axes]) -> None:
        for panel, (name, curves), top in zip(axes, errors.items(), (0.4, 0.02), strict=True):
            for color, mark, (family, values) in zip(SERIES, "os^", curves.items(), strict=False):
                costs = [parameter_count(sizes) for sizes in FAMILIES[family][kept]]
                panel.plot(costs, np.median(values, axis=1), color=color, marker=mark, markersize=5, label=family)
            panel.set(xscale="log", yscale="log", ylim=(top / 20, top), xlabel="parameters", title=name)
            panels.counts(panel.xaxis, (50, 100, 200))
            panels.counts(panel.yaxis, (top / 20, top / 8, top / 4, top / 2, top))
        axes[0].set(ylabel="error between the points")
        axes[0].legend(loc="lower left")

    page.say(
        "The lecture prefers depth because the same complexity costs less that way. Here are two functions, three "
        "depths, and the same training for all. *Ripple* is rings round the centre, a wave of a distance; *product* is "
        "$x_1 x_2$. Both are learned on a grid and judged on other points."
    )
    page.figure(
        "Error bought by widening or by deepening",
        "Medians of {count} starts, the better of two learning rates. Both panels span a factor of twenty, so equal "
        "slopes are equal gains.",
        draw,
        "Two plots of error against parameters, one curve per depth.",
        grid=(1, 2),
        height=3.0,
        count=len(seeds),
    )
    page.say(
        "For the ripple, widening one layer hardly helps, while further layers, which can first form the distance and "
        "then its wave, do. So the lecture's sentence is about functions that are made of functions, as pictures and "
        "speech seem to be."
    )
    told = "deeper, 2^{found:.1f} of the error of one layer, at about 210 parameters"
    page.claim(
        "Depth costs less than width: rings round the centre",
        MeanBelow(shares["ripple"], -1.0, told),
        "nothing is composed",
    )
    page.claim(
        "Depth costs less than width: a plain product",
        MeanBelow(shares["product"], -1.0, told),
        "a composed function for the product",
        correction="No law: where nothing is composed, one layer does nearly as well, or better.",
    )


def _deep_share(errors: dict[str, np.ndarray]) -> np.ndarray:
    """At the largest size, for every seed: how often the better deep network halves the wide one's error (negative)."""
    wide, *deeper = (values[-1] for values in errors.values())
    return np.log2(np.min(deeper, axis=0) / wide)


def parity_network(bits: int, sign: float) -> fb.networks.FeedForward:
    """n threshold units [Σ x ≥ k], added with alternating signs: 1 for an odd number of ones, else 0."""
    counts = np.arange(1, bits + 1)
    hidden = Layer(Dense(jnp.ones((bits, bits))), jnp.asarray(0.5 - counts), fb.neurons.Step())
    top = Layer(Dense(jnp.asarray(sign ** (counts + 1))[:, None]), jnp.zeros(1), fb.neurons.Identity())
    return fb.networks.FeedForward((hidden, top))


def tent_network(folds: int, corner: float) -> fb.networks.FeedForward:
    """The tent map applied to itself: two ReLUs a layer, t(x) = 2 ReLU(x) - 4 ReLU(x - 1/2)."""
    fold = jnp.asarray([[2.0], [-4.0]])  # what a layer of two ReLUs adds up to
    corners, relu = jnp.asarray([0.0, -corner]), fb.neurons.ReLU()
    first = Layer(Dense(jnp.ones((1, 2))), corners, relu)
    further = Layer(Dense(fold @ jnp.ones((1, 2))), corners, relu)
    top = Layer(Dense(fold), jnp.zeros(1), fb.neurons.Identity())
    return fb.networks.FeedForward((first, *(further,) * (folds - 1), top))


def pieces_of(wave: np.ndarray) -> int:
    """Straight pieces of a line given on a grid that meets every corner."""
    return int(np.sum(np.diff(np.sign(np.diff(wave))) != 0)) + 1


def ways_with(folds: int, spare: int) -> int:
    """How many ways there are for one layer of 2^k − 1 + ``spare`` ReLUs to draw the line of 2^k pieces.

    Every corner needs a unit that bends there by ∓2^(k+1). A unit may look left or right; the slope before the first
    corner is what those that look left add up to, and must be 2^k. A spare unit, bent elsewhere, may give any slope.
    """
    bends = 2 ** (folds + 1) * np.where(np.arange(2**folds - 1) % 2, 1, -1)
    left = (
        -bends[list(chosen)].sum()
        for r in range(len(bends) + 1)
        for chosen in itertools.combinations(range(len(bends)), r)
    )
    return sum(slope == 2**folds or spare > 0 for slope in left)


@section("Where depth wins without any training")
def exact_savings(page: Telling) -> None:
    """Two constructions in which nothing is left to training."""
    bits, folds = page.setting.pick(4, 8, 14), page.setting.pick(3, 6, 10)
    X, odd = fb.problems.parity(bits)
    parity = parity_network(bits, page.either("all votes count for, none against", -1.0, 1.0))
    wrong = int(np.sum(answers(parity, X) != odd))
    x = np.linspace(0, 1, 2**12 + 1)[:, None]  # a grid that meets every corner exactly
    corner = page.either("the fold is not in the middle of the strip", 0.5, 2.0)
    waves = {k: answers(tent_network(k, corner), x) for k in range(1, folds + 1)}
    pieces = {k: pieces_of(wave) for k, wave in waves.items()}
    ways = [ways_with(k, page.either("one unit to spare", 0, 1)) for k in (1, 2, 3)]

    def draw(axes: list[Axes]) -> None:
        for panel, k in zip(axes, (1, 2, 3, folds), strict=True):
            panel.plot(x, waves[k], color=INK if k == folds else SERIES[0], linewidth=1.2)
            panel.set(title=f"{2 * k} units, {pieces[k]} pieces", xticks=[0, 1], yticks=[0, 1], xlabel="$x$")
        axes[0].set(ylabel="answer")

    page.say(
        "Fold a strip of paper again and again: every fold doubles its layers. Two ReLUs make one fold, the *tent "
        "map*, and a network of $k$ such layers draws a line of $2^k$ pieces."
    )
    page.equation("t(x) = 2 ReLU(x) - 4 ReLU(x - ½),   t(t(…t(x)))", "k layers of two units: $2^k$ straight pieces")
    page.figure(
        "The tent map, composed",
        "Two more units, twice as many pieces.",
        draw,
        "Zigzag lines with ever more teeth.",
        grid=(1, 4),
        height=2.0,
        options={"sharey": True},
    )
    page.table(
        "Units needed for the same line",
        ("layers k", "deep: 2k units", "pieces", "one layer: 2ᵏ units"),
        [(f"{k}", f"{2 * k}", f"{count}", f"{2**k}") for k, count in pieces.items()],
    )
    page.say(
        "By counting pieces one layer needs at least $2^k - 1$ units, one for each corner; it needs one more, since "
        "none of the ways to turn them gives the first piece its slope. (For k = 1, *deep* is one layer, and two units "
        "it is either way.) Width is no weakness in itself, though. Parity, XOR for many inputs, needs only as many "
        "threshold units as inputs: unit $k$ asks whether at least $k$ inputs are on."
    )
    page.claim(
        "Depth costs less than width: k tent maps make 2ᵏ straight pieces with 2k units",
        Equal(list(pieces.values()), [2**k for k in pieces], "{found} pieces"),
        "the fold is not in the middle of the strip",
    )
    page.beyond(
        "One layer needs 2ᵏ units for the same line: 2ᵏ − 1 are too few",
        Equal(ways, [0, 0, 0], "{found} ways for k = 1, 2, 3"),
        "one unit to spare",
    )
    page.beyond(
        "Parity of n inputs by n threshold units",
        Equal(wrong, 0, f"{{found}} of {2**bits} rows of {bits} inputs wrong"),
        "all votes count for, none against",
    )
