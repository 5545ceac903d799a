"""Dense: every sender is wired to every receiver."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Num

from flambeau.foundation.memory import kept_apart
from flambeau.structures.base import AbstractStructure


class Dense(AbstractStructure):
    """Every input is connected to every unit: project(x) = x W.

    Arguments: ``weights`` of shape ``(inputs, units)``. The adjoints are written by hand, each one matrix product:
    backproject(d) = d Wᵀ, correlate(x, d) = xᵀ d. Any number of leading axes counts as batch.

    >>> wiring = Dense(jnp.asarray([[1.0, 2.0], [3.0, 4.0]]))
    >>> wiring.project(jnp.asarray([[1.0, 1.0]])).tolist()
    [[4.0, 6.0]]
    >>> wiring.backproject(jnp.asarray([[1.0, 0.0]])).tolist()
    [[1.0, 3.0]]

    Lecture: 多层感知机 (the multi-layer perceptron).
    """

    weights: Num[Array, "inputs units"] = eqx.field(converter=kept_apart)  # floats are learned, whole numbers are fixed

    @property
    def input_shape(self) -> tuple[int, ...]:
        """``(inputs,)``."""
        return (self.weights.shape[0],)

    @property
    def unit_shape(self) -> tuple[int, ...]:
        """``(units,)``."""
        return (self.weights.shape[1],)

    def project(self, x: Float[Array, "*batch inputs"]) -> Float[Array, "*batch units"]:
        """The product x W."""
        return x @ self.weights

    def backproject(self, d: Float[Array, "*batch units"]) -> Float[Array, "*batch inputs"]:
        """The product d Wᵀ."""
        return d @ self.weights.T

    def correlate(self, pre: Float[Array, "*batch inputs"], post: Float[Array, "*batch units"]) -> Array:
        """The product xᵀ d, summed over all leading axes in one matrix product."""
        return pre.reshape(-1, pre.shape[-1]).T @ post.reshape(-1, post.shape[-1])

    def per_unit(self, v: Float[Array, " units"]) -> Array:
        """A row that broadcasts over the inputs."""
        return jnp.expand_dims(v, 0)


def written_out(wiring: AbstractStructure) -> Float[Array, "inputs units"]:
    """The connections of any wiring between rows of units as a matrix.

    >>> written_out(Dense(jnp.ones((2, 3)))).shape
    (2, 3)
    """
    if isinstance(wiring, Dense):  # a product with the unit matrix, spared
        return wiring.weights
    return wiring.project(jnp.eye(wiring.input_shape[0], dtype=wiring.weights.dtype))
