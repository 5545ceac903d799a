"""``flambeau train``: an estimator on a data set or a table, to a safe file."""

import contextlib
import inspect
import json
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import click
import numpy as np

from flambeau.cli.group import Interrupted, say
from flambeau.cli.models import ModelName, TrainingHelp, built
from flambeau.cli.outputs import OutputFile, put, warm_start_compiler
from flambeau.cli.scores import measured, yardstick_of
from flambeau.cli.sources import Columns, Material, column_options, format_options, to_learn
from flambeau.errors import ConfigurationError, DivergenceError

__all__ = ["train_command"]


class Places(NamedTuple):
    """Where the model and the checkpoint go, and whether to go on from the checkpoint."""

    out: Path | None
    checkpoint: Path | None
    resume: bool


@click.command("train", cls=TrainingHelp)
@click.argument("model", type=ModelName())
@click.argument("data")
@column_options
@format_options
@click.option("--test", metavar="FILE", help="a table to judge the model by; DATA is then learned from as a whole")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="a parameter of the model; repeatable")
@click.option("--out", type=OutputFile(), help="save the model (FILE.flambeau)")
@click.option("--checkpoint", type=OutputFile(), help="a file that is renewed while training goes on")
@click.option("--resume", is_flag=True, help="go on from the checkpoint, with the same data and settings")
@click.option("--json", "as_json", is_flag=True, help="print the result as JSON")
def train_command(
    model: str,
    data: str,
    test: str | None,
    settings: tuple[str, ...],
    out: Path | None,
    checkpoint: Path | None,
    resume: bool,
    as_json: bool,
    **columns: Any,
) -> None:
    """Train MODEL on DATA, and judge it by rows that it did not learn from.

    DATA is the name of a data set (`flambeau data list`) or a table in a text file: one row a line, the last column is
    the target unless --target names another. A quarter of the rows, or the data set's own test part, is held out.

    Ctrl-C keeps what was learned: the model goes to --out, and a checkpoint says how to go on.

    \b
    flambeau train MLPClassifier digits --out digits.flambeau
    flambeau train MLPRegressor prices.csv --target price --drop id --categorical district
    flambeau train RBM digits --set n_components=64 --set epochs=5
    """
    estimator, places = built(model, settings), Places(out, checkpoint, resume)
    how = course_options(estimator, places)
    material = to_learn(estimator, data, Columns(**columns), test)
    warm_start_compiler()
    with termination_as_interrupt():
        fit(estimator, material, places, how)
    saved = {} if out is None else {"saved": saved_model(estimator, out)}  # first of all
    report = judgement(estimator, material) | saved
    click.echo(json.dumps(report, ensure_ascii=False) if as_json else report_line(report))
    conclude(estimator, places)


def course_options(estimator: Any, places: Places) -> dict[str, str]:
    """What ``fit`` is told about the checkpoint."""
    where, name = "--checkpoint", type(estimator).__name__
    file = places.checkpoint
    if places.resume and (file is None or not file.exists()):
        got = "none" if file is None else f"no file {file}"
        raise ConfigurationError("--resume", "a checkpoint to go on from", got, "give --checkpoint FILE")
    if file is None:
        return {}
    if "checkpoint" not in inspect.signature(estimator.fit).parameters:
        raise ConfigurationError(where, "a model that trains step by step", name, "leave --checkpoint away")
    if file.exists() and not places.resume:
        raise ConfigurationError(where, "a new file", f"{file}, which is there", "say --resume, or remove the file")
    return {"checkpoint": str(file)} | ({"resume": str(file)} if places.resume else {})


def fit(estimator: Any, material: Material, places: Places, how: dict[str, str]) -> None:
    """Learn, and remember the names of the table; a run that diverges leaves the model as it last was."""
    X, y, _ = material.learn
    try:
        if y is None:
            estimator.fit(X, **how)
        else:
            estimator.fit(X, y, **how)
    except DivergenceError as error:
        if error.model is not None and places.out is not None:
            remember_table(error.model, material)
            say(f"The model of epoch {error.run.rounds}, the last good one: {saved_model(error.model, places.out)}")
        raise
    remember_table(estimator, material)


def remember_table(estimator: Any, material: Material) -> None:
    """The names of the columns, for scikit-learn and for the next table."""
    if material.layout is not None:
        estimator.table_ = material.layout
        if material.layout.named:
            estimator.feature_names_in_ = np.asarray(material.layout.columns, dtype=object)


def judgement(estimator: Any, material: Material) -> dict[str, Any]:
    """What came of it, ready for JSON."""
    yardstick = yardstick_of(estimator)
    report: dict[str, Any] = {"model": type(estimator).__name__, "rows": len(material.learn.X)}
    report["figure"] = yardstick.name
    for part in (material.learn, material.ask):
        if part is not None:
            report[part.words.partition(" (")[0].replace(" ", "_")] = measured(yardstick, part.X, part.y)
    return report


def report_line(report: dict[str, Any]) -> str:
    """The report as a line, and where the model is."""
    names = [name for name in ("training", "held_out", "test") if name in report]
    figures = "   ".join(f"{name.replace('_', ' ')} {report[name]:.4f}" for name in names)
    line = f"{report['figure']}: {figures}"
    return line + (f"\nsaved to {report['saved']}" if "saved" in report else "")


def saved_model(estimator: Any, path: Path) -> str:
    """Write the model's file, and say where it is."""
    import flambeau as fb

    return str(put(path, lambda place: fb.save(estimator, place)))


def conclude(estimator: Any, places: Places) -> None:
    """After Ctrl-C: leave a checkpoint, and say how to go on."""
    from flambeau.training.checkpoint import save_checkpoint

    run = vars(estimator).get("run_")
    if run is None or not run.interrupted:
        return
    place = places.checkpoint
    if place is None:
        beside = Path(f"{type(estimator).__name__}.flambeau") if places.out is None else places.out
        place = put(beside.with_suffix(".checkpoint"), lambda path: save_checkpoint(path, run))
    kept = "" if places.out is None else f", the model is in {places.out}"
    how = f"go on with the same command and --checkpoint {place} --resume"
    raise Interrupted(f"Interrupted after {run.rounds} epochs{kept}; {how}")


@contextlib.contextmanager
def termination_as_interrupt() -> Iterator[None]:
    """A request to end (``kill``, a batch system's time limit) keeps what was learned, as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
