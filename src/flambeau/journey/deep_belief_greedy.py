"""The chapter on deep belief networks, continued: layer upon layer, and what each adds to log P(v)."""

import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Claim, Equation, Figure, Section, Setting, Told, tiny, worded
from flambeau.journey.deep_belief_codes import HIDDEN, Codes, first_layer, prior, second_layers
from flambeau.journey.deep_belief_training import SIDE, belief_digits, machine, mirrored_classifier
from flambeau.pictures.figures import BLUE, GREY, VERMILLION, picture
from flambeau.pictures.samples import receptive_fields_picture


def _layers_picture(steps: np.ndarray, exact: np.ndarray, bounds: np.ndarray, alone: list[float]) -> bytes:
    """log P(v) and its bound while the second layer learns, against one layer."""

    names = ("1,297 digits it learned from", "500 unseen digits")

    def draw(axes: list[Axes]) -> None:
        for panel, place, title in zip(axes, (0, 1), names, strict=True):
            panel.plot(steps, exact[:, place], color=BLUE, marker="o", markersize=4, label="log P(v), exact")
            panel.plot(steps, bounds[:, place], color=VERMILLION, marker="s", markersize=4, label="its lower bound")
            panel.axhline(alone[place], color=GREY, linestyle=":", label="one layer, exact")
            panel.set(xlabel="steps of the second layer", title=title)
        axes[0].set(ylabel="nats per digit")
        axes[0].legend(loc="lower right")

    return picture(draw, 1, 2, 2.7, sharey=True)


def greedy_training(setting: Setting) -> Told:
    """One machine on the digits; then its mirror image on top of it, trained on its codes."""
    data = belief_digits(setting.seed, cut=True)
    start = machine(data.inputs, HIDDEN, setting.seed)
    first = first_layer(start, data.inputs, setting.pick(40, 200, 1000))
    log_z = fb.analysis.exact_log_partition(first)
    every = fb.analysis.log_likelihood(first, np.concatenate([data.inputs, data.unseen]), log_z)
    alone = [float(rows.mean()) for rows in np.split(every, [len(data.inputs)])]
    codes = [Codes.of(first, rows) for rows in (data.inputs, data.unseen)]  # the digits are encoded once
    rounds, each = setting.pick(2, 10, 40), setting.pick(10, 40, 40)
    tops = second_layers(mirrored_classifier(first), codes[0], rounds, each)
    priors = [prior(top) for top in tops]
    bounds = np.asarray([[part.bound(log_p) for part in codes] for log_p in priors])
    exact = np.asarray([[part.likelihood(log_p) for part in codes] for log_p in priors])
    fits = [codes[0].fit(log_p) for log_p in priors]
    unchanged, tight = float(np.abs(exact[0] - alone).max()), float(np.abs(exact[0] - bounds[0]).max())
    gained, fitter = bounds[-1] - bounds[0], fits[-1] - fits[0]

    steps = each * np.arange(rounds + 1)
    return Section("Layer upon layer", (
        "DBN 是使用一种贪心策略，自下而上地逐层叠加 RBM (a DBN stacks RBMs layer by layer, bottom up, greedily). "
        f"The first machine learns the digits' pixels, cut to black and white, with {HIDDEN} hidden units: few "
        f"enough to add up all their {2**HIDDEN:,} states. So both machines can follow the exact slope of their "
        "likelihood here, 使用 MLE 作为目标函数 (the objective is maximum likelihood); in the next "
        "section sampling will have to do. Then comes the trick that makes the stack safe: the second machine starts "
        "as the first one upside down.",
        Equation("W_2 = W_1',   b_2 = c_1,   c_2 = b_1", "the mirrored machine"),
        f"With it on top, nothing has changed: log P(v) differs by {tiny(unchanged)} nats. And the bound",
        Equation("log P(v) ≥ E_Q [ log P(v|h_1) + log P(h_1) - log Q(h_1|v) ]", "the bound"),
        f"is the likelihood itself (they differ by {tiny(tight)}), because Q is still exact. From here on only log "
        "P(h₁) changes. Training the second machine on the codes h₁ raises the mean of that, and so the bound.",
        Figure("What the second layer adds", "Both start where one layer ended. The gap between the two curves is what "
               "Q gets wrong, now that the layer above has moved.", _layers_picture(steps, exact, bounds, alone),
               "Two curves rise above a dotted line, the bound below the likelihood."),
        "对于每一层玻尔兹曼机，你都试图使其拟合真实的数据分布 (with every layer's machine you try to fit the real data "
        "distribution), says the lecture. For the first layer, yes. The second one never sees the data: it fits the "
        f"*codes* of the data under the layer below, Σ_v Q(h₁|v) / n. Its fit to them improved by {fitter:.2f} nats "
        f"per digit, and the bound by the same {gained[0]:.2f}.",
        Figure(f"What the {HIDDEN} units of the first layer look for", "Orange: ink, please; blue: no ink.",
               receptive_fields_picture(first, SIDE), "Ten images of weights, strokes and blobs."),
    )), (Claim("A mirrored machine on top changes nothing", "log P(v) stays, and the bound equals it",
               f"they differ by {tiny(max(unchanged, tight))} nats at most", max(unchanged, tight) < 1e-3),
         Claim("The bound is below log P(v)", "at every stage, on all digits",
               f"by {float((exact - bounds)[-1].max()):.2f} nats at the end", bool((bounds <= exact + 1e-4).all())),
         Claim("Training the second layer raises the bound", "above log P(v) of one layer",
               f"from {worded(bounds[0, 0], '.2f')} to {worded(bounds[-1, 0], '.2f')} nats per digit",
               bool(gained[0] > 0)),
         Claim("A second layer makes unseen digits more probable, too", "exact log P(v) above one layer's",
               f"from {worded(alone[1], '.2f')} to {worded(exact[-1, 1], '.2f')} nats per digit",
               bool(exact[-1, 1] > alone[1])),
         Claim("Every layer's machine fits the data", "the second: the codes; what it gains there, the bound gains",
               f"{fitter:.3f} nats on the codes, {gained[0]:.3f} in the bound",
               bool(abs(fitter - gained[0]) < 1e-3)))  # fmt: skip
