"""Stochastic units whose states are numbers: Gaussian, rectified, and the noisy rectifier."""

import abc
import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from flambeau.errors import ConfigurationError
from flambeau.foundation.memory import kept_apart
from flambeau.foundation.random import uniform
from flambeau.neurons.units import AbstractUnit, Values, continuous, independent, within


class AbstractGaussian(AbstractUnit):
    """What Gaussian units share: f(u; b) = (u - b)² / 2σ², t(u) = u / σ², P(u | s) = N(s, σ²)."""

    @property
    @abc.abstractmethod
    def variance(self) -> Any:
        """σ², a number or one per column."""

    def statistic(self, u: Values) -> Values:
        """u / σ²."""
        return u / self.variance

    def energy(self, u: Values, bias: Array) -> Values:
        """(u - b)² / 2σ²."""
        return (u - bias) ** 2 / (2 * self.variance)

    def log_normaliser(self, net: Values, bias: Array) -> Array:
        """½ log 2πσ² + (s² - b²) / 2σ²."""
        return 0.5 * jnp.log(2 * jnp.pi * self.variance) + (net - bias) * (net + bias) / (2 * self.variance)

    def mean(self, net: Values) -> Values:
        """The net input itself."""
        return net

    def sample(self, net: Values, key: Array) -> Values:
        """s + σ ε."""
        return net + jnp.sqrt(jnp.asarray(self.variance, net.dtype)) * jax.random.normal(key, net.shape, net.dtype)

    def choices(self, columns: int) -> tuple[np.ndarray, ...]:
        """Too many to list."""
        raise continuous(self)

    def bias_for(self, total: Array, count: Array | float) -> Array:
        """The mean."""
        return total / count

    def check(self, values: np.ndarray, where: str) -> None:
        """Any finite number."""


class Gaussian(AbstractGaussian):
    """A real number with a fixed variance: P(u | s) = N(s, σ²). Standardise the data for σ² = 1.

    *Limits.* Learning rates must be 10 to 100 times smaller than for Bernoulli units; with Gaussian units on both sides
    the weights must stay small (singular values below 1), or the density has no end.
    """

    fixed: float = eqx.field(static=True, default=1.0)

    @property
    def variance(self) -> float:
        """The given one."""
        return self.fixed

    def slope(self, u: Values, net: Values, bias: Array, share: Array) -> AbstractUnit:
        """Nothing to learn."""
        return independent(self)


class LearnedGaussian(AbstractGaussian):
    """A real number whose log-variance z is learned, one per column: ∂(-energy)/∂z = e^{-z} [½(u - b)² - u(s - b)].

    Source: Cho, Ilin, Raiko 2011, Improved learning of Gaussian-Bernoulli restricted Boltzmann machines.
    """

    log_variance: Float[Array, " columns"] = eqx.field(converter=kept_apart)

    @property
    def variance(self) -> Array:
        """e^z."""
        return jnp.exp(self.log_variance)

    def slope(self, u: Values, net: Values, bias: Array, share: Array) -> AbstractUnit:
        """Σ share · e^{-z} [½(u - b)² - u(s - b)]."""
        each = 0.5 * (u - bias) ** 2 - u * (net - bias)
        return LearnedGaussian(jnp.exp(-self.log_variance) * (share @ each))


class RectifiedGaussian(AbstractUnit):
    """A number of at least 0 with density ∝ exp(-u²/2 + s u): a truncated Gaussian, the exact form of a ReLU unit."""

    def statistic(self, u: Values) -> Values:
        """u itself."""
        return u

    def energy(self, u: Values, bias: Array) -> Values:
        """½u² - b u."""
        return 0.5 * u**2 - bias * u

    def log_normaliser(self, net: Values, bias: Array) -> Array:
        """Log of Mills' ratio (1 - Φ(-s)) / φ(-s)."""
        near = jnp.maximum(net, -FAR)
        return jnp.where(
            net < -FAR,
            -jnp.log(below(net)),
            0.5 * near**2 + 0.5 * math.log(2 * math.pi) + jax.scipy.special.log_ndtr(near),
        )

    def mean(self, net: Values) -> Values:
        """s + 1 / Mills' ratio, without cancellation far below 0."""
        near = jnp.maximum(net, -FAR)
        ordinary = near + jnp.exp(-self.log_normaliser(near, net))
        return jnp.where(net < -FAR, below(net) + net, ordinary)

    def sample(self, net: Values, key: Array) -> Values:
        """By the inverse of the distribution; far below 0 by Newton's method on the tail."""
        u = uniform(key, net.shape, net.dtype)
        near = jnp.maximum(net, -FAR)
        ordinary = near - jax.scipy.special.ndtri(u * jax.scipy.special.ndtr(near))
        return jnp.maximum(jnp.where(net < -FAR, tail(net, -jnp.log(u)), ordinary), 0)

    def slope(self, u: Values, net: Values, bias: Array, share: Array) -> AbstractUnit:
        """Nothing to learn."""
        return independent(self)

    def choices(self, columns: int) -> tuple[np.ndarray, ...]:
        """Too many to list."""
        raise continuous(self)

    def bias_for(self, total: Array, count: Array | float) -> Array:
        """0: the bias at which the mean is the data's has no closed form."""
        return jnp.zeros_like(total)

    def check(self, values: np.ndarray, where: str) -> None:
        """At least 0."""
        within(values, 0, math.inf, where, "rectified units", "shift the data, or use visible='gaussian'")


FAR = 3.0  # standard deviations below 0 from where on the tail's own formulas are used


def below(net: Values) -> Values:
    """1 / Mills' ratio at t = -s > 0, by Laplace's continued fraction t + 1/(t + 2/(t + 3/(...)))."""
    t = jnp.maximum(-net, FAR)
    fraction = t
    for number in range(40, 0, -1):
        fraction = t + number / fraction
    return fraction


def tail(net: Values, exponential: Values) -> Values:
    """The y ≥ 0 at which the tail beyond t + y, t = -s, has e^{-E} of the mass beyond t."""
    t = jnp.maximum(-net, FAR)
    start = jnp.log(below(-t))
    y = exponential / below(-t)
    for _ in range(4):  # g(y) = t y + y²/2 + log 1/M(t + y) - log 1/M(t) - E is nearly linear, with slope 1/M(t + y)
        steep = below(-(t + y))
        y = jnp.maximum(y - (t * y + 0.5 * y**2 + jnp.log(steep) - start - exponential) / steep, 0)
    return y


class NoisyReLU(AbstractUnit):
    """max(0, s + N(0, sigm(s))): many Bernoulli copies with falling biases, approximately (Nair and Hinton 2010).

    *Limits.* The approximation has no density of its own, so there is no free energy and no likelihood;
    :class:`RectifiedGaussian` is the unit to take where one is wanted.
    """

    def statistic(self, u: Values) -> Values:
        """u itself."""
        return u

    def energy(self, u: Values, bias: Array) -> Values:
        """-b u: the part that learning needs."""
        return -bias * u

    def log_normaliser(self, net: Values, bias: Array) -> Array:
        """Refused."""
        remedy = "use 'relu' units (RectifiedGaussian), whose likelihood exists, or watch reconstructions"
        raise ConfigurationError("NoisyReLU", "a unit with a density", "an approximation without one", remedy)

    def mean(self, net: Values) -> Values:
        """Σ of the copies' probabilities, log(1 + eˢ)."""
        return jax.nn.softplus(net)

    def sample(self, net: Values, key: Array) -> Values:
        """Noise of variance sigm(s), then rectified."""
        noise = jax.random.normal(key, net.shape, net.dtype)
        return jax.nn.relu(net + jnp.sqrt(jax.nn.sigmoid(net)) * noise)

    def slope(self, u: Values, net: Values, bias: Array, share: Array) -> AbstractUnit:
        """Nothing to learn."""
        return independent(self)

    def choices(self, columns: int) -> tuple[np.ndarray, ...]:
        """Too many to list."""
        raise continuous(self)

    def bias_for(self, total: Array, count: Array | float) -> Array:
        """0."""
        return jnp.zeros_like(total)

    def check(self, values: np.ndarray, where: str) -> None:
        """At least 0."""
        within(values, 0, math.inf, where, "rectified units", "shift the data, or use visible='gaussian'")
