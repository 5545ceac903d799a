"""Label units beside the others: what class a machine thinks of, exactly, by its free energy.

The last ``machine.label`` visible columns are one softmax group y. With every class tried in turn,

    log P(y | x) = d_y + Σ_j Γ(c_j + (Wx)_j + U_jy) + constant,

which costs one product for x and one row of net inputs for each class. Lecture: 深度信念网络.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from flambeau.dynamics.base import AbstractMachine


def without_label(machine: AbstractMachine, x: Float[Array, "batch features"]) -> Float[Array, "batch visible"]:
    """Rows as the machine sees them when their label is missing: its columns are 0."""
    return jnp.concatenate([x, jnp.zeros((*x.shape[:-1], machine.label), x.dtype)], axis=-1)


def each_label(machine: AbstractMachine, like: Array) -> Float[Array, "label visible"]:
    """Visible rows that show one label each and nothing else, in the precision of ``like``."""
    features = machine.visible_bias.shape[-1] - machine.label
    blank = jnp.zeros((machine.label, features), like.dtype)
    return jnp.concatenate([blank, jnp.eye(machine.label, dtype=like.dtype)], axis=-1)


def class_scores(machine: AbstractMachine, x: Float[Array, "batch features"]) -> Float[Array, "batch label"]:
    """log P(y | x) up to a constant per row, for every class y; ``x`` without the label columns."""
    net = machine.hidden_net(without_label(machine, x))
    each = machine.structure.project(each_label(machine, x))  # one row of U' for each class

    def score(row: Array) -> Array:
        return machine.hidden.log_normaliser(net + row, machine.hidden_bias).sum(-1)

    return machine.visible_bias[-machine.label :] + jax.lax.map(score, each).T


def complete(machine: AbstractMachine, v: Float[Array, "batch visible"], key: Array) -> Float[Array, "batch visible"]:
    """Rows whose label columns are all 0 have no label: it is drawn from P(y | x); the others stay as they are.

    Where every row has one, nothing is computed (except under ``vmap``); so it is for machines without a label.
    """
    if not machine.label:
        return v
    missing = jnp.all(v[..., -machine.label :] == 0, axis=-1, keepdims=True)

    def drawn(v: Array) -> Array:
        x, y = v[..., : -machine.label], v[..., -machine.label :]
        classes = jax.random.categorical(key, class_scores(machine, x), axis=-1)
        label = jnp.where(missing, jax.nn.one_hot(classes, machine.label, dtype=v.dtype), y)
        return jnp.concatenate([x, label], axis=-1)

    return jax.lax.cond(jnp.any(missing), drawn, lambda v: v, v)
