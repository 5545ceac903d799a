"""Chapter 9, its end: graded neurons, which flow downhill instead of jumping."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Telling, section
from flambeau.journey.comparisons import All, Below, Equal
from flambeau.pictures.figures import INK, VERMILLION

GAIN, STEP, STEPS = 1.2, 0.05, 300
PAIR = np.asarray([[0.0, -2], [-2, 0]])  # neurons 1 and 2 of the lecture's example
WHEEL = np.asarray([[1.5, -2], [2, 1.5]])


def _energy(v: np.ndarray) -> np.ndarray:
    """E of outputs strictly between −1 and 1, as the text-book writes it, in double precision."""
    integral = v * np.arctanh(v) + np.log1p(-(v**2)) / 2
    return np.asarray(-np.einsum("...i,ij,...j->...", v, PAIR, v) / 2 + integral.sum(-1) / GAIN)


def _watched(network: fb.networks.GradedHopfield, u: Array) -> tuple[Array, Array]:
    """What is kept at each step."""
    return network.output(u), network.energy_of(u)


def flowed(weights: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outputs ``(steps + 1, starts, 2)`` and energies on the way, and which starts came to rest."""
    network = fb.networks.graded_hopfield(weights, gain=GAIN)
    found = fb.dynamics.flow(network.velocity, jnp.asarray(np.arctanh(starts) / GAIN, jnp.float32), step=STEP,
                             tolerance=1e-3, max_steps=STEPS, trace=eqx.Partial(_watched, network))  # fmt: skip
    kept: Any = found.trace
    return np.asarray(kept[1][0]), np.asarray(kept[1][1]), np.asarray(found.still)


@section("Neurons in between")
def graded_stability(page: Telling) -> None:
    """Two neurons: the energy as a landscape, and the ways across it."""
    angles = 2 * np.pi * (np.arange(24) + 0.5) / 24
    ring = 0.93 * np.stack([np.cos(angles), np.sin(angles)], axis=1)
    starts = np.concatenate([ring, np.random.default_rng(page.setting.seed).uniform(-0.3, 0.3, (8, 2))])
    v, e, still = flowed(page.either("one sign changed", PAIR, WHEEL), starts)
    around, _, wheel_still = flowed(page.either("both signs alike", WHEEL, PAIR), starts)
    there = ~np.isnan(e[1:])
    rise = float(np.diff(e, axis=0)[there].max())
    off = float(np.nanmax(np.abs(e - _energy(np.clip(v.astype(float), -1 + 1e-12, 1 - 1e-12)))))
    page.say(
        "Between states 0 and 1 lie all the others; neurons may be read as firing rates. Let each have an inner state "
        "that leaks, and an output between the two levels (Hopfield, 1984):"
    )
    page.equation("τ \\frac{du}{dt} = - u + W v - θ,   v = tanh(β u)", "the flow")
    page.equation(
        "E = - \\frac{1}{2} v^T W v + θ^T v + \\frac{1}{β} Σ_i ∫ artanh(v_i) dv_i,   \\frac{dE}{dt} ≤ 0",
        "the same energy, and one term that keeps v from the corners",
    )
    page.figure(
        "Two neurons as a flow",
        "{count} starts. Left, dark is low: all ways lead down to (1, −1) or (−1, 1), softened. Right, one sign "
        "changed and the neurons hear themselves: a wheel.",
        lambda axes: _draw(axes, starts, v, around),
        "Left, lines over a landscape that end in two red dots; right, lines that wind onto a red ring.",
        grid=(1, 2),
        height=3.5,
        count=len(starts),
    )
    page.say(
        "In code: `fb.ContinuousHopfield(gain=10).fit(x)`, then `memory.trajectory(cue)` for the states and energies "
        "on the way. The higher the gain β, the nearer this is to the network that jumps."
    )
    page.beyond(
        "Graded neurons: the energy falls along the flow, to rest",
        All(
            Below(rise, 1e-5, f"largest change of {int(there.sum()):,} steps {{found:tiny}}"),
            Equal(int(still.sum()), len(starts), "{found} starts at rest"),
            Below(off, 1e-3, "the formula {found:tiny} away"),
        ),
        "one sign changed",
    )
    page.beyond(
        "Without wᵢⱼ = wⱼᵢ the flow need not end",
        Equal(int(wheel_still.sum()), 0, f"{{found}} of {len(starts)} starts come to rest"),
        "both signs alike",
    )


def _draw(axes: list[Axes], starts: np.ndarray, v: np.ndarray, around: np.ndarray) -> None:
    """Downhill, and round for ever."""
    line = np.linspace(-0.999, 0.999, 121)
    axes[0].contourf(line, line, _energy(np.stack(np.meshgrid(line, line), axis=-1)), levels=14, cmap="Blues_r")
    axes[0].plot(v[..., 0], v[..., 1], color=INK, linewidth=0.9)
    ends = np.asarray([way[~np.isnan(way[:, 0])][-1] for way in v.swapaxes(0, 1)])
    axes[0].scatter(ends[:, 0], ends[:, 1], color=VERMILLION, s=34, zorder=4)
    axes[1].plot(around[..., 0], around[..., 1], color=INK, linewidth=0.7)
    axes[1].plot(around[-120:, :, 0], around[-120:, :, 1], color=VERMILLION, linewidth=1.6)
    for panel, title in zip(axes, ("w₁₂ = w₂₁ = −2: downhill", "w₁₂ = −2, w₂₁ = 2: round for ever"), strict=True):
        panel.scatter(starts[:, 0], starts[:, 1], color=INK, s=7, zorder=3)
        panel.set(xlim=(-1.02, 1.02), ylim=(-1.02, 1.02), aspect="equal", xlabel="v₁", ylabel="v₂", title=title)
        panel.grid(False)
