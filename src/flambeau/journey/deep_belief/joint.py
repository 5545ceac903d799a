"""Chapter 8: the joint distribution, added up over all states of a tiny network; and the way up."""

import itertools
from typing import Any

import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes

from flambeau.journey.chapter import Telling, section
from flambeau.journey.comparisons import Above, All, Below, Near
from flambeau.journey.deep_belief.tiny import SIZES, conditional, joint_tables, states, tiny_network
from flambeau.pictures.figures import BLUE, GREY, INK, ORANGE, VERMILLION

NAMES = ("v", "h₁", "h₂", "h₃")
CLOSE = 1e-5  # single precision, summed over thousands of states
COUNT = 2 ** sum(SIZES)


@section("The joint distribution")
def the_joint(page: Telling) -> None:
    """Three factors multiplied and added up; and what happens if the top pair is counted twice."""
    found = joint_tables(tiny_network(page.setting.seed))
    sums = float(found.joint.sum()), float(np.einsum("vabc,cb->", found.joint, found.down[2]))
    total = page.either("the top pair is counted twice", *sums)
    twice = page.either("the product ends at l − 2", sums[1], sums[0])
    table = found.joint.sum(axis=(0, 3)).T
    down = page.either("a layer's units share one coin", found.down[1], np.sqrt(found.down[1]))
    within = float(np.abs(conditional(table) - down).max())
    single = _sigmoids(page)
    apart = float(np.abs(found.ours - found.joint.sum(axis=3).ravel()).max())
    page.say(
        "使用了概率生成模型 (it uses a probabilistic generative model). A deep belief network tells how data come "
        "about: at the top two layers agree on what is to be seen, and from there it goes down, layer by layer, to "
        "the pixels. 这个网络类似于贝叶斯信念网络，那么，写出联合概率 (this network is like a Bayesian belief "
        "network, so let us write down the joint probability):"
    )
    page.equation("P(v, h_1, …, h_l) = P(v|h_1) Π_{i=1}^{l-2} P(h_i|h_{i+1}) P(h_{l-1}, h_l)", "the network")
    page.figure(
        "A deep belief network",
        "Arrows are conditional probabilities, one sigmoid per unit. Only the top pair is joined both ways: it is a "
        "restricted Boltzmann machine, and has a Z.",
        diagram,
        "Four rows of units; arrows lead down, the top two rows are joined.",
        height=2.5,
    )
    page.say(
        "The lecture's product bears no limits. They are 1 and l - 2: {units} units have {count:,} states, and with "
        "those limits their probabilities add up to {total:.6f}. Were $P(h_{l-1}|h_l)$ a factor too, the top pair "
        "would be counted twice, and they would add up to {twice:.3f}. `fb.networks.log_joint(network, states)` is "
        "this product, with the top layer summed out; it differs from the table by {apart:tiny} at most.",
        units=" + ".join(map(str, SIZES)),
        count=COUNT,
        total=sums[0],
        twice=sums[1],
        apart=apart,
    )
    page.equation(
        "P(h_i^j = 1|h_{i+1}) = \\frac{1}{1 + exp(- b_i^j - Σ_k w_i^{kj} h_{i+1}^k)}",
        "each unit by itself, as in naive Bayes (类似于朴素贝叶斯)",
    )
    _claimed_the_joint(page, total, twice, within, single)


def _claimed_the_joint(page: Telling, total: Any, twice: Any, within: Any, single: Any) -> None:
    """What is claimed."""
    page.claim(
        "P(v, h₁, …, h_l) = P(v|h₁) Π P(h_i|h_{i+1}) P(h_{l−1}, h_l), the product up to l − 2",
        Near(total, 1.0, CLOSE, f"{COUNT:,} states add up to {{found:.6f}}"),
        "the top pair is counted twice",
    )
    page.claim(
        "… the product over every pair of layers",
        Near(twice, 1.0, CLOSE, f"{COUNT:,} states add up to {{found:.6f}}"),
        "the product ends at l − 2",
        correction="The product must end at i = l − 2: the top pair has its joint distribution already.",
    )
    page.claim(
        "Within a layer, P(h_i|h_{i+1}) is a product over the units, as in naive Bayes",
        Below(within, CLOSE, "{found:tiny} from the joint table's conditional"),
        "a layer's units share one coin",
    )
    page.claim(
        "P(h_i^j = 1|h_{i+1}) = 1 / (1 + exp(−b − Σ w h))",
        Below(single, CLOSE, "every unit of the second layer {found:tiny} from the joint table"),
        "the weights have the other sign",
    )


def _sigmoids(page: Telling) -> float:
    """The joint table's P(h₁ⱼ = 1 | h₂) against the formula, in a network with thresholds."""
    network = tiny_network(page.setting.seed)
    found, sign = joint_tables(network), page.either("the weights have the other sign", 1.0, -1.0)
    h1, h2 = states(SIZES[1]), states(SIZES[2])
    middle = network.lower[1]
    weights, bias = (
        np.asarray(middle.generation.weights, float).T,
        np.asarray(middle.down_net(jnp.zeros((1, SIZES[2])))),
    )
    formula = 1 / (1 + np.exp(-(bias + sign * h2 @ weights)))
    return float(np.abs(conditional(found.joint.sum(axis=(0, 3)).T) @ h1 - formula).max())


def diagram(axes: list[Axes]) -> None:
    """The tiny network: circles, arrows down, and a double line at the top."""
    place = [[(x - (units - 1) / 2, row) for x in range(units)] for row, units in enumerate(SIZES)]
    formulas = ("P(v | h₁)", "P(h₁ | h₂)", "P(h₂, h₃)")
    for row, (below, above) in enumerate(itertools.pairwise(place)):
        color, style = (ORANGE, "<->") if row == len(SIZES) - 2 else (GREY, "->")
        arrow = {"arrowstyle": style, "color": color, "linewidth": 0.8, "shrinkA": 7, "shrinkB": 7}
        for start, end in itertools.product(above, below):
            axes[0].annotate("", end, start, arrowprops=arrow)
        axes[0].text(2.4, row + 0.5, formulas[row], va="center", color=VERMILLION if color == ORANGE else INK)
    for row, layer in enumerate(place):
        across, up = zip(*layer, strict=True)
        axes[0].scatter(across, up, s=120, color=BLUE if row else INK, zorder=3)
        axes[0].text(-2.4, row, NAMES[row], va="center", ha="right")
    axes[0].set(xlim=(-5, 6), ylim=(-0.35, 3.35))
    axes[0].axis("off")


@section("The way up is a guess")
def upwards(page: Telling) -> None:
    """The way up: exact in one machine, an approximation in a stack."""
    found, h1 = joint_tables(tiny_network(page.setting.seed)), states(SIZES[1])
    joint = found.joint.sum(axis=(2, 3))
    true, seen = conditional(joint), joint.sum(axis=1)
    single = page.either("a layer above has its say", conditional(found.alone), true)
    stacked = page.either("no layer above", true, conditional(found.alone))
    lost = float(seen @ (found.up * np.log(found.up / true)).sum(axis=1))
    worst = int(np.abs(true - found.up).max(axis=1).argmax())

    def draw(axes: list[Axes]) -> None:
        across = np.arange(len(h1))
        axes[0].bar(across - 0.2, true[worst], 0.4, color=BLUE, label="P(h₁ | v), by adding up all states")
        axes[0].bar(across + 0.2, found.up[worst], 0.4, color=ORANGE, label="Q(h₁ | v), a product of sigmoids")
        axes[0].set(xticks=across, xticklabels=["".join(str(int(unit)) for unit in row) for row in h1],
                    xlabel="state of the three units of h₁", ylabel="probability")  # fmt: skip
        axes[0].legend()

    page.say("For a single restricted Boltzmann machine the lecture gives the way up, too:")
    page.equation("Q(h_j = 1|v) = sigm(c_j + Σ_k W_{jk} v_k)", "from the pixels to the hidden units")
    page.say(
        "In one machine that is exact. In a stack it is exact for the top pair only. Further down the layer above has "
        "a say in which causes go together, and two causes of the same pixels compete: once one of them explains the "
        "pixels, the other is needed less. That is called *explaining away*, and a product of independent sigmoids "
        "cannot express it."
    )
    page.figure(
        "One image, eight explanations",
        "The tiny network's image for which the two differ most.",
        draw,
        "Pairs of bars of different heights for the eight states of three units.",
        height=2.5,
    )
    page.say(
        "On average over what the network shows, Q is {lost:.2f} nats from the truth (its Kullback-Leibler "
        "divergence), here with large random weights. This is why a deep belief network has a *bound* instead of a "
        "likelihood: every nat by which Q is wrong is missing from it.",
        lost=lost,
    )
    page.claim(
        "Q(h|v) = sigm(c + W v) is the way up, in a single machine",
        Below(float(np.abs(single - found.up).max()), CLOSE, "{found:tiny} from P(h|v), added up"),
        "a layer above has its say",
    )
    page.beyond(
        "In a stack, Q(h₁|v) is an approximation: explaining away",
        All(Above(float(np.abs(stacked - found.up).max()), 0.01, "up to {found:.2f} from P(h₁|v)")),
        "no layer above",
    )
