"""Singular values of the Jacobians: by how much a layer stretches and squeezes what passes through it."""

from typing import ClassVar

import equinox as eqx
from jaxtyping import Array, Float, PyTree

from flambeau.analysis.jacobian_spectrum import EXACT, STEPS, spectrum
from flambeau.foundation.memory import on_device
from flambeau.foundation.precision import dtype
from flambeau.training.monitoring import AbstractRoundMonitor

__all__ = ["JacobianSpectrum"]


class JacobianSpectrum(AbstractRoundMonitor):
    """Singular values of every layer's Jacobian J_l = ∂y_l/∂y_{l-1} = diag(f') Wᵀ on a fixed ``probe``, every round.

    Records, each ``(rounds, rows + 1)``: ``largest``, ``smallest``, ``mean`` singular value and ``condition`` number,
    averaged over the probe's examples as :func:`~flambeau.analysis.jacobian_spectrum` says; the last column is the
    whole stack, from inputs to outputs. A layer whose values lie below 1 shrinks the gradient on its way down.

    >>> import jax
    >>> import flambeau as fb
    >>> X, d = fb.problems.xor()
    >>> run = fb.train(fb.networks.mlp((2, 4, 1), key=jax.random.key(0)), fb.rules.Backpropagation(),
    ...                fb.problems.Examples.of(X, d), steps=3, batch_size=4, monitors=(JacobianSpectrum.on(X),))
    >>> run.records["jacobian_spectrum"]["largest"].shape
    (3, 3)

    *Limits.* It costs a decomposition per example and layer, so a probe of ten examples is plenty; a layer that goes by
    steps also takes a second or two to compile.
    Source: Saxe, McClelland, Ganguli 2014; Glorot and Bengio 2010. Lecture: 为什么传统的 BP 在深度增加后仍有问题.
    """

    name: ClassVar[str] = "jacobian_spectrum"
    probe: Float[Array, "examples ..."]
    exact: int = eqx.field(static=True, default=EXACT)
    steps: int = eqx.field(static=True, default=STEPS)

    @classmethod
    def on(cls, probe: object, exact: int = EXACT, steps: int = STEPS) -> "JacobianSpectrum":
        """On the inputs ``probe`` ``(examples, ...)``, an array-like."""
        return cls(on_device(probe, dtype()), exact, steps)

    def look(self, network: PyTree) -> dict[str, Array]:
        return spectrum(network, self.probe, self.exact, self.steps)
