"""Chapter 2: the rule against the gradient of the squared error."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import flambeau as fb
from flambeau.journey.chapter import Telling, section
from flambeau.journey.comparisons import Below

START = jnp.asarray([[0.4], [-0.3]])
STEP = fb.neurons.Step(), fb.rules.PerceptronRule(), 4  # the rule adds the four examples up
LINEAR = fb.neurons.Identity(), fb.rules.LeastMeanSquares(), 1


def _unit(weights: Any, f: fb.neurons.AbstractActivation) -> fb.networks.FeedForward:
    """One unit with two inputs."""
    return fb.networks.FeedForward((fb.structures.Layer(fb.structures.Dense(weights), jnp.asarray([0.1]), f),))


def both(f: fb.neurons.AbstractActivation, rule: fb.rules.AbstractRule, of: int) -> tuple[np.ndarray, np.ndarray]:
    """The gradient of e = ½ Σ (d - y)², a mean over the four examples of AND, and what the rule proposes."""
    X, d = fb.problems.logic_gate("and")
    batch = fb.rules.Batch.of(X.astype(np.float32), d[:, None].astype(np.float32), None)
    slope = jax.grad(lambda w: jnp.mean((batch.targets - _unit(w, f)(batch.inputs)) ** 2) / 2)(START)
    proposal = rule.propose(_unit(START, f), batch, (), jax.random.key(0))[0]
    return np.asarray(slope).ravel(), np.asarray(proposal.layers[0].structure.weights).ravel() / of


@section("Whose gradient?")
def whose_gradient(page: Telling) -> None:
    """Through a step and through a linear unit."""
    slope, rule = both(*page.either("a linear unit for the step", STEP, LINEAR))
    linear, least = both(*page.either("a step for the linear unit", LINEAR, STEP))
    page.say(
        "The lecture says of the rule: 这实际是一个平方损失求导，进行梯度下降 (this is in fact the derivative of the "
        "squared loss, gradient descent). With a *linear* unit it is, exactly: that is Widrow and Hoff's rule of 1960. "
        "With the 0-1 step it cannot be: the step is flat, and the gradient of its error is 0 almost everywhere."
    )
    page.equation(
        r"\frac{∂}{∂w_i} ½ (d - y)^2 = (y - d) f′(s) x_i",
        "the perceptron rule leaves out f′, and so it can learn where the gradient is silent",
    )
    page.say(
        "On AND, at one set of weights, the gradient through the step is ({slope:.2g}) and the rule's move "
        "({rule:.2g}). What the perceptron does descend is another error, $(y - d) s$ with $y$ held fixed: how far the "
        "net input of a wrongly answered example lies on the wrong side.",
        slope=slope,
        rule=rule,
    )
    page.claim(
        "The 0-1 unit's rule is the derivative of the squared loss",
        Below(float(np.abs(slope - rule).max()), 1e-6, "gradient and rule {found:tiny} apart"),
        "a linear unit for the step",
        correction="A step has slope 0 wherever it has one. With a linear unit in its place it holds (next row).",
    )
    page.claim(
        "With a linear unit it is",
        Below(float(np.abs(linear - least).max()), 1e-6, "gradient and rule {found:tiny} apart"),
        "a step for the linear unit",
    )
