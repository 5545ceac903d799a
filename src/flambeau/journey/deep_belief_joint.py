"""The chapter on deep belief networks, continued: the joint distribution, added up over all states of a tiny one."""

import itertools

import numpy as np
from matplotlib.axes import Axes

from flambeau.journey.chapter import Claim, Equation, Figure, Section, Setting, Told, tiny, worded
from flambeau.journey.deep_belief_tiny import SIZES, conditional, joint_tables, states, tiny_network
from flambeau.pictures.figures import BLUE, GREY, INK, ORANGE, VERMILLION, picture

NAMES = ("v", "h₁", "h₂", "h₃")
CLOSE = 1e-5  # single precision, summed over thousands of states


def the_joint(setting: Setting) -> Told:
    """Three factors multiplied and added up; and what happens if the top pair is counted twice."""
    found = joint_tables(tiny_network(setting.seed))
    total = float(found.joint.sum())
    twice = float(np.einsum("vabc,cb->", found.joint, found.down[2]))
    within = float(np.abs(conditional(found.joint.sum(axis=(0, 3)).T) - found.down[1]).max())
    apart = float(np.abs(found.ours - found.joint.sum(axis=3).ravel()).max())
    return Section("The joint distribution", (
        "使用了概率生成模型 (it uses a probabilistic generative model). A deep belief network tells how data come "
        "about: at the top two layers agree on what is to be seen, and from there it goes down, layer by layer, to "
        "the pixels. 这个网络类似于贝叶斯信念网络，那么，写出联合概率 (this network is like a Bayesian belief network, "
        "so let us write down the joint probability):",
        Equation("P(v, h_1, …, h_l) = P(v|h_1) Π_{i=1}^{l-2} P(h_i|h_{i+1}) P(h_{l-1}, h_l)", "the network"),
        Figure("A deep belief network", "Arrows are conditional probabilities, one sigmoid per unit. Only the top "
               "pair is joined both ways: it is a restricted Boltzmann machine, and has a Z.",
               picture(diagram, 1, 1, 2.5), "Four rows of units; arrows lead down, the top two rows are joined."),
        f"The lecture's product bears no limits. They are 1 and l - 2: {' + '.join(map(str, SIZES))} units have "
        f"{2 ** sum(SIZES):,} states, and with those limits their probabilities add up to {total:.6f}. Were "
        "$P(h_{l-1}|h_l)$ a factor too, the top pair would be counted twice, and they would add up to "
        f"{twice:.3f}. `fb.networks.log_joint(network, states)` is this product, with the top layer summed out; it "
        f"differs from the table by {tiny(apart)} at most.",
    )), (Claim("The joint distribution, its product up to l − 2", "all states together: 1",
               f"{total:.6f} over {2 ** sum(SIZES):,} states", abs(total - 1) < CLOSE and apart < CLOSE),
         Claim("The joint distribution, its product over every pair of layers", "all states together: 1",
               f"{twice:.3f} over {2 ** sum(SIZES):,} states", abs(twice - 1) < CLOSE,
               "The product must end at i = l − 2: the top pair has its joint distribution already."),
         Claim("Within a layer, units are independent given the layer above", "P(h₁|h₂) is a product of sigmoids",
               f"the joint table differs by {tiny(within)} at most", within < CLOSE))  # fmt: skip


def diagram(axes: list[Axes]) -> None:
    """The tiny network: circles, arrows down, and a double line at the top."""
    place = [[(x - (units - 1) / 2, row) for x in range(units)] for row, units in enumerate(SIZES)]
    formulas = ("P(v | h₁)", "P(h₁ | h₂)", "P(h₂, h₃)")
    for row, (below, above) in enumerate(itertools.pairwise(place)):
        color, style = (ORANGE, "<->") if row == len(SIZES) - 2 else (GREY, "->")
        for start, end in itertools.product(above, below):
            axes[0].annotate("", end, start, arrowprops={"arrowstyle": style, "color": color, "linewidth": 0.8,
                             "shrinkA": 7, "shrinkB": 7})  # fmt: skip
        axes[0].text(2.4, row + 0.5, formulas[row], va="center", color=VERMILLION if color == ORANGE else INK)
    for row, layer in enumerate(place):
        across, up = zip(*layer, strict=True)
        axes[0].scatter(across, up, s=120, color=BLUE if row else INK, zorder=3)
        axes[0].text(-2.4, row, NAMES[row], va="center", ha="right")
    axes[0].set(xlim=(-5, 6), ylim=(-0.35, 3.35))
    axes[0].axis("off")


def upwards(setting: Setting) -> Told:
    """The way up: exact in one machine, an approximation in a stack."""
    found, h1 = joint_tables(tiny_network(setting.seed)), states(SIZES[1])
    alone = float(np.abs(conditional(found.alone) - found.up).max())
    joint = found.joint.sum(axis=(2, 3))
    true, seen = conditional(joint), joint.sum(axis=1)
    lost = float(seen @ (found.up * np.log(found.up / true)).sum(axis=1))
    worst = int(np.abs(true - found.up).max(axis=1).argmax())
    most = float(np.abs(true - found.up).max())

    def draw(axes: list[Axes]) -> None:
        across = np.arange(len(h1))
        axes[0].bar(across - 0.2, true[worst], 0.4, color=BLUE, label="P(h₁ | v), by adding up all states")
        axes[0].bar(across + 0.2, found.up[worst], 0.4, color=ORANGE, label="Q(h₁ | v), a product of sigmoids")
        axes[0].set(xticks=across, xticklabels=["".join(str(int(unit)) for unit in row) for row in h1],
                    xlabel="state of the three units of h₁", ylabel="probability")  # fmt: skip
        axes[0].legend()

    return Section("The way up is a guess", (
        "For a single restricted Boltzmann machine the lecture gives the way up, too:",
        Equation("Q(h_j = 1|v) = sigm(c_j + Σ_k W_{jk} v_k)", "from the pixels to the hidden units"),
        f"In one machine that is exact: added up over all its states, it differs by {tiny(alone)}. In a stack it is "
        "exact for the top pair only. Further down the layer above has a say in which causes go together, and two "
        "causes of the same pixels compete: once one of them explains the pixels, the other is needed less. That is "
        "called *explaining away*, and a product of independent sigmoids cannot express it.",
        Figure("One image, eight explanations", "The tiny network's image for which the two differ most.",
               picture(draw, 1, 1, 2.5), "Pairs of bars of different heights for the eight states of three units."),
        f"On average over what the network shows, Q is {lost:.2f} nats from the truth (its Kullback-Leibler "
        "divergence), here with large random weights. This is why a deep belief network has a *bound* instead of a "
        "likelihood: every nat by which Q is wrong is missing from it.",
    )), (Claim("Q(h|v) is the way up, in a single machine", "equal to P(h|v)", f"differs by {tiny(alone)} at most",
               alone < CLOSE),
         Claim("In a stack, Q(h₁|v) is an approximation", "it differs from P(h₁|v): explaining away",
               f"by up to {worded(most, '.2f')}; {lost:.2f} nats on average", most > 0.01))  # fmt: skip
