"""MODEL and ``--set``: which models there are, and how text becomes their parameters."""

import difflib
import inspect
from collections.abc import Iterable
from typing import Any

import click

from flambeau.errors import ConfigurationError


def model_names() -> list[str]:
    """The public estimators, in alphabetical order: whatever is registered is here."""
    from sklearn.base import BaseEstimator

    from flambeau import estimators

    public = {name: vars(estimators)[name] for name in estimators.__all__}
    classes = {name: thing for name, thing in public.items() if inspect.isclass(thing)}
    return sorted((name for name, cls in classes.items() if issubclass(cls, BaseEstimator)), key=str.lower)


class ModelName(click.ParamType):
    """The name of an estimator, in capital or small letters."""

    name = "model"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """The name as it is written in Python."""
        names = {name.lower(): name for name in model_names()}
        if str(value).lower() not in names:
            expected = f"one of {', '.join(names.values())}"
            raise ConfigurationError("MODEL", expected, repr(value), hint(value, names.values()))
        return names[str(value).lower()]


class TrainingHelp(click.Command):
    """A command whose help ends in the names of the models (looked up only then: it takes a second)."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The names, after the options."""
        with formatter.section("Models"):
            formatter.write_text(", ".join(model_names()))


def hint(word: object, names: Iterable[str]) -> str:
    """The name that was meant, perhaps."""
    known = {name.lower(): name for name in names}
    close = difflib.get_close_matches(str(word).lower(), known, 1)
    return f"{known[close[0]]}, perhaps" if close else "choose one"


def built(name: str, settings: tuple[str, ...]) -> Any:
    """The estimator with its settings, each read and checked by its own declaration."""
    import flambeau as fb
    from flambeau.estimators.parameters import check_parameters

    cls = vars(fb.estimators)[name]
    known = inspect.signature(cls).parameters
    usual = {key: value for key, value in {"verbose": True, "random_state": 0}.items() if key in known}
    estimator = cls(**usual | dict(setting(cls, text) for text in settings))
    check_parameters(estimator)
    return estimator


def setting(cls: type, text: str) -> tuple[str, Any]:
    """``key=value`` as a parameter of the class."""
    from flambeau.estimators.parameters import flag, literal_or_text, parameters_of

    key, found, value = text.partition("=")
    key, known = key.strip(), inspect.signature(cls).parameters
    if not found:
        raise ConfigurationError("--set", "KEY=VALUE", repr(text), "for instance --set epochs=20")
    if key not in known:
        expected = f"a parameter of {cls.__name__}: {', '.join(known)}"
        raise ConfigurationError("--set", expected, repr(key), hint(key, known))
    where, declared = f"{cls.__name__}.{key}", parameters_of(cls)
    if key in declared:
        return key, declared[key].parse(where, value)
    if isinstance(known[key].default, bool):
        return key, flag(False).metadata["parameter"].parse(where, value)
    return key, literal_or_text(value.strip().replace("(", "[").replace(",)", ")").replace(")", "]"))


def is_memory(model: Any) -> bool:
    """Whether a model stores patterns and recalls them."""
    from flambeau.estimators import ContinuousHopfield, DenseHopfield, Hopfield

    return isinstance(model, Hopfield | DenseHopfield | ContinuousHopfield)


def load_estimator(file: Any) -> Any:
    """The estimator in a model file; anything else that such a file may hold is refused."""
    from sklearn.base import BaseEstimator

    import flambeau as fb

    model = fb.load(file)
    if not isinstance(model, BaseEstimator):
        raise ConfigurationError(str(file), "a trained model", type(model).__name__, "give what `flambeau train` saved")
    return model
