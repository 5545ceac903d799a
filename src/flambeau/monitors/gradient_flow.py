"""How the gradient flows through a network while it learns, and how layers' Jacobians stretch what passes through."""

from typing import ClassVar, NamedTuple

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from flambeau.analysis.gradient_numbers import COLUMNS, flow_step_numbers, relative_lengths, shares, units_heard
from flambeau.analysis.jacobian_spectrum import EXACT, STEPS, spectrum
from flambeau.analysis.learning_layers import learning_layers
from flambeau.foundation.memory import kept_apart, on_device
from flambeau.foundation.precision import dtype
from flambeau.training.monitoring import AbstractMonitor, AbstractRoundMonitor, Moment

# Root mean squares are averaged as squares, the deviation as a second moment.
SQUARED = ("delta", "slope")


class Flow(NamedTuple):
    """Sums over the examples of a round, which units were silent all the time, and how much the examples weigh."""

    sums: dict[str, Float[Array, " rows"]]
    silent: tuple[Array, ...]
    weight: Array


class GradientFlow(AbstractMonitor):
    """What every layer receives, and what it makes of it: one row per layer that learns, bottom first.

    Records, each ``(rounds, rows)``, a mean over the examples of the round (a step counts by its examples, root mean
    squares as squares); b runs over the batch:

    - ``delta`` = √(mean_b ‖δ_b‖²), δ_b = ∂e_b/∂s, the gradient at the net inputs (root mean square over examples)
    - ``bias_gradient`` = ‖mean_b δ_b‖ = ‖∂e/∂bias‖, as Nielsen measures it
    - ``weight_gradient`` = ‖∂e/∂W‖ and ``update`` = ‖ΔW‖ / ‖W‖ (about 1e-3 is healthy)
    - ``slope`` = √(mean f'(s)²), and ``saturated``, the share of answers with |f'(s)| < 0.05 sup f'
    - ``dead``, the share of units that were so for every example of the round (for a ReLU: always off); a unit of a
      shared wiring is a channel
    - ``mean`` and ``deviation`` of the outputs

    A layer without neurons has ∂e/∂y for δ and NaN where a slope is asked for. :func:`~flambeau.analysis.diagnose`
    turns the records into words.

    >>> import jax
    >>> import flambeau as fb
    >>> network = fb.networks.mlp((2, 4, 1), "tanh", "sigmoid", key=jax.random.key(0))
    >>> run = fb.train(network, fb.rules.Backpropagation(), fb.problems.Examples.of(*fb.problems.xor()),
    ...                steps=20, batch_size=4, monitors=(GradientFlow(),))
    >>> run.records["gradient_flow"]["delta"].shape
    (20, 2)

    *Limits.* For the rules whose info has ``traces``, ``errors`` and ``delta`` (back-propagation). It watches so much
    of a step that the compiler may fuse the step in another way and round it differently: LeNet-4 came out with other
    last bits (1e-8), the other networks tried with the same. Source: Nielsen 2015, *Neural networks and deep learning*,
    ch. 5; Glorot and Bengio 2010. Lecture: 为什么传统的 BP 在深度增加后仍有问题.
    """

    name: ClassVar[str] = "gradient_flow"
    needs: ClassVar[tuple[str, ...]] = ("traces", "errors", "delta")

    def init(self, network: PyTree) -> Flow:
        """Sums of nothing; every unit is silent until it is heard."""
        places = learning_layers(network)
        sums = {name: jnp.zeros(len(places)) for name in (*COLUMNS, "update")}
        silent = tuple(jnp.ones(units_heard(network.layers[place]), bool) for place in places)
        return Flow(sums, silent, jnp.zeros(()))

    def observe(self, memory: Flow, moment: Moment) -> Flow:
        """Add this step's numbers, by how much its examples weigh."""
        own = jnp.sum(moment.batch.weights)
        now, silent = flow_step_numbers(moment.network, moment.proposal, moment.info, moment.batch.weights)
        now["update"] = relative_lengths(moment.update, moment.network)
        now["deviation"] = now["deviation"] ** 2 + now["mean"] ** 2
        now |= {name: now[name] ** 2 for name in SQUARED}
        sums = {name: (memory.sums[name] + own * now[name]).astype(memory.sums[name].dtype) for name in memory.sums}
        still = tuple(before & after for before, after in zip(memory.silent, silent, strict=True))
        return Flow(sums, still, (memory.weight + own).astype(memory.weight.dtype))

    def record(self, memory: Flow, network: PyTree) -> tuple[Flow, dict[str, Array]]:
        weight = jnp.where(memory.weight > 0, memory.weight, 1)
        means = {name: value / weight for name, value in memory.sums.items()}
        means["deviation"] = jnp.sqrt(jnp.maximum(means["deviation"] - means["mean"] ** 2, 0))
        means |= {name: jnp.sqrt(means[name]) for name in SQUARED}
        return self.init(network), {**means, "dead": shares(memory.silent)}


class JacobianSpectrum(AbstractRoundMonitor):
    """Singular values of every layer's Jacobian J_l = ∂y_l/∂y_{l-1} = diag(f') Wᵀ on a fixed ``probe``, every round.

    Records, each ``(rounds, rows + 1)``: ``largest``, ``smallest``, ``mean`` singular value and ``condition`` number,
    averaged over the probe's examples as :func:`~flambeau.analysis.jacobian_spectrum` says; the last column is the
    whole stack, from inputs to outputs. A layer whose values lie below 1 shrinks the gradient on its way down.

    >>> import jax
    >>> import flambeau as fb
    >>> X, d = fb.problems.xor()
    >>> network = fb.networks.mlp((2, 4, 1), "tanh", "sigmoid", key=jax.random.key(0))
    >>> run = fb.train(network, fb.rules.Backpropagation(), fb.problems.Examples.of(X, d), steps=3, batch_size=4,
    ...                monitors=(JacobianSpectrum.on(X),))
    >>> run.records["jacobian_spectrum"]["largest"].shape
    (3, 3)

    *Limits.* It costs a decomposition per example and layer, so a probe of ten examples is plenty; a layer that goes by
    steps also takes a second or two to compile.
    Source: Saxe, McClelland, Ganguli 2014; Glorot and Bengio 2010. Lecture: 为什么传统的 BP 在深度增加后仍有问题.
    """

    name: ClassVar[str] = "jacobian_spectrum"
    probe: Float[Array, "examples ..."] = eqx.field(converter=kept_apart)
    exact: int = eqx.field(static=True, default=EXACT)
    steps: int = eqx.field(static=True, default=STEPS)

    @classmethod
    def on(cls, probe: object, exact: int = EXACT, steps: int = STEPS) -> "JacobianSpectrum":
        """On the inputs ``probe`` ``(examples, ...)``, an array-like."""
        return cls(on_device(probe, dtype()), exact, steps)

    def look(self, network: PyTree) -> dict[str, Array]:
        return spectrum(network, self.probe, self.exact, self.steps)
