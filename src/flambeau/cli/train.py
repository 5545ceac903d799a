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

from flambeau.cli.evaluate import measured, yardstick_of
from flambeau.cli.group import Interrupted, say
from flambeau.cli.models import ModelName, TrainingHelp, built
from flambeau.cli.outputs import OutputFile, put, warm_start_compiler
from flambeau.cli.sources import Columns, Material, column_options, format_options, to_learn
from flambeau.errors import ConfigurationError, DivergenceError
from flambeau.training.stagewise import stage_files


class Places(NamedTuple):
    """Where the model and the checkpoint go, whether the checkpoint stays, and whether to go on from it."""

    out: Path | None
    checkpoint: Path | None
    stays: bool
    resume: bool


@click.command("train", cls=TrainingHelp)
@click.argument("model", type=ModelName())
@click.argument("data")
@column_options
@format_options
@click.option("--test", metavar="FILE", help="a table to judge the model by; DATA is then learned from as a whole")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="a parameter of the model; repeatable")
@click.option("--out", type=OutputFile(), help="save the model (FILE.flambeau)")
@click.option(
    "--checkpoint", type=OutputFile(), help="renewed while training goes on (default: beside --out, until the end)"
)
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
    estimator = built(model, settings)
    places = places_for(estimator, out, checkpoint, resume=resume)
    material = to_learn(estimator, data, Columns(**columns), test)
    warm_start_compiler()
    with termination_as_interrupt():
        fit(estimator, material, places)
    saved = {} if out is None else {"saved": saved_model(estimator, out)}  # first of all
    report = judgement(estimator, material) | saved
    figures = ((name, report[name]) for name in ("training", "held_out", "test") if name in report)
    line = f"{report['figure']}: " + "   ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in figures)
    line += f"\nsaved to {report['saved']}" if "saved" in report else ""
    click.echo(json.dumps(report, ensure_ascii=False) if as_json else line)
    conclude(estimator, places)


def places_for(estimator: Any, out: Path | None, checkpoint: Path | None, *, resume: bool) -> Places:
    """Where things go; beside the model's file, a checkpoint is kept until the end."""
    steps = "checkpoint" in inspect.signature(estimator.fit).parameters
    if checkpoint is not None and not steps:
        name = type(estimator).__name__
        raise ConfigurationError("--checkpoint", "a model that trains step by step", name, "leave --checkpoint away")
    if checkpoint is not None and checkpoint.exists() and not resume:
        got, remedy = f"{checkpoint}, which is there", "say --resume, or remove the file"
        raise ConfigurationError("--checkpoint", "a new file", got, remedy)
    place = checkpoint or (out.with_name(f"{out.name}.checkpoint") if out is not None and steps else None)
    if resume and (place is None or not place.exists()):
        got = "none" if place is None else f"no file {place}"
        raise ConfigurationError("--resume", "a checkpoint to go on from", got, "give --checkpoint FILE")
    return Places(out, place, checkpoint is not None, resume)


def fit(estimator: Any, material: Material, places: Places) -> None:
    """Learn, and remember the names of the table; a run that diverges leaves the model as it last was."""
    rows = material.learn[:2] if material.learn.y is not None else material.learn[:1]
    how = {} if places.checkpoint is None else {"checkpoint": str(places.checkpoint)}
    try:
        estimator.fit(*rows, **how | ({"resume": str(places.checkpoint)} if places.resume else {}))
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
    yardstick, rows = yardstick_of(estimator), len(material.learn.X)
    report: dict[str, Any] = {"model": type(estimator).__name__, "rows": rows, "figure": yardstick.name}
    for part in (material.learn, material.ask):
        if part is not None:
            report[part.words.partition(" (")[0].replace(" ", "_")] = measured(yardstick, part.X, part.y)
    return report


def saved_model(estimator: Any, path: Path) -> str:
    """Write the model's file, and say where it is."""
    import flambeau as fb

    return str(put(path, lambda place: fb.save(estimator, place)))


def conclude(estimator: Any, places: Places) -> None:
    """After Ctrl-C say how to go on; after the end, a checkpoint that nobody asked for goes."""
    runs = vars(estimator).get("runs_") or [vars(estimator)[name] for name in ("run_",) if name in vars(estimator)]
    run = next((run for run in runs if run.interrupted), None)
    if run is None:
        if places.checkpoint is not None and not places.stays:
            for file in stage_files(places.checkpoint):
                file.unlink(missing_ok=True)
        return
    done = sum(each.rounds for each in runs)
    kept = "" if places.out is None else f", the model is in {places.out}"
    if places.checkpoint is None or not places.checkpoint.exists():
        raise Interrupted(f"Interrupted after {done} epochs{kept or '; nothing is saved without --out'}.")
    how = f"go on with the same command and --checkpoint {places.checkpoint} --resume"
    raise Interrupted(f"Interrupted after {done} epochs{kept}; {how}")


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
