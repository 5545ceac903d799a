"""Declarations that several estimators share: activations, optimisers, losses, class weights, images and windows."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import numpy as np
import optax

from flambeau.errors import FlambeauError
from flambeau.estimators.parameters import declared, is_whole, literal_or_text, made_by
from flambeau.neurons import AbstractActivation, activation
from flambeau.neurons.activation import ACTIVATIONS
from flambeau.problems import Distortion
from flambeau.rules import AbstractLoss, loss
from flambeau.structures import INITIALISERS, initialiser
from flambeau.training import OPTIMISERS, Optimiser, optimiser
from flambeau.training.schedules import SCHEDULES, AbstractSchedule

ActivationLike: TypeAlias = str | AbstractActivation
LossLike: TypeAlias = str | AbstractLoss
OptimizerLike: TypeAlias = str | Optimiser | optax.GradientTransformation
Rate: TypeAlias = float | str | AbstractSchedule | Callable[[Any], Any]
ClassWeight: TypeAlias = str | Mapping[Any, float] | None
Seed: TypeAlias = int | np.random.RandomState | np.random.Generator | None


def one_activation(default: ActivationLike) -> Any:
    """A name or an object of :mod:`flambeau.neurons`."""
    return made_by(default, activation, f"one of {', '.join(ACTIVATIONS)}, or an activation object", ACTIVATIONS)


def hidden_activations(default: ActivationLike | Sequence[ActivationLike]) -> Any:
    """A name or an object of :mod:`flambeau.neurons`, or one for each hidden layer."""

    def each(value: Any) -> list[AbstractActivation]:
        return [activation(one) for one in (value if isinstance(value, tuple | list) else (value,))]

    expected = f"one of {', '.join(ACTIVATIONS)}, an activation object, or one of these per hidden layer"
    return made_by(default, each, expected, ACTIVATIONS)


def loss_named(default: str, *names: str) -> Any:
    """One of the losses of those names, or a loss object."""

    def found(value: Any) -> AbstractLoss:
        if isinstance(value, str) and value not in names:
            raise FlambeauError("loss", "a name", value, "choose one")
        return loss(value)

    return made_by(default, found, f"one of {', '.join(map(repr, names))}, or a loss object", names)


def optimizer_named(default: str) -> Any:
    """A name, an optimiser made by :func:`flambeau.optimizer`, or an Optax transformation."""
    return made_by(default, optimiser, f"one of {', '.join(OPTIMISERS)}, or an Optax transformation", OPTIMISERS)


def learning_rates(default: float) -> Any:
    """Whatever :func:`flambeau.optimizer` takes as a rate: a number, a function of the step, a schedule's name."""
    expected = f"a positive number, a schedule ({', '.join(SCHEDULES)}, by name or object), or a function of the step"
    return made_by(default, lambda rate: optimiser("sgd", rate), expected, SCHEDULES)


def start_named(default: str) -> Any:
    """How weights start, by name."""
    return made_by(default, initialiser, f"one of {', '.join(INITIALISERS)}", INITIALISERS)


def class_weights() -> Any:
    """None, "balanced", or a weight of at least 0 for each label."""

    def fits(value: Any) -> bool:
        return isinstance(value, Mapping) and all(
            isinstance(one, int | float | np.number) and bool(0 <= one < np.inf) for one in value.values()
        )

    expected = "a weight of at least 0 for each label, in a dict"
    return declared(None, expected, fits, literal_or_text, (None, "balanced"))


def image_shapes(default: tuple[int, ...]) -> Any:
    """(height, width), (height, width, channels), or None for the data's own."""

    def fits(value: Any) -> bool:
        sides = tuple(value) if np.iterable(value) and not isinstance(value, str) else ()
        return len(sides) in (2, 3) and all(is_whole(side) and side >= 1 for side in sides)

    expected = "(height, width) or (height, width, channels), whole numbers of at least 1"
    return declared(default, expected, fits, literal_or_text, (None,))


def windows(default: Any, least: int = 1, *, also: Sequence[str] = ()) -> Any:
    """A whole number for both axes, or a pair; of padding also pairs of pairs, before and after, and names."""

    def fits(value: Any) -> bool:
        if is_whole(value):
            return bool(value >= least)
        pair = isinstance(value, tuple | list) and len(value) == 2
        return pair and all(fits(part) for part in value)

    expected = f"a whole number of at least {least}, or a pair, (height, width)"
    return declared(default, expected, fits, literal_or_text, also)


def distortions() -> Any:
    """None, or how images are distorted at every step."""
    expected = "a Distortion, for instance fb.problems.Distortion(shift=1.0)"
    return declared(None, expected, lambda value: isinstance(value, Distortion), literal_or_text, (None,))
