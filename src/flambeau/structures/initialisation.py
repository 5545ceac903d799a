"""How connections start, by name; the draws themselves are JAX's own initialisers."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.nn import initializers
from jaxtyping import Array

from flambeau.errors import ConfigurationError

__all__ = ["INITIALISERS", "initialiser"]

Initialiser = Callable[[Array, tuple[int, ...]], Array]


def dtype() -> jnp.dtype:
    """The float type in force: float32, or float64 where the user switched JAX's 64-bit mode on."""
    return jax.dtypes.canonicalize_dtype(float)


def zeros(key: Array, shape: tuple[int, ...]) -> Array:
    """All connections 0: the perceptron's start."""
    return jnp.zeros(shape, dtype())


def drawn(make: Callable[..., Callable[..., Array]], *arguments: object) -> Initialiser:
    """Bind a JAX initialiser to the float type that is in force when it is called."""

    def draw(key: Array, shape: tuple[int, ...]) -> Array:
        return make(*arguments)(key, shape, dtype())

    return draw


INITIALISERS: dict[str, Initialiser] = {
    "zeros": zeros,
    "glorot": drawn(initializers.glorot_uniform),  # U(±√(6/(n_in + n_out))): Glorot and Bengio 2010
    "he": drawn(initializers.he_normal),  # N(0, 2/n_in): He et al. 2015, for ReLU
    "lecun": drawn(initializers.lecun_normal),  # N(0, 1/n_in): LeCun et al. 1998
    "orthogonal": drawn(initializers.orthogonal),
    "standard": drawn(initializers.variance_scaling, 1 / 3, "fan_in", "uniform"),  # U(±1/√n_in)
}


def initialiser(name: str) -> Initialiser:
    """The initialiser of that name: a function of a key and a shape.

    >>> initialiser("glorot")(jax.random.key(0), (3, 2)).shape
    (3, 2)

    Raises :class:`~flambeau.errors.ConfigurationError` for an unknown name.
    """
    if name not in INITIALISERS:
        raise ConfigurationError("initialiser", f"one of {', '.join(INITIALISERS)}", repr(name), "choose one")
    return INITIALISERS[name]
