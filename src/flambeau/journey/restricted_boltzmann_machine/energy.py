"""Chapter 7: all states of a small machine, and what follows from their energies."""

import dataclasses
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Telling, section
from flambeau.journey.comparisons import Above, All, Below
from flambeau.journey.restricted_boltzmann_machine.table import ExactTable, golden
from flambeau.pictures.figures import BLUE, SKY

CLOSE = 1e-6
Machine = fb.networks.RestrictedBoltzmannMachine


@eqx.filter_jit
def asked(machine: Machine, v: Array, h: Array) -> tuple[Array, Array, Array]:
    """F(v), E[h | v] and E[v | h], as one program."""
    return machine.free_energy(v), machine(v), machine.reconstruct(h)


def without_biases(machine: Machine) -> Machine:
    """The same weights."""
    return dataclasses.replace(machine, visible_bias=jnp.zeros(4), hidden_bias=jnp.zeros(3))


def _draw(axes: list[Axes], table: ExactTable, seen: np.ndarray, by_free_energy: np.ndarray) -> None:
    """The whole table as squares, and below it P(v) in two ways."""
    shown = axes[0].imshow(table.joint.T, cmap="Blues", aspect="auto", vmin=0)
    names, rows = (["".join(f"{unit:.0f}" for unit in state) for state in part] for part in (table.v, table.h))
    axes[0].set(xticks=[], yticks=range(8), yticklabels=rows, ylabel="hidden states h",
                title="P(v, h): one square for each joint state")  # fmt: skip
    axes[0].grid(False)
    axes[0].figure.colorbar(shown, ax=axes[0], pad=0.015, aspect=14).outline.set_visible(False)
    places = np.arange(16)
    axes[1].bar(places, seen, 0.8, color=SKY, label="columns of the table, summed")
    axes[1].scatter(places, by_free_energy, color=BLUE, s=22, zorder=3, label="e$^{-F(v)}$ / Z")
    axes[1].set(xticks=places, ylabel="P(v)", xlabel="visible states v", xlim=(-0.5, 15.5), ylim=(0, 1.25 * seen.max()))
    axes[1].set_xticklabels(names, rotation=60)
    axes[1].grid(False, axis="x")
    axes[1].legend(loc="upper left", ncols=2)


@section("An energy for every state")
def an_energy(page: Telling) -> None:
    """All 128 joint states of a small machine: what the energy says, and what follows from it."""
    machine = golden()
    ours = page.either("the biases are forgotten", machine, without_biases(machine))
    table = ExactTable.of(machine)
    v, h, seen = table.v, table.h, table.joint.sum(axis=1)
    free, mean_h, mean_v = (np.asarray(part, np.float64) for part in asked(ours, jnp.asarray(v), jnp.asarray(h)))
    both = fb.analysis.exact_log_partition(ours), float(np.log(np.exp(-free).sum()))
    by_free_energy = np.exp(-free - table.log_z)
    joined = ExactTable.of(machine, coupling=page.either("two hidden units are connected", 0.0, 1.0))
    mean = joined.up @ h
    alone = np.prod(np.where(h[None] > 0, mean[:, None], 1 - mean[:, None]), axis=2)
    spread = np.cov(h.T, aweights=table.joint.sum(axis=0), bias=True)
    tied = (spread / np.sqrt(np.outer(spread.diagonal(), spread.diagonal())))[np.triu_indices(3, 1)]
    page.say(
        "*An RBM has a single layer of hidden units which are not connected to each other and have undirected, "
        "symmetrical connections to a layer of visible units*, says the lecture. What the visible units show is data; "
        "what the hidden ones say is the machine's own. Every joint state has an energy, and low energy is probable:"
    )
    page.equation(
        "energy(v, h) = - h′Wv - b′v - c′h,   P(v, h) = \\frac{e^{-energy(v, h)}}{Z}",
        "Z sums e to the minus energy over all states",
    )
    page.say(
        "With four visible and three hidden units there are 128 joint states, so nothing needs to be believed: here "
        "they all are. Summing the hidden units out leaves the *free energy* of a visible state, "
        "`machine.free_energy(v)`:"
    )
    page.equation(
        "P(v) = \\frac{e^{-F(v)}}{Z},   F(v) = - b′v - Σ_j log(1 + e^{c_j + Σ_i W_{ji} v_i})",
        "a sum over hidden units, not over their states",
    )
    page.figure(
        "A whole Boltzmann machine",
        "log Z = {log_z:.5f}. Each bar below is its column above, summed; each dot is the free energy's answer.",
        lambda axes: _draw(axes, table, seen, by_free_energy),
        "A heat map of 8 by 16 squares, and 16 bars each with a dot on its end.",
        grid=(2, 1),
        height=4.2,
        options={"height_ratios": (1.2, 1), "sharex": False},
        log_z=table.log_z,
    )
    page.equation(
        "P(v_i = 1 | h) = sigm(b_i + Σ_k W_{ki} h_k),   Q(h_j = 1 | v) = sigm(c_j + Σ_k W_{jk} v_k)",
        "the lecture's two conditionals",
    )
    page.say(
        "These are not assumptions: a row or a column of the table, made to sum to 1, gives the same numbers. Given v "
        "the hidden units are independent, so one product W v answers for all of them. On their own they are not: with "
        "v unknown, their correlations are {tied:+.2f}. What they share is what they know about v.",
        tied=tied,
    )
    _claimed_energy(page, both, table, by_free_energy, seen, mean_v, v, mean_h, h, tied, alone, joined)


def _claimed_energy(
    page: Telling,
    both: Any,
    table: Any,
    by_free_energy: Any,
    seen: Any,
    mean_v: Any,
    v: Any,
    mean_h: Any,
    h: Any,
    tied: Any,
    alone: Any,
    joined: Any,
) -> None:
    """What is claimed."""
    page.claim(
        "P(v, h) = e^(−energy) / Z: both sides sum to the same Z",
        Below(
            float(np.abs(np.asarray(both) - table.log_z).max()),
            1e-5,
            "log Z over v and over h {found:tiny} from all states",
        ),
        "the biases are forgotten",
    )
    page.beyond(
        "P(v) = e^(−F(v)) / Z, with the hidden units summed out",
        Below(float(np.abs(by_free_energy - seen).max()), CLOSE, "16 states, at most {found:tiny} off"),
        "the biases are forgotten",
    )
    page.claim(
        "P(v_i = 1 | h) = sigm(b_i + Σ_k W_ki h_k)",
        Below(float(np.abs(mean_v - table.down.T @ v).max()), CLOSE, "8 states × 4 units, at most {found:tiny} off"),
        "the biases are forgotten",
    )
    page.claim(
        "Q(h_j = 1 | v) = sigm(c_j + Σ_k W_jk v_k)",
        Below(float(np.abs(mean_h - table.up @ h).max()), CLOSE, "16 states × 3 units, at most {found:tiny} off"),
        "the biases are forgotten",
    )
    page.claim(
        "Hidden units are not connected: within a layer they are independent, given v",
        All(
            Below(float(np.abs(alone - joined.up).max()), CLOSE, "given v {found:tiny} from the product"),
            Above(float(np.abs(tied).max()), 0.01, "without v correlated up to {found:.2f}"),
        ),
        "two hidden units are connected",
    )
