"""The chapter on depth, continued: what the top layers can do alone, on a random feature map."""

import equinox as eqx
import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Figure, Section, Setting, Told
from flambeau.journey.why_depth_fails_layers import ROOM, many_descents, of_depth, there
from flambeau.journey.why_depth_fails_training import (
    depth_digits,
    drawn_depths,
    gradients,
    learned_depths,
    right_depths,
    stack,
    tested,
)
from flambeau.pictures import gradient_flow, panels
from flambeau.pictures.figures import picture

LAYERS, FROZEN = 4, 2  # the lower two stay as they were drawn
PLANE = np.stack(np.meshgrid(*[np.linspace(-2.3, 2.3, 90)] * 2), axis=-1).reshape(-1, 2)


def _spirals(steps: int, seeds: range) -> list[tuple[int, np.ndarray]]:
    """Two spirals, learned by the top two of four layers, from many starts: points right, and answers on the plane.

    The worst start comes first.
    """
    X, d = fb.problems.two_spirals()
    sizes, every = (2, 20, 20, 20, 1), np.concatenate([X / 3, PLANE]).astype(np.float32)
    starts = [of_depth(drawn_depths(sizes, "tanh", "sigmoid", seed), LAYERS - 1, FROZEN) for seed in seeds]
    networks, _ = many_descents(starts, fb.problems.Examples.of(X / 3, d), 0.01, steps)
    found = np.asarray(eqx.filter_jit(eqx.filter_vmap(lambda network: network(every)))(networks))[:, :, 0]
    tries = [(int(np.sum((each[: len(X)] > 0.5) == d)), each[len(X) :]) for each in found]
    return sorted(tries, key=lambda each: each[0])


def the_top_alone(setting: Setting) -> Told:
    """Four tanh layers, of which only the top two learn; then all of them."""
    data, seeds, epochs = depth_digits(setting.seed), setting.seeds(1, 3, 10), setting.pick(2, 30, 60)
    batch, scores, flows = data.problem.everything(), [], []
    for seed in seeds:
        network = stack(ROOM, seed, "tanh")
        starts = of_depth(network, LAYERS - 1, FROZEN), of_depth(network, LAYERS - 1)
        some, whole = (learned_depths(start, data.problem, 0.2, epochs, key=seed).network for start in starts)
        scores.append([right_depths(each, data.unseen, data.truth) for each in (some, whole)])
        flows.append([gradients(there(each), batch) for each in (starts[0], some)])
    (new, best), (before, after) = np.mean(scores, axis=0), np.mean(flows, axis=0)
    tries = _spirals(setting.pick(100, 3000, 6000), setting.seeds(1, 5, 15))
    score, found = tries[len(tries) // 2]

    def draw(axes: list[Axes]) -> None:
        X, d = fb.problems.two_spirals()
        panels.surface(axes[0], PLANE, found)
        panels.classes(axes[0], X / 3, d, 6)
        axes[0].set(title=f"spirals: {score} of 194", aspect="equal")
        rows, colors = np.arange(1, LAYERS + 1), gradient_flow.shades(LAYERS)
        axes[1].barh(rows + 0.2, before, 0.36, alpha=0.35, color=colors)
        axes[1].barh(rows - 0.2, after, 0.36, color=colors)
        names = [f"layer {row}{', frozen' if row <= FROZEN else ''}" for row in rows]
        axes[1].set(yticks=rows, yticklabels=names, xlabel="gradient δ on the digits",
                    title="before (pale) and after the top two have learned")  # fmt: skip
        axes[1].grid(False, axis="y")
        axes[1].tick_params(axis="y", length=0)

    return Section("The top layers alone", (
        "The lecture's reason for slow training: *since top couple layers can usually learn any task \"pretty well\" … "
        "the error to earlier layers drops quickly … lower layers never get the opportunity to use their capacity to "
        "improve results, they just do a random feature map.* Four claims, tested on four layers of tanh units, whose "
        "gradient does not vanish: the lower two stay as they were drawn, a random feature map, and the top two learn.",
        f"So they name {new:.1%} of the unseen digits rightly; if all four learn, {best:.1%} (means of {len(seeds)} "
        "starts).",
        Figure("What two layers on a random feature map can do, and what they do to the gradient",
               "Left, the two spirals that all four layers learn completely in the chapter on back-propagation, by the "
               f"top two alone (the median of {len(tries)} starts). Right, the digits.",
               picture(draw, 1, 2, 2.7, width_ratios=(1, 1.7)),
               "A decision surface that fails on spirals; bars of gradients that grow in the frozen layers."),
        f"At the top the error does fall, from {before[-1]:.2f} to {after[-1]:.2f}. But the weights that it passes on "
        "its way down have grown by learning, so the frozen layers are told louder than before how they should change.",
    )), (tested("The top layers alone learn a task pretty well: digits", "above 85% of the unseen ones",
               f"{new:.1%} by the top two of four layers", bool(new > 0.85),
               "A random feature map is a help only where it keeps the digits apart."),
         tested("The top layers alone learn any task pretty well: two spirals", "above 85% of 194 points, mostly",
               f"{', '.join(str(each[0]) for each in tries)} right", score > 0.85 * 194,
               "'Usually' is the word: most random maps of the plane do not unwind spirals."),
         tested("When the top layers have learned, less error reaches the lower ones", "less gradient at layer 1",
               f"{before[0]:.2f} before, {after[0]:.2f} after", bool(after[0] < before[0]),
               "The error itself falls, but the top's weights have grown and pass more of it down."),
         tested("Lower layers just do a random feature map", "letting them learn gains less than a point",
               f"{new:.1%} without them, {best:.1%} with them", bool(best - new < 0.01),
               "Where the gradient reaches them, they do learn, and it pays."))  # fmt: skip
