"""Parameters that declare themselves: kind, range and default, said once beside the name.

An estimator's parameters are the fields of a dataclass, each made by one of the functions below. From the same
declaration come the constructor, the check before anything is learned, the reading of ``--set name=value`` on the
command line, and the reference page.

>>> @parameters
... class Example:
...     units: int = whole(100, least=1)
...     _: dataclasses.KW_ONLY
...     rate: float = number(0.1, above=0)
>>> Example(3).rate
0.1
>>> check_parameters(Example(0))
Traceback (most recent call last):
    ...
flambeau.errors.ConfigurationError: Example.units: expected a whole number of at least 1, got 0. \
Remedy: for instance units=100.
"""

import dataclasses
import json
import numbers
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, dataclass_transform

import numpy as np

from flambeau.errors import ConfigurationError, FlambeauError

Class = TypeVar("Class", bound=type)
Test = Callable[[Any], bool]


@dataclasses.dataclass(frozen=True)
class Parameter:
    """What one parameter may be: ``expected`` in words, the test ``fits``, what it is when nothing is said.

    ``read`` turns the text of a command line into a value that is then tested like any other; ``choices`` lists the
    names it may be, for help texts.
    """

    expected: str
    fits: Test
    default: Any
    read: Callable[[str], Any]
    choices: tuple[str, ...] = ()

    def check(self, where: str, value: Any) -> None:
        """Refuse a value that does not fit; ``where`` is ``Class.name``."""
        if not self.fits(value):
            name = where.rpartition(".")[2]
            raise ConfigurationError(where, self.expected, repr(value), f"for instance {name}={self.default!r}")

    def parse(self, where: str, text: str) -> Any:
        """The value that a command line's ``text`` means, tested.

        >>> flag(False).metadata["parameter"].parse("RBM.verbose", "false")
        False
        """
        value = self.read(text)
        self.check(where, value)
        return value


@dataclass_transform(kw_only_default=False, field_specifiers=(dataclasses.field,))
def parameters(cls: Class) -> Class:
    """Make the annotated fields of a class its constructor's arguments; identity and repr stay those of its base."""
    dataclasses.dataclass(eq=False, repr=False)(cls)  # adds to the class and returns the same
    typing.no_type_check(vars(cls)["__init__"])  # a constructor only stores: judged later
    cls.__no_type_check__ = True  # type: ignore[attr-defined]
    return cls


def parameters_of(cls: type) -> dict[str, Parameter]:
    """Name -> declaration, in the constructor's order."""
    found = dataclasses.fields(cls) if dataclasses.is_dataclass(cls) else ()
    ordered = sorted(found, key=lambda field: field.kw_only is True)
    return {field.name: field.metadata["parameter"] for field in ordered if "parameter" in field.metadata}


def check_parameters(estimator: Any) -> None:
    """Hold every parameter of an estimator against its declaration."""
    cls = type(estimator)
    for name, declared in parameters_of(cls).items():
        declared.check(f"{cls.__name__}.{name}", getattr(estimator, name))


def declared(
    default: Any,
    expected: str,
    fits: Test,
    read: Callable[[str], Any],
    also: Iterable[Any],
    choices: Iterable[str] = (),
) -> Any:
    """A dataclass field that carries its declaration; values in ``also`` fit besides."""
    others = tuple(also)
    text = ", or ".join([expected, *(repr(other) for other in others)])

    def any_of(value: Any) -> bool:
        return any(value is other or (isinstance(value, str) and value == other) for other in others) or fits(value)

    def read_any(given: str) -> Any:
        words = {str(other).lower(): other for other in others}
        word = given.strip().lower()
        return words[word] if word in words else read(given)

    made = Parameter(text, any_of, default, read_any, (*choices, *(o for o in others if isinstance(o, str))))
    return dataclasses.field(default=default, metadata={"parameter": made})


def whole(default: Any, least: int = 0, most: int | None = None, *, also: Iterable[Any] = ()) -> Any:
    """A whole number from ``least`` to ``most``."""
    expected = f"a whole number of at least {least}" + ("" if most is None else f" and at most {most}")

    def fits(value: Any) -> bool:
        return is_whole(value) and least <= value and (most is None or value <= most)

    return declared(default, expected, fits, literal, also)


def number(
    default: Any,
    least: float = -np.inf,
    most: float = np.inf,
    *,
    above: float | None = None,
    below: float | None = None,
    also: Iterable[Any] = (),
) -> Any:
    """A finite number from ``least`` to ``most``, ``above`` and ``below`` excluding the limit itself."""
    limits = [f"of at least {least:g}"] * bool(np.isfinite(least)) + [f"of at most {most:g}"] * bool(np.isfinite(most))
    limits += [] if above is None else [f"above {above:g}"]
    limits += [] if below is None else [f"below {below:g}"]
    expected = " ".join(["a finite number", " and ".join(limits)]).strip()

    def fits(value: Any) -> bool:
        if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
            return False
        size = float(value)
        inside = np.isfinite(size) and least <= size <= most
        return bool(inside and (above is None or size > above) and (below is None or size < below))

    return declared(default, expected, fits, literal, also)


def flag(default: bool) -> Any:
    """True or False; 0 and 1 are neither, and nor is any text."""
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}

    def read(text: str) -> Any:
        return words.get(text.strip().lower(), text)

    return declared(default, "True or False", lambda value: isinstance(value, bool | np.bool_), read, ())


def one_of(default: Any, names: Iterable[str] | Mapping[str, Any], *, also: Iterable[Any] = ()) -> Any:
    """One of some names."""
    listed = tuple(names)
    expected = f"one of {', '.join(map(repr, listed))}"
    return declared(default, expected, lambda v: isinstance(v, str) and v in listed, str.strip, also, listed)


def several(default: Any, least: int = 1, *, empty: bool = True) -> Any:
    """Whole numbers, one for each layer; a number alone means one layer."""
    expected = f"whole numbers of at least {least}" + ("" if empty else ", at least one of them")

    def fits(value: Any) -> bool:
        sizes = (value,) if is_whole(value) else value
        if isinstance(sizes, str) or not np.iterable(sizes):
            return False
        sizes = tuple(sizes)
        return all(is_whole(size) and size >= least for size in sizes) and bool(sizes or empty)

    def read(text: str) -> Any:
        found = literal(text if text.strip().startswith("[") else f"[{text.strip().strip('()').rstrip(',')}]")
        return tuple(found) if isinstance(found, list) else found

    return declared(default, expected, fits, read, ())


def seed(default: Any = None) -> Any:
    """``random_state``: None, a whole number below 2**32, or a generator of NumPy's."""
    expected = "a whole number from 0 to 2**32 - 1, or a NumPy generator"

    def fits(value: Any) -> bool:
        generator = isinstance(value, np.random.RandomState | np.random.Generator)
        return value is None or generator or (is_whole(value) and 0 <= value < 2**32)

    return declared(default, expected, fits, lambda text: literal(text), (None,))


def made_by(default: Any, maker: Callable[[Any], Any], expected: str, names: Iterable[str] = (), **options: Any) -> Any:
    """Whatever ``maker`` accepts: a name or an object; its own typed error is the refusal.

    The maker is asked with the value alone and its result is dropped, so it should be cheap.
    """

    def fits(value: Any) -> bool:
        try:
            maker(value)
        except FlambeauError:
            return False
        return True

    return declared(default, expected, fits, literal_or_text, options.get("also", ()), names)


def is_whole(value: Any) -> bool:
    """A whole number, and not a truth value."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool | np.bool_)


def literal(text: str) -> Any:
    """A number, list or None from JSON's notation; anything else stays text, which no number's test lets pass."""
    try:
        return json.loads("null" if text.strip() == "None" else text)
    except ValueError:
        return text


def literal_or_text(text: str) -> Any:
    """As :func:`literal`, lists as tuples."""
    found = literal(text)
    return tuple(found) if isinstance(found, list) else found
