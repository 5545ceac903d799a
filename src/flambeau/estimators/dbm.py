"""The deep Boltzmann machine behind scikit-learn's interface."""

from collections.abc import Callable, Sequence
from dataclasses import KW_ONLY
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from sklearn.utils.validation import check_is_fitted

from flambeau.dynamics import Clamp, gibbs
from flambeau.estimators.base import TRAINED, Drawing, Rows
from flambeau.estimators.boltzmann import ALGORITHMS, samplers, unit_kinds
from flambeau.estimators.density import DENSITY, AbstractEnergyModel
from flambeau.estimators.descent import whole_sizes
from flambeau.estimators.parameters import flag, parameters, several, whole
from flambeau.foundation.rows import by_rows
from flambeau.networks import RestrictedBoltzmannMachine
from flambeau.networks.dbm import DeepBoltzmannMachine, dbm, mean_field_bound
from flambeau.neurons import AbstractUnit
from flambeau.neurons.units import biases_for
from flambeau.rules import AbstractRule
from flambeau.rules.deep_boltzmann import DeepBoltzmannLearning
from flambeau.training import Run


@parameters
class DBM(AbstractEnergyModel):
    r"""A deep Boltzmann machine: layers wired both ways, trained together, a generative model of rows.

    energy = -h₁'W₁v - h₂'W₂h₁ - … - biases; learning climbs the mean-field bound of log P(v), the model's side sampled.

    Parameters
    ----------
    hidden_layer_sizes : units of each layer, bottom first, all of them Bernoulli.
    visible : kind of the visible units; ``n_categories`` as for :class:`~flambeau.RBM`.
    mean_field_steps : rounds of mean field, in learning, in ``transform`` and in the bound.
    algorithm, k, n_chains, n_temperatures, centered, binarize : as for :class:`~flambeau.RBM`; persistent chains by
        default. Centring is what makes joint training work without greedy pre-training.
    learning_rate : "auto" is 0.02; optimizer, l1, l2, weight_decay, max_norm, clip_norm : see
        :func:`flambeau.optimizer`.
    batch_size, epochs, shuffle, warm_start, random_state, verbose : as everywhere.
    early_stopping : stop when the gap of variational free energies to held-out rows (``validation_fraction``, or
        ``validation_data``) is wider, for ``patience`` epochs, than ``tolerance`` of its spread plus what chance allows
        (:func:`~flambeau.analysis.free_energy_excess`); ``history_`` holds the gap.

    Attributes
    ----------
    ``network_``, ``history_``, ``run_``, ``n_iter_``, ``n_features_in_``.

    Raises :class:`~flambeau.errors.ConfigurationError`, :class:`~flambeau.errors.DataError` (values outside the units'
    range), :class:`~flambeau.errors.DivergenceError`.

    >>> import flambeau as fb
    >>> X = (fb.problems.load("digits").data > 0.5).astype(float)
    >>> model = DBM((16, 8), epochs=40, random_state=0).fit(X)
    >>> model.transform(X).shape, model.sample(3, 100).shape
    ((1797, 24), (3, 64))
    >>> bool(model.log_likelihood_bound(X).mean() > -21)  # nats per row; independent pixels reach -24.5
    True

    *Limits.* The bound is loose where the posterior is far from factorial. Lower the rate (a schedule) when samples get
    stuck. Source: Salakhutdinov and Hinton 2009; Melchior, Fischer, Wiskott 2016, How to center deep Boltzmann
    machines. Lecture: 深度信念网络, whose undirected sibling this is.
    """

    hidden_layer_sizes: int | Sequence[int] = several((500, 1000), empty=False)
    visible: str | AbstractUnit = unit_kinds("bernoulli")
    mean_field_steps: int = whole(10, least=1)
    algorithm: str = samplers("pcd")
    k: int = whole(5, least=1)
    centered: bool = flag(True)
    _: KW_ONLY
    n_chains: int | None = whole(100, least=1, also=(None,))
    epochs: int = whole(10, least=1)

    fitted: ClassVar[tuple[str, ...]] = (*TRAINED, *DENSITY, "_odd_sums")
    rates: ClassVar[dict[str, float]] = dict.fromkeys(ALGORITHMS, 0.02)
    bounded: ClassVar[bool] = True

    def _drawing(self, kind: AbstractUnit, bias: np.ndarray) -> tuple[Drawing, AbstractRule]:
        sizes = len(bias), *whole_sizes(self.hidden_layer_sizes)
        rule = DeepBoltzmannLearning(self._sampler(), int(self.mean_field_steps), bool(self.centered))
        outline = {"hidden_layer_sizes": sizes[1:]}
        return Drawing(outline, lambda key: dbm(sizes, kind, visible_bias=bias, key=key)), rule

    def _conclude(self, run: Run, rows: Rows) -> None:
        sides = run.network.sides(1)
        self._check_machine(sides)
        means = by_rows(odd_means, run.network, rows.inputs).astype(np.float64)
        before = vars(self).get("_odd_sums")
        sums = np.append(rows.weights @ means, rows.weights.sum())
        self._odd_sums = sums if before is None else before + sums
        self._base = biases_for(sides.visible, self._odd_sums[:-1], self._odd_sums[-1])

    def _partitioned(self) -> RestrictedBoltzmannMachine:
        return self.network_.sides(1)

    def _log_p(self, rows: np.ndarray, log_z: float) -> np.ndarray:
        return mean_field_bound(self.network_, rows, log_z, rounds=int(self.mean_field_steps))

    def _chain(self) -> Callable[..., Array]:
        return all_layers

    @property
    def _n_features_out(self) -> int:
        return sum(self.network_.sizes[1:])

    def transform(self, X: Any) -> np.ndarray:
        """Mean-field means of *all* hidden layers side by side, h₁ first: ``(n, Σ hidden_layer_sizes)``."""
        check_is_fitted(self)
        given = self.network_, np.asarray(self.mean_field_steps, np.int32)
        return by_rows(hidden_means, given, self._visible(X))

    def free_energy(self, X: Any) -> np.ndarray:
        """The variational free energy per row, nats: log P(v) ≥ -F - log Z."""
        return -self.log_likelihood_bound(X, 0.0)

    def log_likelihood_bound(self, X: Any, log_partition: Any = None) -> np.ndarray:
        """A lower bound of log P(v) per row, nats: E_q[-energy] + H(q) - log Z, q from mean field.

        log Z is computed once and kept; warns where it is not to be trusted.
        """
        check_is_fitted(self)
        return self._log_p(self._as_asked(X), self._log_z(log_partition))

    def score_samples(self, X: Any) -> np.ndarray:
        """:meth:`log_likelihood_bound`."""
        return self.log_likelihood_bound(X)


def hidden_means(given: tuple[DeepBoltzmannMachine, Any], v: Array) -> Array:
    """Means of the hidden layers after a number of rounds."""
    return given[0](v, given[1])


def odd_means(network: DeepBoltzmannMachine, v: Array) -> Array:
    """Mean-field means of h₁, h₃, …"""
    ends = np.cumsum(network.sizes[1:])[:-1]
    return jnp.concatenate(jnp.split(network(v), ends, axis=-1)[0::2], axis=-1)


def all_layers(given: tuple[Any, ...], rows: tuple[Any, Clamp | None], key: Array) -> Array:
    """From the odd layers' base rates down to v, then Gibbs sampling; v of the last step."""
    (network, base, steps), (blank, held) = given, rows
    odd, even, rest = jax.random.split(key, 3)
    sides, size = network.sides(), network.sizes[0]
    h = sides.hidden.sample(jnp.broadcast_to(base, (len(blank), *base.shape)), odd)
    start = sides.visible.sample(sides.visible_net(h), even)
    clamp = None
    if held is not None:
        more = ((0, 0), (0, start.shape[-1] - size))
        clamp = Clamp(jnp.pad(held.values, more), jnp.pad(held.mask, more))
    return gibbs(sides, start, steps, rest, clamp)[:, :size]
