"""The chapter on stability, continued: a temperature turns resting places into probabilities."""

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.axes import Axes
from scipy.stats import chisquare

import flambeau as fb
from flambeau.journey.chapter import Claim, Equation, Figure, Section, Setting, Told
from flambeau.pictures.figures import BLUE, GREY, ORANGE, picture

WEIGHTS = np.asarray([[0.0, -2, 0, 0], [-2, 0, 0, 0], [0, 0, 0, -2], [0, 0, -2, 0]])
SWEEPS = 20
LEVELS = {-4: BLUE, 0: GREY, 4: ORANGE}


def _sampled(network: fb.networks.HopfieldNetwork, chains: int, temperature: float, seed: int) -> np.ndarray:
    """How many of so many chains show each of the 16 states, after 20 sweeps from a fair coin's state."""
    start = np.random.default_rng(seed).integers(0, 2, (chains, 4)) * (network.levels[1] - network.levels[0])
    states = jnp.asarray(start + network.levels[0], jnp.float32)
    found = fb.dynamics.settle(network, states, fb.dynamics.Glauber(temperature), key=jax.random.key(seed),
                               max_sweeps=SWEEPS).states  # fmt: skip
    numbers = (np.asarray(found) == network.levels[1]) @ (1 << np.arange(4)[::-1])
    return np.bincount(numbers, minlength=16)


def temperature(setting: Setting) -> Told:
    """The lecture's four neurons at several temperatures, against all 16 states."""
    chains = setting.pick(4_000, 20_000, 200_000)
    spins = fb.Hopfield.from_weights(WEIGHTS).network_
    networks = {"−1 and +1": spins, "0 and 1": fb.networks.recoded(spins)}
    s = fb.analysis.all_states(fb.neurons.Spin(), 4)
    e = -np.einsum("si,ij,sj->s", s, WEIGHTS, s) / 2
    at = np.asarray([0.7, 1.0, 2.0, 4.0, 8.0])
    counts = [_sampled(spins, chains, float(t), setting.seed) for t in at]
    exact = [np.exp(-e / t) / np.exp(-e / t).sum() for t in at]
    middle = 2
    both = {"−1 and +1": counts[middle], "0 and 1": _sampled(networks["0 and 1"], chains, 2.0, setting.seed + 1)}
    p = {name: float(chisquare(seen, exact[middle] * chains).pvalue) for name, seen in both.items()}
    off = max(float(np.abs(seen / chains - share).max()) for seen, share in zip(counts, exact, strict=True))
    fine = np.geomspace(0.5, 12, 100)
    weight = np.exp(-e[:, None] / fine)
    curve = weight / weight.sum(axis=0)

    def draw(axes: list[Axes]) -> None:
        for (level, color), mark in zip(LEVELS.items(), "os^", strict=True):
            label = f"E = {level}".replace("-", "−")
            axes[0].plot(fine, curve[e == level].sum(axis=0), color=color, label=label)
            axes[0].scatter(at, [seen[e == level].sum() / chains for seen in counts], color=color, marker=mark, s=28,
                            zorder=3)  # fmt: skip
        axes[0].set(xscale="log", xticks=at, xticklabels=[f"{t:g}" for t in at], xlabel="temperature T",
                    ylabel="probability", ylim=(-0.03, 1.05))  # fmt: skip
        axes[0].minorticks_off()
        axes[0].legend(loc="center left", bbox_to_anchor=(1.0, 0.5))

    return Section("A temperature", (
        "A neuron may also follow its input only with some probability. Then nothing rests, but low energies are "
        "visited more often; in the long run, exactly as often as in the Boltzmann machine:",
        Equation("P(s_i = 1) = σ(\\frac{2 h_i}{T}) for ±1,   σ(\\frac{h_i}{T}) for 0 and 1,   P(s) = "
                 "\\frac{e^{-E(s)/T}}{Z}",
                 "the step between the two states is 2 or 1, hence the factor"),
        Figure("The lecture's four neurons in the warmth", f"Curves: all 16 states added up. Dots: {chains:,} chains "
               f"after {SWEEPS} sweeps. At T → 0 only the four minima are left, at high T all 16 states count alike.",
               picture(draw, height=2.5), "Three curves with dots on them: E = −4 falls from 1 to a quarter."),
        "In code: `memory.settle(x, fb.dynamics.Glauber(0.5))`.",
    )), (
        *(Claim(f"At a temperature, P(s) = e^(−E/T) / Z (states {name})", "chi-square over 16 states, p above 0.001",
                f"p = {p[name]:.3f} with {chains:,} chains at T = 2", p[name] > 0.001) for name in p),
        Claim("Cooled down, the network is back in its minima", "by enumeration, at every temperature, to 0.03",
              f"largest difference {off:.4f}; at T = {at[0]:g} "
              f"{counts[0][e == -4].sum() / chains:.1%} are in the four minima",
              off < 0.03),
    )  # fmt: skip
