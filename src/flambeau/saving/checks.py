"""Whether what a file describes can be what it says: types by the annotations, sizes by each other.

A run's ``progress`` is left out: it is made of shapes without their arrays, and whoever goes on from it compares it
with a fresh one (:func:`flambeau.train`).
"""

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from typing import Any

import equinox as eqx
import jax
import jaxtyping
import numpy as np
from sklearn.base import is_classifier

from flambeau.estimators.parameters import check_parameters
from flambeau.foundation.precision import dtype
from flambeau.networks import FeedForward
from flambeau.saving.table import is_estimator, is_network, may_be_fitted
from flambeau.training import Progress, Run

FITTED: dict[str, Any] = {
    "classes_": np.ndarray,
    "n_features_in_": int,
    "feature_names_in_": np.ndarray,
    "network_": eqx.Module,
    "dbn_": eqx.Module,
    "run_": Run,
    "history_": dict,
    "patterns_": np.ndarray,
    "converged_": bool,
}
NEEDED = ("network_", "n_features_in_", "classes_")


def check_root(root: Any) -> None:
    """Refuse what is no estimator, network or run, or does not fit together; a ValueError says what."""
    if is_estimator(type(root)):
        check_estimator(root)
    elif not (is_network(type(root)) or isinstance(root, Run)):
        raise ValueError(f"{type(root).__name__} where an estimator, a network or a run should be")
    check_parts(vars(root), type(root).__name__)
    check_fields(root)


def check_estimator(model: Any) -> None:
    """Parameters by their declarations; fitted attributes there, of their types, and of one size with each other."""
    check_parameters(model)
    name, has = type(model).__name__, vars(model)
    fitted = {key: value for key, value in has.items() if key in may_be_fitted(type(model))}
    for key in NEEDED if fitted else ():
        if key in may_be_fitted(type(model)) and key not in fitted and (key != "classes_" or is_classifier(model)):
            raise ValueError(f"a fitted {name} without {key}")
    for key, kind in FITTED.items():
        if key in has and not isinstance(has[key], kind):
            raise ValueError(f"{name}.{key} cannot be {has[key]!r:.80}")
    _check_sizes(name, has)


def _check_sizes(name: str, has: Mapping[str, Any]) -> None:
    """Names as many as features, classes as many as answers, a network that takes such rows."""
    features = has.get("n_features_in_", 1)
    names, classes = has.get("feature_names_in_", np.empty(features)), has.get("classes_")
    if features < 1 or names.shape != (features,) or (classes is not None and (classes.ndim != 1 or not len(classes))):
        raise ValueError(f"{name} of {features} features with other feature_names_in_ or classes_")
    lengths = {np.shape(values)[:1] for values in has.get("history_", {}).values()}
    if len(lengths) > 1:
        raise ValueError(f"{name}.history_ with curves of different lengths")
    if "network_" in has and "n_features_in_" in has:
        check_answers(name, has)


def check_answers(name: str, has: Mapping[str, Any]) -> None:
    """The network takes rows of so many features (beside the classes, in a machine that has them) and answers."""
    network, classes = has["network_"], has.get("classes_", ())
    features = has["n_features_in_"]
    patterns = has.get("patterns_")
    if patterns is not None and patterns.shape[1:] != (features,):
        raise ValueError(f"{name} of {features} features with patterns of shape {patterns.shape}")
    if not callable(network):
        return
    shapes = [has.get("image_shape_", (features,)), (features + len(classes),)]
    answers = [answer for shape in shapes if (answer := shape_of_answer(network, shape)) is not None]
    if not answers:
        raise ValueError(f"{name}.network_ takes no rows of {features} features")
    if isinstance(network, FeedForward) and len(classes) and answers[0][-1:] not in ((len(classes),), (1,)):
        raise ValueError(f"{name} of {len(classes)} classes_ with outputs {answers[0]}")


def shape_of_answer(network: Any, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """The shape in which a network answers two rows of a shape, found without computing; None where it cannot."""
    try:
        return jax.eval_shape(network, jax.ShapeDtypeStruct((2, *shape), dtype())).shape
    except Exception:  # arrays that do not fit together fail in as many ways as there are operations
        return None


def check_parts(parts: Any, where: str) -> None:
    """Every module and named tuple inside, by its annotations."""
    if isinstance(parts, Progress):
        return
    if isinstance(parts, dict):
        for key, value in parts.items():
            check_parts(value, f"{where}.{key}"[:200])
    elif isinstance(parts, eqx.Module) or dataclasses.is_dataclass(parts):
        check_fields(parts)
        check_parts(vars(parts), where)
    elif isinstance(parts, tuple | list):
        for value in parts:
            check_parts(value, where)


def check_fields(thing: Any) -> None:
    """The fields of a module or a run are what their annotations say; then its own check, if it has one."""
    cls = type(thing)
    if is_estimator(cls):
        return
    for name, hint in hints_of(cls).items():  # type: ignore[arg-type]
        value = vars(thing).get(name)
        if not fits(value, hint):
            raise ValueError(f"{cls.__name__}.{name} cannot be {value!r:.80}")
    for base in cls.__mro__:
        if "__check_init__" in vars(base):
            vars(base)["__check_init__"](thing)


@functools.cache
def hints_of(cls: type) -> dict[str, Any]:
    """Field name -> annotation; none where one cannot be read while running."""
    try:
        hints = typing.get_type_hints(cls)
    except (NameError, TypeError):
        return {}
    return {field.name: hints[field.name] for field in dataclasses.fields(cls)}


def fits(value: Any, hint: Any) -> bool:
    """Whether a value is what an annotation says; what cannot be judged fits.

    >>> fits((1, 2), tuple[int, ...]), fits((1, "2"), tuple[int, ...]), fits(None, int | None), fits(True, float)
    (True, False, True, False)
    """
    origin, inner = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, part) for part in inner)
    if origin is typing.Literal:
        return value in inner
    if origin is tuple:
        kinds = inner[:1] * len(value) if inner[1:] == (Ellipsis,) and isinstance(value, tuple) else inner
        return isinstance(value, tuple) and len(value) == len(kinds) and all(map(fits, value, kinds))
    if origin in (dict, list):
        return isinstance(value, origin)
    if hint in (int, float):
        return isinstance(value, int if hint is int else int | float) and not isinstance(value, bool)
    if not isinstance(hint, type) or origin is not None:
        return True
    if issubclass(hint, jaxtyping.AbstractArray):
        arrays = [kind for kind in (jax.Array, np.ndarray) if isinstance(value, kind)]  # on the device, on the host
        return bool(arrays) and isinstance(value, hint.dtype[arrays[0], hint.dim_str])
    return hint in (Any, object) or hint.__module__.startswith("jaxtyping") or isinstance(value, hint)
