"""Chapter 7: the gradient, which no chain of finite length quite gives."""

from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

import flambeau as fb
from flambeau.journey.chapter import Telling, section
from flambeau.journey.comparisons import All, Below
from flambeau.journey.restricted_boltzmann_machine.table import ExactTable, arrays, golden

SHOWN = np.asarray([[1.0, 0.0, 1.0, 1.0]])


def log_p(theta: np.ndarray) -> float:
    """log P(v₀) of the small machine with these 12 weights and 4 + 3 biases, by listing; in double precision."""
    weights, b, c = theta[:12].reshape(4, 3), theta[12:16], theta[16:]
    v, h = np.indices((2,) * 4).reshape(4, -1).T, np.indices((2,) * 3).reshape(3, -1).T

    def summed(rows: np.ndarray) -> float:
        return float(np.log(np.exp(rows @ weights @ h.T + (rows @ b)[:, None] + h @ c).sum()))

    return summed(SHOWN) - summed(v)


class Look(NamedTuple):
    """Of one machine: the exact proposal for a batch, CD-1's with the particles it drew, and passes down from h."""

    exact: Any
    sampled: Any
    particles: Any
    down: Array


@eqx.filter_jit
def look(machine: Any, held: fb.rules.Batch, every: fb.rules.Batch, h: Array, key: Array) -> Look:
    """All of it as one program. A proposal points downhill in the likelihood: the optimiser walks against it."""
    exact = fb.rules.ContrastiveDivergence(fb.dynamics.Enumeration(), centered=False)
    cd = fb.rules.ContrastiveDivergence(fb.dynamics.FromData(1), centered=False)
    sampled, _, info = cd.propose(machine, every, cd.init(machine, every), key)
    down = fb.dynamics.sample_visible(machine, h, key)
    return Look(exact.propose(machine, held, exact.init(machine, held), key)[0], sampled, info["particles"], down)


def two_correlations(machine: Any, v0: np.ndarray, vk: np.ndarray, machines_part: float) -> np.ndarray:
    """⟨v q'⟩ of the data less that of the particles, q = Q(h | v): what a step adds to W, but for the rate."""
    weights, _, c = (values.astype(float) for values in arrays(machine))
    q0, qk = (1 / (1 + np.exp(-(c + v @ weights))) for v in (v0, vk))
    return np.asarray((v0.T @ q0 - machines_part * vk.T @ qk) / len(v0))


@section("Learning: the difference of two averages")
def gradient(page: Telling) -> None:
    """The exact gradient of a small machine by its rule, by the lecture's formula and by trying; and one step of it."""
    machine = golden()
    table = ExactTable.of(machine)
    held, every = (fb.problems.Examples.of(rows, np.zeros(len(rows))).everything() for rows in (SHOWN, table.v))
    h = jnp.asarray(np.tile(table.h[5], (20, 1)), jnp.float32)
    found = look(machine, held, every, h, jax.random.key(page.setting.seed))
    ours = -np.concatenate([values.ravel() for values in arrays(found.exact)])
    theta = np.concatenate([values.ravel().astype(float) for values in arrays(machine)])
    tried = np.asarray([(log_p(theta + 1e-5 * one) - log_p(theta - 1e-5 * one)) / 2e-5 for one in np.eye(19)])
    data = (table.v == SHOWN).all(axis=1).astype(float)
    sides = zip(table.averages(data), table.averages(table.joint.sum(axis=1)), strict=True)
    dreams = page.either("the second average is left out", 1.0, 0.0)
    formula = np.concatenate([(seen - dreams * dreamt).ravel() for seen, dreamt in sides])
    moved = -arrays(found.sampled)[0]
    particles = np.asarray(found.particles.visible)
    by_hand = two_correlations(machine, table.v, particles, page.either("the particles have no say", 1.0, 0.0))
    page.say(
        "Learning should make the training pictures probable: 使用 MLE 作为目标函数 (maximum likelihood is the "
        "goal). The lecture derives the slope of log P(v₀) in any weight or bias θ. It has two terms: what the "
        "energy's slope is on average while the data are held, and what it is when the machine is left to itself."
    )
    page.equation(
        "\\frac{∂ log P(v_0)}{∂θ} = - Σ_{h} Q(h|v_0) \\frac{∂ energy(v_0, h)}{∂θ} + Σ_{v,h} P(v, h) "
        "\\frac{∂ energy(v, h)}{∂θ}",
        "the first term can be written down, the second needs all states",
    )
    page.say("For a weight the energy's slope is $- h_j v_i$, so what remains is a difference of two correlations:")
    page.equation(
        "Δw_{ji} = η (⟨v_i h_j⟩_{data} - ⟨v_i h_j⟩_{machine})",
        "Hebb's rule on what is seen, and its opposite on what the machine shows when it is left to itself",
    )
    page.say(
        "A correction, kindly meant. The lecture describes a round of training as 正向传播（调整隐变量的节点数值）和"
        "反向传播（调整连边权重）, a pass forward that sets the hidden nodes and a pass backward that sets the "
        "weights. The pass backward sets no weights: *up samples h, down samples v*, both with the weights as they "
        "are. Twenty passes down from one hidden state showed {shown} different visible states. The weights move "
        "afterwards, once, by the difference of the two correlations. (Back-propagation does compute its slopes on "
        "the way down; an RBM has no error to send back.)",
        shown=len(np.unique(np.asarray(found.down), axis=0)),
    )
    page.claim(
        "∂ log P(v₀)/∂θ is the difference of two averages",
        All(
            Below(float(np.abs(ours - tried).max()), 1e-5, "19 slopes by the rule {found:tiny} from those by trying"),
            Below(float(np.abs(formula - tried).max()), 1e-5, "by the lecture's formula {found:tiny}"),
        ),
        "the second average is left out",
    )
    page.claim(
        "The weights move by the difference of two correlations",
        Below(
            float(np.abs(moved - by_hand).max()), 1e-6, "CD-1's 12 weights {found:tiny} from its particles', by hand"
        ),
        "the particles have no say",
    )
