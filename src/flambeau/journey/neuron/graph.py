"""Chapter 1: a network is units, wires and a rule."""

from typing import Any

import jax
import numpy as np
from matplotlib.axes import Axes

import flambeau as fb
from flambeau.journey.chapter import Telling, section
from flambeau.journey.comparisons import Below, Equal
from flambeau.pictures import panels
from flambeau.pictures.figures import BLUE

SIZES = (2, 3, 1)


def unit_by_unit(network: Any, x: np.ndarray, without: float) -> np.ndarray:
    """Every unit by itself, in plain Python: it knows its senders' outputs, its weights and its threshold."""
    below = [x[:, i] for i in range(x.shape[1])]
    for layer in network.layers:
        weights, bias = np.array(layer.structure.weights, float), np.asarray(layer.bias, float)
        weights[0, 0] *= without
        gathered = [sum(w * y for w, y in zip(column, below, strict=True)) for column in weights.T]
        below = [1 / (1 + np.exp(-(g + b))) for g, b in zip(gathered, bias, strict=True)]
    return np.asarray(below[0])


def solved(network: fb.networks.FeedForward, rate: float) -> bool:
    """Whether the network is right on XOR after 3,000 steps of gradient descent."""
    X, d = fb.problems.xor()
    rule, problem = fb.rules.Backpropagation(), fb.problems.Examples.of(X, d, shuffle=False)
    run = fb.train(network, rule, problem, optimizer=fb.optimizer("sgd", rate), steps=3000, batch_size=4)
    return bool(((np.asarray(run.network(problem.inputs))[:, 0] > 0.5) == d).all())


@section("A graph of units")
def graph(page: Telling) -> None:
    """The smallest whole network: what it computes, and what each of its three elements is for."""
    network = fb.networks.mlp(SIZES, "sigmoid", "sigmoid", key=jax.random.key(1))
    x = np.random.default_rng(page.setting.seed).normal(size=(100, 2)).astype(np.float32)
    by_hand = unit_by_unit(network, x, page.either("a wire is cut", 1.0, 0.0))
    off = float(np.abs(np.asarray(network(x))[:, 0] - by_hand).max())
    flat = fb.networks.mlp((2, 1), "sigmoid", "sigmoid", key=jax.random.key(1))
    without_units = page.either("the hidden units are linear", network, _linear(network))
    works = [solved(without_units, 6.0), solved(flat, 6.0), solved(_linear(network), 6.0), solved(network, 1e-9)]

    def draw(axes: list[Axes]) -> None:
        values = [["$x_1$", "$x_2$"], ["$f$", "$f$", "$f$"], ["$y$"]]
        wires = {(layer, i, j): "" for layer, (below, above) in enumerate(((2, 3), (3, 1)))
                 for i in range(below) for j in range(above)}  # fmt: skip
        panels.wiring(axes[0], values, wires, BLUE)

    page.say(
        "*ANN 是由独立的单元通过某种方式连接而形成的图* (an artificial neural network is a graph that independent "
        "units form by being connected). It is artificial intelligence from the bottom up: first the brain's "
        "structure is imitated, then its functions. The lecture names three elements: neurons, structure, and a way "
        "of learning."
    )
    page.figure(
        "A network of six units and nine wires",
        "Each unit hears only those that are wired to it, and does one thing with what it hears. There is nothing "
        "else.",
        draw,
        "Two input units, three units in the middle and one on top, joined by lines.",
        height=2.6,
    )
    page.say(
        "All three are needed. Take the exclusive or, which later chapters return to: true where one input is on, but "
        "not both. The network above learns it. With linear units in the middle it cannot, without the middle it "
        "cannot, and without learning it does not."
    )
    page.table(
        "Exclusive or, after 3,000 steps",
        ("neurons", "structure", "learning", "all four rows right"),
        [(*row, "yes" if right else "no") for row, right in zip(ELEMENTS, works, strict=True)],
    )
    page.claim(
        "An ANN is a graph of independent units",
        Below(off, 1e-6, "100 inputs, unit by unit: at most {found:tiny} apart"),
        "a wire is cut",
    )
    page.claim(
        "Three important elements: neurons, structure, learning",
        Equal(
            ["yes" if right else "no" for right in works], ["yes", "no", "no", "no"], "{found}: all, and each missing"
        ),
        "the hidden units are linear",
    )


ELEMENTS = (
    ("sigmoid", "2-3-1", "gradient descent"),
    ("sigmoid", "2-1", "gradient descent"),
    ("linear in the middle", "2-3-1", "gradient descent"),
    ("sigmoid", "2-3-1", "none"),
)


def _linear(network: Any) -> fb.networks.FeedForward:
    """The same weights, with units in the middle that only add up."""
    below, above = network.layers
    plain = fb.structures.Layer(below.structure, below.bias, fb.neurons.Identity())
    return fb.networks.FeedForward((plain, above))
