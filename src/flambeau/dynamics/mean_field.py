r"""Mean field: the factorial distribution that comes nearest to a posterior, found by letting means settle.

    m_l = E[h_l | s_l],      s_l = b_l + W t(m_{l-1}) + W' t(m_{l+1})

Layers of one parity do not see each other. So all even layers are updated at once, then all odd ones, and each half of
a round is the exact maximum of the bound E_q[-energy] + H(q) in its layers: the bound never falls, and the iteration
needs no damping. (Updating all layers at once does, and may oscillate.)
"""

from collections.abc import Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from flambeau.dynamics.base import AbstractLayered


class MeanField(NamedTuple):
    """Means of every layer ``(batch, units)``, the net inputs at which they are the means, and the ``residual``:
    the largest change of any mean of a row in the last round.
    """

    layers: tuple[Float[Array, "*batch units"], ...]
    nets: tuple[Float[Array, "*batch units"], ...]
    residual: Float[Array, "*batch"]


def mean_field(network: AbstractLayered, rounds: int | Array = 10, start: Sequence[Array] | None = None) -> MeanField:
    """Let the means of a layered network settle for that many rounds.

    Arguments: ``network``, layers such as :meth:`flambeau.networks.DeepBoltzmannMachine.given` leaves; ``start``, means
    to begin with (the even ones are not looked at), by default those of net input 0. ``rounds`` is data.

    >>> from flambeau.networks.dbm import dbm
    >>> machine = dbm((4, 3, 2), key=jax.random.key(0))
    >>> settled = mean_field(machine.given(jnp.ones((4, 4))), 10)
    >>> [layer.shape for layer in settled.layers], bool(settled.residual.max() < 1e-6)
    ([(4, 3), (4, 2)], True)

    *Limits.* A fixed point is a local maximum; strong weights have several. Source: Peterson and Anderson 1987;
    Salakhutdinov and Hinton 2009. Lecture: 深度信念网络 does without it, by an upward pass.
    """
    kinds, biases = network.units, network.biases
    # The first bias may have one row for each example: every layer takes that many.
    shapes = [(*biases[0].shape[:-1], bias.shape[-1]) for bias in biases]
    zero = [jnp.zeros(shape, biases[0].dtype) for shape in shapes]
    layers = tuple(start) if start is not None else tuple(kind.mean(z) for kind, z in zip(kinds, zero, strict=True))

    def round_of(number: Array, settled: MeanField) -> MeanField:
        means, nets = list(settled.layers), list(settled.nets)
        for place in (*range(0, len(kinds), 2), *range(1, len(kinds), 2)):
            nets[place] = jnp.broadcast_to(network.net(means, place), shapes[place])
            means[place] = kinds[place].mean(nets[place])
        moved = [jnp.abs(new - old).max(-1) for new, old in zip(means, settled.layers, strict=True)]
        return MeanField(tuple(means), tuple(nets), jnp.stack(moved).max(0))

    far = jnp.full(shapes[0][:-1], jnp.inf, biases[0].dtype)
    return jax.lax.fori_loop(0, rounds, round_of, MeanField(layers, tuple(zero), far))
