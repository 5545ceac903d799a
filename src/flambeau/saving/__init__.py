"""Models in files: numbers in safetensors, everything else in a manifest held against a closed table.

Nothing in a file is executed, imported or unpickled. ``table`` says what may stand in a file, ``encode`` and ``decode``
turn a model into JSON and arrays and back, ``checks`` judges what came out, ``migrations`` reads older formats;
:mod:`flambeau.foundation.container` holds the bytes, their limits and their checksum.
"""

import warnings
from pathlib import Path
from typing import Any

import jax
import numpy as np

from flambeau.errors import ConfigurationError, FileFormatError
from flambeau.foundation.container import REMEDY, Container, pack, read, unpack
from flambeau.foundation.files import check_output, write_atomic
from flambeau.foundation.precision import dtype
from flambeau.saving.checks import check_root
from flambeau.saving.decode import Decoder
from flambeau.saving.encode import Encoder
from flambeau.saving.migrations import FORMATS, NEWEST, migrated
from flambeau.saving.table import is_estimator, is_network
from flambeau.training import Run

__all__ = ["load", "save"]


def save(model: Any, path: str | Path, *, training: bool = True) -> None:
    """Save an estimator (fitted or not), a network or a run; by convention the name ends in ``.flambeau``.

    A loaded estimator answers with the same bits and goes on learning where it was. ``training=False`` keeps only what
    answers: a file of about the network's size, for a model that will not go on.

    >>> import flambeau as fb, tempfile, pathlib
    >>> model = fb.Perceptron().fit(*fb.problems.logic_gate("and"))
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "and.flambeau"
    >>> fb.save(model, file)
    >>> fb.load(file).predict([[1, 1], [0, 1]]).tolist()
    [1, 0]

    Raises :class:`~flambeau.errors.ConfigurationError` for a part that is code rather than numbers and names: an Optax
    transformation, a function as schedule, a class of your own; :class:`~flambeau.errors.OutputError` where nothing can
    be written. The file is read back before it takes its place, so what cannot be loaded is never written, and the
    write is atomic: a crash leaves the old file or the new one.
    """
    write_atomic(check_output(path), content_of(model, training=training))


def load(path: str | Path) -> Any:
    """Load what :func:`save` wrote, by this or an earlier release.

    A model that was learned in the other float type (``jax_enable_x64``) is converted, with a warning.

    Raises :class:`~flambeau.errors.FileFormatError` for anything else: another format, a class that is not in the
    table, fields that it does not have or that do not fit together, a truncated or oversized file, and
    :class:`~flambeau.errors.ChecksumError` for a file whose bytes have changed.
    """
    container = read(path, FORMATS)
    stored, wanted = container.manifest.get("precision"), np.dtype(dtype()).name
    model = decoded(migrated(container), wanted)
    if stored not in (None, wanted):
        text = f"{path}: learned in {stored}, converted to {wanted}, in which this process computes"
        warnings.warn(f"{text}; answers may differ in their last digits", UserWarning, stacklevel=2)
    return model


def content_of(model: Any, *, training: bool = True) -> bytes:
    """The bytes of a file, read back and compared."""
    cls = type(model)
    if not (is_estimator(cls) or is_network(cls) or cls is Run):
        remedy = "save one of Flambeau's own; other pytrees with equinox.tree_serialise_leaves"
        raise ConfigurationError("save, model", "an estimator, a network or a run", cls.__name__, remedy)
    content, precision = encoded(model, training=training)
    with jax.enable_x64(precision == "float64"):
        again = decoded(unpack("save", content, FORMATS), precision)
        same = content == encoded(again)[0]
    if not same:
        remedy = "please report it: this is a fault of Flambeau, and no file was written"
        raise ConfigurationError("save, model", "a file that gives the same model back", "another model", remedy)
    return content


def encoded(model: Any, *, training: bool = True) -> tuple[bytes, str]:
    """A model's bytes, and the float type that it computes in."""
    encoder = Encoder(training=training)
    entry = encoder.encode(model)
    manifest = {"precision": encoder.precision, "model": entry, "shapes": encoder.shapes}
    return pack("save, model", NEWEST, manifest, encoder.tensors), encoder.precision


def decoded(container: Container, wanted: str) -> Any:
    """The model of a container in the newest format."""
    try:
        manifest = container.manifest
        stored, shapes = manifest["precision"], manifest["shapes"]
        if stored not in ("float32", "float64") or not isinstance(shapes, list):
            raise ValueError(f"precision {stored!r:.40} and shapes {shapes!r:.40}")
        model = Decoder(container.tensors, shapes, stored, wanted).decode(manifest["model"])
        check_root(model)
    except Exception as error:  # whatever fails while a file is believed is the file's fault
        got = f"{type(error).__name__}: {error}"
        raise FileFormatError(container.where, "a model that fits together", f"{got:.400}", REMEDY) from None
    return model
