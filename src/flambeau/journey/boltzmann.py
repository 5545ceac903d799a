"""The chapter on the restricted Boltzmann machine: an energy, a chain of samples, a difference of two averages."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.boltzmann_bias import steps_of_the_chain
from flambeau.journey.boltzmann_centring import flipped
from flambeau.journey.boltzmann_digits import digit_bits
from flambeau.journey.boltzmann_gradient import gradient
from flambeau.journey.boltzmann_learning import learning, reconstruction
from flambeau.journey.boltzmann_sampling import sampling
from flambeau.journey.boltzmann_table import ExactTable, golden
from flambeau.journey.chapter import Claim, Equation, Figure, Plan, Quote, Section, Setting, Told, tiny, worded
from flambeau.pictures.figures import BLUE, SKY, picture

CLOSE = 1e-6


@eqx.filter_jit
def _asked(machine: fb.networks.RestrictedBoltzmannMachine, v: Array, h: Array) -> tuple[Array, Array, Array]:
    """F(v), E[h | v] and E[v | h], as one program."""
    return machine.free_energy(v), machine(v), machine.reconstruct(h)


def _joint_picture(table: ExactTable, seen: np.ndarray, by_free_energy: np.ndarray) -> bytes:
    """The whole table as squares, and below it P(v) in two ways."""

    def draw(axes: list[Axes]) -> None:
        shown = axes[0].imshow(table.joint.T, cmap="Blues", aspect="auto", vmin=0)
        names, rows = (["".join(f"{unit:.0f}" for unit in state) for state in part] for part in (table.v, table.h))
        axes[0].set(xticks=[], yticks=range(8), yticklabels=rows,
                    ylabel="hidden states h", title="P(v, h): one square for each joint state")  # fmt: skip
        axes[0].grid(False)
        axes[0].figure.colorbar(shown, ax=axes[0], pad=0.015, aspect=14).outline.set_visible(False)
        places = np.arange(16)
        axes[1].bar(places, seen, 0.8, color=SKY, label="columns of the table, summed")
        axes[1].scatter(places, by_free_energy, color=BLUE, s=22, zorder=3, label="e$^{-F(v)}$ / Z")
        axes[1].set(
            xticks=places, ylabel="P(v)", xlabel="visible states v", xlim=(-0.5, 15.5), ylim=(0, 1.25 * seen.max())
        )
        axes[1].set_xticklabels(names, rotation=60)
        axes[1].grid(False, axis="x")
        axes[1].legend(loc="upper left", ncols=2)

    return picture(draw, 2, 1, 4.2, height_ratios=(1.2, 1), sharex=False)


def _energy(setting: Setting) -> Told:
    """All 128 joint states of a small machine: what the energy says, and what follows from it."""
    machine = golden()
    table = ExactTable.of(machine)
    v, h, seen = table.v, table.h, table.joint.sum(axis=1)
    free, mean_h, mean_v = (
        np.asarray(values, np.float64) for values in _asked(machine, jnp.asarray(v), jnp.asarray(h))
    )
    both = fb.analysis.exact_log_partition(machine), float(np.log(np.exp(-free).sum()))
    off_z = float(np.abs(np.asarray(both) - table.log_z).max())
    by_free_energy = np.exp(-free - table.log_z)
    off_v = float(np.abs(by_free_energy - seen).max())
    off_down = float(np.abs(mean_v - table.down.T @ v).max())
    mean = table.up @ h
    off_up = float(np.abs(mean_h - mean).max())
    alone = np.prod(np.where(h[None] > 0, mean[:, None], 1 - mean[:, None]), axis=2)
    off_split = float(np.abs(alone - table.up).max())
    spread = np.cov(h.T, aweights=table.joint.sum(axis=0), bias=True)
    tied = (spread / np.sqrt(np.outer(spread.diagonal(), spread.diagonal())))[np.triu_indices(3, 1)]

    return Section("An energy for every state", (
        "An RBM has a single layer of hidden units which are not connected to each other and have undirected, "
        "symmetrical connections to a layer of visible units, says the lecture. What the visible units show is data; "
        "what the hidden ones say is the machine's own. Every joint state has an energy, and low energy is probable:",
        Equation("energy(v, h) = - h′Wv - b′v - c′h,   P(v, h) = \\frac{e^{-energy(v, h)}}{Z}",
                 "Z sums e to the minus energy over all states"),
        "With four visible and three hidden units there are 128 joint states, so nothing needs to be believed: here "
        "they all are. Summing the hidden units out leaves the *free energy* of a visible state, "
        "`machine.free_energy(v)`:",
        Equation("P(v) = \\frac{e^{-F(v)}}{Z},   F(v) = - b′v - Σ_j log(1 + e^{c_j + Σ_i W_{ji} v_i})",
                 "a sum over hidden units, not over their states"),
        Figure("A whole Boltzmann machine", f"log Z = {table.log_z:.5f}. Each bar below is its column above, summed; "
               "each dot is the free energy's answer.",
               _joint_picture(table, seen, by_free_energy),
               "A heat map of 8 by 16 squares, and 16 bars each with a dot on its end."),
        Equation("P(v_i = 1 | h) = sigm(b_i + Σ_k W_{ki} h_k),   Q(h_j = 1 | v) = sigm(c_j + Σ_k W_{jk} v_k)",
                 "the lecture's two conditionals"),
        "These are not assumptions: a row or a column of the table, made to sum to 1, gives the same numbers. Given v "
        "the hidden units are independent, so one product W v answers for all of them. On their own they are not: "
        f"with v unknown, their correlations are {', '.join(worded(value, '+.2f') for value in tied)}. What they share "
        "is what they know about v.",
    )), (
        Claim("P(v, h) = e^(-energy) / Z: both sides sum to the same Z", "log Z over v, over h and over both, to 10⁻⁵",
              f"{table.log_z:.6f} over both, at most {tiny(off_z)} away", off_z < 1e-5),
        Claim("P(v) = e^(-F(v)) / Z, with the hidden units summed out", "equal to the joint table's sums, to 10⁻⁶",
              f"largest difference {tiny(off_v)}, sum {by_free_energy.sum():.6f}", off_v < CLOSE),
        Claim("P(v_i = 1 | h) = sigm(b_i + Σ_k W_ki h_k)", "the joint table's own conditional, to 10⁻⁶",
              f"8 states x 4 units: largest difference {tiny(off_down)}", off_down < CLOSE),
        Claim("Q(h_j = 1 | v) = sigm(c_j + Σ_k W_jk v_k)", "the joint table's own conditional, to 10⁻⁶",
              f"16 states x 3 units: largest difference {tiny(off_up)}", off_up < CLOSE),
        Claim("Hidden units are not connected to each other", "independent given v, though not without it",
              f"given v equal to the product to {tiny(off_split)}; without v correlated up to "
              f"{np.abs(tied).max():.2f}", bool(off_split < CLOSE and np.abs(tied).max() > 0.01)),
    )  # fmt: skip


PLAN = Plan(
    "restricted_boltzmann_machine",
    "The restricted Boltzmann machine",
    Quote("每层玻尔兹曼机包含一层可见节点和一层不可见节点，每个节点的数值只能取 0 或 "
          "1。采样是指根据隐变量的值来依照概率生成可见变量的过程，"
          "只能通过采样的方式看到网络现在是什么样子。",
          "Every Boltzmann machine holds a layer of visible and a layer of hidden nodes, and each node can "
          "only be 0 or "
          "1. Sampling means to generate visible variables, by their probabilities, from the values of the "
          "hidden ones; "
          "only by sampling can one see what the network is like now."),
    (_energy, sampling, gradient, steps_of_the_chain, learning, reconstruction, digit_bits, flipped),
)  # fmt: skip
