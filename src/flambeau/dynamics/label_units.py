"""Label units beside the others: what class a machine thinks of, exactly, by its free energy.

The last ``classes`` visible columns are one softmax group y. With every class tried in turn,

    log P(y | x) = d_y + Σ_j Γ(c_j + (Wx)_j + U_jy) + constant,

which costs one product for x and one row of net inputs for each class. Lecture: 深度信念网络.
"""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

__all__ = ["class_scores", "complete"]


def class_scores(machine: Any, x: Float[Array, "batch features"], classes: int) -> Float[Array, "batch classes"]:
    """log P(y | x) up to a constant per row, for every class y.

    Arguments: a ``machine`` whose last ``classes`` visible columns are the label; ``x`` without them.
    """
    net = machine.hidden_net(jnp.concatenate([x, jnp.zeros((*x.shape[:-1], classes), x.dtype)], axis=-1))
    codes = jnp.concatenate([jnp.zeros((classes, x.shape[-1]), x.dtype), jnp.eye(classes, dtype=x.dtype)], axis=-1)
    each = machine.structure.project(codes)  # one row of U' for each class

    def score(row: Array) -> Array:
        return machine.hidden.log_normaliser(net + row, machine.hidden_bias).sum(-1)

    return machine.visible_bias[-classes:] + jax.lax.map(score, each).T


def complete(machine: Any, v: Float[Array, "batch visible"], classes: int, key: Array) -> Float[Array, "batch visible"]:
    """Rows whose label columns are all 0 have no label: it is drawn from P(y | x); the others stay as they are."""
    x, y = v[..., :-classes], v[..., -classes:]
    drawn = jax.random.categorical(key, class_scores(machine, x, classes), axis=-1)
    missing = jnp.all(y == 0, axis=-1, keepdims=True)
    return jnp.concatenate([x, jnp.where(missing, jax.nn.one_hot(drawn, classes, dtype=v.dtype), y)], axis=-1)
