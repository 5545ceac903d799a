"""How connections start, by name.

An initialiser turns uniform numbers into weights. Drawing is left to the caller, who draws once for a whole network,
because what costs time is compiling a draw, not making it.
"""

import functools
import math
from collections.abc import Callable
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from flambeau.errors import named
from flambeau.foundation.precision import dtype
from flambeau.foundation.programs import run_once
from flambeau.foundation.random import key_of, uniforms

MANY = 50  # layers: so many are drawn one by one
Initialiser = Callable[[Array], Array]
Network = TypeVar("Network")


def draw(key: Array, shapes: list[tuple[int, ...]]) -> list[Float[Array, "..."]]:
    """Uniform numbers in (0, 1) in arrays of those shapes, from one draw."""
    sizes = [math.prod(shape) for shape in shapes]
    numbers = uniforms(key, sum(sizes), dtype())
    ends = [sum(sizes[: place + 1]) for place in range(len(sizes))]
    parts = zip(shapes, sizes, ends, strict=True)
    return [numbers[end - size : end].reshape(shape) for shape, size, end in parts]


def drawn_at_once(make: Callable[..., Network]) -> Callable[..., Network]:
    """A function that draws a network from its ``key``, as one compiled program instead of dozens of small ones.

    A program grows with the arrays that it returns, small ones for equal shapes are found again: so the layers of a
    very deep network (an argument lists more than ``MANY`` sizes) are drawn one by one.
    """

    @run_once
    def compiled(arguments: tuple, settings: dict[str, Any], seed: Array) -> Network:
        return make(*arguments, key=key_of(seed), **settings)

    @functools.wraps(make)
    def drawn(*arguments: Any, key: Array, **settings: Any) -> Network:
        given = (*arguments, *settings.values())
        if any(len(each) > MANY for each in given if isinstance(each, tuple | list)):
            return make(*arguments, key=key, **settings)
        return compiled(*jax.tree.map(size_of, (arguments, settings)), jax.random.key_data(key)[-2:])

    return drawn


def size_of(given: Any) -> Any:
    """NumPy's whole numbers as Python's: to a compiled function they would be arrays, here they are sizes."""
    whole = isinstance(given, np.generic | np.ndarray) and np.issubdtype(given.dtype, np.integer)
    return given.tolist() if whole or isinstance(given, np.generic) else given


def fan_in(u: Array) -> int:
    """Inputs of one unit: all axes but the last."""
    return math.prod(u.shape[:-1])


def fan_out(u: Array) -> int:
    """Units that one input of the last-but-one axis reaches, through every shared position."""
    return math.prod(u.shape[:-2]) * u.shape[-1]


def zeros(u: Array) -> Array:
    """All connections 0: the perceptron's start."""
    return jnp.zeros_like(u)


def _uniform(u: Array, limit: float) -> Array:
    """U(±limit)."""
    return (2 * u - 1) * limit


def normal(u: Array, deviation: float) -> Array:
    """N(0, deviation²)."""
    return jax.scipy.stats.norm.ppf(u) * deviation


def orthogonal(u: Array) -> Array:
    """Orthonormal columns (or rows, where there are more units than inputs), uniform over all such matrices."""
    flat = normal(u, 1.0).reshape(-1, u.shape[-1])
    tall = flat if flat.shape[0] >= flat.shape[1] else flat.T
    q, r = jnp.linalg.qr(tall)
    q = q * jnp.sign(jnp.diag(r))  # without it the draw is not uniform (Mezzadri 2007)
    return (q if tall is flat else q.T).reshape(u.shape)


INITIALISERS: dict[str, Initialiser] = {
    "zeros": zeros,
    "glorot": lambda u: _uniform(u, math.sqrt(6 / (fan_in(u) + fan_out(u)))),  # Glorot and Bengio 2010
    "he": lambda u: normal(u, math.sqrt(2 / fan_in(u))),  # He et al. 2015, for ReLU
    "lecun": lambda u: normal(u, math.sqrt(1 / fan_in(u))),  # LeCun et al. 1998
    "orthogonal": orthogonal,  # Saxe et al. 2014
    "standard": lambda u: _uniform(u, math.sqrt(1 / fan_in(u))),  # the older habit, U(±1/√n_in)
}


def initialiser(name: Any) -> Initialiser:
    """The initialiser of that name: a function from uniform numbers to weights of the same shape.

    >>> initialiser("glorot")(jnp.full((3, 2), 0.5)).tolist()
    [[0.0, 0.0], [0.0, 0.0], [0.0, 0.0]]

    Raises :class:`~flambeau.errors.ConfigurationError` for an unknown name.
    """
    return named("initialiser", INITIALISERS, name)
