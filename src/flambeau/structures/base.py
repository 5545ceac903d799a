"""What every structure knows: three linear verbs, and one small helper.

A structure is a wiring with weights w. ``project`` carries activity forward and is written by hand; the other two
verbs are its adjoints, in the input and in the weights, so that for every x, d and w

    <d, project(x)>  =  <backproject(d), x>  =  <correlate(x, d), w>.

One contract test holds all structures to that line. An RBM's downward pass *is* ``backproject``, Hebb's rule *is*
``correlate(x, y)``, the perceptron rule *is* ``correlate(x, d - y)``; no rule ever asks what structure it is on.

Lecture: 两种网络结构 (the structures of networks).
"""

import abc
import dataclasses
from typing import ClassVar, TypeVar

import equinox as eqx
import jax
from jaxtyping import Array, Float

from flambeau.structures.memory_layout import AbstractLayout, RowLayout

Structure = TypeVar("Structure", bound="AbstractStructure")


class AbstractStructure(eqx.Module):
    """A wiring between ``input_shape`` senders and ``unit_shape`` receivers, with ``weights``.

    A new structure writes :meth:`project` and :meth:`per_unit`, names its shapes, and takes the two adjoints from
    :func:`derived_backproject` and :func:`derived_correlate` unless it knows a faster form::

        backproject = derived_backproject
        correlate = derived_correlate

    ``layout`` says how its units lie in memory: in rows, or as images.
    """

    weights: eqx.AbstractVar[Array]
    layout: ClassVar[AbstractLayout] = RowLayout()

    @property
    @abc.abstractmethod
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one example's input."""

    @property
    @abc.abstractmethod
    def unit_shape(self) -> tuple[int, ...]:
        """Shape of one example's output."""

    @abc.abstractmethod
    def project(self, x: Float[Array, "batch ..."]) -> Float[Array, "batch ..."]:
        """Forward: what each receiving unit collects from x, linear in x and in the weights."""

    @abc.abstractmethod
    def backproject(self, d: Float[Array, "batch ..."]) -> Float[Array, "batch ..."]:
        """Backward: the adjoint of :meth:`project` in the input."""

    @abc.abstractmethod
    def correlate(self, pre: Float[Array, "batch ..."], post: Float[Array, "batch ..."]) -> Array:
        """Weight-shaped: the adjoint of :meth:`project` in the weights, summed over the batch."""

    @abc.abstractmethod
    def per_unit(self, v: Float[Array, " units"]) -> Array:
        """One number per receiving unit, shaped to broadcast against the weights (``per_unit(y**2) * weights``)."""

    def with_weights(self: Structure, weights: Array) -> Structure:
        """The same wiring carrying other weights."""
        return dataclasses.replace(self, weights=weights)


def derived_backproject(structure: AbstractStructure, d: Float[Array, "batch ..."]) -> Float[Array, "batch ..."]:
    """The adjoint of ``structure.project`` in its input, by linear transposition."""
    senders = jax.ShapeDtypeStruct((d.shape[0], *structure.input_shape), d.dtype)
    (back,) = jax.linear_transpose(structure.project, senders)(d)
    return back


def derived_correlate(
    structure: AbstractStructure, pre: Float[Array, "batch ..."], post: Float[Array, "batch ..."]
) -> Array:
    """The adjoint of ``structure.project`` in its weights, by linear transposition."""

    def project(weights: Array) -> Array:
        return structure.with_weights(weights).project(pre)

    (back,) = jax.linear_transpose(project, structure.weights)(post)
    return back
