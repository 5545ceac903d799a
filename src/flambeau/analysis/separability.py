"""Can a line do it? The exact margin of a two-class problem, or a proof that no plane separates it.

The point of the convex hull of z_i = d_i (x_i, 1) nearest to the origin settles both questions: its length is the best
margin γ of any unit vector, and it is the origin itself, Σ λ_i z_i = 0 with λ ≥ 0 and Σ λ_i = 1, exactly when no plane
separates (Farkas). It is found as one non-negative least squares problem, min ‖Zᵀλ‖² + (1ᵀλ - 1)², whose solution is
that point up to a scale.
"""

from typing import Any, NamedTuple

import numpy as np

from flambeau.errors import DataError


class Separation(NamedTuple):
    """``margin`` γ (0 if not separable), the unit ``direction`` u ``(features + 1,)`` with the bias last, the
    ``certificate`` λ ``(n,)`` and the ``mistake_bound`` (R/γ)², infinite if not separable."""

    margin: float
    direction: np.ndarray
    certificate: np.ndarray
    mistake_bound: float

    @property
    def separable(self) -> bool:
        """Whether a plane separates the two classes."""
        return self.margin > 0


def separation(X: Any, y: Any, tolerance: float = 1e-9) -> Separation:
    """The margin of X ``(n, features)``, y in {-1, +1}, through (x, 1).

    XOR has none, and the certificate weighs its four points equally:

    >>> X = [[0, 0], [0, 1], [1, 0], [1, 1]]
    >>> found = separation(X, [-1, 1, 1, -1])
    >>> found.separable, found.certificate.round(3).tolist()
    (False, [0.25, 0.25, 0.25, 0.25])

    Raises :class:`~flambeau.errors.DataError` for labels other than -1 and +1. *Limits:* dense, one problem of
    n x (features + 1) numbers in memory; margins below ``tolerance`` · R count as none.
    Source: Novikoff 1962 for the bound.
    """
    x, d = np.asarray(X, float), np.asarray(y, float)
    if x.ndim != 2 or len(x) == 0 or x.shape[:1] != d.shape or not np.isfinite(x).all():
        expected, got = "finite X of shape (n, features) and one label per row", f"X {x.shape}, y {d.shape}"
        raise DataError("separation", expected, got, "check shapes and missing values")
    if not np.isin(d, (-1, 1)).all():
        raise DataError("separation, y", "labels -1 and +1", np.unique(d), "encode the classes as -1 and +1")
    from scipy.optimize import nnls  # here: SciPy's solvers take a while to import

    z = np.hstack([x, np.ones((len(x), 1))]) * d[:, None]
    radius = np.linalg.norm(z, axis=1).max()
    system = np.vstack([z.T / radius, np.ones(len(z))])
    weights, _ = nnls(system, np.append(np.zeros(z.shape[1]), 1.0), maxiter=100 * len(z))
    certificate = weights / weights.sum()
    nearest = certificate @ z
    length = np.linalg.norm(nearest)
    direction = nearest / length if length > 0 else nearest
    margin = float((z @ direction).min()) if length > tolerance * radius else 0.0
    margin = margin if margin > tolerance * radius else 0.0
    bound = float((radius / margin) ** 2) if margin > 0 else np.inf
    return Separation(margin, direction, certificate, bound)
