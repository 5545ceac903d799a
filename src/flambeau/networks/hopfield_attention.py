r"""A modern associative memory as a layer: what is stored, and what it is asked, are learned projections.

    Q = R W_Q,  K = S W_K,  V = S W_V,      answer = retrieve(Q; K, V) W_O

head by head, for raw queries R and raw stored rows S. One step of softmax at β = 1/√size is Transformer attention;
more steps let the query settle among the keys before it reads.
"""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Shaped

from flambeau.errors import check_value
from flambeau.foundation.memory import kept_apart
from flambeau.networks.attention_separations import AbstractSeparation, separation_of
from flambeau.networks.modern_memory import answer, inverse_temperature
from flambeau.structures.initialisation import draw, drawn_at_once, initialiser
from flambeau.structures.layer import AbstractPassage, Trace


class HopfieldAttention(AbstractPassage):
    """Projections ``queries``, ``keys``, ``values`` ``(inputs, heads, size)``, ``output`` ``(heads, size, outputs)``.

    :func:`hopfield_attention` draws them. ``beta`` β is learned with them unless it is frozen. As a layer of a network
    it asks the rows themselves, ``(batch, rows, inputs)``, and learns by any rule that passes credit down.

    >>> import jax
    >>> layer = hopfield_attention(6, 4, heads=2, outputs=3, key=jax.random.key(0))
    >>> layer(jnp.ones((5, 6)), jnp.ones((7, 6))).shape  # 5 queries, 7 stored rows
    (5, 3)

    *Limits.* Every query sees every stored row, so memory is their product; rows have no places unless their encoding
    says so. Source: Ramsauer et al. 2020; Vaswani et al. 2017. Lecture: Hopfield Network, 联想记忆.
    """

    queries: Float[Array, "inputs heads size"] = eqx.field(converter=kept_apart)
    keys: Float[Array, "inputs heads size"] = eqx.field(converter=kept_apart)
    values: Float[Array, "inputs heads size"] = eqx.field(converter=kept_apart)
    output: Float[Array, "heads size outputs"] = eqx.field(converter=kept_apart)
    beta: Float[Array, ""]
    separation: AbstractSeparation
    steps: int = eqx.field(static=True, default=1)

    def __call__(
        self,
        rows: Float[Array, "*batch rows inputs"],
        stored: Float[Array, "*batch stored inputs"] | None = None,
        mask: Shaped[Array, "*batch rows stored"] | None = None,
    ) -> Float[Array, "*batch rows outputs"]:
        """Answers to ``rows`` from what is ``stored`` (None: the rows themselves), where the ``mask`` lets them see.

        The mask is boolean, True where a stored row may be seen, or is added (0, -inf to hide); a row that may see
        nothing is answered 0. Raises :class:`~flambeau.errors.DataError` for other masks.
        """
        stored = rows if stored is None else stored
        q, k, v = (
            jnp.einsum("...ri,ihs->...hrs", given, weights)
            for given, weights in ((rows, self.queries), (stored, self.keys), (stored, self.values))
        )
        seen = None if mask is None else mask[..., None, :, :]  # the same for every head
        answers = answer(self.separation, self.beta, q, k, v, self.steps, seen)
        return jnp.einsum("...hrs,hso->...ro", answers, self.output)

    def backward(self, trace: Trace, error: Array) -> tuple[Array, "HopfieldAttention"]:
        """Through every step of the retrieval, by the adjoint of the whole."""
        _, pull = eqx.filter_vjp(type(self).__call__, self, trace.x)
        proposal, to_inputs = pull(error)
        return to_inputs, proposal


@drawn_at_once
def hopfield_attention(
    inputs: int,
    size: int,
    heads: int = 1,
    *,
    outputs: int | None = None,
    beta: Any = None,
    steps: int = 1,
    separation: str | AbstractSeparation = "softmax",
    key: Array,
) -> HopfieldAttention:
    """A fresh layer: ``size`` numbers a head, ``outputs`` columns (None: as many as inputs), β None for 1/√size.

    Raises :class:`~flambeau.errors.ConfigurationError` for sizes or steps below 1, or an unknown separation.

    >>> import jax
    >>> hopfield_attention(6, 4, heads=2, outputs=3, key=jax.random.key(0)).output.shape
    (2, 4, 3)
    """
    outputs = inputs if outputs is None else outputs
    sizes = {"inputs": inputs, "size": size, "heads": heads, "outputs": outputs, "steps": steps}
    for name, value in sizes.items():
        check_value(f"hopfield_attention, {name}", value, 1, whole=True)
    inner = heads * size
    numbers = draw(key, [(inputs, inner), (inputs, inner), (inputs, inner), (inner, outputs)])
    q, k, v, o = map(initialiser("glorot"), numbers)  # each projection is one dense layer to all heads
    q, k, v = (part.reshape(inputs, heads, size) for part in (q, k, v))
    o, sharpness = o.reshape(heads, size, outputs), inverse_temperature(beta, size)
    return HopfieldAttention(q, k, v, o, sharpness, separation_of(separation), steps)
