"""Singular values of the Jacobians: by how much a layer stretches and squeezes what passes through it."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from flambeau.monitors.rows import learning_layers
from flambeau.monitors.singular import jacobian_ends
from flambeau.structures.initialisation import dtype
from flambeau.training.moment import AbstractMonitor, Moment

__all__ = ["JacobianSpectrum", "jacobian_spectrum"]

EXACT, STEPS = 256, 64


class JacobianSpectrum(AbstractMonitor):
    """Singular values of every layer's Jacobian J_l = ∂y_l/∂y_{l-1} = diag(f') Wᵀ on a fixed ``probe``, every round.

    Records, each ``(rounds, rows + 1)``: ``largest``, ``smallest``, ``mean`` singular value and ``condition`` number,
    averaged over the probe's examples as :func:`jacobian_spectrum` says; the last column is the whole stack, from
    inputs to outputs. A layer whose values lie below 1 shrinks the gradient on its way down.

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

    probe: Float[Array, "examples ..."]
    exact: int = eqx.field(static=True, default=EXACT)
    steps: int = eqx.field(static=True, default=STEPS)

    @classmethod
    def on(cls, probe: object, exact: int = EXACT, steps: int = STEPS) -> "JacobianSpectrum":
        """On the inputs ``probe`` ``(examples, ...)``, an array-like."""
        return cls(jnp.asarray(np.asarray(probe), dtype()), exact, steps)

    @property
    def name(self) -> str:
        """Records stand under ``jacobian_spectrum``."""
        return "jacobian_spectrum"

    def init(self, network: PyTree) -> PyTree:
        """Nothing to remember."""
        return ()

    def observe(self, memory: PyTree, moment: Moment) -> PyTree:
        """Steps do not matter."""
        return memory

    def record(self, memory: PyTree, network: PyTree) -> tuple[PyTree, dict[str, Array]]:
        """Decompose."""
        return memory, measured(network, self.probe, self.exact, self.steps)


def jacobian_spectrum(
    network: PyTree, x: Float[Array | np.ndarray, "examples ..."], *, exact: int = EXACT, steps: int = STEPS
) -> dict[str, Array]:
    """``largest``, ``smallest``, ``mean``, ``condition`` of every learning layer's Jacobian and of the whole stack.

    Each ``(rows + 1,)``, the whole stack last. Means over the examples; the condition number σ_max / σ_min is a
    geometric mean, and at most 1/ε, beyond which it is rounding. Exact (full decomposition) where a layer has at most
    ``exact`` inputs or outputs; else ``steps`` steps of Golub-Kahan on Jacobian-vector products, in which the
    largest value is good, the mean an estimate and the smallest an upper bound.

    >>> from flambeau.networks import mlp
    >>> network = mlp((4, 4, 4), "identity", initialisation="orthogonal", key=jax.random.key(0))
    >>> jacobian_spectrum(network, jnp.ones((2, 4)))["largest"].round(5).tolist()
    [1.0, 1.0, 1.0]
    """
    return compiled(network, jnp.asarray(x), exact, steps)


def measured(network: PyTree, x: Array, exact: int, steps: int) -> dict[str, Array]:
    """Layer after layer, then all at once."""
    found, y = [], x
    for place, layer in enumerate(network.layers):
        if place in learning_layers(network):
            found.append(averaged(layer, y, exact, steps))
        y = layer(y)
    found.append(averaged(network, x, exact, steps))
    return {name: jnp.stack([row[name] for row in found]) for name in found[0]}


compiled = eqx.filter_jit(measured)


def averaged(f: PyTree, x: Array, exact: int, steps: int) -> dict[str, Array]:
    """The ends of ∂f/∂x, averaged over the examples ``x``."""
    keys = jax.random.split(jax.random.key(0), x.shape[0])
    ends = jax.vmap(lambda one, key: jacobian_ends(lambda v: f(v[None])[0], one, exact, steps, key))(x, keys)
    least = jnp.finfo(x.dtype).eps * ends.largest
    ratio = jnp.where(ends.largest > 0, jnp.maximum(ends.smallest, least) / ends.largest, jnp.finfo(x.dtype).eps)
    means = {name: value.mean() for name, value in ends._asdict().items()}
    return {**means, "condition": jnp.exp(-jnp.mean(jnp.log(ratio)))}
