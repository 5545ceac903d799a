r"""The restricted Boltzmann machine: one layer of visible and one of hidden units, wired both ways.

    energy(v, h) = -h'Wv - b'v - c'h,      P(v, h) = e^{-energy} / Z

The connections are one structure: upwards is its ``project``, downwards its ``backproject``, and the statistics that
learning needs are its ``correlate``.
"""

import dataclasses
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from flambeau.dynamics.base import AbstractMachine
from flambeau.errors import ConfigurationError
from flambeau.foundation.memory import kept_apart
from flambeau.neurons import AbstractUnit, Categorical, Mixed, unit
from flambeau.structures.base import AbstractStructure
from flambeau.structures.dense import Dense
from flambeau.structures.initialisation import draw, drawn_at_once, normal

START = 0.01  # standard deviation of the first weights (Hinton 2010, A practical guide)


class RestrictedBoltzmannMachine(AbstractMachine):
    """Visible and hidden units, nothing within a side, everything across.

    Arguments: ``structure`` from visible to hidden, weights ``(visible, hidden)`` if dense; ``visible_bias`` b,
    ``hidden_bias`` c; the kinds of ``visible`` and ``hidden`` units, see :mod:`flambeau.neurons.units`; ``label``, how
    many of the last visible columns are one (:mod:`flambeau.dynamics.label_units`).

    >>> import jax
    >>> machine = rbm(4, 3, key=jax.random.key(0))
    >>> machine(jnp.ones((4, 4))).shape, machine.free_energy(jnp.ones((4, 4))).shape
    ((4, 3), (4,))

    *Limits.* Its Z is a sum over all states of one side: exact for about 25 units, estimated beyond
    (:func:`flambeau.analysis.log_partition`). Source: Smolensky 1986; Hinton 2002. Lecture: 深度信念网络.
    """

    structure: AbstractStructure
    visible_bias: Float[Array, " visible"] = eqx.field(converter=kept_apart)
    hidden_bias: Float[Array, " hidden"] = eqx.field(converter=kept_apart)
    visible: AbstractUnit
    hidden: AbstractUnit
    label: int = eqx.field(static=True, default=0)

    def hidden_net(self, v: Float[Array, "*batch visible"]) -> Float[Array, "*batch hidden"]:
        """What the hidden units receive, c + W t(v)."""
        return self.hidden_bias + self.structure.project(self.visible.statistic(v))

    def visible_net(self, h: Float[Array, "*batch hidden"]) -> Float[Array, "*batch visible"]:
        """What the visible units receive, b + W' t(h)."""
        return self.visible_bias + self.structure.backproject(self.hidden.statistic(h))

    def __call__(self, v: Float[Array | np.ndarray, "*batch visible"]) -> Float[Array, "*batch hidden"]:
        """E[h | v], for Bernoulli units Q(h = 1 | v)."""
        return self.hidden.mean(self.hidden_net(jnp.asarray(v)))

    def reconstruct(self, h: Float[Array | np.ndarray, "*batch hidden"]) -> Float[Array, "*batch visible"]:
        """E[v | h]."""
        return self.visible.mean(self.visible_net(jnp.asarray(h)))

    def energy(self, v: Float[Array, "*batch visible"], h: Float[Array, "*batch hidden"]) -> Float[Array, "*batch"]:
        """The energy of a joint state: f(v; b) + f(h; c) - t(h)' W t(v)."""
        own = self.visible.energy(v, self.visible_bias).sum(-1) + self.hidden.energy(h, self.hidden_bias).sum(-1)
        return own - (self.hidden.statistic(h) * self.structure.project(self.visible.statistic(v))).sum(-1)

    def free_energy(self, v: Float[Array, "*batch visible"]) -> Float[Array, "*batch"]:
        """F(v) = -log Σ_h e^{-energy(v, h)}, so that log P(v) = -F(v) - log Z."""
        summed = self.hidden.log_normaliser(self.hidden_net(v), self.hidden_bias).sum(-1)
        return self.visible.energy(v, self.visible_bias).sum(-1) - summed

    def hidden_free_energy(self, h: Float[Array, "*batch hidden"]) -> Float[Array, "*batch"]:
        """-log Σ_v e^{-energy(v, h)}: the same with the sides exchanged."""
        summed = self.visible.log_normaliser(self.visible_net(h), self.visible_bias).sum(-1)
        return self.hidden.energy(h, self.hidden_bias).sum(-1) - summed

    @property
    def features(self) -> AbstractUnit:
        """The kind of the visible units, the label apart."""
        return self.visible.parts[0] if isinstance(self.visible, Mixed) and self.label else self.visible

    def at(self, beta: Any, base: Float[Array, " visible"]) -> "RestrictedBoltzmannMachine":
        """The machine a share ``beta`` of the way from independent visible units with biases ``base`` to this one."""
        weights = self.structure.with_weights(beta * self.structure.weights)
        bias = (1 - beta) * base + beta * self.visible_bias
        return dataclasses.replace(self, structure=weights, visible_bias=bias, hidden_bias=beta * self.hidden_bias)


@drawn_at_once
def rbm(
    visible_units: int,
    hidden_units: int,
    visible: str | AbstractUnit = "bernoulli",
    hidden: str | AbstractUnit = "bernoulli",
    *,
    label: int = 0,
    categories: int = 0,
    learn_variance: bool = False,
    visible_bias: Any = None,
    centered: bool = False,
    deviation: float = START,
    key: Array,
) -> RestrictedBoltzmannMachine:
    """A fresh machine: weights from N(0, 0.01²), hidden biases 0, visible biases 0 or as given.

    Arguments: numbers of columns; kinds of unit; ``label``, how many classes stand beside the visible units, in columns
    of their own after them; ``categories`` of softmax groups; ``learn_variance`` of Gaussian visible units;
    ``centered`` counts the biases from the units' means, so that a unit receives its bias where the other side is
    at its mean, and data and their negatives start alike.

    Raises :class:`~flambeau.errors.ConfigurationError` for sizes below 1 or units that do not fit.

    >>> import jax
    >>> rbm(4, 3, key=jax.random.key(0)).structure.weights.shape
    (4, 3)
    >>> rbm(4, 3, label=2, key=jax.random.key(0)).structure.weights.shape
    (6, 3)
    """
    if min(visible_units, hidden_units) < 1:
        raise ConfigurationError("rbm", "at least one unit on each side", (visible_units, hidden_units), "add units")
    if label and label < 2:
        raise ConfigurationError("rbm.label", "at least 2 classes, or 0 for no label", label, "count the classes")
    shown = unit(visible, columns=visible_units, categories=categories, learn_variance=learn_variance)
    columns = visible_units + label
    (numbers,) = draw(key, [(columns, hidden_units)])
    weights = normal(numbers, deviation)
    bias = jnp.zeros(columns, weights.dtype) if visible_bias is None else jnp.asarray(visible_bias, weights.dtype)
    machine = RestrictedBoltzmannMachine(
        Dense(weights),
        bias,
        jnp.zeros(hidden_units, weights.dtype),
        Mixed((shown, Categorical(label)), (visible_units, label)) if label else shown,
        unit(hidden, columns=hidden_units, categories=categories),
        label,
    )
    return counted_from_means(machine) if centered else machine


def counted_from_means(machine: RestrictedBoltzmannMachine) -> RestrictedBoltzmannMachine:
    """The machine with b - W'λ and c - Wμ for biases, where μ and λ are the statistics' means at the biases alone."""
    mu = machine.visible.statistic(machine.visible.mean(machine.visible_bias))[None]
    lam = machine.hidden.statistic(machine.hidden.mean(machine.hidden_bias))[None]
    return dataclasses.replace(
        machine,
        visible_bias=machine.visible_bias - machine.structure.backproject(lam)[0],
        hidden_bias=machine.hidden_bias - machine.structure.project(mu)[0],
    )
