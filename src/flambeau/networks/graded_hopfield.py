r"""The Hopfield network of graded units: neurons with an internal state that leaks, and an output between two levels.

    τ du/dt = -u + W v - θ,      v = g(β u),      g = tanh or the sigmoid

    E(v) = -½ v'Wv + θ'v + (1/β) Σ ∫ g⁻¹(v) dv,      dE/dt = -τ Σ (dv/du) (du/dt)² ≤ 0      (W symmetric)

For both activations the integral is ln 2 - H(p), the entropy of a coin that shows the upper level with probability
p = (v - low) / (high - low): E is the mean-field free energy of a Boltzmann machine at temperature 1/β. Written in the
internal state, with s = (high - low) |βu|, it is ln 2 - ln(1 + e⁻ˢ) - s e⁻ˢ / (1 + e⁻ˢ), which never overflows
(artanh(v), which the text-book writes, is infinite as soon as a unit saturates).
"""

import math
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from flambeau.errors import ConfigurationError, DataError
from flambeau.foundation.memory import kept_apart
from flambeau.foundation.precision import dtype
from flambeau.neurons import AbstractActivation, Sigmoid, Tanh, activation
from flambeau.structures.lateral import Lateral, wired

States = Float[Array, "*batch units"]
EXACT = "highest"  # some accelerators round products to ten bits, and the energy would no longer fall


class GradedHopfield(eqx.Module):
    """Graded units wired both ways, each with a leak.

    Arguments: a lateral ``structure`` W, a ``bias`` = -θ for each unit; the
    ``gain`` β (an inverse temperature) and the time constant ``tau`` τ, arrays of no dimension; the ``activation`` g.
    :func:`graded_hopfield` checks and builds them.

    >>> network = graded_hopfield([[0.0, -2.0], [-2.0, 0.0]], gain=2.0)
    >>> u = jnp.asarray([[1.0, -1.0]])
    >>> np.asarray(network.velocity(u)).round(2), np.asarray(network.energy(network.output(u))).round(2)
    (array([[ 0.93, -0.93]], dtype=float32), array([-1.26], dtype=float32))
    >>> float(network.critical_gain())
    0.5

    *Limits.* Without symmetric weights there is no energy, and states may go round for ever; E is then a number
    without meaning. Eigenvalues (:meth:`critical_gain`, the certified steps) cost units³ operations. Source: Hopfield
    1984, "Neurons with graded response"; Cohen and Grossberg 1983. Lecture: Hopfield Network, 联想记忆.
    """

    structure: Lateral
    bias: Float[Array, " units"] = eqx.field(converter=kept_apart)
    gain: Float[Array, ""]
    tau: Float[Array, ""]
    activation: AbstractActivation = eqx.field(static=True)

    def output(self, u: States) -> States:
        """v = g(βu)."""
        return self.activation(self.gain * u)

    def net(self, v: States) -> States:
        """Wv - θ: what the units receive, and where their internal states would come to rest."""
        return self._received(v) + self.bias

    def _received(self, v: States) -> States:
        with jax.default_matmul_precision(EXACT):
            return self.structure.project(v)

    @property
    def threshold(self) -> Float[Array, " units"]:
        """θ = -bias."""
        return -self.bias

    def drive(self, u: States) -> States:
        """The net input at the outputs of u; the velocity is (drive - u) / τ."""
        return self.net(self.output(u))

    def velocity(self, u: States) -> States:
        """du/dt = (-u + W g(βu) - θ) / τ, which is -(∂E/∂v) / τ."""
        return (self.drive(u) - u) / self.tau

    def respond(self, v: States) -> States:
        """g(β(Wv - θ)): all units at once, without a leak."""
        return self.output(self.net(v))

    def internal(self, v: States) -> States:
        """u = g⁻¹(v) / β, infinite at the levels themselves."""
        low, high = self.activation.low, self.activation.high
        return (jnp.log(v - low) - jnp.log(high - v)) / ((high - low) * self.gain)

    def energy(self, v: States) -> Float[Array, "*batch"]:
        """E of outputs, finite at the levels too."""
        low, high = self.activation.low, self.activation.high
        share = jax.scipy.special.entr((v - low) / (high - low)) + jax.scipy.special.entr((high - v) / (high - low))
        return self.interaction(v) + (math.log(2) - share).sum(-1) / self.gain

    def energy_of(self, u: States) -> Float[Array, "*batch"]:
        """E of internal states: the same number, and exact however large they are."""
        s = (self.activation.high - self.activation.low) * jnp.abs(self.gain * u)
        t = jnp.exp(-s)
        integral = math.log(2) - jnp.log1p(t) - s * t / (1 + t)
        return self.interaction(self.output(u)) + integral.sum(-1) / self.gain

    def interaction(self, v: States) -> Float[Array, "*batch"]:
        """-½ v'Wv + θ'v: the energy of the discrete network, to which E tends as β grows."""
        return -(v * (self.bias + self._received(v) / 2)).sum(-1)

    def slope(self, u: States) -> States:
        """dv/du = β g'(βu)."""
        return self.gain * self.activation.slope(self.gain * u, self.output(u))

    def energy_rate(self, u: States) -> Float[Array, "*batch"]:
        """dE/dt = -τ Σ (dv/du) (du/dt)²: never above zero."""
        return -self.tau * (self.slope(u) * self.velocity(u) ** 2).sum(-1)

    def jacobian(self, u: States) -> Float[Array, "*batch units units"]:
        """∂(du/dt)/∂u = (W diag(dv/du) - I) / τ; a rest state is stable if its eigenvalues lie left of zero."""
        return (self.structure.matrix * self.slope(u)[..., None, :] - jnp.eye(u.shape[-1], dtype=u.dtype)) / self.tau

    def spectrum(self) -> tuple[Float[Array, ""], Float[Array, ""]]:
        """The smallest and the largest eigenvalue of the weights (of their symmetric part)."""
        W = self.structure.matrix
        values = jnp.linalg.eigvalsh((W + W.T) / 2)
        return values[0], values[-1]

    def critical_gain(self) -> Float[Array, ""]:
        """1 / (λ_max · steepest slope of g), infinite if λ_max ≤ 0: below it E has one minimum only.

        The integral bends E upwards by at least 1 / (β · steepest) in every direction, W downwards by at most λ_max:
        below the critical gain E is convex, whatever the thresholds. For tanh and θ = 0 the minimum is v = 0: nothing
        can be remembered.
        """
        largest = self.spectrum()[1]
        return jnp.where(largest > 0, 1 / (jnp.maximum(largest, 0) * self.activation.steepest), jnp.inf)

    def certified_step(self, method: str = "exponential_euler") -> Float[Array, ""]:
        """The largest step of :func:`flambeau.dynamics.flow` for which E is certain never to rise (W symmetric).

        A step moves u by a share a of the way to its drive. That is mirror descent on E, which descends whenever
        1/a ≥ 1 + β · steepest · max(0, -λ_min): then ψ/a - E is convex, ψ the integral term. Euler's share is
        step / τ, exponential Euler's 1 - exp(-step / τ). Steps up to nearly twice as large often descend, without
        certificate. Source: the argument is that of Bauschke, Bolte and Teboulle 2017.
        """
        share = 1 / (1 + self.oscillation())
        if method == "euler":
            return self.tau * share
        if method == "exponential_euler":
            return -self.tau * jnp.log1p(-share)
        where, expected = "GradedHopfield.certified_step", "euler or exponential_euler"
        raise ConfigurationError(where, expected, repr(method), "the others choose their own step")

    def certified_share(self) -> Float[Array, ""]:
        """The largest share d ≤ 1 for which :func:`flambeau.dynamics.damped_map` never raises E (W symmetric).

        The output p that answers v minimises ψ(x) + θ'x - x'Wv, ψ the integral term, and ψ is convex: E changes by at
        most ½ d |p - v|² (d max(0, -λ_min) - 1 / (β · steepest)). Source: Marcus and Westervelt 1989, for d = 1.
        """
        return 1 / jnp.maximum(self.oscillation(), 1)

    def oscillation(self) -> Float[Array, ""]:
        """β · steepest · max(0, -λ_min): above 1 the parallel map may swing between two states."""
        return self.gain * self.activation.steepest * jnp.maximum(-self.spectrum()[0], 0)


def graded_hopfield(
    weights: Any,
    thresholds: Any = None,
    activation: str | AbstractActivation = "tanh",
    *,
    gain: Any = 1.0,
    tau: Any = 1.0,
) -> GradedHopfield:
    """A network of weights ``(units, units)``, row i holding what unit i receives (or a wiring), and thresholds
    ``(units,)`` (None: zeros), in the float type in force.

    Raises :class:`~flambeau.errors.ConfigurationError` for another activation than tanh or sigmoid, or a gain or time
    constant that is not above zero; :class:`~flambeau.errors.DataError` for shapes that do not fit or numbers that are
    not finite.

    >>> graded_hopfield([[0.0, 1.0], [1.0, 0.0]], activation="sigmoid").output(jnp.zeros(2)).tolist()
    [0.5, 0.5]
    """
    wiring = wired(weights if isinstance(weights, Lateral) else np.asarray(weights, dtype()))
    W = wiring.weights
    theta = np.zeros(W.shape[:1], dtype()) if thresholds is None else np.asarray(thresholds, dtype())
    for name, values, shape in (("weights", W, W.shape[:1] * 2), ("thresholds", theta, W.shape[:1])):
        if values.shape != shape or not values.size:
            raise DataError(f"graded_hopfield, {name}", f"shape {shape or '(n, n)'}", values.shape, "one row per unit")
        if not np.isfinite(values).all():
            raise DataError(f"graded_hopfield, {name}", "finite numbers", "NaN or infinity", "check how they were made")
    beta, time = (_positive(name, value) for name, value in (("gain", gain), ("tau", tau)))
    return GradedHopfield(wiring, jax.device_put(-theta), beta, time, graded(activation))


def graded(name: str | AbstractActivation) -> AbstractActivation:
    """An activation whose integral is known: tanh or the sigmoid."""
    found = activation(name)
    if not isinstance(found, Tanh | Sigmoid):
        expected = "tanh or sigmoid (the energy is known for these)"
        raise ConfigurationError("graded_hopfield, activation", expected, repr(name), "choose one")
    return found


def _positive(name: str, value: Any) -> Float[Array, ""]:
    """A finite number above zero, as an array: another gain runs the same program."""
    number = np.asarray(value, dtype())
    if number.shape != () or not 0 < number < np.inf:
        raise ConfigurationError(f"graded_hopfield, {name}", "a finite number above zero", value, f"set {name}=1.0")
    return jnp.asarray(number)
