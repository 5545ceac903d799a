"""Stochastic units side by side, and all kinds by name."""

from itertools import pairwise
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from flambeau.errors import ConfigurationError
from flambeau.neurons.real_units import Gaussian, LearnedGaussian, NoisyReLU, RectifiedGaussian
from flambeau.neurons.units import AbstractUnit, Bernoulli, Categorical, Spin, Values


class Mixed(AbstractUnit):
    """Units of several kinds side by side: pixels and a label, measurements and categories.

    Arguments: ``parts``, the kinds from left to right; ``columns``, how many columns each takes.

    >>> both = Mixed((Bernoulli(), Categorical(3)), (2, 3))
    >>> np.asarray(both.mean(jnp.zeros((1, 5)))).round(3)
    array([[0.5  , 0.5  , 0.333, 0.333, 0.333]], dtype=float32)
    """

    parts: tuple[AbstractUnit, ...]
    columns: tuple[int, ...] = eqx.field(static=True)

    def split(self, values: Any) -> list:
        """The columns of each part."""
        ends = np.cumsum((0, *self.columns))
        return [values[..., low:high] for low, high in pairwise(ends)]

    def each(self, method: str, *arrays: Array) -> list:
        """A method of every part on its own columns."""
        cut = zip(*(self.split(array) for array in arrays), strict=True)
        return [getattr(part, method)(*own) for part, own in zip(self.parts, cut, strict=True)]

    def statistic(self, u: Values) -> Values:
        """Part by part."""
        return jnp.concatenate(self.each("statistic", u), axis=-1)

    def energy(self, u: Values, bias: Array) -> Values:
        """Part by part."""
        return jnp.concatenate(self.each("energy", u, bias), axis=-1)

    def log_normaliser(self, net: Values, bias: Array) -> Array:
        """Part by part."""
        return jnp.concatenate(self.each("log_normaliser", net, bias), axis=-1)

    def mean(self, net: Values) -> Values:
        """Part by part."""
        return jnp.concatenate(self.each("mean", net), axis=-1)

    def sample(self, net: Values, key: Array) -> Values:
        """Part by part, each with its own key."""
        keys = jax.random.split(key, len(self.parts))
        pieces = zip(self.parts, self.split(net), keys, strict=True)
        return jnp.concatenate([part.sample(own, key) for part, own, key in pieces], axis=-1)

    def slope(self, u: Values, net: Values, bias: Array, share: Array) -> AbstractUnit:
        """Part by part."""
        pieces = zip(self.parts, self.split(u), self.split(net), self.split(bias), strict=True)
        return Mixed(tuple(part.slope(own, into, at, share) for part, own, into, at in pieces), self.columns)

    def choices(self, columns: int) -> tuple[np.ndarray, ...]:
        """Part by part."""
        pieces = zip(self.parts, self.columns, strict=True)
        return tuple(states for part, own in pieces for states in part.choices(own))

    def bias_for(self, total: Array, count: Array | float) -> Array:
        """Part by part."""
        pieces = zip(self.parts, self.split(total), strict=True)
        return jnp.concatenate([part.bias_for(own, count) for part, own in pieces], axis=-1)

    def check(self, values: np.ndarray, where: str) -> None:
        """Part by part."""
        for part, own in zip(self.parts, self.split(values), strict=True):
            part.check(own, where)


UNITS: dict[str, AbstractUnit] = {
    "bernoulli": Bernoulli(),
    "spin": Spin(),
    "gaussian": Gaussian(),
    "relu": RectifiedGaussian(),
    "noisy_relu": NoisyReLU(),
}


def unit(name: Any, *, columns: int = 0, categories: int = 0, learn_variance: bool = False) -> AbstractUnit:
    """The unit of that name, or the unit itself.

    ``softmax`` needs its number of ``categories``; ``learn_variance`` makes ``columns`` Gaussian ones learn theirs.

    >>> unit("softmax", categories=3).width
    3

    Raises :class:`~flambeau.errors.ConfigurationError` for an unknown name.
    """
    if isinstance(name, AbstractUnit):
        return name
    if name == "softmax":
        if categories < 2:
            remedy = "set n_categories to the number of columns in a group"
            raise ConfigurationError("softmax units", "at least 2 categories", categories, remedy)
        return Categorical(categories)
    if not isinstance(name, str) or name not in UNITS:
        raise ConfigurationError("unit", f"one of {', '.join(UNITS)}, softmax", repr(name), "choose one")
    if name == "gaussian" and learn_variance:
        return LearnedGaussian(jnp.zeros(columns))
    return UNITS[name]
