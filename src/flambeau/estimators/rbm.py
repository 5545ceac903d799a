"""The restricted Boltzmann machine behind scikit-learn's interface."""

from collections.abc import Callable
from dataclasses import KW_ONLY
from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array
from sklearn.utils.validation import check_is_fitted

from flambeau.analysis import pseudo_log_likelihood
from flambeau.analysis.enumeration import free_energies
from flambeau.dynamics import gibbs
from flambeau.errors import DataError
from flambeau.estimators.base import TRAINED, Drawing, Rows
from flambeau.estimators.boltzmann import samplers, unit_kinds
from flambeau.estimators.common import outputs, seed_of
from flambeau.estimators.density import DENSITY, AbstractEnergyModel
from flambeau.estimators.parameters import flag, number, parameters, whole
from flambeau.foundation.random import seed_words
from flambeau.foundation.rows import by_rows
from flambeau.networks import RestrictedBoltzmannMachine, rbm
from flambeau.neurons import AbstractUnit, unit
from flambeau.neurons.units import biases_for
from flambeau.rules import AbstractRule, ContrastiveDivergence
from flambeau.training import Run


@parameters
class RBM(AbstractEnergyModel):
    r"""A restricted Boltzmann machine: a generative model of rows, and features of them.

    energy(v, h) = -h'Wv - b'v - c'h; learning follows the gradient of the log-likelihood with a sampled second term.

    Parameters
    ----------
    n_components : hidden units.
    visible, hidden : "bernoulli", "spin", "softmax", "gaussian", "relu", "noisy_relu", or units of
        :mod:`flambeau.neurons`; ``n_categories`` columns make one softmax unit; ``learn_variance`` lets Gaussian
        visible units learn theirs.
    algorithm : "cd" (k steps from the data), "pcd" (chains that persist), "tempering" (persistent chains at
        ``n_temperatures``), "exact" (all states, small machines); ``k`` steps; ``n_chains``, None for ``batch_size``.
    centered : measure activities from moving averages; learning then does not depend on the data's coding.
    binarize : None takes values from 0 to 1 as probabilities, "sample" draws 0 or 1 anew at every step, "threshold"
        cuts at ½ (Bernoulli units only). Likelihoods are those of rows treated so, and every report says which.
    learning_rate : "auto" is 0.05 for "cd" and "exact", 0.01 where chains persist and must keep up; or as everywhere.
    optimizer, l1, l2, weight_decay, max_norm, clip_norm : see :func:`flambeau.optimizer`; penalties touch weights only.
    sparsity_target, sparsity_cost : draw every hidden unit's mean activity towards the target.
    batch_size, epochs, shuffle, warm_start, random_state, verbose : as everywhere.
    early_stopping : stop when the free-energy gap to held-out rows (``validation_fraction``, or ``validation_data``) is
        wider, for ``patience`` epochs, than ``tolerance`` of its spread plus what chance allows
        (:func:`~flambeau.analysis.free_energy_excess`); ``history_`` holds the gap.

    Attributes
    ----------
    ``components_`` ``(n_components, n_features)``, ``intercept_hidden_``, ``intercept_visible_``, ``network_``,
    ``history_``, ``run_``, ``n_iter_``, ``n_features_in_``.

    Raises :class:`~flambeau.errors.ConfigurationError`, :class:`~flambeau.errors.DataError` (values outside the units'
    range), :class:`~flambeau.errors.DivergenceError`.

    >>> import flambeau as fb
    >>> X = (fb.problems.load("digits").data > 0.5).astype(float)
    >>> model = fb.RBM(16, random_state=0).fit(X)
    >>> model.transform(X).shape, model.sample(3, 100).shape
    ((1797, 16), (3, 64))
    >>> bool(model.log_likelihood(X).mean() > -22)  # nats per row; independent pixels reach -25
    True

    *Limits.* Gaussian visible units want standardised data and rates 10 to 100 times smaller. Whether samples are good
    is a question of mixing: see :mod:`flambeau.analysis.mixing`. Source: Hinton 2002; Tieleman 2008; Hinton 2010.
    Lecture: 深度信念网络.
    """

    n_components: int = whole(256, least=1)
    visible: str | AbstractUnit = unit_kinds("bernoulli")
    hidden: str | AbstractUnit = unit_kinds("bernoulli")
    algorithm: str = samplers("cd")
    k: int = whole(1, least=1)
    centered: bool = flag(True)
    _: KW_ONLY
    learn_variance: bool = flag(False)
    sparsity_target: float = number(0.1, least=0)
    sparsity_cost: float = number(0.0, least=0)
    epochs: int = whole(20, least=1)

    fitted: ClassVar[tuple[str, ...]] = (*TRAINED, *DENSITY, "_calls")
    bounded: ClassVar[bool] = False

    def _drawing(self, kind: AbstractUnit, bias: np.ndarray) -> tuple[Drawing, AbstractRule]:
        sizes, centered = (len(bias), int(self.n_components)), bool(self.centered)
        hidden = unit(self.hidden, columns=sizes[1], categories=int(self.n_categories or 0))
        sparse = {"sparsity_target": float(self.sparsity_target), "sparsity_cost": float(self.sparsity_cost)}
        outline = {"n_components": sizes[1], "hidden": self.hidden, "learn_variance": bool(self.learn_variance)}
        how = {"visible_bias": bias, "centered": centered}
        drawing = Drawing(outline, lambda key: rbm(*sizes, kind, hidden, **how, key=key))
        return drawing, ContrastiveDivergence(self._sampler(), centered, **sparse)

    def _conclude(self, run: Run, rows: Rows) -> None:
        self._check_machine(run.network)
        self._base = biases_for(run.network.visible, *self._totals)
        self._calls = 0

    def _partitioned(self) -> RestrictedBoltzmannMachine:
        return self.network_

    def _log_p(self, rows: np.ndarray, log_z: float) -> np.ndarray:
        return -free_energies(self.network_, rows) - log_z

    def _chain(self) -> Callable[..., Array]:
        return sampled

    @property
    def components_(self) -> np.ndarray:
        """The weights W, ``(n_components, n_features)``: each row is one hidden unit's receptive field."""
        return np.asarray(self.network_.structure.weights).T

    @property
    def intercept_hidden_(self) -> np.ndarray:
        """The hidden biases c."""
        return np.asarray(self.network_.hidden_bias)

    @property
    def intercept_visible_(self) -> np.ndarray:
        """The visible biases b."""
        return np.asarray(self.network_.visible_bias)

    @property
    def _n_features_out(self) -> int:
        return int(self.network_.hidden_bias.shape[0])

    def transform(self, X: Any) -> np.ndarray:
        """E[h | v] ``(n, n_components)``; for Bernoulli units P(h = 1 | v)."""
        check_is_fitted(self)
        return outputs(self.network_, self._visible(X))

    def inverse_transform(self, H: Any) -> np.ndarray:
        """E[v | h] ``(n, n_features)`` of hidden values."""
        check_is_fitted(self)
        H = np.asarray(H, self.network_.hidden_bias.dtype)
        if H.ndim != 2 or H.shape[1] != self._n_features_out:
            expected = f"shape (n, {self._n_features_out})"
            raise DataError("RBM.inverse_transform", expected, H.shape, "give what transform returned")
        return by_rows(RestrictedBoltzmannMachine.reconstruct, self.network_, H)

    def free_energy(self, X: Any) -> np.ndarray:
        """F(v) per row, nats, of the rows as ``binarize`` shows them: log P(v) = -F(v) - log Z."""
        check_is_fitted(self)
        return free_energies(self.network_, self._as_asked(X))

    def score_samples(self, X: Any) -> np.ndarray:
        """The exact pseudo-log-likelihood per row, nats: Σ_i log P(v_i | all the others). Deterministic."""
        check_is_fitted(self)
        return pseudo_log_likelihood(self.network_, self._as_asked(X))

    def score(self, X: Any, y: Any = None) -> float:
        """The mean of :meth:`score_samples`: what a grid search maximises."""
        return float(self.score_samples(X).mean())

    def log_likelihood(self, X: Any, log_partition: Any = None) -> np.ndarray:
        """log P(v) per row, nats; give ``log_partition`` (or its number), or it is computed once and kept.

        Warns where log Z is not to be trusted.
        """
        check_is_fitted(self)
        return self._log_p(self._as_asked(X), self._log_z(log_partition))

    def gibbs(self, V: Any, n_steps: Any = 1, random_state: Any = None) -> np.ndarray:
        """The visible states after ``n_steps`` steps of the chain from each row of V.

        Every call goes on with new random numbers, so that calls in a loop are a chain; ``random_state`` fixes them.
        """
        check_is_fitted(self)
        rows, call = self._visible(V), None
        seed = seed_of(self.random_state if random_state is None else random_state)
        if random_state is None:
            call, self._calls = np.asarray(self._calls, np.uint32), self._calls + 1
        return by_rows(walk, (self.network_, self._steps(n_steps), call), rows, key=seed_words(seed))


def walk(given: tuple[Any, ...], rows: Array, key: Array) -> Array:
    """Gibbs sampling from these rows; ``given`` are the network, the number of steps and that of the call, if any."""
    network, steps, call = given
    return gibbs(network, rows, steps, key if call is None else jax.random.fold_in(key, call))


def sampled(given: tuple[Any, ...], rows: tuple[Any, Any], key: Array) -> Array:
    """Gibbs sampling from independent starts; ``given`` are the network, their biases and the number of steps."""
    (network, bias, steps), (blank, clamp) = given, rows
    first, rest = jax.random.split(key)
    start = network.visible.sample(jnp.broadcast_to(bias, (len(blank), *bias.shape)), first)
    return gibbs(network, start, steps, rest, clamp)
