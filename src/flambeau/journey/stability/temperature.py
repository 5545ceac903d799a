"""Chapter 9: a temperature turns resting places into probabilities."""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from scipy.stats import chisquare

import flambeau as fb
from flambeau.journey.chapter import Telling, section
from flambeau.journey.comparisons import Below
from flambeau.journey.samples import Consistent
from flambeau.pictures.figures import BLUE, GREY, ORANGE

WEIGHTS = np.asarray([[0.0, -2, 0, 0], [-2, 0, 0, 0], [0, 0, 0, -2], [0, 0, -2, 0]])
SWEEPS = 20
LEVELS = {-4: BLUE, 0: GREY, 4: ORANGE}
AT, MIDDLE = np.asarray([0.7, 1.0, 2.0, 4.0, 8.0]), 2


def _sampled(network: fb.networks.HopfieldNetwork, chains: int, temperature: float, seed: int) -> np.ndarray:
    """How many of so many chains show each of the 16 states, after 20 sweeps from a fair coin's state."""
    start = np.random.default_rng(seed).integers(0, 2, (chains, 4)) * (network.levels[1] - network.levels[0])
    states = jnp.asarray(start + network.levels[0], jnp.float32)
    found = fb.dynamics.settle(network, states, fb.dynamics.Glauber(temperature), key=jax.random.key(seed),
                               max_sweeps=SWEEPS).states  # fmt: skip
    numbers = (np.asarray(found) == network.levels[1]) @ (1 << np.arange(4)[::-1])
    return np.bincount(numbers, minlength=16)


@section("A temperature")
def temperature(page: Telling) -> None:
    """The lecture's four neurons at several temperatures, against all 16 states."""
    chains, seed = page.setting.pick(4_000, 20_000, 200_000), page.setting.seed
    spins = fb.Hopfield.from_weights(WEIGHTS).network_
    networks = {"−1 and +1": spins, "0 and 1": fb.networks.recoded(spins)}
    s = fb.analysis.all_states(fb.neurons.Spin(), 4)
    e = -np.einsum("si,ij,sj->s", s, WEIGHTS, s) / 2
    hotter = page.either("a tenth too hot", 1.0, 1.1)
    counts = [_sampled(spins, chains, float(hotter * t), seed) for t in AT]
    exact = [np.exp(-e / t) / np.exp(-e / t).sum() for t in AT]
    both = {"−1 and +1": counts[MIDDLE], "0 and 1": _sampled(networks["0 and 1"], chains, 2.0 * hotter, seed + 1)}
    off = max(float(np.abs(seen / chains - share).max()) for seen, share in zip(counts, exact, strict=True))
    cold = page.either("it is never cooled", counts[0], counts[-1])
    below = float(np.abs(cold / chains - exact[0]).max())

    def draw(axes: list[Axes]) -> None:
        fine = np.geomspace(0.5, 12, 100)
        weight = np.exp(-e[:, None] / fine)
        curve = weight / weight.sum(axis=0)
        for (level, color), mark in zip(LEVELS.items(), "os^", strict=True):
            axes[0].plot(fine, curve[e == level].sum(axis=0), color=color, label=f"E = {level}".replace("-", "−"))
            axes[0].scatter(AT, [seen[e == level].sum() / chains for seen in counts], color=color, marker=mark, s=28,
                            zorder=3)  # fmt: skip
        axes[0].set(xscale="log", xticks=AT, xticklabels=[f"{t:g}" for t in AT], xlabel="temperature T",
                    ylabel="probability", ylim=(-0.03, 1.05))  # fmt: skip
        axes[0].minorticks_off()
        axes[0].legend(loc="center left", bbox_to_anchor=(1.0, 0.5))

    page.say(
        "A neuron may also follow its input only with some probability. Then nothing rests, but low energies are "
        "visited more often; in the long run, exactly as often as in the Boltzmann machine:"
    )
    page.equation(
        "P(s_i = 1) = σ(\\frac{2 h_i}{T}) for ±1,   σ(\\frac{h_i}{T}) for 0 and 1,   P(s) = \\frac{e^{-E(s)/T}}{Z}",
        "the step between the two states is 2 or 1, hence the factor",
    )
    page.figure(
        "The four neurons of chapter 10's example in the warmth",
        "Curves: all 16 states added up. Dots: {chains:,} chains after {sweeps} sweeps (largest difference {off:.3f}). "
        "At T → 0 only the four minima are left, at high T all 16 states count alike.",
        draw,
        "Three curves with dots on them: E = −4 falls from 1 to a quarter.",
        height=2.5,
        chains=chains,
        sweeps=SWEEPS,
        off=off,
    )
    page.say("In code: `memory.settle(x, fb.dynamics.Glauber(0.5))`.")
    for name, seen in both.items():
        page.beyond(
            f"At a temperature, P(s) = e^(−E/T) / Z (states {name})",
            Consistent(float(chisquare(seen, exact[MIDDLE] * chains).pvalue), f"16 states, {chains:,} chains at T = 2"),
            "a tenth too hot",
        )
    page.beyond(
        "Cooled down, the network is back in its minima",
        Below(below, 0.03, "{found:.3f} from the 16 states' probabilities at T = 0.7", f"{chains:,} chains"),
        "it is never cooled",
    )
