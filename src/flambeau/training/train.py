"""The one training loop: many steps in one compiled call, Python only between chunks of rounds.

A *round* is one pass over the problem (an epoch of a data set). Python makes what each step is given (for a data set
row numbers: a permutation inside the compiled program costs seconds of compilation), sends a chunk of rounds to the
device, prepares the next one meanwhile, and looks at what came back. :func:`parts` yields a run after every chunk, to
be looked at, drawn, saved or abandoned; :func:`train` exhausts it, with a progress bar and checkpoints.
"""

import dataclasses
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import equinox as eqx
from jaxtyping import PyTree

from flambeau.errors import check_value
from flambeau.foundation.files import check_output
from flambeau.foundation.progress import progress_bar
from flambeau.problems.base import AbstractProblem
from flambeau.rules.base import AbstractRule
from flambeau.training.checkpoint import save_checkpoint
from flambeau.training.keeping import AbstractKeeper
from flambeau.training.monitoring import AbstractMonitor
from flambeau.training.run import Run
from flambeau.training.session import LAST, Count, Seconds, Session
from flambeau.training.stopping import AbstractStopping


def train(
    network: PyTree,
    rule: AbstractRule,
    problem: AbstractProblem,
    *,
    optimizer: Any = "sgd",
    steps: Count | None = None,
    epochs: Count | None = None,
    batch_size: Count = 32,
    keep: AbstractKeeper = LAST,
    stopping: AbstractStopping | None = None,
    monitors: Sequence[AbstractMonitor] = (),
    key: Any = 0,
    trainable: PyTree = eqx.is_inexact_array,
    verbose: bool = False,
    checkpoint: str | None = None,
    resume: Run | str | None = None,
    time_limit: Seconds | None = None,
) -> Run:
    """Train a network by a rule on a problem, and return the :class:`~flambeau.training.run.Run`.

    Arguments: ``optimizer``, a name, an :func:`~flambeau.training.optimizer.optimizer` or an Optax transformation;
    ``steps`` or ``epochs`` (rounds of the problem) in all, counted from the very beginning also when resuming;
    ``keep`` says which network the run leaves (:mod:`flambeau.training.keeping`); ``stopping`` may end it early;
    ``monitors`` watch; ``key``, a JAX key or an integer seed; ``trainable``, a filter (Equinox) of what is learned;
    ``verbose`` shows a progress bar; ``checkpoint``, a file renewed after every chunk; ``resume``, an earlier run or a
    checkpoint; ``time_limit`` in seconds, looked at after every chunk. Ctrl-C ends the run with a warning and keeps
    what is learned.

    >>> import jax
    >>> from flambeau.networks import mlp
    >>> from flambeau.problems import Examples, xor
    >>> from flambeau.rules import Backpropagation
    >>> network = mlp((2, 4, 1), "tanh", "sigmoid", key=jax.random.key(1))
    >>> run = train(network, Backpropagation(), Examples.of(*xor()), epochs=2000, batch_size=4, key=1)
    >>> bool(run.history["loss"][-1] < run.history["loss"][0])
    True

    Raises :class:`~flambeau.errors.ConfigurationError` for settings that cannot work, and
    :class:`~flambeau.errors.DivergenceError`, naming epoch, step and layer, when the loss leaves the finite numbers;
    its ``run`` is the run up to the last finite epoch.
    """
    if time_limit is not None:
        check_value("train.time_limit", time_limit, 0)
    if checkpoint is not None:
        check_output(checkpoint)
    session = Session(network, rule, problem, optimizer, steps, epochs, batch_size, keep, stopping, tuple(monitors),
                     key, trainable, resume)  # fmt: skip
    run = None
    with progress_bar(verbose, session.steps, session.ledger.steps) as show:
        try:
            for run in session.runs():
                show(run.steps, float(run.history["loss"][-1]) if run.rounds else float("nan"))
                if checkpoint and not _kept(checkpoint, run, session):
                    checkpoint = None
                if time_limit is not None and run.seconds >= time_limit and not session.over(run):
                    return dataclasses.replace(run, interrupted=True)
        except KeyboardInterrupt:
            if run is None:
                raise
            warnings.warn(_interrupted(run, session.steps), RuntimeWarning, stacklevel=2)
            run = dataclasses.replace(run, interrupted=True)
    return run  # type: ignore[return-value]  # there is always one


def _kept(checkpoint: str, run: Run, session: Session) -> bool:
    """Renew the checkpoint; a disk that has become full ends the checkpoints and not the training."""
    try:
        save_checkpoint(checkpoint, run, session.prints)
    except OSError as error:
        warnings.warn(f"no checkpoint from here on: {error}", RuntimeWarning, stacklevel=3)
        return False
    return True


def _interrupted(run: Run, steps: int) -> str:
    """What to say after Ctrl-C."""
    return (
        f"interrupted after {run.steps} of {steps} steps: what was learned so far is kept; "
        "go on with train(..., resume=run)"
    )


def parts(
    network: PyTree,
    rule: AbstractRule,
    problem: AbstractProblem,
    *,
    optimizer: Any = "sgd",
    steps: Count | None = None,
    epochs: Count | None = None,
    batch_size: Count = 32,
    keep: AbstractKeeper = LAST,
    stopping: AbstractStopping | None = None,
    monitors: Sequence[AbstractMonitor] = (),
    key: Any = 0,
    trainable: PyTree = eqx.is_inexact_array,
    resume: Run | str | None = None,
) -> Iterator[Run]:
    """Train as :func:`train` does, and yield the run so far after every chunk of rounds; the last one is the whole.

    Whoever has seen enough stops asking: nothing is computed ahead. Arguments and errors are those of :func:`train`.

    >>> import jax
    >>> from flambeau.networks import mlp
    >>> from flambeau.problems import Examples, xor
    >>> from flambeau.rules import Backpropagation
    >>> network = mlp((2, 4, 1), "tanh", "sigmoid", key=jax.random.key(1))
    >>> for run in parts(network, Backpropagation(), Examples.of(*xor()), epochs=5000, batch_size=4, key=1):
    ...     if run.history["loss"][-1] < 0.1:
    ...         break
    >>> run.rounds % 1024
    0

    *Limits.* A chunk is as many rounds as make 65,536 rows, padding counted, at most 1,024 (64 with monitors).
    """
    session = Session(network, rule, problem, optimizer, steps, epochs, batch_size, keep, stopping, tuple(monitors),
                     key, trainable, resume)  # fmt: skip
    return session.runs()
