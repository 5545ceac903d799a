"""Chapter 1: the ways of learning, each by one unit or a few."""

import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Telling, section
from flambeau.journey.comparisons import Equal
from flambeau.journey.samples import MeanAbove, MeanBelow
from flambeau.pictures.figures import BLUE, GREY, INK, VERMILLION

CLOUDS = np.asarray([[-1.0, -0.6], [1.0, -0.6], [0.0, 1.1]])
PAYS = (0.2, 0.8)  # how often either of two choices is rewarded
TRIALS, RATE = 300, 0.3


def _together(sign: float) -> np.ndarray:
    """Δw between two neurons that say x₁ and x₂, for the four pairs of −1 and +1."""
    pairs = np.asarray([[-1.0, -1], [-1, 1], [1, -1], [1, 1]])
    rule = fb.rules.Hebbian()
    start = fb.networks.hopfield(2)
    learned = [fb.rules.taught(start, rule, _one(pair)) for pair in pairs]
    return np.asarray([sign * float(network.structure.weights[0, 1]) for network in learned])


def _one(pair: np.ndarray) -> fb.rules.Batch:
    """A single pattern."""
    return fb.rules.Batch.of(pair[None].astype(np.float32), pair[None].astype(np.float32), None)


def compete(seed: int, winners: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Three prototypes and points of three clouds: the nearest ``winners`` move a tenth of the way to each point.

    The points, where the prototypes started and where they end.
    """
    rng = np.random.default_rng(seed)
    x = CLOUDS[rng.integers(0, 3, 600)] + 0.18 * rng.normal(size=(600, 2))
    start = rng.normal(0, 0.3, (3, 2)) + CLOUDS.mean(axis=0)
    w = start.copy()
    for point in x:
        nearest = np.argsort(np.sum((w - point) ** 2, axis=1))[:winners]
        w[nearest] += 0.1 * (point - w[nearest])
    return x, start, w


def distance(w: np.ndarray) -> float:
    """How far the clouds' middles are from the nearest prototype, on average."""
    return float(np.linalg.norm(CLOUDS[:, None] - w, axis=2).min(axis=1).mean())


def by_reward(seed: int, told: bool) -> np.ndarray:
    """How a unit that chooses by chance, P(second) = σ(w), learns from rewards alone: what it chose in every trial."""
    rng, w, mean, chose = np.random.default_rng(seed), 0.0, 0.0, np.zeros(TRIALS, int)
    for trial in range(TRIALS):
        p = 1 / (1 + np.exp(-w))
        chose[trial] = rng.random() < p
        reward = float(rng.random() < PAYS[chose[trial]]) if told else float(rng.random() < 0.5)
        w += RATE * (reward - mean) * (chose[trial] - p)  # more of what was better than usual
        mean += 0.1 * (reward - mean)
    return chose


@section("Ways of learning")
def ways_of_learning(page: Telling) -> None:
    """Hebb's rule, competition, and reward; the rest of the page is about learning from answers."""
    seeds = page.setting.seeds(20, 40, 200)
    moved = _together(page.either("the weight falls instead", 1.0, -1.0))
    winners = page.either("all move, not only the winner", 1, 3)
    ends = [distance(compete(seed, winners)[2]) for seed in seeds]
    told = page.either("the reward does not depend on the choice", True, False)
    chosen = np.asarray([by_reward(seed, told) for seed in seeds])

    def draw(axes: list[Axes]) -> None:
        x, start, w = compete(seeds[0], 1)
        axes[0].scatter(x[:, 0], x[:, 1], s=5, color=GREY, alpha=0.5, linewidths=0)
        for before, after in zip(start, w, strict=True):
            axes[0].annotate("", after, before, arrowprops={"arrowstyle": "-|>", "color": VERMILLION})
        axes[0].set(title="competition: three prototypes", aspect="equal", xlabel="$x_1$", ylabel="$x_2$")
        for row in chosen[:12]:
            axes[1].plot(np.convolve(100 * row, np.ones(20) / 20, "valid"), color=GREY, linewidth=0.6, alpha=0.5)
        axes[1].plot(np.convolve(100 * chosen.mean(axis=0), np.ones(20) / 20, "valid"), color=BLUE, label="mean")
        axes[1].axhline(50, color=INK, linewidth=0.8, linestyle=":")
        axes[1].set(title="reward: two choices", xlabel="trial", ylabel="% the better one", ylim=(0, 103))

    page.say(
        "A unit's weights may be set by what it is told, and by much less. The lecture names the basic ways: 监督、非"
        "监督、强化 (supervised, unsupervised, by reinforcement), and two that are peculiar to brains: *Hebbian* and "
        "*competitive*. Most of these chapters learn from answers, supervised. Here are the others in small."
    )
    page.equation("Δw_{ij} = η x_i x_j", "Hebb: 一个神经的两端的神经元同时激活时，神经的权值将上升")
    page.say(
        "*Hebbian*: when the neurons at both ends of a connection are active together, its weight rises. Nobody says "
        "what would be right. *Competitive*: of three units with a prototype each, only the one nearest to the input "
        "learns, and moves towards it; so they share the world out among themselves. *Reinforcement*: a unit chooses "
        "by chance, is told afterwards how well it went, and does more often what went better than usual."
    )
    page.figure(
        "Learning without answers",
        "Left, arrows lead from where the prototypes began to where {count} points took them. Right, a choice that is "
        "rewarded in 80% of the trials against one in 20%: thin, single starts (means of 20 trials).",
        draw,
        "Left, three clouds with an arrow into each; right, curves that rise from 50 towards 100 percent.",
        grid=(1, 2),
        height=2.9,
        count=600,
    )
    page.claim(
        "Hebbian learning: when both ends are active together, the weight rises",
        Equal(np.sign(moved).astype(int).tolist(), [1, -1, -1, 1], "sign of Δw {found} for (−,−), (−,+), (+,−), (+,+)"),
        "the weight falls instead",
    )
    page.claim(
        "Competitive learning shares the inputs out",
        MeanBelow(ends, 0.25, "prototypes {found:.2f} from the three clouds' middles"),
        "all move, not only the winner",
    )
    page.claim(
        "Reinforcement: a reward alone teaches which choice is better",
        MeanAbove(100 * chosen[:, -100:].mean(axis=1), 70, "the better one in {found:.0f}% of the last 100 trials"),
        "the reward does not depend on the choice",
    )
