"""Small generated problems that can be drawn, or whose answer is known beforehand.

Randomness is an explicit ``random_state``: a whole number, a NumPy ``Generator``, or None for fresh entropy. The
global state of NumPy is neither read nor changed.
"""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from flambeau.errors import ConfigurationError

RandomState: TypeAlias = int | np.integer | np.random.Generator | None
Labelled: TypeAlias = tuple[NDArray[np.float64], NDArray[np.int64]]


def two_moons(n_samples: int = 200, noise: float = 0.1, random_state: RandomState = None) -> Labelled:
    """Return two half circles that reach into each other.

    With t evenly from 0 to pi, class 0 is ``(cos t, sin t)`` and class 1 is ``(1 - cos t, 1/2 - sin t)``; normal
    noise of standard deviation ``noise`` is added to both. ``X`` is ``(n_samples, 2)``, class 0 first; ``y`` is
    ``(n_samples,)`` of 0 and 1. An odd row goes to class 1.

    Raises :class:`~flambeau.errors.ConfigurationError` for fewer than 2 samples or a negative noise.

    >>> X, y = two_moons(4, noise=0.0)
    >>> X.round(1).tolist(), y.tolist()
    ([[1.0, 0.0], [-1.0, 0.0], [0.0, 0.5], [2.0, 0.5]], [0, 0, 1, 1])

    *Limits.* With noise above about 0.3 the moons overlap and no classifier is perfect. Shuffle before a split.
    Source: scikit-learn's make_moons (Pedregosa et al., 2011), same curves. Lecture: 多层感知机.
    """
    check_range(n_samples >= 2, "two_moons.n_samples", "at least 2", n_samples)
    check_range(0 <= noise < np.inf, "two_moons.noise", "a finite standard deviation of at least 0", noise)
    upper, lower = np.linspace(0, np.pi, n_samples // 2), np.linspace(0, np.pi, n_samples - n_samples // 2)
    moons = (np.cos(upper), np.sin(upper)), (1 - np.cos(lower), 0.5 - np.sin(lower))
    X = np.concatenate([np.stack(moon, axis=1) for moon in moons])
    y = np.repeat(np.array([0, 1], dtype=np.int64), [len(upper), len(lower)])
    return with_noise(X, noise, random_state), y


def two_spirals(
    n_samples: int = 194, turns: float = 3.0, noise: float = 0.0, random_state: RandomState = None
) -> Labelled:
    """Return two interlocking spirals, the classic hard problem for back-propagation.

    With m = n_samples / 2 and i = 0 ... m-1, the radius falls evenly from 6.5 to 0.5 while the angle a rises evenly
    from 0 to 2 pi turns. Row 2i is ``(r sin a, r cos a)`` of class 1; row 2i+1 is its mirror image through the origin,
    class 0. At the defaults this is the published set: a = pi i / 16, r = 6.5 (104 - i) / 104, i = 0 ... 96.
    ``X`` is ``(n_samples, 2)``, ``y`` is ``(n_samples,)``. Normal noise of standard deviation ``noise`` is added.

    Raises :class:`~flambeau.errors.ConfigurationError` for an odd number of samples or fewer than 4, turns <= 0, or a
    negative noise.

    >>> X, y = two_spirals()
    >>> X.shape, X[:2].tolist(), y[:2].tolist()
    ((194, 2), [[0.0, 6.5], [-0.0, -6.5]], [1, 0])

    *Limits.* Neighbouring arms are 3 / turns apart (1 at the defaults); noise near half of that mixes them. Source: K.
    Lang, M. Witbrock, *Learning to tell two spirals apart*, 1988 (generator by A. Wieland). Lecture: 多层感知机.
    """
    even = n_samples >= 4 and n_samples % 2 == 0
    check_range(even, "two_spirals.n_samples", "an even number of at least 4", n_samples)
    check_range(turns > 0, "two_spirals.turns", "a number above 0", turns)
    check_range(0 <= noise < np.inf, "two_spirals.noise", "a finite standard deviation of at least 0", noise)
    radius, angle = np.linspace(6.5, 0.5, n_samples // 2), np.linspace(0, 2 * np.pi * turns, n_samples // 2)
    arm = np.stack([radius * np.sin(angle), radius * np.cos(angle)], axis=1)
    X = np.stack([arm, -arm], axis=1).reshape(n_samples, 2)
    return with_noise(X, noise, random_state), np.tile(np.array([1, 0], dtype=np.int64), n_samples // 2)


def separable(
    n_samples: int = 100, n_features: int = 2, margin: float = 0.1, random_state: RandomState = None
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Return a problem that a hyperplane is known to solve, and that hyperplane.

    For every row, with x~ = [x, 1]: ``y * (u . x~) >= margin`` and ``|u| = 1``. So Rosenblatt's rule makes at most
    ``(max |x~| / margin)**2`` mistakes. ``X`` is ``(n_samples, n_features)``, ``y`` is ``(n_samples,)`` of -1 and +1
    (the classes differ by one row at most), ``u`` is ``(n_features + 1,)`` with the bias last.

    Raises :class:`~flambeau.errors.ConfigurationError` for fewer than 1 sample or feature, or a margin that is not a
    positive finite number.

    >>> X, y, u = separable(50, 3, margin=0.2, random_state=0)
    >>> bool((y * (X @ u[:-1] + u[-1])).min() >= 0.2)
    True

    *Limits.* ``u`` separates with the promised margin; the widest margin is usually larger. A large margin pushes the
    classes apart and makes the problem easy, not hard.
    Source: A. Novikoff, *On convergence proofs for perceptrons*, 1962. Lecture: 单层感知机.
    """
    check_range(n_samples >= 1, "separable.n_samples", "at least 1", n_samples)
    check_range(n_features >= 1, "separable.n_features", "at least 1", n_features)
    check_range(0 < margin < np.inf, "separable.margin", "a positive finite number", margin)
    rng = np.random.default_rng(random_state)
    y = rng.permutation(np.resize(np.array([1, -1], dtype=np.int64), n_samples))
    direction, bias = rng.standard_normal(n_features), rng.uniform(-0.5, 0.5)
    direction /= np.linalg.norm(direction)
    X = rng.uniform(-1, 1, (n_samples, n_features))
    height = X @ direction + bias
    length = np.hypot(1.0, bias)  # of [direction, bias]: a margin in x~ is this much longer in x
    # Mirror the rows on the wrong side, then push all away from the plane. The slack covers rounding only.
    wanted = y * (np.abs(height) + length * (margin * (1 + 1e-9) + 1e-12))
    return X + (wanted - height)[:, None] * direction, y, np.append(direction, bias) / length


def with_noise(X: NDArray[np.float64], noise: float, random_state: RandomState) -> NDArray[np.float64]:
    """Normal noise added."""
    if noise == 0:
        return X
    return X + np.random.default_rng(random_state).normal(scale=noise, size=X.shape)


def check_range(holds: bool | np.bool_, where: str, expected: str, got: object) -> None:
    """Refuse what does not hold."""
    if not holds:
        raise ConfigurationError(where, expected, got, "pass a value in that range")
