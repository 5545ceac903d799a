"""Chapter 2, continued: the perceptron where no line is right, on ten digits, and whose gradient its rule is."""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Claim, Equation, Figure, Section, Setting, Told, quietly, tiny, worded
from flambeau.pictures import panels
from flambeau.pictures.figures import picture

VARIANTS = {"rosenblatt": "the last", "pocket": "pocket", "averaged": "averaged", "voted": "voted"}


def no_line_is_right(setting: Setting) -> Told:
    """One label in ten is wrong: which weights are worth keeping?"""
    seeds = setting.seeds(2, 12, 40)
    training = {variant: np.zeros(len(seeds)) for variant in VARIANTS}
    unseen = {variant: np.zeros(len(seeds)) for variant in VARIANTS}
    for trial, seed in enumerate(seeds):
        X, y, _ = fb.problems.separable(1000, 10, margin=0.05, random_state=seed)
        flipped = np.random.default_rng(seed).random(200) < 0.1
        noisy = np.where(flipped, -y[:200], y[:200])
        for variant in VARIANTS:
            with quietly():
                model = fb.Perceptron(variant, max_epochs=10, random_state=seed).fit(X[:200], noisy)
            training[variant][trial] = model.score(X[:200], noisy)
            unseen[variant][trial] = model.score(X[200:], y[200:])
    mean = {variant: float(values.mean()) for variant, values in unseen.items()}

    def draw(axes: list[Axes]) -> None:
        panels.dots(axes[0], {VARIANTS[name]: list(100 * values) for name, values in unseen.items()})
        axes[0].set(xlabel="% of 800 unseen examples answered rightly")

    kept = bool((training["pocket"] >= training["rosenblatt"]).all())
    better = mean["averaged"] > mean["rosenblatt"] and mean["voted"] > mean["rosenblatt"]
    return Section("When no line is right", (
        "Real labels are sometimes wrong, and then the rule never stops: the last weights are those after the last "
        "surprise. Better ones passed by earlier. *Pocket* keeps the best on the training set; *averaged* keeps the "
        "mean of all; *voted* lets every weight vector vote, once for each example it survived.",
        Figure("What is kept matters: 200 training examples, one label in ten turned round", f"Each dot is one of "
               f"{len(seeds)} data sets with 10 inputs; the bars are means. The rule is the same in all rows.",
               picture(draw, height=2.3), "Dots per variant; averaged and voted lie furthest right."),
    )), (Claim("The pocket never holds worse weights than the last (training set)",
               f"in {len(seeds)} of {len(seeds)} data sets",
               f"in {int((training['pocket'] >= training['rosenblatt']).sum())} of {len(seeds)}", kept),
         Claim("Averaging and voting beat the last weights on unseen data", "a higher mean",
               f"last {mean['rosenblatt']:.1%}, averaged {mean['averaged']:.1%}, voted {mean['voted']:.1%}",
               better))  # fmt: skip


def ten_digits(setting: Setting) -> Told:
    """One layer, ten units: the strongest names the digit."""
    bundle = fb.problems.load("digits")
    order = np.random.default_rng(setting.seed).permutation(len(bundle.data))
    train, test = order[:1297], order[1297:]
    with quietly():  # the digits are not quite separable, so the last epoch still has mistakes
        model = fb.Perceptron("averaged", max_epochs=setting.pick(2, 20, 100), random_state=setting.seed)
        model.fit(bundle.data[train], bundle.target[train])
    score = float(model.score(bundle.data[test], bundle.target[test]))
    weights = np.asarray(model.network_.layers[0].structure.weights)

    def draw(axes: list[Axes]) -> None:
        names = [str(digit) for digit in model.classes_]
        panels.images(axes, [column.reshape(8, 8) for column in weights.T], names, signed=True)

    return Section("Ten digits, one layer", (
        "With one unit per digit the strongest unit names the digit, and a mistake moves two of them: the right one "
        "towards the picture, the winner away from it (Kesler). A straight cut in 64 dimensions goes a long way.",
        Figure("What the ten units look for", "Ink on orange speaks for the digit, ink on blue against it.",
               picture(draw, 1, 10, 0.95), "Ten weight pictures of 8 by 8 pixels."),
    )), (Claim("A layer of linear units reads handwritten digits", "above 90% of 500 unseen", f"{score:.1%}",
               score > 0.9),)  # fmt: skip


def whose_gradient(setting: Setting) -> Told:
    """The rule against the gradient of the squared error, through a step and through a linear unit."""
    X, d = fb.problems.logic_gate("and")
    batch = fb.rules.Batch(jnp.asarray(X), jnp.asarray(d[:, None], float), jnp.ones(4))
    start = jnp.asarray([[0.4], [-0.3]])

    def unit(weights: jax.Array, f: fb.neurons.AbstractActivation) -> fb.networks.FeedForward:
        return fb.networks.FeedForward((fb.structures.Layer(fb.structures.Dense(weights), jnp.asarray([0.1]), f),))

    def proposed(rule: fb.rules.AbstractRule, f: fb.neurons.AbstractActivation) -> np.ndarray:
        return np.asarray(rule.propose(unit(start, f), batch, (), jax.random.key(0))[0].layers[0].structure.weights)

    def gradient(f: fb.neurons.AbstractActivation) -> np.ndarray:  # of e = ½ Σ (d - y)², a mean over the examples
        return np.asarray(jax.grad(lambda w: jnp.mean((batch.targets - unit(w, f)(batch.inputs)) ** 2) / 2)(start))

    step, linear = fb.neurons.Step(), fb.neurons.Identity()
    through_step, rule = gradient(step).ravel(), proposed(fb.rules.PerceptronRule(), step).ravel()
    off = float(np.abs(proposed(fb.rules.LeastMeanSquares(), linear) - gradient(linear)).max())
    same = bool(np.allclose(through_step, rule / 4))
    return Section("Whose gradient?", (
        "The lecture says of the rule: 这实际是一个平方损失求导，进行梯度下降 (this is in fact the derivative of the "
        "squared loss, gradient descent). With a *linear* unit it is, exactly: that is Widrow and Hoff's rule of 1960. "
        "With the 0-1 step it cannot be: the step is flat, and the gradient of its error is 0 almost everywhere.",
        Equation(r"\frac{∂}{∂w_i} ½ (d - y)^2 = (y - d) f′(s) x_i", "the perceptron rule leaves out f′, and so it "
                 "can learn where the gradient is silent"),
        "What the perceptron does descend is another error, $(y - d) s$ with $y$ held fixed: how far the net input of "
        "a wrongly answered example lies on the wrong side.",
    )), (Claim("With a 0-1 unit, the rule is the gradient of the squared error", "the two are equal",
               f"gradient {_pair(through_step)}, rule {_pair(rule / 4)}", same,
               "A step has slope 0 wherever it has one, so this sentence needs the correction that follows."),
         Claim("With a linear unit, the rule is the gradient of the squared error", "equal, to 10⁻⁶",
               f"largest difference {tiny(off)}", off < 1e-6))  # fmt: skip


def _pair(values: np.ndarray) -> str:
    """Two numbers, as a claim shows them."""
    return f"({', '.join(worded(value) for value in values)})"
